"""Lines that are not drawn any more go at once.

A strip of Textual's keeps the parts that it was cut into; where that is the whole, it keeps itself, and stays
until all garbage is collected. A stream draws hundreds of lines a second, of which each takes a kilobyte.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from textual.strip import Strip

_divide, _crop_extend = Strip.divide, Strip.crop_extend


def let_go() -> None:
    """Have no strip keep itself."""
    Strip.divide = _divided  # type: ignore[method-assign]
    Strip.crop_extend = _cropped  # type: ignore[method-assign]


def _divided(self: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
    """Cut a strip into parts."""
    cuts = list(cuts)
    return [self] if cuts == [self.cell_length] else _divide(self, cuts)


def _cropped(self: Strip, start: int, end: int, style: Style | None) -> Strip:
    """Cut out a part of a strip, made longer where it is too short."""
    return self if start <= 0 and end == self.cell_length else _crop_extend(self, start, end, style)
