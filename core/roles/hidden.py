"""The first step of testing: the Test Auditor's model writes hidden checks, before it sees any code.

It is told the requirement and the signatures, not the bodies, not the diff and not the plan. What it writes
goes back to the engine and into no conversation, no worktree and no packet.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from core.errors import ModelError, ModelFault
from core.llm import Message
from core.roles.asking import ask
from core.roles.briefs import Block, requirement_block
from core.roles.context import RoleContext
from core.roles.packets import BadPacket, parse
from core.roles.prompts import prompt_digest, prompt_text
from core.roles.tools.base import Arguments, Result, Tool

STATE = "hidden"
"""What this step is called towards a model, in the place of a state."""
_TRIES = 2
_STOPS = (ModelFault.BUDGET, ModelFault.QUOTA, ModelFault.UNREACHABLE, ModelFault.RETRYABLE)


class Check(Arguments):
    """One hidden check of one acceptance criterion: a whole pytest module."""

    criterion: Annotated[int, Field(ge=1)]
    code: Annotated[str, Field(min_length=1, max_length=8_000)]


class ChecksArguments(Arguments):
    """The hidden checks; none for a criterion that cannot be checked from outside."""

    checks: Annotated[list[Check], Field(max_length=24)]


async def _kept(context: RoleContext, arguments: Any, key: str) -> Result:
    return Result("Kept.")


SUBMIT = Tool(
    "submit_checks",
    "Hand in the hidden checks, one pytest module each, importing the code by the modules named.",
    ChecksArguments,
    _kept,
    lambda a: "writes hidden checks",
)


async def write_checks(context: RoleContext, interface: str) -> tuple[list[dict[str, Any]], str]:
    """Return the checks as data, or none and why. Raises ModelError where the model cannot be reached."""
    prompt = prompt_text("hidden_checks", context.prompt_folder)
    told = f"{requirement_block(context)}\n\n{Block('interface', interface)}"
    messages = [Message("system", prompt), Message("user", told)]
    wrong = "the model handed none in"
    for turn in range(_TRIES):
        try:
            answer = await ask(
                context,
                messages,
                (SUBMIT,),
                turn=turn,
                digest=prompt_digest(prompt),
                seconds=context.limits.seconds,
                state=STATE,
            )
        except ModelError as error:
            if error.fault in _STOPS:
                raise
            return [], f"the model gave no answer: {error.what}"
        call = next((c for c in answer.tool_calls if c.name == SUBMIT.name), None)
        if call is None:
            return [], wrong
        try:
            given = parse(ChecksArguments, call.arguments or "{}")
        except BadPacket as error:
            wrong = f"what the model handed in cannot be read: {error}"
            messages += [
                Message("assistant", answer.text, tool_calls=answer.tool_calls[:1]),
                Message("tool", f"Not valid:\n{error}", tool_call_id=call.id, name=call.name),
            ]
            continue
        return [{"criterion": c.criterion, "code": c.code} for c in given.checks], ""
    return [], wrong
