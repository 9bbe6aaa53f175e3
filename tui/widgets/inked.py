"""The base of every widget that draws lines of spans: inks become styles here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.ink import Span, width_of

_ATTRIBUTES = {
    "bold": Style(bold=True),
    "italic": Style(italic=True),
    "underline": Style(underline=True),
    "strike": Style(strike=True),
    "reverse": Style(reverse=True),
}


@lru_cache(maxsize=512)
def _clickable(action: str) -> Style:
    return Style.from_meta({"@click": action})


def _opaque(colour: Color) -> RichColor | None:
    """None for a colour that lets everything through."""
    return colour.rich_color if colour.a else None


class Inked(Widget):
    """A widget that can turn spans into strips. `ground` names a background: "" (its own), "cursor" or
    "code".

    The colours are the theme's variables. As component classes each of them would be a node that is matched
    with the whole style sheet, for every widget and every change: a third of the time to the first frame.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "Inked { background: $background; color: $ink-text; }"

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._inks: dict[tuple[str, str], Style] = {}
        self._painted_for: tuple[object, ...] = ()

    def notify_style_update(self) -> None:
        """Forget the painted strips when the colours changed; not at every change of focus."""
        super().notify_style_update()
        palette = (self.app.theme, self.app.native_ansi_color, self.rich_style)
        if palette != self._painted_for:
            self._painted_for = palette
            self._inks.clear()
            self.repaint()

    def repaint(self) -> None:
        """Drop what was painted in the old colours. For subclasses that keep strips."""

    def style_of(self, ink: str, ground: str = "") -> Style:
        """Return the style of an ink on a ground."""
        key = (ink, ground)
        style = self._inks.get(key)
        if style is None:
            style = self.rich_style
            if ground:
                style += self._ground(ground)
            if ground == "cursor" or "on-cursor" in ink:
                # Faint would be too faint there.
                ink = ink.replace("faint", "muted")
            for word in ink.split():
                if word.startswith("on-"):
                    style += self._ground(word.removeprefix("on-"))
                else:
                    style += _ATTRIBUTES.get(word) or Style(color=_opaque(self.colour_of(f"ink-{word}")))
            self._inks[key] = style
        return style

    def colour_of(self, name: str) -> Color:
        """Return the theme's colour for an ink or a ground."""
        return Color.parse(self.app.theme_variables[name])

    def _ground(self, ground: str) -> Style:
        return Style(bgcolor=_opaque(self.colour_of(f"ground-{ground}")))

    def strip(self, line: Iterable[Span], width: int, ground: str = "") -> Strip:
        """Return the spans as a strip of exactly `width` cells."""
        segments = []
        for text, ink, link in line:
            style = self.style_of(ink, ground)
            segments.append(Segment(text, style + _clickable(link) if link else style))
        size = width_of(line) if isinstance(line, tuple) else None
        return Strip(segments, size).adjust_cell_length(width, self.style_of("text", ground))


class Painted(Inked, ScrollView, can_focus=True):
    """A scrolling widget on the line API: it draws the lines that are visible, and only those."""

    # Textual takes default styles along the first base only, so what ScrollView sets is said again here.

    DEFAULT_CSS = """
    Painted {
        width: 1fr;
        height: 1fr;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        overflow-x: hidden;
    }
    """

    def holds(self, width: int, height: int) -> None:
        """Say how much there is to scroll.

        Setting `virtual_size` would lay out the whole screen for every line that a stream brings.
        """
        size = Size(width, height)
        if size == self.virtual_size:
            return
        self.set_reactive(Widget.virtual_size, size)
        self._scroll_update(size)

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Put the thumb where the lines are: Textual tells a scroll bar only what happens while it shows."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def line_strip(self, y: int, width: int) -> Strip:
        """Return line `y` of the whole content. To be given by the subclass."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Draw the line at `y` of the window."""
        width = self.scrollable_content_region.width
        strip = self.line_strip(y + self.scroll_offset.y, width)
        return strip.adjust_cell_length(self.size.width, self.style_of("text"))
