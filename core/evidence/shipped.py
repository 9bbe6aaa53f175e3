"""Which files a product is made of, although their folder or ending says that they are not.

A folder `tools` is upkeep until something that ships imports it; a table or a text inside of a package is
what the package reads.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from core.evidence.commands import table
from core.evidence.definitions import parse
from core.evidence.suppressions import CODE

_READ_AT_MOST = 5_000
_PACKAGING = ("pyproject.toml", "setup.py", "setup.cfg", "package.json")
_SHIPPING = (
    *(("project", name) for name in ("scripts", "gui-scripts", "entry-points")),
    *(("tool", name) for name in ("setuptools", "hatch", "poetry", "flit", "pdm", "maturin")),
)
_PUBLISHED = ("main", "module", "exports", "bin", "files", "browser", "types")
_NOTES = re.compile(
    r"(?:^|/)(?:README|CHANGELOG|CONTRIBUTING|AUTHORS|LICEN[CS]E|NOTICE|SECURITY|CODE_OF_CONDUCT)[^/]*$", re.I
)
_UPKEEP = re.compile(
    r"(?:^|/)(?:\.[^/]+|package(?:-lock)?\.json|tsconfig[^/]*\.json|pyproject\.toml|setup\.cfg|Cargo\.toml"
    r"|go\.sum|requirements[^/]*\.txt|(?:Make|Docker|Just)file[^/]*)$",
    re.I,
)
_PAGES = re.compile(r"(?:^|/)(?:docs?|documentation)/(?:.*/)?[^/]+\.(?:md|markdown|rst|adoc)$", re.I)
_SOURCES = ("src", "lib", "app")


@dataclass
class Product:
    """What a tree ships: its paths, how they are read, and which of them are tests."""

    paths: Iterable[str]
    read: Callable[[str], str]
    is_test: Callable[[str], bool]
    _said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note the folders that are packages."""
        self.paths = tuple(self.paths)
        inits = (PurePosixPath(path) for path in self.paths if path.endswith("/__init__.py"))
        self._packages = {p.parent for p in inits if not self.is_test(str(p))}

    def used_by(self, path: str) -> str:
        """Return what ships and needs code of the top folder of `path`; empty for nothing."""
        top, slash, _ = path.partition("/")
        if not slash:
            return ""
        if top not in self._said:
            self._said[top] = next(self._users(top), "")
        return self._said[top]

    def _users(self, top: str) -> Iterator[str]:
        for name in _PACKAGING:
            if name in self.paths and _is_packed(name, self.read(name), top):
                yield name
        code = [p for p in self.paths if p.endswith(CODE) and not p.startswith((f"{top}/", "."))]
        for path in code[:_READ_AT_MOST]:
            if path not in _PACKAGING and not self.is_test(path) and _names(path, self.read(path), top):
                yield path

    def reads(self, path: str) -> bool:
        """Say whether a file that is no code lies where the product looks for what it reads."""
        whole = PurePosixPath(path)
        if len(whole.parts) < 2 or any(known.search(path) for known in (_NOTES, _UPKEEP, _PAGES)):
            return False
        return whole.parts[0] in _SOURCES or any(parent in self._packages for parent in whole.parents)


def _is_packed(name: str, text: str, top: str) -> bool:
    """Say whether a file of packaging ships a folder."""
    if name == "pyproject.toml":
        data = _toml(text)
        said = (leaf for keys in _SHIPPING for leaf in _leaves(table(data, *keys)))
    elif name == "package.json":
        data = _json(text)
        said = (leaf for key in _PUBLISHED for leaf in _leaves(data.get(key)))
    else:
        named = rf"""(?m)(?:^|["'\s=,]){re.escape(top)}(?=[./:"'\s,]|$)(?!\s*=)"""
        return re.search(named, text) is not None
    start = re.compile(rf"(?:\.?/)?{re.escape(top)}(?:[./:*]|$)")
    return any(start.match(leaf) for leaf in said)


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _leaves(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _leaves(value)
    elif isinstance(data, list):
        for value in data:
            yield from _leaves(value)
    elif isinstance(data, str):
        yield data


def _names(path: str, text: str, top: str) -> bool:
    """Say whether code imports from a folder or names a file of it."""
    if path.endswith((".py", ".pyi")):
        tree = parse(text)
        return tree is not None and any(_is_of(name, top) for name in _imported(tree))
    return re.search(rf"""["'`](?:\.{{1,2}}/)*{re.escape(top)}/""", text) is not None


def _is_of(name: str, top: str) -> bool:
    return name == top or name.startswith((f"{top}.", f"{top}/"))


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield what a module imports, and every text in it that could be the name of a module or a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            said = node.value.removeprefix("./").removeprefix("../")
            # A word alone is a word; a place has a dot or a stroke in it.
            yield from [said] if "/" in said or "." in said else []
