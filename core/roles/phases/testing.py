"""Testing: the engine has run the tests; the Test Auditor judges them and may add more."""

from __future__ import annotations

from core.roles.briefs import Block, changed_block, plan_block, requirement_block
from core.roles.context import RoleContext
from core.roles.packets import TestReport
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.changes import EDIT, WRITE
from core.roles.tools.commands import RUN
from core.roles.tools.files import DIFF
from core.roles.tools.results import request_retry, submit

SUBMIT = submit(
    "submit_tests",
    "Hand the tested code on. Only when the engine's run is green and every criterion is proved.",
    TestReport,
)


def _tools(context: RoleContext) -> tuple[Tool, ...]:
    return (*LOOK, DIFF, EDIT, WRITE, RUN, SUBMIT, request_retry(context))


async def _blocks(context: RoleContext) -> list[Block]:
    paths = (
        ", ".join(context.bench.settings.test_paths)
        or "folders named tests or test, and files named as tests"
    )
    blocks = [requirement_block(context), plan_block(context), await changed_block(context)]
    return [*blocks, Block("test_paths", paths)]


PLAY = Play(_tools, _blocks, SUBMIT.name)
