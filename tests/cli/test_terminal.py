"""Questions that are asked at a real terminal, and what the answers do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.machine.commands import Authority, RecordEvidence
from core.machine.states import Autonomy, EvidenceKind
from core.machine.workflow import Evidence
from core.service import OrchestrationService
from tests.cli.calls import CommandLine, git

DIGEST = "d1" * 32


def record(used: CommandLine, workflow_id: str, kind: EvidenceKind, detail: Mapping[str, Any]) -> None:
    """Let the engine record a green piece of evidence."""

    async def work() -> None:
        service = await OrchestrationService.open(str(used.database))
        view = await service.get_workflow_status(workflow_id)
        evidence = Evidence(kind, True, DIGEST, {}, "2 criteria", detail)
        answer = await service.submit(
            RecordEvidence(
                command_id=uuid4().hex,
                workflow_id=workflow_id,
                expected_version=view.version,
                by=Authority.engine(),
                at=view.updated_at,
                evidence=evidence,
            )
        )
        await service.close()
        assert answer.ok, answer.text

    asyncio.run(work())


def ready_to_advance(used: CommandLine, repo: Path, autonomy: Autonomy = Autonomy.MANUAL) -> str:
    """A workflow, in manual, whose first gate is open but for a person's yes."""
    view = used.start(repo, autonomy)
    criteria = [{"number": 1, "text": "It works."}]
    record(used, view.workflow_id, EvidenceKind.REQUIREMENT, {"criteria": criteria})
    return view.build_id


def test_a_yes_at_the_terminal_moves_the_build_and_is_a_persons(used: CommandLine, repo: Path) -> None:
    """The question says which move it is; the yes is recorded with who gave it."""
    name = ready_to_advance(used, repo)

    terminal = used.at_terminal("advance", name, "--no-worker")
    asked = terminal.wait_for(r"\[y/N\]")
    terminal.type("y")
    terminal.end().ended(0)

    assert "T01" in asked and "planning" in asked
    view = used.inside("status", name, "--json").data
    moved = used.inside("history", name, "--limit", "1", "--json").data["events"][0]
    assert view["state"] == "planning"
    assert moved["triggered_by"].startswith("person:")


def test_without_a_terminal_only_the_autonomy_says_yes(used: CommandLine, repo: Path) -> None:
    """What a pipe says is no person's word: manual refuses it, auto approves by itself and is on record."""
    asks = ready_to_advance(used, repo)
    lets = ready_to_advance(used, repo, Autonomy.AUTO)

    refused = used("advance", asks, "--no-worker", "--json", given="y\n").ended(2).data
    used("advance", lets, "--no-worker", "--json").ended(0)

    moved = used.inside("history", lets, "--limit", "1", "--json").data["events"][0]
    assert refused["code"] == "not_yours" and "at a terminal" in refused["hint"]
    assert used.inside("status", asks, "--json").data["state"] == "discovery"
    assert used.inside("status", lets, "--json").data["state"] == "planning"
    assert moved["triggered_by"] == "policy:auto"


def test_anything_but_yes_at_the_terminal_moves_nothing(used: CommandLine, repo: Path) -> None:
    """Enter alone is a no."""
    name = ready_to_advance(used, repo)

    terminal = used.at_terminal("advance", name, "--no-worker")
    terminal.wait_for(r"\[y/N\]")
    terminal.type("")
    said = terminal.end().ended(2)

    assert "not approved" in said.out
    assert used.inside("status", name, "--json").data["state"] == "discovery"


def test_a_rollback_asks_once_more(used: CommandLine, repo: Path) -> None:
    """It restores files, so a no leaves everything as it is."""
    name = ready_to_advance(used, repo)
    terminal = used.at_terminal("advance", name, "--no-worker")
    terminal.wait_for(r"\[y/N\]")
    terminal.type("y")
    terminal.end().ended(0)
    back = ("rollback", name, "--to", "discovery", "--reason", "other idea", "--no-worker")

    refused = used.at_terminal(*back)
    refused.wait_for(r"files included\? \[y/N\]")
    refused.type("n")
    refused.end().ended(2)
    assert used.inside("status", name, "--json").data["state"] == "planning"

    agreed = used.at_terminal(*back)
    agreed.wait_for(r"\[y/N\]")
    agreed.type("y")
    undo = re.search(rf"To undo it: `qdeck fork {name} --at (\d+)`", agreed.end().ended(0).out)
    assert undo is not None, agreed.text
    assert used.inside("status", name, "--json").data["state"] == "discovery"
    forked = used.inside("fork", name, "--at", undo[1], "--no-worker", "--json").ended(0)
    assert forked.data["workflow"]["state"] == "planning", "the undo that was named is one"


