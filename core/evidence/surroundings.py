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
from core.evidence.introspection import looks_around
from core.evidence.loosening import called, full_name

RUNNER_MODULES = frozenset(
    (
        *("pytest", "_pytest", "pluggy", "iniconfig", "coverage", "sitecustomize", "usercustomize"),
        *("qdeck_seal", "qdeck_unittest", "xdist", "pytest_cov", "hypothesis", "mock"),
    )
)
"""Modules that a test run is made of; a file of the tree with such a name would stand in for them."""

_LIBRARIES = frozenset(
    (
        *("packaging", "pygments", "exceptiongroup", "tomli", "colorama", "py", "attr", "attrs"),
        *("typing_extensions", "importlib_metadata", "zipp"),
    )
)
"""What the runner imports in its turn, before anything of the tests."""
_COMPILED = (".pyc", ".pyo", ".so", ".pyd")

_TEST_FOLDERS = ("tests", "test", "testing")
_OWN = ("qdeck_seal", "qdeck_unittest", "qdeck_coverage", "qdeck_mutants")
_RUNNERS = (
    *_OWN,
    "_pytest",
    "pluggy",
    "coverage",
    "pytest",
    "unittest.mock",
    "unittest.case",
    "unittest.result",
)
_IN_TESTS = _RUNNERS.index("pytest")
"""How many of them are none of the tests' business either."""

Texts = Mapping[str, tuple[str, str]]
"""Every changed file's text on the base and now, by path; an absent file is empty."""


def stand_ins(paths: Iterable[str], roots: Iterable[str] = ()) -> list[str]:
    """Return those of `paths` that would be imported in the place of the runner or the standard library.

    `roots` are the folders of the tree that modules are imported from, beside the usual ones.
    """
    places = {*("src", "lib"), *(PurePosixPath(root).as_posix() for root in roots)}
    found = []
    for path in paths:
        whole = PurePosixPath(path)
        # Test folders come to the front later, when the runner has what it needs.
        early = [whole.parts, *(whole.relative_to(p).parts for p in places if whole.is_relative_to(p))]
        late = [whole.parts[1:]] if whole.parts[0] in _TEST_FOLDERS else []
        code = path.endswith((".py", *_COMPILED))
        runner = any(part and part[0].partition(".")[0] in RUNNER_MODULES for part in (*early, *late))
        library = any(part and part[0].partition(".")[0] in _LIBRARIES for part in early)
        language = any(_module(part) in sys.stdlib_module_names for part in (*early, *late))
        if (code and (runner or library or language)) or path.endswith(".pth"):
            found.append(path)
    return found


def _module(parts: tuple[str, ...]) -> str:
    """Return the top-level module that a path is imported as; empty when it lies deeper."""
    if len(parts) == 1:
        return parts[0].partition(".")[0]
    package = len(parts) == 2 and parts[1].partition(".")[0] == "__init__"
    return parts[0] if package and parts[0] not in _TEST_FOLDERS else ""


def replaced_runner(added: Iterable[str], roots: Iterable[str] = ()) -> list[Failure]:
    """Name the added files that stand in for a module of the test runner or the language.

    Compiled code does so for a text of any module: it runs in the place of what people read.
    """
    paths = list(added)
    text = "is imported in the place of a module of the test runner or the standard library"
    named = stand_ins(paths, roots)
    told = [Failure(path, text, key_of("stand-in", path), askable=True) for path in named]
    text = "is compiled code, which runs in the place of a text that people can read"
    compiled = [path for path in paths if path.endswith(_COMPILED) and path not in named]
    return told + [Failure(path, text, key_of("compiled", path), askable=True) for path in compiled]


def changed_configuration(texts: Texts) -> list[Failure]:
    """Name each setting of the tests that a change adds, alters or removes."""
    told = []
    for path, (before, after) in sorted(texts.items()):
        reader = _reader(path)
        if reader is None:
            continue
        old, new = reader(before), reader(after)
        for setting in sorted(old.keys() | new.keys()):
            was, now = old.get(setting, ""), new.get(setting, "")
            if was != now:
                text = f"the test configuration {setting} {_change(was, now)}"
                told.append(Failure(path, text, key_of("configuration", path, setting, now), askable=True))
    return told


def changed_runner(texts: Texts, command: str, is_test: Callable[[str], bool]) -> list[Failure]:
    """Name each changed file that the test command itself names: who writes it says what is green.

    `command` is all that is run for the tests: its words, and the script or the rule behind them.
    """
    words = {word.removeprefix("./") for word in re.findall(r"[\w./@+-]+", command)}
    return [
        _ask(path, "is run by the test command itself", after)
        for path, (before, after) in sorted(texts.items())
        if before and path in words and not is_test(path)
    ]


_RECIPES = {
    **{"tox": "tox.ini", "nox": "noxfile.py", "just": "justfile Justfile .justfile", "rake": "Rakefile"},
    **{"invoke": "tasks.py", "inv": "tasks.py", "task": "Taskfile.yml Taskfile.yaml", "ant": "build.xml"},
    **{"mvn": "pom.xml", "gradle": "build.gradle build.gradle.kts", "ctest": "CMakeLists.txt"},
}


def recipes(command: str) -> str:
    """Return the files in which the programs of a command look up what to do."""
    found = (_RECIPES.get(word.rpartition("/")[2].removesuffix("w"), "") for word in command.split())
    return " ".join(filter(None, found))


def test_rules(makefile: str) -> str:
    """Return what the rules of a makefile's tests say."""
    return "\n".join(_makefile(makefile).values())


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
    **dict.fromkeys(("pytest.toml", ".pytest.toml", "entry_points.txt", ".npmrc"), _whole),
}


