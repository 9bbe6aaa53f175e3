"""Run a command of a role, contained, and keep its receipt.

The Code Writer's commands run in the worktree itself. The Test Auditor's run on a copy of it, since whoever
may write only tests must not change code through a shell either.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from core.evidence.commands import source_roots
from core.evidence.execution import receipt_of, remove_folder
from core.machine.states import State
from core.roles.context import RoleContext
from core.roles.tools.base import Arguments, Result, Tool
from core.roles.tools.bounds import head_and_tail
from core.roles.tools.live import Live
from core.roles.waiting import unless_stopped
from core.sandbox import Contained, Limits, Run, run
from core.workspace import export_tree, tree_digest

LONGEST = 600
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


class RunArguments(Arguments):
    """A command for the shell, and the seconds that it may take."""

    command: Annotated[str, Field(min_length=1, max_length=20_000)]
    timeout: Annotated[int, Field(ge=1, le=LONGEST)] = 120


async def _run(context: RoleContext, arguments: RunArguments, key: str) -> Result:
    bench = context.bench
    async with _place(context) as folder:
        before = await asyncio.to_thread(tree_digest, bench.worktree)
        at = datetime.now(UTC)
        async with Live(context.desk) as live:
            work = run(_contained(context, folder, arguments), bench.sandbox, live.feed)
            seen = await unless_stopped(context.desk, work)
        after = await asyncio.to_thread(tree_digest, bench.worktree)
    receipt = receipt_of(
        seen,
        key=key,
        kind="command",
        title=arguments.command[:200],
        asked_by=context.role.value,
        at=at,
        trees=(before, after),
    )
    await context.desk.receipt(receipt)
    return Result(_told(seen, arguments), ok=True)


@asynccontextmanager
async def _place(context: RoleContext) -> AsyncIterator[Path]:
    """Give the folder to run in: the worktree, or a copy of it that is removed at the end."""
    if context.state is not State.TESTING:
        yield context.root
        return
    bench = context.bench
    home = bench.scratch / f"copy-{uuid.uuid4().hex[:12]}"
    try:
        tree = await asyncio.to_thread(tree_digest, bench.worktree)
        home.mkdir(parents=True)
        await asyncio.to_thread(export_tree, bench.repository, tree, home / "tree")
        yield home / "tree"
    finally:
        await asyncio.to_thread(remove_folder, home)


def _contained(context: RoleContext, folder: Path, arguments: RunArguments) -> Contained:
    tools = context.bench.toolchain
    roots = [str(root) for root in source_roots(folder)]
    # A link's own folder, not its target's: the environment's commands lie beside the link.
    env = {
        **tools.env,
        "PATH": tools.env.get("PATH") or os.pathsep.join([str(tools.python.parent), *_SYSTEM_PATH]),
        "PYTHONPATH": os.pathsep.join([*roots, *filter(None, [tools.env.get("PYTHONPATH", "")])]),
    }
    return Contained(
        argv=("/bin/sh", "-c", arguments.command),
        cwd=folder,
        writable=(folder,),
        readable=tools.readable,
        hidden=(folder / ".git",) if (folder / ".git").exists() else (),
        env=env,
        limits=Limits(wall_seconds=float(arguments.timeout)),
    )


def _told(seen: Run, arguments: RunArguments) -> str:
    output = head_and_tail(seen.output)
    if seen.limit == "time":
        ending = f"stopped after {arguments.timeout} seconds"
    elif seen.limit:
        ending = f"stopped at the {seen.limit} limit"
    elif seen.exit_code is None:
        ending = f"killed by signal {seen.signal}"
    else:
        ending = f"exit code {seen.exit_code}"
    return f"{output.rstrip()}\n({ending}, {seen.seconds:.1f} s)".lstrip()


RUN = Tool(
    "run",
    "Run a shell command at the project's top, in a sandbox without network. Give the narrowest command "
    "that tells what you want to know.",
    RunArguments,
    _run,
    lambda a: f"runs {a.command}",
)
