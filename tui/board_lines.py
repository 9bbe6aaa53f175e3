"""The rows of the board as lines. Pure: a row, a width and the time in, spans out."""

from __future__ import annotations

from core.board import BoardRow
from core.machine.states import PHASES, Condition, State
from core.text import clean
from tui import words
from tui.board_model import BoardModel, Group, Sort
from tui.ink import Line, Span, cut_line, fit, said, spread, width_of, wrap
from tui.track import state_ink, track

_GROUP_INK = {
    Group.NEEDS_YOU: "need bold",
    Group.RUNNING: "run bold",
    Group.WAITING: "muted bold",
    Group.DONE: "ok bold",
}
ROOMY = 72
"""Cells of a row from which on tests and cost have columns of their own."""
TESTS = 13
"""Cells of the tests' counts."""


def where(row: BoardRow) -> tuple[State, Condition]:
    """State and condition of a row."""
    return State(row.state), Condition(row.condition)


def first_line(row: BoardRow, width: int, age: str, *, project: bool = False) -> Line:
    """Name, project, track, phase and age. In a narrow row the project and the phase give way to the name."""
    state, condition = where(row)
    narrow = width < ROOMY
    word = state_word_of(state, condition)
    word = words.SHORT_PHASES.get(state, word) if narrow and condition is not Condition.CANCELLED else word
    right = (
        *track(state, condition, row.evidence),
        Span(" " if narrow else "  "),
        Span(fit(word, 10 if narrow else 14), state_ink(state, condition)),
        Span(fit(age, 4 if narrow else 6, "right"), "muted"),
    )
    left = _with_project(row, width - width_of(right) - 2) if project else name_of(row)
    return spread(left, right, width)


def second_line(row: BoardRow, width: int, now: float) -> Line:
    """What happens now, the deadline, tests and cost. In a narrow row the tests give way to it."""
    left = (Span(" " * 8), *now_line(row))
    cost = words.spent(row.cost_usd, row.budget_usd)
    right = (
        *due_of(row, now),
        Span(fit(tests_of(row), TESTS), "muted"),
        Span(fit(cost, 20, "right"), "muted"),
    )
    if width < ROOMY and width_of(left) + 2 + width_of(right) > width:
        right = (*due_of(row, now), Span(cost, "muted"))
    return spread(left, right, width)


