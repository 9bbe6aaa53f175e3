"""Find code that looks around in its own process: there it meets the test runner, and can change its words.

Pure. Little honest code does so, and each place is a question of its own to a person.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from core.evidence.loosening import called, full_name

_MEMORY = ("get_objects", "get_referrers", "get_referents")
_FRAMES = frozenset(
    (
        *("_getframe", "_current_frames", "currentframe", "f_back", "f_globals", "f_locals", "f_builtins"),
        *("tb_frame", "gi_frame", "cr_frame", "ag_frame", "cell_contents", "__closure__", "__globals__"),
    )
)
_TRACES = ("settrace", "setprofile", "settrace_all_threads", "setprofile_all_threads", "sys.monitoring")
_LOADERS = ("import_module", "__import__")
_ALL_OF = ("list", "dict", "tuple", "set", "sorted", "vars", "iter", "map", "filter")
_INSIDE = ("gc", "sys", "inspect", "builtins", "ctypes", "threading")
_PYTEST = ("TestReport", "CollectReport", "CallInfo", "Session", "Item", "Function", "Config")


def looks_around(tree: ast.Module, test: bool) -> Iterator[str]:
    """Yield what a module does to get hold of objects that nobody gave to it.

    Tests may look at modules as they like: which are loaded, and by whom, is what some of them are about.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (told for name in node.names if (told := _said(name.name)))
        elif isinstance(node, ast.Attribute):
            yield from _attribute(node)
        elif isinstance(node, ast.Call):
            yield from _call(node)
        elif isinstance(node, ast.Assign) and full_name(node.value).removeprefix("pytest.") in _PYTEST:
            yield "takes a class of pytest under a name of its own"
        if not test:
            yield from _modules(node)


def _modules(node: ast.AST) -> Iterator[str]:
    """Yield how a node gets at modules that it does not name."""
    whole = full_name(node) if isinstance(node, ast.Attribute) else ""
    if isinstance(node, ast.Subscript) and full_name(node.value) == "sys.modules":
        if isinstance(node.ctx, ast.Load) and not _is_plain(node.slice):
            yield "takes a module out of sys.modules whose name it works out when it runs"
    elif isinstance(node, ast.Assign | ast.For | ast.comprehension | ast.Starred):
        value = node.iter if isinstance(node, ast.For | ast.comprehension) else node.value
        if full_name(value) == "sys.modules":
            yield "goes through all modules that are loaded"
    elif whole in ("sys.modules.values", "sys.modules.items", "sys.modules.copy"):
        yield f"goes through what others have loaded ({whole})"
    elif isinstance(node, ast.Call) and node.args:
        name, plain = called(node), _is_plain(node.args[0])
        if name in _LOADERS and not plain:
            yield f"imports a module whose name it works out when it runs ({name})"
        elif full_name(node.func) == "sys.modules.get" and not plain:
            yield "takes a module out of sys.modules whose name it works out when it runs"
        elif name in _ALL_OF and any(full_name(given) == "sys.modules" for given in node.args):
            yield "goes through all modules that are loaded"


def _said(name: str) -> str:
    """What a name of the standard library is for; empty for a harmless one."""
    if name in _MEMORY:
        return f"looks through the memory of the process ({name})"
    if name in _FRAMES:
        return f"reaches into the frames of others ({name})"
    return f"watches what others run ({name})" if name in _TRACES else ""


def _attribute(node: ast.Attribute) -> Iterator[str]:
    whole = full_name(node)
    told = _said(node.attr) or _said(whole)
    if told:
        yield told
    elif node.attr == "__subclasses__" and (not whole or whole.startswith(("object.", "type."))):
        yield "looks through all classes there are (__subclasses__)"
    elif whole == "inspect.stack":
        yield "reaches into the frames of others (inspect.stack)"
    elif whole == "ctypes.pythonapi":
        yield "reaches into the language itself (ctypes.pythonapi)"


def _call(node: ast.Call) -> Iterator[str]:
    if called(node) == "getattr" and len(node.args) > 1 and full_name(node.args[0]) in _INSIDE:
        asked = node.args[1]
        if not isinstance(asked, ast.Constant):
            yield f"takes something out of {full_name(node.args[0])} whose name it works out when it runs"
        elif told := _said(str(asked.value)):
            yield told


def _is_plain(node: ast.expr) -> bool:
    """Say whether a module's name can be read: a text, this very module, or one below a named package."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.JoinedStr) and node.values:
        begin = node.values[0]
        return isinstance(begin, ast.Constant) and "." in str(begin.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return isinstance(node.left, ast.Constant) and str(node.left.value).endswith(".")
    return full_name(node) in ("__name__", "__package__", "cls.__module__")
