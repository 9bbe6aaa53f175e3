"""One gateway to every model: streaming, tool calls, retries, cost. Knows no role and no journal.

Importing this package never imports litellm; the first call to a real model does, in a thread.
"""

from __future__ import annotations

from core.llm.gateway import open_gateway
from core.llm.prices import likely_cost
from core.llm.rehearsal import is_rehearsal, knows_request
from core.llm.types import (
    PERSON,
    About,
    Call,
    Completion,
    Delta,
    Gateway,
    Message,
    ReasoningDelta,
    Retrying,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from core.llm.ways import Ways, check_model, find_ways

__all__ = [
    "PERSON",
    "About",
    "Call",
    "Completion",
    "Delta",
    "Gateway",
    "Message",
    "ReasoningDelta",
    "Retrying",
    "TextDelta",
    "ToolCall",
    "ToolSpec",
    "Usage",
    "Ways",
    "check_model",
    "find_ways",
    "is_rehearsal",
    "knows_request",
    "likely_cost",
    "open_gateway",
]
