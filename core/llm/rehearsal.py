"""The scripted model: no key, no network, no cost. Only its words are scripted; what they cause is real.

It keeps nothing between calls. Its words follow from the state, the attempt and the turn that a call is
about, so an attempt that goes on after a crash hears the same words again.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator
from importlib.resources.abc import Traversable

from core.errors import ModelError, ModelFault
from core.llm.prices import count_prompt, count_text_size
from core.llm.scenario import PREFIX, Scenario, Words, load_scenario, words_for
from core.llm.types import Call, Completion, Delta, TextDelta, Usage

PACE_VARIABLE = "QDECK_REHEARSAL_PACE"
DEFAULT_PACE = 0.02
"""Seconds a piece, so that a person can read along."""

_PIECE = re.compile(r"\s*\S+\s*")


def is_rehearsal(model: str) -> bool:
    """Tell whether a model's name means the scripted model."""
    return model.startswith(PREFIX)


def knows_request(scenario: str, request: str) -> bool:
    """Tell whether a scenario (`slugify` or `rehearsal/slugify`) plays this request."""
    return load_scenario(scenario).knows(request)


def pace() -> float:
    """Return the pause after each piece of text, in seconds."""
    try:
        return min(max(0.0, float(os.environ.get(PACE_VARIABLE, DEFAULT_PACE))), 5.0)
    except ValueError:
        return DEFAULT_PACE


class Rehearsal:
    """The gateway to the scripted model. `root` is another folder of scenarios than the one that ships."""

    def __init__(self, root: Traversable | None = None) -> None:
        self._root = root

    async def stream(self, call: Call) -> AsyncGenerator[Delta, None]:
        """Play the words of one turn, in small pieces."""
        scenario = load_scenario(call.model, self._root)
        if not scenario.knows(call.about.request):
            raise unknown_request(scenario)
        words = words_of(scenario, call)
        wait = pace()
        for piece in _PIECE.findall(words.text):
            yield TextDelta(piece)
            await asyncio.sleep(wait)
        yield Completion(
            text=words.text,
            tool_calls=words.tool_calls,
            usage=_usage(call, words),
            finish="tool_calls" if words.tool_calls else "stop",
            model=call.model,
        )

    async def aclose(self) -> None:
        """Nothing is kept open."""


def words_of(scenario: Scenario, call: Call) -> Words:
    """Return the words of the turn that `call` is about."""
    turn = call.about.turn
    if turn < 0:
        turn = sum(message.role == "assistant" for message in call.messages)
    return words_for(
        scenario,
        role=call.about.role,
        state=call.about.state,
        attempt=call.about.attempt,
        turn=turn,
        messages=call.messages,
    )


def unknown_request(scenario: Scenario) -> ModelError:
    """The rehearsal never plays a request that is not its own."""
    what = f"The rehearsal only plays “{scenario.title}”: it has no words for this request."
    hint = "Name a real model (--model, or f2 in the app), such as openai/gpt-5-mini, or run `qdeck demo`."
    return ModelError(ModelFault.NONE_CONFIGURED, what, hint)


def _usage(call: Call, words: Words) -> Usage:
    written = len(words.text) + sum(len(tool.arguments) for tool in words.tool_calls)
    return Usage(count_prompt(call), count_text_size(written), cost_usd=0.0)
