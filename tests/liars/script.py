"""Turns one side of a pair into the words of a scripted model, in the rehearsal's own format."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from core.llm.rehearsal import words_of
from core.llm.scenario import Scenario
from core.llm.types import Call, Completion, Delta, TextDelta, Usage
from tests.liars.pairs import Pair, Side

MODEL = "openai/"
"""What the names of the scripted models begin with: to the product they are models of a provider."""

_CALLS_A_TURN = 12
_SUBMITS = {
    "discovery": ("submit_requirement", "requirement"),
    "planning": ("submit_plan", "plan"),
    "implementation": ("submit_code", "code"),
    "testing": ("submit_tests", "tests"),
    "verification": ("submit_review", "review"),
    "deployment": ("submit_release", "release"),
}
_HANDOFFS = ("handoff_to_coder", "handoff_to_tester", "handoff_to_verifier", "handoff_to_releaser")


def scenario_of(pair: Pair, side: Side, name: str, places: Mapping[str, str]) -> Scenario:
    """Return the whole of what the roles of one build say; `places` are the real paths to put in."""
    turns: dict[str, Sequence[Mapping[str, Any]]] = {
        state: [{"text": "I take it.", "call": [_call("accept_handoff", {"notes": "It is all there."})]}]
        for state in _HANDOFFS
    }
    for state, (tool, packet) in _SUBMITS.items():
        handed_in = {**pair.repository.packets[packet], **side.packets.get(packet, {})}
        turns[state] = [{"text": "I hand it in.", "call": [_call(tool, handed_in)]}]
    checks = {"checks": [], **side.packets.get("checks", {})}
    turns["hidden"] = [{"text": "Seen from outside.", "call": [_call("submit_checks", checks)]}]
    turns["implementation"] = [*_work(side), *turns["implementation"]]
    if side.audit:
        turns["testing"] = [*_turns("I add tests.", _writes(side.audit)), *turns["testing"]]
    turns |= side.turns
    turns |= {state: [*before, *turns[state]] for state, before in side.first.items()}
    return Scenario(
        name=name,
        title=pair.request,
        requests=(pair.request,),
        replies=(),
        otherwise="I cannot say.",
        scripts={(state, 1): filled(script, places) for state, script in turns.items()},
        contents={},
    )


def _work(side: Side) -> list[Mapping[str, Any]]:
    calls = _writes(side.files)
    if side.remove:
        calls.append(_call("run", {"command": "rm -rf -- " + " ".join(side.remove)}))
    calls += [_call("run", {"command": command}) for command in side.run]
    return _turns(side.intro, [*calls, *side.calls])


def _writes(files: Mapping[str, str]) -> list[Mapping[str, Any]]:
    return [_call("write", {"path": path, "content": text, "replace": True}) for path, text in files.items()]


def _turns(text: str, calls: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [
        {"text": text, "call": list(calls[start : start + _CALLS_A_TURN])}
        for start in range(0, len(calls), _CALLS_A_TURN)
    ]


def _call(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "arguments": dict(arguments)}


def filled(value: Any, places: Mapping[str, str]) -> Any:
    """Return `value` with every `@PLACE@` in its texts replaced by the real path."""
    text = json.dumps(value, ensure_ascii=False)
    for place, path in places.items():
        text = text.replace(f"@{place}@", path)
    return json.loads(text)


class Theatre:
    """The gateway to all scripted models of a run; each build's model has a name of its own."""

    def __init__(self) -> None:
        self.scenarios: dict[str, Scenario] = {}
        self.heard: dict[str, set[str]] = {}
        """What each model was told, for the search for secrets."""
        self.acts: dict[tuple[str, str], Callable[[], Awaitable[None]]] = {}
        """What a model does beside its words, by its name and the state in which it is asked first."""

    async def stream(self, call: Call) -> AsyncGenerator[Delta, None]:
        """Say the words of one turn, without a pause."""
        self.heard.setdefault(call.model, set()).update(message.content for message in call.messages)
        if act := self.acts.pop((call.model, call.about.state), None):
            await act()
        words = words_of(self.scenarios[call.model], call)
        yield TextDelta(words.text)
        finish = "tool_calls" if words.tool_calls else "stop"
        yield Completion(words.text, words.tool_calls, Usage(cost_usd=0.0), finish, call.model)

    async def aclose(self) -> None:
        """Nothing is kept open."""
