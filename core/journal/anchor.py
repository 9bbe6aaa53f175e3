"""The heads of the chains, kept outside the database.

A chain alone cannot show that its tail was cut off, or that a whole workflow is gone; this can. It holds no
secret: whoever can rewrite the database and this file can forge both together, which is why `verify` names a
seal that can be kept somewhere else.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from typing import IO

Head = tuple[str, int, str]
"""Workflow, number of its last event, hash of that event."""

Marks = dict[str, dict[int, set[str]]]
"""The anchored hashes, by workflow and number of the event."""

_HASH_DIGITS = 64
_COMPACT_BYTES = 1 << 20
"""A file that has grown beyond this is cut down to one line for each workflow."""


class Anchor:
    """The file with the heads: a line for every commit, appended after it."""

    def __init__(self, path: Path | None, *, compact_bytes: int = _COMPACT_BYTES) -> None:
        self.path = path
        self._limit = compact_bytes

    def note(self, heads: Iterable[Head]) -> None:
        """Add the heads of a commit. A failure is no reason to lose the commit."""
        lines = "".join(f"{workflow_id} {seq} {hash_}\n" for workflow_id, seq, hash_ in heads)
        if not lines or self.path is None:
            return
        with contextlib.suppress(OSError):
            with self._appending(self.path) as file:
                # One write: writers of several processes never mix their lines.
                file.write(_line_end(file) + lines.encode("ascii", "replace"))
                size = file.tell()
            if size > self._limit:
                self._compact(self.path)

    @contextlib.contextmanager
    def _appending(self, path: Path) -> Iterator[FileIO]:
        """The file, held in common with other writers; never one that a compaction has replaced."""
        while True:
            number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            file = os.fdopen(number, "a+b", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_SH)
                if _is_still(path, file):
                    yield file
                    return
            finally:
                file.close()

    def _compact(self, path: Path) -> None:
        """Keep the latest line of each workflow; done by one process while no other appends."""
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(path, file):
                return
            # Two heads of one number mean that a history was rewritten; both stay, for whoever verifies.
            latest = {w: max(marks.items()) for w, marks in _marks(file.read()).items()}
            text = "".join(f"{w} {seq} {h}\n" for w, (seq, hashes) in latest.items() for h in sorted(hashes))
            number, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
            try:
                with os.fdopen(number, "wb") as new:
                    new.write(text.encode())
                    new.flush()
                    os.fsync(new.fileno())
                Path(name).replace(path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._limit = max(self._limit, 2 * len(text))

    def marks(self) -> Marks:
        """Return every head that is still written down; lines that are damaged do not count."""
        try:
            return _marks(self.path.read_bytes()) if self.path is not None else {}
        except OSError:
            return {}

    @property
    def exists(self) -> bool:
        """Whether there is an anchor to compare with."""
        return self.path is not None and self.path.exists()


def _is_still(path: Path, file: IO[bytes]) -> bool:
    """Whether the open file is the one that the path names now."""
    try:
        named, held = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)


def _line_end(file: IO[bytes]) -> bytes:
    """What closes a last line that a power cut has torn."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _marks(data: bytes) -> Marks:
    marks: Marks = {}
    # What follows the last line's end was torn by a power cut; it does not count.
    for line in data.decode("ascii", "replace").split("\n")[:-1]:
        workflow_id, _, rest = line.partition(" ")
        seq, _, hash_ = rest.partition(" ")
        if workflow_id and seq.isascii() and seq.isdigit() and len(hash_) == _HASH_DIGITS:
            marks.setdefault(workflow_id, {}).setdefault(int(seq), set()).add(hash_)
    return marks
