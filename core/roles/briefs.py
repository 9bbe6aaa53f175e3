"""What a role is told at the start of an attempt: its task, and everything from outside in marked blocks.

Nothing that a repository, a test, a person or another role wrote gets into the system text, and no block can
be closed from inside: its mark is a digest of what it holds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.llm.types import PERSON, Message
from core.machine.states import STATES, State
from core.roles.context import RoleContext
from core.roles.packets import BadPacket, Packet, Plan, Requirement, read_packet
from core.roles.tools.bounds import READ_MESSAGE, marked, middle_cut
from core.text import READ_LIMIT, REASON_READ_LIMIT
from core.workspace import changed_files, tree_digest

MOST = 16_000


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text from outside, under a name."""

    name: str
    text: str
    limit: int = MOST

    def __str__(self) -> str:
        text = middle_cut(self._whole, self.limit)
        mark = hashlib.sha256(f"{self.name}\0{text}".encode()).hexdigest()[:10]
        return f"<<<{self.name} {mark}\n{text}\n{mark} {self.name}>>>"

    @property
    def _whole(self) -> str:
        return marked(self.text.replace("\r\n", "\n"))

    def or_read_on(self) -> str:
        """The block; where its middle is left out, which tool shows that."""
        cut = len(self._whole.encode()) > self.limit
        return f"{self}\n{LEFT_OUT}" if cut else str(self)


LEFT_OUT = f"Its middle was left out here; {READ_MESSAGE} shows it, message by message."
"""Said below the person's words; a role that is told this gets the tool."""


def opening(context: RoleContext, blocks: Sequence[Block], task: str) -> tuple[Message, ...]:
    """Return the user's side of the opening: the brief, then the chat with this role so far."""
    parts = [task]
    if context.report is not None:
        colour = "green" if context.report.ok else "red"
        parts.append(f"The engine's checks are {colour}. Its report:")
        parts.append(str(Block("engine_report", context.report.text)))
    if context.refusal:
        parts.append("This attempt was made because something was not accepted. The reason comes first:")
        parts.append(str(Block("refused", context.refusal, REASON_READ_LIMIT)))
    if context.earlier:
        lines = [f"attempt {e.attempt}: {e.outcome}: {e.summary}" for e in context.earlier]
        parts.append("Earlier attempts of this state:")
        parts.append(str(Block("earlier_attempts", "\n".join(lines))))
    if context.packets.get(context.state) and (context.earlier or context.conversation):
        parts.append("What you handed in last time. Where nothing speaks against it, hand in the same again:")
        parts.append(str(data_block("your_last_result", context.packets[context.state])))
    old, new = _split(context.conversation)
    if old:
        parts.append("What was said between the person and you before:")
        parts.append(Block("earlier_chat", "\n".join(_line(message) for message in old)).or_read_on())
    parts += [str(block) for block in blocks]
    parts.append(f"workflow: {context.workflow.workflow_id}")
    parts.append(f"state: {context.state.value}\nattempt: {context.attempt}")
    return (Message("user", "\n\n".join(parts)), *(said(message.content) for message in new))


def _split(chat: Sequence[Message]) -> tuple[Sequence[Message], Sequence[Message]]:
    """Part the chat into what is over and what the person said since the role last spoke."""
    last = max((at for at, message in enumerate(chat) if message.role == "assistant"), default=-1)
    return chat[: last + 1], chat[last + 1 :]


def _line(message: Message) -> str:
    who = "The person" if message.name == PERSON else "You"
    return f"{who}: {message.content}"


def said(text: str) -> Message:
    """Return a person's words as a message."""
    return Message("user", f"The person says:\n{Block('person', text, READ_LIMIT).or_read_on()}", name=PERSON)


def request_block(context: RoleContext) -> Block:
    """Return the request in the person's own words."""
    return Block("request", context.workflow.request, READ_LIMIT)


def data_block(name: str, data: Mapping[str, Any]) -> Block:
    """Return JSON data as a block."""
    return Block(name, json.dumps(data, indent=1, ensure_ascii=False))


def requirement_block(context: RoleContext) -> Block:
    """Return the criteria and assumptions as lines."""
    packet = packet_of(context, State.DISCOVERY)
    if not isinstance(packet, Requirement):
        return Block("requirement", "There is none.")
    lines = [packet.summary, *(f"{c.number}. {c.text}" for c in packet.criteria)]
    lines += [f"Assumption: {text}" for text in packet.assumptions]
    return Block("requirement", "\n".join(lines))


def plan_block(context: RoleContext) -> Block:
    """Return the plan as lines."""
    packet = packet_of(context, State.PLANNING)
    if not isinstance(packet, Plan):
        return Block("plan", "There is none.")
    lines = [f"{packet.kind_of_change.value}: {packet.summary}"]
    lines += [f"Task (criteria {_listed(task.criteria)}): {task.text}" for task in packet.tasks]
    lines += [f"File: {path}" for path in packet.files]
    lines += [f"Risk: {text}" for text in packet.risks]
    lines += [f"Proof of criterion {p.criterion}: {p.kind.value} {p.proof}" for p in packet.proofs]
    return Block("plan", "\n".join(lines))


def packet_of(context: RoleContext, phase: State) -> Packet | None:
    """Return the packet that `phase` made, or None when there is none that can be read."""
    data = context.packets.get(phase)
    if not data:
        return None
    try:
        return read_packet(phase, data)
    except BadPacket:
        return None


async def changed_block(context: RoleContext) -> Block:
    """Return which files differ from the base, with added and removed lines."""
    bench = context.bench

    def work() -> list[str]:
        changes = changed_files(bench.repository, bench.base, tree_digest(bench.worktree))
        return [
            f"{c.status} {c.path} +{c.added} -{c.removed}{' binary' if c.binary else ''}" for c in changes
        ]

    lines = await asyncio.to_thread(work)
    return Block("changed_files", "\n".join(lines) or "Nothing has changed yet.")


def task_of(context: RoleContext) -> str:
    """Return the first sentence of every brief."""
    info = STATES[context.state]
    return f"Your task now, in the state {info.state.value}: {info.description}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)
