"""Runs git, and nothing but git, without trusting what lies in a worktree.

Every call names the git directory (and where needed the work tree) itself: the `.git` that a model can see
decides nothing. Configuration that runs programs is switched off: hooks, fsmonitor, external diffs, textconv,
and the filters and merge drivers that a repository's own config defines (a model could point `.gitattributes`
at one whose command lies in the worktree). System and user configuration play no part.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

from core.errors import ProjectError
from core.text import clean

TIMEOUT = 600.0
"""Seconds that one git command may take; a repository of a million files needs less."""

OLDEST_GIT = (2, 31)

# Each would run a program, or make git's picture of the files differ from the files.
_FIXED = {
    "safe.directory": "*",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.splitIndex": "false",
    "core.sparseCheckout": "false",
    "index.skipHash": "false",
    "worktree.useRelativePaths": "false",
    "core.trustctime": "true",
    "core.checkStat": "default",
    "core.quotePath": "false",
    "core.excludesFile": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.pager": "cat",
    "core.editor": "true",
    "core.askPass": "",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "merge.autoStash": "false",
    "diff.external": "",
    "protocol.ext.allow": "never",
}
_PROGRAMS = re.compile(
    rb"^(?:(filter\..+)\.(?:clean|smudge|process|required)|(merge\..+)\.driver|(diff\..+)\.(?:command|textconv))$",
    re.DOTALL,
)
_KEPT_ENVIRONMENT = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
_IDENTITY = {"NAME": "qdeck", "EMAIL": "qdeck@localhost"}


@dataclass(frozen=True, slots=True)
class Output:
    """What a git command gave: its exit code, its output, and whether that was cut at the asked limit."""

    code: int
    out: bytes
    err: str
    cut: bool = False

    @property
    def text(self) -> str:
        """The output as text, without the final newline."""
        return self.out.decode("utf-8", "replace").removesuffix("\n")


def decode_path(raw: bytes) -> str:
    r"""Return a path of git's as text that can always be stored: bytes that are not UTF-8 become `\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


@lru_cache(maxsize=1)
def git_program() -> str:
    """Return the path of git, or say that it is missing."""
    found = shutil.which("git")
    if found is None:
        raise ProjectError(
            "git is not installed, so no build can run.", "Install git (2.31 or newer) and try again."
        )
    return found


@lru_cache(maxsize=1)
def git_version() -> tuple[int, int]:
    """Return git's major and minor version."""
    done = subprocess.run(
        [git_program(), "--version"], capture_output=True, check=False, timeout=30, env=_environment({})
    )
    found = re.search(rb"(\d+)\.(\d+)", done.stdout)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < OLDEST_GIT:
        # Older ones do not read configuration from the environment, so hooks and filters would run.
        raise ProjectError(
            f"git {version[0]}.{version[1]} is too old to be used safely.", "Install git 2.31 or newer."
        )
    return version


def run_git(
    *arguments: str | bytes,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    index: Path | None = None,
    objects: Path | None = None,
    folder: Path | None = None,
    feed: bytes | None = None,
    ok: tuple[int, ...] = (0,),
    at: str | None = None,
    limit: int | None = None,
) -> Output:
    """Run one git command and return what it gave; an exit code outside `ok` is a ProjectError.

    `git_dir` is always given except while looking for a repository (then `folder` is where to look). `at` is
    the date of commits made, `limit` the number of bytes after which reading stops.
    """
    command: list[str | bytes] = [git_program(), "--no-pager", "--literal-pathspecs"]
    extra: dict[str, str] = {}
    if git_dir is not None:
        command.append(f"--git-dir={git_dir}")
        extra.update(_harmless(git_dir))
    if work_tree is not None:
        command.append(f"--work-tree={work_tree}")
    environment = _environment(extra)
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
    if objects is not None:
        environment["GIT_OBJECT_DIRECTORY"] = str(objects)
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_{key}": value for key, value in _IDENTITY.items()}
        if at is not None:
            environment[f"GIT_{who}_DATE"] = at
    output = _communicate([*command, *arguments], environment, work_tree or folder or git_dir, feed, limit)
    if output.code not in ok and not output.cut:
        raise git_failure(arguments, output)
    return output


