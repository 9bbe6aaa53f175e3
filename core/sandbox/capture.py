"""Keep the head and the tail of a stream of any length, in bounded memory."""

from __future__ import annotations

import hashlib


class Capture:
    """Takes what a command prints. Keeps at most `kept` bytes, half from the start and half from the end."""

    def __init__(self, kept: int) -> None:
        self._half = max(1, kept // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self._digest = hashlib.sha256()
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        self.total += len(data)
        self._digest.update(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data
            if len(self._tail) > 2 * self._half:
                del self._tail[: -self._half]

    @property
    def cut(self) -> bool:
        """Whether something in the middle was dropped."""
        return self.total > 2 * self._half

    @property
    def digest(self) -> str:
        """The sha256 of everything, kept or not."""
        return self._digest.hexdigest()

    def kept(self) -> bytes:
        """What was kept, with a line in the middle that says how much was cut."""
        tail = bytes(self._tail[-self._half :])
        if not self.cut:
            return bytes(self._head) + tail
        dropped = self.total - len(self._head) - len(tail)
        return bytes(self._head) + f"\n[... {dropped} bytes cut ...]\n".encode() + tail
