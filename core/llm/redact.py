"""Takes keys out of texts before anybody sees or keeps them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

MASK = "[key]"

_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)(?:_|$)", re.IGNORECASE)
# Keys by their look: OpenAI, Anthropic and OpenRouter (sk-, also when the provider masked its middle),
# Google, Groq, xAI, Hugging Face, AWS, GitHub, bearer tokens, keys and passwords in URLs.
_LOOKS = re.compile(
    r"\b(?:sk|pk|rk)-[\w*.\-]{6,}"
    r"|\bAIza[\w\-]{10,}|\bgsk_\w{8,}|\bxai-[\w\-]{8,}|\bhf_\w{8,}|\bAKIA\w{12,}|\bgh[pousr]_\w{16,}"
    r"|(?<=[Bb]earer )[\w\-.=+/~]{6,}"
    r"|(?<=api_key=)[^\s&\"']+|(?<=apikey=)[^\s&\"']+|(?<=[?&]key=)[^\s&\"']+"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
)
_SHORTEST = 8


def secrets_of(environment: Mapping[str, str] | None = None) -> set[str]:
    """Return the values of the environment's variables that are named like secrets."""
    source = os.environ if environment is None else environment
    return {value for name, value in source.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST}


def redact(text: str, secrets: Iterable[str | None] = ()) -> str:
    """Return `text` with every given secret, and all that looks like a key, masked."""
    known = {secret for secret in secrets if secret and len(secret) >= _SHORTEST}
    for secret in sorted(known | secrets_of(), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _LOOKS.sub(MASK, text)
