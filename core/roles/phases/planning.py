"""Planning: the Q Assistant says how, and what will prove each criterion."""

from __future__ import annotations

from core.machine.states import Autonomy, State
from core.roles.briefs import Block, packet_of, request_block, requirement_block
from core.roles.context import RoleContext
from core.roles.packets import Plan, Requirement
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.results import ASK, submit


async def _objection(context: RoleContext, packet: Plan) -> str:
    requirement = packet_of(context, State.DISCOVERY)
    gaps = packet.gaps(requirement) if isinstance(requirement, Requirement) else []
    return f"The plan does not fit the requirement: {'; '.join(gaps)}." if gaps else ""


SUBMIT = submit(
    "submit_plan",
    "Hand in the plan: every criterion has a task and names its proof.",
    Plan,
    _objection,
)


def _tools(context: RoleContext) -> tuple[Tool, ...]:
    asks = () if context.workflow.autonomy is Autonomy.AUTO else (ASK,)
    return (*LOOK, *asks, SUBMIT)


async def _blocks(context: RoleContext) -> list[Block]:
    return [request_block(context), requirement_block(context)]


PLAY = Play(_tools, _blocks, SUBMIT.name)
