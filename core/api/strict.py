"""Reads a body of JSON, strictly: what Python's reader lets pass and a journal cannot hold ends here."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any, NoReturn

from core.api.faults import Fault

DEPTH = 64
"""How deep arrays and objects may lie in each other; nothing that means something lies deeper."""


def read_json(raw: bytes) -> Any:
    """Return what the bytes say. Raises Fault: 400 for what is no JSON, 422 for JSON that cannot be kept."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        what = "The body is not JSON in UTF-8."
        raise Fault(HTTPStatus.BAD_REQUEST, "bad_json", what, "Send one JSON object.") from None
    return storable(value)


def storable(value: Any, depth: int = 0) -> Any:
    """Return the value without what no database holds: NUL characters and halves of surrogate pairs."""
    if depth > DEPTH:
        raise _too_deep()
    match value:
        case str():
            return value.replace("\x00", "").encode("utf-8", "replace").decode()
        case list():
            return [storable(each, depth + 1) for each in value]
        case dict():
            return {storable(key): storable(each, depth + 1) for key, each in value.items()}
    return value


def _too_deep() -> Fault:
    what = f"The body lies more than {DEPTH} levels deep."
    return Fault(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", what, "Send flatter data.")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        what = "A number in the body is too large."
        raise Fault(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", what, "Send it as a string.")
    return number
