"""The pieces that a transcript consists of, and which of them wait for something. Pure."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.ink import Line

if TYPE_CHECKING:
    from tui.conversation_model import Entry
    from tui.markdown import Block


@dataclass(slots=True, eq=False)
class Piece:
    """Lines that belong together. `height` is -1 while they were not drawn at this width; `hits` are the
    lines of them that hold what is looked for.

    What is a message keeps no block of its own, but which of `source` it is: thousands would be megabytes.
    """

    entry: Entry | None = None
    block: Block | None = None
    source: Entry | None = None
    number: int = 0
    head: tuple[Line, ...] = ()
    height: int = -1
    lines: list[Line] | None = None
    strips: dict[int, Any] | None = None
    index: int = -1
    hits: tuple[int, ...] = ()


class Waiting:
    """The places of the pieces that wait for something, in order, each once."""

    def __init__(self) -> None:
        self._places: list[int] = []

    def __bool__(self) -> bool:
        """Whether any piece waits."""
        return bool(self._places)

    def only(self, count: int) -> None:
        """Let the first `count` pieces wait, and no others."""
        self._places = list(range(count))

    def add(self, place: int) -> None:
        """Let one more piece wait."""
        if not self._places or self._places[-1] < place:
            self._places.append(place)
        elif self._places[bisect_left(self._places, place)] != place:
            insort(self._places, place)

    def take(self, near: int | None = None) -> int:
        """Return the next piece at `near` or behind it, else the nearest before it; the last without `near`.
        It waits no more."""
        at = len(self._places) if near is None else bisect_left(self._places, near)
        return self._places.pop(at if at < len(self._places) else -1)

    def drop(self, place: int) -> None:
        """Let a piece wait no more."""
        at = bisect_left(self._places, place)
        if self._places[at : at + 1] == [place]:
            del self._places[at]

    def end_at(self, place: int) -> None:
        """There are no pieces from `place` on any more."""
        del self._places[bisect_left(self._places, place) :]

    def begin_at(self, place: int) -> None:
        """The piece at `place` is the first one now."""
        self._places = [at - place for at in self._places[bisect_left(self._places, place) :]]

    def follow(self, count: int, others: Waiting) -> None:
        """Behind the `count` pieces that there are come others; those of them wait as well."""
        self._places += [at + count for at in others._places]
