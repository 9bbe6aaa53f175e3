"""What happened, as plain data. The journal keeps these; everything else is derived from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.machine.commands import Command


class EventType(StrEnum):
    """Every kind of event that a history can hold."""

    STARTED = "started"
    MOVED = "moved"
    APPROVED = "approved"
    ACCEPTED = "accepted"
    EVIDENCE_RECORDED = "evidence_recorded"
    CHECKPOINT_RECORDED = "checkpoint_recorded"
    ATTEMPT_BEGUN = "attempt_begun"
    ATTEMPT_ENDED = "attempt_ended"
    CONDITION_CHANGED = "condition_changed"
    SAID = "said"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a workflow.

    `data` is JSON; `triggered_by` is "role:…", "person:…", "policy:…" or "engine:…"; `at` is aware UTC.
    """

    event_type: EventType
    workflow_id: str
    at: datetime
    triggered_by: str
    data: Mapping[str, Any] = field(default_factory=dict)


def event_of(command: Command, event_type: EventType, data: Mapping[str, Any]) -> Event:
    """Return the event that `command` causes, with its time and who stands behind it."""
    return Event(event_type, command.workflow_id, command.at, str(command.by), data)
