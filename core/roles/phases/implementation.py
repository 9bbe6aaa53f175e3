"""Implementation: the Code Writer changes the worktree."""

from __future__ import annotations

import asyncio

from core.roles.briefs import Block, changed_block, plan_block, request_block, requirement_block
from core.roles.context import RoleContext
from core.roles.packets import CodeHandoff
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.changes import EDIT, WRITE
from core.roles.tools.commands import RUN
from core.roles.tools.files import DIFF
from core.roles.tools.results import request_retry, submit
from core.workspace import tree_digest, tree_of


async def _objection(context: RoleContext, packet: CodeHandoff) -> str:
    bench = context.bench
    now = await asyncio.to_thread(tree_digest, bench.worktree)
    base = await asyncio.to_thread(tree_of, bench.repository, bench.base)
    return "Nothing differs from the base yet, so there is nothing to hand over." if now == base else ""


SUBMIT = submit(
    "submit_code",
    "Hand the code over: what you did, which files, what the next role should know.",
    CodeHandoff,
    _objection,
)


def _tools(context: RoleContext) -> tuple[Tool, ...]:
    return (*LOOK, DIFF, EDIT, WRITE, RUN, SUBMIT, request_retry(context))


async def _blocks(context: RoleContext) -> list[Block]:
    blocks = [request_block(context), requirement_block(context), plan_block(context)]
    return [*blocks, await changed_block(context)]


PLAY = Play(_tools, _blocks, SUBMIT.name)
