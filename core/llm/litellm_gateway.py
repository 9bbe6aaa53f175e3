"""The gateway to real models, over litellm.

litellm speaks every provider's protocol; what it does badly is done here: retries that can be seen, a
watchdog for silence, a deadline, truncated streams, tool calls, keys in errors. Knows no role and no journal.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from core.errors import ModelError
from core.llm import faults
from core.llm.assembler import Assembler, is_object
from core.llm.breaker import Breaker
from core.llm.faults import Trouble
from core.llm.litellm_setup import LOG, load_litellm
from core.llm.prices import count_prompt, count_text_size, longest_answer
from core.llm.providers import Endpoint, endpoint_of
from core.llm.types import Call, Completion, Delta, Message, ReasoningDelta, Retrying, TextDelta, Usage


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait and how often to ask again. Times in seconds.

    A local model may read a long prompt for minutes before its first word, hence the long `first`.
    """

    first: float = 300.0
    idle: float = 90.0
    total: float = 1200.0
    attempts: int = 4
    backoff: float = 1.0
    longest_backoff: float = 30.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Patience:
        """Read `QDECK_MODEL_FIRST`, `_IDLE`, `_TOTAL`, `_ATTEMPTS`, `_BACKOFF`; skip what is no number."""
        env = os.environ if environment is None else environment
        usual = cls()

        def number(name: str, default: float) -> float:
            with suppress(ValueError):
                return max(0.0, float(env.get(f"QDECK_MODEL_{name}", default)))
            return default

        return cls(
            first=number("FIRST", usual.first),
            idle=number("IDLE", usual.idle),
            total=number("TOTAL", usual.total),
            attempts=max(1, int(number("ATTEMPTS", usual.attempts))),
            backoff=number("BACKOFF", usual.backoff),
        )

    def pause(self, attempt: int, trouble: Trouble, chance: float) -> float:
        """Return how long to wait after the failed `attempt`: what the provider asks, or longer each time."""
        grown = min(self.backoff * 2.0 ** (attempt - 1), self.longest_backoff)
        # Half of it by chance, so that several workers do not come back at the same moment.
        own = grown * (0.5 + chance / 2)
        return max(own, trouble.after or 0.0)


