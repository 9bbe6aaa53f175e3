"""Opens files below a folder without ever leaving it.

A check before the open is worth nothing here: a command that a model started may put a symbolic link in the
way in between. So each component is opened relative to the one before and never followed if it is a link.
`.git` is refused in any spelling, at any depth.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from core.errors import QdeckError
from core.text import clean

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK the open of a pipe would wait for a writer for ever.
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_FLAGS = {
    "rb": os.O_RDONLY,
    "r+b": os.O_RDWR,
    "wb": os.O_WRONLY | os.O_CREAT,
    "xb": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
    "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
}


class PathRefused(QdeckError):
    """A path leads out of the folder that it must stay in, into `.git`, or to something that is no file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a folder; `kind` is file, folder, link or other."""

    name: str
    kind: str
    size: int


def inside(root: Path, relative: str) -> tuple[str, ...]:
    """Return the components of a path below `root`, or refuse it.

    An absolute path is taken when it begins with `root`: models like to write paths in full.
    """
    shown = clean(relative, lines=False, limit=200)
    if "\0" in relative or len(relative) > 4096:
        raise PathRefused("This is no file name: it is too long or has a zero byte in it.")
    if relative.startswith("/"):
        for start in (root, root.resolve()):
            if relative == str(start) or relative.startswith(f"{start}/"):
                relative = relative[len(str(start)) :].lstrip("/")
                break
        else:
            raise PathRefused(f"{shown} is outside the worktree.", "Use a path relative to its top.")
    parts = tuple(part for part in relative.split("/") if part not in ("", "."))
    if ".." in parts:
        raise PathRefused(f"{shown} could leave the worktree.", "Write the path without `..`.")
    if any(part.lower().rstrip(". ") == ".git" for part in parts):
        raise PathRefused(
            f"{shown} is inside .git, which is not to be touched.", "History has a tool of its own."
        )
    try:
        for part in parts:
            os.fsencode(part)
    except UnicodeEncodeError:
        raise PathRefused(f"{shown} is no file name: it is not valid Unicode.") from None
    return parts


def open_inside(root: Path, relative: str, mode: str = "rb") -> BinaryIO:
    """Open a regular file below `root`; modes are rb, r+b, wb, xb and ab.

    Writing makes the folders that are missing. Raises PathRefused for what leads out, at the moment of the
    open, and FileNotFoundError or IsADirectoryError as `open` does.
    """
    flags = _FLAGS[mode]
    parts = inside(root, relative)
    if not parts:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(root))
    with _folder(root, parts[:-1], make=bool(flags & os.O_CREAT)) as folder:
        descriptor = _open_file(folder, parts, flags)
    if mode == "wb":
        # Only now, when it is known to be a regular file.
        os.ftruncate(descriptor, 0)
    return cast(BinaryIO, os.fdopen(descriptor, mode.replace("x", "w")))


def write_inside(root: Path, relative: str, data: bytes) -> None:
    """Replace the content of a file below `root`, whole or not at all; its mode stays."""
    parts = inside(root, relative)
    if not parts:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(root))
    with _folder(root, parts[:-1], make=True) as folder:
        mode = 0o666 & ~_umask()
        with suppress(FileNotFoundError):
            there = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(there.st_mode):
                raise _not_a_file(parts, there.st_mode)
            mode = stat.S_IMODE(there.st_mode) & 0o777
        name = f".qdeck-{secrets.token_hex(8)}"
        descriptor = os.open(name, _FILE | os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                os.fchmod(descriptor, mode)
            os.rename(name, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
            raise


def remove_inside(root: Path, relative: str) -> bool:
    """Remove a file or link below `root`; say whether there was one."""
    parts = inside(root, relative)
    try:
        with _folder(root, parts[:-1]) as folder:
            os.unlink(parts[-1], dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError, IndexError):
        return False
    return True


def list_inside(root: Path, relative: str = "") -> list[Entry]:
    """Return what a folder below `root` holds, sorted by name, `.git` left out."""
    entries: list[Entry] = []
    with _folder(root, inside(root, relative)) as folder, os.scandir(folder) as found:
        for entry in found:
            if entry.name.lower() != ".git":
                with suppress(FileNotFoundError):
                    there = entry.stat(follow_symlinks=False)
                    entries.append(Entry(entry.name, _kind(there.st_mode), there.st_size))
    return sorted(entries, key=lambda entry: entry.name)


def _open_file(folder: int, parts: tuple[str, ...], flags: int) -> int:
    """Open the last component, which must be a regular file, and return its descriptor."""
    name = parts[-1]
    try:
        descriptor = os.open(name, _FILE | flags, 0o666, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise _not_a_file(parts, _mode(folder, name)) from None
        if error.errno == errno.ENAMETOOLONG:
            raise PathRefused(f"The name {clean(name, lines=False, limit=60)} is too long.") from None
        raise type(error)(error.errno, os.strerror(error.errno or 0), "/".join(parts)) from None
    found = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(found):
        os.close(descriptor)
        if stat.S_ISDIR(found):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), "/".join(parts))
        raise _not_a_file(parts, found)
    return descriptor


@contextmanager
def _folder(root: Path, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    """Open a folder below `root`, component by component, and close it at the end."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for depth, part in enumerate(parts, 1):
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=descriptor)
                deeper = os.open(part, _DIRECTORY, dir_fd=descriptor)
            except OSError as error:
                raise _no_folder(descriptor, parts[:depth], error) from None
            os.close(descriptor)
            descriptor = deeper
        yield descriptor
    finally:
        os.close(descriptor)


def _no_folder(parent: int, parts: tuple[str, ...], error: OSError) -> Exception:
    """Return the error for a folder on the way that could not be opened."""
    mode = _mode(parent, parts[-1])
    if stat.S_ISLNK(mode):
        return _not_a_file(parts, mode)
    if error.errno == errno.ENAMETOOLONG:
        return PathRefused(f"The name {clean(parts[-1], lines=False, limit=60)} is too long.")
    return type(error)(error.errno, os.strerror(error.errno or 0), "/".join(parts))


def _not_a_file(parts: tuple[str, ...], mode: int) -> PathRefused:
    shown = clean("/".join(parts), lines=False, limit=200)
    if stat.S_ISLNK(mode):
        return PathRefused(
            f"{shown} is a symbolic link, which is not followed.", "Name the file it points to."
        )
    return PathRefused(f"{shown} is not a regular file.")


def _mode(folder: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "other"


def _umask() -> int:
    """Return the process's umask without changing it, which another thread would notice."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("Umask:")[2].split()[0], 8)
    except (OSError, ValueError, IndexError):
        return 0o022
