"""One gateway to every model: streaming, tool calls, retries, cost. Knows no role and no journal.

Importing this package never imports litellm; the first call to a real model does, in a thread.
"""

from __future__ import annotations

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
]
