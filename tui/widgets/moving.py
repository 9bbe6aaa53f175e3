"""What the keys that move do in everything that scrolls; where there is a cursor, it is that which moves."""

from __future__ import annotations

from typing import ClassVar

from tui.widgets.inked import Painted


class Moving(Painted):
    """The actions behind `MOVE_KEYS`. Whoever can be moved in binds the keys itself, so that help can say
    where they work."""

    OVERLAP: ClassVar[int] = 2
    """Lines that stay in sight when a page is turned."""

    def move_by(self, lines: int) -> None:
        """Go down, or up."""
        self.scroll_relative(y=lines, animate=False)

    @property
    def page_lines(self) -> int:
        """How many lines a page has."""
        return self.size.height

    def action_down(self) -> None:
        """One down."""
        self.move_by(1)

    def action_up(self) -> None:
        """One up."""
        self.move_by(-1)

    def action_page(self, direction: int) -> None:
        """A page down or up."""
        self.move_by(direction * max(1, self.page_lines - self.OVERLAP))

    def action_half(self, direction: int) -> None:
        """Half a page down or up."""
        self.move_by(direction * max(1, self.page_lines // 2))

    def action_top(self) -> None:
        """To the beginning."""
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the end."""
        self.scroll_end(animate=False)
