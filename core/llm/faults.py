"""Tells what went wrong between us and a model, and says it in one sentence without any key in it.

Looks at exceptions by the names of their classes: it can be used and tested without importing litellm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from core.errors import ModelError, ModelFault
from core.llm.providers import Endpoint, provider_of
from core.llm.redact import redact
from core.text import clean

LONGEST_WAIT = 90.0
"""Seconds. A provider that asks for a longer pause is not waited for: the workflow stops, with the time."""

_AGAIN = "Resume to ask again; nothing is lost."
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|billing|credit balance|out of credits|"
    r"insufficient (?:credits|balance|funds)|payment required|spending limit",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model\b.{0,80}\b(?:not found|does not exist|not exist|unknown|is not supported)|"
    r"(?:unknown|invalid|no such) model|LLM Provider NOT provided",
    re.IGNORECASE | re.DOTALL,
)
_UNPLACED = re.compile(r"LLM Provider NOT provided|Unmapped LLM provider", re.IGNORECASE)
_TOO_LONG = re.compile(r"context.{0,20}(?:length|window|size)|maximum context|too many tokens", re.IGNORECASE)
_UNREACHABLE = {"ConnectError", "APIConnectionError", "ClientConnectorError", "ConnectTimeout", "gaierror"}
_NOISE = re.compile(r"(?:litellm\.)?\w+(?:Error|Exception)\s*(?::|-)\s*")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One failed call.

    `again` says whether asking again can help, `after` how many seconds the provider wants peace, `breaks`
    that it refused for good, whoever asks, and `most` how often to ask at most (0: as often as usual).
    """

    error: ModelError
    again: bool = False
    after: float | None = None
    breaks: bool = False
    most: int = 0


def trouble_in(error: Exception, model: str, endpoint: Endpoint) -> Trouble:
    """Judge an exception that a call to `model` raised."""
    names = {cls.__name__ for cls in type(error).__mro__}
    status = getattr(error, "status_code", None)
    said = _words_of(error, endpoint)
    text = f"{said} {getattr(error, 'body', '') or ''}"
    if status == 402 or (status in (400, 403, 429) and _QUOTA.search(text)):
        return _quota(endpoint, said)
    if names & {"AuthenticationError", "PermissionDeniedError"} or status in (401, 403):
        return _key(model, endpoint, said)
    if "ContextWindowExceededError" in names or (status in (400, 413) and _TOO_LONG.search(text)):
        return _context(model, said)
    if "NotFoundError" in names or (status in (400, 404, 422) and _NO_MODEL.search(text)):
        return _not_found(model, endpoint, said)
    if status == 429:
        return _busy(endpoint, _asked_pause(error))
    if "ContentPolicyViolationError" in names:
        return _refused(model, said, "Rephrase the request, or choose another model, and resume.")
    if "Timeout" in names or status == 408:
        return silent(endpoint, None)
    if _never_connected(error, said):
        return _unreachable(endpoint)
    if status is not None and 400 <= status < 500:
        return _refused(model, said, "Check the model's name and whether it supports tool calls, and resume.")
    if "MidStreamFallbackError" in names:
        return cut(endpoint)
    return _broken(endpoint, status, said)


def cut(endpoint: Endpoint) -> Trouble:
    """The stream ended before the answer did."""
    what = f"{endpoint.subject} broke off in the middle of its answer."
    return Trouble(ModelError(ModelFault.RETRYABLE, what, _AGAIN), again=True)


def silent(endpoint: Endpoint, seconds: float | None) -> Trouble:
    """Nothing came for too long."""
    span = f" for {seconds:g} seconds" if seconds else ""
    what = f"{endpoint.subject} said nothing{span}."
    hint = "Resume to ask again, or set QDECK_MODEL_IDLE to more seconds for a slow model."
    # Each time costs minutes, so it is asked only once more.
    return Trouble(ModelError(ModelFault.UNREACHABLE, what, hint), again=True, most=2)


def overlong(endpoint: Endpoint, seconds: float) -> Trouble:
    """The answer was still going on at the deadline."""
    what = f"{endpoint.subject} was still answering after {seconds:g} seconds and was stopped."
    hint = "Resume to ask again, or set QDECK_MODEL_TOTAL to more seconds for a slow model."
    return Trouble(ModelError(ModelFault.BAD_ANSWER, what, hint))


def empty(model: str) -> Trouble:
    """The answer had neither text nor a tool call."""
    hint = "Resume to ask again, or choose another model."
    return Trouble(ModelError(ModelFault.BAD_ANSWER, f"{model} gave an empty answer.", hint), again=True)


