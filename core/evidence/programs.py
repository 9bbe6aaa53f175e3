"""Programs that lie outside of the system's own folders, made visible to a contained command.

Language tools are often installed below home, which a contained command does not see. Of such a tool only its
installation is shown, read-only, never the folder of settings and keys beside it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Program:
    """What a program needs to be found and to run: folders to show, places on the PATH, variables."""

    readable: tuple[Path, ...] = ()
    places: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


def search_path(*places: Path) -> str:
    """Return a PATH of `places` and then the system's."""
    return os.pathsep.join([*map(str, dict.fromkeys(places)), *_SYSTEM[:3]])


def find_program(name: str) -> Program:
    """Return what `name` needs besides the system; nothing for a program of the system or an unknown one."""
    if "/" in name or shutil.which(name, path=os.pathsep.join(_SYSTEM)):
        return Program()
    found = shutil.which(name)
    if found is None:
        return Program()
    place, real = Path(found).absolute().parent, Path(found).resolve()
    readable = [place, _installation(real)]
    env: dict[str, str] = {}
    if real.name == "rustup" or (place / "rustup").exists():
        toolchains = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
        readable.append(toolchains)
        env = {"RUSTUP_HOME": str(toolchains), "CARGO_HOME": "/tmp/cargo"}  # noqa: S108 - inside, of the run's own
    return Program(tuple(dict.fromkeys(readable)), (place,), env)


def _installation(real: Path) -> Path:
    """Return the folder that the program was installed in, or only its own where that would show too much."""
    prefix = real.parent.parent
    whole = any((prefix / name).is_dir() for name in ("lib", "pkg", "include", "share"))
    private = Path.home().is_relative_to(prefix) or prefix.parent == Path.home()
    return prefix if whole and not private else real.parent
