"""Beside the seven: the list of workflows, and what steers one without moving it through the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from core.api.answers import Guarded, Id, described, granted, reply
from core.api.door import Desk, Ordering, Reading
from core.api.shapes import (
    AcceptBody,
    AsksReply,
    ChatBody,
    DeadlineBody,
    ForkBody,
    ForkReply,
    ListReply,
    OverrideBody,
    Question,
    Row,
    SteerBody,
    SteerReply,
    standing,
)
from core.api.workflows import instructions
from core.machine.states import Condition
from core.service.tokens import Scope
from core.service.views import Answer

router = APIRouter(prefix="/api/workflows", route_class=Guarded, tags=["steering"])

_Limit = Annotated[int, Query(ge=1, le=1_000, description="How many at most.")]
_Offset = Annotated[int, Query(ge=0, le=2**31, description="How many of the newest to leave out.")]


@router.get("", **described(Scope.READ, ListReply, versioned=False))
async def workflows(
    desk: Reading, condition: Condition | None = None, limit: _Limit = 100, offset: _Offset = 0
) -> Response:
    """List the workflows, newest first."""
    rows = [row for row in await desk.service.board() if condition in (None, row.condition)]
    names = Row.model_fields
    page = [
        Row(**{name: value for name, value in asdict(row).items() if name in names})
        for row in rows[offset : offset + limit]
    ]
    return reply(ListReply(total=len(rows), workflows=page))


@router.post("/{workflow_id}/chat", **described(Scope.OPERATE, SteerReply))
async def chat(workflow_id: Id, body: ChatBody, desk: Ordering) -> Response:
    """Say something to the role that is at work or waits. Words approve nothing, whatever they say."""
    answer = await desk.service.chat(workflow_id, body.text, by=desk.person, command_id=desk.command_id)
    return _steered(desk, answer)


@router.post("/{workflow_id}/pause", **described(Scope.OPERATE, SteerReply))
async def pause(workflow_id: Id, desk: Ordering, body: SteerBody | None = None) -> Response:
    """Let a workflow rest until it is resumed."""
    body = body or SteerBody()
    return await _steer(desk, workflow_id, body, desk.service.pause, reason=body.reason)


@router.post("/{workflow_id}/resume", **described(Scope.OPERATE, SteerReply))
async def resume(workflow_id: Id, desk: Ordering, body: SteerBody | None = None) -> Response:
    """Let a paused, failed or waiting workflow go on in its phase. It gives no approval."""
    body = body or SteerBody()
    return await _steer(desk, workflow_id, body, desk.service.resume, reason=body.reason)


@router.post("/{workflow_id}/cancel", **described(Scope.OPERATE, SteerReply))
async def cancel(workflow_id: Id, desk: Ordering, body: SteerBody | None = None) -> Response:
    """End a workflow for good, unfinished. Its checkpoints stay."""
    body = body or SteerBody()
    return await _steer(desk, workflow_id, body, desk.service.cancel, reason=body.reason)


@router.post("/{workflow_id}/fork", **described(Scope.OPERATE, ForkReply))
async def fork(workflow_id: Id, body: ForkBody, desk: Ordering) -> Response:
    """Begin a new workflow from any event of this one, which stays as it is. It gives no approval.

    What counts of the evidence is checked again by digest; a release has to be approved anew.
    """
    answer = await desk.service.fork_workflow(
        workflow_id, by=desk.person, seq=body.at, request=body.request, command_id=desk.command_id
    )
    view = granted(answer, desk)
    told = ForkReply(
        workflow_id=view.workflow_id,
        build_id=view.build_id,
        initial_state=view.state,
        status=standing(view),
        current_role=view.role,
        next_role=view.next_role,
        instructions=instructions(view),
        parent_workflow_id=view.parent,
        parent_build_id=view.parent_build_id,
        parent_event=view.parent_event,
    )
    return reply(told, view, repeated=answer.repeated)


@router.get("/{workflow_id}/asks", **described(Scope.READ, AsksReply))
async def asks(workflow_id: Id, desk: Reading) -> Response:
    """List what the gates ask a person, each with the key that answers it."""
    view = await desk.service.get_workflow_status(workflow_id)
    found = await desk.service.asks(view.workflow_id)
    questions = [Question(**ask.to_data()) for ask in found]
    return reply(AsksReply(workflow_id=view.workflow_id, asks=questions), view)


@router.post("/{workflow_id}/accept", **described(Scope.APPROVE, SteerReply))
async def accept(workflow_id: Id, body: AcceptBody, desk: Ordering) -> Response:
    """Say yes or no to one thing that a gate asks about, as the person who minted the token."""
    words = {"key": body.key, "reason": body.reason, "accept": body.accept, "standing": body.standing}
    return await _steer(desk, workflow_id, body, desk.service.accept_finding, **words)


@router.post("/{workflow_id}/override", **described(Scope.APPROVE, SteerReply))
async def override(workflow_id: Id, body: OverrideBody, desk: Ordering) -> Response:
    """Let red evidence count as it is. It stays on the card and in the record for good."""
    words = {"evidence": body.evidence, "reason": body.reason, "digest": body.digest}
    return await _steer(desk, workflow_id, body, desk.service.override_gate, **words)


@router.post("/{workflow_id}/deadlines", **described(Scope.APPROVE, SteerReply))
async def deadlines(workflow_id: Id, body: DeadlineBody, desk: Ordering) -> Response:
    """Change how long a workflow or its phases may take. Only a person may, and it stays on record."""
    limits = body.deadlines.model_dump(exclude_unset=True)
    return await _steer(desk, workflow_id, body, desk.service.set_deadlines, limits=limits)


async def _steer(
    desk: Desk,
    workflow_id: str,
    body: SteerBody | AcceptBody | OverrideBody | DeadlineBody,
    give: Callable[..., Awaitable[Answer]],
    **words: Any,
) -> Response:
    """Give an order about what is there now, or about the version that the caller has seen."""
    seen = await desk.service.get_workflow_status(workflow_id)
    version = seen.version if body.expected_version is None else body.expected_version
    answer = await give(
        seen.workflow_id, by=desk.person, expected_version=version, command_id=desk.command_id, **words
    )
    return _steered(desk, answer)


def _steered(desk: Desk, answer: Answer) -> Response:
    view = granted(answer, desk)
    told = SteerReply(
        workflow_id=view.workflow_id,
        build_id=view.build_id,
        current_state=view.state,
        status=standing(view),
        version=view.version,
        text=answer.text,
    )
    return reply(told, view, repeated=answer.repeated)
