"""Verification: the Overseer judges requirement, diff and receipts, and never hears the writer's story."""

from __future__ import annotations

import asyncio
import re

from core.machine.states import State
from core.roles.briefs import Block, changed_block, packet_of, plan_block, requirement_block
from core.roles.context import RoleContext
from core.roles.packets import Requirement, ReviewReport
from core.roles.phases.play import LOOK, Play
from core.roles.tools.base import Tool
from core.roles.tools.files import DIFF, NotText, read_text
from core.roles.tools.results import request_retry, submit
from core.text import clean
from core.workspace import PathRefused

_PLACE = re.compile(r"(?P<path>.+?)(?::(?P<line>\d+)(?:-\d+)?)?")
_CRITERION = re.compile(r"criterion (\d+)", re.IGNORECASE)
_RECEIPT = re.compile(r"receipt[: ]\s*(\S+)", re.IGNORECASE)


async def _objection(context: RoleContext, packet: ReviewReport) -> str:
    wrong = []
    for item in packet.checklist:
        why = await asyncio.to_thread(_dead, context, item.reference)
        if why:
            wrong.append(f"{item.point.value}: {why}")
    if not wrong:
        return ""
    form = "A reference is `path:line`, `criterion N` or `receipt:LABEL`."
    return f"Some references lead nowhere. {'; '.join(wrong)}. {form}"


def _dead(context: RoleContext, reference: str) -> str:
    """Return why a reference leads nowhere; empty when it can be opened."""
    if criterion := _CRITERION.fullmatch(reference):
        requirement = packet_of(context, State.DISCOVERY)
        known = {c.number for c in requirement.criteria} if isinstance(requirement, Requirement) else set()
        return "" if int(criterion[1]) in known else f"there is no {reference}"
    if receipt := _RECEIPT.fullmatch(reference):
        receipts = context.report.receipts if context.report else {}
        if receipt[1] in receipts or receipt[1] in receipts.values():
            return ""
        return f"there is no receipt {receipt[1]}; there are: {', '.join(receipts) or 'none'}"
    return _dead_place(context, reference)


def _dead_place(context: RoleContext, reference: str) -> str:
    place = _PLACE.fullmatch(reference)
    if place is None:
        return f"{reference} is not a reference"
    try:
        lines = read_text(context.root, place["path"]).count("\n") + 1
    except NotText:
        return ""
    except (PathRefused, OSError):
        return f"there is no file {clean(place['path'], lines=False, limit=200)}"
    line = int(place["line"] or 1)
    return "" if 1 <= line <= lines else f"{place['path']} has only {lines} lines"


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