def wide_line(row: BoardRow, width: int, age: str, now: float, *, project: bool = False) -> Line:
    """Everything in one line."""
    state, condition = where(row)
    right = (
        *track(state, condition, row.evidence),
        Span("  "),
        Span(fit(state_word_of(state, condition), 15), state_ink(state, condition)),
        Span(fit(tests_of(row), TESTS), "muted"),
        Span(fit(words.spent(row.cost_usd, row.budget_usd), 16, "right"), "muted"),
        Span(fit(age, 6, "right"), "muted"),
    )
    right = (*due_of(row, now), *right)
    room = width - width_of(right) - 2
    name = _with_project(row, room * 55 // 100) if project else name_of(row)
    name = cut_line(name, room * 55 // 100)
    gap = room * 55 // 100 + 2 - width_of(name)
    return spread((*name, Span(" " * max(2, gap)), *now_line(row)), right, width)


def heading_line(group: Group, model: BoardModel, width: int, *, columns: bool) -> Line:
    """Return the heading of a group; with `columns` also what a click orders the rows by, above those."""
    ink = _GROUP_INK[group]
    left: Line = (Span("  "), Span(f"{group.value.upper()} {model.count(group)}", ink), Span(" "))
    right: Line = ()
    if columns:
        left = (*left, Span("─ ", "rule"), *_column("name", Sort.NAME, model))
        if model.tells_project:
            left = (*left, *_column("project", Sort.PROJECT, model))
        gap = Span("─" * 30 + " ", "rule") if model.row_height == 1 else Span("")
        phase, cost = _column("phase", Sort.PHASE, model), _column("cost", Sort.COST, model)
        right = (Span(" "), *phase, gap, *cost, *_column("age", Sort.NEWEST, model)[:-1])
    rule = width - width_of(left) - width_of(right) - 1
    return (*left, Span("─" * max(0, rule), "rule"), *right)


def _column(label: str, sort: Sort, model: BoardModel) -> Line:
    """The name of a column, which can be clicked, and a blank; a glyph says that it gives the order."""
    mark = model.mark(sort)
    link = "screen.turn" if mark else f"screen.sort_by('{sort.name}')"
    end = Span(f" {mark}", "strong bold", link) if mark else Span(" ─", "rule")
    return (Span(label, "strong bold" if mark else "muted", link), end, Span(" "))


def name_of(row: BoardRow) -> Line:
    """The short name, of which build it is a fork, and the title."""
    parent = clean(row.fork_of, lines=False, limit=20)
    return (
        Span(fit(clean(row.build_id, lines=False), 8), "muted"),
        *((Span(f"{words.FORK} {parent}  ", "muted"),) if parent else ()),
        Span(clean(row.title, lines=False, limit=300), "strong bold"),
    )


def _with_project(row: BoardRow, room: int) -> Line:
    """The name, and behind it the project where there is room for all of it. What is done says it below."""
    name, byline = name_of(row), said(row.project, "muted", 30)
    done = row.state == State.COMPLETE or row.condition == Condition.CANCELLED
    fits = width_of(name) + 2 + width_of((byline,)) <= room
    return (*name, Span("  "), byline) if fits and not done else name


def state_word_of(state: State, condition: Condition) -> str:
    """Return the word beside the track: the phase, or what became of the workflow."""
    if condition is Condition.CANCELLED:
        return "cancelled"
    return words.state_word(state, short=True)


def now_line(row: BoardRow) -> Line:
    """Return what happens this second, or what the workflow waits for."""
    state, condition = where(row)
    activity = clean(row.activity, lines=False, limit=300)
    if state is State.COMPLETE:
        return (Span("complete", "ok"), *_after(row.project))
    match condition:
        case Condition.WAITING:
            return (Span(f"needs you: {words.waits_for(row.waiting_for)}", "need bold"),)
        case Condition.FAILED:
            return (Span("failed", "bad bold"), *_after(activity))
        case Condition.PAUSED:
            return (Span("paused", "muted bold"), *_after(activity))
        case Condition.CANCELLED:
            return (Span("cancelled", "muted"), *_after(row.project))
        case _:
            return (Span(words.actor_name(row.state), "role"), *_after(words.deed(activity, row.state)))


def due_of(row: BoardRow, now: float) -> Line:
    """What is left of the deadline that presses most, where there is one."""
    text, ink = words.due(row, now)
    return (Span(f"{text}  ", ink),) if text else ()


def tests_of(row: BoardRow) -> str:
    """The counts alone; what went wrong comes first and is all where not all fits. Stale ones are marked."""
    counts = clean(row.tests, lines=False).partition(";")[0]
    here = PHASES.index(State.TESTING)
    if counts and row.evidence[here : here + 1] == "~":
        counts = f"{words.STALE} {counts}"
    return counts if len(counts) < TESTS else counts.partition(",")[0]


def _after(text: str) -> Line:
    text = clean(text, lines=False, limit=300)
    return (Span(" · ", "faint"), Span(text, "text")) if text else ()


def attention_line(model: BoardModel, *, short: bool = False) -> Line:
    """Return the line on top: what needs the user, runs and failed; what is spent."""
    totals = model.totals()
    need = totals.need - totals.failed
    parts: list[Line] = []
    if need:
        text = f"{words.NEED} {need} {'you' if short else 'needs you' if need == 1 else 'need you'}"
        parts.append((Span(text, "need bold", "screen.next_need"),))
    if totals.running:
        parts.append((Span(f"{words.RUN} {totals.running}{'' if short else ' running'}", "run"),))
    if totals.failed:
        parts.append((Span(f"{words.BAD} {totals.failed} failed", "bad bold"),))
    if not parts:
        text = f"nothing is running, {totals.done} done" if totals.done else "nothing is running"
        parts.append((Span(text, "muted"),))
    if totals.cost_usd or totals.budget_usd:
        parts.append((Span(words.spent(totals.cost_usd, totals.budget_usd), "text"),))
    line: list[Span] = [Span("qdeck", "strong bold"), Span("   ")]
    for i, part in enumerate(parts):
        line += [Span(" · ", "faint")] * bool(i) + list(part)
    return tuple(line)


def closed_lines(trouble: str, width: int) -> list[Line]:
    """Return what a board says whose journal cannot be opened: why, in full, and which keys still help."""
    keys = (("f4    ", "what was written down about it"), ("ctrl+q", "leave"))
    return [
        (Span("There is no journal to look at.", "bad bold"),),
        (),
        *wrap((said(trouble, "text", 1200),), max(20, min(64, width - 8))),
        (),
        *((Span(key, "run bold"), Span(f"   {text}", "text")) for key, text in keys),
    ]
