"""Product code that lies among the tests: tests are neither measured, nor taken out, nor scanned in earnest.

Compares texts only; each import of that kind is a question of its own to a person. Pure.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping

from core.evidence.clauses import Failure, key_of
from core.evidence.definitions import parse
from core.evidence.interface import module_name


def imported_tests(
    texts: Mapping[str, tuple[str, str]], paths: Iterable[str], is_test: Callable[[str], bool]
) -> list[Failure]:
    """Name each module among the tests that changed product code imports. `paths` are all of the tree."""
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
