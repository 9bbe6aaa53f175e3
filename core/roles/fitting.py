"""Keep a conversation within what a model can take, by leaving old tool results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.llm.types import Message

LEFT_OUT = "(This older result was left out to save room; call the tool again if you need it.)"
_RECENT = 6
_LEAST = 400


def fitted(messages: Sequence[Message], limit: int) -> tuple[Message, ...]:
    """Return the conversation with the oldest long tool results replaced until it has at most `limit`
    characters.

    The opening and the latest messages stay. The same input always gives the same output.
    """
    kept = list(messages)
    size = sum(_size(message) for message in kept)
    for at, message in enumerate(kept[: max(len(kept) - _RECENT, 0)]):
        if size <= limit:
            break
        if message.role == "tool" and len(message.content) > _LEAST:
            kept[at] = replace(message, content=LEFT_OUT)
            size -= len(message.content) - len(LEFT_OUT)
    return tuple(kept)


def _size(message: Message) -> int:
    return len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
