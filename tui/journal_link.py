"""The one place of the app that talks to the service: a thread with a loop of its own, so that no query
can make a key wait. It posts messages to the app and never touches a widget."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual.message import Message

from core.board import OVERLAP, BoardRow
from core.errors import QdeckError
from tui import lean
from tui.picture import Picture
from tui.worker import WorkerKeeper

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import CheckpointView, ChunkView, MessageView, WorkflowView

T = TypeVar("T")
log = logging.getLogger(__name__)

FAST, CALM, IDLE = 0.03, 0.1, 0.25
"""Seconds between two looks: while something streams, while something moves, and otherwise."""
WORDS, BOARD, BEHIND, STANDING, WHOLE = 0.07, 0.1, 0.5, 0.25, 1.0
"""Seconds between two readings while everything changes: of a stream, the board, the board behind another
screen, how a workflow stands, and all that is known of it. Nobody reads faster, and keys come first."""
MOST_CHUNKS = 400
"""Pieces of a stream that are kept one by one; older ones become one."""
SWITCH = 0.001
"""Seconds after which a busy thread gives way to a key."""
PORTION = 200
"""Rows that the board takes in at once."""


@dataclass
class JournalOpened(Message):
    """The journal is open; commands are possible from now on."""


@dataclass
class JournalTrouble(Message):
    """The journal cannot be used; `text` says why and what to do."""

    text: str


@dataclass
class BoardChanged(Message):
    """These rows are new or changed; `complete` when no others are still to come."""

    rows: Sequence[BoardRow]
    complete: bool = True


@dataclass
class WorkflowChanged(Message):
    """The workflow that is being watched changed."""

    picture: Picture


@dataclass
class WorkerChanged(Message):
    """A worker came to life, or none is alive."""

    alive: bool
    struggling: bool


class LookingOnly:
    """The service as it stands before somebody who may only look: questions are answered, nothing else is."""

    def __init__(self, service: OrchestrationService) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        """Hand out what is a question. Raises QdeckError for everything that could change something."""
        from core.service.asking import Questions

        if name in _ALSO_ASKED or (hasattr(Questions, name) and not name.startswith("_")):
            return getattr(self._service, name)
        raise QdeckError(ONLY_LOOKING, HOW_TO_ACT)


HOW_TO_ACT = "Start qdeck without --read-only, or `qdeck web` with --approve."
ONLY_LOOKING = "This qdeck was opened to look only; nothing was changed."
_ALSO_ASKED = frozenset({"verify", "verify_log"})
"""Questions that the service keeps beside its commands."""


class JournalLink:
    """Opens the journal, follows it, and carries questions and commands to it."""

    def __init__(
        self,
        url: str,
        post: Callable[[Message], object],
        *,
        busy: Callable[[], bool] = lambda: False,
        start_worker: bool = True,
        worker_arguments: Sequence[str] = (),
        read_only: bool = False,
    ) -> None:
        self._url = url
        self._read_only = read_only
        self._post = post
        self._busy = busy
        self._keeper = WorkerKeeper(url, worker_arguments) if start_worker else None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._service: OrchestrationService | None = None
        self._stopping: asyncio.Event | None = None
        self._poked: asyncio.Event | None = None
        self._watched = ""
        self._follower: _Follower | None = None
        self._board_seen = 0.0
        self._board_read = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether commands are possible."""
        return self._service is not None

    def start(self) -> None:
        """Begin, in a thread; the imports alone take half a second."""
        self._thread = threading.Thread(target=self._run, name="qdeck-journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the journal."""
        if self._loop and self._stopping and self._thread and self._thread.is_alive():
            self._watched = ""
            self._call(self._stopping.set)
            self._thread.join(timeout=5)

    def watch(self, workflow_id: str) -> None:
        """Follow this workflow in detail from now on; none when empty.

        Whoever asks gets a picture, also of a workflow that is followed already and has not changed.
        """
        self._watched = workflow_id
        if self._follower is not None:
            self._follower.again()
        if self._poked:
            self._call(self._poked.set)

    def _call(self, what: Callable[[], object]) -> None:
        """Have the thread do it, as long as there is one: it may just have ended."""
        if self._loop:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(what)

    async def ask(self, question: Callable[[OrchestrationService], Awaitable[T]]) -> T:
        """Put a question or a command to the service. Raises QdeckError when it cannot be carried out."""
        if self._service is None or self._loop is None:
            raise QdeckError("The journal is not open yet.", "Try again in a moment.")
        service = (
            cast("OrchestrationService", LookingOnly(self._service)) if self._read_only else self._service
        )

        async def put() -> T:
            try:
                return await question(service)
            finally:
                # What the user just did is looked for at once.
                self._board_read = float("-inf")
                if self._follower is not None:
                    self._follower.again()
                if self._poked is not None:
                    self._poked.set()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(put(), self._loop))

    # --- in the thread

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except QdeckError as error:
            self._post(JournalTrouble(str(error)))
        except Exception:
            log.exception("the journal's thread ended")
            self._post(JournalTrouble("The journal cannot be followed any more; see the log. Restart qdeck."))

    async def _main(self) -> None:
        from core.service import OrchestrationService

        lean.forget_types()
        sys.setswitchinterval(SWITCH)
        self._loop = asyncio.get_running_loop()
        self._stopping, self._poked = asyncio.Event(), asyncio.Event()
        service = await OrchestrationService.open(self._url)
        self._service = service
        keeping = asyncio.create_task(self._keep_worker(service))
        try:
            self._post(JournalOpened())
            await self._follow(service, self._stopping, self._poked)
        finally:
            self._service = None
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await service.close()

    async def _keep_worker(self, service: OrchestrationService) -> None:
        """Look after the worker every second."""
        told: tuple[bool, bool] | None = None
        while True:
            alive = await asyncio.to_thread(service.worker_alive)
            struggling = False
            if self._keeper is not None:
                try:
                    self._keeper.check(alive, time.monotonic())
                except OSError as error:
                    self._post(JournalTrouble(f"The worker cannot be started: {error.strerror}."))
                struggling = self._keeper.struggling and not alive
            if told != (alive, struggling):
                told = (alive, struggling)
                self._post(WorkerChanged(alive, struggling))
            await asyncio.sleep(1.0)

    async def _follow(
        self, service: OrchestrationService, stopping: asyncio.Event, poked: asyncio.Event
    ) -> None:
        seen: Any = None
        changed_at = 0.0
        board_due = words_due = False
        while not stopping.is_set():
            if self._busy():
                # A stopped terminal stops the app's drawing; what is news by then is read when it goes on.
                await _first(stopping, poked, CALM)
                continue
            now = time.monotonic()
            counter = service.changed()
            follower = self._followed(service)
            if counter != seen:
                seen, changed_at = counter, now
                board_due = words_due = True
            if board_due and now - self._board_read > (BEHIND if follower else BOARD):
                board_due, self._board_read = False, now
                await self._publish_board(service)
            if follower and (words_due or follower.due(now)) and follower.ready(now):
                words_due = False
                await follower.publish(now)
            quiet = now - changed_at
            pause = FAST if quiet < 1.0 else CALM if quiet < 10.0 else IDLE
            await _first(stopping, poked, pause)

    async def _publish_board(self, service: OrchestrationService) -> None:
        since = datetime.fromtimestamp(self._board_seen, UTC) if self._board_seen else None
        try:
            rows = await service.board(since)
        except QdeckError as error:
            self._post(JournalTrouble(str(error)))
            return
        if not rows:
            return
        self._board_seen = max(self._board_seen, *(row.updated_at for row in rows), OVERLAP)
        # A key that is pressed meanwhile waits for one portion only.
        for start in range(0, len(rows), PORTION):
            self._post(BoardChanged(rows[start : start + PORTION], start + PORTION >= len(rows)))
            if start + PORTION < len(rows):
                await asyncio.sleep(FAST)

    def _followed(self, service: OrchestrationService) -> _Follower | None:
        """The follower of the workflow that is watched now."""
        if not self._watched:
            self._follower = None
        elif self._follower is None or self._follower.workflow_id != self._watched:
            self._follower = _Follower(service, self._watched, self._post)
        return self._follower


