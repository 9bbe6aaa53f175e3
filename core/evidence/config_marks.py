"""Find what configuration lets tools overlook: excludes, ignores, omitted files, accepted baselines. Pure.

Each value is a mark by itself, so that one more path in a list that was there is one new finding.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from core.evidence.findings import Finding, fingerprint

_LOOSENS = re.compile(
    r"(?:^|\.)(?:"
    # ruff, flake8, pycodestyle
    r"(?:extend[-_])?(?:per[-_]file[-_]ignores|ignore|exclude)|unfixable"
    # bandit
    r"|skips|exclude_dirs|exclude_tests"
    # coverage
    r"|omit|exclude_lines|exclude_also|partial_branches"
    # mypy
    r"|ignore_errors|ignore_missing_imports|follow_imports|disable_error_code|disable_error_codes"
    # secrets
    r"|results|exclude_files|exclude_secrets"
    r")(?:\.|$)"
)
_SECTIONS = re.compile(r"^tool\.(?:ruff|bandit|coverage|mypy|flake8|pylint|detect[-_]secrets|semgrep)\b")
_INI_SECTIONS = re.compile(r"^(?:mypy|flake8|bandit|coverage|run|report|pycodestyle|pylint)", re.I)
_TOML = ("pyproject.toml", "ruff.toml", ".ruff.toml")
_INI = ("setup.cfg", "tox.ini", ".coveragerc", "mypy.ini", ".mypy.ini", ".flake8", ".bandit")
_LISTS = (".eslintignore", ".semgrepignore", ".gitleaksignore", ".banditignore")
_JSON = (".secrets.baseline",)
_YAML = ("bandit.yaml", "bandit.yml")


def is_configuration(path: str) -> bool:
    """Say whether the file can tell a tool to overlook something."""
    return path.rsplit("/", 1)[-1] in (*_TOML, *_INI, *_LISTS, *_JSON, *_YAML)


def config_marks(path: str, text: str) -> list[Finding]:
    """Return each thing that the configuration file lets a tool overlook."""
    name = path.rsplit("/", 1)[-1]
    try:
        if name in _TOML:
            leaves = _from_toml(name, text)
        elif name in _INI:
            leaves = _from_ini(text)
        elif name in _JSON:
            leaves = _from_baseline(text)
        elif name in (*_LISTS, *_YAML):
            leaves = [("line", line.strip()) for line in text.splitlines() if line.strip("\t -#")]
        else:
            return []
    except (ValueError, configparser.Error, RecursionError):
        # What cannot be read is taken line by line: a tool may read it all the same.
        leaves = [("line", line.strip()) for line in text.splitlines() if line.strip()]
    lines = text.split("\n")
    return [_mark(path, key, value, lines) for key, value in leaves]


def _mark(path: str, key: str, value: str, lines: list[str]) -> Finding:
    word = value.rsplit(" ", 1)[-1]
    line = next((n for n, text in enumerate(lines, 1) if word and word in text), 1)
    told = f"lets a tool overlook something: {key} {value}".strip()[:200]
    mark = fingerprint("suppression", "config", path, f"{key} = {value}")
    return Finding("suppression", "config", "medium", path, line, told, mark)


def _from_toml(name: str, text: str) -> list[tuple[str, str]]:
    found = []
    for key, value in _leaves(tomllib.loads(text), ""):
        full = key if name == "pyproject.toml" else f"tool.ruff.{key}"
        if _SECTIONS.match(full) and _LOOSENS.search(full) and value not in ("False", ""):
            found.append((full, value))
    return found


def _leaves(data: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        # An entry of mypy's overrides is named by its modules, not by its place in the list.
        for key, value in data.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(data, list):
        for value in data:
            named = f"{prefix}[{value.get('module')}]" if isinstance(value, dict) else prefix
            yield from _leaves(value, named)
    else:
        yield prefix, str(data)


def _from_ini(text: str) -> list[tuple[str, str]]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(text)
    found = []
    for section in parser.sections():
        if not _INI_SECTIONS.match(section):
            continue
        for key, value in parser.items(section):
            if _LOOSENS.search(key) and (value or "").strip().lower() not in ("", "false"):
                parts = re.split(r"[\n,]", value or "")
                found += [(f"[{section}] {key}", part.strip()) for part in parts if part.strip()]
    return found


def _from_baseline(text: str) -> list[tuple[str, str]]:
    data = json.loads(text)
    results = data.get("results", {}) if isinstance(data, dict) else {}
    return [
        ("accepted secret", f"{file} {item.get('type')} {item.get('hashed_secret', '')[:12]}")
        for file, items in results.items()
        for item in items
    ]
