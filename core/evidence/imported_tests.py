"""Product code that lies among the tests: tests are neither measured, nor taken out, nor scanned in earnest.

Compares texts only; each import of that kind is a question of its own to a person. Pure.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import PurePosixPath

from core.evidence.clauses import Failure, key_of
from core.evidence.definitions import parse
from core.evidence.interface import module_name

_PLACES = ("tests", "test")
_NAMES = ("test_*.py", "*_test.py", "tests.py", "conftest.py")


def imported_tests(
    texts: Mapping[str, tuple[str, str]],
    paths: Collection[str],
    is_test: Callable[[str], bool],
    read: Callable[[str], str],
) -> list[Failure]:
    """Name each module among the tests that product code imports: newly, or one that the change edits.

    `paths` are all of the tree, `read` returns the text of one.
    """
    return _newly(texts, paths, is_test) + _edited(texts, paths, is_test, read)


def _edited(
    texts: Mapping[str, tuple[str, str]],
    paths: Collection[str],
    is_test: Callable[[str], bool],
    read: Callable[[str], str],
) -> list[Failure]:
    """Of edited files that are tests by their folder's name alone, name those that the product needs."""
    edited = {
        module_name(path): path
        for path, (before, after) in texts.items()
        if before and after and path.endswith(".py") and is_test(path) and not _is_plainly(path)
    }
    told: dict[str, Failure] = {}
    # Nearly always there is none, and then no file is read.
    for path in (p for p in paths if edited and p.endswith(".py") and not is_test(p)):
        tree = parse(read(path))
        for name in edited.keys() & set(_imported(path, tree) if tree else ()):
            text = f"counts as a test, and {path} imports it: it is not measured as code is"
            key = key_of("an imported test", edited[name], texts[edited[name]][1])
            told.setdefault(name, Failure(edited[name], text, key, askable=True))
    return list(told.values())


def _is_plainly(path: str) -> bool:
    """Say whether a file is a test by its own name, or by the folder at the top."""
    whole = PurePosixPath(path)
    return whole.parts[0] in _PLACES or any(fnmatch(whole.name, name) for name in _NAMES)


def _newly(
    texts: Mapping[str, tuple[str, str]], paths: Iterable[str], is_test: Callable[[str], bool]
) -> list[Failure]:
    known = {module_name(path): path for path in paths if path.endswith(".py") and is_test(path)}
    told = []
    for path, (before, after) in sorted(texts.items()):
        new = parse(after)
        if is_test(path) or not path.endswith(".py") or new is None:
            continue
        old = parse(before)
        fresh = set(_imported(path, new)) - (set(_imported(path, old)) if old else set())
        for name in sorted(fresh & known.keys()):
            text = f"imports {known[name]}, which counts as a test: it is not measured as code is"
            told.append(Failure(path, text, key_of("imports a test", path, name), askable=True))
    return told


def _imported(path: str, tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names of all that a file may import, relative ones made whole."""
    package = module_name(path).split(".")
    if not path.endswith("/__init__.py"):
        package = package[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            parts = [*start, *filter(None, [node.module])]
            yield ".".join(parts)
            yield from (".".join((*parts, name.name)) for name in node.names)
