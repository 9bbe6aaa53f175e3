"""A workflow's whole history, folded once, so that any moment of it can be shown without asking again.

`travel` answers for one moment; whoever scrubs through thousands of events takes this.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col

from core.journal.database import Database
from core.journal.ledger import MICROS
from core.journal.log import event_of, history
from core.journal.records import find_row
from core.journal.tables import ModelCall
from core.machine.apply import apply
from core.machine.deadlines import Clock, tick
from core.machine.events import Event, EventType
from core.machine.states import FINAL, Condition, EvidenceKind
from core.machine.workflow import Workflow
from core.service.reading import deadline_views, derived, view_of
from core.service.views import WorkflowView


@dataclass(frozen=True, slots=True)
class Past:
    """The workflow after each of its events. `latest` is its card as it was when this was read.

    `settled` holds when each model call was paid, in order, and `paid` what all up to there had cost.
    """

    latest: WorkflowView
    moments: Sequence[datetime]
    workflows: Sequence[Workflow]
    clocks: Sequence[Clock]
    budgets: Sequence[float | None]
    settled: Sequence[datetime]
    paid: Sequence[int]

    def at(self, seq: int) -> WorkflowView:
        """Return the card as it was right after event `seq`; the nearest one when there is no such event."""
        index = max(0, min(len(self.workflows) - 1, seq - 1))
        workflow, moment = self.workflows[index], self.moments[index]
        began = self.moments[0]
        done = moment if workflow.state is FINAL else None
        if done is not None and self.latest.completed_at is not None:
            done = self.latest.completed_at
        clock = self.clocks[index]
        deadlines, pressing = deadline_views(clock, moment), clock.pressing(moment)
        return replace(
            self.latest,
            **derived(workflow),
            deadlines=deadlines,
            due_at=pressing.due_at if pressing else None,
            due_left=pressing.left if pressing and pressing.due_at is None else None,
            due_for=pressing.name if pressing else "",
            breached=any(d.breached for d in deadlines),
            cost_usd=self._cost(moment) / MICROS,
            budget_usd=self.budgets[index],
            updated_at=moment,
            completed_at=done,
            elapsed=max(timedelta(), (done or moment) - began),
            activity=activity_of(workflow),
            tests=tests_of(workflow),
        )

    def _cost(self, moment: datetime) -> int:
        count = bisect_right(self.settled, moment)
        return self.paid[count - 1] if count else 0


def past_of(database: Database, wanted: str) -> Past:
    """Read and fold the history of one workflow. Raises UnknownError."""
    with database.read() as session:
        row = find_row(session, wanted)
        latest = view_of(session, row, database.clock())
        events = [event_of(e) for e in history(session, row.workflow_id)]
        query = sa.select(col(ModelCall.settled_at), col(ModelCall.cost_micros)).where(
            col(ModelCall.workflow_id) == row.workflow_id,
            col(ModelCall.status) == "settled",
            col(ModelCall.settled_at).is_not(None),
        )
        calls = sorted((at, int(cost or 0)) for at, cost in session.execute(query))
    paid, total = [], 0
    for _, cost in calls:
        total += cost
        paid.append(total)
    workflows, clocks, budgets = _folded(events)
    moments, settled = [e.at for e in events], [at for at, _ in calls]
    return Past(latest, moments, workflows, clocks, budgets, settled, paid)


def _folded(events: Sequence[Event]) -> tuple[list[Workflow], list[Clock], list[float | None]]:
    workflow: Workflow | None = None
    clock: Clock | None = None
    clocks: list[Clock] = []
    workflows: list[Workflow] = []
    budgets: list[float | None] = []
    budget: float | None = None
    for event in events:
        workflow, clock = apply(workflow, event), tick(clock, event)
        data = event.data
        if event.event_type is EventType.STARTED:
            budget = _usd(workflow.settings.get("budget_usd"))
        elif event.event_type is EventType.NOTED and data.get("kind") == "budget":
            budget = _usd(data.get("budget_usd"))
        workflows.append(workflow)
        clocks.append(clock)
        budgets.append(budget)
    return workflows, clocks, budgets


def _usd(amount: object) -> float | None:
    """An amount as the row keeps it, to the micro-dollar."""
    return None if amount is None else round(float(str(amount)) * MICROS) / MICROS


def activity_of(workflow: Workflow) -> str:
    """Return why it rested, where it did; what a role did in a second of the past is not kept."""
    if workflow.condition not in (Condition.FAILED, Condition.PAUSED):
        return ""
    return " ".join(workflow.condition_reason.split())[:200]


def tests_of(workflow: Workflow) -> str:
    """Return what the newest run of the tests came to."""
    evidence = workflow.evidence.get(EvidenceKind.TESTS)
    return evidence.summary[:60] if evidence else ""
