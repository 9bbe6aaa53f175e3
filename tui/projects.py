"""Is this folder a repository that can be built in? A quick look with git, so that a typing error shows
at once.

The worker checks everything again before it begins; this only spares the user the wait.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISDIR

from core.errors import ConfigError, QdeckError
from core.home import expanded

_SECONDS = 5.0


def tilde(path: Path | None) -> str:
    """Return the path as people write it, with `~` for their home; empty for none."""
    if path is None:
        return ""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)


@dataclass(frozen=True, slots=True)
class Look:
    """What was found: the top of the repository, or a sentence that says what is wrong.

    `branch` is the one that builds start from and merge into, not the one that is checked out; it is known
    only after `ask_branch`.
    """

    top: Path | None
    trouble: str = ""
    branch: str = ""
    changes: bool = False


def look_at(path: str) -> Look:
    """Look at the folder `path`. Never raises for anything that a person can type."""
    if not path.strip():
        return Look(None, "Name the folder of a git repository.")
    if not path.isprintable():
        return Look(None, "This is no folder: the name holds characters that cannot be seen.")
    folder = Path(path.strip())
    try:
        folder = expanded(folder)
        # What `Path.is_dir` makes of a name that no file can have differs with the Python.
        if not S_ISDIR(folder.stat().st_mode):
            return Look(None, f"{tilde(folder)} is a file; name the folder of the repository.")
    except (FileNotFoundError, NotADirectoryError):
        return Look(None, f"There is no folder {tilde(folder)}.")
    except ConfigError as error:
        return Look(None, error.what)
    except (OSError, ValueError) as error:
        return Look(None, f"{tilde(folder)} cannot be read: {error}.")
    try:
        return _repository(folder)
    except FileNotFoundError:
        return Look(None, "git is not installed; qdeck needs it.")
    except (OSError, subprocess.SubprocessError):
        return Look(None, f"git does not answer for {tilde(folder)}.")


def ask_branch(look: Look) -> Look:
    """Return the look with what the worker's side says of the repository: its branch, or what is wrong."""
    if look.top is None:
        return look
    from tui.commands.children import check_project

    try:
        return replace(look, branch=str(check_project(look.top).get("default_branch", "")))
    except QdeckError as error:
        return Look(None, str(error))


def complete(text: str, most: int = 8) -> list[str]:
    """Return the folders that begin as `text` does, as people write them, repositories first."""
    typed = text.strip()
    if not typed or not typed.isprintable():
        return []
    head, slash, begin = typed.rpartition("/")
    found: list[tuple[bool, str]] = []
    try:
        parent = expanded(f"{head}/" if slash else ".")
        with os.scandir(parent) as entries:
            for entry, _ in zip(entries, range(5_000), strict=False):
                name = entry.name
                fits = name.lower().startswith(begin.lower()) and name.isprintable()
                if fits and (begin.startswith(".") or not name.startswith(".")) and entry.is_dir():
                    found.append((not Path(entry.path, ".git").exists(), name))
    except (OSError, ConfigError):
        # There may be no such folder, or nobody of that name whose home it is.
        return []
    return [f"{head}{slash}{name}" for _, name in sorted(found)[:most]]


def _repository(folder: Path) -> Look:
    code, top = _git(folder, "rev-parse", "--show-toplevel")
    if code:
        inside, bare = _git(folder, "rev-parse", "--is-bare-repository")
        if not inside and bare == "true":
            return Look(None, f"{tilde(folder)} is a bare repository: clone it and name the clone.")
        return Look(None, f"{tilde(folder)} is not a git repository: run `git init` there and commit.")
    if _git(folder, "rev-parse", "--verify", "HEAD")[0]:
        return Look(
            None, f"{tilde(folder)} has no commit yet: commit once, so that there is something to build on."
        )
    _, status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Look(Path(top), changes=bool(status))


def _git(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run git without anything that the repository's own configuration could make it run."""
    done = subprocess.run(
        [
            "git",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
            "-C",
            str(folder),
            *arguments,
        ],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
        check=False,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
    )
    return done.returncode, done.stdout.strip()


def files_of(project: Path) -> tuple[str, ...]:
    """Return the names of the files that git knows in a project; none where it cannot be asked."""
    # The repository's own hooks and monitors are not run for a list of names.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(project), "ls-files", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(done.stdout.decode("utf-8", "replace").split("\0")[:-1][:20_000])


def committed(project: Path, branch: str, path: str) -> bytes | None:
    """Return a regular file as it is on the project's branch, whatever lies in the checkout; None without it.

    Where no branch is named it is `main`, then `master`, then what is checked out.
    """
    names = (f"refs/heads/{branch}",) if branch else ("refs/heads/main", "refs/heads/master", "HEAD")
    for name in names:
        if not _git(project, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")[0]:
            break
    code, listed = _git(project, "ls-tree", "--full-tree", name, "--", path)
    fields = listed.partition("\t")[0].split()
    if code or len(fields) != 3 or fields[0] not in ("100644", "100755"):
        return None
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(project), "cat-file", "blob", fields[2]]
    try:
        return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
