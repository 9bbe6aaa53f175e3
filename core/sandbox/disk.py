"""Looks now and then at how much a run has added to the folders that it may write in.

The kernel bounds one file, and quotas need rights that nobody has; so the sum of many files is looked at.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

_FIRST_LOOK = 1.0
_LOOK_EVERY = 2.0
_SHARE = 10
"""A look at many files takes its time; the pause after it is that much longer."""


class DiskUse:
    """The growth of some folders since the first look, a second after the start.

    What a command writes before that is at most what a disk takes in a second.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._next = time.monotonic() + _FIRST_LOOK
        self._first: int | None = None

    def grown(self) -> int:
        """Return by how many bytes the folders have grown, as far as it is time to look again; else 0."""
        now = time.monotonic()
        if now < self._next:
            return 0
        used = sum(used_below(folder) for folder in self._folders)
        ended = time.monotonic()
        self._next = ended + max(_LOOK_EVERY, _SHARE * (ended - now))
        if self._first is None:
            self._first = used
        return used - self._first


def used_below(folder: Path) -> int:
    """Return the bytes on disk of all that lies below `folder`, links not followed.

    Folders nested deeper than any path can say count as more than there is: no honest project has them.
    """
    used = 0
    todo = [str(folder)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    info = entry.stat(follow_symlinks=False)
                    used += info.st_blocks * 512
                    if stat.S_ISDIR(info.st_mode):
                        todo.append(entry.path)
        except OSError as error:
            # What vanishes while it is looked at is no longer there to count.
            if error.errno == errno.ENAMETOOLONG:
                return 1 << 62
    return used
