"""What all answers of the service share: frozen values that turn into JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any


def plain(value: Any) -> Any:
    """Return `value` as JSON data: enums by value, times in ISO 8601, durations in seconds."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    return value


class View:
    """What all views share."""

    __slots__ = ()

    def to_data(self) -> dict[str, Any]:
        """Return the view as JSON data, with the names of its fields as keys."""
        data: dict[str, Any] = plain(self)
        return data
