"""The one door through which every face commands and asks.

`core.service.views` holds what the service answers and imports no database; the service itself is imported on
first use, because SQLModel costs half a second that a first frame cannot spare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.service.service import OrchestrationService as OrchestrationService

__all__ = ["OrchestrationService"]


def __getattr__(name: str) -> Any:
    if name == "OrchestrationService":
        from core.service.service import OrchestrationService

        return OrchestrationService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
