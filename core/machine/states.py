"""The words of the machine: states, conditions, roles, evidence, autonomy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a workflow stands: six work phases, four handoffs, complete."""

    DISCOVERY = "discovery"
    PLANNING = "planning"
    HANDOFF_TO_CODER = "handoff_to_coder"
    IMPLEMENTATION = "implementation"
    HANDOFF_TO_TESTER = "handoff_to_tester"
    TESTING = "testing"
    HANDOFF_TO_VERIFIER = "handoff_to_verifier"
    VERIFICATION = "verification"
    HANDOFF_TO_RELEASER = "handoff_to_releaser"
    DEPLOYMENT = "deployment"
    COMPLETE = "complete"


class Role(StrEnum):
    """The five who carry a build."""

    Q_ASSISTANT = "q_assistant"
    CODE_WRITER = "code_writer"
    TEST_AUDITOR = "test_auditor"
    VERIFICATION_OVERSEER = "verification_overseer"
    RELEASE_MANAGER = "release_manager"


ROLE_TITLES: dict[Role, str] = {
    Role.Q_ASSISTANT: "Q Assistant",
    Role.CODE_WRITER: "Code Writer",
    Role.TEST_AUDITOR: "Test Auditor",
    Role.VERIFICATION_OVERSEER: "Verification Overseer",
    Role.RELEASE_MANAGER: "Release Manager",
}
"""How people call the roles."""


class StateKind(StrEnum):
    """What sort of state it is."""

    WORK = "work"
    HANDOFF = "handoff"
    FINAL = "final"


class Condition(StrEnum):
    """Orthogonal to the state: a failure never loses its phase."""

    ACTIVE = "active"
    WAITING = "waiting"
    PAUSED = "paused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EvidenceKind(StrEnum):
    """What opens gates, one piece for each phase."""

    REQUIREMENT = "requirement"
    PLAN = "plan"
    CODE = "code"
    TESTS = "tests"
    REVIEW = "review"
    SMOKE = "smoke"


EVIDENCE_TITLES: dict[EvidenceKind, str] = {
    **{kind: kind.value for kind in EvidenceKind},
    EvidenceKind.SMOKE: "smoke test",
}
"""How people call the evidence."""


class Autonomy(StrEnum):
    """How much moves without a person."""

    MANUAL = "manual"
    GATED = "gated"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class StateInfo:
    """What the table says of one state. `receiver` is set for handoffs only."""

    state: State
    rank: int
    kind: StateKind
    owner: Role
    receiver: Role | None
    description: str


def _rows() -> tuple[StateInfo, ...]:
    work, handoff = StateKind.WORK, StateKind.HANDOFF
    return (
        StateInfo(
            State.DISCOVERY,
            0,
            work,
            Role.Q_ASSISTANT,
            None,
            "The Q Assistant finds out what is wanted and writes numbered acceptance criteria.",
        ),
        StateInfo(
            State.PLANNING,
            1,
            work,
            Role.Q_ASSISTANT,
            None,
            "The Q Assistant plans the work and names a proof for every criterion.",
        ),
        StateInfo(
            State.HANDOFF_TO_CODER,
            2,
            handoff,
            Role.Q_ASSISTANT,
            Role.CODE_WRITER,
            "The plan is offered to the Code Writer, who accepts or refuses it.",
        ),
        StateInfo(
            State.IMPLEMENTATION,
            3,
            work,
            Role.CODE_WRITER,
            None,
            "The Code Writer changes the code in the workflow's own worktree.",
        ),
        StateInfo(
            State.HANDOFF_TO_TESTER,
            4,
            handoff,
            Role.CODE_WRITER,
            Role.TEST_AUDITOR,
            "The code is offered to the Test Auditor, who accepts or refuses it.",
        ),
        StateInfo(
            State.TESTING,
            5,
            work,
            Role.TEST_AUDITOR,
            None,
            "The engine runs the tests; the Test Auditor judges them and may add more.",
        ),
        StateInfo(
            State.HANDOFF_TO_VERIFIER,
            6,
            handoff,
            Role.TEST_AUDITOR,
            Role.VERIFICATION_OVERSEER,
            "The tested code is offered to the Verification Overseer, who accepts or refuses it.",
        ),
        StateInfo(
            State.VERIFICATION,
            7,
            work,
            Role.VERIFICATION_OVERSEER,
            None,
            "The engine runs the scanners; the Verification Overseer checks quality and security.",
        ),
        StateInfo(
            State.HANDOFF_TO_RELEASER,
            8,
            handoff,
            Role.VERIFICATION_OVERSEER,
            Role.RELEASE_MANAGER,
            "The reviewed code is offered to the Release Manager, who accepts or refuses it.",
        ),
        StateInfo(
            State.DEPLOYMENT,
            9,
            work,
            Role.RELEASE_MANAGER,
            None,
            "The Release Manager merges, deploys and smoke-tests exactly what was approved.",
        ),
        StateInfo(
            State.COMPLETE,
            10,
            StateKind.FINAL,
            Role.RELEASE_MANAGER,
            None,
            "The build is live, with every piece of evidence current for what was shipped.",
        ),
    )


STATES: dict[State, StateInfo] = {row.state: row for row in _rows()}
PHASES: tuple[State, ...] = tuple(s for s, row in STATES.items() if row.kind is StateKind.WORK)
"""The six work states, in order."""

PHASE_EVIDENCE: dict[State, EvidenceKind] = dict(zip(PHASES, EvidenceKind, strict=True))
"""The evidence that each phase makes."""

WHOLE = "workflow"
"""The name of the deadline of the workflow as a whole; the others are called as their phase."""
DEADLINES: tuple[str, ...] = (WHOLE, *(phase.value for phase in PHASES))

INITIAL = State.DISCOVERY
FINAL = State.COMPLETE


def actor_in(state: State) -> Role:
    """Return the role that acts in `state`: the receiver of a handoff, else the owner."""
    info = STATES[state]
    return info.receiver or info.owner


def state_title(state: State) -> str:
    """Return how people call a state in a sentence: by its phase, or whom is handed over to.

    A name such as `handoff_to_tester` is for programs; screens put an arrow before the receiver.
    """
    receiver = STATES[state].receiver
    return state.value if receiver is None else f"the handoff to the {ROLE_TITLES[receiver]}"


def phase_of(state: State) -> State:
    """Return the work phase that `state` belongs to: a handoff counts to the phase that made its packet."""
    rank = STATES[state].rank
    return max((p for p in PHASES if STATES[p].rank <= rank), key=lambda p: STATES[p].rank)
