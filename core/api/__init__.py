"""The HTTP face: seven endpoints and a few beside them, over the same service as every other face.

Needs the extra `qdeck[api]` (FastAPI, uvicorn). Nothing here decides: each request is turned into one order
or question for `core.service`, and the answer into JSON. What a caller may do is what the token's scope says:

- `read`: look;
- `operate`: start, steer and speak, and move a workflow as the role that is named, never as a person;
- `approve`: also approve and roll back, as the person who minted the token, whose name is recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.api.app import create_app as create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    if name == "create_app":
        from core.api.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
