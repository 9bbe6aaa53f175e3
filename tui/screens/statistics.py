"""Figures over all workflows."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.errors import QdeckError
from tui.ink import Span
from tui.pages.statistics import statistics_page
from tui.screens.base import DeckScreen
from tui.widgets.bars import Bar, Hint
from tui.widgets.page import Page


class StatisticsScreen(DeckScreen):
    """How many, how long, how often back, how much."""

    CSS_PATH = "help.tcss"
    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        Binding("escape,q,s", "app.pop_screen", "Back", id="statistics.close", tooltip="Close the figures."),
    ]

    def content(self) -> ComposeResult:
        """A title and one page."""
        yield Bar((Span("Statistics", "strong bold"),), (Span("all projects", "muted"),), id="title")
        yield Page(lambda width: [(Span("counting", "muted"),)], id="page")

    def on_mount(self) -> None:
        """Count in the background."""
        self.query_one("#page").focus()
        self.run_worker(self._load(), group="statistics")

    def hints(self) -> Sequence[Hint]:
        """How to read and how to leave."""
        return (Hint("j k", "scroll"), Hint("esc", "back", "app.pop_screen"))

    async def _load(self) -> None:
        try:
            stats = await self.deck.link.ask(lambda service: service.get_project_stats(None))
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        self.query_one("#page", Page).show(lambda width: statistics_page(stats, width))
