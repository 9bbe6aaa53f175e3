"""A damaged journal's file, looked at without opening it, and moved away once a person has said so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.config import sqlite_path
from core.journal import aside
from core.service.opening import worker_alive
from core.service.plain import View


@dataclass(frozen=True, slots=True)
class DamageView(View):
    """What is wrong with a journal's file; `why` is empty when nothing is. `backups` are newest first."""

    path: str
    why: str
    in_use: bool
    backups: tuple[str, ...]


def look(url: str) -> DamageView | None:
    """Look at the journal at `url`; None for one on a server, whose own tools care for it."""
    path = sqlite_path(url)
    if path is None:
        return None
    found = tuple(str(copy) for copy in aside.backups(path))
    return DamageView(str(path), aside.damage(path), worker_alive(url), found)


def set_aside(seen: DamageView) -> str:
    """Move the file that was looked at out of the way, unchanged, and return where it is now."""
    return str(aside.set_aside(Path(seen.path)))
