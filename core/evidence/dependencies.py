"""What a project needs installed, read from its own files. Pure: reads bytes, installs nothing."""

from __future__ import annotations

import configparser
import importlib.metadata
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from core.evidence.receipts import digest_of

ReadFile = Callable[[str], bytes | None]
"""Reads a file of one tree by its path; None when there is none."""

REQUIREMENT_FILES = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "requirements_dev.txt",
    "requirements_test.txt",
    "dev-requirements.txt",
    "test-requirements.txt",
    "requirements/base.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
)
LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "Pipfile.lock")
OTHER_FILES = (
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "go.mod",
    "go.sum",
    "Cargo.toml",
    "Cargo.lock",
)
EXTRAS = ("test", "tests", "testing", "dev", "develop")
"""Names of extras and dependency groups that tests usually need."""

SHIPPED = ("pytest", "coverage")
"""Packages of qdeck's own environment that a project's tests may use as they are."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What to install for a project's tests.

    `requirement_files` and `requirements` are handed to the installer as they are. `build` means that only
    the project's own build knows its dependencies. `extras` and `groups` are those of the locked or built
    project. `files` are all the files that this was read from, by the digest of what counts in them.
    """

    files: tuple[tuple[str, str], ...] = ()
    requirement_files: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lock: str = ""
    build: bool = False
    name: str = ""
    version: str = ""
    scripts: tuple[tuple[str, str, str], ...] = ()

    @property
    def digest(self) -> str:
        """The sha256 of everything that decides what is installed."""
        return digest_of([list(item) for item in self.files])

    @property
    def shipped(self) -> bool:
        """Whether qdeck's own environment has all of it already."""
        if self.requirement_files or self.build or self.scripts:
            return False
        return all(_is_shipped(text) for text in self.requirements)


def _is_shipped(text: str) -> bool:
    try:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate():
            return True
        if wanted.name.lower() not in SHIPPED or wanted.url:
            return False
        return wanted.specifier.contains(importlib.metadata.version(wanted.name), prereleases=True)
    except (InvalidRequirement, importlib.metadata.PackageNotFoundError):
        return False


def find_dependencies(read: ReadFile) -> Dependencies:
    """Read the dependency files of one tree."""
    project = _toml(read("pyproject.toml"))
    files = dict(_digests(read, project))
    texts = tuple(name for name in REQUIREMENT_FILES if name in files)
    table = _table(project, "project")
    dynamic = table.get("dynamic", [])
    optional, groups = _table(table, "optional-dependencies"), _table(project, "dependency-groups")
    extras = tuple(name for name in EXTRAS if name in optional)
    named = tuple(name for name in EXTRAS if name in groups)
    needed = _strings(table.get("dependencies"))
    for extra in extras:
        needed += _strings(optional[extra])
    for group in named:
        needed += _group(groups, group, frozenset())
    if not table:
        needed += _setup_cfg(read("setup.cfg"))
    build = _only_built(project, table, "dependencies" in dynamic, bool(texts or needed), read)
    return Dependencies(
        files=tuple(sorted(files.items())),
        requirement_files=texts,
        requirements=tuple(dict.fromkeys(_without_itself(needed, str(table.get("name", "")), optional))),
        extras=extras,
        groups=named,
        lock="uv.lock" if "uv.lock" in files and table else "",
        build=build,
        name=str(table.get("name", "")),
        version=str(table.get("version", "0")),
        scripts=tuple(_entry_points(table)),
    )


def dependency_changes(base: Dependencies, new: Dependencies) -> list[str]:
    """Return the dependency files that say something else in `new` than in `base`."""
    before, after = dict(base.files), dict(new.files)
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name, "") != after.get(name, "")
    )


def _digests(read: ReadFile, project: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Digest each file; of `pyproject.toml` only what decides over dependencies."""
    table = _table(project, "project")
    parts = [
        table.get("dependencies"),
        table.get("optional-dependencies"),
        table.get("requires-python"),
        project.get("dependency-groups"),
        project.get("build-system"),
    ]
    tools = project.get("tool") or {}
    for tool in ("poetry", "pdm", "uv", "hatch"):
        known = tools.get(tool) or {} if isinstance(tools, dict) else {}
        keys = ("dependencies", "dev-dependencies", "group", "extras", "sources", "index", "envs")
        parts.append({key: known[key] for key in keys if key in known} or None)
    if any(part is not None for part in parts):
        yield "pyproject.toml", digest_of(parts)
    for name in (*REQUIREMENT_FILES, *LOCK_FILES, *OTHER_FILES, "constraints.txt", "setup.py", "setup.cfg"):
        data = read(name)
        if data is None:
            continue
        if name == "setup.cfg":
            found = _setup_cfg(data)
            if found:
                yield name, digest_of(found)
        else:
            yield name, digest_of(data.decode("utf-8", "replace"))


def _only_built(
    project: dict[str, Any], table: dict[str, Any], dynamic: bool, listed: bool, read: ReadFile
) -> bool:
    if table:
        return dynamic and not listed
    poetry = "poetry" in (project.get("tool") or {})
    return poetry or (not listed and b"install_requires" in (read("setup.py") or b""))


def _toml(data: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((data or b"").decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _group(groups: dict[str, Any], name: str, seen: frozenset[str]) -> list[str]:
    """Return the requirements of a dependency group with those that it includes (PEP 735)."""
    if name in seen or not isinstance(groups.get(name), list):
        return []
    found: list[str] = []
    for item in groups[name]:
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
            found += _group(groups, item["include-group"], seen | {name})
    return found


def _without_itself(needed: list[str], name: str, optional: dict[str, Any]) -> Iterable[str]:
    """Put the listed extras in the place of a project's requirement of itself, as in `all = ["me[a,b]"]`."""
    for text in needed:
        head = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^]]*)\])?", text)
        if head and name and _same(head[1], name):
            for extra in (head[2] or "").split(","):
                yield from _strings(optional.get(extra.strip()))
        else:
            yield text


def _same(a: str, b: str) -> bool:
    return re.sub(r"[-_.]+", "-", a).lower() == re.sub(r"[-_.]+", "-", b).lower()


def _setup_cfg(data: bytes | None) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((data or b"").decode("utf-8", "replace"))
    except configparser.Error:
        return []
    texts = [parser.get("options", "install_requires", fallback="")]
    texts += [parser.get("options.extras_require", extra, fallback="") for extra in EXTRAS]
    lines = (line.strip() for text in texts for line in text.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "file:"))]


def _entry_points(table: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    """Yield what the project's own metadata announces, except its commands: nobody runs those in tests."""
    for group, entries in _table(table, "entry-points").items():
        if isinstance(entries, dict):
            for name, target in entries.items():
                yield group, str(name), str(target)
