"""A new workflow that begins where another one stood: what it takes over, and what it has to prove again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from core.machine.commands import Fork
from core.machine.gates import why_not_current
from core.machine.states import FINAL, Condition, EvidenceKind, State
from core.machine.workflow import AttemptPhase, Evidence, Workflow

TAKEN_OVER = "taken over from"
"""How the reason begins why evidence of a fork does not count yet: nobody has checked it again."""


def fork_data(fork: Fork, standing: Workflow) -> dict[str, Any]:
    """Return what the start event keeps of a fork. Folding it needs no other history than the fork's own."""
    return {
        "workflow_id": fork.parent.workflow_id,
        "build_id": fork.parent.build_id,
        "seq": fork.seq,
        "hash": fork.hash,
        "standing": standing.to_data(),
        "packets": dict(fork.packets),
        "checkpoints": [dict(row) for row in fork.checkpoints],
        "receipts": dict(fork.receipts),
    }


def standing_of(fork: Fork, begun: Workflow) -> Workflow:
    """Return how the fork `begun` stands at its start.

    It stands in the phase of the parent, with a new attempt. With another request it stands in discovery:
    the parent's requirement is not what is wanted now, and all the rest stands on that. Where the parent was
    complete it stands in deployment. Retries are counted anew; a release is never taken over.
    """
    parent = fork.parent
    other = begun.request.strip() != parent.request.strip()
    state = State.DISCOVERY if other else State.DEPLOYMENT if parent.state is FINAL else parent.state
    due = state is parent.state and parent.attempt_phase is AttemptPhase.DUE
    number = parent.attempts.get(state, 0) + (0 if due else 1)
    mark = parent.mark(parent.checkpoint)
    entered = {State.DISCOVERY: parent.checkpoint} if other else dict(parent.entered_at)
    return replace(
        parent,
        workflow_id=begun.workflow_id,
        build_id=begun.build_id,
        project_id=begun.project_id,
        title=begun.title,
        request=begun.request,
        state=state,
        condition=Condition.ACTIVE,
        autonomy=begun.autonomy,
        version=1,
        retry_budget=begun.retry_budget,
        retries_used=0,
        attempts={**parent.attempts, state: max(1, number)},
        attempt_phase=AttemptPhase.DUE,
        evidence=_inherited(parent, other=other),
        # Requirement and plan come back into it with their evidence, once that was checked again.
        current={"tree": mark.tree} if mark else {},
        release_approval="",
        release_approved_by="",
        waiting_for="",
        condition_reason="",
        entered_at=entered,
        restore=mark.number if mark else None,
        base_commit=begun.base_commit,
        parent=parent.workflow_id,
        parent_event=fork.seq,
        settings=begun.settings,
        machine_version=begun.machine_version,
        # A yes was given to a change that was asked for; with another request nobody has said anything yet.
        acceptances={} if other else parent.acceptances,
    )


def _inherited(parent: Workflow, *, other: bool) -> dict[EvidenceKind, Evidence]:
    """The parent's evidence, none of which counts before it was checked again.

    An approval goes with it and counts only together with it: it was given to that very digest, which the
    check proves to be the same. Smoke stays behind: it proves a release, which is an act and no content.
    """
    taken: dict[EvidenceKind, Evidence] = {}
    for kind, evidence in parent.evidence.items():
        why = why_not_current(parent, kind)
        if kind is EvidenceKind.SMOKE:
            continue
        if other:
            taken[kind] = replace(evidence, stale="the request is another one", approved_by="")
        elif why:
            taken[kind] = replace(evidence, stale=why.removeprefix("stale: "), approved_by="")
        else:
            reason = f"{TAKEN_OVER} {parent.build_id} and not checked again yet"
            taken[kind] = replace(evidence, stale=reason)
    return taken


def unchecked(workflow: Workflow) -> tuple[Evidence, ...]:
    """Return what a fork has taken over and nobody has checked again yet, in the order of the phases."""
    found = (workflow.evidence.get(kind) for kind in EvidenceKind)
    return tuple(e for e in found if e is not None and e.stale.startswith(TAKEN_OVER))
