"""Discovery: the Q Assistant finds out what is wanted."""

from __future__ import annotations

from core.machine.states import Autonomy
from core.roles.briefs import Block, request_block
from core.roles.context import RoleContext
from core.roles.packets import Requirement
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.results import ASK, submit


async def _objection(context: RoleContext, packet: Requirement) -> str:
    if not packet.open_questions:
        return ""
    if context.workflow.autonomy is Autonomy.AUTO:
        return (
            "There are open questions, and nobody is there to answer. Decide each yourself and write it down "
            "as an assumption that begins with `Nobody was asked:`."
        )
    return (
        "There are open questions. Ask them with ask_user, or decide them and write them down as assumptions."
    )


SUBMIT = submit(
    "submit_requirement",
    "Hand in the numbered acceptance criteria with the assumptions; open_questions must be empty.",
    Requirement,
    _objection,
)


def _tools(context: RoleContext) -> tuple[Tool, ...]:
    asks = () if context.workflow.autonomy is Autonomy.AUTO else (ASK,)
    return (*LOOK, *asks, SUBMIT)


async def _blocks(context: RoleContext) -> list[Block]:
    return [request_block(context)]


PLAY = Play(_tools, _blocks, SUBMIT.name)
