"""What goes to a model and what comes back, as plain data.

Knows no provider, no journal and no role. What crosses a crash (a finished answer, kept as the result of a
step) can be turned into JSON data and back.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

MessageRole = Literal["system", "user", "assistant", "tool"]

PERSON = "person"
"""`Message.name` of what a person typed in the chat. It stays here: no provider is ever sent it."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that a model asked for. `arguments` is the raw JSON text, which may be malformed."""

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """Return the arguments as a table, or raise ValueError with a sentence that a model can act on."""
        try:
            value = json.loads(self.arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"The arguments of {self.name} are not valid JSON: {error}.") from None
        if not isinstance(value, dict):
            raise ValueError(
                f"The arguments of {self.name} must be a JSON object, not {type(value).__name__}."
            )
        return value


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, in the shape of the chat-completions protocol."""

    role: MessageRole
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that a model may call. `parameters` is its JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used. `cost_usd` is None when nobody knows the price.

    `estimated` tells that the provider reported no usage and the token counts are a guess of ours.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of what the model thinks aloud before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """The call failed in a way that may pass; it is tried again after `seconds`.

    Everything streamed before it in this call is void. `reason` is one sentence for people.
    """

    reason: str
    seconds: float
    attempt: int
    limit: int


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer. `finish` is "stop", "tool_calls", "length" or "content_filter".

    Decide by the presence of `tool_calls`, never by `finish`. An answer that was cut ("length") carries none.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    finish: str = "stop"
    model: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return JSON data from which `from_data` makes an equal answer."""
        return {
            "text": self.text,
            "tool_calls": [
                {"id": call.id, "name": call.name, "arguments": call.arguments} for call in self.tool_calls
            ],
            "usage": {
                "prompt_tokens": self.usage.prompt_tokens,
                "completion_tokens": self.usage.completion_tokens,
                "cost_usd": self.usage.cost_usd,
                "estimated": self.usage.estimated,
            },
            "finish": self.finish,
            "model": self.model,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Completion:
        """Make the answer again from what `to_data` gave."""
        return cls(
            text=data["text"],
            tool_calls=tuple(ToolCall(**call) for call in data["tool_calls"]),
            usage=Usage(**data["usage"]),
            finish=data["finish"],
            model=data["model"],
        )


@dataclass(frozen=True, slots=True)
class About:
    """What a call is for: which workflow, who asks, and at which turn of which attempt.

    `turn` counts the model's turns of this attempt from 0; -1 means "count the assistant messages". `request`
    is the workflow's request in the person's own words.
    """

    workflow_id: str = ""
    role: str = ""
    state: str = ""
    attempt: int = 1
    turn: int = -1
    request: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model. `api_base` and `api_key` left out come from the environment."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    max_tokens: int = 8192
    temperature: float | None = None
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    about: About = About()


Delta = TextDelta | ReasoningDelta | Retrying | Completion


class Gateway(Protocol):
    """The one way to a model."""

    def stream(self, call: Call) -> AsyncGenerator[Delta, None]:
        """Yield the answer piece by piece; the last item is the `Completion`.

        Raises `ModelError` when no usable answer can be had. Close the iterator (`contextlib.aclosing`) when
        you stop reading early: that ends the request.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections that are kept open between calls."""
        ...
