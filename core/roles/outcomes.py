"""How one attempt of a role can end. The engine, not the role, turns an outcome into a move."""

from __future__ import annotations

from dataclasses import dataclass

from core.machine.states import State
from core.machine.transitions import Kind
from core.roles.packets import Packet


@dataclass(frozen=True, slots=True)
class Submit:
    """The role hands its packet on; the gate still decides."""

    packet: Packet
    summary: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The role cannot go on without a person's answer."""

    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Back:
    """The role sends the work back: a retry out of a phase, a refusal out of a handoff."""

    kind: Kind
    target: State
    reason: str


@dataclass(frozen=True, slots=True)
class Accept:
    """The receiver takes the packet."""

    notes: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person stopped the turn."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt came to no result. `fault` is a `ModelFault` value, or the limit that was reached: "steps",
    "cost", "seconds", "format", "repetition", "sandbox"."""

    reason: str
    retryable: bool
    fault: str


Outcome = Submit | Ask | Back | Accept | Stopped | Failed
