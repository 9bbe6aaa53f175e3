"""The scanners that a review runs: how each is started, how its report is read, and where it does not apply.

ruff, bandit and detect-secrets come from qdeck's own environment; types and the project's own command run in
the project's. Every one runs without network, on base and new tree, with the configuration of the base.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import text_at
from core.evidence.commands import is_test_path, with_interpreter
from core.evidence.execution import Folders
from core.evidence.junit import read_bounded
from core.evidence.receipts import Receipt
from core.workspace import read_file_at

Item = dict[str, Any]
"""A raw finding: tool, rule, severity ("" to be judged), path, line, text."""

PYTHON = (".py", ".pyi")
_ALONE = (sys.executable, "-I")
"""Our own Python, which imports nothing from the tree: a module there could blind the scanner."""
_RUFF_FILES = ("pyproject.toml", "ruff.toml", ".ruff.toml")
_BANDIT_FILES = ("pyproject.toml", "bandit.yaml", "bandit.yml", ".bandit")
_MYPY_FILES = ("pyproject.toml", "mypy.ini", ".mypy.ini", "setup.cfg")
_ADVICE = frozenset(("S101", "S105", "S106", "S107", "S110", "S112", "S311", "S603", "S606", "S607"))
"""Rules of ruff's that bandit itself counts as low; its S4xx, the imports, are too."""
_GUESSES = (
    "Secret Keyword",
    "Base64 High Entropy String",
    "Hex High Entropy String",
    "Basic Auth Credentials",
)
"""What detect-secrets guesses by the look of a text; all else that it finds has the form of a real key."""
_PROSE = (".md", ".rst", ".txt", ".svg", ".csv", ".ipynb", ".html")
_COMMAND_FILES = (
    *("Makefile", "makefile", "GNUmakefile", "justfile", "noxfile.py", "tox.ini", "setup.cfg"),
    *("pyproject.toml", "ruff.toml", ".flake8", ".pylintrc", "package.json", ".eslintrc", ".eslintrc.json"),
    *(
        ".eslintrc.js",
        "eslint.config.js",
        "eslint.config.mjs",
        ".golangci.yml",
        ".golangci.yaml",
        "clippy.toml",
    ),
)
_LINE = re.compile(r"^(?P<path>[\w./@+ -]+?):(?P<line>\d+)(?::\d+)*:?\s*(?P<text>\S.*)$")
_LINES_READ = 5_000
_REPORT_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Scanner:
    """One way to look at files: its name, the kind of its receipt, its command, and how its report is read.

    `base_files` are laid over from the base, so that a change cannot configure its own judge. A scanner that
    is `foreign` runs in the project's environment, and a non-zero exit of it is an answer. `whole` looks at
    the whole project and not at single files. One for
    `disguised` files looks at Python under any name.
    """

    name: str
    kind: str
    argv: Callable[[Folders, Sequence[str]], tuple[str, ...]]
    read: Callable[[Folders, Receipt], list[Item]]
    base_files: tuple[str, ...] = ()
    endings: tuple[str, ...] = PYTHON
    foreign: bool = False
    whole: bool = False
    disguised: bool = False


@dataclass(slots=True)
class Chosen:
    """The scanners for one change, and those that were left out, each with the reason."""

    scanners: list[Scanner] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def choose(bench: Bench, paths: Sequence[str], disguised: bool = False) -> Chosen:
    """Choose the scanners for changed files; which of them apply is said by the base, never by the change.

    `disguised` says that there is Python among them which is not called so.
    """
    chosen = Chosen()
    named = any(path.endswith(PYTHON) for path in paths)
    python = named or disguised
    table = _table(bench)
    ruff, bandit = _has_ruff(bench, table), _has_bandit(bench, table)
    found = [_ruff(bool(ruff)), *([_ruff_project()] if ruff else []), _bandit(bandit)]
    if python:
        chosen.scanners += found
    else:
        chosen.skipped |= {s.name: "no Python file was changed" for s in found}
    if paths:
        chosen.scanners.append(_secrets())
    else:
        chosen.skipped["detect-secrets"] = "no file is left to look at"
    _types(bench, table, named, chosen)
    _project(bench, chosen)
    return chosen


def says_nothing(item: Item, bench: Bench) -> bool:
    """Whether a raw finding is none, even as advice: tests are made of assertions."""
    return item["rule"] in ("B101", "S101") and is_test_path(item["path"], bench.settings)