def _by_pattern(name: str) -> Callable[[str], dict[str, str]] | None:
    known = re.fullmatch(r"(?:jest|vitest|karma|ava)\.config\.\w+|\.mocharc(?:\.\w+)?|nextest\.toml", name)
    return _whole if known else None


def _reader(path: str) -> Callable[[str], dict[str, str]] | None:
    if path.endswith((".cargo/config.toml", ".cargo/config")):
        return _whole  # names the program that runs the tests
    name = PurePosixPath(path).name
    return _READERS.get(name) or _by_pattern(name)


def changed_conftest(texts: Texts) -> list[Failure]:
    """Name what a change puts into a conftest that reaches every test: hooks, automatic fixtures, plugins."""
    told = []
    for path, (before, after) in sorted(texts.items()):
        new = parse(after)
        if not path.endswith(".py") or new is None:
            continue
        old = parse(before)
        if PurePosixPath(path).name != "conftest.py":
            told += _plugins(path, old, new)
            continue
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


def _plugins(path: str, old: ast.Module | None, new: ast.Module) -> list[Failure]:
    """A test module may bring plugins along as well."""
    known = {said_by(node) for node in old.body} if old else set()
    return [
        _ask(path, "sets pytest_plugins", said_by(line))
        for line in new.body
        if isinstance(line, ast.Assign)
        and "pytest_plugins" in map(full_name, line.targets)
        and said_by(line) not in known
    ]


def reaching(texts: Texts, is_test: Callable[[str], bool]) -> list[Failure]:
    """Name code that reaches into the runner or the language, or looks whether it is being tested."""
    told = []
    for path, (before, after) in sorted(texts.items()):
        if path.endswith("_test.go") and "func TestMain(" in after and "func TestMain(" not in before:
            text = "brings a TestMain, which decides whether any test runs"
            told.append(_ask(path, text, after))
        if not path.endswith(".py"):
            continue
        if (encoding := _encoding(after)) and encoding != _encoding(before):
            text = f"is written in the encoding {encoding}: what runs is not what people and tools read"
            told.append(_ask(path, text, encoding))
        old, new = parse(before), parse(after)
        if new is None:
            continue
        known = set(_reaches(old, is_test(path))) if old else set()
        told += [_ask(path, text, text) for text in sorted(set(_reaches(new, is_test(path))) - known)]
    return told


_PLAIN = ("utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii", "latin-1", "latin1", "iso-8859-1", "iso-8859-15")
_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def _encoding(text: str) -> str:
    """Return the encoding that a Python text names for itself; empty for one in which nothing can hide."""
    found = next((found[1] for line in text.splitlines()[:2] if (found := _COOKIE.match(line))), "")
    return "" if found.lower().replace("_", "-") in _PLAIN else found


def _reaches(tree: ast.Module, test: bool) -> Iterator[str]:
    own = _of_the_runner(tree)
    yield from looks_around(tree, test)
    for node in ast.walk(tree):
        if _changes_any(node, own):
            yield "changes pytest itself"
        elif isinstance(node, ast.Attribute) and node.attr == "pluginmanager":
            yield "reaches for pytest's plugins, which can rewrite how tests are run or reported"
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node, tree, test)
        elif isinstance(node, ast.Call) and full_name(node.func) in (*_ENDS, *(_EXITS if test else ())):
            yield f"calls {full_name(node.func)}, which can end the test run early"
        elif isinstance(node, ast.Constant) and _asks_for_tests(node.value, test):
            yield f"asks for {node.value!r}: it may behave differently while it is tested"
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and full_name(node.value) == "sys.modules"
        ):
            yield "puts something of its own into sys.modules"


def _of_the_runner(tree: ast.Module) -> set[str]:
    """Return the names by which a module knows pytest and what it has taken out of it."""
    known = {"pytest"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "pytest":
            known |= {name.asname or name.name for name in node.names}
        elif isinstance(node, ast.Import):
            known |= {name.asname for name in node.names if name.name == "pytest" and name.asname}
    return known


def _changes_any(node: ast.AST, owners: set[str]) -> bool:
    """Say whether a node sets an attribute of one of the names."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        target: ast.expr = node.value
    elif isinstance(node, ast.Call) and called(node) == "setattr" and node.args:
        target = node.args[0]
    else:
        return False
    return full_name(target).partition(".")[0] in owners


_ENDS = ("os._exit", "os.kill", "os.abort", "signal.raise_signal", "posix._exit", "posix.kill", "posix.abort")
_LEAVING = ("os", "posix", "signal")
_EXITS = ("sys.exit", "exit", "quit")


def _asks_for_tests(value: object, test: bool) -> bool:
    if not isinstance(value, str):
        return False
    known = ("PYTEST_CURRENT_TEST", "pytest", "_pytest", "unittest", "COVERAGE_RUN")
    return value.startswith(("_pytest.", "pluggy.", "qdeck_", "/proc/self")) or (value in known and not test)


def _imports(node: ast.Import | ast.ImportFrom, tree: ast.Module, test: bool) -> Iterator[str]:
    names = [name.name for name in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    runners = _RUNNERS[:_IN_TESTS] if test else _RUNNERS
    if isinstance(node, ast.ImportFrom) and node.module in _LEAVING:
        for told in (f"{node.module}.{name.name}" for name in node.names):
            if told in _ENDS:
                yield f"takes {told}, which can end the test run early"
    for name in names:
        if any(name == runner or name.startswith(f"{runner}.") for runner in runners):
            yield f"imports {name}, a part of the test runner"
        elif name == "__main__":
            yield "imports __main__, the program that runs the tests"
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
