"""Who comes in and with what: the token first, then its scope, then the body's kind, size and form.

In this order on purpose: whoever has no token learns nothing, and makes the server read nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from core.api.faults import Fault
from core.api.strict import read_json
from core.config import Settings
from core.machine.commands import Authority
from core.service.service import OrchestrationService
from core.service.tokens import Scope, TokenRefused, TokenView

BODY_LIMIT = 1 << 20
"""Bytes of one request; a build's words fit a hundred times."""
_DRAINED = 16 * BODY_LIMIT
"""How much of a body that is too large is read and thrown away, so that its sender can read the answer."""
_BODY_SECONDS = 30.0
_SCOPE = "x-scope"
_SCHEME = "token"

Wake = Callable[[], None]
"""Makes sure that somebody carries out what was ordered."""


def needs(scope: Scope) -> dict[str, Any]:
    """Return what a route says of itself: the scope that it takes. `Guarded` enforces exactly this."""
    return {"security": [{_SCHEME: [scope.value]}], _SCOPE: scope.value}


def security_schemes() -> dict[str, Any]:
    """Return the description of our tokens for OpenAPI."""
    described = "`Authorization: Bearer qdeck_…`; a person mints one in the app or at a terminal."
    return {_SCHEME: {"type": "http", "scheme": "bearer", "description": described}}


class Guarded(APIRoute):
    """A route behind the door. One that names no scope cannot be made."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the door before it."""
        inner = super().get_route_handler()
        needed = Scope((self.openapi_extra or {})[_SCOPE])
        takes_body = self.body_field is not None

        async def handle(request: Request) -> Response:
            request.state.caller = await _admitted(request, needed)
            if takes_body:
                request = Request(request.scope, _replayed(await _body(request)))
            return await inner(request)

        return handle


async def _admitted(request: Request, needed: Scope) -> TokenView:
    service: OrchestrationService = request.app.state.service
    try:
        caller = await service.tokens.check(bearer(request))
    except TokenRefused as refused:
        raise _unauthorized(refused.what, refused.hint, "invalid_token") from None
    if not caller.scope.covers(needed):
        what = f"This takes a token of the scope {needed.value}; yours has {caller.scope.value}."
        raise Fault(
            HTTPStatus.FORBIDDEN,
            "forbidden",
            what,
            f"A person mints one in the app (f7), or at a terminal: `qdeck token new {needed.value}`.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed.value}"'},
        )
    return caller


def bearer(request: Request) -> str:
    """Return the token of the one place where a token may stand. Raises Fault."""
    given = request.headers.getlist("authorization")
    if not given:
        # An address ends up in logs, histories and referrers; a cookie is sent by pages that nobody asked.
        hint = "Send it as `Authorization: Bearer …`, never in the address, a cookie or the body."
        raise _unauthorized("This takes a token.", hint)
    scheme, _, token = given[0].strip().partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise _unauthorized("The Authorization header holds no bearer token.", "`Authorization: Bearer …`")
    return token.strip()


def _unauthorized(what: str, hint: str, error: str = "") -> Fault:
    told = 'Bearer realm="qdeck"' + (f', error="{error}"' if error else "")
    return Fault(HTTPStatus.UNAUTHORIZED, "unauthorized", what, hint, headers={"WWW-Authenticate": told})


async def _body(request: Request) -> bytes:
    """Return the body as JSON that can be kept, empty when there is none. Raises Fault."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            raw = await _bounded(request)
    except TimeoutError:
        what = f"The body did not arrive within {_BODY_SECONDS:.0f} seconds."
        raise Fault(HTTPStatus.REQUEST_TIMEOUT, "timeout", what, "Send it again.") from None
    except ClientDisconnect:
        raise Fault(HTTPStatus.BAD_REQUEST, "bad_json", "The body ended early.") from None
    return json.dumps(read_json(raw)).encode() if raw else b""


async def _bounded(request: Request) -> bytes:
    kind = request.headers.get("content-type", "")
    right = kind.partition(";")[0].strip().lower() == "application/json"
    raw, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _DRAINED:
            break
        if size <= BODY_LIMIT and right:
            raw += chunk
    if size > BODY_LIMIT:
        what = f"The body has more than {BODY_LIMIT:,} bytes."
        hint = "Put what is long into a file of the repository and name the file."
        raise Fault(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", what, hint)
    if size and not right:
        what = "The body is not announced as JSON."
        hint = "Send `Content-Type: application/json`."
        raise Fault(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", what, hint)
    return bytes(raw)


def _replayed(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


@dataclass(frozen=True, slots=True)
class Desk:
    """What an endpoint works with: the service, and who is asking.

    `command_id` makes a repetition of the request harmless, and says in the record by which token it came.
    """

    service: OrchestrationService
    settings: Settings
    caller: TokenView
    command_id: str
    wake: Wake

    @property
    def person(self) -> Authority:
        """The person in whose name the token speaks."""
        return Authority.person(self.caller.issued_to)

    @property
    def approves(self) -> bool:
        """Whether the token speaks as the person, approvals included."""
        return self.caller.scope.covers(Scope.APPROVE)


_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[A-Za-z0-9._:-]{1,100}$",
        description="An id of your own for this order: sent twice, it is done once and answered the same.",
    ),
]


async def _desk(request: Request, idempotency_key: _Key = None) -> Desk:
    state, caller = request.app.state, request.state.caller
    # With the token's id in it, nobody can repeat, or take beforehand, another caller's key.
    command_id = f"api:{caller.token_id}:{idempotency_key or uuid4().hex}"
    return Desk(state.service, state.settings, caller, command_id, state.wake)


async def _reader(request: Request) -> Desk:
    state = request.app.state
    return Desk(state.service, state.settings, request.state.caller, "", state.wake)


Ordering = Annotated[Desk, Depends(_desk)]
Reading = Annotated[Desk, Depends(_reader)]
