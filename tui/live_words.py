"""What a role is saying right now: cleaned and cut into blocks as it comes. Pure."""

from __future__ import annotations

from core.text import LINE_LIMIT, clean
from tui.conversation_model import LONGEST
from tui.ink import Line
from tui.markdown import Block, Blocks


class LiveWords:
    """Words that are still coming."""

    def __init__(self) -> None:
        self.text = ""
        self.head: Line = ()
        self._blocks = Blocks()
        self._raw = ""

    def feed(self, text: str) -> None:
        """Take in the text as it is now; it begins with what is known."""
        new, self.text = text[len(self.text) : LONGEST], text
        whole, found, self._raw = (self._raw + new).rpartition("\n")
        if found:
            self._blocks.feed_lines(clean(whole))
        # An escape sequence that is not complete yet is not shown half.
        self._blocks.show_partial(clean(self._raw[: 4 * LINE_LIMIT]))

    @property
    def finished(self) -> list[Block]:
        """The blocks that are complete."""
        return self._blocks.finished

    @property
    def rest(self) -> list[Block]:
        """The block that is still open."""
        return self._blocks.rest
