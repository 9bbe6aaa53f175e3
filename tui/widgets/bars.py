"""The two single lines of every screen: what matters on top, and the keys that work now at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.app import RenderResult
from textual.strip import Strip

from tui.ink import Line, Span, spread, width_of
from tui.widgets.inked import Inked


class Bar(Inked):
    """One line, with something at its left and something at its right end."""

    DEFAULT_CSS = """
    Bar { height: 1; width: 1fr; }
    """

    def __init__(self, left: Line = (), right: Line = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left, self._right = left, right

    def show(self, left: Line, right: Line = ()) -> None:
        """Draw these from now on."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def lines(self, width: int) -> Line:
        """Return the whole line, `width` cells."""
        return spread((Span("  "), *self._left), (*self._right, Span("  ")), width)

    def render(self) -> RenderResult:
        """Nothing: the line is given by `render_line`."""
        return ""

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        width = self.size.width
        return self.strip(self.lines(width), width) if y == 0 else Strip.blank(width)

    def repaint(self) -> None:
        """Draw again in the new colours."""
        self.refresh()


class Hint(NamedTuple):
    """A key and what it does now, dim where it cannot; `short` says it where there is little room."""

    key: str
    label: str
    action: str = ""
    dim: bool = False
    short: str = ""


HELP = (Hint("?", "help", "app.help"), Hint("ctrl+p", "all", "app.command_palette"))
"""At the right end where there is room for both; on a narrow line one, which works there: the way to all."""


class HintLine(Bar):
    """The keys that work here and now. Textual's Footer would leak with hints that change."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hints: tuple[Hint, ...] = ()
        self._writing = False

    def hint(self, hints: Sequence[Hint], *, writing: bool = False) -> None:
        """Show these keys, the most useful first; while somebody is `writing` letters are no keys.

        Of a narrow line first words go, then the last keys, dim ones before others.
        """
        if (tuple(hints), writing) != (self._hints, self._writing):
            self._hints, self._writing = tuple(hints), writing
            self.refresh()

    def lines(self, width: int) -> Line:
        """Return as many hints as fit, help at the right end. The way out goes last of all."""
        shown = list(self._hints)
        ends: Sequence[Hint] = HELP
        if not _fits(shown, ends, width):
            shown = [hint._replace(label=hint.short or hint.label) for hint in shown]
        if not _fits(shown, ends, width):
            ends = HELP[1:] if self._writing else HELP[:1]
        while shown and not _fits(shown, ends, width):
            shown.remove(_least(shown))
        return spread((Span("  "), *_drawn(shown)), (*_drawn(ends), Span("  ")), width)


def _fits(hints: Sequence[Hint], ends: Sequence[Hint], width: int) -> bool:
    return width_of(_drawn(hints)) + width_of(_drawn(ends)) + 6 <= width


def _least(hints: Sequence[Hint]) -> Hint:
    """The hint that a narrow line can do without best."""
    backwards = hints[::-1]
    dim = next((hint for hint in backwards if hint.dim), None)
    return dim or next((hint for hint in backwards if hint.key != "esc"), hints[-1])


_NAMES = {"esc": "escape", "pgdn": "pagedown", "/": "slash", ".": "full_stop", "?": "question_mark"}
_NAMES |= {"]": "right_square_bracket", "}": "right_curly_bracket", "→": "right"}
"""What Textual calls the keys that hints write otherwise."""


def _drawn(hints: Sequence[Hint]) -> Line:
    spans: list[Span] = []
    for hint in hints:
        if spans:
            spans.append(Span("  "))
        link = hint.action or f"app.simulate_key({_clicked(hint.key)!r})"
        spans.append(Span(hint.key, "faint" if hint.dim else "run bold", link))
        spans.append(Span(f" {hint.label}", "faint" if hint.dim else "muted", link))
    return tuple(spans)


def _clicked(shown: str) -> str:
    """Return the key that a click on a hint presses; of two that go back and on, the one that goes on."""
    first, _, second = shown.partition(" ")
    key = second if first in ("[", "{", "←") else first
    return _NAMES.get(key, key)
