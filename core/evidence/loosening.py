"""Compare a test with what it was before, by its syntax: does it ask for less now? Pure."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from core.evidence.definitions import Function, is_docstring

_SKIPS = ("skip", "skipif", "skipIf", "skipUnless", "importorskip", "skipTest", "SkipTest")
_XFAILS = ("xfail", "expectedFailure")
_TOLERANCES = ("rel", "abs", "rel_tol", "abs_tol", "places", "delta", "rtol", "atol", "decimal")
_FINER = ("places", "decimal")
"""Tolerances that ask for less when they get smaller."""
_MOCKS = ("patch", "setattr", "setitem", "object", "Mock", "MagicMock", "AsyncMock", "create_autospec")
_BROAD = ("Exception", "BaseException")


@dataclass(frozen=True, slots=True)
class Demands:
    """How much a test asks for."""

    asserts: int
    compared: int
    idle: int
    swallowed: int
    skips: int
    xfails: int
    returns: int
    raises: tuple[str, ...]
    matches: int
    tolerances: Mapping[str, float]
    mocks: frozenset[str]


def demands(node: Function) -> Demands:
    """Count what a test asks for."""
    checks = [inner for inner in ast.walk(node) if isinstance(inner, ast.Assert)]
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    unittest = [call for call in calls if called(call).startswith("assert") and called(call) != "assert_"]
    raising = [
        call for call in calls if called(call) in ("raises", "assertRaises", "assertRaisesRegex", "warns")
    ]
    return Demands(
        asserts=len(checks)
        + len(unittest)
        + len([call for call in raising if called(call) in ("raises", "warns")]),
        compared=sum(_compares(check.test) for check in checks) + _strict(unittest),
        idle=sum(_idle(check.test) for check in checks),
        swallowed=sum(_swallowed(inner) for inner in ast.walk(node)),
        skips=sum(name in _SKIPS for name in _words(node)),
        xfails=sum(name in _XFAILS for name in _words(node)),
        returns=sum(isinstance(inner, ast.Return) for inner in ast.walk(node)),
        raises=tuple(sorted(name for call in raising for name in _expected(call))),
        matches=sum(word.arg == "match" for call in raising for word in call.keywords)
        + sum(called(call) == "assertRaisesRegex" for call in raising),
        tolerances=_tolerances(calls),
        mocks=frozenset(_mocked(calls)),
    )


def loosened(before: Function, after: Function, under_test: Callable[[str], bool]) -> list[str]:
    """Return in words what `after` asks less than `before`. `under_test` knows the names of the product."""
    old, new = demands(before), demands(after)
    if (old.asserts and not new.asserts) or (not _empty(before) and _empty(after)):
        return ["asserts nothing any more"]
    rules = (
        (new.skips > old.skips, "may be skipped now"),
        (new.xfails > old.xfails, "is expected to fail now"),
        (new.asserts < old.asserts, f"has {new.asserts} assertions instead of {old.asserts}"),
        (new.idle > old.idle, "has an assertion that is always true"),
        (new.compared < old.compared, "compares less than before"),
        (new.swallowed > old.swallowed, "swallows failures of its own assertions"),
        (new.returns > old.returns, "can return early now"),
        (_broader(old.raises, new.raises), "expects a broader exception than before"),
        (new.matches < old.matches, "does not look at the exception's text any more"),
        (_wider(old.tolerances, new.tolerances), "allows a wider tolerance than before"),
    )
    told = [text for holds, text in rules if holds]
    mocked = sorted(name for name in new.mocks - old.mocks if under_test(name))
    return told + [f"puts a stand-in for {name}, the code under test" for name in mocked]


def called(call: ast.Call) -> str:
    """Return the last word of what is called: `raises` of `pytest.raises(...)`."""
    return _last(call.func)


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def full_name(node: ast.expr) -> str:
    """Return a dotted name as written; empty for anything else."""
    if isinstance(node, ast.Attribute):
        inner = full_name(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return node.id if isinstance(node, ast.Name) else ""


def _words(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute | ast.Name):
            yield _last(inner)


def _empty(node: Function) -> bool:
    return all(
        isinstance(inner, ast.Pass) or is_docstring(inner) or _is_ellipsis(inner) for inner in node.body
    )


def _is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def _compares(test: ast.expr) -> int:
    return sum(isinstance(inner, ast.Compare) for inner in ast.walk(test))


def _strict(calls: list[ast.Call]) -> int:
    loose = ("assertTrue", "assertFalse", "assertIsNotNone", "assertIsNone")
    return sum(called(call) not in loose for call in calls)


def _idle(test: ast.expr) -> bool:
    """Say whether an assertion cannot fail: a constant, `or True`, a thing compared with itself."""
    if isinstance(test, ast.Constant | ast.Tuple | ast.JoinedStr):
        return bool(getattr(test, "value", True) or getattr(test, "elts", False))
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(_idle(part) for part in test.values)
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
        return ast.dump(test.left) == ast.dump(test.comparators[0])
    return False


def _swallowed(node: ast.AST) -> int:
    """Count the assertions below a `try` or `suppress` that goes on after a failure."""
    if isinstance(node, ast.Try):
        quiet = any(not any(isinstance(i, ast.Raise) for i in ast.walk(handler)) for handler in node.handlers)
        body = node.body if quiet else []
    elif isinstance(node, ast.With):
        names = [called(item.context_expr) for item in node.items if isinstance(item.context_expr, ast.Call)]
        body = node.body if "suppress" in names else []
    else:
        return 0
    return sum(isinstance(inner, ast.Assert) for part in body for inner in ast.walk(part))


def _expected(call: ast.Call) -> list[str]:
    first = call.args[0] if call.args else None
    parts = first.elts if isinstance(first, ast.Tuple) else [first] if first else []
    return [_last(part) for part in parts]


def _broader(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    if not old:
        return False
    more = sum(name in _BROAD for name in new) > sum(name in _BROAD for name in old)
    return more or (len(new) > len(old) and set(old) < set(new))


def _tolerances(calls: list[ast.Call]) -> dict[str, float]:
    found: dict[str, float] = {}
    for call in calls:
        for word in call.keywords:
            value = word.value.value if isinstance(word.value, ast.Constant) else None
            if word.arg in _TOLERANCES and isinstance(value, int | float):
                size = -float(value) if word.arg in _FINER else float(value)
                found[word.arg] = max(size, found.get(word.arg, size))
    found["approx"] = sum(called(call) in ("approx", "assertAlmostEqual", "isclose") for call in calls)
    return found


def _wider(old: Mapping[str, float], new: Mapping[str, float]) -> bool:
    return any(size > old.get(name, 0.0 if name not in _FINER else -7.0) for name, size in new.items())


def _mocked(calls: list[ast.Call]) -> Iterator[str]:
    """Yield the dotted names that calls of mocking tools put something else in the place of."""
    for call in calls:
        if called(call) not in _MOCKS or not call.args:
            continue
        first = call.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value
        elif name := full_name(first):
            second = call.args[1] if len(call.args) > 1 else None
            attribute = str(second.value) if isinstance(second, ast.Constant) else ""
            yield f"{name}.{attribute}" if attribute else name
