"""Follows one workflow in the journal's thread, and posts a picture of it whenever it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.message import Message

from core.errors import QdeckError
from tui.news import JournalTrouble, WorkflowChanged
from tui.picture import Picture, checkpoint_of
from tui.talk import load_colours, messages_before, messages_since, newest

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import CheckpointView, ChunkView, MessageView, WorkflowView

WORDS, STANDING, WHOLE = 0.07, 0.25, 1.0
"""Seconds between two readings while everything changes: of a stream, of how it stands, of all that is known.
Nobody reads faster, and keys come first."""
MOST_CHUNKS = 400
"""Pieces of a stream that are kept one by one; older ones become one."""


class Follower:
    """Puts together the picture of one workflow: what is live at every change, the rest when it can have
    changed."""

    def __init__(
        self, service: OrchestrationService, workflow_id: str, post: Callable[[Message], object]
    ) -> None:
        self.workflow_id = workflow_id
        self._service = service
        self._post = post
        self._picture: Picture | None = None
        self._whole_at = self._seen_at = self._words_at = float("-inf")
        self._dirty = True
        self._chunks: tuple[ChunkView, ...] = ()
        self._chunk_seq = 0

    def again(self) -> None:
        """Show all of it once more: a screen has opened that has seen nothing yet."""
        self._dirty = True
        self._whole_at = self._seen_at = self._words_at = float("-inf")

    def due(self, now: float) -> bool:
        """Whether something is left to show from a change that came too soon after the last."""
        return self._dirty and now - self._seen_at > STANDING

    def ready(self, now: float) -> bool:
        """Whether the last reading is long enough ago."""
        return now - self._words_at > WORDS

    async def publish(self, now: float) -> None:
        """Read what changed and post the new picture."""
        try:
            picture = await self._now(now)
        except QdeckError as error:
            self._post(JournalTrouble(str(error)))
            return
        self._picture = picture
        self._post(WorkflowChanged(picture))

    async def _now(self, now: float) -> Picture:
        """The newest words at once; how it stands, and all the rest, when they are due."""
        old, self._words_at, self._dirty = self._picture, now, True
        if old is not None and now - self._seen_at <= STANDING:
            return await self._live(old, old.view)
        view = await self._service.get_workflow_status(self.workflow_id)
        self._seen_at = now
        if old is not None and view.version == old.view.version and now - self._whole_at <= WHOLE:
            return await self._live(old, view)
        self._whole_at, self._dirty = now, False
        return await self._whole(view)

    async def _live(self, old: Picture, view: WorkflowView) -> Picture:
        messages, earlier = await self._messages(old)
        return replace(
            old, view=view, messages=messages, earlier=earlier, stream=await self._stream(messages)
        )

    async def _whole(self, view: WorkflowView) -> Picture:
        service, workflow_id, old = self._service, self.workflow_id, self._picture
        events = list(old.events) if old else []
        known = len(events)
        events += await service.get_workflow_history(
            workflow_id, limit=0, after=events[-1].seq if events else 0
        )
        # A rollback takes words back that were shown already.
        taken_back = any(e.data.get("kind") == "rollback" for e in events[known:])
        messages, earlier = await self._messages(None if taken_back else old)
        checkpoints = tuple(await service.checkpoints(workflow_id))
        decision = await service.decision(workflow_id)
        return Picture(
            view=view,
            attempts=tuple(await service.attempts(workflow_id)),
            messages=messages,
            earlier=earlier,
            stream=await self._stream(messages),
            receipts=tuple(await service.receipts(workflow_id)),
            handoffs=tuple(await service.handoffs(workflow_id)),
            checkpoints=checkpoints,
            events=tuple(events),
            moves=tuple(await service.moves(workflow_id)),
            decision=decision,
            refused=await service.why_not(workflow_id, "approve") if decision else "",
            diff=await self._diff(old, checkpoint_of(view, checkpoints)),
        )

    async def _messages(self, old: Picture | None) -> tuple[tuple[MessageView, ...], bool]:
        """The newest messages, and whether there are earlier ones: what was not shown yet is among them."""
        if old is None or not old.messages:
            return await messages_before(self._service, self.workflow_id)
        new = await messages_since(self._service, self.workflow_id, old.messages[-1].seq)
        await load_colours(m.text for m in new)
        kept = newest((*old.messages, *new), len(new))
        return kept, old.earlier or kept[0].seq > old.messages[0].seq

    async def _stream(self, messages: tuple[MessageView, ...]) -> tuple[ChunkView, ...]:
        """The chunks of the turn that is under way: those younger than the last words of their attempt."""
        new = await self._service.stream(self.workflow_id, after=self._chunk_seq)
        # A fence and its language may come in two pieces.
        await load_colours(c.text for c in (*self._chunks[-2:], *new))
        chunks = (*self._chunks, *new)
        if chunks:
            self._chunk_seq = chunks[-1].seq
            attempt = chunks[-1].attempt_id
            spoken = [
                m.at for m in messages if m.attempt_id == attempt and not m.author.startswith("person:")
            ]
            last = spoken[-1] if spoken else None
            chunks = tuple(c for c in chunks if c.attempt_id == attempt and (last is None or c.at > last))
        if len(chunks) > MOST_CHUNKS:
            old, chunks = chunks[: -MOST_CHUNKS // 2], chunks[-MOST_CHUNKS // 2 :]
            chunks = (replace(old[-1], text="".join(c.text for c in old)), *chunks)
        self._chunks = chunks
        return chunks

    async def _diff(self, old: Picture | None, kept: CheckpointView | None) -> str:
        if kept is None:
            return ""
        if old and old.kept and old.kept.number == kept.number:
            return old.diff
        named = kept.diff_digest
        data = await self._service.artifact(named) if named else None
        diff = data.decode("utf-8", "replace") if data else ""
        from tui.diff_paint import warm

        # Read here, once, so that no screen has to wait for a long one.
        await asyncio.to_thread(warm, diff)
        return diff
