"""Tell a model at once when what it wrote is broken Python."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from core.text import clean

SECONDS = 10.0


async def lint(path: str, text: str) -> str:
    """Return the linter's word on a Python file as an addition to a tool's result; empty when there is
    nothing.

    Ruff reads the text from its input and no configuration at all, so nothing of the project's is run or
    trusted.
    """
    if not path.endswith((".py", ".pyi")):
        return ""
    command = [_ruff(), "check", "--isolated", "--no-cache", "--select", "E9,F", "--output-format", "concise"]
    process = await asyncio.create_subprocess_exec(
        *command,
        "--quiet",
        "--stdin-filename",
        "file.py",
        "-",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(text.encode("utf-8", "replace")), SECONDS)
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = [line.partition("file.py:")[2] for line in out.decode("utf-8", "replace").splitlines()]
    found = [line for line in found if line]
    if not found:
        return ""
    return "\nThe linter says (line:column):\n" + clean("\n".join(found[:20]), limit=3000)


@lru_cache(maxsize=1)
def _ruff() -> str:
    from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

    return str(find_ruff_bin())
