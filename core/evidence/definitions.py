"""What a Python text defines, function by function, for comparing two versions of it. Pure."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy

Function = ast.FunctionDef | ast.AsyncFunctionDef


def parse(source: str) -> ast.Module | None:
    """Return the syntax tree of a text, or None where it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def functions_in(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function with its dotted name, those below `if`, `try` and `with` too.

    What stands inside of a function belongs to it.
    """
    for node in body:
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from functions_in(node.body, f"{prefix}{node.name}.")
        else:
            for inner in blocks(node):
                yield from functions_in(inner, prefix)


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements inside of a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(node, name, None)
        if isinstance(inner, list):
            yield inner
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def said_by(node: ast.AST) -> str:
    """Return what a definition says, without its layout, comments and docstrings."""
    bare = deepcopy(node)
    for inner in ast.walk(bare):
        body = getattr(inner, "body", None)
        if isinstance(body, list) and body and is_docstring(body[0]) and isinstance(inner, _DOCUMENTED):
            inner.body = body[1:] or [ast.Pass()]
    return ast.dump(bare)


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def is_docstring(node: ast.stmt) -> bool:
    """Say whether a statement is nothing but a text."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def same_code(before: str, after: str) -> bool:
    """Say whether two texts differ in layout, comments and docstrings alone."""
    old, new = parse(before), parse(after)
    return old is not None and new is not None and said_by(old) == said_by(new)


def changed_functions_in(before: str, tree: ast.Module) -> list[tuple[str, Function]]:
    """Return the functions of `tree` that are new, or say something else than in the text `before`."""
    old = parse(before)
    known = Counter((name, said_by(node)) for name, node in functions_in(old.body)) if old else Counter()
    changed = []
    for name, node in functions_in(tree.body):
        said = (name, said_by(node))
        if known[said]:
            known[said] -= 1
        else:
            changed.append((name, node))
    return changed
