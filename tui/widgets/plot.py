"""A chart, drawn by plotext. This module is imported with the first chart, never before."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text
from textual.app import RenderResult
from textual.color import Color
from textual.geometry import Size
from textual_plotext import PlotextPlot

from tui.pages.statistics import Chart

NARROW = 0.2
"""How thick a lying bar is, in lines: it has to stay on its own."""


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
        self.refresh(layout=True)

    def _colour(self, variable: str) -> tuple[int, int, int] | int | str:
        """A colour as plotext takes it. The terminal's own stay its own: what they look like is not known."""
        value = self.app.theme_variables.get(variable) or self.app.theme_variables["foreground"]
        try:
            colour = Color.parse(value)
        except ValueError:
            return "default"
        if colour.ansi is None:
            return colour.rgb
        return colour.ansi if colour.ansi >= 0 else "default"

    def render(self) -> RenderResult:
        """Draw anew: size, theme or figures have changed."""
        chart, plot = self._chart, self._plot
        width, height = self.size
        if chart is None or not chart.drawable or width < 20 or height < 2:
            return Text("")
        plot.clear_figure()
        self._bars(chart, len(chart.labels) if chart.columns else _seen(chart, height))
        ground = self._colour("background")
        plot.canvas_color(ground)
        plot.axes_color(ground)
        plot.ticks_color(self._colour("ink-muted"))
        plot.frame(False)
        # A few bars need not fill the screen: where they lie, each has one line, and the axis the last.
        lines = height if chart.columns else _seen(chart, height) + 1
        plot.plotsize(width, lines)
        plot._set_size(width, lines)
        return Text.from_ansi(plot.build())

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lying bars need a line each, and one for the axis."""
        return len(self._chart.labels) + 1 if self._chart else 1

    def _bars(self, chart: Chart, count: int) -> None:
        """Draw the whole bars first and what stands below on top of them, so that parts stand in order."""
        # Lying bars are counted from below; people read from above.
        order = range(count) if chart.columns else range(count - 1, -1, -1)
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
                color=self._colour(f"ink-{series.ink}"),
                width=0.5 if chart.columns else NARROW,
                minimum=0,
            )
        self._scales(chart, count, max(sums))

    def _scales(self, chart: Chart, count: int, largest: float) -> None:
        """Whole bars at the edges, and values on the axis as people say them."""
        plot = self._plot
        ticks = ticks_to(largest, whole=chart.whole, steps=chart.steps)
        told = [chart.shown(value) for value in ticks]
        if chart.columns:
            plot.xlim(0.5, count + 0.5)
            plot.ylim(0, largest)
            plot.yticks(ticks, told)
        else:
            # plotext lays the ends of the scale on the middles of the first and the last line. With half a
            # bar more on either side, some bars would cover their neighbour's line as well.
            plot.ylim(1 - NARROW, count + NARROW)
            plot.xlim(0, largest)
            plot.xticks(ticks, told)


def ticks_to(largest: float, *, whole: bool, steps: Sequence[float] = (), most: int = 4) -> list[float]:
    """Return a few simple values from 0 to the largest: whole ones, or times as a clock has them."""
    least = largest / most
    step = next((float(s) for s in steps if s >= least), 0.0)
    if not step:
        base = steps[-1] if steps else 1.0
        power = 10.0 ** math.floor(math.log10(least / base))
        step = base * next(power * n for n in (1, 2, 5, 10) if power * n >= least / base * (1 - 1e-9))
    step = max(1.0, step) if whole else step
    return [n * step for n in range(math.floor(largest / step * (1 + 1e-9)) + 1)]


def _seen(chart: Chart, height: int) -> int:
    """How many lying bars there is room for; the figures below name the others as well."""
    return min(len(chart.labels), height - 1)
