"""What evidence needs from whoever runs it: steps that run once, and a place to keep things.

Evidence does not know the journal; the engine hands these in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from core.evidence.receipts import JsonValue, Receipt


class Steps(Protocol):
    """Runs a piece of work once within an attempt, crashes included."""

    async def once(self, key: str, work: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """Run `work` and keep its result under `key`; after a crash return the kept result instead."""
        ...


class Record(Protocol):
    """Keeps what was found."""

    async def receipt(self, receipt: Receipt) -> str:
        """Keep a receipt and return its id; the same `receipt.key` again gives the same id."""
        ...

    async def artifact(self, data: bytes, media: str) -> str:
        """Keep bytes and return their sha256."""
        ...

    async def activity(self, text: str) -> None:
        """Show what happens this second."""
        ...
