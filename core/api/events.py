"""What happens, as it happens: the journal of one workflow as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from core.api.answers import Guarded, Id, described
from core.api.door import Desk, Reading, bearer
from core.api.faults import json_response
from core.api.shapes import EventEntry, standing
from core.api.workflows import After, entry
from core.service.tokens import Scope, TokenRefused
from core.service.views import WorkflowView, plain

router = APIRouter(prefix="/api/workflows", route_class=Guarded, tags=["events"])

_POLL = 0.1
"""Seconds between looks at the counter of changes; a look takes microseconds."""
_TOKEN_EVERY = 5.0
_PING_EVERY = 15.0
_PAGE = 200

_Last = Annotated[
    Annotated[int, Field(ge=0, le=2**53)] | SkipJsonSchema[None],  # a header is never null, only missing
    Header(alias="Last-Event-ID", description="The number of the last event that arrived."),
]


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


def _description() -> dict[str, Any]:
    said = described(Scope.READ, EventEntry, versioned=False)
    said["responses"][200] = {
        "description": "The events of the journal: `id` the number, `event` the type, `data` as in history.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    said["responses"][204] = {"description": "The workflow is over, and everything was told."}
    # A response class with a type of its own would claim it for the faults too, which are JSON.
    return {**said, "response_model": None, "response_class": Response}


@router.get("/{workflow_id}/events", **_description())
async def events(
    request: Request, workflow_id: Id, desk: Reading, after: After = None, last_event_id: _Last = None
) -> Response:
    """Follow a workflow. A reader who comes back names the last event that arrived and misses nothing.

    The stream ends with the workflow, with the server, or when the token is revoked or expires.
    """
    view = await desk.service.get_workflow_status(workflow_id)
    behind = (last_event_id if last_event_id is not None else after) or 0
    if _over(view) and behind >= view.version:
        # An EventSource comes back for ever unless it is told this.
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_told(request, desk, view.workflow_id, behind), headers=headers)


def _over(view: WorkflowView) -> bool:
    return standing(view) in ("complete", "cancelled")


async def _told(request: Request, desk: Desk, workflow_id: str, behind: int) -> AsyncIterator[bytes]:
    token = bearer(request)
    checked = pinged = time.monotonic()
    while True:
        counter = desk.service.changed()
        page = await desk.service.get_workflow_history(workflow_id, limit=_PAGE, after=behind)
        for event in page:
            data = json_response(plain(entry(event).model_dump())).body
            yield f"id: {event.seq}\nevent: {event.event_type}\ndata: ".encode() + bytes(data) + b"\n\n"
            behind, pinged = event.seq, time.monotonic()
        if len(page) == _PAGE:
            continue
        view = await desk.service.get_workflow_status(workflow_id)
        if _over(view) and behind >= view.version:
            return
        while desk.service.changed() == counter:
            await asyncio.sleep(_POLL)
            if request.app.state.ending:
                return
            now = time.monotonic()
            if now - checked >= _TOKEN_EVERY:
                checked = now
                try:
                    await desk.service.tokens.check(token)
                except TokenRefused:
                    return
            if now - pinged >= _PING_EVERY:
                pinged = now
                yield b": still here\n\n"
