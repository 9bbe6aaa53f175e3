"""Takes one clause away for a while, in this process only, to see that some liar needs it.

The seams are here and not in the product: nothing that ships can be told to leave a clause out. A clause of a
gate is taken away from what the gate found; a barrier (of sandbox, tools or machine) where it is made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import core.engine.proof as proof
import core.engine.release as release
import core.evidence.scans as scans
import core.machine.decide as decide
import core.machine.gates as gates
import core.machine.permission as permission
import core.roles.packets as packets
import core.roles.phases.discovery as discovery
import core.roles.phases.implementation as implementation
import core.roles.phases.planning as planning
import core.roles.phases.verification as verification
import core.roles.tools.changes as changes
import core.roles.tools.files as files
import core.sandbox.launch as launch
import core.sandbox.mounts as mounts
import core.sandbox.running as running
import core.workspace.paths as paths
from core.machine.commands import Authority, Command
from core.machine.states import EvidenceKind, State
from core.machine.workflow import Evidence, Workflow
from core.roles.context import RoleContext
from core.roles.phases import PLAYS
from core.roles.tools.base import Result, Tool
from core.roles.tools.changes import EDIT, WRITE
from core.roles.tools.commands import RUN
from core.roles.tools.results import submit
from core.sandbox.types import Contained, Run

GATES = ("requirement", "plan", "code", "tests", "review", "smoke")


class _AnyVerdict(packets.ReviewReport):
    """A result of a review whatever it says."""

    verdict: str  # type: ignore[assignment]


_TOLD_AT_ONCE = (
    ("requirement", "open questions"),
    ("plan", "criteria"),
    ("code", "differs from base"),
    ("review", "checklist"),
)
"""Clauses that a role is told of by its tool already, before there is any evidence."""


class NoSeam(ValueError):
    """Nobody knows how to take this clause away."""


@contextmanager
def without(clause: str) -> Iterator[None]:
    """Take `gate: clause` away."""
    gate, _, name = clause.partition(": ")
    with ExitStack() as stack:
        if gate in GATES:
            _open_gate(stack, gate, name)
        elif clause in _BARRIERS:
            _BARRIERS[clause](stack)
        else:
            raise NoSeam(f"there is no way to take {clause!r} away")
        yield


def known(clause: str) -> bool:
    """Say whether the clause can be taken away."""
    return clause.partition(": ")[0] in GATES or clause in _BARRIERS


# --- clauses of gates


def _open_gate(stack: ExitStack, gate: str, name: str) -> None:
    """Let evidence be judged as if the clause held; what the tools object to by themselves goes as well."""
    kept = proof.Evidence.from_data

    def from_data(data: dict[str, Any]) -> Evidence:
        return _as_if(kept(data), gate, name)

    for module in (proof, release):
        stack.enter_context(patch.object(module, "Evidence", _Reader(from_data)))
    for judge in ("review_evidence", "plan_evidence", "requirement_evidence"):
        judged = getattr(proof, judge)
        lenient = partial(_leniently, judged, gate, name)
        stack.enter_context(patch.object(proof, judge, lenient))
    if (gate, name) in _TOLD_AT_ONCE:
        for module in (discovery, planning, implementation, verification):
            fine = replace(module.SUBMIT, act=_handed_in)
            stack.enter_context(patch.object(module, "SUBMIT", fine))
        stack.enter_context(patch.object(packets, "Point", ()))
    if (gate, name) == ("review", "verdict"):
        words = (verification.SUBMIT.name, verification.SUBMIT.description, _AnyVerdict)
        stack.enter_context(patch.object(verification, "SUBMIT", submit(*words)))
        stack.enter_context(patch.dict(packets.PACKETS, {State.VERIFICATION: _AnyVerdict}))


def _leniently(judge: Callable[..., Evidence], gate: str, name: str, *rest: Any, **more: Any) -> Evidence:
    return _as_if(judge(*rest, **more), gate, name)


async def _handed_in(context: RoleContext, arguments: Any, key: str) -> Result:
    return Result("Handed in.")


class _Reader:
    """Stands in for the class `Evidence` where only `from_data` is asked of it."""

    def __init__(self, from_data: Callable[[dict[str, Any]], Evidence]) -> None:
        self.from_data = from_data


def _as_if(evidence: Evidence, gate: str, name: str) -> Evidence:
    if evidence.kind.value != gate or evidence.ok:
        return evidence
    if gate in ("requirement", "plan"):
        return replace(evidence, ok=True)  # what a role wrote is judged as a whole
    clauses = [dict(c, ok=c["ok"] or c["name"] == name) for c in evidence.detail.get("clauses", ())]
    if not clauses or not all(clause["ok"] for clause in clauses):
        return evidence
    return replace(evidence, ok=True, detail={**evidence.detail, "clauses": clauses, "failures": []})


# --- barriers


def _more_options(*words: str) -> Callable[[ExitStack], None]:
    def open_up(stack: ExitStack) -> None:
        plain = mounts.bubblewrap_options

        def options(command: Contained) -> list[str]:
            world = str(Path(os.environ["HOME"]).parent)
            return [*plain(command), *(word.replace("WORLD", world) for word in words)]

        stack.enter_context(patch.object(launch, "bubblewrap_options", options))

    return open_up


def _whole_environment(stack: ExitStack) -> None:
    plain = mounts.inner_environment
    stack.enter_context(
        patch.object(mounts, "inner_environment", lambda command: {**os.environ, **plain(command)})
    )


def _paths_as_they_are(stack: ExitStack) -> None:
    def inside(root: Path, relative: str) -> tuple[str, ...]:
        return tuple(part for part in relative.split("/") if part not in ("", "."))

    for module in (paths, files, changes):
        stack.enter_context(patch.object(module, "inside", inside))


def _links_followed(stack: ExitStack) -> None:
    for name in ("_FILE", "_DIRECTORY"):
        stack.enter_context(patch.object(paths, name, getattr(paths, name) & ~os.O_NOFOLLOW))


def _auditor_writes_anywhere(stack: ExitStack) -> None:
    stack.enter_context(patch.object(changes, "out_of_scope", lambda context, path: ""))


def _stale_counts(stack: ExitStack) -> None:
    def why_not_current(workflow: Workflow, kind: EvidenceKind) -> str:
        evidence = workflow.evidence.get(kind)
        return "" if evidence is not None and evidence.ok else "there is none yet"

    stack.enter_context(patch.object(gates, "why_not_current", why_not_current))


def _any_digest(stack: ExitStack) -> None:
    plain = decide._approve

    def approve(workflow: Workflow, command: Any) -> Any:
        wanted = gates.digest_to_approve(workflow, command.subject)
        return plain(workflow, replace(command, digest=wanted or command.digest))

    stack.enter_context(patch.object(decide, "_approve", approve))


def _anybody_approves(stack: ExitStack) -> None:
    stack.enter_context(patch.object(decide, "carries_approval", lambda workflow, by: True))


def _anybody_records(stack: ExitStack) -> None:
    plain = decide.decide_record

    def record(workflow: Workflow, command: Command) -> Any:
        return plain(workflow, replace(command, by=Authority.engine()))

    stack.enter_context(patch.object(decide, "decide_record", record))


def _anybody_moves(stack: ExitStack) -> None:
    stack.enter_context(patch.object(permission, "_why_not_yours", lambda workflow, transition, by: ""))


def _code_writers_tools(stack: ExitStack) -> None:
    plain = planning.PLAY

    def tools(context: RoleContext) -> tuple[Tool, ...]:
        return (*plain.tools(context), EDIT, WRITE, RUN)

    stack.enter_context(patch.dict(PLAYS, {State.PLANNING: replace(plain, tools=tools)}))


def _limit(name: str, times: int) -> Callable[[ExitStack], None]:
    """Let a limit be many times as high; what the liars take then is still little for a machine."""

    def raised(stack: ExitStack) -> None:
        plain = running._execute

        def execute(command: Contained, *rest: Any) -> Run:
            limits = replace(command.limits, **{name: getattr(command.limits, name) * times})
            return plain(replace(command, limits=limits), *rest)

        stack.enter_context(patch.object(running, "_execute", execute))

    return raised


def _without_scanner(*kinds: str) -> Callable[[ExitStack], None]:
    """Let the scanners of some kinds (as on their receipts) not be among those that are chosen."""

    def blind(stack: ExitStack) -> None:
        plain = scans.choose

        def choose(*rest: Any) -> Any:
            chosen = plain(*rest)
            chosen.scanners = [scanner for scanner in chosen.scanners if scanner.kind not in kinds]
            return chosen

        stack.enter_context(patch.object(scans, "choose", choose))

    return blind


def _silently(stack: ExitStack) -> None:
    stack.enter_context(patch.object(scans, "_silenced", lambda *rest: None))


def _names_believed(stack: ExitStack) -> None:
    stack.enter_context(patch.object(scans, "_read_all", lambda *rest: None))


_SHOW = ("--bind", "WORLD", "WORLD")
_BARRIERS: dict[str, Callable[[ExitStack], None]] = {
    "sandbox: network": _more_options("--share-net"),
    "sandbox: home": _more_options(*_SHOW),
    "sandbox: sockets": _more_options(*_SHOW),
    "sandbox: environment": _whole_environment,
    "sandbox: system": _more_options("--tmpfs", "/usr/share"),
    "limit: time": _limit("wall_seconds", 10),
    "limit: memory": _limit("memory_bytes", 2),
    "limit: processes": _limit("processes", 10),
    "limit: file": _limit("file_bytes", 4),
    "limit: output": _limit("output_bytes", 4),
    "scope: run": _code_writers_tools,
    "scope: path": _paths_as_they_are,
    "scope: link": _links_followed,
    "scope: test paths": _auditor_writes_anywhere,
    "scanner: ruff": _without_scanner("lint"),
    "scanner: bandit": _without_scanner("security"),
    "scanner: secrets": _without_scanner("secrets"),
    "scanner: types": _without_scanner("types"),
    "scanner: review command": _without_scanner("review"),
    "scanner: silenced": _silently,
    "scanner: names": _names_believed,
    "machine: current": _stale_counts,
    "machine: digest": _any_digest,
    "machine: approval": _anybody_approves,
    "machine: evidence": _anybody_records,
    "machine: actor": _anybody_moves,
}
"""How each barrier is taken away."""
