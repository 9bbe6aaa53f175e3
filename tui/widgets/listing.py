"""A long list with a cursor on the line API: a line an item, drawn when it is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from tui.ink import Line
from tui.keys import MOVE_KEYS
from tui.widgets.cursor import CursorLines, OfLines
from tui.widgets.selecting import EDGE

Draw = Callable[[int, int], Line]
"""Gives the line of an item, for a width."""


class Listing(CursorLines):
    """Items by number; whoever fills it says how each is drawn and what text a search looks through."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_KEYS,
        Binding("enter", "choose", "Choose", id="listing.choose", tooltip="Open this one."),
    ]

    @dataclass
    class Moved(OfLines):
        """The cursor went to another item."""

        index: int

    @dataclass
    class Chosen(OfLines):
        """The user took an item."""

        index: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._count = 0
        self._draw: Draw = lambda index, width: ()
        self._texts: Sequence[str] = ()

    def fill(self, count: int, draw: Draw, texts: Sequence[str] = ()) -> None:
        """Show `count` items from now on; the cursor stays on its number, or at the end when it was there."""
        at_end = self._count == 0 or self.cursor >= self._count - 1
        grown = count > self._count > 0
        self._count, self._draw, self._texts = count, draw, texts
        self.virtual_size = Size(self.size.width, count)
        self.search_again()
        if at_end and grown:
            self.cursor = count - 1
        self.move_to(self.cursor)
        self.refresh()

    @property
    def count(self) -> int:
        """How many items there are."""
        return self._count

    def texts(self) -> Sequence[str]:
        """What whoever filled the list said that a search looks through."""
        return self._texts

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one item."""
        if not 0 <= y < self._count:
            return Strip.blank(width, self.style_of("text"))
        return self.row_strip(y, self._draw(y, width - EDGE), width)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.virtual_size = Size(self.size.width, self._count)
        self.show_cursor()

    def moved(self) -> None:
        """Tell where the cursor is."""
        self.post_message(self.Moved(self, self.cursor))

    def take(self) -> None:
        """A second click takes it."""
        self.action_choose()

    def action_choose(self) -> None:
        """Take the item under the cursor."""
        if self._count:
            self.post_message(self.Chosen(self, self.cursor))
