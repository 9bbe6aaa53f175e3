"""Views in words for a plain terminal: no colour, no cursor, a fact a line."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.machine.states import FINAL, PHASES, Condition, State, StateKind
from core.machine.states import STATES as STATE_INFO
from core.text import clean
from tui.words import (
    ROLE_NAMES,
    countdown,
    digest,
    due_of,
    duration,
    plural,
    spent,
    state_word,
    waits_for,
)

if TYPE_CHECKING:
    from core.board import BoardRow
    from core.service.views import (
        AskView,
        DeadlineView,
        DecisionView,
        EventView,
        EvidenceView,
        MoveView,
        SaidView,
        StatsView,
        WorkflowView,
    )

_NOTHING = 'No workflow yet. `qdeck demo` shows one; `qdeck run "REQUEST" --project PATH` starts yours.'


def one_line(text: str, limit: int = 100) -> str:
    """Return text from outside as one short line."""
    return clean(text, lines=False, limit=limit)


def workflow_text(view: WorkflowView) -> str:
    """Return all that is known of one workflow."""
    condition = "complete" if view.state is FINAL else view.condition.value
    lines = [
        f"{view.build_id}  {one_line(view.title, 72)}  ({one_line(view.project_name, 40)})",
        f"  state      {_where(view.state)}, attempt {view.attempt}: {condition}, {view.autonomy.value}",
    ]
    if view.condition is Condition.WAITING:
        lines.append(f"  waits      {waits_for(view.waiting_for)}")
    if view.reason:
        lines.append(f"  because    {one_line(view.reason, 400)}")
    if view.state is not FINAL and view.condition is Condition.ACTIVE:
        lines.append(
            f"  at work    {ROLE_NAMES[view.role]}{': ' if view.activity else ''}{one_line(view.activity)}"
        )
    lines += [f"  evidence   {_evidence(item)}" for item in view.evidence.values()]
    lines += [f"  said       {said_text(word)}" for word in view.said]
    lines += [f"  next       {one_line(text, 200)}" for text in view.next_expectations]
    took, cost = duration(view.elapsed.total_seconds()), spent(view.cost_usd, view.budget_usd)
    lines.append(f"  so far     {took}, {cost}, retries {view.retries_used} of {view.retry_budget}")
    if view.parent:
        lines.append(f"  forked     from {one_line(view.parent_build_id, 40)} at event {view.parent_event}")
    lines += [f"  due        {_due(item, view.state is FINAL)}" for item in view.deadlines]
    lines.append(f"  version    {view.version}  id {view.workflow_id}")
    return "\n".join(lines)


def _due(item: DeadlineView, complete: bool) -> str:
    """One deadline: whose, how long, and what is left of it."""
    whose = due_of(item.name) or "in all"
    span = duration(item.limit)
    if item.breached:
        return f"✗ {whose} {span}, missed, {duration(-item.left)} over"
    if complete:
        return f"✓ {whose} {span}, kept with {duration(item.left)} left"
    rest = "" if item.due_at else ", its clock stands still"
    return f"{whose} {span}, {duration(item.left)} left{rest}"


def _where(state: State) -> str:
    if STATE_INFO[state].kind is StateKind.HANDOFF:
        return f"handing over {state_word(state)}"
    if state is FINAL:
        return "complete"
    return f"{state.value} ({PHASES.index(state) + 1} of {len(PHASES)})"


def _evidence(item: EvidenceView) -> str:
    mark = "✓" if item.ok and item.current else "✗" if item.current else "○"
    lines = f"{mark} {item.kind.value:<12} {one_line(item.summary or item.why)}"
    if item.overridden:
        lines = f"! {item.kind.value:<12} RED, {one_line(item.overridden, 200)} ({one_line(item.summary)})"
    if item.approved_by:
        by = "policy (auto)" if item.approved_by == "auto" else item.approved_by.removeprefix("person:")
        lines += f", approved by {one_line(by, 40)}"
    return lines if item.current or not item.summary else f"{lines} ({one_line(item.why)})"


def said_text(word: SaidView) -> str:
    """Return what a person said to a finding or a gate, the overrides loud."""
    verb = "OVERRODE the gate of the " + word.evidence if word.verdict == "overridden" else word.verdict
    who = one_line(word.by.removeprefix("person:"), 40)
    return f"{who} {verb}: {one_line(word.what, 120)} ({one_line(word.reason, 200)})"


def ask_text(ask: AskView) -> str:
    """Return one question of a gate: its key, what it is about, what is wrong, what was said."""
    verb = "strike the hidden check" if ask.strikes else "let it stand"
    state = f"  [{one_line(ask.answer, 200)}]" if ask.answer else f"  ({verb}?)"
    return f"{ask.key}  {one_line(ask.name, 100)}: {one_line(ask.text, 300)}{state}"


def board_text(rows: Iterable[BoardRow]) -> str:
    """Return the board, a line for each workflow."""
    lines = []
    for row in rows:
        now = waits_for(row.waiting_for) if row.condition == Condition.WAITING else row.condition
        now = "complete" if row.state == FINAL else now
        what = f"{row.build_id:<8} {row.state:<20} {one_line(now, 40):<28}"
        due = _row_due(row)
        fork = f"  fork of {one_line(row.fork_of, 20)}" if row.fork_of else ""
        lines.append(f"{what} {one_line(row.title, 60)}  ({one_line(row.project, 30)}){fork}{due}")
    return "\n".join(lines) or _NOTHING


def _row_due(row: BoardRow) -> str:
    told = countdown(time.time(), row.due_at, row.due_left)
    whose = due_of(row.due_for)
    return f"  [{whose}{': ' if whose else ''}{told}]" if told else ""


def events_text(events: Iterable[EventView]) -> str:
    """Return the history, a line for each event."""
    lines = (f"{e.seq:>4}  {e.at:%Y-%m-%d %H:%M:%S}  {one_line(e.text, 300)}" for e in events)
    return "\n".join(lines) or "Nothing happened since."


def stats_text(stats: StatsView) -> str:
    """Return the figures."""
    rate = "-" if stats.success_rate is None else f"{stats.success_rate:.0%}"
    average = "-" if stats.average_seconds is None else duration(stats.average_seconds)
    tokens = stats.prompt_tokens + stats.completion_tokens
    lines = [
        f"workflows    {stats.workflows}, {stats.completed} complete ({rate}), {average} on average",
        f"back moves   {stats.retries} retries, {stats.refusals} refusals, {stats.rollbacks} rollbacks",
        f"models       {plural(stats.model_calls, 'call')}, {tokens:,} tokens, {spent(stats.cost_usd, None)}",
    ]
    lines += [f"  {one_line(model, 60)}  {spent(cost, None)}" for model, cost in stats.cost_by_model.items()]
    each = "-" if stats.cost_per_accepted is None else spent(stats.cost_per_accepted, None)
    lines.append(f"accepted     {each} each, {stats.per_week or 0:.1f} a week, {stats.handoffs} handoffs")
    lines += [f"  back: {cause}  {count}" for cause, count in stats.back_by_cause.items()]
    for phase, times in stats.times.items():
        parts = (
            (times.working, "working"),
            (times.person, "waiting for a person"),
            (times.model, "for a model"),
        )
        worst = "  (the worst)" if phase is stats.worst_phase else ""
        told = ", ".join(f"{duration(seconds)} {what}" for seconds, what in parts)
        lines.append(f"  {phase.value:<15} {told}{worst}")
    if stats.deadlines_met is not None:
        each = ", ".join(f"{name} {m.met} of {m.met + m.missed}" for name, m in stats.deadlines.items())
        lines.append(f"deadlines    {stats.deadlines_met:.0%} met: {each}")
    lines += _side_lines(stats)
    by_state = ", ".join(f"{state} {count}" for state, count in stats.by_state.items() if count)
    return "\n".join([*lines, f"now in       {by_state or '-'}"])


def _side_lines(stats: StatsView) -> list[str]:
    """The roles that have worked and, where there are several, the projects: a line each, to be compared."""
    rows = [
        (ROLE_NAMES[role], view.success_rate, view.ended, view.sent_back, view.times, view.cost_usd)
        for role, view in stats.by_role.items()
        if view.attempts
    ]
    if len(stats.by_project) > 1:
        for view in stats.by_project:
            ended = view.completed + view.failed + view.cancelled
            rows.append((view.name, view.success_rate, ended, view.sent_back, view.times, view.cost_usd))
    lines = []
    for name, rate, ended, sent_back, times, cost in rows:
        success = "nothing has ended" if rate is None else f"{rate:.0%} of {ended} succeeded"
        took = duration(times.working + times.person + times.model)
        back = f"{sum(sent_back.values())} sent back"
        lines.append(f"  {one_line(name, 22):<22}  {success}, {back}, {took}, {spent(cost, None)}")
    return lines


def decision_text(decision: DecisionView) -> str:
    """Return what a person is asked to decide: what changed, what ran, what it proves, what it costs."""
    lines = [f"{decision.build_id}: {one_line(decision.question, 1_000)}"]
    for criterion in decision.criteria:
        proof = f"  [{one_line(criterion.proof, 60)}]" if criterion.proof else ""
        lines.append(f"  {criterion.number}. {one_line(criterion.text, 200)}{proof}")
    lines += [f"  {_evidence(item)}" for item in decision.evidence.values() if item.summary]
    for finding in decision.findings:
        place = f"{finding.get('path', '')}:{finding.get('line', '')}"
        lines.append(
            f"  finding {finding.get('rule', '')} {one_line(place)}: {one_line(str(finding.get('text', '')))}"
        )
    lines += [f"  ? {ask_text(ask)}" for ask in decision.asks]
    if diff := decision.diff:
        lines.append(f"  {plural(diff.files, 'file')} changed, +{diff.added} -{diff.removed}")
        lines += [f"    {one_line(path, 90)}" for path in diff.paths[:12]]
    lines.append(f"  so far {spent(decision.cost_usd, decision.budget_usd)}")
    if decision.digest:
        lines.append(f"  approving {decision.subject.partition(':')[2]} {digest(decision.digest, 12)}")
    return "\n".join(lines)


def move_text(move: MoveView) -> str:
    """Return a move as a question's beginning."""
    return f"{move.transition}: {move.kind.value} from {_where(move.source)} to {_where(move.target)}"
