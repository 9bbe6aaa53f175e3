"""A few prepared lines that do not scroll and take no focus: ribbons, notices, headings."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import RenderResult
from textual.geometry import Size
from textual.strip import Strip

from tui.ink import Line
from tui.widgets.inked import Inked
from tui.widgets.page import Builder


class Lines(Inked):
    """Shows what a builder gives for its width; as high as that, unless the style sheet says otherwise."""

    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; }
    """

    def __init__(self, build: Builder | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._build: Builder = build or (lambda width: [])
        self._lines: Sequence[Line] = []
        self._built_for = -1

    def show(self, build: Builder) -> None:
        """Show other lines; they are drawn when they differ, and laid out when their number does."""
        self._build = build
        before = self._lines
        self._built_for = -1
        self._rebuild(self.size.width)
        if self._lines != before or self._built_for < 0:
            self.refresh(layout=len(self._lines) != len(before))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as its lines."""
        self._rebuild(width)
        return len(self._lines)

    def render(self) -> RenderResult:
        """Nothing: lines are given by `render_line`."""
        return ""

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        self._rebuild(width)
        line = self._lines[y] if y < len(self._lines) else ()
        return self.strip(line, width)

    def repaint(self) -> None:
        """Draw in the new colours."""
        self.refresh()

    def _rebuild(self, width: int) -> None:
        if width > 0 and width != self._built_for:
            self._lines = self._build(width)
            self._built_for = width
