"""Reads a rehearsal's words from its folder under `prompts/rehearsal`, and picks those of one turn.

`prompts/rehearsal/FORMAT.md` says how a scenario is written. Everything here is a pure function of the files
and of the conversation: the same question always gets the same words.
"""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from core.errors import ModelError, ModelFault
from core.llm.types import PERSON, Message, ToolCall

PREFIX = "rehearsal/"
"""What the name of every rehearsal model begins with."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SCRIPT = re.compile(r"([a-z_]+)-(\d+)\.toml")


@dataclass(frozen=True, slots=True)
class Words:
    """What the rehearsal says at one turn."""

    text: str
    tool_calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario: the requests that it knows, its answers to chat, its scripts by state and attempt."""

    name: str
    title: str
    requests: tuple[str, ...]
    replies: tuple[Mapping[str, str], ...]
    otherwise: str
    scripts: Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
    contents: Mapping[str, str]

    def knows(self, request: str) -> bool:
        """Tell whether this scenario plays `request`."""
        return normalised(request) in {normalised(known) for known in self.requests}

    def script(self, state: str, attempt: int) -> Sequence[Mapping[str, Any]]:
        """Return the turns of an attempt: its own, or those of the nearest attempt before it."""
        numbers = sorted(number for known, number in self.scripts if known == state)
        if not numbers:
            raise _broken(self.name, f"there is nothing written for the state {state}")
        number = max((number for number in numbers if number <= attempt), default=numbers[0])
        return self.scripts[state, number]


def normalised(request: str) -> str:
    """Return a request as requests are compared: without case, extra blanks and a closing full stop."""
    return " ".join(unicodedata.normalize("NFKC", request).casefold().split()).rstrip(".!").rstrip()


def load_scenario(name: str, root: Traversable | None = None) -> Scenario:
    """Return the scenario of the model `rehearsal/<name>`; ModelError when there is none, or it is broken."""
    bare = name.removeprefix(PREFIX)
    folder = (root or resources.files("prompts").joinpath("rehearsal")).joinpath(bare)
    if not _NAME.fullmatch(bare) or not folder.joinpath("scenario.toml").is_file():
        what = f"There is no rehearsal named {bare or name}."
        raise ModelError(ModelFault.NOT_FOUND, what, "The one of the demo is rehearsal/slugify.")
    return _read(bare, folder) if root is not None else _read_once(bare)


@lru_cache(maxsize=8)
def _read_once(name: str) -> Scenario:
    return _read(name, resources.files("prompts").joinpath("rehearsal", name))


def _read(name: str, folder: Traversable) -> Scenario:
    scripts: dict[tuple[str, int], Sequence[Mapping[str, Any]]] = {}
    contents: dict[str, str] = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if not entry.is_file():
            continue
        if match := _SCRIPT.fullmatch(entry.name):
            turns = _toml(name, entry).get("turn", [])
            if not turns:
                raise _broken(name, f"{entry.name} has no [[turn]]")
            scripts[match[1], int(match[2])] = turns
        elif entry.name != "scenario.toml" and not entry.name.endswith((".pyc", ".so")):
            contents[entry.name] = entry.read_text("utf-8")
    head = _toml(name, folder.joinpath("scenario.toml"))
    return Scenario(
        name=name,
        title=str(head.get("title", name)),
        requests=tuple(head.get("requests", ())),
        replies=tuple(head.get("reply", ())),
        otherwise=str(head.get("otherwise", "")),
        scripts=scripts,
        contents=contents,
    )


def _toml(name: str, entry: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(entry.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _broken(name, f"{entry.name} is not TOML: {error}") from None


def _broken(name: str, why: str) -> ModelError:
    what = f"The rehearsal {name} cannot go on: {why}."
    return ModelError(ModelFault.BAD_ANSWER, what, "This is a fault of its script; please report it.")


def words_for(
    scenario: Scenario, *, role: str, state: str, attempt: int, turn: int, messages: Sequence[Message]
) -> Words:
    """Return what the scenario's model says: its answer to a person's chat, then the words of the turn."""
    script = scenario.script(state, attempt)
    chosen = _choose(scenario, script[min(turn, len(script) - 1)], messages)
    prefix = f"call_{state}_{attempt}_{turn}"
    calls = tuple(
        ToolCall(f"{prefix}_{number}", str(call["name"]), _arguments(scenario, call, messages))
        for number, call in enumerate(chosen.get("call", ()))
    )
    spoken = [*_chat_replies(scenario, role, messages), str(chosen.get("text", "")).strip()]
    return Words("\n\n".join(part for part in spoken if part), calls)


def fresh(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return what arrived since the model last spoke."""
    last = max((at for at, message in enumerate(messages) if message.role == "assistant"), default=-1)
    return tuple(message for message in messages[last + 1 :] if message.role != "system")


def _choose(scenario: Scenario, turn: Mapping[str, Any], messages: Sequence[Message]) -> Mapping[str, Any]:
    choices = turn.get("choice")
    if not choices:
        return turn
    new = "\n".join(message.content for message in fresh(messages))
    everything = "\n".join(message.content for message in messages if message.role != "system")
    for choice in choices:
        tests = ((choice.get("when"), new), (choice.get("when_ever"), everything))
        if all(pattern is None or _search(scenario, pattern, text, re.MULTILINE) for pattern, text in tests):
            return dict(choice)
    raise _broken(scenario.name, "no choice of a turn fits what happened")


def _search(scenario: Scenario, pattern: str, text: str, flags: re.RegexFlag) -> re.Match[str] | None:
    try:
        return re.search(pattern, text, flags)
    except re.error as error:
        raise _broken(scenario.name, f"{pattern!r} is not a regular expression: {error}") from None


def _chat_replies(scenario: Scenario, role: str, messages: Sequence[Message]) -> list[str]:
    said = [
        message.content for message in fresh(messages) if message.role == "user" and message.name == PERSON
    ]
    return [_reply(scenario, role, text) for text in said]


def _reply(scenario: Scenario, role: str, text: str) -> str:
    for reply in scenario.replies:
        if reply.get("role", role) == role and _search(scenario, reply["pattern"], text, re.IGNORECASE):
            return reply["text"].strip()
    return scenario.otherwise.strip()


def _arguments(scenario: Scenario, call: Mapping[str, Any], messages: Sequence[Message]) -> str:
    return json.dumps(_filled(scenario, call.get("arguments", {}), messages), ensure_ascii=False)


def _filled(scenario: Scenario, value: Any, messages: Sequence[Message]) -> Any:
    """Return `value` with the tables that stand for a file or for something seen replaced by it."""
    if isinstance(value, Mapping):
        if set(value) == {"content_from"}:
            return _content(scenario, str(value["content_from"]))
        if "seen" in value and set(value) <= {"seen", "otherwise"}:
            return _seen(scenario, str(value["seen"]), str(value.get("otherwise", "")), messages)
        return {key: _filled(scenario, inner, messages) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(scenario, inner, messages) for inner in value]
    return value


def _content(scenario: Scenario, name: str) -> str:
    if name not in scenario.contents:
        raise _broken(scenario.name, f"the file {name} is missing")
    return scenario.contents[name]


def _seen(scenario: Scenario, pattern: str, otherwise: str, messages: Sequence[Message]) -> str:
    for message in reversed(messages):
        found: list[re.Match[str]] = []
        if message.role != "system" and _search(scenario, pattern, message.content, re.MULTILINE):
            found = list(re.finditer(pattern, message.content, re.MULTILINE))
        if found:
            return found[-1].group(1) if found[-1].re.groups else found[-1].group(0)
    return otherwise
