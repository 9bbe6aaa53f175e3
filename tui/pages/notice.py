"""The lines over a workflow that say what it needs."""

from __future__ import annotations

from collections.abc import Callable

from core.machine.states import Condition, State
from tui import words
from tui.ink import Line, Span, cut_line, said, spread, wrap
from tui.picture import Picture

_LOOK, NO_KEY = Span("a  look at it", "run bold"), Span("")


def notice_of(
    picture: Picture, *, narrow: bool, dim: bool = False, past: bool = False
) -> Callable[[int], list[Line]] | None:
    """Return the lines that say what the workflow needs, and with which key, dim where no order is taken.

    None when it needs nothing. In the `past` no key does anything any more, so that none is named.
    """
    view = picture.view
    order = "faint" if dim else "run bold"
    if view.state is State.COMPLETE:
        landed = next((e.text for e in reversed(picture.events) if e.data.get("kind") == "landed"), "")
        what = f"{landed}; every piece of evidence counts" if landed else "every piece of evidence counts"
        return lambda width: [_notice(words.OK, "ok bold", "complete", what, width)]
    match view.condition:
        case Condition.WAITING:
            what = f"needs you: {words.waits_for(view.waiting_for)}"
            why = picture.decision.question if picture.decision else view.reason
            keys = Span("c  answer", order) if view.waiting_for == "answer" else _LOOK
            keys = NO_KEY if past else keys
            return lambda width: _notice_lines(words.NEED, "need bold", what, why, keys, width)
        case Condition.FAILED:
            what, why = f"failed in {words.state_word(view.state)}", view.reason
            keys = NO_KEY if past else Span("r  retry   p  try again", order)
            return lambda width: _notice_lines(words.BAD, "bad bold", what, why, keys, width)
        case Condition.PAUSED:
            keys = NO_KEY if past else Span("p  go on", order)
            return lambda width: _notice_lines(words.PAUSED, "muted bold", "paused", view.reason, keys, width)
        case Condition.CANCELLED:
            return lambda width: [_notice(words.CANCELLED, "muted bold", "cancelled", view.reason, width)]
    if narrow and view.activity:
        return lambda width: [_notice(words.RUN, "run", "", view.activity, width)]
    return None


def _notice(mark: str, ink: str, what: str, why: str, width: int) -> Line:
    text = said(why, "text", 300)
    return cut_line((Span(f"{mark} {what}", ink), Span("  " if why and what else ""), text), width)


def _notice_lines(mark: str, ink: str, what: str, why: str, keys: Span, width: int) -> list[Line]:
    first = spread((Span(f"{mark} {what}", ink),), (keys,), width)
    body = wrap((said(why, "text", 600),), width - 2) if why else []
    return [first, *((Span("  "), *line) for line in body[:3])]