def severity(item: Item, scanner: Scanner, bench: Bench) -> str:
    """Return how grave a raw finding is: what cannot matter is advice."""
    rule, path, known = item["rule"], item["path"], str(item["severity"])
    if item["tool"] == "detect-secrets":
        weak = path.endswith(_PROSE) or is_test_path(path, bench.settings)
        return "high" if rule not in _GUESSES else "low" if weak else "medium"
    if not known:
        advice = rule in _ADVICE or re.match(r"S4\d\d$", rule) or (rule == "F401" and "__init__.py" in path)
        known = (
            "high" if rule == "invalid-syntax" else "low" if advice and not scanner.base_files else "medium"
        )
    security = item["tool"] == "bandit" or (item["tool"] == "ruff" and rule.startswith("S"))
    if security and rule != "unread" and is_test_path(path, bench.settings):
        return "low"
    return known


def _table(bench: Bench) -> dict[str, Any]:
    """The `[tool]` tables of the base's pyproject.toml."""
    try:
        tool = tomllib.loads(text_at(bench, bench.base, "pyproject.toml")).get("tool", {})
    except tomllib.TOMLDecodeError:
        return {}
    return tool if isinstance(tool, dict) else {}


def _there(bench: Bench, *names: str) -> str:
    return next((n for n in names if read_file_at(bench.repository, bench.base, n) is not None), "")


def _has_ruff(bench: Bench, table: dict[str, Any]) -> str:
    return _there(bench, *_RUFF_FILES[1:]) or ("pyproject.toml" if "ruff" in table else "")


def _has_bandit(bench: Bench, table: dict[str, Any]) -> str:
    return _there(bench, *_BANDIT_FILES[1:]) or ("pyproject.toml" if "bandit" in table else "")


# --- ruff


def _ruff(configured: bool) -> Scanner:
    """Security and broken code by ruff's own defaults; style is the project's matter where it has a say."""
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    rules = ("--isolated", "--select", "E9,F82,S" if configured else "E9,F,S", "--target-version", version)
    return Scanner("ruff", "lint", lambda f, p: _ruff_words(f, p, rules), _ruff_items, disguised=True)


def _ruff_project() -> Scanner:
    argv: Callable[[Folders, Sequence[str]], tuple[str, ...]] = lambda f, p: _ruff_words(  # noqa: E731
        f, p, ("--force-exclude",)
    )
    return Scanner("ruff as configured", "lint", argv, _ruff_items, _RUFF_FILES)


def _ruff_words(folders: Folders, paths: Sequence[str], rules: Sequence[str]) -> tuple[str, ...]:
    report = ("--output-format", "json", "--output-file", str(folders.reports / "ruff.json"))
    fixed = (*_ALONE, "-m", "ruff", "check", "--no-cache", "--exit-zero", "--quiet")
    return (*fixed, *rules, *report, *(str(folders.tree / path) for path in paths))


def _ruff_items(folders: Folders, receipt: Receipt) -> list[Item]:
    return [
        _item(
            "ruff",
            item["code"] or "invalid-syntax",
            "",
            _inside(folders, item["filename"]),
            item["location"]["row"],
            item["message"],
        )
        for item in _json(folders, "ruff.json")
    ]


# --- bandit


def _bandit(config: str) -> Scanner:
    def argv(folders: Folders, paths: Sequence[str]) -> tuple[str, ...]:
        report = ("-f", "json", "-o", str(folders.reports / "bandit.json"))
        flag = "--ini" if config == ".bandit" else "-c"
        own = (flag, str(folders.tree / config)) if config else ()
        fixed = (*_ALONE, "-m", "bandit", "--quiet", "--exit-zero", *own)
        return (*fixed, *report, *(str(folders.tree / path) for path in paths))

    return Scanner("bandit", "security", argv, _bandit_items, (config,) if config else (), disguised=True)


def _bandit_items(folders: Folders, receipt: Receipt) -> list[Item]:
    data = _json(folders, "bandit.json")
    found = [
        _item(
            "bandit",
            item["test_id"],
            str(item["issue_severity"]).lower(),
            _inside(folders, item["filename"]),
            item["line_number"],
            item["issue_text"],
        )
        for item in data["results"]
    ]
    return found + [
        _item(
            "bandit",
            "unread",
            "medium",
            _inside(folders, error["filename"]),
            1,
            f"bandit could not read the file: {error['reason']}",
        )
        for error in data["errors"]
    ]


# --- detect-secrets

_SECRETS = """
import codecs, json, sys
from detect_secrets.core.scan import scan_file, scan_line
from detect_secrets.settings import default_settings
report, names = sys.argv[1], sys.argv[2:]
found = []
with default_settings() as settings:
    # No secret is tried out on anybody's server, found or not.
    settings.disable_filters("detect_secrets.filters.common.is_ignored_due_to_verification_policies")
    for name in names:
        with open(name, "rb") as file:
            data = file.read()
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            for number, line in enumerate(data.decode("utf-16", "replace").splitlines(), 1):
                # A line by itself is tried with everything, and nearly any word looks like entropy then.
                kinds = {one.type for one in scan_line(line) if "Entropy" not in one.type}
                found += [{"filename": name, "line": number, "type": kind} for kind in sorted(kinds)]
            continue
        for secret in scan_file(name):
            found.append({"filename": name, "line": secret.line_number, "type": secret.type})
json.dump(found, open(report, "w"))
"""


