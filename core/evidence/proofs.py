"""Compare tests between two trees by their text: which are new, and which say something else now. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy

from core.evidence.definitions import functions_in, parse
from core.evidence.junit import Case

TEST_CONFIGURATION = frozenset(
    ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "conftest.py", ".coveragerc")
)
"""Files that decide how tests are run."""


def functions(source: str, *, named: bool = True) -> dict[str, str]:
    """Return every function of a Python text by its dotted name, as what it says without layout and comments.

    The rest of the module stands under the empty name. Unless `named`, a function's own name is left out of
    what it says.
    """
    tree = parse(source)
    if tree is None:
        return {"": source}
    found: dict[str, str] = {}
    for name, node in functions_in(tree.body):
        said = deepcopy(node)
        said.name = node.name if named else ""
        found[name] = ast.dump(said)
    found[""] = "\n".join(_rest(tree.body))
    return found


def _rest(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _rest(node.body)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom):
            yield ast.dump(node)


def changed_functions(before: str, after: str) -> set[str] | None:
    """Return the names of functions that are new or say something else; None means that all may do so."""
    old, new = functions(before), functions(after)
    if old.get("") != new.get(""):
        return None
    return {name for name, text in new.items() if name and old.get(name) != text}


def file_of(case: Case, files: Iterable[str]) -> str:
    """Return which of `files` a test stands in, or the empty text."""
    names = set(files)
    if case.file in names:
        return case.file
    parts = case.name.split("::", 1)[0].split(".")
    for length in range(len(parts), 0, -1):
        path = "/".join(parts[:length]) + ".py"
        if path in names:
            return path
    return ""


def changed_tests(
    cases: Iterable[Case], known: set[str], texts: Mapping[str, tuple[str, str]]
) -> dict[str, str]:
    """Return the tests that are new or changed, by name, with the file that each stands in.

    `known` are the tests of the base; `texts` holds, for every changed test file, what it said before and
    says now.
    """
    edits = {path: changed_functions(before, after) for path, (before, after) in texts.items()}
    found: dict[str, str] = {}
    for case in cases:
        path = file_of(case, texts)
        if not path:
            continue
        touched = edits[path]
        if case.name not in known or touched is None or dotted(case, path) in touched:
            found[case.name] = path
    return found


def dotted(case: Case, path: str) -> str:
    """Return the name of a case's function inside of its file: `TestA.test_x`."""
    group, _, name = case.function.partition("::")
    stem = path.removesuffix(".py").rsplit("/", 1)[-1]
    parts = group.split(".")
    inside = parts[len(parts) - parts[::-1].index(stem) :] if stem in parts else []
    return ".".join((*inside, name))
