"""The four handoffs: the receiver looks at what it is offered, and accepts or refuses."""

from __future__ import annotations

from core.machine.states import State, phase_of
from core.roles.briefs import Block, changed_block, data_block, plan_block, requirement_block
from core.roles.context import RoleContext
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.files import DIFF
from core.roles.tools.results import ACCEPT, refuse_handoff


def _tools(context: RoleContext) -> tuple[Tool, ...]:
    history = () if context.state is State.HANDOFF_TO_CODER else (DIFF,)
    return (*LOOK, *history, ACCEPT, refuse_handoff(context))


async def _blocks(context: RoleContext) -> list[Block]:
    blocks = [requirement_block(context)]
    sender = phase_of(context.state)
    if sender in (State.PLANNING, State.IMPLEMENTATION):
        blocks.append(plan_block(context))
    if sender is not State.PLANNING:
        blocks.append(await changed_block(context))
        offered = context.packets.get(sender)
        blocks += [data_block("offered", offered)] if offered else []
    return blocks


PLAY = Play(_tools, _blocks)
