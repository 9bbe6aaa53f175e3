"""Small changes of the code that a good test notices, on given lines. Pure."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass

from core.evidence.definitions import is_docstring, parse

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], str]] = {
    ast.Lt: (ast.LtE, "< became <="),
    ast.LtE: (ast.Lt, "<= became <"),
    ast.Gt: (ast.GtE, "> became >="),
    ast.GtE: (ast.Gt, ">= became >"),
    ast.Eq: (ast.NotEq, "== became !="),
    ast.NotEq: (ast.Eq, "!= became =="),
    ast.In: (ast.NotIn, "in became not in"),
    ast.NotIn: (ast.In, "not in became in"),
    ast.Is: (ast.IsNot, "is became is not"),
    ast.IsNot: (ast.Is, "is not became is"),
}
_COUNTED: dict[type[ast.operator], tuple[type[ast.operator], str]] = {
    ast.Add: (ast.Sub, "+ became -"),
    ast.Sub: (ast.Add, "- became +"),
    ast.Mult: (ast.Add, "* became +"),
    ast.Div: (ast.Mult, "/ became *"),
    ast.FloorDiv: (ast.Mult, "// became *"),
    ast.Mod: (ast.Mult, "% became *"),
}
_FIRST = "(lambda first, *_, **__: first)"
"""Called in a function's place it gives back what it was called with."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One text with one small change on one line, and what was changed in words."""

    path: str
    line: int
    change: str
    text: str


def mutants(path: str, source: str, lines: Iterable[int], limit: int) -> list[Mutant]:
    """Return up to `limit` mutants of the given lines, spread over them, the same ones for the same text."""
    tree = parse(source)
    if tree is None:
        return []
    wanted = set(lines)
    _without_docstrings(tree)
    places = _places(tree, wanted)
    found: dict[tuple[int, str], Mutant] = {}
    for number, node in enumerate(places):
        if not _changes(deepcopy(node)):
            continue
        for choice in range(len(_changes(deepcopy(node)))):
            made = _mutated(tree, wanted, number, choice)
            if made is not None:
                line, change, text = made
                found.setdefault((line, text), Mutant(path, line, change, text))
    spread = sorted(found.values(), key=lambda m: hashlib.sha256(f"{m.line} {m.change}".encode()).digest())
    return spread[:limit]


def _places(tree: ast.Module, wanted: set[int]) -> list[ast.AST]:
    """Return the nodes on the wanted lines; of a call that is a statement, the statement alone."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [n for n in ast.walk(tree) if getattr(n, "lineno", 0) in wanted and id(n) not in alone]


def _mutated(tree: ast.Module, wanted: set[int], number: int, choice: int) -> tuple[int, str, str] | None:
    copy = deepcopy(tree)
    node = _places(copy, wanted)[number]
    change = _changes(node)[choice]()
    try:
        return node.lineno, change, ast.unparse(ast.fix_missing_locations(copy))  # type: ignore[attr-defined]
    except (ValueError, RecursionError):
        return None


def _without_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and is_docstring(body[0]):
            node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]


def _changes(node: ast.AST) -> list[_Change]:
    return list(_ways(node))


class _Change:
    """Sets one attribute of a node to something else, and says so."""

    def __init__(self, node: ast.AST, name: str, value: object, text: str) -> None:
        self._node, self._name, self._value, self._text = node, name, value, text

    def __call__(self) -> str:
        setattr(self._node, self._name, self._value)
        return self._text


def _ways(node: ast.AST) -> Iterator[_Change]:
    """Yield each small change that a node allows."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        other, text = _COMPARED[type(node.ops[0])]
        yield _Change(node, "ops", [other(), *node.ops[1:]], text)
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _COUNTED:
        operator, text = _COUNTED[type(node.op)]
        yield _Change(node, "op", operator(), text)
    elif isinstance(node, ast.BoolOp):
        became = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _Change(
            node, "op", became, "and became or" if isinstance(node.op, ast.And) else "or became and"
        )
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        turned = ast.UnaryOp(ast.Not(), node.test)
        yield _Change(node, "test", turned, f"the condition {ast.unparse(node.test)[:60]} was turned round")
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        text = f"return {ast.unparse(node.value)[:60]} became return None"
        yield _Change(node, "value", ast.Constant(None), text)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
        yield _Change(node, "value", ast.Constant(None), f"{ast.unparse(node.value)[:60]} was left out")
    elif isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Starred):
        text = f"{ast.unparse(node)[:60]} became {ast.unparse(node.args[0])[:60]}"
        yield _Change(node, "func", ast.parse(_FIRST, mode="eval").body, text)
    elif isinstance(node, ast.Constant):
        yield from _constants(node)


def _constants(node: ast.Constant) -> Iterator[_Change]:
    if isinstance(node.value, bool):
        yield _Change(node, "value", not node.value, f"{node.value} became {not node.value}")
    elif isinstance(node.value, int | float):
        yield _Change(node, "value", node.value + 1, f"{node.value} became {node.value + 1}")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
