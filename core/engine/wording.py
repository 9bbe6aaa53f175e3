"""What faces ask about the roles' prompts: which there are, whose copy counts, how one reads in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from core.config import load_settings
from core.engine.scene import prompts_of
from core.errors import QdeckError
from core.machine.states import Autonomy, Role, State, actor_in
from core.machine.workflow import Workflow
from core.roles import TITLES, RoleContext, prompt_digest, system_prompt
from core.roles.phases import PLAYS
from core.roles.prompts import PROMPT_NAMES, copy_fault, own_copy, shipped_prompt


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a prompt is rendered from: no worktree, no model and no journal is needed for that."""

    workflow: Workflow
    state: State
    attempt: int
    role: Role
    prompt_folder: Path


def prompts(folder: Path | None = None) -> dict[str, Any]:
    """Return every prompt: the shipped text, the user's copy if there is one, and what is wrong with it."""
    where = folder or prompts_of(load_settings())
    return {"ok": True, "folder": str(where), "prompts": [_told(name, where) for name in PROMPT_NAMES]}


def _told(name: str, folder: Path) -> dict[str, Any]:
    own, fault = own_copy(name, folder), copy_fault(name, folder)
    try:
        text = own.read_bytes()[:200_000].decode("utf-8", "replace") if own else None
    except OSError:
        text = ""
    title = TITLES[Role(name)] if name in {role.value for role in Role} else "Protocol of all roles"
    return {"name": name, "title": title, "shipped": shipped_prompt(name), "own": text, "fault": fault}


def preview(state: str, facts: Mapping[str, Any], folder: Path | None = None) -> dict[str, Any]:
    """Return the system prompt that the role of `state` would get, for a workflow with these facts."""
    at = next((known for known in PLAYS if known.value == state), None)
    if at is None:
        known = ", ".join(known.value for known in PLAYS)
        raise QdeckError(f"No role works in {state!r}, so it has no prompt.", f"States are {known}.")
    workflow = Workflow(
        workflow_id=str(facts.get("workflow_id") or "0" * 32),
        build_id=str(facts.get("build_id") or "B-0001"),
        project_id="",
        title="",
        request="",
        state=at,
        autonomy=Autonomy(facts.get("autonomy") or Autonomy.GATED),
    )
    where = folder or prompts_of(load_settings())
    seen = _Seen(workflow, at, int(facts.get("attempt") or 1), actor_in(at), where)
    # The tools' names hang on the state and the workflow alone; a role that works has the rest as well.
    text = system_prompt(cast(RoleContext, seen))
    fault = copy_fault(seen.role.value, where)
    return {"ok": True, "role": seen.role.value, "text": text, "digest": prompt_digest(text), "fault": fault}
