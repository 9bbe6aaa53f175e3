"""A short list to choose from, on the line API: a line a choice, and why it may not be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from tui.ink import Line, Span, cut_line
from tui.keys import MOVE_KEYS
from tui.widgets.inked import Painted


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: what it is called, what it means, and why it cannot be chosen now."""

    value: str
    line: Line
    why_not: str = ""


class Picker(Painted):
    """A list with a cursor."""

    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        *MOVE_KEYS,
        Binding("enter", "choose", "Choose", id="picker.choose", tooltip="Take this one."),
    ]

    cursor: var[int] = var(0)

    @dataclass
    class Highlighted(Message):
        """The cursor went to another choice."""

        picker: Picker
        option: Option

        @property
        def control(self) -> Picker:
            """The list, for handlers that name one."""
            return self.picker

    @dataclass
    class Chosen(Message):
        """The user took a choice."""

        picker: Picker
        option: Option

        @property
        def control(self) -> Picker:
            """The list, for handlers that name one."""
            return self.picker

    def __init__(self, options: Sequence[Option] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options: tuple[Option, ...] = tuple(options)

    @property
    def option(self) -> Option | None:
        """The choice under the cursor."""
        return self.options[self.cursor] if 0 <= self.cursor < len(self.options) else None

    def offer(self, options: Sequence[Option]) -> None:
        """Offer other choices; the cursor stays on the same value where there is one."""
        if tuple(options) == self.options:
            return
        kept = self.option.value if self.option else ""
        self.options = tuple(options)
        values = [o.value for o in self.options]
        self.cursor = values.index(kept) if kept in values else 0
        self.virtual_size = Size(self.size.width, len(self.options))
        self.refresh(layout=True)
        if self.option:
            self.post_message(self.Highlighted(self, self.option))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each choice."""
        return max(1, len(self.options))

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one choice."""
        if not 0 <= y < len(self.options):
            return Strip.blank(width, self.style_of("text"))
        option, here = self.options[y], y == self.cursor
        bar = Span("▌ " if here else "  ", "run bold" if self.has_focus else "faint")
        line = option.line
        if option.why_not:
            line = (*(s._replace(ink="faint") for s in line), Span(f"  {option.why_not}", "muted"))
        return self.strip((bar, *cut_line(line, width - 2)), width, "cursor" if here else "")

    def watch_cursor(self) -> None:
        """Keep it in sight and tell."""
        if self.option:
            self.post_message(self.Highlighted(self, self.option))
        height = self.scrollable_content_region.height
        if height:
            top = self.scroll_offset.y
            if not top <= self.cursor < top + height:
                self.scroll_to(
                    y=self.cursor if self.cursor < top else self.cursor - height + 1, animate=False
                )
        self.refresh()

    def on_focus(self) -> None:
        """The bar shows the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The bar shows the focus."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a second click takes it."""
        row = event.y + self.scroll_offset.y
        if not 0 <= row < len(self.options):
            return
        self.cursor = row
        if event.chain > 1:
            self.action_choose()

    def action_choose(self) -> None:
        """Take the choice under the cursor."""
        if self.option:
            self.post_message(self.Chosen(self, self.option))

    def _move(self, rows: int) -> None:
        self.cursor = max(0, min(len(self.options) - 1, self.cursor + rows))

    def action_down(self) -> None:
        """One down."""
        self._move(1)

    def action_up(self) -> None:
        """One up."""
        self._move(-1)

    def action_page(self, direction: int) -> None:
        """A page down or up."""
        self._move(direction * max(1, self.size.height - 1))

    def action_half(self, direction: int) -> None:
        """Half a page down or up."""
        self._move(direction * max(1, self.size.height // 2))

    def action_top(self) -> None:
        """To the first."""
        self.cursor = 0

    def action_bottom(self) -> None:
        """To the last."""
        self.cursor = max(0, len(self.options) - 1)
