"""Take the life out of what a change did, so that a test which depends on it must fail. Pure.

Two strengths. *Calmly*: a changed function raises while a test runs and works as it is before that, so that
what a module does while it is imported goes on. *Wholly*: it always raises, what stands outside of functions
is undone, and each name that was given a new value there fails at any use.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass

from core.evidence.definitions import Function, changed_functions_in, is_docstring, parse, said_by

# Without a word that would name us: code that is made to know this failure from its own would look for it.
_FAIL = "raise Exception"

_RUNNING = "__import__('os').environ.get('PYTEST_CURRENT_TEST')"
"""pytest sets it for the time of each test, and passes it on to the programs that a test starts."""

_POISON = f"""
class _TakenOut:
    def _fail(self, *args, **kwargs):
        {_FAIL}
    __getattribute__ = __setattr__ = __call__ = __eq__ = __ne__ = __lt__ = __gt__ = __bool__ = _fail
    __iter__ = __len__ = __getitem__ = __contains__ = __str__ = __repr__ = __format__ = __add__ = _fail
    __radd__ = __mul__ = __rmul__ = __sub__ = __rsub__ = __enter__ = __int__ = __float__ = __index__ = _fail
    __hash__ = _fail
"""


@dataclass(frozen=True, slots=True)
class Gutted:
    """A text without what was changed in it. `functions` and `names` are what was taken out of it.

    `left` are the first lines of changed statements that stay, since nothing can be put in their place.
    """

    text: str
    functions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    left: tuple[int, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything was taken out."""
        return bool(self.functions or self.names)


def gut(before: str, after: str, *, wholly: bool, guarded: bool = True, quietly: bool = False) -> Gutted:
    """Take out of the text `after` what differs from `before`.

    `quietly` lets a function do nothing where it would raise: only a test that asserts something notices.
    Without `wholly` only functions lose their bodies, and where no function was changed the names that got a
    new value outside of them. `guarded=False` is for runners that do not tell a function when a test runs.
    """
    tree = parse(after)
    if tree is None:
        return Gutted(after)
    functions = changed_functions_in(before, tree)
    for _, node in functions:
        _empty(node, always=wholly or not guarded, quietly=quietly)
    outside = _changed_outside(before, tree)
    names: list[str] = []
    left = [node.lineno for node in outside]
    if wholly or not functions:
        names, left = _poison(tree, outside)
    text = ast.unparse(ast.fix_missing_locations(tree))
    return Gutted(text, tuple(name for name, _ in functions), tuple(names), tuple(left))


def _poison(tree: ast.Module, outside: list[ast.stmt]) -> tuple[list[str], list[int]]:
    """Spoil the names that `outside` gives a value and drop its calls; return those, and what stays."""
    names = sorted({name for node in outside for name in _names(node)})
    calls = [node for node in outside if isinstance(node, ast.Expr)]
    tree.body = [node for node in tree.body if node not in calls]
    tree.body += ast.parse(_POISON).body if names else []
    tree.body += [ast.parse(f"{name} = object.__new__(_TakenOut)").body[0] for name in names]
    dropped = [f"the call on line {node.lineno}" for node in calls]
    return names + dropped, [node.lineno for node in outside if not _names(node) and node not in calls]


def _empty(node: Function, *, always: bool, quietly: bool) -> None:
    """Let the function raise, or return, first of all. Its body stays behind that: for a `yield` in it."""
    head = node.body[:1] if is_docstring(node.body[0]) else []
    act = "return" if quietly else _FAIL
    text = f"if {'True' if always else _RUNNING}:\n    {act}"
    node.body = [*head, *ast.parse(text).body, *(node.body[len(head) :] or [ast.Pass()])]


def _changed_outside(before: str, tree: ast.Module) -> list[ast.stmt]:
    """Return the statements of a module that are new or differ, what is no behaviour of its own left out."""
    old = parse(before)
    known = Counter(_said_outside(node) for node in old.body) if old else Counter()
    changed = []
    for node in tree.body:
        if isinstance(node, (*_QUIET, ast.FunctionDef, ast.AsyncFunctionDef)) or is_docstring(node):
            continue
        said = _said_outside(node)
        if known[said]:
            known[said] -= 1
        elif said:
            changed.append(node)
    return changed


_QUIET = (ast.Import, ast.ImportFrom, ast.Pass)


def _said_outside(node: ast.stmt) -> str:
    """Return what a statement of a module says outside of its functions; nothing for a class of methods."""
    if not isinstance(node, ast.ClassDef):
        return said_by(node)
    fields = [
        said_by(inner)
        for inner in node.body
        if not isinstance(inner, (*_QUIET, ast.FunctionDef, ast.AsyncFunctionDef)) and not is_docstring(inner)
    ]
    bases = [ast.dump(base) for base in (*node.bases, *(word.value for word in node.keywords))]
    return " ".join((node.name, *bases, *fields)) if fields else ""


def _names(node: ast.stmt) -> list[str]:
    """Return the names that a statement of a module gives a value; those of the language itself stay."""
    if isinstance(node, ast.ClassDef):
        return [node.name]
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    found = [inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)]
    return [name for name in found if name not in ("__all__", "__slots__")]
