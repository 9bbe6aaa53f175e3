"""Plays a rehearsal's words over HTTP: a scripted model behind the real protocol.

The words go the whole way that a real model's go: through litellm, the stream, the assembler. The state and
the attempt are read from the rendered prompt, since nothing else of ours is sent to a provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.llm.scenario import load_scenario, words_for
from core.llm.types import Message
from tests.llm.openai_server import Reply, Tool

_STATE = re.compile(r"\bstate:\s*`?([a-z_]+)", re.IGNORECASE)
_ATTEMPT = re.compile(r"\battempt:?\s*`?(\d+)", re.IGNORECASE)


def scenario_responder(name: str) -> Callable[[Mapping[str, Any]], Reply]:
    """Return what an `OpenAIServer` needs to play the scenario `rehearsal/<name>`."""
    scenario = load_scenario(name)

    def respond(body: Mapping[str, Any]) -> Reply:
        messages = tuple(_message(data) for data in body["messages"])
        rendered = "\n".join(message.content for message in messages if message.role == "system")
        state, attempt = _STATE.findall(rendered), _ATTEMPT.findall(rendered)
        if not state or not attempt:
            return Reply("I cannot find out which state and attempt this is about.")
        words = words_for(
            scenario,
            role="",
            state=state[0].lower(),
            attempt=int(attempt[0]),
            # What was said in a chat before this attempt has no tool calls; every turn of a script has.
            turn=sum(message.role == "assistant" and bool(message.name) for message in messages),
            messages=messages,
        )
        calls = [Tool(call.name, call.arguments, id=call.id) for call in words.tool_calls]
        return Reply(words.text, calls, piece=40)

    return respond


def _message(data: Mapping[str, Any]) -> Message:
    """Read a message of the protocol; an assistant's name says here that it made sound tool calls."""
    calls = [call["function"]["arguments"] for call in data.get("tool_calls") or ()]
    return Message(
        role=data["role"],
        content=data.get("content") or "",
        tool_call_id=data.get("tool_call_id", ""),
        name="calls" if any("malformed" not in arguments for arguments in calls) else "",
    )
