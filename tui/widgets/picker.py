"""A short list to choose from, on the line API: a line a choice, and why it may not be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from tui.ink import Line, Span, plain
from tui.keys import MOVE_KEYS
from tui.widgets.cursor import CursorLines, OfLines


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: what it is called, what it means, and why it cannot be chosen now."""

    value: str
    line: Line
    why_not: str = ""


class Picker(CursorLines):
    """A few choices, one of them under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_KEYS,
        Binding("enter", "choose", "Choose", id="picker.choose", tooltip="Take this one."),
    ]

    @dataclass
    class Moved(OfLines):
        """The cursor went to another choice."""

        option: Option

    @dataclass
    class Chosen(OfLines):
        """The user took a choice."""

        option: Option

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
            self.post_message(self.Moved(self, self.option))

    @property
    def count(self) -> int:
        """How many choices there are."""
        return len(self.options)

    def texts(self) -> Sequence[str]:
        """What the choices are called."""
        return [plain([option.line]) for option in self.options]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A line for each choice."""
        return max(1, len(self.options))

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one choice."""
        if not 0 <= y < len(self.options):
            return Strip.blank(width, self.style_of("text"))
        option = self.options[y]
        line = option.line
        if option.why_not:
            line = (*(s._replace(ink="faint") for s in line), Span(f"  {option.why_not}", "muted"))
        return self.row_strip(y, line, width)

    def moved(self) -> None:
        """Tell which choice the cursor is on."""
        if self.option:
            self.post_message(self.Moved(self, self.option))

    def take(self) -> None:
        """A second click takes it."""
        self.action_choose()

    def action_choose(self) -> None:
        """Take the choice under the cursor."""
        if self.option:
            self.post_message(self.Chosen(self, self.option))
