"""A person's yes or no to one thing: what is asked, and who may answer.

Gates mark what may be accepted with a key; nobody but a person may accept it, and each thing by itself. A
role, the policy and the engine may not, whatever they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.machine.commands import ACCEPTANCE, Accept, AuthorityKind, Command, Override
from core.machine.events import Event, EventType, event_of
from core.machine.gates import is_red
from core.machine.permission import condition_word
from core.machine.refusal import Missing, Reason, Refusal
from core.machine.states import FINAL, Condition, EvidenceKind
from core.machine.transitions import Order
from core.machine.workflow import Acceptance, AttemptPhase, Verdict, Workflow

_WAKES = (ACCEPTANCE, "retries")
"""Waits that end by themselves once every question of the evidence is answered."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that a gate asks a person about.

    `key` names it for good, `kind` is the evidence that it keeps red, `standing` says that a yes may be given
    for the whole project, `strikes` that it is a hidden check, which is struck and not accepted. `answer` is
    what was said to it already.
    """

    key: str
    kind: EvidenceKind
    name: str
    text: str
    standing: bool = False
    strikes: bool = False
    answer: Acceptance | None = None


def asks_of(workflow: Workflow) -> tuple[Ask, ...]:
    """Return what the evidence asks a person now, answered or not, each once, in the order of the gates."""
    found: dict[str, Ask] = {}
    for kind, evidence in workflow.evidence.items():
        if not is_red(workflow, kind):
            continue
        for item in evidence.detail.get("failures", ()):
            if item.get("askable") and item.get("key"):
                found.setdefault(item["key"], _ask(workflow, kind, item))
    return tuple(found.values())


def open_asks(workflow: Workflow) -> tuple[Ask, ...]:
    """Return what nobody has answered yet."""
    return tuple(ask for ask in asks_of(workflow) if ask.answer is None)


def only_asks(workflow: Workflow, kind: EvidenceKind) -> bool:
    """Say whether the evidence is red, and by nothing but open questions to a person."""
    if not is_red(workflow, kind):
        return False
    failures = workflow.evidence[kind].detail.get("failures", ())
    unanswered = {ask.key for ask in open_asks(workflow)}
    return bool(failures) and all(f.get("askable") and f.get("key") in unanswered for f in failures)


def decide_accept(workflow: Workflow, command: Accept) -> list[Event] | Refusal:
    """Return the events of a person's yes or no to one thing."""
    if refusal := _why_not(workflow, command, command.reason, "accepts a finding"):
        return refusal
    ask = _known(workflow, command.key)
    if ask is None:
        keys = ", ".join(ask.key for ask in open_asks(workflow)[:5])
        return Refusal(
            Reason.NOT_READY,
            f"{workflow.build_id} asks nothing under the key {command.key[:80]!r}.",
            hint=f"It asks about {keys}." if keys else "Nothing is asked now.",
        )
    verdict = command.verdict
    if verdict is Verdict.OVERRIDDEN:
        return Refusal(Reason.NOT_POSSIBLE, "A single finding is accepted or declined; a gate is overridden.")
    if verdict is Verdict.ACCEPTED and ask.strikes:
        verdict = Verdict.STRUCK
    said = Acceptance(ask.key, verdict, str(command.by), command.reason, f"{ask.name}: {ask.text}"[:400])
    data = {**said.to_data(), "evidence": ask.kind.value, "standing": command.standing}
    after = replace(workflow, acceptances={**workflow.acceptances, said.key: said})
    return [event_of(command, EventType.ACCEPTED, data), *_woken(after, command, ask.kind)]


