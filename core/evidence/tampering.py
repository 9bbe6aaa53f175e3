"""Tampering with the tests: what a change takes from them, each thing a question of its own to a person.

Compares texts only. What the runs show (a test that is gone or skipped, one that a comparison of texts cannot
judge) is told by the clauses beside this one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from core.evidence.clauses import Failure, key_of
from core.evidence.definitions import Function, functions_in, parse
from core.evidence.hearing import test_key
from core.evidence.loosening import called, full_name, loosened
from core.evidence.proofs import functions

Texts = Mapping[str, tuple[str, str]]
"""Every changed file's text on the base and now, by path; an absent file is empty."""


def tampered_tests(texts: Texts, product: Iterable[str]) -> list[Failure]:
    """Return what the changed test files ask less than before. `product` are the paths of the code."""
    modules = {module for path in product if path.endswith(".py") for module in _modules(path)}
    told: list[Failure] = []
    for path, (before, after) in sorted(texts.items()):
        old, new = parse(before), parse(after)
        if old is None or new is None or not before or not after:
            continue
        told += _loosened(path, old, new, after, _knows(modules, old, new))
        if PurePosixPath(path).name != "conftest.py":
            told += _module_marks(path, old, new)
    return told


def _loosened(
    path: str, old: ast.Module, new: ast.Module, after: str, under_test: Callable[[str], bool]
) -> list[Failure]:
    known: dict[str, Function] = dict(functions_in(old.body))
    said = functions(after)
    told = []
    for name, node in functions_in(new.body):
        if name not in known or ast.dump(known[name]) == ast.dump(node):
            continue
        if why := loosened(known[name], node, under_test):
            text = f"this test {'; '.join(why)}"
            told.append(Failure(f"{path}::{name}", text, test_key(path, name, said[name]), askable=True))
    return told


def _knows(modules: set[str], *trees: ast.Module) -> Callable[[str], bool]:
    """Return a function that says whether a name, as a test writes it, is the product's."""
    aliases: dict[str, str] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                aliases |= {(name.asname or name.name.split(".")[0]): name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                aliases |= {(name.asname or name.name): f"{node.module}.{name.name}" for name in node.names}

    def under_test(name: str) -> bool:
        head, dot, rest = name.partition(".")
        whole = aliases.get(head, head) + dot + rest
        return any(whole == module or whole.startswith(f"{module}.") for module in modules)

    return under_test


def _modules(path: str) -> list[str]:
    parts = PurePosixPath(path).with_suffix("").parts
    if parts[0] in ("src", "lib") and len(parts) > 1:
        parts = parts[1:]
    dotted = ".".join(parts)
    return [dotted.removesuffix(".__init__")]


def _module_marks(path: str, old: ast.Module, new: ast.Module) -> list[Failure]:
    """Find what silences a whole test file: a mark, a skip, `__test__ = False`, an early end."""
    before, after = _marks(old), _marks(new)
    return [
        Failure(path, f"the whole file {what}", key_of("test file", path, what, dump), askable=True)
        for (what, dump) in sorted(after - before)
    ]


def _marks(tree: ast.Module) -> set[tuple[str, str]]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(full_name(t) == "pytestmark" for t in node.targets):
            words = {inner.attr for inner in ast.walk(node.value) if isinstance(inner, ast.Attribute)}
            if words & {"skip", "skipif", "xfail"}:
                found.add(("is marked as skipped or expected to fail", ast.dump(node)))
        if isinstance(node, ast.Assign) and any(full_name(t).endswith("__test__") for t in node.targets):
            found.add(("says that it holds no tests", ast.dump(node)))
        if isinstance(node, ast.ClassDef):
            words = {
                full_name(d.func if isinstance(d, ast.Call) else d).rpartition(".")[2]
                for d in node.decorator_list
            }
            if words & {"skip", "skipif", "skipIf", "skipUnless", "xfail"}:
                found.add(
                    (f"skips its class {node.name}", ast.dump(ast.Tuple(node.decorator_list, ast.Load())))
                )
    for statement in tree.body:
        for node in ast.walk(statement) if not isinstance(statement, (Function, ast.ClassDef)) else ():
            if isinstance(node, ast.Call) and called(node) in (
                "skip",
                "importorskip",
                "exit",
                "_exit",
                "SkipTest",
            ):
                found.add((f"can end or be skipped at its import ({called(node)})", ast.dump(node)))
    return found
