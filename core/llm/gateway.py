"""Chooses, by a model's name, who answers a call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from core.llm.litellm_gateway import LiteLLMGateway
from core.llm.rehearsal import Rehearsal, is_rehearsal
from core.llm.types import Call, Delta, Gateway


class Switchboard:
    """Sends a call to the scripted model or to a real one."""

    def __init__(self, real: LiteLLMGateway | None = None, rehearsal: Rehearsal | None = None) -> None:
        self._real = real or LiteLLMGateway()
        self._rehearsal = rehearsal or Rehearsal()

    async def stream(self, call: Call) -> AsyncGenerator[Delta, None]:
        """Yield the answer of whoever the model's name means."""
        chosen: Gateway = self._rehearsal if is_rehearsal(call.model) else self._real
        async with aclosing(chosen.stream(call)) as deltas:
            async for delta in deltas:
                yield delta

    async def aclose(self) -> None:
        """Close what is kept open between calls."""
        await self._real.aclose()


def open_gateway() -> Gateway:
    """Return the gateway of this process. Imports nothing heavy until a real model is asked."""
    return Switchboard()
