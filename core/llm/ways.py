"""Finds the ways to a model on this machine, and checks that a configured one can be tried at all.

Never imports litellm and never leaves the machine: it looks at the environment and at loopback ports.
"""

from __future__ import annotations

import json
import os
import socket
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from core.errors import ModelError, ModelFault
from core.llm.providers import PROVIDERS, find_endpoint, known_providers, provider_name, provider_of
from core.llm.rehearsal import is_rehearsal, unknown_request
from core.llm.scenario import load_scenario
from core.text import clean

PROBE_SECONDS = 0.2
_NO_DEMO = "rehearsal/slugify is only for `qdeck demo`."
_LOCAL = (("Ollama", 11434), ("LM Studio", 1234), ("llama.cpp", 8080), ("vLLM", 8000))


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key in the environment, by the name of its variable, and a model that it opens."""

    variable: str
    example: str


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A model server on this machine, and the models that it says it has."""

    name: str
    api_base: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ways:
    """Everything here that could lead to a model. The demo always can."""

    keys: tuple[FoundKey, ...] = ()
    servers: tuple[FoundServer, ...] = ()

    def lines(self) -> list[str]:
        """Return the ways as lines for people, the nearest first."""
        lines = [f"{key.variable} is set: use --model {key.example}" for key in self.keys]
        for server in self.servers:
            model = server.models[0] if server.models else "NAME"
            lines.append(
                f"{server.name} answers here: set OPENAI_API_BASE={server.api_base} "
                f"and use --model openai/{model}"
            )
        if not lines:
            names = ", ".join(provider.keys[0] for provider in PROVIDERS[:3])
            lines.append(f"set a provider's key ({names}, …) and use --model, e.g. {PROVIDERS[0].example}")
            lines.append(
                "start a local server (Ollama, LM Studio, llama.cpp, vLLM), set OPENAI_API_BASE to its "
                "address and use --model openai/NAME"
            )
        lines.append("to keep a model, set it in the app with f2, or as `model` in your settings")
        lines.append("without any key: `qdeck demo` plays a rehearsed build")
        return lines

    def to_data(self) -> dict[str, Any]:
        """Return the ways as JSON data."""
        return {
            "keys": [{"variable": key.variable, "example": key.example} for key in self.keys],
            "servers": [
                {"name": server.name, "api_base": server.api_base, "models": list(server.models)}
                for server in self.servers
            ],
            "lines": self.lines(),
        }


def find_ways(
    environment: Mapping[str, str] | None = None, ports: Iterable[tuple[str, int]] = _LOCAL
) -> Ways:
    """Look for keys in the environment and for servers on the usual ports. Takes half a second at most."""
    env = os.environ if environment is None else environment
    keys = tuple(
        FoundKey(variable, provider.example)
        for provider in PROVIDERS
        for variable in provider.keys
        if env.get(variable)
    )
    candidates = list(ports)
    with ThreadPoolExecutor(max_workers=max(1, len(candidates))) as pool:
        found = pool.map(lambda item: _server(*item), candidates)
        return Ways(keys, tuple(server for server in found if server is not None))


def check_model(
    model: str,
    api_base: str | None = None,
    api_key: str | None = None,
    environment: Mapping[str, str] | None = None,
    request: str = "",
) -> None:
    """Raise ModelError when `model` cannot even be tried.

    That is when none is configured (then the hint holds the ways to one, a line each), when its key is
    missing, when its name says no provider that there is, when there is no such rehearsal or none of this
    `request`, and when a server on this machine does not answer.
    """
    if not model.strip():
        what = "No model is configured."
        raise ModelError(ModelFault.NONE_CONFIGURED, what, _ways_text(environment))
    if is_rehearsal(model):
        scenario = load_scenario(model)
        if request and not scenario.knows(request):
            raise unknown_request(scenario)
        return
    _check_name(model)
    endpoint = find_endpoint(model, api_base, api_key, environment)
    if endpoint.api_base is not None:
        _check_reachable(endpoint.api_base, endpoint.subject)
        return
    provider = provider_of(model)
    if provider is not None and endpoint.api_key is None:
        what = f"There is no key for {provider.title}: {' or '.join(provider.keys)} is not set."
        hint = f"Set {provider.keys[0]} where qdeck starts, or choose another model."
        raise ModelError(ModelFault.KEY, what, hint)


def _check_name(model: str) -> None:
    """Refuse a name that says no provider, or one that there is not."""
    shown = clean(model, lines=False, limit=80)
    name = provider_name(model)
    example = f"{name}/{shown}" if name and "/" not in model else PROVIDERS[0].example
    hint = f"A model is named provider/model, for example {example}."
    if not name or not model.partition("/")[2].strip():
        raise ModelError(ModelFault.NOT_FOUND, f"{shown} names no provider and model.", f"{hint} {_NO_DEMO}")
    known = known_providers()
    if known and name not in known:
        what = f"There is no provider named {name[:40]} ({shown})."
        raise ModelError(ModelFault.NOT_FOUND, clean(what, lines=False), f"{hint} {_NO_DEMO}")


def _ways_text(environment: Mapping[str, str] | None) -> str:
    return "Ways to a model:\n" + "\n".join(f"  - {line}" for line in find_ways(environment).lines())


def _check_reachable(api_base: str, subject: str) -> None:
    """Refuse a server on this machine that does not listen; other hosts are left to the call itself."""
    parts = urlsplit(api_base)
    host = parts.hostname or ""
    if host not in ("localhost", "127.0.0.1", "::1"):
        return
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if not _listens(host, port):
        hint = "Start it, or correct its address (OPENAI_API_BASE or api_base)."
        raise ModelError(ModelFault.UNREACHABLE, f"{subject} does not answer.", hint)


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=PROBE_SECONDS):
            return True
    except (OSError, OverflowError):
        return False


def _server(name: str, port: int) -> FoundServer | None:
    if not _listens("127.0.0.1", port):
        return None
    api_base = f"http://127.0.0.1:{port}/v1"
    models = _models(api_base)
    return None if models is None else FoundServer(name, api_base, models)


def _models(api_base: str) -> tuple[str, ...] | None:
    """Return the models that a server lists, or None when it is no model server."""
    # A proxy from the environment must not be asked for this machine's own ports.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{api_base}/models", timeout=PROBE_SECONDS * 2) as answer:
            listed = json.loads(answer.read(1 << 20))["data"]
            return tuple(clean(str(entry["id"]), lines=False, limit=80) for entry in listed)
    except (OSError, ValueError, LookupError, TypeError):
        return None
