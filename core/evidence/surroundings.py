"""Tampering around the tests: their configuration, conftest, the runner itself, and code that looks for it.

Compares texts only; each thing that is found is a question of its own to a person.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from core.evidence.clauses import Failure, key_of
from core.evidence.definitions import functions_in, parse, said_by
from core.evidence.loosening import called, full_name

RUNNER_MODULES = frozenset(
    (
        *("pytest", "_pytest", "pluggy", "iniconfig", "coverage", "sitecustomize", "usercustomize"),
        *("qdeck_seal", "qdeck_unittest", "xdist", "pytest_cov", "hypothesis", "mock"),
    )
)
"""Modules that a test run is made of; a file of the tree with such a name would stand in for them."""

_TEST_FOLDERS = ("tests", "test", "testing")
_RUNNERS = ("_pytest", "pluggy", "pytest", "unittest.mock", "unittest.case", "unittest.result")

Texts = Mapping[str, tuple[str, str]]
"""Every changed file's text on the base and now, by path; an absent file is empty."""


def stand_ins(paths: Iterable[str]) -> list[str]:
    """Return those of `paths` that would be imported in the place of the runner or the standard library."""
    found = []
    for path in paths:
        parts = PurePosixPath(path).parts
        inner = parts[1:] if parts[0] in ("src", "lib", *_TEST_FOLDERS) else ()
        runner = any(part and part[0].removesuffix(".py") in RUNNER_MODULES for part in (parts, inner))
        language = any(_module(part) in sys.stdlib_module_names for part in (parts, inner))
        if (path.endswith((".py", ".so")) and (runner or language)) or path.endswith(".pth"):
            found.append(path)
    return found


def _module(parts: tuple[str, ...]) -> str:
    """Return the top-level module that a path is imported as; empty when it lies deeper."""
    if len(parts) == 1:
        return parts[0].partition(".")[0]
    return parts[0] if parts[1:] == ("__init__.py",) and parts[0] not in _TEST_FOLDERS else ""


def replaced_runner(added: Iterable[str]) -> list[Failure]:
    """Name the added files that stand in for a module of the test runner or the language."""
    text = "is imported in the place of a module of the test runner or the standard library"
    return [Failure(path, text, key_of("stand-in", path), askable=True) for path in stand_ins(added)]


def changed_configuration(texts: Texts) -> list[Failure]:
    """Name each setting of the tests that a change adds, alters or removes."""
    told = []
    for path, (before, after) in sorted(texts.items()):
        reader = _READERS.get(PurePosixPath(path).name) or _by_pattern(PurePosixPath(path).name)
        if reader is None:
            continue
        old, new = reader(before), reader(after)
        for setting in sorted(old.keys() | new.keys()):
            was, now = old.get(setting, ""), new.get(setting, "")
            if was != now:
                text = f"the test configuration {setting} {_change(was, now)}"
                told.append(Failure(path, text, key_of("configuration", path, setting, now), askable=True))
    return told


def _change(was: str, now: str) -> str:
    if not was:
        return f"is new: {now[:200]}"
    return f"was {was[:120]} and is now {now[:120]}" if now else f"was removed ({was[:200]})"


def _pyproject(text: str) -> dict[str, str]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {"file": text} if text else {}
    tools = data.get("tool", {})
    tools = tools if isinstance(tools, dict) else {}
    found = {
        f"tool.{name}.{k}": _json(v) for name in ("pytest", "coverage") for k, v in _flat(tools.get(name))
    }
    points = data.get("project", {}).get("entry-points", {}) if isinstance(data.get("project"), dict) else {}
    if isinstance(points, dict) and "pytest11" in points:
        found["entry point pytest11"] = _json(points["pytest11"])
    return found


def _flat(data: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)


