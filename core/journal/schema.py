"""Which schema this program speaks. Import-light, so that looking costs nothing."""

from __future__ import annotations

REVISIONS: tuple[str, ...] = ("0001", "0002", "0003", "0004")
"""Every revision that ever was, oldest first; each has a file in `migrations/versions`."""

HEAD = REVISIONS[-1]
VERSION_TABLE = "qdeck_schema"
"""Where the revision is written down; our own name, since a server's database may hold others' tables."""
