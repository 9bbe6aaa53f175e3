"""Everything that goes wrong, in one shape of JSON and with the right status.

`{code, what, hint, why_not}`; `why_not` is `{reason, missing, path, lines}` where the machine refused, else
null. No traceback and no library's own words reach a caller.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from core.errors import JournalError, QdeckError, UnknownError
from core.machine.refusal import Refusal
from core.text import clean

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_LONGEST = 500
_TOLD = 5
"""How many wrong fields one answer names."""

log = logging.getLogger(__name__)


class Fault(Exception):
    """A request that is answered with less than it asked for."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        what: str,
        hint: str = "",
        *,
        refusal: Refusal | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(what)
        self.status, self.code, self.what, self.hint = status, code, what, hint
        self.refusal, self.headers = refusal, dict(headers or {})

    @classmethod
    def refused(cls, refusal: Refusal) -> Fault:
        """The machine said no; the caller is told what would make it possible."""
        return cls(HTTPStatus.CONFLICT, refusal.reason.value, refusal.text, refusal.hint, refusal=refusal)


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return data as a JSON response, ASCII only: half of a surrogate pair in old data breaks no answer."""
    return Response(
        json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":")),
        status_code=status,
        headers={**_HEADERS, **(headers or {})},
        media_type="application/json",
    )


def fault_response(fault: Fault) -> Response:
    """Return a fault as what the caller gets."""
    told = fault.refusal.to_data() if fault.refusal else None
    why_not = (
        {"reason": told["reason"], "missing": told["missing"], "path": told["path"], "lines": told["why_not"]}
        if told
        else None
    )
    what = clean(fault.what, lines=False, limit=_LONGEST)
    hint = clean(fault.hint, lines=False, limit=_LONGEST)
    data = {"code": fault.code, "what": what, "hint": hint, "why_not": why_not}
    return json_response(data, fault.status, fault.headers)


def install(app: FastAPI) -> None:
    """Let every kind of exception be answered in our shape."""

    @app.exception_handler(Fault)
    async def fault(request: Request, error: Fault) -> Response:
        return fault_response(error)

    @app.exception_handler(QdeckError)
    async def ours(request: Request, error: QdeckError) -> Response:
        return fault_response(_of_ours(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        what = "; ".join(_complaint(e) for e in error.errors()[:_TOLD])
        hint = "See /docs for what is expected."
        return fault_response(Fault(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", f"{what}.", hint))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        return fault_response(_of_http(request, error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        what = f"Something went wrong that qdeck did not expect: {type(error).__name__}."
        hint = "What the journal holds is safe. The server's log has the details."
        return fault_response(Fault(HTTPStatus.INTERNAL_SERVER_ERROR, "unexpected", what, hint))


def _of_ours(error: QdeckError) -> Fault:
    match error:
        case UnknownError():
            return Fault(HTTPStatus.NOT_FOUND, "unknown", error.what, error.hint)
        case JournalError():
            # The text may name a file; it holds no password.
            return Fault(HTTPStatus.SERVICE_UNAVAILABLE, "journal", error.what, error.hint)
    return Fault(HTTPStatus.CONFLICT, "refused", error.what, error.hint)


def _of_http(request: Request, error: HTTPException) -> Fault:
    match error.status_code:
        case 404:
            what, hint = f"There is nothing at {request.url.path}.", "See /docs for what there is."
            return Fault(HTTPStatus.NOT_FOUND, "unknown", what, hint)
        case 405:
            what = f"{request.method} is not possible at {request.url.path}."
            fault = Fault(HTTPStatus.METHOD_NOT_ALLOWED, "not_allowed", what, "See /docs for what is.")
        case _:
            fault = Fault(HTTPStatus(error.status_code), "refused", f"{error.detail}")
    fault.headers = dict(error.headers or {})
    return fault


def _complaint(error: Mapping[str, Any]) -> str:
    """One wrong field in words: "completed_state: Input should be …"."""
    place: Sequence[Any] = error.get("loc") or ()
    name = ".".join(str(part) for part in place[1:]) or str(place[0] if place else "request")
    return f"{name}: {str(error.get('msg', 'not valid')).rstrip('.')}"
