"""The conversation of a workflow: its end, and what came before as somebody reads on or searches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.conversation_model import folds
from tui.ink import Line, Span
from tui.keys import BUILD_KEYS, COPY_KEY, MOVE_KEYS
from tui.search import MOST, Found
from tui.widgets.roll import GUTTER, SLICE, Roll

if TYPE_CHECKING:
    from core.service.views import MessageView

NOTHING: Line = (Span("Nothing was said yet.", "muted"),)
PAUSE = 0.005
"""Seconds between two slices of a search."""
WINDOWS = 3
"""What is followed holds at least so many windows full of lines."""
AT_ONCE = 0.02
"""Seconds of the processor's that a search takes at once; the rest comes in slices, and keys in between."""


class Conversation(Roll):
    """What the roles and the user said and did."""

    @dataclass
    class Earlier(Message):
        """What was said before message number `before` is wanted."""

        before: int

    class Searched(Message):
        """More was looked through."""

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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._asked = 0
        self._to_top = self._looking = self._jumps = False

    # --- what the screen tells it

    def update_messages(self, messages: Sequence[MessageView], earlier: bool = False) -> None:
        """Take in the newest messages, and all since the last time; what is known is not looked at again.

        While the end is followed, nothing is kept that came before them.
        """
        changed = self.roll.take(messages, earlier)
        if not self.roll.height and self.placeholder != NOTHING:
            self.placeholder = NOTHING
            self.refresh()
        if self._idle and messages:
            self.roll.forget_before(messages[0].seq, WINDOWS * self.size.height)
        if changed:
            self._settle()
            self.want_earlier()

    def update_earlier(self, messages: Sequence[MessageView], before: int, earlier: bool) -> None:
        """Take in what was said before message number `before`, as it was asked for; what is read stays where
        it is. Go on asking while all of it is wanted."""
        self._asked = 0
        if before != self.roll.first:
            return
        self._settle(moved=self.roll.take_earlier(messages, earlier))
        if self._to_top:
            self.action_top()
        self._look_on()
        self.want_earlier()

    def not_read(self) -> None:
        """What was asked for cannot be read now; whoever moves on asks again."""
        self._asked, self._to_top = 0, False

    @property
    def settled(self) -> bool:
        """Whether everything that was handed over is drawn, and everything that was wanted is there."""
        return super().settled and not self._asked and not self.roll.unsought

    @property
    def _idle(self) -> bool:
        """Whether nobody does more here than follow the end."""
        busy = self.found.needle or self._chosen or self._asked or self.text_selection is not None
        return self._follow and not busy

    def want_earlier(self) -> None:
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

    def _settle(
        self, at: int | None = None, *, unchanged: int = 0, more: float = SLICE, moved: int = 0
    ) -> None:
        """Look through what is new as well, while something is looked for."""
        super()._settle(at, unchanged=unchanged, more=more, moved=moved)
        if self.roll.unsought:
            self._look_on()

    # --- choosing and opening

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

    # --- finding

    def search(self, needle: str) -> Found:
        """Mark `needle`, and go to the first match from what is seen on, or else to the nearest before it.

        What takes longer is looked through meanwhile, and what came before is read for it.
        """
        self.roll.look_for(needle)
        self.found = Found(needle)
        self.line = int(self.scroll_offset.y) - 1 if needle else -1
        self._jumps = bool(needle)
        self._look_on(at_once=True)
        self.refresh()
        return self.found

    def _look_on(self, at_once: bool = False) -> None:
        """Look through some of what was not looked through yet, and then for what came before."""
        if not self.found.needle or not self.roll.width or (self._looking and not at_once):
            return
        seconds = AT_ONCE if at_once else SLICE
        began, above = time.thread_time(), 0
        near = self.roll.index_at(self.scroll_offset.y)
        while self.roll.unsought:
            above += self.roll.look_near(near)
            if time.thread_time() - began > seconds:
                break
        self._place(self._follow, int(self.scroll_offset.y) + above if above else None)
        if not self.roll.unsought:
            self._ask_earlier()
        elif not self._looking:
            self._looking = True
            self.set_timer(PAUSE, self._looked)
        self._find()
        if self._jumps and self.found.lines:
            self._jumps = False
            self.seek(1)
        self.post_message(self.Searched())

    def _looked(self) -> None:
        self._looking = False
        self._look_on()

    def _find(self) -> None:
        more = self.roll.unsought or self.roll.earlier
        self.found = replace(self.found, lines=tuple(self.roll.matches()[:MOST]), more=more)

    def seek(self, step: int) -> None:
        """Go to the next match, or the one before; what came meanwhile is looked through too."""
        self._find()
        line = self.found.next(self.line, step)
        if line is None:
            return
        self.line, self._follow = line, False
        height = self.size.height
        if not self.scroll_offset.y <= line < self.scroll_offset.y + height:
            self.scroll_to(y=max(0, line - height // 3), animate=False, immediate=True)
        self.refresh()

    # --- copying

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
