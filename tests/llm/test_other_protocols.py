"""Providers with protocols of their own, through litellm's adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.errors import ModelError, ModelFault
from core.llm import Call, Completion, Message, ToolCall, ToolSpec
from core.llm.litellm_gateway import LiteLLMGateway, Patience
from tests.llm.native_server import NativeServer

# litellm uses what pydantic is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm", "ignore::UserWarning:pydantic")

MODELS = ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-pro", "ollama_chat/m"]
READ = ToolSpec("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
# A history with malformed arguments, which several adapters try to parse.
HISTORY = (
    Message("system", "Be short."),
    Message("user", "hi"),
    Message("assistant", "I read.", (ToolCall("c1", "read", '{"path":'),)),
    Message("tool", "The arguments are not JSON.", tool_call_id="c1"),
    Message("user", "Again."),
)


@pytest.fixture
async def gateway() -> AsyncIterator[LiteLLMGateway]:
    """A gateway that asks once."""
    opened = LiteLLMGateway(Patience(attempts=1))
    yield opened
    await opened.aclose()


async def ask(gateway: LiteLLMGateway, model: str, server: NativeServer) -> Completion:
    """The completion of one call."""
    call = Call(model, HISTORY, (READ,), api_base=server.url, api_key="a-key-for-nobody")
    deltas = [delta async for delta in gateway.stream(call)]
    assert isinstance(deltas[-1], Completion)
    return deltas[-1]


@pytest.mark.parametrize("model", MODELS)
async def test_text_call_and_usage_come_through(gateway: LiteLLMGateway, model: str) -> None:
    """Every protocol gives the same answer."""
    with NativeServer() as server:
        done = await ask(gateway, model, server)
    assert done.text == "Hello"
    assert [(call.name, call.parsed()) for call in done.tool_calls] == [("read", {"path": "a"})]
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (1150, 40)
    assert not done.usage.estimated


@pytest.mark.parametrize("model", MODELS)
async def test_an_answer_without_its_end_is_never_taken_for_whole(
    gateway: LiteLLMGateway, model: str
) -> None:
    """A connection that ends early is noticed in every protocol."""
    with NativeServer(complete=False) as server, pytest.raises(ModelError) as caught:
        await ask(gateway, model, server)
    assert caught.value.fault is ModelFault.RETRYABLE
    assert "broke off" in caught.value.what


async def test_cached_tokens_are_paid_at_their_own_price(gateway: LiteLLMGateway) -> None:
    """100 fresh, 50 written to and 1,000 read from the cache, 40 written: each at its price."""
    with NativeServer() as server:
        done = await ask(gateway, MODELS[0], server)
    assert done.usage.cost_usd == pytest.approx(100 * 3e-6 + 50 * 3.75e-6 + 1000 * 0.3e-6 + 40 * 15e-6)
