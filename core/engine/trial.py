"""One small real call to a model: whoever is about to build knows then whether it answers and calls tools."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

from core.errors import ModelError, ModelFault
from core.llm import Call, Completion, Message, ToolSpec, check_model, open_gateway
from core.llm.litellm_setup import load_litellm
from core.llm.types import Gateway, Retrying
from core.text import clean

SECONDS = 60.0
"""How long a model may take to say a word."""
_ASKED = "This is a test of the connection. Call the tool `ready`, and say nothing else."
_READY = ToolSpec("ready", "Says that you are there.", {"type": "object", "properties": {}})


async def try_model(model: str, api_base: str) -> dict[str, Any]:
    """Ask `model` one small question and tell what came of it. Keys come from the environment alone."""
    gateway = open_gateway()
    try:
        check_model(model, api_base or None)
        # Seconds of our own, which are not the model's.
        await load_litellm()
        started = time.monotonic()
        answer = await asyncio.wait_for(_ask(gateway, model, api_base), SECONDS)
    except ModelError as error:
        return {"ok": False, "fault": error.fault.value, "error": error.what, "hint": error.hint}
    except TimeoutError:
        what = f"{model} said nothing for {SECONDS:g} seconds."
        return {"ok": False, "error": what, "hint": "Look whether the server is busy loading the model."}
    finally:
        await gateway.aclose()
    return {
        "ok": True,
        "model": answer.model or model,
        "tools": bool(answer.tool_calls),
        "text": clean(answer.text, lines=False, limit=120),
        "seconds": round(time.monotonic() - started, 2),
        "cost_usd": answer.usage.cost_usd,
    }


async def _ask(gateway: Gateway, model: str, api_base: str) -> Completion:
    """Return the whole answer. A fault that may pass is told at once: whoever tests wants to know now."""
    call = Call(model, (Message("user", _ASKED),), (_READY,), max_tokens=1024, api_base=api_base or None)
    async with aclosing(gateway.stream(call)) as deltas:
        async for delta in deltas:
            if isinstance(delta, Retrying):
                raise ModelError(ModelFault.RETRYABLE, delta.reason, "Try again in a moment.")
            if isinstance(delta, Completion):
                return delta
    raise TimeoutError
