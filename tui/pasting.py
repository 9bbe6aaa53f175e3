"""What is pasted comes in whole: Textual looks at each of its characters, two seconds long for a megabyte."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.message import Message

BEGIN, END = "\x1b[200~", "\x1b[201~"
"""Between these a terminal puts what is pasted."""


class Parser(XTermParser):
    """Textual's parser, but for what stands between the marks of a paste.

    A mark at the beginning that came in two pieces is left to Textual, which knows it too.
    """

    _pasted: list[str] | None = None
    _tail = ""

    def feed(self, data: str) -> Iterable[Message]:
        """Take in what the terminal sent, and yield what it means."""
        if not data:
            yield from super().feed(data)
        while data:
            if self._pasted is None:
                before, mark, data = data.partition(BEGIN)
                if before:
                    yield from super().feed(before)
                if mark and self._timeout_time is not None:
                    # An escape waits for what may come behind it; what comes is told in that order.
                    yield from super().feed(mark + data)
                    return
                if mark:
                    self._pasted, self._tail = [], ""
                continue
            # The mark at the end may come in two pieces as well.
            inside, mark, data = (self._tail + data).partition(END)
            if not mark:
                kept = len(inside) - len(END) + 1
                self._pasted.append(inside[: max(0, kept)])
                self._tail = inside[max(0, kept) :]
                return
            text = "".join((*self._pasted, inside))
            self._pasted = None
            # A NUL is no character to write; Textual leaves it out as well.
            yield events.Paste(text.replace("\x00", ""))


def take_pastes_whole(app: App[int]) -> None:
    """Have the driver of this app use the parser."""
    names = vars(sys.modules[app.driver_class.__module__])
    if "XTermParser" in names:
        names["XTermParser"] = Parser