def filtered(model: str) -> Trouble:
    """The provider's filter held the answer back."""
    return _refused(model, "", "Rephrase the request, or choose another model, and resume.")


def _quota(endpoint: Endpoint, said: str) -> Trouble:
    what = f"The quota at {endpoint.place} is spent{_quoted(said)}."
    hint = "Top it up or choose another model, then resume."
    return Trouble(ModelError(ModelFault.QUOTA, what, hint), breaks=True)


def _key(model: str, endpoint: Endpoint, said: str) -> Trouble:
    provider = provider_of(model)
    variable = provider.keys[0] if provider else "the provider's key variable"
    what = f"{endpoint.subject} refused the key{_quoted(said)}."
    hint = f"Set a valid {variable} where the worker starts, then resume."
    return Trouble(ModelError(ModelFault.KEY, what, hint), breaks=True)


def _context(model: str, said: str) -> Trouble:
    what = f"The conversation has grown longer than {model} can read{_quoted(said)}."
    return Trouble(ModelError(ModelFault.CONTEXT, what, "Choose a model with a longer context, then resume."))


def _not_found(model: str, endpoint: Endpoint, said: str) -> Trouble:
    if _UNPLACED.search(said):
        # That is litellm speaking to programmers, with links into its manual; no provider was asked.
        what = f"{model} names no provider that can be asked."
    else:
        what = f"{endpoint.subject} has no model named {model.partition('/')[2] or model}{_quoted(said)}."
    hint = "Check the name: it is provider/model, for example openai/gpt-5-mini."
    return Trouble(ModelError(ModelFault.NOT_FOUND, what, hint))


def _busy(endpoint: Endpoint, pause: float | None) -> Trouble:
    if pause is not None and pause > LONGEST_WAIT:
        until = (datetime.now().astimezone() + timedelta(seconds=pause)).strftime("%Y-%m-%d %H:%M")
        what = f"{endpoint.subject} asks for no more calls until {until}."
        error = ModelError(ModelFault.QUOTA, what, "Resume after that, or choose another model.")
        return Trouble(error, after=pause, breaks=True)
    what = f"{endpoint.subject} is limiting the rate of calls."
    error = ModelError(ModelFault.RETRYABLE, what, "Wait a little and resume, or choose another model.")
    return Trouble(error, again=True, after=pause)


def _refused(model: str, said: str, hint: str) -> Trouble:
    what = f"{model} refused the request{_quoted(said)}."
    return Trouble(ModelError(ModelFault.BAD_ANSWER, what, hint))


def _unreachable(endpoint: Endpoint) -> Trouble:
    what = f"{endpoint.subject} cannot be reached."
    hint = "Check that it runs and that its address (OPENAI_API_BASE) is right, then resume."
    if endpoint.api_base is None:
        hint = "Check the network, then resume."
    return Trouble(ModelError(ModelFault.UNREACHABLE, what, hint), again=True)


def _broken(endpoint: Endpoint, status: int | None, said: str) -> Trouble:
    code = f" with error {status}" if status else ""
    what = f"{endpoint.subject} failed{code}{_quoted(said)}."
    return Trouble(ModelError(ModelFault.RETRYABLE, what, _AGAIN), again=True)


def _quoted(said: str) -> str:
    return f' ("{said}")' if said else ""


def _words_of(error: Exception, endpoint: Endpoint) -> str:
    """Return the provider's own words as one short line, without keys and litellm's prefixes."""
    raw = str(getattr(error, "message", "") or error)
    line = clean(redact(raw, [endpoint.api_key]), lines=False)
    line = _NOISE.sub("", line).split(" Original exception:")[0].split(" Error_str:")[0]
    line = line.strip().rstrip(".").replace('"', "'")
    return line if len(line) <= 200 else line[:199] + "…"


def _asked_pause(error: Exception) -> float | None:
    """Return the seconds that the provider asks for in Retry-After, given as seconds or as a date."""
    headers = getattr(error, "litellm_response_headers", None) or {}
    value = next((text for name, text in dict(headers).items() if name.lower() == "retry-after"), None)
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
        return max(0.0, (when - datetime.now(when.tzinfo)).total_seconds())
    except ValueError:
        return None


def _never_connected(error: Exception, said: str) -> bool:
    if said.startswith("Connection error"):
        return True
    return any(
        type(link).__name__ in _UNREACHABLE or isinstance(link, ConnectionRefusedError)
        for link in _chain(error)
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error.__cause__ or error.__context__
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
