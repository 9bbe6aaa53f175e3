"""From the service's answers to ours, and back from a refusal to a fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Response
from pydantic import BaseModel

from core.api.door import Desk, Guarded, needs
from core.api.faults import Fault, json_response
from core.api.shapes import FaultReply
from core.machine.states import Condition, State
from core.service.tokens import Scope
from core.service.views import Answer, EventView, WorkflowView, plain

Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="A workflow id or a build id.")]
ProjectId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="`qdeck projects` lists them.")
]

_VERSION = "Workflow-Version"
_READ = (400, 401, 403, 404, 405, 422, 500, 503)
_WRITTEN = (*_READ, 408, 409, 413, 415)
_VERSION_HEADER = {
    _VERSION: {"description": "What expected_version is compared with.", "schema": {"type": "integer"}}
}


def described(scope: Scope, shape: type[BaseModel], *, versioned: bool = True) -> dict[str, Any]:
    """Return what a route says of itself: its scope, its answer, and every way in which it can fail."""
    statuses = _READ if scope is Scope.READ else _WRITTEN
    responses: dict[int | str, dict[str, Any]] = {
        status: {"model": FaultReply, "description": HTTPStatus(status).phrase} for status in statuses
    }
    if versioned:
        responses[200] = {"headers": _VERSION_HEADER}
    return {"response_model": shape, "responses": responses, "openapi_extra": needs(scope)}


def reply(body: BaseModel, view: WorkflowView | None = None, *, repeated: bool = False) -> Response:
    """Return an answer; with its workflow's version where it is about one."""
    headers = {_VERSION: str(view.version)} if view else {}
    if repeated:
        headers["Idempotent-Replay"] = "true"
    return json_response(plain(body.model_dump()), headers=headers)


def granted(answer: Answer, desk: Desk) -> WorkflowView:
    """Return the workflow after an order that was carried out. Raises Fault for a refused one."""
    if answer.refusal is not None:
        raise Fault.refused(answer.refusal)
    view = answer.workflow
    if view is None:
        raise Fault(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected", answer.text)
    if view.condition is Condition.ACTIVE and view.state is not State.COMPLETE:
        desk.wake()
    return view


async def caused(desk: Desk, answer: Answer, workflow_id: str) -> Sequence[EventView]:
    """Return the events of an order, also of one that was carried out long ago."""
    seqs = answer.event_seqs
    if not seqs:
        return ()
    return await desk.service.get_workflow_history(
        workflow_id, limit=max(seqs) - min(seqs) + 1, after=min(seqs) - 1
    )


def moved_from(events: Sequence[EventView]) -> State | None:
    """Return the state that an order has left, None when it moved nothing."""
    found: Callable[[EventView], bool] = lambda event: event.event_type == "moved"  # noqa: E731
    return next((State(e.data["from"]) for e in events if found(e)), None)


__all__ = ["Guarded", "Id", "ProjectId", "caused", "described", "granted", "moved_from", "reply"]