def decide_override(workflow: Workflow, command: Override) -> list[Event] | Refusal:
    """Return the events of a person's override of a red piece of evidence."""
    kind = command.evidence
    if refusal := _why_not(workflow, command, command.reason, "overrides a gate"):
        return refusal
    if kind is EvidenceKind.SMOKE:
        return Refusal(
            Reason.NOT_POSSIBLE,
            "What fails its smoke test was not merged, or was taken back; there is nothing to override.",
        )
    if not is_red(workflow, kind):
        return Refusal(
            Reason.NOT_READY,
            f"There is no red evidence of the {kind.value} to override.",
            (Missing(kind.value, "only what was collected and is red is overridden", workflow.actor.value),),
        )
    evidence = workflow.evidence[kind]
    if evidence.digest != command.digest:
        return Refusal(
            Reason.STALE,
            f"The {kind.value} evidence has changed since you looked. Nothing was overridden.",
            hint="Look again, then decide.",
        )
    keys = [str(item.get("key", "")) for item in evidence.detail.get("failures", ())]
    covers = {"evidence": kind.value, "rests_on": dict(evidence.rests_on), "keys": keys}
    key = f"gate:{kind.value}:{evidence.digest[:12]}"
    said = Acceptance(key, Verdict.OVERRIDDEN, str(command.by), command.reason, evidence.summary, covers)
    data = {**said.to_data(), "evidence": kind.value, "standing": False}
    after = replace(workflow, acceptances={**workflow.acceptances, said.key: said})
    return [event_of(command, EventType.ACCEPTED, data), *_woken(after, command, kind)]


def _why_not(workflow: Workflow, command: Command, reason: str, what: str) -> Refusal | None:
    if command.by.kind is not AuthorityKind.PERSON:
        return Refusal(Reason.NOT_YOURS, f"Only a person {what}; {command.by} may not.")
    if workflow.state is FINAL or workflow.condition is Condition.CANCELLED:
        return Refusal(Reason.NOT_POSSIBLE, f"{workflow.build_id} is {condition_word(workflow)}.")
    if not reason.strip():
        return Refusal(
            Reason.NOT_READY,
            "This needs a reason.",
            (Missing("reason", "none was given", str(command.by)),),
            hint="Say why; it stays in the record for good.",
        )
    return None


def _known(workflow: Workflow, key: str) -> Ask | None:
    """Return the ask of that key, also of one that was accepted before: a yes can be taken back."""
    for ask in asks_of(workflow):
        if ask.key == key:
            return ask
    for kind, evidence in workflow.evidence.items():
        # A hidden check that fails may be struck at once, also before anybody is asked about it.
        strikes = (item for item in evidence.detail.get("failures", ()) if item.get("strikes"))
        for item in (*evidence.detail.get("accepted", ()), *strikes):
            if item.get("key") == key:
                return _ask(workflow, kind, item)
    return None


def _ask(workflow: Workflow, kind: EvidenceKind, item: Mapping[str, Any]) -> Ask:
    key = str(item["key"])
    return Ask(
        key,
        kind,
        str(item.get("name", "")),
        str(item.get("text", "")),
        bool(item.get("standing")),
        bool(item.get("strikes")),
        workflow.acceptances.get(key),
    )


def _woken(workflow: Workflow, command: Command, kind: EvidenceKind) -> list[Event]:
    """Let the workflow go on once all is answered: the engine judges again, no role is asked.

    Only where something was declined the role gets another attempt, and is told.
    """
    if workflow.condition is not Condition.WAITING or workflow.waiting_for not in _WAKES:
        return []
    overridden = {
        EvidenceKind(said.covers["evidence"])
        for said in workflow.acceptances.values()
        if said.verdict is Verdict.OVERRIDDEN
    }
    if any(ask.kind not in overridden for ask in open_asks(workflow)):
        return []
    declined = any(
        ask.answer is not None and ask.answer.verdict is Verdict.DECLINED
        for ask in asks_of(workflow)
        if ask.kind not in overridden
    )
    ended = workflow.attempt_phase is AttemptPhase.ENDED
    data = {
        "order": Order.RESUME.value,
        "condition": Condition.ACTIVE.value,
        "reason": "a person has declined; the role tries again" if declined else "every question is answered",
        "waiting_for": "",
        "new_attempt": ended and (declined or workflow.waiting_for != ACCEPTANCE),
    }
    return [event_of(command, EventType.CONDITION_CHANGED, data)]
