"""A chart, drawn by plotext. This module is imported with the first chart, never before."""

from __future__ import annotations

import math

from rich.text import Text
from textual.app import RenderResult
from textual.color import Color
from textual_plotext import PlotextPlot

from tui.pages.statistics import Chart


class Plot(PlotextPlot):
    """Bars, lying or standing; parts of a bar differ in colour and in what they are drawn with."""

    DEFAULT_CSS = """
    Plot { width: 1fr; height: 1fr; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chart: Chart | None = None

    def show(self, chart: Chart) -> None:
        """Draw this one from now on."""
        self._chart = chart
        self.refresh()

    def _rgb(self, variable: str) -> tuple[int, int, int]:
        value = self.app.theme_variables.get(variable) or self.app.theme_variables["foreground"]
        try:
            return Color.parse(value).rgb
        except ValueError:
            # Themes of the terminal's own palette name their colours; a chart needs numbers.
            return (160, 160, 160)

    def render(self) -> RenderResult:
        """Draw anew: size, theme or figures have changed."""
        chart, plot = self._chart, self._plot
        width, height = self.size
        if chart is None or width < 20 or height < 4:
            return Text("")
        if not chart.drawable:
            return Text(chart.empty, style="dim", justify="center")
        plot.clear_figure()
        self._bars(chart)
        ground = self._rgb("background")
        plot.canvas_color(ground)
        plot.axes_color(ground)
        plot.ticks_color(self._rgb("ink-muted"))
        plot.frame(False)
        # A few bars need not fill the screen.
        count = len(chart.labels)
        # Bars fall on lines of their own, all alike, only where each has one line above the axis.
        lines = height if chart.columns else min(count, height - 1) + 1
        plot.plotsize(width, lines)
        plot._set_size(width, lines)
        return Text.from_ansi(plot.build())

    def _bars(self, chart: Chart) -> None:
        """Draw the whole bars first and what stands below on top of them, so that parts stand in order."""
        # Lying bars are counted from below; people read from above.
        order = range(len(chart.labels)) if chart.columns else range(len(chart.labels) - 1, -1, -1)
        labels = [chart.labels[i] for i in order]
        sums = [0.0] * len(labels)
        layers = []
        for series in chart.series:
            sums = [total + series.values[i] for total, i in zip(sums, order, strict=True)]
            layers.append((series, list(sums)))
        for series, values in reversed(layers):
            self._plot.bar(
                labels,
                values,
                orientation="vertical" if chart.columns else "horizontal",
                marker=series.marker,
                color=self._rgb(f"ink-{series.ink}"),
                width=0.5 if chart.columns else 0.3,
                minimum=0,
            )
        self._scales(chart, max(sums))

    def _scales(self, chart: Chart, largest: float) -> None:
        """Whole bars at the edges, and values on the axis as people say them."""
        plot, count = self._plot, len(chart.labels)
        ticks = ticks_to(largest, whole=chart.columns)
        told = [chart.shown(value) for value in ticks]
        if chart.columns:
            plot.xlim(0.5, count + 0.5)
            plot.ylim(0, largest)
            plot.yticks(ticks, told)
        else:
            plot.ylim(0.5, count + 0.5)
            plot.xlim(0, largest)
            plot.xticks(ticks, told)


def ticks_to(largest: float, *, whole: bool, most: int = 4) -> list[float]:
    """Return a few values from 0 to the largest, whole ones where only those have a meaning."""
    if whole:
        step = max(1, math.ceil(largest / most))
        return [float(n) for n in range(0, math.floor(largest) + 1, step)]
    return [largest * n / most for n in range(most + 1)]
