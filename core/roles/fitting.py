"""Keep a conversation within what a model can take, by leaving old tool traffic out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from core.llm.types import Message, ToolCall

LEFT_OUT = "(This older result was left out to save room; call the tool again if you need it.)"
_RECENT = 6
_LEAST = 400


def fitted(messages: Sequence[Message], limit: int) -> tuple[Message, ...]:
    """Return the conversation with the oldest long pieces of tool traffic replaced, as far as `limit` asks.

    Results go first, then what was written into files. The opening and the latest messages stay. The same
    input always gives the same output.
    """
    kept = list(messages)
    size = sum(_size(message) for message in kept)
    for shorter in (_without_result, _without_arguments):
        for at, message in enumerate(kept[: max(len(kept) - _RECENT, 0)]):
            if size <= limit:
                return tuple(kept)
            kept[at] = shorter(message)
            size += _size(kept[at]) - _size(message)
    return tuple(kept)


def _without_result(message: Message) -> Message:
    if message.role != "tool" or len(message.content) <= _LEAST:
        return message
    return replace(message, content=LEFT_OUT)


def _without_arguments(message: Message) -> Message:
    """Shorten the long texts that a call carried; it stays a call of the same tool on the same path."""
    return replace(message, tool_calls=tuple(_shortened(call) for call in message.tool_calls))


def _shortened(call: ToolCall) -> ToolCall:
    if len(call.arguments) <= _LEAST:
        return call
    try:
        given = call.parsed()
    except ValueError:
        given = {}
    short = {
        key: f"(left out: {len(value)} characters)" if isinstance(value, str) and len(value) > 100 else value
        for key, value in given.items()
    }
    return replace(call, arguments=json.dumps(short, ensure_ascii=False))


def _size(message: Message) -> int:
    return len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
