"""What a liar does beside its words: an edit behind the engine's back, an order at the service's door.

An act happens at the moment when the model is asked in a state for the first time. So it needs no clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.machine.commands import Approve, Authority, AuthorityKind, Command, Move, RecordEvidence, Subject
from core.machine.gates import digest_to_approve
from core.machine.states import Autonomy, EvidenceKind, Role, State
from core.machine.workflow import RESTS_ON, Evidence, Workflow
from tests.liars.world import World, git


async def do(world: World, workflow_id: str, act: Mapping[str, Any]) -> tuple[str, str]:
    """Carry one act out; return why an order was refused and the text of that, or two empty texts."""
    if act["do"] == "edit":
        await asyncio.to_thread(_edit, world, workflow_id, act)
        return "", ""
    if act["do"] == "commit":
        await asyncio.to_thread(_commit, world, workflow_id, act)
        return "", ""
    workflow = await asyncio.to_thread(world.journal.workflow, act.get("workflow", workflow_id))
    answer = await world.service.submit(_command(workflow, act))
    if answer.refusal is None:
        return "taken", f"an order was taken: {act['do']} by {act['by']}"
    return answer.refusal.reason.value, str(answer.refusal)


def _edit(world: World, workflow_id: str, act: Mapping[str, Any]) -> None:
    """Change a file of the worktree as any process of the same user may."""
    build_id = world.journal.workflow(workflow_id).build_id
    folder = next((world.home / "qdeck" / "cache" / "worktrees").glob(f"{build_id}-*"))
    file = folder / act["path"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(act["content"].removeprefix("\n"), "utf-8")


def _commit(world: World, workflow_id: str, act: Mapping[str, Any]) -> None:
    """Commit to the default branch in the user's own checkout, as another person does meanwhile."""
    project = world.journal.project(world.journal.workflow(workflow_id).project_id)
    folder = Path(project.path)
    for path, text in act["files"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text.removeprefix("\n"), "utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Meanwhile")


def _command(workflow: Workflow, act: Mapping[str, Any]) -> Command:
    frame: dict[str, Any] = {
        "command_id": uuid4().hex,
        "workflow_id": workflow.workflow_id,
        "expected_version": workflow.version,
        "by": _authority(act["by"]),
        "at": datetime.now(UTC),
    }
    if act["do"] == "approve":
        subject = Subject(act["subject"])
        digest = act.get("digest") or digest_to_approve(workflow, subject) or "0" * 64
        return Approve(subject=subject, digest=digest, **frame)
    if act["do"] == "move":
        return Move(target=State(act["target"]), reason="All is done.", **frame)
    if act["do"] == "evidence":
        kind = EvidenceKind(act["kind"])
        bound = {name: workflow.current.get(name, "") or "0" * 40 for name in RESTS_ON[kind]}
        forged = Evidence(kind, True, "f" * 64, bound, "all is well", {})
        return RecordEvidence(evidence=forged, **frame)
    raise ValueError(f"nobody knows how to {act['do']}")


def _authority(text: str) -> Authority:
    kind, _, name = text.partition(":")
    match AuthorityKind(kind):
        case AuthorityKind.ROLE:
            return Authority.role(Role(name))
        case AuthorityKind.POLICY:
            return Authority.policy(Autonomy(name))
        case other:
            return Authority(other, name)