def _secrets() -> Scanner:
    def argv(folders: Folders, paths: Sequence[str]) -> tuple[str, ...]:
        report = str(folders.reports / "secrets.json")
        return (*_ALONE, "-c", _SECRETS, report, *(str(folders.tree / p) for p in paths))

    return Scanner("detect-secrets", "secrets", argv, _secret_items, endings=("",))


def _secret_items(folders: Folders, receipt: Receipt) -> list[Item]:
    return [
        # Its own words name the kind only: the secret itself is told to nobody.
        _item(
            "detect-secrets",
            item["type"],
            "",
            _inside(folders, item["filename"]),
            item["line"] or 1,
            f"looks like a secret ({item['type']})",
        )
        for item in _json(folders, "secrets.json")
    ]


# --- the project's own: types, and a command


def _types(bench: Bench, table: dict[str, Any], python: bool, chosen: Chosen) -> None:
    """The project's own mypy, where its base configures it and its environment has it."""
    ini = re.search(r"(?m)^\[mypy\]", text_at(bench, bench.base, "setup.cfg"))
    configured = _there(bench, *_MYPY_FILES[1:3]) or "mypy" in table or ini
    if not configured:
        chosen.skipped["types"] = "the project does not configure mypy"
    elif not python:
        chosen.skipped["types"] = "no Python file was changed"
    elif not _installed(bench.toolchain.python, "mypy"):
        chosen.skipped["types"] = "mypy is configured, and not among the project's dependencies"
    else:
        named = isinstance(table.get("mypy"), dict) and "files" in table["mypy"]
        whole = ("-m", "mypy", "--no-incremental", "--cache-dir", "/dev/null", "--no-error-summary")
        python_path = str(bench.toolchain.python)

        def argv(folders: Folders, paths: Sequence[str]) -> tuple[str, ...]:
            return (python_path, *whole, *(() if named else paths))

        read: Callable[[Folders, Receipt], list[Item]] = lambda f, r: _lines("mypy", r)  # noqa: E731
        chosen.scanners.append(
            Scanner("types", "types", argv, read, base_files=_MYPY_FILES, foreign=True, whole=named)
        )


def _installed(python: Path, module: str) -> bool:
    libraries = (python.parent.parent / "lib").glob("python3*/site-packages")
    return any((folder / module).is_dir() for folder in libraries)


def _project(bench: Bench, chosen: Chosen) -> None:
    command = bench.settings.review_command
    if not command:
        chosen.skipped["the project's review command"] = "none is configured"
        return
    words = with_interpreter(command, bench.toolchain)
    name = shlex.join(command)[:60]
    chosen.scanners.append(
        Scanner(
            name,
            "review",
            lambda folders, paths: words,
            lambda folders, receipt: _lines(command[0], receipt),
            base_files=_own_files(bench, command),
            endings=("",),
            foreign=True,
            whole=True,
        )
    )


def _own_files(bench: Bench, command: Sequence[str]) -> tuple[str, ...]:
    """What decides how the project's command runs, as far as the base has it."""
    wanted = (*_COMMAND_FILES, *(word.removeprefix("./") for word in command))
    return tuple(n for n in wanted if read_file_at(bench.repository, bench.base, n) is not None)


def _lines(tool: str, receipt: Receipt) -> list[Item]:
    """Read `path:line: text` out of a tool's output; a red end without any such line is a finding itself."""
    found = []
    text = receipt.output.decode("utf-8", "replace")
    for line in text.splitlines()[:_LINES_READ]:
        if (seen := _LINE.match(line.strip())) and ": note:" not in line:
            said = seen["text"].removeprefix("error:").strip()
            rule = re.search(r"\[([\w-]+)\]$", said)
            path = seen["path"].removeprefix("./")
            found.append(_item(tool, rule[1] if rule else "said", "medium", path, seen["line"], said))
    if not found and receipt.exit_code:
        last = next((ln for ln in reversed(text.splitlines()) if ln.strip()), receipt.ending)
        found.append(_item(tool, "red", "medium", "", 0, f"{receipt.ending}: {last.strip()}"))
    return found if receipt.exit_code else []


# --- reading


def _item(tool: str, rule: str, severity: str, path: str, line: Any, text: str) -> Item:
    named = {"tool": tool, "rule": str(rule), "severity": severity, "path": path}
    return {**named, "line": int(line), "text": str(text)}


def _inside(folders: Folders, name: str) -> str:
    return Path(name).relative_to(folders.tree).as_posix()


def _json(folders: Folders, name: str) -> Any:
    return json.loads(read_bounded(folders.reports / name, _REPORT_LIMIT))
