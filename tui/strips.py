"""Lines that are not drawn any more go at once, and those that are there are small.

A strip of Textual's keeps the parts that it was cut into; where that is the whole, it keeps itself, and stays
until all garbage is collected. A stream draws hundreds of lines a second. Of each, a kilobyte was for seven
memories of which most are never used: they are made when they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.cache import FIFOCache
from textual.strip import Strip

CACHES = {
    "_divide_cache": 4,
    "_crop_cache": 16,
    "_style_cache": 16,
    "_filter_cache": 4,
    "_line_length_cache": 4,
    "_crop_extend_cache": 4,
    "_offsets_cache": 4,
}
"""The memories of a strip, and how much each holds: those of `Strip.__init__` in Textual 8.2."""

ORIGINAL = Strip.__init__
"""How Textual makes a strip."""
_divide, _crop_extend = Strip.divide, Strip.crop_extend


def let_go() -> None:
    """Have no strip keep itself, or a memory that it does not use."""
    Strip.__init__ = _begun  # type: ignore[method-assign]
    Strip.__getattr__ = _remembering  # type: ignore[attr-defined]
    Strip.divide = _divided  # type: ignore[method-assign]
    Strip.crop_extend = _cropped  # type: ignore[method-assign]


def _begun(self: Strip, segments: Iterable[Segment], cell_length: int | None = None) -> None:
    """Make a strip, as Textual does but for the memories."""
    self._segments = list(segments)
    self._cell_length = cell_length
    self._render_cache = None
    self._link_ids = None
    self._cell_count = None


def _remembering(self: Strip, name: str) -> Any:
    """Make a memory that somebody wants to use. Python asks here for a slot with nothing in it."""
    size = CACHES.get(name)
    if size is None:
        raise AttributeError(name)
    cache: FIFOCache[Any, Any] = FIFOCache(size)
    setattr(self, name, cache)
    return cache


def _divided(self: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
    """Cut a strip into parts."""
    cuts = list(cuts)
    return [self] if cuts == [self.cell_length] else _divide(self, cuts)


def _cropped(self: Strip, start: int, end: int, style: Style | None) -> Strip:
    """Cut out a part of a strip, made longer where it is too short."""
    return self if start <= 0 and end == self.cell_length else _crop_extend(self, start, end, style)
