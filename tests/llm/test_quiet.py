"""What happens to the process that uses the gateway: nothing heavy before it is needed, nothing printed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.llm.openai_server import Fault, OpenAIServer, Reply, Tool

ROOT = Path(__file__).parents[2]


def run(code: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in a process of its own, with warnings as a user would have them."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd)


def test_importing_and_rehearsing_never_imports_litellm() -> None:
    """Neither the package, nor a price, nor a check, nor a rehearsal needs it."""
    done = run("""
        import sys
        import core.llm
        from core.llm import Call, Message, likely_cost, find_ways
        core.llm.open_gateway()
        find_ways()
        likely_cost(Call("openai/gpt-4o", (Message("user", "hi"),)))
        heavy = {"litellm", "openai", "httpx", "pydantic", "sqlmodel", "dbos", "textual"} & set(sys.modules)
        print(sorted(heavy))
    """)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_process_with_good_and_bad_answers_prints_nothing(tmp_path: Path) -> None:
    """No word of litellm, of warnings or of unclosed connections reaches the terminal."""
    replies = [
        Reply("hello", [Tool("read", {"path": "a"})]),
        Reply("hello", usage=None),
        Reply(fault=Fault.SERVER_ERROR),
        Reply("half", fault=Fault.CUT),
        Reply("ok"),
        Reply(fault=Fault.UNAUTHORIZED),
    ]
    with OpenAIServer(replies) as server:
        done = run(
            f"""
            import asyncio, io, logging, sys, warnings
            sys.path.insert(0, {str(ROOT)!r})
            from core.errors import ModelError
            from core.llm import Call, Message, open_gateway

            async def main():
                gateway = open_gateway()
                call = Call("openai/local", (Message("user", "hi"),), api_base={server.url!r})
                for _ in range(4):
                    try:
                        async for _ in gateway.stream(call): pass
                    except ModelError as error:
                        refused = error
                await gateway.aclose()
                assert "refused the key" in refused.what

            asyncio.run(main())
            log = logging.getLogger("LiteLLM")
            log.warning("nobody listens yet")
            kept = logging.StreamHandler(io.StringIO())
            logging.getLogger().addHandler(kept)
            log.error("the key %s was refused", "sk-abcdefghijklmnop")
            said = kept.stream.getvalue()
            assert said.count("was refused") == 1 and "abcdefgh" not in said, said
            warnings.warn_explicit("odd model", UserWarning, "main.py", 1, module="pydantic.main")
            """,
            tmp_path,
        )
    assert len(server.requests) == len(replies)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0
