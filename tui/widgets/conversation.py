"""The conversation of a workflow: one widget on the line API. What is finished is drawn once and kept;
only the words that are still coming are drawn again, at most twelve times a second."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from core.text import clean
from tui.conversation_model import LONGEST, Entry, author_head, entries_of, entry_lines, stands_apart
from tui.ink import BLANK, Line, Span
from tui.keys import BUILD_KEYS, MOVE_KEYS
from tui.markdown import Blocks, block_lines
from tui.widgets.inked import Painted

if TYPE_CHECKING:
    from core.service.views import MessageView

HERTZ = 12


class Conversation(Painted):
    """What the roles and the user said and did."""

    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        *MOVE_KEYS,
        *BUILD_KEYS,
        Binding(
            "o",
            "toggle_tools",
            "Tool details",
            id="conversation.tools",
            tooltip="Show or fold what tools were given and what they answered.",
        ),
    ]
    DEFAULT_CSS = """
    Conversation { padding: 0 1 0 2; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.placeholder: Line = (Span("Nothing was said yet.", "muted"),)
        self._entries: list[Entry] = []
        self._seen = 0
        self._taken_back = 0
        self._drawn: list[list[Line]] = []
        self._starts: list[int] = []
        self._height = 0
        self._width = 0
        self._opened: set[str] = set()
        self._all_opened = False
        self._strips: dict[int, Strip] = {}
        self._stream = _Stream()
        self._pending: tuple[str, str, str, datetime | None] | None = None
        self._follow = True

    # --- what the screen tells it

    def update_messages(self, messages: Sequence[MessageView]) -> None:
        """Take in the whole conversation; what is known already is not looked at again."""
        taken_back = sum(m.voided for m in messages)
        if taken_back != self._taken_back:
            self.clear()
            self._taken_back = taken_back
        new = [m for m in messages if m.seq > self._seen]
        if not new:
            return
        self._seen = new[-1].seq
        first = len(self._entries)
        changed = entries_of(new, self._entries)
        older = {id(e) for e in changed}
        positions = [i for i, e in enumerate(self._entries[:first]) if id(e) in older]
        self._draw_from(min([*positions, first]))

    def update_stream(self, author: str, attempt_id: str, text: str, at: datetime | None = None) -> None:
        """Show what the role is saying right now; nothing when `text` is empty."""
        self._pending = (author, attempt_id, text, at)
        if not text:
            self.flush()

    def clear(self) -> None:
        """Forget everything, for another workflow."""
        self._entries, self._drawn, self._starts = [], [], []
        self._seen = self._height = 0
        self._stream = _Stream()
        self._draw_from(0)

    # --- drawing

    def on_mount(self) -> None:
        """Draw what streams at a steady pace, however fast it comes."""
        self.set_interval(1 / HERTZ, self.flush)

    def on_resize(self) -> None:
        """Wrap anew when the width changed."""
        width = self.scrollable_content_region.width - 1
        if width != self._width:
            self._width = width
            self._stream.draw(width)
            self._draw_from(0)
        elif self._follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def repaint(self) -> None:
        """Draw in the new colours."""
        self._strips.clear()
        self.refresh()

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line."""
        strip = self._strips.get(y)
        if strip is None:
            strip = self.strip(self._line(y), width)
            self._strips[y] = strip
        return strip

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end while the user stays there."""
        super().watch_scroll_y(old_value, new_value)
        self._follow = new_value >= self.max_scroll_y - 1

    @property
    def settled(self) -> bool:
        """Whether everything that was handed over is drawn."""
        return self._pending is None

    @property
    def text(self) -> str:
        """Everything as it is shown, for tests and for copying."""
        total = self._height + len(self._stream.lines)
        return "\n".join("".join(s.text for s in self._line(y)).rstrip() for y in range(total))

    def _line(self, y: int) -> Line:
        if y >= self._height:
            lines = self._stream.lines
            if not self._height and not lines and y == 0:
                return self.placeholder
            return lines[y - self._height] if y - self._height < len(lines) else BLANK
        index = bisect_right(self._starts, y) - 1
        return self._drawn[index][y - self._starts[index]]

    def flush(self) -> None:
        if self._pending is None:
            return
        author, attempt_id, text, at = self._pending
        self._pending = None
        if self._stream.update(author, attempt_id, clean(text, limit=LONGEST), at, self._width):
            self._settle(self._height)

    def _draw_from(self, first: int) -> None:
        """Draw the entries from `first` on, and put them where they belong."""
        if not self._width:
            return
        del self._drawn[first:]
        del self._starts[first:]
        height = self._starts[-1] + len(self._drawn[-1]) if self._starts else 0
        changed_from = height
        for entry in self._entries[first:]:
            lines = entry_lines(entry, self._width, opened=self._all_opened or entry.key in self._opened)
            if self._drawn and stands_apart(entry):
                lines = [BLANK, *lines]
            self._starts.append(height)
            self._drawn.append(lines)
            height += len(lines)
        self._height = height
        self._settle(changed_from)

    def _settle(self, changed_from: int) -> None:
        """The lines from `changed_from` on are new: draw them, and stay at the end if the user is there."""
        for y in [y for y in self._strips if y >= changed_from]:
            del self._strips[y]
        follow = self._follow
        self.virtual_size = Size(self._width, max(1, self._height + len(self._stream.lines)))
        if follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
            self._follow = True
        self.refresh()

    # --- keys and mouse

    def toggle(self, key: str) -> None:
        """Open or fold one tool call."""
        self._opened ^= {key}
        index = next((i for i, e in enumerate(self._entries) if e.key == key), None)
        if index is not None:
            self._follow = False
            self._draw_from(index)

    def action_toggle_tools(self) -> None:
        """Open or fold all tool calls."""
        self._all_opened = not self._all_opened
        self._draw_from(0)

    def action_down(self) -> None:
        """One line down."""
        self.scroll_relative(y=1, animate=False)

    def action_up(self) -> None:
        """One line up."""
        self.scroll_relative(y=-1, animate=False)

    def action_page(self, direction: int) -> None:
        """A page down or up."""
        self.scroll_relative(y=direction * max(1, self.size.height - 2), animate=False)

    def action_half(self, direction: int) -> None:
        """Half a page down or up."""
        self.scroll_relative(y=direction * max(1, self.size.height // 2), animate=False)

    def action_top(self) -> None:
        """To the beginning."""
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """To the end, and follow it again."""
        self.scroll_end(animate=False)


class _Stream:
    """The words that are still coming: finished blocks keep their lines, the open one is drawn again."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._text = ""
        self._head: list[Line] = []
        self._blocks = Blocks()
        self._kept: list[Line] = []
        self._kept_blocks = 0

    def update(self, author: str, attempt_id: str, text: str, at: datetime | None, width: int) -> bool:
        """Take in the text as it is now; say whether anything changed."""
        if text == self._text:
            return False
        if not self._text or not text.startswith(self._text):
            self.__init__()  # type: ignore[misc]
            self._head = [BLANK, author_head(author, attempt_id, at)]
        self._blocks.feed(text[len(self._text) :])
        self._text = text
        self.draw(width, anew=False)
        return True

    def draw(self, width: int, *, anew: bool = True) -> None:
        """Draw what is not drawn yet; everything when the width changed."""
        if anew:
            self._kept, self._kept_blocks = [], 0
        if not self._text:
            self.lines = []
            return
        for block in self._blocks.finished[self._kept_blocks :]:
            self._kept += [(Span("  "), *line) for line in block_lines(block, width - 2)]
        self._kept_blocks = len(self._blocks.finished)
        rest = [(Span("  "), *line) for b in self._blocks.rest for line in block_lines(b, width - 2)]
        lines = [*self._head, *self._kept, *rest]
        lines[-1] = (*lines[-1], Span("▍", "run"))
        self.lines = lines
