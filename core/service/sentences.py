"""What happened, in words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.durations import duration
from core.machine.events import Event, EventType
from core.machine.states import FINAL, STATES, Condition, Role, State, state_title
from core.machine.transitions import Order
from core.machine.workflow import Verdict, Workflow

_ROLES = {
    Role.Q_ASSISTANT: "Q Assistant",
    Role.CODE_WRITER: "Code Writer",
    Role.TEST_AUDITOR: "Test Auditor",
    Role.VERIFICATION_OVERSEER: "Verification Overseer",
    Role.RELEASE_MANAGER: "Release Manager",
}


def role_title(role: Role | str) -> str:
    """Return how people call the role."""
    return _ROLES.get(Role(role), str(role)) if role in _ROLES else str(role)


def who(triggered_by: str) -> str:
    """Return who stands behind an event: "the Code Writer", "ada", "policy (auto)", "the engine"."""
    kind, _, name = triggered_by.partition(":")
    match kind:
        case "role":
            return f"the {role_title(name)}"
        case "policy":
            return f"policy ({name})"
        case "engine":
            return "the engine"
    return name or kind


def event_text(event_type: EventType, data: Mapping[str, Any], triggered_by: str) -> str:
    """Return one line on one event."""
    by, where = who(triggered_by), _where(data)
    match event_type:
        case EventType.STARTED if fork := data.get("fork"):
            begun = f"{by} forked {data['build_id']} from {fork['build_id']} at event {fork['seq']}"
            return f"{begun}: {data['title']}"
        case EventType.STARTED:
            return f"{by} started {data['build_id']}: {data['title']}"
        case EventType.MOVED:
            return _moved_text(data, by)
        case EventType.APPROVED:
            how = "approved by policy" if data["approved_by"] == "auto" else f"{by} approved"
            return f"{how}: {data['subject']}{_because(data.get('reason', ''))}"
        case EventType.ACCEPTED:
            return _accepted_text(data, by)
        case EventType.EVIDENCE_RECORDED:
            return _evidence_text(data)
        case EventType.CHECKPOINT_RECORDED:
            by_hand = ", edited by hand: what rests on the files is stale" if data.get("by_hand") else ""
            return f"checkpoint {data['number']} in {where}{by_hand}"
        case EventType.ATTEMPT_BEGUN:
            return f"attempt {data['number']} of {where} began"
        case EventType.ATTEMPT_ENDED:
            tail = f": {data['summary']}" if data["summary"] else ""
            return f"attempt {data['number']} of {where} ended, {data['outcome']}{tail}"
        case EventType.CONDITION_CHANGED:
            return _condition_text(data, by)
        case EventType.SAID:
            return f"{by} spoke"
        case EventType.NOTED:
            return _note_text(data)


def _accepted_text(data: Mapping[str, Any], by: str) -> str:
    what = data.get("what") or data["key"]
    if data["verdict"] == Verdict.OVERRIDDEN.value:
        return f"{by} OVERRODE the gate of the {data['evidence']} ({what}){_because(data['reason'])}"
    place = ", for the whole project" if data.get("standing") else ""
    return f"{by} {data['verdict']}{place}: {what}{_because(data['reason'])}"


def _evidence_text(data: Mapping[str, Any]) -> str:
    """Say what was found; an approval that it still has was given before, to the very same digest."""
    by = str(data.get("approved_by", ""))
    yes = f", still approved by {'policy' if by == 'auto' else who(by)}" if by else ""
    return f"{data['kind']}: {'green' if data['ok'] else 'not green'}, {data['summary']}{yes}"


def _where(data: Mapping[str, Any]) -> str:
    """The state that an event is about, where it is about one."""
    return state_title(State(data["state"])) if data.get("state") in tuple(State) else ""


def _note_text(data: Mapping[str, Any]) -> str:
    where = _where(data)
    match data.get("kind"):
        case "landed" | "reverted" as kind:
            merge, branch = str(data.get("commit", ""))[:12], data.get("branch") or "the default branch"
            gone = f"the merge {merge} was taken back on {branch}"
            return f"merged into {branch} as {merge}" if kind == "landed" else gone
        case "kept_before_rollback":
            return f"the files of before are kept under {data.get('ref')}"
        case "phase_result":
            return f"{who(str(data.get('by', '')))} added words of their own to {where}"
        case "hidden_checks":
            count, why = data.get("count"), data.get("why")
            return f"hidden checks: {count} written{f' ({why})' if why else ''}"
        case "packet":
            return f"{where} handed in its result"
        case "pinned":
            return f"the build starts from {data['default_branch']} and is merged into it"
        case "granted":
            return str(data["text"])
        case "not_taken_over":
            return f"{data['evidence']} was not taken over: {data['why']}"
        case "budget":
            limit = data.get("budget_usd")
            amount = "lifted the budget" if limit is None else f"set the budget to ${limit:,.2f}"
            return f"{who(str(data.get('by', '')))} {amount}"
        case "deadline":
            return f"{who(str(data.get('by', '')))} {_limits_text(data.get('limits') or {})}"
        case "deadline_breached":
            return f"the deadline of the {data['deadline']} ran out ({duration(data['limit'])})"
    return f"note: {str(data.get('kind', '')).replace('_', ' ')}{_because(str(data.get('text', '')))}"


def _limits_text(limits: Mapping[str, Any]) -> str:
    """Say which deadlines were set, and which lifted."""
    told = [
        f"lifted the deadline of the {name}" if seconds is None else f"gave the {name} {duration(seconds)}"
        for name, seconds in limits.items()
    ]
    return " and ".join(told)


def _moved_text(data: Mapping[str, Any], by: str) -> str:
    source, target = State(data["from"]), State(data["to"])
    way = f"{state_title(source)} to {state_title(target)}"
    did = {
        "accept": f"accepted the handoff: {state_title(target)}",
        "refuse": f"refused the handoff: back to {state_title(target)}",
        "rollback": f"rolled back: {way}",
        "retry": f"sent back: {way}",
    }.get(data["kind"], f"moved: {way}")
    if receiver := STATES[target].receiver:
        did = f"handed over to the {role_title(receiver)}"
    return f"{by} {did} ({data['transition']}){_because(data['reason'])}"


def _condition_text(data: Mapping[str, Any], by: str) -> str:
    words = {
        Order.WAIT.value: "waits for " + waiting_text(data["waiting_for"]),
        Order.PAUSE.value: f"paused by {by}",
        Order.RESUME.value: f"resumed by {by}",
        Order.FAIL.value: "failed",
        Order.CANCEL.value: f"cancelled by {by}",
    }
    return f"{words[data['order']]}{_because(data['reason'])}"


def waiting_text(waiting_for: str) -> str:
    """Return what a waiting workflow waits for: "your approval of the plan"."""
    kind, _, subject = waiting_for.partition(":")
    match kind:
        case "approval":
            return f"your approval of the {subject}"
        case "answer":
            return "your answer"
        case "acceptance":
            return "your yes or no to what the gate asks"
        case "budget":
            return "more money, or another decision of yours"
        case "retries":
            return "your decision: the automatic steps back are used up"
    return "a person"


def _because(reason: str) -> str:
    reason = " ".join(reason.split())
    return f": {reason}" if reason else ""


def happened(events: Sequence[Event], workflow: Workflow) -> str:
    """Return a sentence on what a command did, for its answer."""
    lines = [event_text(e.event_type, e.data, e.triggered_by) for e in events]
    told = lines[-1]
    if len(events) > 1 and events[0].event_type is EventType.APPROVED:
        told = "; ".join(lines)
    end = ""
    if workflow.state is FINAL:
        end = " It is complete."
    elif workflow.condition is Condition.WAITING and events[-1].event_type is not EventType.CONDITION_CHANGED:
        end = f" It waits for {waiting_text(workflow.waiting_for)}."
    return f"{workflow.build_id}: {told.rstrip('.')}.{end}"
