"""Questions to the worker's side from inside the app: a child process each, which can be given up."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from core.errors import QdeckError

SECONDS = 120.0


async def ask_aside(*question: str) -> dict[str, Any]:
    """Return what `python -m core.engine QUESTION` answers; the app goes on meanwhile.

    Raises QdeckError without an answer. Whoever cancels this ends the child.
    """
    command = [sys.executable, "-P", "-m", "core.engine", *question]
    # A thread waits for it, not the loop: of a child that outlives the loop Python tells on the terminal.
    child = subprocess.Popen(  # noqa: ASYNC220 - starting one takes a millisecond
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        out, _ = await asyncio.to_thread(child.communicate, timeout=SECONDS)
        answer = json.loads(out.decode(errors="replace").strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise QdeckError(
            f"qdeck's worker gave no answer to `{question[0]}`.", "`qdeck doctor` looks further."
        ) from error
    finally:
        if child.poll() is None:
            child.kill()
    if not isinstance(answer, dict):
        raise QdeckError("qdeck's worker gave an answer that is none.", "Install qdeck again.")
    return answer
