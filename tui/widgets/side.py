"""What stands beside the conversation of a workflow: the pane of the chosen tab, and the timeline."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from tui.keys import BUILD_KEYS, COPY_KEY
from tui.widgets.page import Builder, Page
from tui.widgets.reader import Reader


class Pane(Reader):
    """The side of the screen: plan, diff, tests, review, handoffs, cost or events."""

    BINDINGS: ClassVar[list[BindingType]] = [*BUILD_KEYS, COPY_KEY]


class Timeline(Page):
    """The phases from top to bottom, with attempts and handoffs; moves with the keys of every page."""

    BINDINGS: ClassVar[list[BindingType]] = [*BUILD_KEYS]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._here = -1

    def tell(self, build: Builder, here: int) -> None:
        """Show the phases; when the workflow moved on to line `here`, bring that line into sight."""
        self.show(build)
        if here != self._here:
            self._here = here
            self.scroll_to(y=max(0, here - self.size.height // 2), animate=False, immediate=True)
