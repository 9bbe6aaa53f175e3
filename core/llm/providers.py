"""The providers that we know by name: where their key comes from and what a model of theirs is called."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from core.llm.types import Call

NO_KEY = "none"
"""What a local server is sent as a key: the client library insists on one."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `keys` are the variables that may hold its key, `example` is a model to begin with."""

    name: str
    title: str
    keys: tuple[str, ...]
    example: str


PROVIDERS: tuple[Provider, ...] = (
    Provider("openai", "OpenAI", ("OPENAI_API_KEY",), "openai/gpt-5-mini"),
    Provider("anthropic", "Anthropic", ("ANTHROPIC_API_KEY",), "anthropic/claude-sonnet-4-5"),
    Provider("gemini", "Gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), "gemini/gemini-2.5-pro"),
    Provider("openrouter", "OpenRouter", ("OPENROUTER_API_KEY",), "openrouter/qwen/qwen3-coder"),
    Provider("mistral", "Mistral", ("MISTRAL_API_KEY",), "mistral/codestral-latest"),
    Provider("deepseek", "DeepSeek", ("DEEPSEEK_API_KEY",), "deepseek/deepseek-chat"),
    Provider("groq", "Groq", ("GROQ_API_KEY",), "groq/openai/gpt-oss-120b"),
    Provider("xai", "xAI", ("XAI_API_KEY",), "xai/grok-4"),
)
_BY_NAME = {provider.name: provider for provider in PROVIDERS}
# Names without a provider in front that litellm knows how to place.
_BARE = (("gpt-", "openai"), ("o1", "openai"), ("o3", "openai"), ("o4", "openai"), ("chatgpt-", "openai"))
_BARE_OTHERS = (("claude-", "anthropic"), ("gemini-", "gemini"))
_PROVIDER_LINE = re.compile(r'^    [A-Z][A-Z0-9_]* = "([^"]+)"', re.MULTILINE)
_BASE_VARIABLES = ("OPENAI_API_BASE", "OPENAI_BASE_URL")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a call goes and with which key; None leaves it to litellm's own knowledge of the provider."""

    provider: str
    api_base: str | None
    api_key: str | None

    @property
    def place(self) -> str:
        """How people call it: the provider's name, or the host of a server of their own."""
        if self.api_base is None:
            known = _BY_NAME.get(self.provider)
            return known.title if known else self.provider or "the provider"
        return f"the server at {urlsplit(self.api_base).netloc.rpartition('@')[2] or self.api_base}"

    @property
    def subject(self) -> str:
        """The place as a sentence begins with it."""
        return self.place[:1].upper() + self.place[1:]


def provider_name(model: str) -> str:
    """Return the provider that a model's name speaks of, or "" when it names none."""
    prefix, slash, _ = model.partition("/")
    if slash:
        return prefix
    return next((name for start, name in (*_BARE, *_BARE_OTHERS) if model.startswith(start)), "")


def known_providers() -> frozenset[str]:
    """Return every provider that litellm routes to, read from its source: importing it takes seconds.

    Empty where the source cannot be found or read; then nothing is known to be wrong.
    """
    found = importlib.util.find_spec("litellm")
    places = (found.submodule_search_locations if found else None) or ()
    names: set[str] = set()
    for place in places:
        try:
            source = (Path(place) / "types" / "utils.py").read_text("utf-8")
            added = (Path(place) / "llms" / "openai_like" / "providers.json").read_text("utf-8")
            names.update(json.loads(added))
        except (OSError, ValueError, TypeError):
            return frozenset()
        _, _, body = source.partition("class LlmProviders(str, Enum):\n")
        names.update(_PROVIDER_LINE.findall(re.split(r"^\S", body, maxsplit=1, flags=re.MULTILINE)[0]))
    return frozenset(names)


def provider_of(model: str) -> Provider | None:
    """Return the provider of `model` if it is one that we know."""
    return _BY_NAME.get(provider_name(model))


def endpoint_of(call: Call, environment: Mapping[str, str] | None = None) -> Endpoint:
    """Say where `call` goes: its own address and key first, then the environment's."""
    return find_endpoint(call.model, call.api_base, call.api_key, environment)


def find_endpoint(
    model: str,
    api_base: str | None = None,
    api_key: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Endpoint:
    """Say where a call to `model` goes; what is not given comes from the environment."""
    env = os.environ if environment is None else environment
    name = provider_name(model)
    known = _BY_NAME.get(name)
    base = api_base or None
    if name == "openai" and base is None:
        base = next((env[variable] for variable in _BASE_VARIABLES if env.get(variable)), None)
    key = api_key or next(
        (env[variable] for variable in (known.keys if known else ()) if env.get(variable)), None
    )
    if base is None:
        return Endpoint(name, None, key)
    return Endpoint(name, completed(base) if name == "openai" else base, key or NO_KEY)


def completed(api_base: str) -> str:
    """Return the address as the OpenAI client wants it: with `/v1` where there is no path at all, and without
    the end of it that the client adds itself."""
    parts = urlsplit(api_base if "://" in api_base else f"http://{api_base}")
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return urlunsplit(parts._replace(path=path or "/v1"))
