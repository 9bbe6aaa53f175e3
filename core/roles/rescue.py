"""Rescue a tool call that a small local model wrote as text instead of calling the tool."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from core.llm.types import ToolCall

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n\s*```", re.DOTALL)
_TAGGED = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_LONGEST = 100_000


def rescued(text: str, names: Collection[str], turn: int) -> tuple[ToolCall, ...]:
    """Return the one call that `text` is, or ends with; nothing when there is any doubt.

    Only an answer that closes with a single JSON object of a known tool's name and its arguments counts, so
    that a quoted file can hardly become a call.
    """
    text = text.strip()
    if len(text) > _LONGEST or '"name"' not in text:
        return ()
    blocks = _TAGGED.findall(text) or _FENCED.findall(text)
    if not blocks and text.startswith("{"):
        blocks = [text]
    if len(blocks) != 1 or not text.endswith(("}", "```", "</tool_call>")):
        return ()
    try:
        value = json.loads(blocks[0])
    except (ValueError, RecursionError):
        return ()
    if not isinstance(value, dict) or not set(value) <= {"name", "arguments", "parameters"}:
        return ()
    arguments = value.get("arguments", value.get("parameters", {}))
    if value.get("name") not in names or not isinstance(arguments, dict):
        return ()
    return (ToolCall(f"rescued_{turn}", value["name"], json.dumps(arguments)),)
