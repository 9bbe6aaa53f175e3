"""litellm's own path, against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from core.errors import ModelError, ModelFault
from core.llm import (
    PERSON,
    Call,
    Completion,
    Delta,
    Message,
    ReasoningDelta,
    Retrying,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from core.llm.breaker import Breaker
from core.llm.litellm_gateway import LiteLLMGateway, Patience
from tests.llm.openai_server import ECHOED_KEY, Fault, OpenAIServer, Reply, Tool

# litellm uses what pydantic is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:litellm", "ignore::UserWarning:pydantic")

KEY = "sk-test-0123456789abcdef"
QUICK = Patience(first=10.0, idle=0.3, total=20.0, attempts=2, backoff=0.01)
READ = ToolSpec("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


@pytest.fixture
async def gateway() -> AsyncIterator[LiteLLMGateway]:
    """A gateway that loses its patience quickly."""
    opened = LiteLLMGateway(QUICK, chance=lambda: 0.0)
    yield opened
    await opened.aclose()


def call_to(server: OpenAIServer, text: str = "hello", model: str = "openai/local") -> Call:
    """A question to the loopback server."""
    messages = (Message("system", "Be short."), Message("user", text))
    return Call(model, messages, (READ,), api_base=server.url, api_key=KEY)


async def collect(gateway: LiteLLMGateway, call: Call) -> list[Delta]:
    """Everything that a call streams."""
    async with aclosing(gateway.stream(call)) as deltas:
        return [delta async for delta in deltas]


def completion_in(deltas: list[Delta]) -> Completion:
    """The last item, which must be the completion."""
    last = deltas[-1]
    assert isinstance(last, Completion)
    return last


async def test_text_arrives_in_pieces_and_then_whole(gateway: LiteLLMGateway) -> None:
    """The pieces put together are the completion's text, and the provider's usage is kept."""
    with OpenAIServer([Reply("The answer is forty-two.", usage=(321, 9))]) as server:
        deltas = await collect(gateway, call_to(server))
    pieces = [delta.text for delta in deltas if isinstance(delta, TextDelta)]
    done = completion_in(deltas)
    assert len(pieces) > 1
    assert "".join(pieces) == done.text == "The answer is forty-two."
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (321, 9)
    assert not done.usage.estimated
    assert done.finish == "stop"


async def test_reasoning_is_streamed_apart_from_the_text(gateway: LiteLLMGateway) -> None:
    """What a model thinks aloud is never part of its answer."""
    with OpenAIServer([Reply("Yes.", reasoning="Let me think about it.")]) as server:
        deltas = await collect(gateway, call_to(server))
    thought = "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))
    assert thought == "Let me think about it."
    assert completion_in(deltas).text == "Yes."


async def test_tool_calls_come_whole_out_of_fragments(gateway: LiteLLMGateway) -> None:
    """Two calls whose arguments come three characters at a time are put together."""
    tools = [Tool("read", {"path": "a.py"}, id="one"), Tool("read", {"path": "b.py"}, id="two")]
    with OpenAIServer([Reply("Reading.", tools, piece=3)]) as server:
        done = completion_in(await collect(gateway, call_to(server)))
    assert [(call.id, call.parsed()) for call in done.tool_calls] == [
        ("one", {"path": "a.py"}),
        ("two", {"path": "b.py"}),
    ]
    assert done.finish == "tool_calls"


async def test_two_calls_with_the_same_index_stay_two(gateway: LiteLLMGateway) -> None:
    """A server that numbers every call 0 does not get them merged into one."""
    tools = [Tool("read", {"path": "a"}, id="one", index=0), Tool("read", {"path": "b"}, id="two", index=0)]
    with OpenAIServer([Reply(tool_calls=tools)]) as server:
        done = completion_in(await collect(gateway, call_to(server)))
    assert [call.parsed() for call in done.tool_calls] == [{"path": "a"}, {"path": "b"}]


async def test_a_call_without_an_id_gets_one(gateway: LiteLLMGateway) -> None:
    """A call without an id is kept, under an id that no other call of the answer has."""
    tools = [Tool("read", {"path": "a"}, id=""), Tool("read", {"path": "b"}, id="")]
    with OpenAIServer([Reply(tool_calls=tools)]) as server:
        done = completion_in(await collect(gateway, call_to(server)))
    assert len(done.tool_calls) == 2
    assert len({call.id for call in done.tool_calls} - {""}) == 2


async def test_empty_arguments_are_an_empty_table(gateway: LiteLLMGateway) -> None:
    """A tool without parameters is called with `{}`."""
    with OpenAIServer([Reply(tool_calls=[Tool("read", "")])]) as server:
        done = completion_in(await collect(gateway, call_to(server)))
    assert done.tool_calls[0].parsed() == {}


async def test_calls_count_even_when_the_server_says_stop(gateway: LiteLLMGateway) -> None:
    """The presence of calls decides, not the finish_reason."""
    with OpenAIServer([Reply(tool_calls=[Tool("read", {"path": "a"})], finish="stop")]) as server:
        done = completion_in(await collect(gateway, call_to(server)))
    assert [call.name for call in done.tool_calls] == ["read"]


async def test_malformed_arguments_are_handed_on_as_they_are(gateway: LiteLLMGateway) -> None:
    """The role is told what is wrong with them, so they come through raw."""
    with OpenAIServer([Reply(tool_calls=[Tool("read", '{"path": "a')])]) as server:
        done = completion_in(await collect(gateway, call_to(server)))
    assert done.tool_calls[0].arguments == '{"path": "a'
    with pytest.raises(ValueError, match="not valid JSON"):
        done.tool_calls[0].parsed()


async def test_an_answer_that_was_cut_by_its_length_carries_no_calls(gateway: LiteLLMGateway) -> None:
    """Half a call is never executed."""
    reply = Reply("I write", [Tool("read", '{"path": "a"}')], finish="length")
    with OpenAIServer([reply]) as server:
        done = completion_in(await collect(gateway, call_to(server)))
    assert done.finish == "length"
    assert done.tool_calls == ()


async def test_the_history_reaches_the_server_in_the_protocols_shape(gateway: LiteLLMGateway) -> None:
    """Calls and results are paired by id, malformed arguments are wrapped, a person's mark stays here."""
    with OpenAIServer([Reply("ok")]) as server:
        history = (
            Message("user", "hi", name=PERSON),
            Message(
                "assistant", "", (ToolCall("c1", "read", '{"path":'), ToolCall("c2", "read", '{"path":"b"}'))
            ),
            Message("tool", "not JSON", tool_call_id="c1"),
            Message("tool", "text", tool_call_id="c2"),
        )
        await collect(gateway, replace(call_to(server), messages=history, temperature=0.5, max_tokens=77))
        sent = server.requests[0]
    user, assistant, first, second = sent.body["messages"]
    assert "name" not in user
    assert [call["function"]["arguments"] for call in assistant["tool_calls"]] == [
        '{"malformed": "{\\"path\\":"}',
        '{"path":"b"}',
    ]
    assert (first["tool_call_id"], second["tool_call_id"]) == ("c1", "c2")
    assert sent.body["tools"][0]["function"]["name"] == "read"
    assert (sent.body["temperature"], sent.body["max_tokens"], sent.body["stream"]) == (0.5, 77, True)
    assert sent.headers["authorization"] == f"Bearer {KEY}"


