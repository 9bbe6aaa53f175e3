"""What was pasted into a text field and is too long to stand in it: a line above the field, a piece each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui import words
from tui.ink import Line, Span, cut_line, width_of
from tui.widgets.bars import Bar

MOST_LINES = 12
"""Lines that are still written into the field itself: it shows six of them."""
MOST_CHARACTERS = 2_000
"""Characters that are, on however few lines."""


def too_long(text: str) -> bool:
    """Say whether a text is better kept beside the field than in it."""
    return len(text) > MOST_CHARACTERS or text.count("\n") + text.count("\r") >= MOST_LINES


def described(text: str) -> str:
    """Return what a piece is, in words: `pasted 1.0 MB, 20,000 lines`."""
    lines = text.rstrip("\n").count("\n") + 1
    return f"pasted {words.bulk(text)}, {words.plural(lines, 'line')}"


class Attached(Bar):
    """The pieces, each with what it is; a click on one takes it away."""

    DEFAULT_CSS = """
    Attached { display: none; padding: 0 1; }
    Attached.-shown { display: block; }
    """

    def __init__(self, drop: Callable[[int], None]) -> None:
        super().__init__()
        self._drop = drop
        self._told: tuple[str, ...] = ()

    def tell(self, pieces: Sequence[str]) -> None:
        """Show these; none hides the line."""
        self._told = tuple(described(piece) for piece in pieces)
        self.set_class(bool(pieces), "-shown")
        self.refresh()

    def lines(self, width: int) -> Line:
        """Return the pieces as far as they fit, and how many more there are."""
        line: Line = ()
        for number, told in enumerate(self._told):
            link = f"drop({number})"
            piece = (Span(f" {told} ", "text on-code", link), Span("× ", "muted on-code", link), Span(" "))
            rest = Span(f"and {len(self._told) - number} more", "muted")
            if line and width_of((*line, *piece, rest)) > width:
                line = (*line, rest)
                break
            line = (*line, *piece)
        return cut_line((Span(" "), *line), width)

    def action_drop(self, number: int) -> None:
        """Take a piece away."""
        self._drop(number)
