"""Questions to the worker's side from inside the app: a child process each, which can be given up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

from core.errors import QdeckError

SECONDS = 120.0


async def ask_aside(*question: str) -> dict[str, Any]:
    """Return what `python -m core.engine QUESTION` answers; the app goes on meanwhile.

    Raises QdeckError without an answer. Whoever cancels this ends the child.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "core.engine",
        *question,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await asyncio.wait_for(child.communicate(), SECONDS)
        answer = json.loads(out.decode(errors="replace").strip().splitlines()[-1])
    except (TimeoutError, ValueError, IndexError) as error:
        raise QdeckError(
            f"qdeck's worker gave no answer to `{question[0]}`.", "`qdeck doctor` looks further."
        ) from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
    if not isinstance(answer, dict):
        raise QdeckError("qdeck's worker gave an answer that is none.", "Install qdeck again.")
    return answer
