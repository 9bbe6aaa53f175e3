"""Which folders a Python interpreter needs to run, wherever it was installed."""

from __future__ import annotations

from pathlib import Path


def interpreter_paths(python: Path) -> tuple[Path, ...]:
    """Return the folders to bind read-only so that `python` runs.

    They are its environment, every link on the way to the real executable, and the installation that it was
    made from: virtual environments of virtual environments, pyenv, uv-managed and system interpreters. A
    folder that holds more than an installation (a home folder, say) is never given whole.
    """
    found: dict[Path, None] = {}
    todo, seen = [python.absolute()], set[Path]()
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        prefix = current.parent.parent
        for path in _parts(prefix, current):
            found[path] = None
        for home in _base_of(prefix):
            todo.append(home / current.name if (home / current.name).exists() else home / "python3")
        todo += _links(current)
    return tuple(sorted(found, key=lambda p: len(p.parts)))


def _links(path: Path) -> list[Path]:
    """The next hop of a linked executable, and the real place of a linked folder on the way to it."""
    hops = []
    if path.is_symlink():
        target = path.readlink()
        hops.append(target if target.is_absolute() else Path(f"{path.parent}/{target}").absolute())
    real = path.parent.resolve() / path.name
    if real != path and real.exists():
        hops.append(real)
    if path.exists():
        hops.append(path.resolve())
    return hops


def _base_of(prefix: Path) -> list[Path]:
    """The `home` of a virtual environment: the folder of the interpreter that it was made with (PEP 405)."""
    marker = prefix / "pyvenv.cfg"
    if not marker.is_file():
        return []
    pairs = (line.partition("=") for line in marker.read_text(errors="replace").splitlines())
    return [Path(value.strip()) for key, _, value in pairs if key.strip() == "home" and value.strip()]


def _parts(prefix: Path, executable: Path) -> list[Path]:
    if prefix in (Path("/"), Path("/usr"), Path("/usr/local")):
        return []
    whole = (prefix / "pyvenv.cfg").is_file() or (prefix / "include").is_dir()
    if whole and not Path.home().is_relative_to(prefix):
        return [prefix]
    libraries = list((prefix / "lib").glob("python3*")) if (prefix / "lib").is_dir() else []
    return [path for path in (executable, *libraries) if path.exists()]
