"""The board's first picture, read while the interpreter is still busy with importing Textual.

Standard library and the pure core only. SQLite computes in a thread of its own, beside the interpreter.
"""

from __future__ import annotations

import threading
from pathlib import Path

from core.board import BoardRow, BoardUnreadable, Totals, first_look
from core.config import sqlite_path

FIRST_ROWS = 120
"""Rows that are read for the first frame, more than a screen shows; the others come after it."""


class FirstLook:
    """A read-only look at the journal's file; begins at once."""

    def __init__(self, url: str) -> None:
        self._rows: list[BoardRow] = []
        self._totals: Totals | None = None
        self._trouble = ""
        self._thread: threading.Thread | None = None
        path = sqlite_path(url)
        if path is not None:
            self._thread = threading.Thread(target=self._read, args=(path,), name="qdeck-first-look")
            self._thread.start()

    def result(self) -> tuple[list[BoardRow], Totals | None, str]:
        """Return the rows, the sums of all rows, and why there are none of both."""
        if self._thread is not None:
            self._thread.join()
        return self._rows, self._totals, self._trouble

    def _read(self, path: Path) -> None:
        try:
            self._rows, self._totals = first_look(path, FIRST_ROWS)
        except (BoardUnreadable, OSError) as error:
            self._trouble = str(error)
