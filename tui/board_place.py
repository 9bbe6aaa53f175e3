"""Where the user was on the board: view, order, filters and selection of the board, kept between starts.

A file that is missing, broken or cannot be written is no trouble: one begins at the top again.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tui.board_model import Sort


@dataclass(slots=True)
class Remembered:
    """The board as it was left."""

    view: str = "list"
    sort: str = Sort.NEWEST.name
    turned: str = ""
    project: str = ""
    pattern: str = ""
    selected: str = ""

    @property
    def order(self) -> Sort:
        """The order of rows; the newest first where the file knows another word."""
        return Sort.__members__.get(self.sort, Sort.NEWEST)


def recall(file: Path) -> Remembered:
    """Read where the user was."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found = json.loads(file.read_text(encoding="utf-8"))
        known = {f.name for f in fields(Remembered)}
        return Remembered(**{k: v for k, v in found.items() if k in known and isinstance(v, str)})
    return Remembered()


def remember(file: Path, what: Remembered) -> None:
    """Write where the user is, whole or not at all."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = file.with_suffix(".new")
        scratch.write_text(json.dumps(asdict(what)), encoding="utf-8")
        scratch.replace(file)
