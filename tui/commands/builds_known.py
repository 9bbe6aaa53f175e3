"""The build ids that a shell offers: for its completion, so nothing slow is imported here."""

from __future__ import annotations

from core.board import BoardUnreadable, read_board
from core.config import load_settings, sqlite_path
from core.errors import ExitCode, QdeckError
from core.text import clean

MOST = 200
"""Builds that are offered, the newest."""


def print_builds() -> int:
    """Print the newest build ids of the journal that is in force; nothing where it cannot simply be read."""
    try:
        file = sqlite_path(load_settings().database_url)
        rows = read_board(file, limit=MOST) if file is not None else []
    except (QdeckError, BoardUnreadable):
        rows = []
    for row in rows:
        print(clean(row.build_id, lines=False))
    return ExitCode.DONE
