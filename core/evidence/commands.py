"""Find how a project runs its tests, and which of its files are tests."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from core.evidence.bench import ProjectSettings, Toolchain

PYTHON = "python"
"""Stands in a found command for the toolchain's interpreter."""

PYTEST = (PYTHON, "-m", "pytest")
UNITTEST = (PYTHON, "-m", "unittest")

TEST_FOLDERS = ("tests", "test", "testing", "__tests__", "spec")
_TEST_NAMES = (
    "test_*.py",
    "*_test.py",
    "conftest.py",
    "tests.py",
    "*.test.[jt]s",
    "*.test.[jt]sx",
    "*.test.[cm]js",
    "*.spec.[jt]s",
    "*.spec.[jt]sx",
    "*.spec.[cm]js",
    "*_test.go",
)
_SKIPPED_FOLDERS = {".git", "node_modules", ".venv", "venv", "build", "dist", "target", "__pycache__"}
_SHELL = re.compile(r"^(&&|\|\||[|;<>&]+)$")


def is_test_path(path: str, settings: ProjectSettings) -> bool:
    """Say whether a file of the repository belongs to its tests.

    With test paths configured only these count, as folders, files or patterns; else the usual names do.
    """
    posix = PurePosixPath(path)
    if settings.test_paths:
        return any(_under(posix, place) for place in settings.test_paths)
    in_folder = any(part in TEST_FOLDERS for part in posix.parts[:-1])
    return in_folder or any(fnmatch(posix.name, pattern) for pattern in _TEST_NAMES)


def _under(path: PurePosixPath, place: str) -> bool:
    folder = PurePosixPath(place.rstrip("/"))
    return path == folder or folder in path.parents or fnmatch(str(path), place)


def find_test_command(tree_dir: Path, settings: ProjectSettings) -> tuple[str, ...] | None:
    """Return the command that runs the tests of the tree in `tree_dir`, or None when there is none.

    The configured command wins. Otherwise: pytest, unittest, npm, go, cargo, make, whichever is found first.
    `python` as the first word stands for the toolchain's interpreter.
    """
    if settings.test_command:
        return normal(settings.test_command)
    for finder in (_python_tests, _npm_tests, _go_tests, _cargo_tests, _make_tests):
        command = finder(tree_dir, settings)
        if command:
            return command
    return None


def normal(words: tuple[str, ...]) -> tuple[str, ...]:
    """Take `uv run` and the like off a command, since the environment is already there."""
    if any(_SHELL.match(word) for word in words):
        return ("/bin/sh", "-c", " ".join(words))
    for prefix in (("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run"), ("pipenv", "run")):
        if words[:2] == prefix and len(words) > 2 and not words[2].startswith("-"):
            words = words[2:]
    if words[0] in ("pytest", "py.test"):
        return (*PYTEST, *words[1:])
    if words[0] in ("python3", PYTHON):
        return (PYTHON, *words[1:])
    return words


def is_pytest(command: tuple[str, ...]) -> bool:
    """Say whether the command is pytest, run as a module."""
    return command[:3] == PYTEST


def tells_tests(command: tuple[str, ...]) -> bool:
    """Say whether the command is one whose tests are known by name: pytest's or unittest's own."""
    return is_pytest(command) or command[:3] == UNITTEST


def with_interpreter(command: tuple[str, ...], toolchain: Toolchain) -> tuple[str, ...]:
    """Put the toolchain's interpreter where the command says `python`."""
    return (str(toolchain.python), *command[1:]) if command[0] == PYTHON else command


def _python_tests(tree: Path, settings: ProjectSettings) -> tuple[str, ...] | None:
    if _pytest_configured(tree):
        return PYTEST
    files = list(_files(tree))
    python_tests = [f for f in files if f.endswith(".py") and is_test_path(f, settings)]
    named = [f for f in python_tests if fnmatch(PurePosixPath(f).name, "test_*.py") or f.endswith("_test.py")]
    if named:
        return PYTEST
    if any(PurePosixPath(f).name == "tests.py" for f in python_tests):
        return (*UNITTEST, "discover", "-p", "tests.py")
    return PYTEST if any(f.startswith(("tests/", "test/")) for f in python_tests) else None


def _pytest_configured(tree: Path) -> bool:
    if (tree / "pytest.ini").is_file() or (tree / ".pytest.ini").is_file():
        return True
    if "pytest" in table(read_toml(tree / "pyproject.toml"), "tool"):
        return True
    sections = (("setup.cfg", "[tool:pytest]"), ("tox.ini", "[pytest]"))
    return any(section in _text(tree / name) for name, section in sections)


def _npm_tests(tree: Path, settings: ProjectSettings) -> tuple[str, ...] | None:
    script = npm_script(_text(tree / "package.json"))
    return ("npm", "test", "--silent") if script and "no test specified" not in script else None


def npm_script(package: str) -> str:
    """Return what `npm test` runs by the text of a `package.json`; empty for none."""
    try:
        return str(json.loads(package or "{}").get("scripts", {}).get("test", ""))
    except (ValueError, AttributeError):
        return ""


def _go_tests(tree: Path, settings: ProjectSettings) -> tuple[str, ...] | None:
    return ("go", "test", "-count=1", "-v", "./...") if (tree / "go.mod").is_file() else None


def _cargo_tests(tree: Path, settings: ProjectSettings) -> tuple[str, ...] | None:
    return ("cargo", "test", "--offline") if (tree / "Cargo.toml").is_file() else None


def _make_tests(tree: Path, settings: ProjectSettings) -> tuple[str, ...] | None:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if re.search(r"(?m)^test\s*:(?!=)", _text(tree / name)):
            return ("make", "test")
    return None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; one that is absent or broken counts as empty."""
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def table(data: Any, *keys: str) -> dict[str, Any]:
    """Return the table below `keys`; empty where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _text(path: Path) -> str:
    """Read a small file of the tree; links are not followed, since they may lead out of it."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 4 << 20:
        return ""
    return path.read_text("utf-8", "replace")


def _files(tree: Path) -> Iterable[str]:
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            yield (Path(folder) / name).relative_to(tree).as_posix()


def source_places(project: dict[str, Any]) -> tuple[str, ...]:
    """Return the folders that packages are imported from by what a `pyproject.toml` says."""
    tools = table(project, "tool", "setuptools")
    where = table(tools, "packages", "find").get("where")
    places = ["src", *(where if isinstance(where, list) else ()), table(tools, "package-dir").get("", "")]
    return tuple(dict.fromkeys(str(item) for item in places if item))


def source_roots(tree: Path) -> tuple[Path, ...]:
    """Return the folders of a tree that its packages are imported from, the most specific first."""
    roots = []
    for place in source_places(read_toml(tree / "pyproject.toml")):
        folder = tree / place
        inside = place and not PurePosixPath(place).is_absolute() and ".." not in PurePosixPath(place).parts
        if inside and folder.is_dir() and not folder.is_symlink() and not (folder / "__init__.py").exists():
            roots.append(folder)
    return (*roots, tree)
