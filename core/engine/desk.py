"""The desk of one attempt: a role's words, receipts and costs go to the journal, a person's words to it.

Every write carries the attempt's lease; the journal refuses those of an attempt that was taken over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from core.engine.orders import Orders
from core.errors import ModelError, ModelFault
from core.evidence.protocols import Steps
from core.evidence.receipts import Receipt
from core.journal.engine import EngineJournal
from core.llm.types import Completion
from core.machine.commands import Note
from core.machine.states import Role, State, actor_in
from core.roles.context import Said

PERSON_PREFIX = "person:"


class JournalDesk:
    """The `Desk` and `Record` that roles and evidence are handed."""

    def __init__(self, journal: EngineJournal, orders: Orders, lease: str, state: State) -> None:
        self._journal = journal
        self._orders = orders
        self._workflow_id = orders.workflow_id
        self._attempt_id = orders.attempt_id
        self._lease = lease
        self._role = actor_in(state)
        self._activity = ""

    async def say(self, key: str, author: str, kind: str, text: str, data: Mapping[str, Any]) -> None:
        """Keep a message. A blocked act becomes an event as well, so that it stands in the history."""
        await asyncio.to_thread(
            self._journal.add_message,
            self._workflow_id,
            self._attempt_id,
            self._lease,
            key,
            author,
            kind,
            text,
            data,
        )
        if kind == "blocked":
            note = {"role": author, "text": text, **data}
            await self._orders.give(f"blocked:{key}", Note, kind="blocked", data=note)

    async def stream(self, text: str) -> None:
        """Write live output; it is pruned soon."""
        await asyncio.to_thread(self._journal.chunk, self._workflow_id, self._attempt_id, text)

    async def inbox(self, after: int) -> list[Said]:
        """Return what persons said to this role after message `after`."""
        rows = await asyncio.to_thread(self._journal.messages, self._workflow_id, after)
        return [
            Said(row.seq or 0, row.text, row.author.removeprefix(PERSON_PREFIX))
            for row in rows
            if row.author.startswith(PERSON_PREFIX) and spoken_to(row.attempt_id) is self._role
        ]

    async def reserve(self, key: str, usd: float) -> None:
        """Set the likely cost of a call aside, within the workflow's budget."""
        granted = await asyncio.to_thread(
            self._journal.reserve,
            self._workflow_id,
            self._attempt_id,
            key,
            usd,
            lease=self._lease,
            role=self._role.value,
        )
        if not granted:
            spent = await asyncio.to_thread(self._journal.spent, self._workflow_id)
            raise ModelError(
                ModelFault.BUDGET,
                f"The build's budget is used up: ${spent:.2f} spent, the next call costs about ${usd:.2f}.",
                "Raise the budget and resume, or cancel.",
            )

    async def settle(self, key: str, completion: Completion, prompt_digest: str, model: str) -> None:
        """Book what the call really cost."""
        usage = completion.usage
        await asyncio.to_thread(
            self._journal.settle,
            self._workflow_id,
            self._attempt_id,
            key,
            cost_usd=usage.cost_usd,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            estimated=usage.estimated,
            prompt_digest=prompt_digest,
            model=model,
            role=self._role.value,
        )

    async def stop_requested(self) -> bool:
        """Say whether a person pressed escape."""
        return await asyncio.to_thread(self._journal.stop_requested, self._workflow_id)

    async def receipt(self, receipt: Receipt) -> str:
        """Keep a receipt, its output as an artifact, and return its id."""
        data = {name: value for name, value in receipt.to_data().items() if name != "output"}
        return await asyncio.to_thread(
            self._journal.add_receipt,
            self._workflow_id,
            self._attempt_id,
            self._lease,
            receipt.key,
            receipt.kind,
            data,
            receipt.output,
        )

    async def artifact(self, data: bytes, media: str) -> str:
        """Keep bytes under their digest."""
        return await asyncio.to_thread(self._journal.put_artifact, data, media)

    async def activity(self, text: str) -> None:
        """Show what happens this second, if it is news."""
        if text != self._activity:
            self._activity = text
            await asyncio.to_thread(self._journal.set_activity, self._workflow_id, text)


def spoken_to(attempt_id: str) -> Role | None:
    """Return the role that acted in the attempt `{workflow}:{state}:{number}`, None for anything else."""
    parts = attempt_id.split(":")
    try:
        return actor_in(State(parts[1]))
    except (IndexError, ValueError):
        return None


class Numbered:
    """Steps and records of the n-th collection of one attempt, so that none shares a key with another."""

    def __init__(self, prefix: str, steps: Steps, desk: JournalDesk) -> None:
        self._prefix = prefix
        self._steps = steps
        self._desk = desk

    async def once(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do the work once under the prefixed key."""
        return await self._steps.once(f"{self._prefix}{key}", work)

    async def receipt(self, receipt: Receipt) -> str:
        """Keep the receipt under the prefixed key."""
        return await self._desk.receipt(replace(receipt, key=f"{self._prefix}{receipt.key}"))

    async def artifact(self, data: bytes, media: str) -> str:
        """Keep bytes under their digest."""
        return await self._desk.artifact(data, media)

    async def activity(self, text: str) -> None:
        """Show what happens this second."""
        await self._desk.activity(text)
