"""Verification: the Overseer judges requirement, diff and receipts, and never hears the writer's story."""

from __future__ import annotations

import asyncio

from core.evidence import References, review_references
from core.machine.states import State
from core.roles.briefs import Block, changed_block, packet_of, plan_block, requirement_block
from core.roles.context import RoleContext
from core.roles.packets import Requirement, ReviewReport
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.files import DIFF
from core.roles.tools.results import request_retry, submit
from core.workspace import tree_digest


async def _objection(context: RoleContext, packet: ReviewReport) -> str:
    references = await asyncio.to_thread(_references, context)
    dead = [item for item in packet.checklist if not references.live(item.reference)]
    if not dead:
        return ""
    named = "; ".join(f"{item.point.value}: {item.reference}" for item in dead)
    labels = ", ".join(f"receipt:{label}" for label in sorted(references.receipts)) or "none"
    return (
        f"Some references lead nowhere: {named}. A reference is a changed file (`path` or `path:line`), "
        f"`criterion N` or a receipt (there are: {labels})."
    )


def _references(context: RoleContext) -> References:
    """Return what the review may point at, the same that the gate will go by."""
    requirement = packet_of(context, State.DISCOVERY)
    criteria = [c.number for c in requirement.criteria] if isinstance(requirement, Requirement) else []
    receipts = context.report.receipts if context.report else {}
    names = {*receipts, *receipts.values()}
    tree = tree_digest(context.bench.worktree)
    return review_references(context.bench, tree, criteria=criteria, receipts=names)


SUBMIT = submit(
    "submit_review",
    "Approve the change, with the eight points answered and a reference for each.",
    ReviewReport,
    _objection,
)


def _tools(context: RoleContext) -> tuple[Tool, ...]:
    return (*LOOK, DIFF, SUBMIT, request_retry(context))


async def _blocks(context: RoleContext) -> list[Block]:
    blocks = [requirement_block(context), plan_block(context), await changed_block(context)]
    if context.report and context.report.receipts:
        blocks.append(Block("receipts", "\n".join(f"receipt:{label}" for label in context.report.receipts)))
    return blocks


PLAY = Play(_tools, _blocks, SUBMIT.name)
