"""Takes granted secrets out of what a command prints, before anybody keeps, shows or digests it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

SHORTEST = 8
"""A shorter value is found by chance in any text; it can be neither hidden nor given to a command."""


class Redactor:
    """Replaces each secret in a stream by `[NAME]`, also where a secret lies across two pieces.

    Known are the value, each of its longer lines, and both as base64 (at any offset in a longer text), as
    hexadecimal digits, as in a URL and as in JSON. What encrypts, reverses or wraps a value, or prints it
    letter by letter, is not recognized.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        found: dict[bytes, bytes] = {}
        for name, value in secrets.items():
            for form in _forms(value):
                found.setdefault(form, f"[{name}]".encode())
        self._names = found
        longest_first = sorted(found, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first))) if found else None
        self._held_back = max(map(len, found), default=1) - 1
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next piece and return what can be told of it so far."""
        if self._pattern is None:
            return data
        text = self._masked(self._held + data)
        keep = self._begun(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        held, self._held = self._held, b""
        return self._masked(held)

    def _masked(self, text: bytes) -> bytes:
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: self._names[match[0]], text)

    def _begun(self, text: bytes) -> int:
        """Return how many bytes at the end may be the beginning of a secret."""
        for length in range(min(self._held_back, len(text)), 0, -1):
            end = text[-length:]
            if any(form.startswith(end) for form in self._names):
                return length
        return 0


def _forms(value: str) -> Iterator[bytes]:
    """Yield every form in which the value is looked for."""
    lines = [line.strip() for line in value.splitlines()]
    for text in dict.fromkeys((value, value.strip(), *lines)):
        if len(text) < SHORTEST:
            continue
        raw = text.encode("utf-8", "surrogateescape")
        yield raw
        yield quote(text, safe="", errors="surrogateescape").encode()
        yield json.dumps(text)[1:-1].encode()
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        yield from _base64_forms(raw)


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """Yield what stands in a base64 text that holds `raw` anywhere: it may begin on one of three bytes."""
    for alphabet in (b"+/", b"-_"):
        yield base64.b64encode(raw, alphabet)
        for offset in range(3):
            whole = base64.b64encode(b"\0" * offset + raw, alphabet)
            yield whole[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
