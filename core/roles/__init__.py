"""The five roles: their prompts, their packets, their tools and the turn loop.

A role knows no journal and moves no workflow. `work(context)` plays one attempt and returns an `Outcome`;
the engine decides what comes of it.
"""

from __future__ import annotations

from core.roles.context import Desk, Earlier, EngineReport, RoleContext, Said, TurnLimits, accept_all
from core.roles.outcomes import Accept, Ask, Back, Failed, Outcome, Stopped, Submit
from core.roles.packets import (
    PACKETS,
    BadPacket,
    CodeHandoff,
    Packet,
    Plan,
    ReleaseNotes,
    Requirement,
    ReviewReport,
    TestReport,
    read_packet,
)
from core.roles.prompts import TITLES, copy_faults, prompt_digest, system_prompt
from core.roles.work import work

__all__ = [
    "PACKETS",
    "TITLES",
    "Accept",
    "Ask",
    "Back",
    "BadPacket",
    "CodeHandoff",
    "Desk",
    "Earlier",
    "EngineReport",
    "Failed",
    "Outcome",
    "Packet",
    "Plan",
    "ReleaseNotes",
    "Requirement",
    "ReviewReport",
    "RoleContext",
    "Said",
    "Stopped",
    "Submit",
    "TestReport",
    "TurnLimits",
    "accept_all",
    "copy_faults",
    "prompt_digest",
    "read_packet",
    "system_prompt",
    "work",
]
