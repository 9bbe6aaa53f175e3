"""The settings as rows: what each is called, what it is, and where that comes from. Shows no secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from core.config import Settings, sqlite_path
from core.config_values import NOTIFY_WAYS, PARSERS
from core.durations import duration
from core.machine.states import Autonomy, Role
from tui import words
from tui.catalogue import Deed, keys_of
from tui.ink import Line, Span, cells, fit, said
from tui.pages.help import KEY_NAMES
from tui.theme import NAMES

Name = tuple[str, ...]

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("how much moves by itself", ("autonomy", "retry_budget", "budget_usd")),
    ("looks and calls", ("theme", "notify", "notify_about")),
    ("proof", ("coverage_floor", "test_paths", "test_timeout", "setup_timeout")),
    ("work", ("turn_limit", "attempt_timeout", "max_parallel", "unsandboxed")),
)
"""The plain settings by what they are about; what no group names stands under "projects"."""
APART = frozenset({"model", "models", "api_base", "keymap", "database_url", "trusted"})
CHOICES: dict[str, tuple[str, ...]] = {
    "autonomy": tuple(a.value for a in Autonomy),
    "notify": NOTIFY_WAYS,
    "theme": tuple(NAMES),
    "unsandboxed": ("false", "true"),
}
MEANINGS: dict[str, dict[str, str]] = {
    "autonomy": {
        "manual": "asks you at every step",
        "gated": "asks you at the gates",
        "auto": "asks only when stuck",
    },
    "notify": {
        "auto": "what this terminal understands",
        "bell": "the terminal's bell",
        "osc9": "iTerm2, WezTerm, Ghostty, Windows Terminal",
        "osc777": "GNOME Terminal and other VTE, Ghostty",
        "desktop": "the desktop's own (notify-send)",
        "off": "never calls you",
    },
    "theme": NAMES,
    "unsandboxed": {
        "false": "a build waits where no sandbox works",
        "true": "there it runs without one, marked so for good",
    },
}
"""What each choice means."""
_UNSET = {
    "model": "none yet",
    "api_base": "the provider's own",
    "budget_usd": "no limit",
    "deadlines": "none",
    "theme": "as the terminal allows",
    "notify_about": "nothing",
    "rollback_command": "none",
    "deploy_command": "the merge is the deployment",
    "smoke_command": "the tests on a clean clone",
    "review_command": "none",
    "tag": "none",
    "test_paths": "the usual names",
}
"""What counts while a setting has no value; where nothing is said, it is found in the project."""
_TOLD: dict[str, Callable[[Any], str]] = {
    "budget_usd": words.money,
    "retry_budget": lambda value: f"{words.plural(value, 'step')} back",
    "coverage_floor": lambda value: f"{value:g} % of the changed lines",
    "test_timeout": lambda value: f"{value:g} seconds",
    "setup_timeout": lambda value: f"{value:g} seconds",
    "attempt_timeout": lambda value: f"{value:g} seconds",
    "turn_limit": lambda value: f"{words.plural(value, 'model call')} an attempt",
    "max_parallel": lambda value: f"{words.plural(value, 'attempt')} at the same time",
    "unsandboxed": lambda value: "where no sandbox works, commands run without one" if value else "never",
    "notify_about": lambda value: ", ".join(value).replace("_", " "),
}
"""How a value is told, with what it counts."""
_LABELS = {"budget_usd": "budget", "notify": "calls", "notify_about": "calls about"}
_SECRET = re.compile(r"(?<=//)[^/@\s]+(?=@)|\b(?:sk-|gsk_|xai-|AIza|ghp_)[\w-]{6,}")


class Row(NamedTuple):
    """One row. `name` is empty for headings and for what can only be read; `written` is the value as it would
    be written, where people read it with more words.
    """

    name: Name
    label: str
    value: str
    source: str = ""
    ink: str = "text"
    written: str = ""


def is_heading(row: Row) -> bool:
    """Whether a row only names what stands below it."""
    return not row.name and not row.value


def harmless(value: object, limit: int = 120) -> str:
    """Return a value as it may be shown: cleaned, and without what only its owner should read."""
    return _SECRET.sub("…", said(value, limit=limit).text)


def looks_secret(value: str) -> bool:
    """Whether somebody is about to write a key into a file of settings."""
    return _SECRET.search(value) is not None


def rows(settings: Settings, actions: Iterable[Deed], found: Mapping[str, Any]) -> list[Row]:
    """Return all rows. `found` holds what the worker's side says: its checks, and the ways to a model."""
    listed = [Row((), "models", ""), *_models(settings, found)]
    named: set[str] = set(APART)
    for title, keys in GROUPS:
        listed.append(Row((), title, ""))
        listed += [_plain(settings, key) for key in keys]
        named |= set(keys)
    listed.append(Row((), "projects, where their own file says nothing", ""))
    listed += [_plain(settings, key) for key in PARSERS if key not in named]
    listed += [Row((), "sandbox and surroundings", ""), *_checks(found)]
    listed += [Row((), "keys", ""), *_keys(settings, actions)]
    listed += [Row((), "where things are", ""), *_places(settings)]
    return listed