def git_failure(arguments: tuple[str | bytes, ...], output: Output) -> ProjectError:
    """Return the error for a git command that failed, in git's own words."""
    name = next((str(word) for word in arguments if not str(word).startswith("-")), "?")
    lines = [line for line in output.err.splitlines() if not line.startswith(("hint:", "warning:"))]
    words = clean(" ".join(lines[-3:]) or f"exit code {output.code}", lines=False, limit=400)
    if "index.lock" in output.err or "cannot lock ref" in output.err:
        return ProjectError(
            f"git {name} found the repository locked: {words}",
            "Another git command is at work there, or left its lock behind; end it and try again.",
        )
    if "No space left" in output.err:
        return ProjectError(f"git {name} found the disk full.", "Free some space and resume.")
    return ProjectError(
        f"git {name} failed: {words}", "Look at the repository with `git status` and `git fsck`."
    )


def _communicate(
    command: list[str | bytes],
    environment: dict[str, str],
    folder: Path | None,
    feed: bytes | None,
    limit: int | None,
) -> Output:
    """Run `command`, in a session of its own so that an interrupted terminal cannot cut a checkout in two."""
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ProjectError(
            f"git could not start in {folder}: {error.strerror}.",
            "Check that the folder is there and readable.",
        ) from None
    with process:
        if limit is not None:
            return _read_up_to(process, limit)
        try:
            out, err = process.communicate(feed, TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ProjectError(
                f"git did not end within {TIMEOUT:.0f} seconds.", "Look at the disk and try again."
            ) from None
    return Output(process.returncode, out, err.decode("utf-8", "replace"))


def _read_up_to(process: subprocess.Popen[bytes], limit: int) -> Output:
    """Read at most `limit` bytes of the output of `process`, and end it there."""
    stdout, stderr = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stderr)
    errors: list[bytes] = []
    drain = threading.Thread(target=lambda: errors.append(stderr.read()))
    drain.start()
    watchdog = threading.Timer(TIMEOUT, process.kill)
    watchdog.start()
    try:
        out = stdout.read(limit + 1)
        if len(out) > limit:
            process.kill()
    finally:
        watchdog.cancel()
    process.wait()
    drain.join()
    return Output(
        process.returncode, out[:limit], b"".join(errors).decode("utf-8", "replace"), len(out) > limit
    )


def _environment(extra: dict[str, str]) -> dict[str, str]:
    """Return the environment of a git process: an allow-list, and our configuration on top of all other."""
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    environment |= {
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_MERGE_AUTOEDIT": "no",
    }
    settings = _FIXED | extra
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings.items()):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _harmless(git_dir: Path) -> dict[str, str]:
    """Return the settings that switch off the programs which this repository's own config names."""
    common = git_dir
    if (git_dir / "commondir").is_file():
        common = (git_dir / (git_dir / "commondir").read_text().strip()).resolve()
    stamps: list[tuple[str, int, int]] = []
    for file in (common / "config", git_dir / "config.worktree"):
        try:
            stat = file.stat()
        except OSError:
            continue
        stamps.append((str(file), stat.st_mtime_ns, stat.st_size))
    return dict(_programs(str(git_dir), tuple(stamps)))


@lru_cache(maxsize=64)
def _programs(git_dir: str, stamps: tuple[tuple[str, int, int], ...]) -> tuple[tuple[str, str], ...]:
    """Read which filters and drivers are configured; `stamps` makes a changed config a new question."""
    listed = _communicate(
        [git_program(), f"--git-dir={git_dir}", "config", "--includes", "--name-only", "-z", "--list"],
        _environment({}),
        None,
        None,
        None,
    )
    settings: dict[str, str] = {}
    for key in listed.out.split(b"\0"):
        found = _PROGRAMS.match(key)
        if found is None:
            continue
        family, merge, diff = (os.fsdecode(part) if part else "" for part in found.groups())
        if family:
            settings |= {f"{family}.{name}": "" for name in ("clean", "smudge", "process")}
            settings[f"{family}.required"] = "false"
        elif merge:
            # An empty driver is an error of its own; `false` makes the file a conflict, which is honest.
            settings[f"{merge}.driver"] = "false"
        else:
            settings |= {f"{diff}.command": "", f"{diff}.textconv": ""}
    return tuple(sorted(settings.items()))
