"""Questions to the worker's side from inside the app: a child process each, which can be given up."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from core.errors import QdeckError

SECONDS = 120.0


async def ask_aside(*question: str, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what `python -m core.engine QUESTION` answers; the app goes on meanwhile.

    `about` is handed over on its standard input: what may be long, or holds what no command line can.
    Raises QdeckError without an answer. Whoever cancels this ends the child.
    """
    command = [sys.executable, "-P", "-m", "core.engine", *question]
    # A thread waits for it, not the loop: of a child that outlives the loop Python tells on the terminal.
    child = subprocess.Popen(  # noqa: ASYNC220 - starting one takes a millisecond
        command,
        stdin=subprocess.DEVNULL if about is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    feed = None if about is None else json.dumps(about).encode()
    try:
        out, _ = await asyncio.to_thread(child.communicate, feed, timeout=SECONDS)
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
