"""Carry one tool call out: within the role's scope, once, and with a word to the people who watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.llm import ToolCall
from core.roles.context import RoleContext
from core.roles.outcomes import Outcome, Submit
from core.roles.packets import BadPacket, parse
from core.roles.prompts import TITLES
from core.roles.tools.base import Fault, Result, Tool, blocked, failed
from core.roles.tools.bounds import middle_cut
from core.text import clean

EVERY_NAME = frozenset(
    {
        *("read", "search", "list_files", "history", "diff", "edit", "write", "run"),
        *(
            "submit_requirement",
            "submit_plan",
            "submit_code",
            "submit_tests",
            "submit_review",
            "submit_release",
        ),
        *("ask_user", "request_retry", "accept_handoff", "refuse_handoff", "read_message"),
    }
)
"""All tools of all states: one of these in the wrong state is out of scope, anything else is a mistake."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of a call, and the attempt's outcome where the call ended it."""

    result: Result
    outcome: Outcome | None = None


async def act(
    context: RoleContext, tools: Mapping[str, Tool], call: ToolCall, key: str, spoken: bool
) -> Acted:
    """Carry `call` out under `key`. `spoken` tells that the person said something which the model has not
    read: then nothing ends the attempt yet.
    """
    await _say_call(context, call, key)

    async def work() -> Any:
        return (await _carried_out(context, tools, call, key)).to_data()

    acted = Acted(Result.from_data(await context.steps.once(key, work)))
    tool = tools.get(call.name)
    if acted.result.ok and tool is not None and tool.finish is not None:
        acted = await _ended(context, tool, call, acted.result, spoken)
    await _say_result(context, call, acted.result, key)
    return acted


async def _carried_out(context: RoleContext, tools: Mapping[str, Tool], call: ToolCall, key: str) -> Result:
    tool = tools.get(call.name)
    mine = ", ".join(tools)
    if tool is None:
        name = clean(call.name, lines=False, limit=60)
        if call.name in EVERY_NAME:
            state = context.state.value
            return blocked(f"the {TITLES[context.role]} has no {name} in {state}. Yours are: {mine}.")
        return failed(f"There is no tool {name}. Yours are: {mine}.", Fault.FORMAT)
    try:
        arguments = parse(tool.arguments, call.arguments or "{}")
    except BadPacket as error:
        return failed(f"The arguments of {tool.name} are not valid:\n{error}", Fault.FORMAT)
    doing = clean(tool.doing(arguments), lines=False, limit=120)
    await context.desk.activity(f"{TITLES[context.role]} {doing}")
    return await tool.act(context, arguments, key)


async def _ended(context: RoleContext, tool: Tool, call: ToolCall, result: Result, spoken: bool) -> Acted:
    """Return the outcome, unless the person has just spoken or the engine does not take what was handed
    in.
    """
    assert tool.finish is not None  # noqa: S101 - for the type checker
    if spoken:
        return Acted(failed(f"Not yet: the person has just spoken. Read it, then call {tool.name} again."))
    outcome = tool.finish(context, parse(tool.arguments, call.arguments or "{}"))
    if isinstance(outcome, Submit):
        # Not in a step: the engine's checks are steps of their own, asked in the same order after a crash.
        why = await context.check(outcome.packet)
        if why:
            return Acted(failed(f"The engine does not accept this yet: {middle_cut(why)}", Fault.REFUSED))
    return Acted(result, outcome)


async def _say_call(context: RoleContext, call: ToolCall, key: str) -> None:
    name = clean(call.name, lines=False, limit=60)
    data = {"name": name, "arguments": middle_cut(call.arguments)}
    await context.desk.say(f"{key}-call", context.role.value, "tool_call", _gist(call, name), data)


def _gist(call: ToolCall, name: str) -> str:
    """Return the call as one line for people: the tool and what it is mostly about."""
    try:
        arguments = call.parsed()
    except ValueError:
        return name
    for word in ("path", "command", "pattern", "target", "summary", "notes", "reason"):
        value = arguments.get(word)
        if isinstance(value, str) and value:
            return f"{name} {clean(value, lines=False, limit=160)}"
    return name


async def _say_result(context: RoleContext, call: ToolCall, result: Result, key: str) -> None:
    kind = "blocked" if result.fault is Fault.BLOCKED else "tool_result"
    data = {"name": clean(call.name, lines=False, limit=60), "ok": result.ok, "fault": result.fault.value}
    await context.desk.say(key, context.role.value, kind, result.text, data)
