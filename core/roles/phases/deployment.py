"""Deployment: the Release Manager says what is shipped; the engine ships it."""

from __future__ import annotations

from core.machine.states import State
from core.roles.briefs import Block, changed_block, data_block, requirement_block
from core.roles.context import RoleContext
from core.roles.packets import ReleaseNotes
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.files import DIFF
from core.roles.tools.results import request_retry, submit

SUBMIT = submit(
    "submit_release",
    "Hand in the release notes; the engine then merges, deploys and runs the smoke test.",
    ReleaseNotes,
)


def _tools(context: RoleContext) -> tuple[Tool, ...]:
    return (*LOOK, DIFF, SUBMIT, request_retry(context))


async def _blocks(context: RoleContext) -> list[Block]:
    blocks = [requirement_block(context), await changed_block(context)]
    review = context.packets.get(State.VERIFICATION)
    return [*blocks, data_block("review", review)] if review else blocks


PLAY = Play(_tools, _blocks, SUBMIT.name)
