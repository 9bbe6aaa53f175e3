"""Statistics: charts and their numbers, over all projects or one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.errors import QdeckError
from tui.ink import Line, Span, said
from tui.pages.statistics import Chart, charts_of, numbers_page
from tui.screens.base import DeckScreen
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.reader import Reader

if TYPE_CHECKING:
    from core.service.views import ProjectView, StatsView
    from tui.widgets.plot import Plot

NAMES = ("throughput", "time", "retries", "cost", "success", "deadlines", "roles")


class StatisticsScreen(Searching, DeckScreen):
    """How many, how long, how often back, how much."""

    CSS_PATH = "statistics.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,s", "leave", "Back", id="statistics.close", tooltip="Close the figures."),
        *SEARCH_KEYS,
        Binding(
            "right_square_bracket,tab,right",
            "turn(1)",
            "Next",
            id="statistics.next",
            tooltip="The next chart.",
        ),
        Binding(
            "left_square_bracket,left",
            "turn(-1)",
            "Before",
            id="statistics.before",
            tooltip="The one before.",
        ),
        Binding("p", "project(1)", "Project", id="statistics.project", tooltip="The next project, or all."),
        Binding(
            "P", "project(-1)", "Project before", id="statistics.project_before", tooltip="The one before."
        ),
        *(
            Binding(
                str(i),
                f"chart({i - 1})",
                name.capitalize(),
                id=f"statistics.{name}",
                tooltip=f"Show {name}.",
                show=False,
            )
            for i, name in enumerate(NAMES, start=1)
        ),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._chart = 0
        self._projects: list[ProjectView] = []
        self._project = -1
        self._stats: StatsView | None = None
        self._charts: tuple[Chart, ...] = ()

    def content(self) -> ComposeResult:
        """Title, the charts' names, the chart, its numbers."""
        from tui.widgets.plot import Plot

        yield Bar((Span("Statistics", "strong bold"),), (Span("counting", "muted"),), id="title")
        yield Bar(id="tabs")
        yield Plot(id="plot")
        yield Reader(id="numbers")

    def on_mount(self) -> None:
        """Count in the background."""
        self.query_one("#plot").can_focus = False
        self.query_one("#numbers").focus()
        self._show_tabs()
        self.run_worker(self._load(), group="statistics", exclusive=True)

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        if self.seeking:
            return SEEKING
        found = (Hint("n N", self.matches()),) if self.searched().found.needle else ()
        return (
            *found,
            Hint("[ ]", "charts", "screen.turn(1)"),
            Hint("p", "project", "screen.project(1)"),
            Hint("j k", "scroll the numbers"),
            Hint("/", "search", "screen.search"),
            Hint("esc", "back", "screen.leave"),
        )

    def searched(self) -> Reader:
        """The figures below the chart are looked through."""
        return self.query_one("#numbers", Reader)

    def give_focus(self) -> None:
        """To the figures."""
        self.searched().focus()

    def action_leave(self) -> None:
        """Out of the search, then back."""
        if not self.end_search():
            self.deck.pop_screen()

    async def _load(self) -> None:
        try:
            if not self._projects:
                self._projects = await self.deck.link.ask(lambda service: service.projects())
            chosen = self._projects[self._project].project_id if self._project >= 0 else None
            now = datetime.fromtimestamp(self.deck.now(), UTC)
            self._stats = await self.deck.link.ask(lambda service: service.get_project_stats(chosen, now=now))
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        self._charts = charts_of(self._stats, now.date())
        if self.is_attached:
            self._show()

    @property
    def settled(self) -> bool:
        """Whether the figures are there."""
        return bool(self._charts)

    def _show_tabs(self) -> None:
        spans: list[Span] = []
        for i, name in enumerate(NAMES):
            here = i == self._chart
            spans += [Span("  ")] * bool(spans)
            spans.append(Span(f"{i + 1} ", "run bold" if here else "faint", f"screen.chart({i})"))
            spans.append(Span(name, "strong bold underline" if here else "muted", f"screen.chart({i})"))
        self.query_one("#tabs", Bar).show(tuple(spans))

    def _show(self) -> None:
        stats = self._stats
        self._show_tabs()
        if stats is None or not self._charts:
            return
        where: Line = (Span("all projects", "text"),)
        if self._project >= 0:
            project = self._projects[self._project]
            where = (Span("project ", "muted"), said(project.name, "need bold", 60))
        self.query_one("#title", Bar).show((Span("Statistics", "strong bold"),), where)
        chart = self._charts[self._chart]
        plot: Plot = self.query_one("#plot")  # type: ignore[assignment]
        # Where there is nothing to draw, the page below says so.
        plot.display = chart.drawable
        self.set_class(not chart.columns or not chart.drawable, "-lying")
        plot.show(chart)
        self.searched().show(lambda width: numbers_page(chart, stats, width), top=True)

    # --- keys

    def action_chart(self, index: int) -> None:
        """Show a chart."""
        self._chart = index
        self._show()

    def action_turn(self, step: int) -> None:
        """To the next chart, or the one before."""
        self.action_chart((self._chart + step) % len(NAMES))

    def action_project(self, step: int) -> None:
        """To the figures of the next project, or of all."""
        if not self._projects:
            self.deck.tell("There is no project yet.")
            return
        self._project = (self._project + 1 + step) % (len(self._projects) + 1) - 1
        self.run_worker(self._load(), group="statistics", exclusive=True)