def _ini(text: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {"file": text}
    wanted = re.compile(r"(?:tool:)?pytest$|coverage|^run$|^report$|^paths$|pytest11", re.I)
    return {
        f"{section}.{name}": value.strip()
        for section in parser.sections()
        if wanted.search(section)
        for name, value in parser.items(section)
    }


def _package(text: str) -> dict[str, str]:
    try:
        data = json.loads(text or "{}")
    except ValueError:
        return {"file": text}
    data = data if isinstance(data, dict) else {}
    scripts = data.get("scripts", {})
    found = {f"scripts.{k}": _json(v) for k, v in _flat(scripts) if "test" in k}
    return found | {
        name: _json(data[name]) for name in ("jest", "mocha", "vitest", "ava", "tap") if name in data
    }


def _makefile(text: str) -> dict[str, str]:
    rules = re.findall(r"(?m)^((?:test|check)[\w.-]*\s*:(?!=).*(?:\n(?:\t.*|[ \t]*(?=\n)))*)", text)
    return {f"rule {rule.split(':', 1)[0].strip()}": rule.strip() for rule in rules}


def _whole(text: str) -> dict[str, str]:
    return {"file": text.strip()} if text.strip() else {}


_READERS: Mapping[str, Callable[[str], dict[str, str]]] = {
    "pyproject.toml": _pyproject,
    **dict.fromkeys(("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", ".coveragerc"), _ini),
    "package.json": _package,
    **dict.fromkeys(("Makefile", "makefile", "GNUmakefile"), _makefile),
    **dict.fromkeys(("pytest.toml", ".pytest.toml", "entry_points.txt"), _whole),
}


def _by_pattern(name: str) -> Callable[[str], dict[str, str]] | None:
    known = re.fullmatch(r"(?:jest|vitest|karma|ava)\.config\.\w+|\.mocharc(?:\.\w+)?|nextest\.toml", name)
    return _whole if known else None


def changed_conftest(texts: Texts) -> list[Failure]:
    """Name what a change puts into a conftest that reaches every test: hooks, automatic fixtures, plugins."""
    told = []
    for path, (before, after) in sorted(texts.items()):
        new = parse(after)
        if PurePosixPath(path).name != "conftest.py" or new is None:
            continue
        old = parse(before)
        known = {(name, said_by(node)) for name, node in functions_in(old.body)} if old else set()
        for name, node in functions_in(new.body):
            said = said_by(node)
            if (name, said) in known:
                continue
            if name.startswith("pytest_"):
                told.append(_ask(path, f"the hook {name} can rewrite how tests are run or reported", said))
            elif any("autouse" in ast.dump(mark) for mark in node.decorator_list):
                told.append(_ask(path, f"the fixture {name} takes part in every test", said))
        lists = ("collect_ignore", "collect_ignore_glob", "pytest_plugins")
        old_said = {said_by(node) for node in old.body} if old else set()
        for line in new.body:
            names = [full_name(t) for t in line.targets] if isinstance(line, ast.Assign) else []
            if set(names) & set(lists) and said_by(line) not in old_said:
                told.append(_ask(path, f"sets {names[0]}", said_by(line)))
    return told


def reaching(texts: Texts, is_test: Callable[[str], bool]) -> list[Failure]:
    """Name code that reaches into the runner or the language, or looks whether it is being tested."""
    told = []
    for path, (before, after) in sorted(texts.items()):
        old, new = parse(before), parse(after)
        if not path.endswith(".py") or new is None:
            continue
        known = set(_reaches(old, is_test(path))) if old else set()
        told += [_ask(path, text, text) for text in sorted(set(_reaches(new, is_test(path))) - known)]
    return told


def _reaches(tree: ast.Module, test: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node, tree, test)
        elif isinstance(node, ast.Call) and full_name(node.func) in (*_ENDS, *(_EXITS if test else ())):
            yield f"calls {full_name(node.func)}, which can end the test run early"
        elif isinstance(node, ast.Constant) and not test and _asks_for_tests(node.value):
            yield f"asks for {node.value!r}: it may behave differently while it is tested"
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and full_name(node.value) == "sys.modules"
        ):
            yield "puts something of its own into sys.modules"


_ENDS = ("os._exit", "os.kill", "os.abort")
_EXITS = ("sys.exit", "exit", "quit")


def _asks_for_tests(value: object) -> bool:
    known = ("PYTEST_CURRENT_TEST", "pytest", "_pytest", "unittest")
    return isinstance(value, str) and (value in known or value.startswith("_pytest."))


def _imports(node: ast.Import | ast.ImportFrom, tree: ast.Module, test: bool) -> Iterator[str]:
    names = [name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    runners = ("_pytest", "pluggy") if test else _RUNNERS
    for name in names:
        if any(name == runner or name.startswith(f"{runner}.") for runner in runners):
            yield f"imports {name}, a part of the test runner"
        elif name == "builtins" and _assigns(tree, "builtins"):
            yield "changes the language's own built-in names"


def _assigns(tree: ast.Module, owner: str) -> bool:
    """Say whether a module sets attributes of `owner`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            target = node.value
        elif isinstance(node, ast.Call) and called(node) == "setattr" and node.args:
            target = node.args[0]
        else:
            continue
        if full_name(target) == owner:
            return True
    return False


def _ask(path: str, text: str, said: str) -> Failure:
    return Failure(path, text, key_of("surroundings", path, text, said), askable=True)
