"""Code that scanners would pass by: under a name that is not a program's, packed, or compiled. Pure.

Scanners choose files by their names; what runs does not care for names. Text that is Python is scanned
whatever it is called, what nobody can read is a finding itself, and so is what loads code by a file's name.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator

from core.evidence.definitions import parse
from core.evidence.findings import Finding, fingerprint
from core.evidence.loosening import full_name
from core.evidence.suppressions import CODE

_BIG = 2 << 20
"""Bytes beyond which a text is not parsed, only looked at: a table of numbers is Python, too."""

_SHEBANG = re.compile(rb"#!.*\bpython")
_CAN_ACT = re.compile(rb"\(|\bimport\b|^[ \t]*@", re.M)
_STATEMENTS = re.compile(rb"(?m)^[ \t]*(?:import|from|def|class|async|with|@)\b")
_ACTS = (ast.Import, ast.ImportFrom, ast.Call, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_PLAINLY = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef)
_NATIVE = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xcf", b"\0asm")
_PACKED = (".py", ".pyc", ".so", ".pyd", ".js", ".mjs", ".cjs", ".class")

_LOADERS = frozenset(
    (
        *("run_path", "spec_from_file_location", "SourceFileLoader", "SourcelessFileLoader"),
        *("ExtensionFileLoader", "zipimporter", "load_source", "load_compiled", "load_dynamic"),
        *("InteractiveInterpreter", "InteractiveConsole", "path_hooks", "meta_path", "addsitedir"),
    )
)
"""Names of the standard library by which code is loaded from wherever one likes."""
_MAKERS = ("compile", "execfile", "types.FunctionType", "types.CodeType", "FunctionType", "CodeType")
"""What makes code out of data; `exec` and `eval` are bandit's."""
_MODULES = ("runpy", "zipimport", "imp")


def is_python(path: str, data: bytes) -> bool:
    """Say whether a file that is not called a program is Python all the same, and does something."""
    if path.endswith((".py", ".pyi")) or b"\0" in data:
        return False
    if _SHEBANG.match(data):
        return True
    if not _CAN_ACT.search(data) or _is_json(data):
        return False
    if len(data) > _BIG:
        return bool(_STATEMENTS.search(data))
    try:
        # As bytes, so that an encoding which the file names for itself is heeded, as the language does.
        tree = ast.parse(data)
    except (SyntaxError, ValueError, LookupError):
        return False
    except (RecursionError, MemoryError):
        return True
    # A line of another language may be one of Python, too; what defines or imports something there is not.
    acts = _PLAINLY if path.endswith(CODE) else _ACTS
    return any(isinstance(node, acts) for node in ast.walk(tree))


def _is_json(data: bytes) -> bool:
    if not data.lstrip().startswith((b"{", b"[")):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def unreadable(path: str, data: bytes) -> list[Finding]:
    """Return a finding for code in a form that no scanner and no person reads."""
    what = _form(data)
    if not what:
        return []
    # The digest of the whole stands for the line that there is not: other code is another finding.
    mark = fingerprint("unread", "form", path, hashlib.sha256(data).hexdigest())
    return [Finding("unread", "form", "medium", path, 1, f"{what}: no scanner and no person reads it", mark)]


def _form(data: bytes) -> str:
    if data.startswith(_NATIVE):
        return "is compiled for the machine"
    if len(data) > 16 and data[2:4] == b"\r\n" and data[4:8] in (b"\0\0\0\0", b"\1\0\0\0", b"\3\0\0\0"):
        return "is compiled Python"
    if zipfile.is_zipfile(io.BytesIO(data)):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                inside = [name for name in archive.namelist()[:50_000] if name.endswith(_PACKED)]
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            return "is an archive that cannot be opened"
        return f"is an archive with code in it ({inside[0][:80]})" if inside else ""
    return ""


def loads_code(path: str, text: str, *, test: bool) -> list[Finding]:
    """Return a finding for each place of a Python text that loads code otherwise than by an import."""
    tree = parse(text)
    lines = text.split("\n")
    found: dict[int, Finding] = {}
    for number, name in _loading(tree) if tree else ():
        words = lines[number - 1] if number <= len(lines) else ""
        mark = fingerprint("unread", "loads", path, words)
        told = f"loads code by {name}: scanners look at what is imported, not at what this may name"
        grave = "low" if test else "medium"
        found.setdefault(number, Finding("unread", "loads", grave, path, number, told, mark))
    return list(found.values())


def _loading(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, n.name) for n in node.names if n.name.split(".")[0] in _MODULES)
        elif isinstance(node, ast.ImportFrom):
            whole = (node.module or "").split(".")[0] in _MODULES
            yield from ((node.lineno, n.name) for n in node.names if whole or n.name in _LOADERS)
        elif isinstance(node, ast.Attribute) and node.attr in _LOADERS:
            yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and full_name(node.func) in _MAKERS:
            yield node.lineno, full_name(node.func)