class _Failed(Exception):
    """Carries a judged trouble out of one request."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__()
        self.trouble = trouble


class LiteLLMGateway:
    """Streams answers of any model that litellm knows. One for a process; calls may run side by side."""

    def __init__(
        self,
        patience: Patience | None = None,
        *,
        breaker: Breaker | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._patience = patience or Patience.from_environment()
        self._breaker = breaker or Breaker()
        self._chance = chance

    async def stream(self, call: Call) -> AsyncGenerator[Delta, None]:
        """Yield the answer piece by piece, then the `Completion`; ask again where that can help."""
        endpoint = endpoint_of(call)
        limit = self._patience.attempts
        for attempt in range(1, limit + 1):
            self._breaker.check(endpoint)
            trouble: Trouble | None = None
            async with aclosing(self._ask(call, endpoint)) as deltas:
                try:
                    async for delta in deltas:
                        yield delta
                except _Failed as failed:
                    trouble = failed.trouble
            if trouble is None:
                self._breaker.reset(endpoint)
                return
            LOG.info(
                "call to %s failed, attempt %d of %d: %s", call.model, attempt, limit, trouble.error.what
            )
            if trouble.breaks:
                self._breaker.trip(endpoint, trouble.error, trouble.after)
            # Raised outside the `except`: the original exception, which may hold a key, is not its context.
            limit = min(limit, trouble.most or limit)
            if not trouble.again or attempt >= limit:
                raise _after(trouble.error, attempt)
            seconds = self._patience.pause(attempt, trouble, self._chance())
            yield Retrying(trouble.error.what, seconds, attempt, limit)
            await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        """Close the connections that litellm keeps for the next call."""
        if "litellm" in sys.modules:
            litellm = await load_litellm()
            with suppress(Exception):
                await litellm.close_litellm_async_clients()

    async def _ask(self, call: Call, endpoint: Endpoint) -> AsyncGenerator[Delta, None]:
        """Ask once. Raises `_Failed` for whatever goes wrong."""
        litellm = await load_litellm()
        watch = _Watch(self._patience, endpoint)
        source = await watch.open(litellm, call)
        answer = _Answer(call, endpoint)
        try:
            while (chunk := await watch.next(source, call)) is not None:
                for delta in answer.take(chunk):
                    yield delta
                answer.look_for_end(source)
        finally:
            await _close(source)
        yield answer.finished(litellm, source)


class _Watch:
    """Waits for one request: for its first piece, between pieces, and for the whole."""

    def __init__(self, patience: Patience, endpoint: Endpoint) -> None:
        self._patience = patience
        self._endpoint = endpoint
        self._deadline = time.monotonic() + patience.total
        self._wait = patience.first

    async def open(self, litellm: ModuleType, call: Call) -> Any:
        """Send the request and return the stream."""
        return await self._guarded(
            call, lambda: litellm.acompletion(**_request(call, self._endpoint, self._patience))
        )

    async def next(self, source: Any, call: Call) -> Any | None:
        """Return the next chunk, or None at the end."""
        try:
            chunk = await self._guarded(call, lambda: anext(source))
        except StopAsyncIteration:
            return None
        self._wait = self._patience.idle
        return chunk

    async def _guarded(self, call: Call, work: Callable[[], Any]) -> Any:
        left = self._deadline - time.monotonic()
        trouble: Trouble
        try:
            async with asyncio.timeout(max(0.0, min(self._wait, left))):
                return await work()
        except TimeoutError:
            late = left <= self._wait
            total = faults.overlong(self._endpoint, self._patience.total)
            trouble = total if late else faults.silent(self._endpoint, self._wait)
        except StopAsyncIteration:
            raise
        except Exception as error:
            trouble = faults.trouble_in(error, call.model, self._endpoint)
        raise _Failed(trouble)


class _Answer:
    """Collects one answer from its chunks."""

    def __init__(self, call: Call, endpoint: Endpoint) -> None:
        self._call = call
        self._endpoint = endpoint
        self._text: list[str] = []
        self._thought = 0
        self._tools = Assembler()
        self._usage: Any = None
        self._finish = ""
        self._ended = False

    def take(self, chunk: Any) -> list[Delta]:
        """Take a chunk in and return what of it there is to show."""
        # The usage comes in a chunk without choices, so it is read first.
        self._usage = getattr(chunk, "usage", None) or self._usage
        shown: list[Delta] = []
        for choice in (chunk.choices or ())[:1]:
            self._finish = choice.finish_reason or self._finish
            delta = choice.delta
            if thought := getattr(delta, "reasoning_content", None):
                self._thought += len(thought)
                shown.append(ReasoningDelta(thought))
            if delta.content:
                self._text.append(delta.content)
                shown.append(TextDelta(delta.content))
            for part in getattr(delta, "tool_calls", None) or ():
                function = part.function
                self._tools.add(
                    part.index, part.id, function and function.name, function and function.arguments
                )
        return shown

    def look_for_end(self, source: Any) -> None:
        """Remember whether the provider itself has said that the answer ends.

        litellm makes up a finish_reason when none came; only these two of its attributes tell a cut stream.
        The second is for Gemini, where the first is never set; there only a dropped connection tells.
        """
        for name in ("received_finish_reason", "intermittent_finish_reason"):
            self._ended = self._ended or bool(getattr(source, name, None))

    def finished(self, litellm: ModuleType, source: Any) -> Completion:
        """Return the whole answer, or raise `_Failed` when it is not one."""
        self.look_for_end(source)
        if not self._ended:
            raise _Failed(faults.cut(self._endpoint))
        text = "".join(self._text)
        # A cut answer may hold half a call, and half a call is never executed.
        calls = () if self._finish == "length" else self._tools.calls(_prefix(self._call))
        if not text and not calls and self._finish != "length":
            filtered = self._finish == "content_filter"
            raise _Failed((faults.filtered if filtered else faults.empty)(self._call.model))
        usage = self._used(litellm, source, len(text) + self._thought + sum(len(c.arguments) for c in calls))
        return Completion(text, calls, usage, self._finish or "stop", self._call.model)

    def _used(self, litellm: ModuleType, source: Any, written: int) -> Usage:
        # litellm invents usage when a provider sends none; its own list of raw chunks tells.
        chunks = getattr(source, "chunks", None)
        reported = chunks is None or any(getattr(chunk, "usage", None) for chunk in chunks)
        usage = self._usage if reported else None
        if usage is None:
            usage = litellm.Usage(
                prompt_tokens=count_prompt(self._call), completion_tokens=count_text_size(written)
            )
        cost = _cost(litellm, self._call.model, usage)
        return Usage(usage.prompt_tokens or 0, usage.completion_tokens or 0, cost, estimated=not reported)


def _prefix(call: Call) -> str:
    """Return what an invented id of a tool call begins with: unique among the turns of an attempt."""
    spoken = sum(message.role == "assistant" for message in call.messages)
    return f"call_{spoken}"


def _cost(litellm: ModuleType, model: str, usage: Any) -> float | None:
    """Return the price of an answer with its cached tokens, or None when litellm does not know the model."""
    try:
        answer = litellm.ModelResponse(model=model, usage=usage)
        return float(litellm.completion_cost(answer, model=model))
    except Exception:
        return None


def _request(call: Call, endpoint: Endpoint, patience: Patience) -> dict[str, Any]:
    """Return what litellm is asked."""
    request: dict[str, Any] = {
        "model": call.model,
        "messages": [_wire(message) for message in call.messages],
        "max_tokens": min(call.max_tokens, longest_answer(call.model) or call.max_tokens),
        "stream": True,
        "stream_options": {"include_usage": True},
        # Retries are ours, where they can be seen; litellm would sleep in silence.
        "max_retries": 0,
        # Our own watch is quicker; this is the socket's, in case that fails.
        "timeout": max(patience.first, patience.idle) + 10,
    }
    if call.tools:
        request["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in call.tools
        ]
    optional = {
        "temperature": call.temperature,
        "api_base": endpoint.api_base,
        "api_key": endpoint.api_key,
    }
    return request | {name: value for name, value in optional.items() if value is not None}


def _wire(message: Message) -> dict[str, Any]:
    """Return a message as the protocol wants it."""
    data: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        data["content"] = message.content or None
        data["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                # Several servers and adapters fail on history whose arguments are not JSON.
                "function": {
                    "name": call.name,
                    "arguments": call.arguments
                    if is_object(call.arguments)
                    else json.dumps({"malformed": call.arguments}),
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        data["tool_call_id"] = message.tool_call_id
    return data


def _after(error: ModelError, attempts: int) -> ModelError:
    """Return the error as it is raised in the end, with the number of attempts if there were several."""
    if attempts == 1:
        return ModelError(error.fault, error.what, error.hint)
    return ModelError(error.fault, f"{error.what.removesuffix('.')}, {attempts} times in a row.", error.hint)


async def _close(source: Any) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        with suppress(Exception):
            await close()
