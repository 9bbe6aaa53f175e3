"""Imports litellm once, late and quietly: no network, no telemetry, nothing on the terminal.

The import takes 3 to 9 seconds and 170 MB, so it happens in a thread at the first call to a real model.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import threading
import warnings
from contextlib import suppress
from types import ModuleType

from core.llm.redact import redact

LOG = logging.getLogger("core.llm")
"""Where litellm's own log goes, with keys taken out; the application decides where that is."""

# Without a handler of its own, Python would print warnings of this logger on stderr.
LOG.addHandler(logging.NullHandler())

_ENVIRONMENT = {
    # The import would fetch the price map from the network, and complain on stderr when it cannot.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # In its development mode litellm loads a .env file found above its own package folder.
    "LITELLM_MODE": "PRODUCTION",
    # Counting tokens for some model names would ask huggingface.co for up to 23 seconds.
    "HF_HUB_OFFLINE": "1",
    # A model may well repeat a chunk 100 times (a table, a long rule); max_tokens ends a real loop.
    "REPEATED_STREAMING_CHUNK_LIMIT": "2000",
}
_SWITCHES = {
    "suppress_debug_info": True,
    "disable_hf_tokenizer_download": True,
    "drop_params": True,
    "telemetry": False,
}
# What the first call would import on the event loop, holding it up for a second.
_WARM = (
    "litellm.llms.openai.openai",
    "litellm.llms.litellm_proxy.chat.transformation",
    "litellm.llms.openai.chat.gpt_audio_transformation",
    "openai.resources.beta",
    "openai.resources.chat",
)
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")
_lock = threading.Lock()
_loaded: list[ModuleType] = []


async def load_litellm() -> ModuleType:
    """Return litellm, imported in a thread the first time so that the event loop goes on."""
    return _loaded[0] if _loaded else await asyncio.to_thread(_load)


def _load() -> ModuleType:
    with _lock:
        if not _loaded:
            os.environ.update(_ENVIRONMENT)
            # Theirs about each other, printed on stderr; some come as late as the first call.
            warnings.filterwarnings("ignore", module=r"(litellm|pydantic)(\.|$)")
            import litellm

            for name in _WARM:
                with suppress(ImportError):
                    importlib.import_module(name)
            _silence(litellm)
            _loaded.append(litellm)
    return _loaded[0]


def _silence(litellm: ModuleType) -> None:
    for name, value in _SWITCHES.items():
        setattr(litellm, name, value)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [_Forward()]
        logger.propagate = False
        logger.setLevel(logging.WARNING)


class _Forward(logging.Handler):
    """Hands a record on to our own logger, as plain text without keys and without its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        LOG.log(record.levelno, "%s", redact(record.getMessage()))
