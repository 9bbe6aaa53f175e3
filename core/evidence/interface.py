"""The outside of Python modules: names and signatures, without bodies, comments and docstrings. Pure."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

_ROOTS = ("src", "lib")


def module_name(path: str) -> str:
    """Return how a file is imported: `src/abacus/double.py` is `abacus.double`."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if len(parts) > 1 and parts[0] in _ROOTS:
        parts = parts[1:]
    if parts and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def interface(path: str, text: str) -> str:
    """Return the public signatures of a module; empty for one that cannot be read or has none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    lines = [line for node in tree.body for line in _outside(node, "")]
    return "\n".join((f"# module {module_name(path)}", *lines)) if lines else ""


def _outside(node: ast.stmt, indent: str) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() if _public(node.name):
            word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
            returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            return [f"{indent}{word} {node.name}({ast.unparse(node.args)}){returns}: ..."]
        case ast.ClassDef() if _public(node.name):
            bases = ", ".join(ast.unparse(base) for base in node.bases)
            inner = [line for part in node.body for line in _outside(part, f"{indent}    ")]
            head = f"{indent}class {node.name}{f'({bases})' if bases else ''}:"
            return [head, *(inner or [f"{indent}    ..."])]
        case ast.AnnAssign(target=ast.Name(id=name)) if _public(name):
            return [f"{indent}{name}: {ast.unparse(node.annotation)}"]
        case ast.ImportFrom(level=level, module=module) if level and not indent:
            # What a package takes in from its own modules is part of its outside.
            names = ", ".join(a.asname or a.name for a in node.names if _public(a.asname or a.name))
            return [f"from {'.' * level}{module or ''} import {names}"] if names else []
    return []


def _public(name: str) -> bool:
    return not name.startswith("_") or name in ("__init__", "__call__")
