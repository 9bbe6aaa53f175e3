"""The tools that end an attempt: submit, ask, send back, accept, refuse. None of them moves anything by
itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, create_model

from core.machine.states import State
from core.machine.transitions import Kind, Transition, transitions_from
from core.roles.context import RoleContext
from core.roles.outcomes import Accept, Ask, Back, Submit
from core.roles.packets import Packet, Prose, Sentence
from core.roles.tools.base import Arguments, Fault, Result, Tool, failed

P = TypeVar("P", bound=Packet)


class AskArguments(Arguments):
    """What a person has to decide, one question each."""

    questions: Annotated[list[Sentence], Field(min_length=1, max_length=5)]


class AcceptArguments(Arguments):
    """Why the packet can be worked with, in a sentence."""

    notes: Prose


class RefuseArguments(Arguments):
    """What is missing, so that the sender can mend it."""

    reason: Prose


async def _fine(context: RoleContext, arguments: Any, key: str) -> Result:
    return Result("Done.")


async def no_objection(context: RoleContext, packet: Any) -> str:
    """Object to nothing."""
    return ""


def submit(
    name: str,
    description: str,
    packet: type[P],
    objection: Callable[[RoleContext, P], Awaitable[str]] = no_objection,
) -> Tool:
    """Return the tool that hands a packet in; `objection` is what the phase itself has against it."""

    async def act(context: RoleContext, arguments: P, key: str) -> Result:
        wrong = await objection(context, arguments)
        return failed(wrong, Fault.REFUSED) if wrong else Result("Handed in.")

    return Tool(
        name,
        description,
        packet,
        act,
        lambda a: "hands in the result",
        lambda context, arguments: Submit(arguments, arguments.summary),
    )


def own_moves(context: RoleContext, kind: Kind | None = None) -> tuple[Transition, ...]:
    """Return the moves that this role may order from here."""
    return legal_moves(context.state, context.role, kind)


def legal_moves(state: State, role: object, kind: Kind | None = None) -> tuple[Transition, ...]:
    """Return the moves out of `state` that belong to `role`."""
    return tuple(t for t in transitions_from(state) if t.actor is role and kind in (None, t.kind))


def request_retry(context: RoleContext) -> Tool:
    """Return the tool that sends the work back, with the targets that the table allows from here."""
    moves = own_moves(context, Kind.RETRY)
    default = next((t.target for t in moves if t.default), moves[0].target)
    targets = tuple(t.target.value for t in moves)
    fields: dict[str, Any] = {"target": (Literal[targets], default.value), "reason": (Prose, ...)}
    model: type[BaseModel] = create_model(
        "RetryArguments",
        __base__=Arguments,
        __doc__="Where the work goes back to and why: what is wrong, where, and what would be right.",
        **fields,
    )
    return Tool(
        "request_retry",
        f"Send the work back to {' or '.join(targets)}. The reason is all that the other role will be told.",
        model,
        _fine,
        lambda a: f"sends the work back to {a.target}",
        lambda _, a: Back(Kind.RETRY, State(a.target), a.reason),
    )


def refuse_handoff(context: RoleContext) -> Tool:
    """Return the tool that refuses the offered packet."""
    target = own_moves(context, Kind.REFUSE)[0].target
    return Tool(
        "refuse_handoff",
        f"Refuse what you are offered; it goes back to {target.value} with your reason.",
        RefuseArguments,
        _fine,
        lambda a: "refuses the handoff",
        lambda _, a: Back(Kind.REFUSE, target, a.reason),
    )


ACCEPT = Tool(
    "accept_handoff",
    "Accept what you are offered and begin with it.",
    AcceptArguments,
    _fine,
    lambda a: "accepts the handoff",
    lambda _, a: Accept(a.notes),
)
ASK = Tool(
    "ask_user",
    "Ask the person what only they can decide. The work waits for the answer, so ask everything at once.",
    AskArguments,
    _fine,
    lambda a: "asks a question",
    lambda _, a: Ask(tuple(a.questions)),
)
