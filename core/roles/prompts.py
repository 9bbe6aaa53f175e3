"""Render a role's system prompt: its own words, and the protocol as the table and the packets have it.

The moves, the schema, the commands and the endpoints are generated, so that a prompt cannot promise what the
machine refuses. Nothing from outside gets in here: only ids, states and numbers of ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib import resources
from pathlib import Path

from core.machine.states import STATES, Role, State, StateKind
from core.machine.transitions import Kind, Transition
from core.roles.context import RoleContext
from core.roles.packets import PACKETS
from core.roles.phases import PLAYS
from core.roles.tools.base import schema
from core.roles.tools.results import legal_moves

PROTOCOL = "handoff_protocol"
TITLES: dict[Role, str] = {
    Role.Q_ASSISTANT: "Q Assistant",
    Role.CODE_WRITER: "Code Writer",
    Role.TEST_AUDITOR: "Test Auditor",
    Role.VERIFICATION_OVERSEER: "Verification Overseer",
    Role.RELEASE_MANAGER: "Release Manager",
}
"""The roles as people read them."""
PROMPT_NAMES = (*(role.value for role in Role), PROTOCOL)
"""Every prompt file: one for each role, and the protocol below all of them."""
LARGEST_PROMPT = 64_000
"""Bytes of a prompt file; it is paid for with every call."""

_TOKEN = re.compile(r"\{\{(\w+)\}\}")
_TOOL: dict[Kind, str] = {
    Kind.ACCEPT: "accept_handoff",
    Kind.REFUSE: "refuse_handoff",
    Kind.RETRY: "request_retry",
}
_FORWARD = {Kind.ADVANCE, Kind.ACCEPT}


def system_prompt(context: RoleContext) -> str:
    """Return the system prompt of the role in this state and attempt."""
    words = for_state(prompt_text(context.role.value, context.prompt_folder), context.state)
    values = {
        "workflow_id": context.workflow.workflow_id,
        "build_id": context.workflow.build_id,
        "state": context.state.value,
        "attempt": str(context.attempt),
        "description": STATES[context.state].description,
        "tools": ", ".join(f"`{tool.name}`" for tool in PLAYS[context.state].tools(context)),
        "moves": moves_section(context.state, context.role, context.workflow.workflow_id),
        "packet": packet_section(context.state),
    }
    return f"{words.strip()}\n\n{_filled(prompt_text(PROTOCOL, context.prompt_folder), values).strip()}\n"


def prompt_digest(prompt: str) -> str:
    """Return the sha256 under which a prompt is kept with each model call."""
    return hashlib.sha256(prompt.encode()).hexdigest()


def prompt_text(name: str, folder: Path | None) -> str:
    """Return a prompt file: the user's own copy in `folder` if there is a usable one, else the shipped one.

    A copy that cannot be used is no reason to stand still; `copy_faults` says what is wrong with it.
    """
    own = own_copy(name, folder)
    return shipped_prompt(name) if own is None or copy_fault(name, folder) else own.read_text("utf-8")


def shipped_prompt(name: str) -> str:
    """Return the prompt as it comes with qdeck."""
    return resources.files("prompts").joinpath(f"{name}.md").read_text("utf-8")


def own_copy(name: str, folder: Path | None) -> Path | None:
    """Return the user's own copy, if there is one."""
    own = folder / f"{name}.md" if folder is not None else None
    return own if own is not None and own.is_file() else None


def copy_fault(name: str, folder: Path | None) -> str:
    """Return why the user's own copy cannot be used, in a sentence; empty when it can, or there is none."""
    own = own_copy(name, folder)
    if own is None:
        return ""
    try:
        if own.stat().st_size > LARGEST_PROMPT:
            return f"It is larger than {LARGEST_PROMPT // 1000} kB."
        text = own.read_text("utf-8")
    except OSError as error:
        return f"It cannot be read: {error.strerror}."
    except UnicodeDecodeError:
        return "It is no UTF-8 text."
    if not text.strip():
        return "It is empty."
    tokens, wanted = set(_TOKEN.findall(text)), set(_TOKEN.findall(shipped_prompt(name)))
    missing, unknown = sorted(wanted - tokens), sorted(tokens - wanted)
    told = [f"{{{{{token}}}}} is missing" for token in missing]
    told += [f"{{{{{token}}}}} is nothing that is filled in" for token in unknown]
    return f"{'; '.join(told)}." if told else ""


def copy_faults(folder: Path) -> list[str]:
    """Return what is wrong with the user's copies, a sentence each; those copies are not used."""
    found = []
    for name in PROMPT_NAMES:
        if fault := copy_fault(name, folder):
            found.append(
                f"Your prompt {folder / f'{name}.md'} is not used, the shipped one is instead: {fault} "
                "Mend it, or remove it."
            )
    return found


def for_state(text: str, state: State) -> str:
    """Leave out the `## state` sections of other states; `## handoff` is for the handoffs."""
    own = "handoff" if STATES[state].kind is StateKind.HANDOFF else state.value
    named = {"handoff", *(other.value for other in State)}
    head, *sections = re.split(r"(?m)^(?=## )", text)
    kept = [section for section in sections if _heading(section) not in named - {own}]
    return head + "".join(kept)


def _heading(section: str) -> str:
    return section.partition("\n")[0].removeprefix("## ").strip().lower()


def _filled(template: str, values: dict[str, str]) -> str:
    return _TOKEN.sub(lambda match: values[match[1]], template)


def moves_section(state: State, role: Role, workflow_id: str) -> str:
    """Return the moves that the role may order from `state`, one line each."""
    return "\n".join(_move(move, workflow_id) for move in legal_moves(state, role))


def _move(move: Transition, workflow_id: str) -> str:
    tool = _TOOL.get(move.kind) or PLAYS[move.source].submits
    needs = f" It needs current: {', '.join(kind.value for kind in move.needs)}." if move.needs else ""
    return (
        f"- {move.id} {move.kind.value}: {move.source.value} → {move.target.value}. Tool `{tool}`; "
        f"command `{command(move, workflow_id)}`; endpoint `{endpoint(move, workflow_id)}`.{needs}"
    )


def command(move: Transition, workflow_id: str) -> str:
    """Return the command line that orders `move`."""
    if move.kind in _FORWARD:
        return f"qdeck advance {workflow_id}"
    if move.kind is Kind.ROLLBACK:
        return f'qdeck rollback {workflow_id} --to {move.target.value} --reason "…"'
    return f'qdeck retry {workflow_id} --to {move.target.value} --reason "…"'


def endpoint(move: Transition, workflow_id: str = "{workflow_id}") -> str:
    """Return the HTTP endpoint that orders `move`."""
    if move.kind in _FORWARD:
        return f"POST /api/workflows/{workflow_id}/advance"
    if move.kind is Kind.ROLLBACK:
        return f"POST /api/workflows/{workflow_id}/rollback"
    return f"POST /api/workflows/{workflow_id}/request-retry"


def packet_section(state: State) -> str:
    """Return what the role hands over from `state`, as the JSON schema of its packet."""
    packet = PACKETS.get(state)
    if packet is None:
        return (
            "Nothing of your own: you accept what you are offered with a note, or refuse it with a reason "
            "that says what is missing."
        )
    text = json.dumps(schema(packet), ensure_ascii=False, separators=(",", ":"))
    tool = PLAYS[state].submits
    return f"`{tool}` takes a {packet.__name__}, exactly as this JSON schema says:\n```json\n{text}\n```"
