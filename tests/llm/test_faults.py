"""Judging what went wrong, and keeping keys out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from core.errors import ModelError, ModelFault
from core.llm.breaker import Breaker
from core.llm.faults import trouble_in
from core.llm.providers import Endpoint, completed, find_endpoint
from core.llm.redact import redact

OPENAI = Endpoint("openai", None, "sk-abcdefghijkl")


class APIError(Exception):
    """An exception with the attributes that client libraries give theirs."""

    def __init__(
        self, message: str, status: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status
        self.litellm_response_headers = headers


@pytest.mark.parametrize(
    ("message", "status", "fault"),
    [
        ("Your credit balance is too low to access the API", 400, ModelFault.QUOTA),
        ("Payment Required", 402, ModelFault.QUOTA),
        ("This request exceeds the maximum context length", 400, ModelFault.CONTEXT),
        ("model 'qwen3' not found, try pulling it first", 404, ModelFault.NOT_FOUND),
        ("The model `gpt-9` does not exist", 400, ModelFault.NOT_FOUND),
        ("messages.3: tool_use ids were found without tool_result", 400, ModelFault.BAD_ANSWER),
        ("Overloaded", 529, ModelFault.RETRYABLE),
        ("Connection error.", 500, ModelFault.UNREACHABLE),
        ("No key", 401, ModelFault.KEY),
    ],
)
def test_what_providers_say_is_understood(message: str, status: int, fault: ModelFault) -> None:
    """Different providers, the same few faults."""
    assert trouble_in(APIError(message, status), "openai/gpt-9", OPENAI).error.fault is fault


def test_a_model_without_a_provider_is_told_in_our_own_words() -> None:
    """What litellm says to programmers is not for people."""
    said = "LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model=x"
    error = trouble_in(APIError(said, 400), "x", Endpoint("", None, None)).error
    assert error.fault is ModelFault.NOT_FOUND
    assert error.what == "x names no provider that can be asked."


def test_a_pause_may_be_asked_for_as_a_date() -> None:
    """Retry-After may be an HTTP date."""
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    trouble = trouble_in(APIError("slow down", 429, {"Retry-After": when}), "openai/x", OPENAI)
    assert trouble.again
    assert trouble.after == pytest.approx(20, abs=2)


def test_an_unreadable_pause_is_no_pause() -> None:
    """Nonsense in Retry-After does no harm."""
    trouble = trouble_in(APIError("slow down", 429, {"retry-after": "soon"}), "openai/x", OPENAI)
    assert trouble.again
    assert trouble.after is None


def test_a_providers_words_cannot_forge_the_screen() -> None:
    """Escape sequences and line breaks in an error are taken out, and it is bounded."""
    error = APIError("bad\x1b[2J\x1b]0;owned\x07 request\nsecond line " + "x" * 5000, 400)
    what = trouble_in(error, "openai/x", OPENAI).error.what
    assert "\x1b" not in what
    assert "\n" not in what
    assert len(what) < 300


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcdefghijklmnop.",
        "Incorrect API key provided: sk-ab***********yz.",
        "Authorization: Bearer eyJhbGciOi.abc.def-ghi",
        "GET https://host/v1?key=AIzaSyA1234567890abcdefg&x=1",
        "http://user:hunter2hunter2@host/v1 refused",
        "key xai-abcdefgh12345678 or gsk_abcdefgh12345678",
    ],
)
def test_what_looks_like_a_key_is_masked(text: str) -> None:
    """Keys by their look, in whatever text."""
    masked = redact(text)
    for fragment in ("abcdefgh", "sk-", "eyJ", "AIza", "hunter2", "***"):
        assert fragment not in masked
    assert "[key]" in masked


def test_the_keys_of_the_environment_are_masked_whatever_they_look_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A key without any recognisable shape is known by its value."""
    monkeypatch.setenv("SOMETHING_API_KEY", "plainwordskey")
    assert redact("it said plainwordskey is wrong") == "it said [key] is wrong"
    assert redact("given by hand: otherplainkey", ["otherplainkey"]) == "given by hand: [key]"


def test_ordinary_words_stay() -> None:
    """Redaction takes no prose with it."""
    text = "The task-list risk-assessment failed for model openai/gpt-5-mini at http://127.0.0.1:8080/v1."
    assert redact(text) == text


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("http://localhost:8080", "http://localhost:8080/v1"),
        ("http://localhost:8080/", "http://localhost:8080/v1"),
        ("http://localhost:8080/v1/", "http://localhost:8080/v1"),
        ("localhost:1234", "http://localhost:1234/v1"),
        ("https://host/api/v3", "https://host/api/v3"),
        ("https://host/v1/chat/completions", "https://host/v1"),
    ],
)
def test_an_address_may_be_written_in_any_usual_way(given: str, wanted: str) -> None:
    """The client wants the part before /chat/completions."""
    assert completed(given) == wanted


def test_a_key_of_the_environment_is_used_for_its_own_provider_only() -> None:
    """An OpenAI address or key never leaks to another provider."""
    env = {"OPENAI_API_KEY": "one", "OPENAI_API_BASE": "http://here/v1", "ANTHROPIC_API_KEY": "two"}
    assert find_endpoint("openai/x", environment=env) == Endpoint("openai", "http://here/v1", "one")
    assert find_endpoint("anthropic/x", environment=env) == Endpoint("anthropic", None, "two")
    assert find_endpoint("ollama/x", environment=env) == Endpoint("ollama", None, None)
    assert find_endpoint("gpt-4o", environment=env).api_base == "http://here/v1"


def test_the_breaker_holds_one_endpoint_and_lets_others_pass() -> None:
    """It closes by itself after its time, or at the first answer."""
    now = [0.0]
    breaker = Breaker(hold=10, clock=lambda: now[0])
    spent = ModelError(ModelFault.QUOTA, "Spent.")
    breaker.trip(OPENAI, spent)
    with pytest.raises(ModelError, match="Spent"):
        breaker.check(OPENAI)
    breaker.check(Endpoint("openai", None, "another key"))
    now[0] = 10.1
    breaker.check(OPENAI)
    breaker.trip(OPENAI, spent, 100.0)
    now[0] = 100.0
    with pytest.raises(ModelError):
        breaker.check(OPENAI)
    breaker.reset(OPENAI)
    breaker.check(OPENAI)
