"""A program that is killed in the middle of a command leaves the state before it or the one after it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import Any

from core.journal.engine import EngineJournal

_TALKER = """
import asyncio, sys
from core.machine.commands import Authority
from core.service import OrchestrationService
async def main():
    service = await OrchestrationService.open(sys.argv[1])
    n = 0
    while True:
        answer = await service.chat(sys.argv[2], f"message {n}", by=Authority.person("ada"))
        print(answer.workflow.version, flush=True)
        n += 1
asyncio.run(main())
"""


async def test_a_killed_writer_leaves_a_whole_journal(build: Any, address: str) -> None:
    """After kill -9 at random moments what was answered is there, and nothing is half."""
    rng = random.Random(7)  # noqa: S311 - moments, no secrets
    for _ in range(4):
        talker = subprocess.Popen(  # noqa: ASYNC220 - it is to be killed, not awaited
            [sys.executable, "-c", _TALKER, address, build.id], stdout=subprocess.PIPE, text=True
        )
        assert talker.stdout is not None
        assert talker.stdout.readline()
        time.sleep(rng.uniform(0.05, 0.3))  # noqa: ASYNC251 - nothing else waits on this loop
        talker.kill()
        answered = [int(line) for line in talker.stdout.read().splitlines() if line]
        talker.wait()
        version = (await build.now()).version
        assert version >= max(answered, default=2)
    assert await build.service.verify() == []
    assert await build.service.rebuild() == []
    messages = EngineJournal("", database=build.service._database).messages(build.id)
    assert len(messages) == (await build.now()).version - 1
