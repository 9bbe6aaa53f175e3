"""The words and glyphs that screens show for states, roles, times and money. Pure; one word for one thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.board import BoardRow
from core.durations import duration as duration
from core.machine.states import (
    PHASES,
    STATES,
    WHOLE,
    Condition,
    Role,
    State,
    StateKind,
    actor_in,
    state_title,
)

ROLE_NAMES: dict[Role, str] = {
    Role.Q_ASSISTANT: "Q Assistant",
    Role.CODE_WRITER: "Code Writer",
    Role.TEST_AUDITOR: "Test Auditor",
    Role.VERIFICATION_OVERSEER: "Verification Overseer",
    Role.RELEASE_MANAGER: "Release Manager",
}
SHORT_ROLES: dict[Role, str] = {
    **ROLE_NAMES,
    Role.VERIFICATION_OVERSEER: "Overseer",
    Role.RELEASE_MANAGER: "Releaser",
}
SHORT_PHASES: dict[State, str] = {
    State.DISCOVERY: "discovery",
    State.PLANNING: "planning",
    State.IMPLEMENTATION: "implement",
    State.TESTING: "testing",
    State.VERIFICATION: "verify",
    State.DEPLOYMENT: "deploy",
}

WAITS: dict[str, str] = {
    "approval:requirement": "approve the requirement",
    "approval:plan": "approve the plan",
    "approval:review": "approve the review",
    "approval:release": "approve the release",
    "answer": "answer a question",
    "acceptance": "accept or decline findings",
    "budget": "the money is spent: decide how to go on",
    "retries": "no automatic step back is left: decide how to go on",
    "person": "decide how to go on",
}
SHORT_WAITS: dict[str, str] = {
    "approval:requirement": "approve criteria",
    "approval:plan": "approve the plan",
    "approval:review": "approve review",
    "approval:release": "approve release",
    "acceptance": "answer findings",
    "answer": "answer a question",
    "budget": "money is spent",
    "retries": "no retries left",
    "person": "decide what next",
}
"""The same where there are 17 cells for it, beside a glyph that says who is needed."""

TOKEN_MAY: dict[str, str] = {
    "read": "look at every build of this journal",
    "operate": "start, steer and speak, and move builds as their roles; it approves nothing",
    "approve": "do all that you can, approvals and rollbacks included, IN YOUR NAME",
}
"""What whoever holds a token of a scope may do."""

NEED, RUN, OK, BAD, STALE, FUTURE, PAUSED, CANCELLED = "◆", "◉", "●", "✗", "◌", "○", "‖", "⊘"
"""The glyphs of a phase: needs you, at work, done, failed, stale, to come, paused, cancelled."""


FORK = "↳"
"""Stands before the build that another one is a fork of."""


def author_name(author: str) -> str:
    """Return how an author of a message or event is called: a role's name, "you" for a person."""
    kind, _, name = author.partition(":")
    if kind == "person":
        return name or "you"
    word = name if kind in {"role", "policy", "engine"} and name else author
    try:
        return ROLE_NAMES[Role(word)]
    except ValueError:
        return word.replace("_", " ") if kind != "policy" else f"policy ({word})"


def waits_for(waiting_for: str, short: bool = False) -> str:
    """Return what a waiting workflow needs from the user, as an order to them."""
    return (SHORT_WAITS if short else WAITS).get(waiting_for) or waits_for("person", short)


def state_word(state: State, short: bool = False) -> str:
    """Return the name of a state: phases by their own, handoffs by who receives."""
    info = STATES[state]
    if info.kind is StateKind.HANDOFF and info.receiver:
        return f"→ {(SHORT_ROLES if short else ROLE_NAMES)[info.receiver]}"
    return state.value


def beginning(state: State) -> str:
    """Return how a build that begins in `state` begins, for the middle of a sentence."""
    return f"in {state.value}" if state in PHASES else f"with {state_title(state)},"


def phase_number(state: State) -> int:
    """Return the index of the phase in the track, for phases only."""
    return PHASES.index(state)


def needs_you(row: BoardRow) -> bool:
    """Say whether a person has to do something for this workflow to go on."""
    return row.condition in (Condition.WAITING, Condition.FAILED)


def actor_name(state: str) -> str:
    """Return the short name of the role that acts in `state`."""
    return SHORT_ROLES[actor_in(State(state))]


def deed(activity: str, state: str) -> str:
    """Return what happens without the name of the role, where that stands beside it already."""
    role = actor_in(State(state))
    for name in (ROLE_NAMES[role], SHORT_ROLES[role]):
        if activity.startswith(f"{name} "):
            return activity[len(name) + 1 :]
    return activity


def money(usd: float) -> str:
    """Return an amount of US dollars; tenths of a cent where cents would hide it."""
    if 0 < usd < 0.01:
        return f"${usd:.3f}" if usd >= 0.001 else "<$0.001"
    return f"${usd:,.2f}"


def spent(cost: float, budget: float | None) -> str:
    """Return the cost, of the budget where there is one."""
    return f"{money(cost)} of {money(budget)}" if budget else money(cost)


def countdown(now: float, due_at: float | None, due_left: float | None) -> str:
    """Return how long a deadline has: "2h10m left", "4m00s over", "40m00s left, stands still", or nothing."""
    if due_at is not None:
        left = due_at - now
        return f"{duration(left)} left" if left >= 0 else f"{duration(-left)} over"
    if due_left is None:
        return ""
    return f"{duration(due_left)} left, stands still" if due_left >= 0 else f"{duration(-due_left)} over"


def due_of(due_for: str) -> str:
    """Return whose deadline it is: nothing for the workflow as a whole, else the phase."""
    return "" if due_for in ("", WHOLE) else due_for


def age(seconds: float) -> str:
    """Return how long ago something was, in one unit."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def ages(times: Iterable[datetime], now: float) -> tuple[str, ...]:
    """Return how long ago each of these was, as it is shown."""
    return tuple(age(now - at.timestamp()) for at in times)


def due(row: BoardRow, now: float) -> tuple[str, str]:
    """Return what is left of a row's deadline, and its ink; nothing where there is none."""
    if row.completed_at is not None or not now or row.condition == Condition.CANCELLED:
        return "", ""
    if row.due_at is not None:
        left = row.due_at - now
        if left <= 0:
            return f"{BAD} late {age(-left)}", "bad bold"
        return f"due {age(left)}", "need" if left < 600 else "muted"
    if row.due_left is not None:
        return f"{PAUSED} due {age(row.due_left)}", "muted"
    return (f"{BAD} was late", "bad") if row.breached else ("", "")


def either(names: Iterable[str]) -> str:
    """Return names to choose from as people list them: a, b or c."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def plural(count: int, noun: str) -> str:
    """Return "1 file", "2 files"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listing(names: Sequence[str]) -> str:
    """Return "plan, code and tests"."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def bulk(text: str) -> str:
    """Return how much a text is: "1.0 MB"."""
    return bulk_of(len(text.encode(errors="replace")))


def bulk_of(count: int) -> str:
    """Return a number of bytes in words: "1.0 MB"."""
    if count < 1_000:
        return f"{count} B"
    return f"{count / 1_000:.0f} KB" if count < 999_500 else f"{count / 1_000_000:.1f} MB"


def digest(value: str, size: int = 8) -> str:
    """Return the first characters of a digest, enough to tell it from others."""
    return value[:size] if value else "-"