class _Follower:
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
        messages = await self._messages(old)
        return replace(old, view=view, messages=messages, stream=await self._stream(messages))

    async def _whole(self, view: WorkflowView) -> Picture:
        service, workflow_id, old = self._service, self.workflow_id, self._picture
        events = list(old.events) if old else []
        known = len(events)
        events += await service.get_workflow_history(
            workflow_id, limit=0, after=events[-1].seq if events else 0
        )
        # A rollback takes words back that were shown already.
        taken_back = any(e.data.get("kind") == "rollback" for e in events[known:])
        messages = await self._messages(None if taken_back else old)
        checkpoints = tuple(await service.checkpoints(workflow_id))
        decision = await service.decision(workflow_id)
        return Picture(
            view=view,
            attempts=tuple(await service.attempts(workflow_id)),
            messages=messages,
            stream=await self._stream(messages),
            receipts=tuple(await service.receipts(workflow_id)),
            handoffs=tuple(await service.handoffs(workflow_id)),
            checkpoints=checkpoints,
            events=tuple(events),
            moves=tuple(await service.moves(workflow_id)),
            decision=decision,
            refused=await service.why_not(workflow_id, "approve") if decision else "",
            diff=await self._diff(old, checkpoints),
        )

    async def _messages(self, old: Picture | None) -> tuple[MessageView, ...]:
        known = old.messages if old else ()
        while new := await self._service.messages(self.workflow_id, after=known[-1].seq if known else 0):
            known = (*known, *new)
        return known

    async def _stream(self, messages: tuple[MessageView, ...]) -> tuple[ChunkView, ...]:
        """The chunks of the turn that is under way: those younger than the last words of their attempt."""
        new = await self._service.stream(self.workflow_id, after=self._chunk_seq)
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

    async def _diff(self, old: Picture | None, checkpoints: tuple[CheckpointView, ...]) -> str:
        if not checkpoints:
            return ""
        if old and old.checkpoints and old.checkpoints[-1].number == checkpoints[-1].number:
            return old.diff
        named = checkpoints[-1].diff_digest
        data = await self._service.artifact(named) if named else None
        diff = data.decode("utf-8", "replace") if data else ""
        from tui.diff_paint import warm

        # Read here, once, so that no screen has to wait for a long one.

        await asyncio.to_thread(warm, diff)
        return diff


async def _first(stopping: asyncio.Event, poked: asyncio.Event, pause: float) -> None:
    """Sleep, but wake up for an order."""
    if stopping.is_set():
        return
    try:
        await asyncio.wait_for(poked.wait(), pause)
    except TimeoutError:
        return
    poked.clear()
