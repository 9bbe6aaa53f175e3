"""What a call will probably cost, from the price list that litellm ships, read without importing litellm."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.llm.types import Call, Message, ToolSpec

_LIST = "model_prices_and_context_window_backup.json"
_CHARACTERS_A_TOKEN = 3.5
"""On the safe side for code and English; real tokenizers give 3.5 to 4.5."""


def likely_cost(call: Call) -> float:
    """Return the most that `call` can cost in USD, to reserve it; 0.0 where the price is not known.

    The whole of `max_tokens` is counted, so that what is settled later stays within what was reserved.
    """
    price = price_of(call.model)
    if price is None:
        return 0.0
    prompt, completion = price
    return prompt * count_prompt(call) + completion * call.max_tokens


def longest_answer(model: str) -> int | None:
    """Return how many tokens the model can write at most, or None; asking it for more is an error at some."""
    limit = _entry(model).get("max_output_tokens")
    return limit if isinstance(limit, int) and limit > 0 else None


def price_of(model: str) -> tuple[float, float] | None:
    """Return the USD price of one prompt token and one completion token, or None."""
    entry = _entry(model)
    prompt, completion = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if not isinstance(prompt, (int, float)) or not isinstance(completion, (int, float)):
        return None
    return float(prompt), float(completion)


def count_prompt(call: Call) -> int:
    """Guess how many tokens the question has."""
    size = sum(map(_size_of_message, call.messages)) + sum(map(_size_of_tool, call.tools))
    return count_text_size(size)


def count_text_size(characters: int) -> int:
    """Guess how many tokens so many characters are."""
    return int(characters / _CHARACTERS_A_TOKEN) + (1 if characters else 0)


def _size_of_message(message: Message) -> int:
    return (
        len(message.content) + sum(len(call.name) + len(call.arguments) for call in message.tool_calls) + 12
    )


def _size_of_tool(tool: ToolSpec) -> int:
    return len(tool.name) + len(tool.description) + len(json.dumps(dict(tool.parameters)))


def _entry(model: str) -> Mapping[str, Any]:
    """Return what the list says of a model, by its name with or without the provider; empty when nothing."""
    prices = _price_list()
    entry = prices.get(model) or prices.get(model.partition("/")[2])
    return entry if isinstance(entry, Mapping) else {}


@lru_cache(maxsize=1)
def _price_list() -> Mapping[str, Any]:
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    try:
        data = json.loads((Path(spec.origin).parent / _LIST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
