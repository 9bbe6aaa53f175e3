"""The conversation as a long roll of lines, of which only what is near the reader is ever drawn. Pure.

Messages become pieces: an entry, or one block of what a role says. A piece is drawn when it is wanted for the
first time at a width; after that its height is kept, and its lines only as long as they are near. So an
answer of 200 KB costs what is on the screen, and a day's talk costs its text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate, islice, takewhile
from typing import TYPE_CHECKING

from core.text import clean
from tui.conversation_model import (
    LONGEST,
    Entry,
    author_head,
    begins,
    entries_of,
    entry_lines,
    is_prose,
    stands_apart,
    whole_head,
)
from tui.ink import BLANK, Line, Span
from tui.live_words import LiveWords
from tui.markdown import Block, block_lines, markdown_blocks
from tui.pieces import Piece, Waiting
from tui.search import find

if TYPE_CHECKING:
    from core.service.views import MessageView

NEAR = 40
"""Pieces on each side of the reader whose lines are kept."""


class Transcript:
    """All pieces in order, those of the words that are still coming at the end."""

    def __init__(self) -> None:
        self.width = 0
        self.all_opened = False
        self.otherwise: set[str] = set()
        """Tool calls that are open while the others are folded, or folded while they are open."""
        self.tail: list[Line] = []
        self.unchanged = 0
        self._entries: list[Entry] = []
        self._pieces: list[Piece] = []
        self._live = 0
        self._starts: list[int] = [0]
        self._stale = 0
        self._undrawn = Waiting()
        self.needle = ""
        self._unsought = Waiting()
        self._hit: set[Piece] = set()
        # Of thousands, those that hold lines or strips.
        self._lined: list[Piece] = []
        self._first = self._seen = 0
        self._voided: set[int] = set()
        self._words = LiveWords()
        self._cut: tuple[Entry | None, list[Block]] = (None, [])
        self.earlier = False

    @property
    def first(self) -> int:
        """The number of the first message that is known; 0 while there is none."""
        return self._first

    @property
    def height(self) -> int:
        """Lines of everything that was drawn at this width."""
        return self._measured()[-1] + len(self.tail)

    @property
    def unfinished(self) -> bool:
        """Whether some pieces were not drawn at this width yet."""
        return bool(self._undrawn)

    @property
    def unsought(self) -> bool:
        """Whether some pieces were not looked through yet."""
        return bool(self._unsought)

    # --- taking in

    def take(self, messages: Sequence[MessageView], earlier: bool = False) -> bool:
        """Take in the conversation; what is known is not looked at again. Say whether it changed.

        These are its newest messages, and all that came since the last time; `earlier` says that there are
        more before them.
        """
        known = [m for m in messages if self._first <= m.seq <= self._seen]
        # Words were taken back, or so much was said while nobody looked that some of it is missing here.
        missed = earlier and self._first and not known
        if missed or any(m.voided and m.seq not in self._voided for m in known):
            self._entries, self._pieces, self._lined = [], [], []
            self._undrawn, self._unsought = Waiting(), Waiting()
            self._first = self._seen = self._live = self._stale = 0
            self.tail, self._words = [], LiveWords()
            self._voided.clear()
        new = [m for m in messages if m.seq > self._seen]
        if not new:
            return False
        if not self._first:
            self._first, self.earlier = new[0].seq, earlier
        self._seen = new[-1].seq
        self._voided.update(m.seq for m in new if m.voided)
        first = len(self._entries)
        for entry in entries_of(new, self._entries):
            if entry.seq < new[0].seq:
                self._forget(entry.key)
        live = self._cut_live()
        for position, entry in enumerate(self._entries[first:], first):
            self._append(entry, position, live)
        return True

    def take_earlier(self, messages: Sequence[MessageView], earlier: bool) -> int:
        """Take in what was said right before all that is known; `earlier` says that there is still more.

        Nothing of it is drawn yet. Return by how many lines everything that was drawn moved down: what was
        the beginning may need no head any more.
        """
        self.earlier = earlier
        if not messages:
            return 0
        entries, pieces, undrawn, unsought = self._entries, self._pieces, self._undrawn, self._unsought
        self._entries, self._pieces, self._undrawn, self._unsought = [], [], Waiting(), Waiting()
        self._first = messages[0].seq
        self._voided.update(m.seq for m in messages if m.voided)
        entries_of(messages, self._entries)
        for position, entry in enumerate(self._entries):
            self._append(entry, position, [])
        count, last = len(self._pieces), self._entries[-1]
        for piece in pieces:
            piece.index += count
        self._pieces += pieces
        self._undrawn.follow(count, undrawn)
        self._unsought.follow(count, unsought)
        self._entries += entries
        self._stale = 0
        return self._follow_on(pieces[0], entries[0], last) if entries else 0

    def forget_before(self, seq: int, least: int = 0) -> None:
        """Let go of what was said before message number `seq`, as long as `least` lines stay; `take_earlier`
        takes it in again."""
        gone = bisect_left(self._entries, seq, key=lambda entry: entry.seq)
        if not gone or self._first >= seq:
            return
        rest = self._entries[gone] if gone < len(self._entries) else None
        cut = next(
            (piece.index for piece in self._pieces if rest is not None and piece.entry is rest),
            len(self._pieces) - self._live,
        )
        starts = self._measured()
        if starts[-1] - starts[cut] < least:
            return
        self._lined = [piece for piece in self._lined if piece.index >= cut]
        self._undrawn.begin_at(cut)
        self._unsought.begin_at(cut)
        del self._entries[:gone], self._pieces[:cut]
        for piece in self._pieces:
            piece.index -= cut
        self._voided = {number for number in self._voided if number >= seq}
        self._first, self.earlier, self._stale = seq, True, 0

    def stream(self, author: str, attempt_id: str, text: str, at: datetime | None) -> bool:
        """Take in what the role is saying right now, as a whole; say whether anything changed.

        `unchanged` counts the lines from the top that are as they were.
        """
        words, tail = self._words, self.tail
        if text == words.text:
            return False
        pieces, above = len(self._pieces), self._measured()[-1]
        if not words.text or not text.startswith(words.text):
            self._cut_live()
            self._words = words = LiveWords()
        words.feed(text)
        head = (BLANK, author_head(author, attempt_id, at)) if text else ()
        for block in words.finished[self._live :]:
            self._add(Piece(block=block, head=() if self._live else head))
            self._live += 1
        self._show_tail(head)
        self.unchanged = min(above, self._measured()[-1])
        if len(self._pieces) == pieces:
            lines = zip(tail, self.tail, strict=False)
            self.unchanged += sum(1 for _ in takewhile(lambda line: line[0] == line[1], lines))
        return True

    def toggle(self, key: str) -> None:
        """Open or fold one tool call."""
        self.otherwise ^= {key}
        self._forget(key)

    def toggle_all(self) -> None:
        """Open or fold all tool calls."""
        self.all_opened = not self.all_opened
        self.otherwise.clear()
        for index, piece in enumerate(self._pieces):
            if piece.entry is not None and piece.entry.kind == "tool_call":
                self._undo(index)

    def resize(self, width: int) -> None:
        """Forget how everything was drawn at another width."""
        self.width = width
        for piece in self._pieces:
            piece.height, piece.lines, piece.strips = -1, None, None
        self._undrawn.only(len(self._pieces))
        self._lined = []
        self._stale = 0
        self.look_for(self.needle)
        self._show_tail((BLANK, self._words.head) if self._words.head else ())

    # --- drawing

    def draw_near(self, index: int | None) -> tuple[int, int]:
        """Draw one more piece, near `index` or else near the end. Return its height, and what came above."""
        chosen = self._undrawn.take(index)
        self._draw(self._pieces[chosen])
        self._stale = min(self._stale, chosen)
        height = self._pieces[chosen].height
        return height, height if index is not None and chosen < index else 0

    def forget_far(self, top: int, bottom: int) -> None:
        """Let go of lines that are far from the window, and of strips that are more than a window away.

        A strip takes more than a kilobyte, and is made anew from its line when it comes back into sight.
        """
        first, last = self.index_at(top) - NEAR, self.index_at(bottom) + NEAR
        above, below = self.index_at(2 * top - bottom), self.index_at(2 * bottom - top)
        for piece in self._lined:
            if not above <= piece.index <= below:
                piece.strips = None
            if not first <= piece.index <= last:
                piece.lines = None
        self._lined = [p for p in self._lined if p.lines is not None or p.strips is not None]

    def forget_strips(self) -> None:
        """Let go of everything that was painted, for other colours."""
        for piece in self._lined:
            piece.strips = None

    def index_at(self, y: int) -> int:
        """Return the piece that line `y` belongs to."""
        return max(0, min(bisect_right(self._measured(), y) - 1, len(self._pieces) - 1))

    def piece_at(self, y: int) -> tuple[Piece | None, int]:
        """Return the piece at a line and the line's number in it; None in the words still coming."""
        if y >= self._measured()[-1] or not self._pieces:
            return None, y - self._measured()[-1]
        index = bisect_right(self._measured(), y) - 1
        return self._pieces[index], y - self._measured()[index]

    def line_of(self, piece: Piece, row: int) -> int | None:
        """Return the line at which a row of a piece stands now; None when the piece is gone."""
        there = piece.index < len(self._pieces) and self._pieces[piece.index] is piece
        return self._measured()[piece.index] + row if there else None

    def line(self, y: int) -> Line:
        """Return one line; blank beyond the end."""
        piece, row = self.piece_at(y)
        if piece is None:
            return self.tail[row] if 0 <= row < len(self.tail) else BLANK
        lines = piece.lines if piece.lines is not None else self._draw(piece)
        return lines[row] if row < len(lines) else BLANK

    def span_of(self, index: int) -> tuple[int, int]:
        """Return the first line of a piece, and the line behind its last."""
        starts = self._measured()
        return starts[index], starts[index + 1]

    # --- finding

    def look_for(self, needle: str) -> None:
        """Look for something else from now on; nothing was looked through yet."""
        self.needle = needle
        for piece in self._hit:
            piece.hits = ()
        self._hit.clear()
        self._unsought.only(len(self._pieces) if needle else 0)

    def look_near(self, index: int) -> int:
        """Look through one more piece, at `index` or behind it, else before it; what was not drawn yet is
        drawn. Return how many lines have come above."""
        chosen = self._unsought.take(index)
        piece = self._pieces[chosen]
        new = piece.height < 0
        if new:
            self._undrawn.drop(chosen)
            self._stale = min(self._stale, chosen)
        lines = self._draw(piece) if new or piece.lines is None else piece.lines
        piece.hits = find(self.needle, map(_plain, lines)).lines
        if piece.hits:
            self._hit.add(piece)
        return piece.height if new and chosen < index else 0

    def matches(self) -> list[int]:
        """Return the lines that hold what is looked for, as far as they were looked through, in order."""
        starts = self._measured()
        self._hit = {piece for piece in self._hit if self.line_of(piece, 0) is not None}
        found = [
            starts[piece.index] + row
            for piece in sorted(self._hit, key=lambda piece: piece.index)
            for row in piece.hits
        ]
        return found + [starts[-1] + row for row in find(self.needle, map(_plain, self.tail)).lines]

    def entry_at(self, index: int) -> Entry | None:
        """Return the entry that a piece belongs to."""
        for place in range(min(index, len(self._pieces) - 1), -1, -1):
            if (entry := self._pieces[place].entry) is not None:
                return entry
        return None

    def heads(self) -> list[int]:
        """Return the pieces with which entries begin."""
        return [i for i, piece in enumerate(self._pieces) if piece.entry is not None]

    # --- how

    def _append(self, entry: Entry, position: int, live: list[Piece]) -> None:
        head = _head(entry, first=not position)
        if not is_prose(entry):
            self._add(Piece(entry, head=head))
            return
        for number, block in enumerate(self._blocks_of(entry)):
            first = not number
            piece = Piece(entry if first else None, None, entry, number, head if first else ())
            # Words that were drawn while they came are not drawn again now that they are a message.
            twin = live[number] if number < len(live) and live[number].block == block else None
            if twin is not None and number:
                piece.height, piece.lines, piece.strips = twin.height, twin.lines, twin.strips
            self._add(piece)

    def _follow_on(self, piece: Piece, entry: Entry, before: Entry) -> int:
        """Let the first piece of what was the first entry go on after another; by how much does it grow?"""
        entry.heads = begins(entry, before)
        piece.head, height = _head(entry, first=False), piece.height
        if height < 0:
            return 0
        self._draw(piece)
        piece.strips = None
        return piece.height - height

    def block_of(self, piece: Piece) -> Block | None:
        """Return the block that a piece shows; None for what is no prose."""
        return piece.block if piece.source is None else self._blocks_of(piece.source)[piece.number]

    def _blocks_of(self, entry: Entry) -> list[Block]:
        """Cut a message into its blocks; those of the last one are kept: the next piece is of it as well."""
        if self._cut[0] is not entry:
            blocks = markdown_blocks(clean(entry.text, limit=LONGEST))
            while blocks and blocks[-1].kind == "blank":
                blocks.pop()
            self._cut = entry, blocks or [Block("paragraph", ("",))]
        return self._cut[1]

    def _add(self, piece: Piece) -> None:
        piece.index = len(self._pieces)
        self._stale = min(self._stale, piece.index)
        if piece.height < 0:
            self._undrawn.add(piece.index)
        if self.needle:
            self._unsought.add(piece.index)
        if piece.lines is not None:
            self._lined.append(piece)
        self._pieces.append(piece)

    def _cut_live(self) -> list[Piece]:
        if not self._live:
            return []
        first = len(self._pieces) - self._live
        live = self._pieces[first:]
        del self._pieces[first:]
        self._stale = min(self._stale, first)
        self._undrawn.end_at(first)
        self._unsought.end_at(first)
        self._lined = [piece for piece in self._lined if piece.index < first]
        self._live, self.tail = 0, []
        self._words = LiveWords()
        return live

    def _show_tail(self, head: tuple[Line, ...]) -> None:
        words = self._words
        words.head = head[-1] if head else ()
        if not words.text or not self.width:
            self.tail = []
            return
        lines = [(Span("  "), *line) for block in words.rest for line in block_lines(block, self.width - 2)]
        lines = [*(() if self._live else (whole_head(line, self.width) for line in head)), *lines]
        if lines:
            lines[-1] = (*lines[-1], Span("▍", "run"))
        self.tail = lines

    def _forget(self, key: str) -> None:
        for index in range(len(self._pieces) - 1, -1, -1):
            entry = self._pieces[index].entry
            if entry is not None and entry.key == key:
                self._undo(index)
                return

    def _undo(self, index: int) -> None:
        piece = self._pieces[index]
        self._stale = min(self._stale, index)
        self._undrawn.add(index)
        if self.needle:
            self._unsought.add(index)
        piece.height, piece.lines, piece.strips, piece.hits = -1, None, None, ()

    def _draw(self, piece: Piece) -> list[Line]:
        if piece.lines is None and piece.strips is None:
            self._lined.append(piece)
        if (block := self.block_of(piece)) is not None:
            body = [(Span("  "), *line) for line in block_lines(block, self.width - 2)]
        elif piece.entry is None:
            body = []
        else:
            opened = self.all_opened != (piece.entry.key in self.otherwise)
            body = entry_lines(piece.entry, self.width, opened=opened)
        piece.lines = [*(whole_head(line, self.width) for line in piece.head), *body]
        piece.height = len(piece.lines)
        return piece.lines

    def _measured(self) -> list[int]:
        """The first line of every piece and the line behind the last; what is stale is counted anew."""
        starts = self._starts
        if self._stale < len(self._pieces) or len(starts) != len(self._pieces) + 1:
            first = min(self._stale, len(self._pieces), len(starts) - 1)
            del starts[first + 1 :]
            heights = (p.height if p.height > 0 else 0 for p in islice(self._pieces, first, None))
            starts.extend(islice(accumulate(heights, initial=starts[first]), 1, None))
            self._stale = len(self._pieces)
        return starts


def _plain(line: Line) -> str:
    return "".join(span.text for span in line)


def _head(entry: Entry, *, first: bool) -> tuple[Line, ...]:
    """What stands above an entry: a blank line, and who speaks, unless its own lines say that."""
    blank = () if first or not stands_apart(entry) else (BLANK,)
    if not is_prose(entry) or not entry.heads:
        return blank
    return (*blank, author_head(entry.author, entry.attempt_id, entry.at))
