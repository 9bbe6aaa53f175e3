"""A long list with a cursor on the line API: a line an item, drawn when it is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from tui.ink import Line, Span, cut_line
from tui.keys import MOVE_KEYS
from tui.search import Found, find, marked
from tui.widgets.inked import Painted

Draw = Callable[[int, int], Line]
"""Gives the line of an item, for a width."""


class Listing(Painted):
    """Items by number; whoever fills it says how each is drawn and what text a search looks through."""

    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        *MOVE_KEYS,
        Binding("enter", "choose", "Choose", id="listing.choose", tooltip="Open this one."),
    ]

    cursor: var[int] = var(0)

    @dataclass
    class Moved(Message):
        """The cursor went to another item."""

        listing: Listing
        index: int

        @property
        def control(self) -> Listing:
            """The list, for handlers that name one."""
            return self.listing

    @dataclass
    class Chosen(Message):
        """The user took an item."""

        listing: Listing
        index: int

        @property
        def control(self) -> Listing:
            """The list, for handlers that name one."""
            return self.listing

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._count = 0
        self._draw: Draw = lambda index, width: ()
        self._texts: Sequence[str] = ()
        self.found = Found()

    def fill(self, count: int, draw: Draw, texts: Sequence[str] = ()) -> None:
        """Show `count` items from now on; the cursor stays on its number, or at the end when it was there."""
        at_end = self._count == 0 or self.cursor >= self._count - 1
        grown = count > self._count > 0
        self._count, self._draw, self._texts = count, draw, texts
        self.virtual_size = Size(self.size.width, count)
        if self.found.needle:
            self.found = find(self.found.needle, texts)
        if at_end and grown:
            self.cursor = count - 1
        self.cursor = max(0, min(self.cursor, count - 1))
        self.refresh()

    @property
    def count(self) -> int:
        """How many items there are."""
        return self._count

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one item."""
        if not 0 <= y < self._count:
            return Strip.blank(width, self.style_of("text"))
        here = y == self.cursor
        bar = Span("▌ " if here else "  ", "run bold" if self.has_focus else "faint")
        line = cut_line(self._draw(y, width - 2), width - 2)
        return self.strip((bar, *marked(line, self.found.needle)), width, "cursor" if here else "")

    def repaint(self) -> None:
        """Draw in the new colours."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.virtual_size = Size(self.size.width, self._count)
        self._show_cursor()

    def watch_cursor(self) -> None:
        """Keep it in sight and tell."""
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved(self, self.cursor))

    def _show_cursor(self) -> None:
        height = self.scrollable_content_region.height
        if not height:
            return
        top = self.scroll_offset.y
        # Forced: what has just been filled has no scroll bar yet, and would not move without one.
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True, force=True)

    def on_focus(self) -> None:
        """The bar shows the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The bar shows the focus."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a second click takes it."""
        row = event.y + self.scroll_offset.y
        if 0 <= row < self._count:
            self.cursor = row
            if event.chain > 1:
                self.action_choose()

    # --- searching

    def search(self, needle: str) -> Found:
        """Mark `needle`, and go to the next item that holds it."""
        self.found = find(needle, self._texts)
        if self.found.lines and self.cursor not in self.found.lines:
            self.seek(1)
        self.refresh()
        return self.found

    def seek(self, step: int) -> None:
        """Go to the next item that holds what was looked for, or the one before."""
        line = self.found.next(self.cursor, step)
        if line is not None:
            self.cursor = line

    @property
    def line(self) -> int:
        """The line that a search counts from."""
        return self.cursor

    # --- keys

    def move_to(self, index: int) -> None:
        """Put the cursor on an item, the nearest there is."""
        self.cursor = max(0, min(self._count - 1, index))

    def action_choose(self) -> None:
        """Take the item under the cursor."""
        if self._count:
            self.post_message(self.Chosen(self, self.cursor))

    def action_down(self) -> None:
        """One down."""
        self.move_to(self.cursor + 1)

    def action_up(self) -> None:
        """One up."""
        self.move_to(self.cursor - 1)

    def action_page(self, direction: int) -> None:
        """A page down or up."""
        self.move_to(self.cursor + direction * max(1, self.size.height - 1))

    def action_half(self, direction: int) -> None:
        """Half a page down or up."""
        self.move_to(self.cursor + direction * max(1, self.size.height // 2))

    def action_top(self) -> None:
        """To the first."""
        self.move_to(0)

    def action_bottom(self) -> None:
        """To the last."""
        self.move_to(self._count - 1)
