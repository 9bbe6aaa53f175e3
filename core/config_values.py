"""How the text of a setting becomes its value, a parser for each. Knows no file and no environment."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.durations import seconds_of
from core.machine.states import DEADLINES, Autonomy, Role

NOTIFY_WAYS = ("auto", "bell", "osc9", "osc777", "desktop", "off")
"""How the app may call a person who looks elsewhere."""
NOTIFY_EVENTS = ("needs_you", "complete")
"""What it may call for."""


def _text(value: Any) -> str:
    if not isinstance(value, (str, Path)):
        raise TypeError("it has to be text")
    return str(value)


def _command(value: Any) -> tuple[str, ...]:
    """A command is a list of words; a string is split the way a shell would, and no shell ever sees it."""
    if isinstance(value, str):
        return tuple(shlex.split(value))
    return _words(value)


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part for part in value.replace(",", " ").split() if part)
    if isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
        return tuple(value)
    raise TypeError("it has to be a list of texts")


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError("it has to be true or false")


def _number(low: float, high: float = float("inf")) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise TypeError("it has to be a number")
        number = float(value)
        if not low <= number <= high:
            raise ValueError(f"it has to be {low:g} or more" + (f", {high:g} or less" if high < 1e9 else ""))
        return number

    return parse


def _count(low: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = _number(low)(value)
        if number != int(number):
            raise ValueError("it has to be a whole number")
        return int(number)

    return parse


def _autonomy(value: Any) -> Autonomy:
    try:
        return Autonomy(value)
    except ValueError:
        raise ValueError(f"it has to be one of {', '.join(a.value for a in Autonomy)}") from None


def _one_of(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"it has to be one of {', '.join(words)}")
        return value

    return parse


def _some_of(*words: str) -> Callable[[Any], tuple[str, ...]]:
    def parse(value: Any) -> tuple[str, ...]:
        chosen = _words(value)
        if unknown := [word for word in chosen if word not in words]:
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(words)}")
        return chosen

    return parse


def _models(value: Any) -> dict[str, str]:
    table = _table(value)
    roles = [role.value for role in Role]
    if unknown := [name for name in table if name not in roles]:
        raise ValueError(f"{unknown[0]!r} is no role; roles are {', '.join(roles)}")
    return table


def _table(value: Any) -> dict[str, str]:
    if isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values()):
        return {str(k): v for k, v in value.items()}
    raise TypeError("it has to be a table of texts")


def _deadlines(value: Any) -> dict[str, float]:
    """A table of spans by name; in the environment a text: `workflow=4h, testing=30m`."""
    if isinstance(value, str):
        value = dict(part.partition("=")[::2] for part in value.replace(",", " ").split())
    if not isinstance(value, Mapping):
        raise TypeError('it has to be a table of spans, such as testing = "30m"')
    if unknown := [str(name) for name in value if name not in DEADLINES]:
        raise ValueError(f"{unknown[0]!r} has no deadline; those that may: {', '.join(DEADLINES)}")
    return {str(name): seconds_of(span) for name, span in value.items()}


PARSERS: dict[str, Callable[[Any], Any]] = {
    "database_url": _text,
    "model": _text,
    "models": _models,
    "api_base": _text,
    "autonomy": _autonomy,
    "retry_budget": _count(0),
    "budget_usd": _number(0),
    "deadlines": _deadlines,
    "coverage_floor": _number(0, 100),
    "test_command": _command,
    "setup_command": _command,
    "smoke_command": _command,
    "deploy_command": _command,
    "rollback_command": _command,
    "review_command": _command,
    "tag": _text,
    "default_branch": _text,
    "test_paths": _words,
    "test_timeout": _number(1),
    "setup_timeout": _number(1),
    "turn_limit": _count(1),
    "attempt_timeout": _number(1),
    "max_parallel": _count(1),
    "unsandboxed": _truth,
    "theme": _text,
    "notify": _one_of(*NOTIFY_WAYS),
    "notify_about": _some_of(*NOTIFY_EVENTS),
    "keymap": _table,
    "trusted": _words,
}
"""Every setting, and how its text or TOML value becomes what is used. Raises ValueError, TypeError."""