async def test_the_address_and_key_may_come_from_the_environment(
    gateway: LiteLLMGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OPENAI_API_BASE alone is enough for a local server, with or without /v1 at its end."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with OpenAIServer([Reply("one"), Reply("two")]) as server:
        call = Call("openai/local", (Message("user", "hi"),))
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        assert completion_in(await collect(gateway, call)).text == "one"
        monkeypatch.setenv("OPENAI_API_BASE", server.url.removesuffix("/v1"))
        assert completion_in(await collect(gateway, call)).text == "two"
        assert server.requests[0].headers["authorization"] == "Bearer none"


async def test_usage_that_nobody_reported_is_marked_as_a_guess(gateway: LiteLLMGateway) -> None:
    """litellm makes usage up when a server sends none; ours says that it is estimated."""
    with OpenAIServer([Reply("word " * 50, usage=None)]) as server:
        done = completion_in(await collect(gateway, call_to(server, "x" * 3500)))
    assert done.usage.estimated
    assert 900 < done.usage.prompt_tokens < 1300
    assert done.usage.completion_tokens > 20


async def test_the_cost_is_known_for_known_models_only(gateway: LiteLLMGateway) -> None:
    """A model of the price list costs what the list says; for another nobody knows."""
    with OpenAIServer([Reply("a", usage=(1000, 100)), Reply("b", usage=(1000, 100))]) as server:
        known = completion_in(await collect(gateway, call_to(server, model="openai/gpt-4o")))
        unknown = completion_in(await collect(gateway, call_to(server)))
    assert known.usage.cost_usd == pytest.approx(1000 * 2.5e-6 + 100 * 10e-6)
    assert unknown.usage.cost_usd is None


@pytest.mark.parametrize(
    ("reply", "fault", "words", "asked"),
    [
        (Reply(fault=Fault.UNAUTHORIZED), ModelFault.KEY, "refused the key", 1),
        (Reply(fault=Fault.FORBIDDEN), ModelFault.KEY, "refused the key", 1),
        (Reply(fault=Fault.QUOTA), ModelFault.QUOTA, "quota", 1),
        (Reply(fault=Fault.RATE_LIMIT), ModelFault.RETRYABLE, "limiting the rate", 2),
        (
            Reply(fault=Fault.RATE_LIMIT, retry_after=3600),
            ModelFault.QUOTA,
            "asks for no more calls until",
            1,
        ),
        (Reply(fault=Fault.UNKNOWN_MODEL), ModelFault.NOT_FOUND, "has no model named local", 1),
        (Reply(fault=Fault.CONTEXT), ModelFault.CONTEXT, "longer than", 1),
        (Reply(fault=Fault.SERVER_ERROR), ModelFault.RETRYABLE, "failed with error 500", 2),
        (Reply(fault=Fault.BAD_GATEWAY), ModelFault.RETRYABLE, "failed with error 502", 2),
        (Reply(fault=Fault.UNAVAILABLE), ModelFault.RETRYABLE, "failed with error 503", 2),
        (Reply("half an answer", fault=Fault.CUT), ModelFault.RETRYABLE, "broke off", 2),
        (Reply("half an answer", fault=Fault.EOF), ModelFault.RETRYABLE, "broke off", 2),
        (Reply("half an answer", fault=Fault.BAD_JSON), ModelFault.RETRYABLE, "broke off", 2),
        (Reply("half an answer", fault=Fault.ERROR_EVENT), ModelFault.RETRYABLE, "broke off", 2),
        (Reply("half an answer", fault=Fault.STALL), ModelFault.UNREACHABLE, "said nothing for", 2),
        (Reply(fault=Fault.EMPTY), ModelFault.RETRYABLE, "broke off", 2),
        (Reply(""), ModelFault.BAD_ANSWER, "empty answer", 2),
        (Reply("", finish="content_filter"), ModelFault.BAD_ANSWER, "refused the request", 1),
    ],
    ids=lambda value: (value.fault.name or value.finish or "empty text") if isinstance(value, Reply) else "",
)
async def test_each_fault_ends_in_one_clear_sentence(
    gateway: LiteLLMGateway,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    reply: Reply,
    fault: ModelFault,
    words: str,
    asked: int,
) -> None:
    """A fault is classified, asked again only where that can help, says what to do, and shows no key."""
    caplog.set_level(logging.DEBUG)
    with OpenAIServer(respond=lambda _: reply) as server, pytest.raises(ModelError) as caught:
        await collect(gateway, call_to(server))
    error = caught.value
    assert error.fault is fault
    assert words in error.what
    assert len(server.requests) == asked
    assert error.what.endswith(".")
    assert "\n" not in str(error)
    assert error.hint.endswith(".")
    assert "litellm" not in str(error).lower()
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in (str(error), caplog.text):
        assert KEY not in text
        assert ECHOED_KEY not in text
    assert capfd.readouterr() == ("", "")


async def test_a_partial_tool_call_of_a_cut_stream_is_never_returned(gateway: LiteLLMGateway) -> None:
    """The whole turn is asked again; only the second answer's call is there."""
    broken = Reply("Let me", [Tool("read", {"path": "a" * 200})], fault=Fault.CUT)
    with OpenAIServer([broken, Reply("Again.", [Tool("read", {"path": "b"})])]) as server:
        deltas = await collect(gateway, call_to(server))
    waits = [delta for delta in deltas if isinstance(delta, Retrying)]
    done = completion_in(deltas)
    assert [(wait.attempt, wait.limit) for wait in waits] == [(1, 2)]
    assert "broke off" in waits[0].reason
    assert done.text == "Again."
    assert [call.parsed() for call in done.tool_calls] == [{"path": "b"}]


async def test_the_pause_that_a_provider_asks_for_is_kept_and_shown(gateway: LiteLLMGateway) -> None:
    """Retry-After is waited for, and said before the wait begins."""
    with OpenAIServer([Reply(fault=Fault.RATE_LIMIT, retry_after=0.4), Reply("ok")]) as server:
        deltas = await collect(gateway, call_to(server))
        first, second = server.requests
    wait = next(delta for delta in deltas if isinstance(delta, Retrying))
    assert wait.seconds == pytest.approx(0.4)
    assert second.at - first.at >= 0.4
    assert completion_in(deltas).text == "ok"


async def test_a_server_that_hangs_is_given_up_after_the_first_word_is_due() -> None:
    """No headers within the time: one sentence, with the setting that changes it."""
    gateway = LiteLLMGateway(replace(QUICK, first=0.4, attempts=1))
    with OpenAIServer([Reply(fault=Fault.HANG)]) as server, pytest.raises(ModelError) as caught:
        await collect(gateway, call_to(server))
    assert caught.value.fault is ModelFault.UNREACHABLE
    assert "0.4 seconds" in caught.value.what


async def test_silence_is_borne_only_twice() -> None:
    """Every wait for a silent server costs minutes, so it is not asked as often as a busy one."""
    gateway = LiteLLMGateway(replace(QUICK, first=0.2, attempts=4))
    with OpenAIServer(respond=lambda _: Reply(fault=Fault.HANG)) as server, pytest.raises(ModelError):
        await collect(gateway, call_to(server))
    assert len(server.requests) == 2


async def test_no_model_is_asked_for_more_than_it_can_write(gateway: LiteLLMGateway) -> None:
    """A known model's own limit bounds the longest answer."""
    with OpenAIServer() as server:
        await collect(gateway, replace(call_to(server, model="openai/gpt-4"), max_tokens=8192))
    assert server.requests[0].body["max_tokens"] == 4096


async def test_an_endless_answer_is_stopped_at_the_deadline() -> None:
    """Chunks that keep coming do not hold a role for ever."""
    gateway = LiteLLMGateway(replace(QUICK, total=1.0, idle=5.0))
    reply = Reply("word " * 2000, piece=5, delay=0.02)
    with OpenAIServer([reply]) as server, pytest.raises(ModelError) as caught:
        await collect(gateway, call_to(server))
    assert "still answering after 1 seconds" in caught.value.what
    assert len(server.requests) == 1


async def test_a_server_that_is_not_there_is_named(gateway: LiteLLMGateway) -> None:
    """Nothing listens: the sentence names the address."""
    with OpenAIServer() as server:
        call = call_to(server)
    with pytest.raises(ModelError) as caught:
        await collect(gateway, call)
    assert caught.value.fault is ModelFault.UNREACHABLE
    assert f"127.0.0.1:{server.port}" in caught.value.what


async def test_a_name_without_a_provider_is_explained(gateway: LiteLLMGateway) -> None:
    """A name that litellm cannot place says how names are written."""
    with pytest.raises(ModelError) as caught:
        await collect(gateway, Call("nonsense", (Message("user", "hi"),)))
    assert caught.value.fault is ModelFault.NOT_FOUND
    assert "provider/model" in caught.value.hint


async def test_cancelling_closes_the_connection_at_once(gateway: LiteLLMGateway) -> None:
    """A cancelled turn stops the server from writing on."""
    with OpenAIServer([Reply("word " * 500, piece=5, delay=0.05)]) as server:
        task = asyncio.create_task(collect(gateway, call_to(server)))
        await _until(lambda: bool(server.requests))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await _until(lambda: bool(server.hangups))
    assert server.hangups, "the server was not left in the middle of its 25 seconds of words"


async def test_closing_the_stream_early_closes_the_connection(gateway: LiteLLMGateway) -> None:
    """Whoever stops reading ends the request."""
    with OpenAIServer([Reply("word " * 500, piece=5, delay=0.05)]) as server:
        async with aclosing(gateway.stream(call_to(server))) as deltas:
            await anext(deltas)
        await _until(lambda: bool(server.hangups))
    assert server.hangups


async def test_a_refused_key_is_not_tried_again_for_a_while() -> None:
    """The breaker answers for the provider until its time is over; another key passes at once."""
    now = [0.0]
    gateway = LiteLLMGateway(QUICK, breaker=Breaker(hold=60, clock=lambda: now[0]))
    with OpenAIServer(key="sk-the-right-one") as server:
        for _ in range(3):
            with pytest.raises(ModelError, match="refused the key"):
                await collect(gateway, call_to(server))
        assert len(server.requests) == 1
        right = replace(call_to(server), api_key="sk-the-right-one")
        assert completion_in(await collect(gateway, right)).text == "ok"
        now[0] = 61.0
        with pytest.raises(ModelError, match="refused the key"):
            await collect(gateway, call_to(server))
        assert len(server.requests) == 3


async def test_calls_run_side_by_side(gateway: LiteLLMGateway) -> None:
    """Nobody is answered before all four have asked, and none gets another's words."""
    asked = threading.Barrier(4)

    def respond(body: dict[str, Any]) -> Reply:
        asked.wait(60)
        return Reply(body["messages"][-1]["content"] * 20, delay=0.02)

    with OpenAIServer(respond=respond) as server:
        answers = await asyncio.gather(*(collect(gateway, call_to(server, f"<{n}>")) for n in range(4)))
    assert [completion_in(answer).text for answer in answers] == [f"<{n}>" * 20 for n in range(4)]


async def _until(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
