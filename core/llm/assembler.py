"""Puts the tool calls of a stream together again, whichever way a server cuts them.

By hand on purpose: litellm's own builder drops a call without an id and merges two calls that a server gives
the same index. Knows nothing of networks.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from core.llm.types import ToolCall


@dataclass(slots=True)
class _Open:
    """A call that is still being streamed."""

    id: str
    name: str
    arguments: str


class Assembler:
    """Collects fragments of tool calls and gives whole calls, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[_Open] = []
        self._at_index: dict[int, _Open] = {}

    def add(self, index: int | None, call_id: str | None, name: str | None, arguments: str | None) -> None:
        """Take one fragment.

        A fragment continues the call at its index, unless it plainly begins another: by a new id, by another
        name, or, where the server sends no ids, by its name again after arguments that are complete.
        """
        current = self._current(index)
        if current is None or _begins_another(current, call_id or "", name or ""):
            current = _Open("", "", "")
            self._calls.append(current)
        if index is not None:
            self._at_index[index] = current
        current.id = current.id or call_id or ""
        current.name = current.name or name or ""
        current.arguments += arguments or ""

    def calls(self, prefix: str = "call") -> tuple[ToolCall, ...]:
        """Return the calls; a missing id is invented, and empty arguments are an empty table."""
        named = [call for call in self._calls if call.name]
        taken = {call.id for call in named}
        return tuple(
            ToolCall(_fresh_id(call.id, prefix, number, taken), call.name, call.arguments.strip() or "{}")
            for number, call in enumerate(named)
        )

    def _current(self, index: int | None) -> _Open | None:
        if index is None:
            return self._calls[-1] if self._calls else None
        return self._at_index.get(index)


def _begins_another(current: _Open, call_id: str, name: str) -> bool:
    if call_id and current.id:
        return call_id != current.id
    if not name or not current.name:
        return False
    if name != current.name:
        return True
    return bool(current.arguments) if call_id else is_object(current.arguments)


def _fresh_id(call_id: str, prefix: str, number: int, taken: Collection[str]) -> str:
    candidate = call_id or f"{prefix}_{number}"
    while not call_id and candidate in taken:
        candidate += "x"
    return candidate


def is_object(text: str) -> bool:
    """Tell whether `text` is one complete JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
