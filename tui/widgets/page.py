"""Lines to read: one widget on the line API for every pane and screen that shows prepared text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Size
from textual.strip import Strip

from tui.ink import Line
from tui.keys import MOVE_KEYS
from tui.widgets.selecting import Selecting

Builder = Callable[[int], Sequence[Line]]
"""Gives the lines for a width."""


FREE = 1
"""Cells that stay free at the right, so that no text touches the scrollbar."""


class Page(Selecting):
    """Shows what a builder gives, wrapped to the width; built anew when content or width change."""

    BINDINGS: ClassVar[list[BindingType]] = [*MOVE_KEYS]
    DEFAULT_CSS = """
    Page { padding: 0 1 0 2; }
    """

    def __init__(self, build: Builder | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._build: Builder = build or (lambda width: [])
        self._lines: Sequence[Line] = []
        self._built_for = -1
        self._strips: dict[int, Strip] = {}

    def show(self, build: Builder, *, top: bool = False) -> None:
        """Show other content, if it is other; the place that was read stays, unless `top`."""
        self._build = build
        width = self.scrollable_content_region.width - FREE
        lines = build(width) if 0 < width == self._built_for else None
        if lines is None:
            self._built_for = -1
            self._layout()
        elif lines != self._lines:
            self._lines = lines
            self._redraw(width)
        if top:
            self.scroll_home(animate=False, immediate=True)

    @property
    def lines(self) -> Sequence[Line]:
        """The lines as they are shown."""
        return self._lines

    def plain_line(self, y: int) -> str:
        """Return a line without ink."""
        return "".join(span.text for span in self._lines[y]) if 0 <= y < len(self._lines) else ""

    def line_count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as its lines, where the style sheet says auto."""
        return max(1, len(self._build(width - self.styles.scrollbar_size_vertical - FREE)))

    def on_resize(self) -> None:
        """Wrap anew."""
        self._layout()

    def repaint(self) -> None:
        """Draw in the new colours."""
        self._strips.clear()
        self.refresh()

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line."""
        strip = self._strips.get(y)
        if strip is None:
            strip = self.strip(self._lines[y] if 0 <= y < len(self._lines) else (), width)
            self._strips[y] = strip
        return strip

    def _layout(self) -> None:
        width = self.scrollable_content_region.width - FREE
        if width <= 0:
            return
        if width != self._built_for:
            self._lines = self._build(width)
            self._built_for = width
        self._redraw(width)

    def _redraw(self, width: int) -> None:
        self._strips.clear()
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()
