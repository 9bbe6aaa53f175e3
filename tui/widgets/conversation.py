"""The conversation of a workflow: one widget on the line API over a `Transcript`. It draws what is near the
reader, a few milliseconds at a time, and the words that are still coming at most twelve times a second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from tui.conversation_model import folds
from tui.ink import Line, Span, cut_line, fit
from tui.keys import BUILD_KEYS, COPY_KEY, MOVE_KEYS
from tui.search import Found, find, marked
from tui.transcript import Piece, Transcript
from tui.widgets.selecting import Selecting

if TYPE_CHECKING:
    from core.service.views import MessageView

HERTZ = 12
GUTTER = 2
"""Cells at the left, in which a bar stands beside what was chosen or found."""
_BAR, _NO_BAR = Span(fit("▌", GUTTER), "run bold"), Span(" " * GUTTER)
WINDOWS = 3
"""What is followed holds at least so many windows full of lines."""
SLICE = 0.004
"""Seconds that are drawn in one go beyond what is on the screen, so that a key never waits for longer."""


class Conversation(Selecting):
    """What the roles and the user said and did: its end, and what came before as somebody reads on."""

    @dataclass
    class Earlier(Message):
        """What was said before message number `before` is wanted."""

        before: int

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_KEYS,
        *BUILD_KEYS,
        COPY_KEY,
        Binding(
            "o",
            "toggle_tools",
            "Tool details",
            id="conversation.tools",
            tooltip="Show or fold long messages, and what tools were given and answered.",
        ),
        Binding(
            "right_curly_bracket,J",
            "choose(1)",
            "Next block",
            id="conversation.next",
            tooltip="Choose the next block, to open or copy it.",
            show=False,
        ),
        Binding(
            "left_curly_bracket,K",
            "choose(-1)",
            "Block before",
            id="conversation.before",
            tooltip="Choose the block before, to open or copy it.",
            show=False,
        ),
        Binding(
            "enter,space",
            "open_chosen",
            "Open",
            id="conversation.open",
            tooltip="Open or fold the chosen tool call.",
            show=False,
        ),
    ]
    DEFAULT_CSS = """
    Conversation { padding: 0 1 0 0; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.placeholder: Line = (Span("Nothing was said yet.", "muted"),)
        self.roll = Transcript()
        self._pending: tuple[str, str, str, datetime | None] | None = None
        self._follow = True
        self._drawing = False
        self._chosen = ""
        self.found = Found()
        self._mark: tuple[Piece | None, int] = (None, -1)
        self._asked = 0
        self._to_top = False

    # --- what the screen tells it

    def update_messages(self, messages: Sequence[MessageView], earlier: bool = False) -> None:
        """Take in the newest messages, and all since the last time; what is known is not looked at again.

        While the end is followed, nothing is kept that came before them.
        """
        changed = self.roll.take(messages, earlier)
        if self._idle and messages:
            self.roll.forget_before(messages[0].seq, WINDOWS * self.size.height)
        if changed:
            self._settle()
            self._want_earlier()

    def update_earlier(self, messages: Sequence[MessageView], before: int, earlier: bool) -> None:
        """Take in what was said before message number `before`, as it was asked for; what is read stays where
        it is. Go on asking while all of it is wanted."""
        self._asked = 0
        if before != self.roll.first:
            return
        self._settle(moved=self.roll.take_earlier(messages, earlier))
        if self.roll.earlier and (self._to_top or self.found.needle):
            self._ask_earlier()
        elif self._to_top:
            self.action_top()
        elif self.found.needle:
            self._search_again()
        else:
            self._want_earlier()

    def not_read(self) -> None:
        """What was asked for cannot be read now; whoever moves on asks again."""
        self._asked, self._to_top = 0, False

    def _search_again(self) -> None:
        """All of it is there now: the match that is looked at stays, or there is a first one."""
        none = not self.found.lines
        self._draw_all()
        self.found = find(self.found.needle, (self._plain(y) for y in range(self.roll.height)))
        if none and self.found.lines:
            self.line = int(self.scroll_offset.y) - 1
            self.seek(1)
        self.refresh()

    @property
    def _idle(self) -> bool:
        """Whether nobody does more here than follow the end."""
        busy = self.found.needle or self._chosen or self._asked or self.text_selection is not None
        return self._follow and not busy

    def _want_earlier(self) -> None:
        """Ask for what came before, ahead of the reader; but what is selected must stay where it is."""
        if self._follow:
            near = not self.roll.unfinished and self.max_scroll_y <= 0
        else:
            near = self.scroll_offset.y < self.size.height
        if near and self.roll.width and self.text_selection is None:
            self._ask_earlier()

    def _ask_earlier(self) -> None:
        """Ask once."""
        if self.roll.earlier and not self._asked:
            self._asked = self.roll.first
            self.post_message(self.Earlier(self._asked))

    def update_stream(self, author: str, attempt_id: str, text: str, at: datetime | None = None) -> None:
        """Show what the role is saying right now; nothing when `text` is empty."""
        self._pending = (author, attempt_id, text, at)
        if not text:
            self.flush()

    # --- drawing

    def on_mount(self) -> None:
        """Draw what streams at a steady pace, however fast it comes."""
        self.set_interval(1 / HERTZ, self.flush)

    def on_resize(self) -> None:
        """Wrap anew when the width changed; the place that was read stays in sight."""
        width = self.scrollable_content_region.width - GUTTER - 1
        if width > 0 and width != self.roll.width:
            at = None if self._follow else self.roll.index_at(self.scroll_offset.y)
            self.roll.resize(width)
            self._settle(at)
        elif self._follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def repaint(self) -> None:
        """Draw in the new colours."""
        self.roll.forget_strips()
        self.refresh()

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line."""
        piece, row = self.roll.piece_at(y)
        if piece is None:
            line = self.roll.line(y) if self.roll.height or y else self.placeholder
            return self.strip((_NO_BAR, *line), width)
        if self.found.needle or self._chosen:
            here = y == self.line or bool(self._chosen and self._is_chosen(y))
            line = marked(self.roll.line(y), self.found.needle)
            return self.strip((_BAR if here else _NO_BAR, *line), width, "cursor" if here else "")
        if piece.strips is None:
            piece.strips = {}
        strip = piece.strips.get(row)
        if strip is None or strip.cell_length != width:
            line = (_NO_BAR, *cut_line(self.roll.line(y), self.roll.width))
            strip = piece.strips[row] = self.strip(line, width)
        return strip

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end while the user stays there."""
        super().watch_scroll_y(old_value, new_value)
        self._follow = new_value >= self.max_scroll_y - 1
        self._want_earlier()

    @property
    def settled(self) -> bool:
        """Whether everything that was handed over is drawn."""
        return self._pending is None and not self.roll.unfinished and not self._asked

    @property
    def text(self) -> str:
        """Everything as it is shown, for tests and for copying."""
        return "\n".join(self._plain(y).rstrip() for y in range(self.roll.height))

    def flush(self) -> None:
        """Draw the words that came since the last time."""
        if self._pending is None or not self.roll.width:
            return
        author, attempt_id, text, at = self._pending
        self._pending = None
        if self.roll.stream(author, attempt_id, text, at):
            self._settle(unchanged=self.roll.unchanged, more=0.0)

    def _settle(
        self, at: int | None = None, *, unchanged: int = 0, more: float = SLICE, moved: int = 0
    ) -> None:
        """Draw until the window is full, stay at the end if the user is there, leave the rest for later.

        The first `unchanged` lines need no new drawing, as long as nothing scrolls. `more` are seconds for
        what is out of sight. What is read has `moved` down by so many lines.
        """
        if not self.roll.width:
            return
        follow = self._follow and at is None
        near = None if follow else at if at is not None else self.roll.index_at(self.scroll_offset.y)
        window, began, drawn = self.size.height, time.perf_counter(), 0
        while self.roll.unfinished and (drawn < 2 * window or time.perf_counter() - began < more):
            height, above = self.roll.draw_near(near)
            drawn, moved = drawn + height, moved + above
        top = int(self.scroll_offset.y) + moved if moved else None
        self._place(follow, self.roll.span_of(at)[0] if at is not None else top, unchanged)
        if self.roll.unfinished and not self._drawing:
            self._drawing = True
            self.set_timer(0.01, self._draw_more)

    def _draw_more(self) -> None:
        """Draw a slice of what is out of sight."""
        began, above = time.perf_counter(), 0
        near = None if self._follow else self.roll.index_at(self.scroll_offset.y)
        while self.roll.unfinished and time.perf_counter() - began < SLICE:
            # What comes above moves the lines of what is near, and not its place among the pieces.
            above += self.roll.draw_near(near)[1]
        self._place(self._follow, self.scroll_offset.y + above if above else None)
        self._drawing = self.roll.unfinished
        if self._drawing:
            self.set_timer(0.01, self._draw_more)
        else:
            self._want_earlier()

    def _place(self, follow: bool, top: int | None, unchanged: int = 0) -> None:
        was = self.scroll_offset, self.virtual_size
        self.holds(self.roll.width, max(1, self.roll.height))
        if follow:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
            self._follow = True
        elif top is not None:
            self.scroll_to(y=top, animate=False, immediate=True)
            # What lies below is not drawn yet, so this may look like the end.
            self._follow = False
        self.roll.forget_far(self.scroll_offset.y, self.scroll_offset.y + self.size.height)
        if unchanged and was == (self.scroll_offset, self.virtual_size):
            # Most pieces of a stream lengthen its last line: a tenth of the cost of drawing all that is seen.
            self.refresh_lines(unchanged, max(1, self.roll.height - unchanged))
        else:
            self.refresh()

    # --- choosing, opening, finding

    def toggle(self, key: str) -> None:
        """Open or fold one tool call."""
        self._follow = False
        self.roll.toggle(key)
        self._settle()

    def action_toggle_tools(self) -> None:
        """Open or fold all tool calls."""
        self.roll.toggle_all()
        self._settle()

    def action_choose(self, step: int) -> None:
        """Choose the next block, or the one before, and bring it into sight."""
        heads = self.roll.heads()
        if not heads:
            return
        keys = [entry.key if (entry := self.roll.entry_at(i)) else "" for i in heads]
        if self._chosen in keys:
            place = max(0, min(len(heads) - 1, keys.index(self._chosen) + step))
        else:
            bottom = self.roll.index_at(self.scroll_offset.y + self.size.height - 1)
            place = max((n for n, i in enumerate(heads) if i <= bottom), default=0)
        self._chosen = keys[place]
        self._follow = False
        top, _ = self.roll.span_of(heads[place])
        if not self.scroll_offset.y <= top < self.scroll_offset.y + self.size.height - 1:
            self.scroll_to(y=max(0, top - self.size.height // 3), animate=False, immediate=True)
        self.refresh()

    def action_open_chosen(self) -> None:
        """Open or fold the chosen tool call; the last one in sight when nothing is chosen."""
        if not self._chosen:
            self.action_choose(0)
        known = {e.key: e for i in self.roll.heads() if (e := self.roll.entry_at(i))}
        if self._chosen in known and folds(known[self._chosen]):
            self.toggle(self._chosen)
        else:
            self.app.notify("Tool calls and long messages open: J and K choose one.", markup=False)

    def on_click(self, event: events.Click) -> None:
        """Choose the block under the mouse, unless it was moved to select something."""
        if self.text_selection is not None:
            return
        entry = self.roll.entry_at(self.roll.index_at(int(event.y + self.scroll_offset.y)))
        if entry is not None:
            self._chosen = entry.key
            self.refresh()

    def _is_chosen(self, y: int) -> bool:
        entry = self.roll.entry_at(self.roll.index_at(y))
        return entry is not None and entry.key == self._chosen

    def _draw_all(self) -> None:
        """Draw now what was left for later: whoever searches wants all of it."""
        near = None if self._follow else self.roll.index_at(self.scroll_offset.y)
        above = 0
        while self.roll.unfinished:
            above += self.roll.draw_near(near)[1]
        self._place(self._follow, int(self.scroll_offset.y) + above if above else None)

    @property
    def line(self) -> int:
        """The line that a search counts from; it moves with what is said there. -1 for none."""
        piece, row = self._mark
        return row if piece is None else at if (at := self.roll.line_of(piece, row)) is not None else -1

    @line.setter
    def line(self, y: int) -> None:
        piece, row = self.roll.piece_at(y) if y >= 0 else (None, y)
        self._mark = (None, y) if piece is None else (piece, row)

    def search(self, needle: str) -> Found:
        """Mark `needle`, and go to the first match from what is seen on; what came before is read first."""
        self._draw_all()
        if needle:
            self._ask_earlier()
        self.found = find(needle, (self._plain(y) for y in range(self.roll.height)) if needle else ())
        self.line = int(self.scroll_offset.y) - 1 if needle else -1
        if self.found.lines:
            self.seek(1)
        self.refresh()
        return self.found

    def seek(self, step: int) -> None:
        """Go to the next match, or the one before; what came meanwhile is looked through too."""
        self.found = find(self.found.needle, (self._plain(y) for y in range(self.roll.height)))
        line = self.found.next(self.line, step)
        if line is None:
            return
        self.line, self._follow = line, False
        height = self.size.height
        if not self.scroll_offset.y <= line < self.scroll_offset.y + height:
            self.scroll_to(y=max(0, line - height // 3), animate=False, immediate=True)
        self.refresh()

    def _plain(self, y: int) -> str:
        return "".join(span.text for span in self.roll.line(y))

    def plain_line(self, y: int) -> str:
        """Return a line as it is drawn."""
        return " " * GUTTER + self._plain(y)

    def line_count(self) -> int:
        """How many lines there are."""
        return max(1, self.roll.height)

    def goes_on(self, y: int, text: str) -> str | None:
        """A paragraph was broken to fit; it is copied as it was said."""
        here, row = self.roll.piece_at(y)
        before, _ = self.roll.piece_at(y - 1)
        block = self.roll.block_of(here) if here is not None else None
        prose = block is not None and block.kind == "paragraph"
        if not prose or here is not before or here is None or row <= len(here.head):
            return None
        return f" {text.strip()}"

    def without_edge(self, y: int, text: str, *, begins: bool) -> str:
        """What is said stands a step to the right, and a bar goes before a person's words."""
        edge = GUTTER + 2
        return text if begins else text[edge:] if text[:edge].strip(" ▎│") == "" else text.strip()

    def copied(self) -> str:
        """What `y` copies: the line found, else the chosen block as it was written, else the last one."""
        if self.found.lines and self.line >= 0 and not self._chosen:
            return self._plain(self.line).strip()
        entries = [entry for i in self.roll.heads() if (entry := self.roll.entry_at(i))]
        chosen = next((e for e in entries if e.key == self._chosen), entries[-1] if entries else None)
        if chosen is None:
            return ""
        return chosen.text if chosen.result is None else f"{chosen.text}\n{chosen.result}"

    # --- moving

    def action_top(self) -> None:
        """To the beginning, as soon as it is here."""
        if self.roll.earlier:
            self._to_top = True
            self._ask_earlier()
            return
        self._to_top = False
        if self.roll.height:
            self._settle(0)

    def action_bottom(self) -> None:
        """To the end, and follow it again."""
        self._chosen, self._to_top, self._follow = "", False, True
        self.scroll_end(animate=False)
