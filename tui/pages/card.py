"""The card of one workflow: its title, its tabs and the page behind each, and what the text field says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.machine.states import Condition, State
from core.text import clean
from tui import words
from tui.ink import Line, Span, said
from tui.legal import Standing
from tui.picture import Picture

PANES = ("talk", "plan", "diff", "tests", "review", "handoffs", "cost", "events")
SIDE = PANES[1:]
_STANDING = ("version", "condition", "waiting_for", "reason", "evidence", "tests", "budget_usd")


def page_of(pane: str, picture: Picture, now: float) -> Callable[[int], Sequence[Line]]:
    """Return the builder of a pane's lines, imported when it is looked at."""
    match pane:
        case "plan":
            from tui.pages.plan import plan_page

            return lambda width: plan_page(picture, width)
        case "diff":
            from tui.pages.diff import diff_page

            return lambda width: diff_page(picture, width)
        case "tests" | "review":
            from tui.pages.evidence import review_page, tests_page

            page = tests_page if pane == "tests" else review_page
            return lambda width: page(picture, width, now)
        case "cost":
            from tui.pages.cost import cost_page

            return lambda width: cost_page(picture, width, now)
        case _:
            from tui.pages.story import events_page, handoffs_page

            story = events_page if pane == "events" else handoffs_page
            return lambda width: story(picture, width, now)


def title_line(picture: Picture, now: float, *, wide: bool) -> tuple[Line, Line]:
    """Return the two ends of the line on top."""
    view = picture.view
    end = view.completed_at.timestamp() if view.completed_at else now
    facts: tuple[str, ...] = (
        clean(view.project_name, lines=False, limit=40),
        view.autonomy.value,
        words.spent(view.cost_usd, view.budget_usd),
        words.duration(end - view.created_at.timestamp()),
    )
    # On a narrow screen the title is worth more than where it belongs.
    facts = facts if wide else facts[2:]
    if view.parent:
        parent = clean(view.parent_build_id, lines=False, limit=20)
        facts = (f"fork of {parent}{f' at event {view.parent_event}' if wide else ''}", *facts)
    left = (Span(view.build_id, "muted"), Span("  "), said(view.title, "strong bold"))
    return left, (Span(" · ".join(f for f in facts if f), "muted"),)


def tabs_line(shown: str, *, wide: bool, alone: bool = False, room: int = 120) -> Line:
    """Return the tabs; the one that is shown stands out, and on a wide screen the talk beside it.

    With `alone` it is the only one, where something else needs the room. Where not all names fit, the last
    ones are their numbers alone: those are the keys that open them.
    """
    spans: list[Span] = []
    named = list(PANES)
    for name in reversed(PANES):
        if sum(len(pane) + 1 for pane in named) + 3 * len(PANES) - 2 > room and name != shown:
            named.remove(name)
    for i, name in enumerate(PANES, start=1):
        if alone and name != shown:
            continue
        active = name == shown or (wide and name == "talk")
        spans += [Span("  ")] * bool(spans)
        link = f"screen.pane('{name}')"
        spans.append(Span(f"{i} " if name in named else str(i), "run bold" if active else "faint", link))
        if name in named:
            spans.append(Span(name, "strong bold underline" if name == shown else "muted", link))
    return tuple(spans)


def now_line(picture: Picture) -> Line:
    """Return what happens this second; nothing when nobody is at work."""
    view = picture.view
    if view.condition is not Condition.ACTIVE or view.state is State.COMPLETE:
        return ()
    text = clean(view.activity, lines=False, limit=200)
    return (Span(words.RUN, "run"), Span(f" {text or words.ROLE_NAMES[view.role] + ' is at work'}", "text"))


def composer_words(picture: Picture, standing: Standing, *, writing: bool = False) -> tuple[str, str]:
    """Return whom words go to, and what becomes of them; how to get there, unless the user is `writing`."""
    if standing.over:
        return f"{standing.build_id} is over", ""
    address = f"to the {words.ROLE_NAMES[picture.view.role]}"
    if standing.condition is not Condition.WAITING:
        return address, f"{'' if writing else 'press c and '}write: it is taken up at the next step"
    if standing.waiting_for == "answer":
        return address, f"{'' if writing else 'press c and '}write your answer: it goes on with it"
    return (
        address,
        "write about it before you decide" if writing else "press c to talk about it before you decide",
    )


def differs(old: Picture, new: Picture) -> bool:
    """Whether anything changed but the conversation, and what happens this second."""
    if any(getattr(old.view, name) != getattr(new.view, name) for name in _STANDING):
        return True
    # Each is read anew with the whole picture only, so that most of the time it is the same object.
    return any(
        (before := getattr(old, name)) is not (after := getattr(new, name)) and before != after
        for name in ("attempts", "receipts", "handoffs", "checkpoints", "events", "diff")
    )
