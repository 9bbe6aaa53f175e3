"""Statistics: charts and their numbers, over all projects or one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.progress import Progress
from tui.ink import Line, Span, said, width_of
from tui.pages.numbers import numbers_page
from tui.pages.statistics import Chart, charts_of
from tui.screens.base import DeckScreen
from tui.screens.long_work import LongWork
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.reader import Reader

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import ProjectView, StatsView
    from tui.widgets.plot import Plot

NAMES = ("throughput", "time", "retries", "cost", "success", "deadlines", "roles", "projects")
SHORT = {"throughput": "weeks"}
"""The same where there is little room."""


class StatisticsScreen(Searching, LongWork, DeckScreen):
    """How many, how long, how often back, how much.

    Counting shows how far it has come; escape gives it up, and the figures from before stay.
    """

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
        self._project = self._wanted = -1
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
        self._load(-1)

    def on_resize(self) -> None:
        """The charts' names are said in full where there is room."""
        self._show_tabs()

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        if self.seeking:
            return SEEKING
        found = (Hint("n N", self.matches()),) if self.searched().found.needle else ()
        return (
            *found,
            Hint("[ ]", "charts", "screen.turn(1)"),
            Hint("p", "project", "screen.project(1)"),
            Hint("j k", "scroll the numbers", short="scroll"),
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
        """Give up counting where there is something to see without it; out of the search; then back."""
        if not ((self.stop_work() and self._charts) or self.end_search()):
            self.deck.pop_screen()

    def _load(self, project: int) -> None:
        """Count, in the background, for the project of this number, or for all."""
        self._wanted = project
        self.run_worker(self._count(project), group="statistics", exclusive=True)

    async def _count(self, project: int) -> None:
        now = datetime.fromtimestamp(self.deck.now(), UTC)

        async def count(
            service: OrchestrationService, progress: Progress
        ) -> tuple[list[ProjectView], StatsView]:
            projects = self._projects or await service.projects()
            chosen = projects[project].project_id if project >= 0 else None
            return projects, await service.get_project_stats(chosen, now=now, progress=progress)

        found = await self._work_on("counting", count)
        if found is None:
            self._wanted = self._project
            return
        self._project = project
        self._projects, self._stats = found
        self._charts = charts_of(self._stats, now.date())
        if self.is_attached:
            self._show()

    @property
    def settled(self) -> bool:
        """Whether the figures are there."""
        return bool(self._charts) and not self.working

    def _show_tabs(self) -> None:
        room = self.size.width - 6
        ways = (self._tabs("  ", NAMES), self._tabs(" ", [SHORT.get(name, name) for name in NAMES]))
        fitting = next((tabs for tabs in ways if width_of(tabs) <= room), None)
        alone = [name if i == self._chart else "" for i, name in enumerate(NAMES)]
        self.query_one("#tabs", Bar).show(fitting or self._tabs("  ", alone))

    def _tabs(self, gap: str, names: Sequence[str]) -> Line:
        spans: list[Span] = []
        for i, name in enumerate(names):
            here, link = i == self._chart, f"screen.chart({i})"
            spans += [Span(gap)] * bool(spans)
            spans.append(Span(f"{i + 1}", "run bold" if here else "faint", link))
            if name:
                spans += [Span(" "), Span(name, "strong bold underline" if here else "muted", link)]
        return tuple(spans)

    def show_work(self) -> None:
        """How far it has come stands in the title."""
        if self.is_attached:
            self._show_title()

    def _show(self) -> None:
        stats = self._stats
        self._show_tabs()
        if stats is None or not self._charts:
            return
        self._show_title()
        chart = self._charts[self._chart]
        plot: Plot = self.query_one("#plot")  # type: ignore[assignment]
        # Where there is nothing to draw, the page below says so.
        plot.display = chart.drawable
        self.set_class(not chart.columns or not chart.drawable, "-lying")
        plot.show(chart)
        self.searched().show(lambda width: numbers_page(chart, stats, width), top=True)

    def _show_title(self) -> None:
        where: Line = (Span("all projects", "text"),) if self._charts else ()
        if self._project >= 0:
            project = self._projects[self._project]
            where = (Span("project ", "muted"), said(project.name, "need bold", 60))
        self.query_one("#title", Bar).show((Span("Statistics", "strong bold"),), self.work_line() or where)

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
        self._load((self._wanted + 1 + step) % (len(self._projects) + 1) - 1)
