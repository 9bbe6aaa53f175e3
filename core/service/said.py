"""What the gates ask persons, and what they have said, as views."""

from __future__ import annotations

from core.machine.asking import asks_of
from core.machine.workflow import Verdict, Workflow
from core.service.views import AskView, SaidView


def ask_views(workflow: Workflow) -> tuple[AskView, ...]:
    """Return what the gates ask a person now, answered or not."""
    return tuple(
        AskView(
            key=ask.key,
            evidence=ask.kind,
            name=ask.name,
            text=ask.text,
            standing=ask.standing,
            strikes=ask.strikes,
            open=ask.answer is None,
            answer=str(ask.answer or ""),
        )
        for ask in asks_of(workflow)
    )


def said_views(workflow: Workflow) -> tuple[SaidView, ...]:
    """Return every person's word on a finding or gate, overrides first: they stay on the card for good."""
    said = sorted(workflow.acceptances.values(), key=lambda a: a.verdict is not Verdict.OVERRIDDEN)
    return tuple(
        SaidView(
            key=a.key,
            verdict=a.verdict.value,
            by=a.by,
            reason=a.reason,
            what=a.what,
            evidence=str(a.covers.get("evidence", "")),
        )
        for a in said
    )
