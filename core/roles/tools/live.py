"""Show a command's output while it runs, a few times a second and not without end."""

from __future__ import annotations

import asyncio
import codecs
from types import TracebackType

from core.roles.context import Desk
from core.text import clean

PAUSE = 0.1
MOST = 64_000


class Live:
    """Collects output from a callback and hands it to the desk in pieces."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting = bytearray()
        self._left = MOST
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._task: asyncio.Task[None] | None = None

    def feed(self, data: bytes) -> None:
        """Take a piece of output; beyond the bound it is dropped, the receipt has it."""
        piece = data[: self._left]
        self._left -= len(piece)
        self._waiting += piece

    async def __aenter__(self) -> Live:
        self._task = asyncio.create_task(self._pump())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if error is None:
            await self._flush()

    async def _pump(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            await self._flush()

    async def _flush(self) -> None:
        if self._waiting:
            data = bytes(self._waiting)
            self._waiting.clear()
            await self._desk.stream(clean(self._decode.decode(data)))
