"""Ask the model once per turn: reserve, stream, settle. A finished answer is kept and never paid for
twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from core.errors import ModelError, ModelFault
from core.llm import About, Call, Completion, Message, Retrying, TextDelta, likely_cost
from core.roles.context import Desk, RoleContext
from core.roles.fitting import fitted
from core.roles.prompts import TITLES
from core.roles.tools.base import Tool
from core.roles.waiting import unless_stopped

BATCH = 0.04
"""Seconds of live text that are shown together."""


async def ask(
    context: RoleContext,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    *,
    turn: int,
    digest: str,
    seconds: float,
    state: str = "",
) -> Completion:
    """Return the model's answer at `turn`: the kept one if there is one, else a new one.

    `state` names a step beside the role's turns, which has turns of its own.
    """
    key = f"{state}-turn-{turn}" if state else f"turn-{turn}"

    async def work() -> Any:
        await context.desk.activity(f"{TITLES[context.role]} thinks")
        answer = _answer(context, messages, tools, turn, digest, key, state)
        return (await unless_stopped(context.desk, answer, seconds)).to_data()

    return Completion.from_data(await context.steps.once(key, work))


async def _answer(
    context: RoleContext,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    turn: int,
    digest: str,
    key: str,
    state: str,
) -> Completion:
    """Ask, and ask again with less of the past when the conversation is too long for the model."""
    full = context.limits.context_chars
    for limit in (full, full // 3, full // 9):
        call = _call(context, fitted(messages, limit), tools, turn, state)
        await context.desk.reserve(key, likely_cost(call))
        try:
            completion = await _stream(context, call)
        except ModelError as error:
            if error.fault is ModelFault.CONTEXT and limit > full // 9:
                continue
            raise
        await context.desk.settle(key, completion, digest, context.model)
        return completion
    raise ModelError(
        ModelFault.CONTEXT, "The conversation is too long for the model.", "Take a larger model."
    )


def _call(
    context: RoleContext, messages: tuple[Message, ...], tools: Sequence[Tool], turn: int, state: str
) -> Call:
    return Call(
        model=context.model,
        messages=messages,
        tools=tuple(tool.spec() for tool in tools),
        api_base=context.api_base,
        api_key=context.api_key,
        about=About(
            workflow_id=context.workflow.workflow_id,
            role=context.role.value,
            state=state or context.state.value,
            attempt=context.attempt,
            turn=turn,
            request=context.workflow.request,
        ),
    )


async def _stream(context: RoleContext, call: Call) -> Completion:
    batch = _Batch(context.desk)
    # What an earlier call said may stand before it without a message between: hidden checks leave none.
    between = "\n\n"
    async with aclosing(context.gateway.stream(call)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                await batch.add(between + delta.text)
                between = ""
            elif isinstance(delta, Retrying):
                await context.desk.activity(f"waits for the model: {delta.reason}")
                await batch.add(f"\n({delta.reason} Again in {delta.seconds:.0f} s.)\n")
            elif isinstance(delta, Completion):
                await batch.flush()
                return delta
    raise ModelError(
        ModelFault.BAD_ANSWER, "The model's answer had no end.", "Try again or take another model."
    )


class _Batch:
    """Collects small pieces of live text, so that the desk is not written to for each."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pieces: list[str] = []
        self._since = 0.0

    async def add(self, text: str) -> None:
        now = asyncio.get_running_loop().time()
        if not self._pieces:
            self._since = now
        self._pieces.append(text)
        if now - self._since >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            await self._desk.stream(text)
