"""The ways to a model, and the friendly no."""

from __future__ import annotations

import json
import socket
import time

import pytest

from core.errors import ModelError, ModelFault
from core.llm import About, Call, Message, ToolSpec, check_model, find_ways, likely_cost
from core.llm.providers import PROVIDERS, known_providers
from tests.llm.openai_server import OpenAIServer


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any way to a model."""
    for variable in ("OPENAI_API_BASE", "OPENAI_BASE_URL", *(key for p in PROVIDERS for key in p.keys)):
        monkeypatch.delenv(variable, raising=False)


def test_without_a_model_the_ways_to_one_are_named() -> None:
    """No model: keys, local servers and the demo are pointed out."""
    with pytest.raises(ModelError) as caught:
        check_model("")
    assert caught.value.fault is ModelFault.NONE_CONFIGURED
    for word in ("OPENAI_API_KEY", "OPENAI_API_BASE", "qdeck demo"):
        assert word in caught.value.hint


def test_keys_and_servers_that_are_here_are_found() -> None:
    """A key is named by its variable and never shown; a server with the models that it lists."""
    with OpenAIServer(models=["qwen\x1b[31m-coder"]) as server:
        ways = find_ways({"GEMINI_API_KEY": "sk-very-secret"}, [("llama.cpp", server.port)])
    assert [key.variable for key in ways.keys] == ["GEMINI_API_KEY"]
    assert [(found.name, found.models) for found in ways.servers] == [("llama.cpp", ("qwen-coder",))]
    text = "\n".join(ways.lines())
    assert f"OPENAI_API_BASE=http://127.0.0.1:{server.port}/v1" in text
    assert "--model openai/qwen-coder" in text
    assert "very-secret" not in text + json.dumps(ways.to_data())


def test_a_port_that_says_nothing_costs_little_time() -> None:
    """Something that listens but is no model server is neither waited for nor named."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        ways = find_ways({}, [("vLLM", silent.getsockname()[1])])
    assert ways.servers == ()
    assert time.monotonic() - started < 30


def test_a_model_without_its_key_is_refused_before_any_call() -> None:
    """The sentence names the variable."""
    with pytest.raises(ModelError) as caught:
        check_model("anthropic/claude-sonnet-4-5")
    assert caught.value.fault is ModelFault.KEY
    assert "ANTHROPIC_API_KEY is not set" in caught.value.what
    assert "\n" not in str(caught.value)


def test_what_can_be_tried_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, a local server, or a provider that needs neither."""
    check_model("anthropic/claude-sonnet-4-5", environment={"ANTHROPIC_API_KEY": "x"})
    check_model("ollama/qwen3")
    check_model("openai/anything", "https://models.example/v1")
    with OpenAIServer() as server:
        check_model("openai/anything", server.url)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        check_model("openai/anything")
    with pytest.raises(ModelError, match="does not answer"):
        check_model("openai/anything")


@pytest.mark.parametrize("name", ["nonsense", "gpt-5", "openai/", "/gpt-5", "no-such-provider/gpt-5"])
def test_a_name_that_can_never_be_placed_is_refused(name: str) -> None:
    """Before a workflow exists, also with a key and a server: one sentence, and how a model is named."""
    for api_base in (None, "https://models.example/v1"):
        with pytest.raises(ModelError) as caught:
            check_model(name, api_base, environment={"OPENAI_API_KEY": "x"})
        assert caught.value.fault is ModelFault.NOT_FOUND
        assert name in caught.value.what and "provider/model" in caught.value.hint
        assert "rehearsal/slugify is only for `qdeck demo`" in caught.value.hint


def test_a_missing_key_speaks_of_no_build_to_resume() -> None:
    """Nothing exists yet when a first run is refused."""
    with pytest.raises(ModelError) as caught:
        check_model("openai/gpt-5", environment={})
    assert "resume" not in str(caught.value)


def test_every_provider_that_is_proposed_can_be_placed() -> None:
    """The list is read from litellm's source; it must not read as empty."""
    assert {provider.name for provider in PROVIDERS} < known_providers()


def test_a_rehearsal_is_checked_against_the_request() -> None:
    """Before a build begins, a request that the rehearsal does not know is refused."""
    check_model("rehearsal/slugify", request="add slugify() with unicode support")
    with pytest.raises(ModelError, match="no words for this request"):
        check_model("rehearsal/slugify", request="Rewrite it in Rust")


def test_a_rehearsal_that_does_not_exist_is_refused() -> None:
    """Neither a wrong name nor a path is a scenario."""
    for name in ("rehearsal/nothing", "rehearsal/../rehearsal", "rehearsal/"):
        with pytest.raises(ModelError) as caught:
            check_model(name)
        assert caught.value.fault is ModelFault.NOT_FOUND


def test_the_likely_cost_covers_question_and_longest_answer() -> None:
    """Known models by the price list, unknown ones and rehearsals nothing."""
    tools = (ToolSpec("read", "Read.", {"type": "object"}),)
    call = Call("openai/gpt-4o", (Message("user", "x" * 35_000),), tools, max_tokens=1000, about=About("w"))
    assert likely_cost(call) == pytest.approx(10_000 * 2.5e-6 + 1000 * 10e-6, rel=0.02)
    assert likely_cost(Call("openai/nobody-knows", call.messages)) == 0.0
    assert likely_cost(Call("rehearsal/slugify", call.messages)) == 0.0