def _source(settings: Settings, key: str) -> str:
    source = settings.sources.get(key, "default")
    return "your file" if source == str(settings.paths.config_file) else source


def _plain(settings: Settings, key: str) -> Row:
    value = given = getattr(settings, key)
    if isinstance(value, tuple):
        value = " ".join(value)
    elif isinstance(value, Mapping):
        value = ", ".join(f"{name}={duration(span)}" for name, span in value.items())
    elif isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, float):
        value = f"{value:g}"
    label = _LABELS.get(key, key.replace("_", " "))
    if value in (None, ""):
        return Row((key,), label, _UNSET.get(key, "found in the project"), _source(settings, key))
    told = _TOLD[key](given) if key in _TOLD else value
    return Row((key,), label, harmless(told), _source(settings, key), written=harmless(value))


def _models(settings: Settings, found: Mapping[str, Any]) -> list[Row]:
    model = harmless(settings.model)
    source = _source(settings, "model")
    listed = [Row(("model",), "every role", model or _UNSET["model"], source, written=model)]
    for role in Role:
        own = settings.models.get(role.value, "")
        source = _source(settings, "models") if own else ""
        told = harmless(own)
        name = words.ROLE_NAMES[role]
        listed.append(Row(("models", role.value), name, told or "as every role", source, written=told))
    server = harmless(settings.api_base)
    source = _source(settings, "api_base")
    listed.append(Row(("api_base",), "server", server or _UNSET["api_base"], source, written=server))
    for key in found.get("keys", ()):
        text = f"{harmless(key.get('variable'))} is set"
        listed.append(Row((), f"{words.OK} key", text, "environment", "ok"))
    for server in found.get("servers", ()):
        text = f"{harmless(server.get('name'))} answers at {harmless(server.get('api_base'))}"
        listed.append(Row((), f"{words.OK} server", text, "", "ok"))
    return listed


def _checks(found: Mapping[str, Any]) -> list[Row]:
    listed = []
    for check in found.get("checks", ()):
        good = bool(check.get("ok"))
        mark, ink = (words.OK, "ok") if good else (words.BAD, "bad")
        hint = "" if good else f" {check.get('hint', '')}"
        text = harmless(f"{check.get('what', '')}{hint}", 300)
        listed.append(Row((), f"{mark} {harmless(check.get('name'))}", text, "", ink))
        listed += [Row((), "", harmless(line, 200), "", "muted") for line in check.get("covers", ())]
    return listed or [Row((), "", str(found.get("trouble") or "looking"), "", "muted")]


def shown_keys(keys: Iterable[str]) -> str:
    """Return keys as people read them."""
    return " ".join(KEY_NAMES.get(key, key) for key in keys)


def _keys(settings: Settings, actions: Iterable[Deed]) -> list[Row]:
    listed: dict[str, Row] = {}
    for deed in actions:
        own = deed.id in settings.keymap
        label = f"{deed.name.lower()} ({deed.place})"
        keys = harmless(shown_keys(keys_of(deed, settings.keymap)))
        source = _source(settings, "keymap") if own else "default"
        listed.setdefault(deed.id, Row(("keymap", deed.id), label, keys, source))
    return list(listed.values())


def _places(settings: Settings) -> list[Row]:
    paths = settings.paths
    journal = sqlite_path(settings.database_url) or "a database server"
    places = (
        ("settings", paths.config_file),
        ("templates", paths.config / "templates"),
        ("prompts", paths.config / "prompts"),
        ("journal", journal),
        ("logs", paths.log),
        ("worktrees", paths.worktrees),
    )
    return [Row((), name, harmless(place, 300)) for name, place in places]


def row_line(row: Row, width: int) -> Line:
    """Return a row as a line: label, value, source."""
    if is_heading(row):
        title = row.label.upper()
        return (Span(f"{title} ", "strong bold"), Span("─" * max(0, width - len(title) - 1), "rule"))
    label = 32 if width >= 90 else 24
    right = min(28, max(0, width // 4))
    middle = max(8, width - label - right - 2)
    if cells(row.value) > middle:
        # An address is read to its end where its source leaves room for it.
        right = min(right, cells(row.source))
        middle = max(middle, min(cells(row.value), width - label - right - 2))
    ink = "muted" if row.ink == "text" and not row.name else row.ink
    return (
        Span(f"{fit(row.label, label - 1)} ", ink if row.ink in ("ok", "bad") else "muted"),
        Span(fit(row.value, middle), "strong" if row.name and row.source != "default" else ink),
        Span(f"  {fit(row.source, right)}", "faint" if row.source == "default" else "role"),
    )