def test_ctrl_c_at_a_question_ends_with_130_and_moves_nothing(used: CommandLine, repo: Path) -> None:
    """Whoever is unsure can leave."""
    name = ready_to_advance(used, repo)

    terminal = used.at_terminal("advance", name, "--no-worker")
    terminal.wait_for(r"\[y/N\]")
    terminal.interrupt()
    terminal.end().ended(130)

    assert used.inside("status", name, "--json").data["state"] == "discovery"


def test_a_damaged_journal_is_moved_away_only_after_a_yes(used: CommandLine, repo: Path) -> None:
    """No keeps it; without a terminal nobody is asked; yes moves it unchanged, and a new one can begin."""
    used.start(repo)
    whole = used.inside("aside", "--json").ended(2).data
    assert "Nothing is wrong" in whole["what"] and used.database.is_file()
    rubbish = used.database.read_bytes()[:4096] + b"\xff" * 9000
    used.database.with_name("qdeck.db-wal").unlink(missing_ok=True)
    used.database.write_bytes(rubbish)
    assert "qdeck aside" in used.inside("status", "--json").ended(1).data["hint"]
    assert "terminal" in used.inside("aside", "--json").ended(2).data["hint"]
    for answer in ("", "n"):
        terminal = used.at_terminal("aside")
        terminal.wait_for(r"\[y/N\]")
        terminal.type(answer)
        terminal.end().ended(2)
    assert used.database.read_bytes() == rubbish

    terminal = used.at_terminal("aside")
    terminal.wait_for(r"(?s)is damaged.*\[y/N\]")
    terminal.type("y")
    terminal.end().ended(0)

    (moved,) = used.database.parent.glob("qdeck.db.damaged-*Z")
    assert moved.read_bytes() == rubbish and not used.database.exists()
    assert moved.with_name(f"{moved.name}.heads").is_file()
    assert used.inside("status", "--json").ended(0).data == {"workflows": []}
    assert used.inside("verify", "--json").ended(0).data["whole"]


def test_a_grant_shows_what_it_is_bound_to_and_needs_a_person(used: CommandLine, repo: Path) -> None:
    """The very words of the committed command and their digest are asked about, at a terminal."""
    (repo / ".qdeck.toml").write_text('deploy_command = "sh ship.sh"\n')
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Ship it")
    used.start(repo)
    (project,) = used.inside("projects", "--json").data["projects"]
    asks = ("grant", project["project_id"], "--secret", "TOKEN", "--host", "ship.example.org")

    untrusted = used.inside(*asks).ended(64)
    assert "allow it first: trusted " in untrusted.err
    used.more["QDECK_TRUSTED"] = untrusted.err.rpartition("trusted ")[2].split(".")[0]
    refused = used.inside(*asks, "--json").ended(2)
    assert refused.data["code"] == "not_yours"
    terminal = used.at_terminal(*asks)
    asked = terminal.wait_for(r"\[y/N\]")
    terminal.type("y")
    terminal.end().ended(0)

    (grant,) = used.inside("grant", project["project_id"], "--json").data["grants"]
    assert "sh ship.sh" in asked and grant["digest"] in asked
    assert grant["argv"] == ["sh", "ship.sh"] and grant["by"].startswith("person:")
    assert (grant["secrets"], grant["hosts"]) == (["TOKEN"], ["ship.example.org:443"])
    seen = next(
        check for check in used.inside("doctor", "--json").data["checks"] if check["name"] == "grants"
    )
    assert any("deploy gets TOKEN, ship.example.org:443" in line for line in seen["covers"])
