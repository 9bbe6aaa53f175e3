"""The one place of the app that talks to the service: a thread with a loop of its own, so that no query
can make a key wait. It posts messages to the app and never touches a widget."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from textual.message import Message

from core.board import OVERLAP
from core.errors import QdeckError
from tui import lean
from tui.news import BoardChanged, JournalOpened, JournalTrouble, TroubleOver, WorkerChanged, WorkflowChanged
from tui.worker import WorkerKeeper

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from tui.follower import Follower

T = TypeVar("T")
log = logging.getLogger(__name__)

FAST, CALM, IDLE = 0.03, 0.1, 0.25
"""Seconds between two looks: while something streams, while something moves, and otherwise."""
BOARD, BEHIND = 0.1, 0.5
"""Seconds between two readings of the board while everything changes, and of one behind another screen."""
SWITCH = 0.001
"""Seconds after which a busy thread gives way to a key."""
PORTION = 200
"""Rows that the board takes in at once."""


class LookingOnly:
    """The service as it stands before somebody who may only look: questions are answered, nothing else is."""

    def __init__(self, service: OrchestrationService) -> None:
        self._service = service

    @property
    def tokens(self) -> Any:
        """The tokens, to be looked at."""
        return _LookingAt(self._service.tokens, frozenset({"listed", "now"}))

    def __getattr__(self, name: str) -> Any:
        """Hand out what is a question. Raises QdeckError for everything that could change something."""
        from core.service.asking import Questions

        asked = {name} if hasattr(Questions, name) and not name.startswith("_") else _ALSO_ASKED
        return getattr(_LookingAt(self._service, asked), name)


class _LookingAt:
    """A part of the service of which only these names may be asked."""

    def __init__(self, part: object, asked: Set[str]) -> None:
        self._part, self._asked = part, asked

    def __getattr__(self, name: str) -> Any:
        if name in self._asked:
            return getattr(self._part, name)
        raise QdeckError(ONLY_LOOKING, HOW_TO_ACT)


HOW_TO_ACT = "Start qdeck without --read-only, or `qdeck web` with --approve."
ONLY_LOOKING = "This qdeck was opened to look only; nothing was changed."
_ALSO_ASKED = frozenset({"verify", "verify_log", "past", "board_at", "standing_yeses", "grants"})
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
        self._lost = ""
        self._troubles: dict[str, str] = {}
        self._follower: Follower | None = None
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
            if self._lost:
                raise QdeckError(self._lost)
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
            self._lost = str(error)
        except Exception:
            log.exception("the journal's thread ended")
            self._lost = "The journal cannot be followed any more; see the log. Restart qdeck."
        if self._lost:
            self._post(JournalTrouble(self._lost))

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
                trouble = ""
                try:
                    self._keeper.check(alive, time.monotonic())
                except OSError as error:
                    trouble = f"The worker cannot be started: {error.strerror}."
                self._tell("worker", trouble)
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
                self._board_read = now
                board_due = not await self._publish_board(service)
            if follower and (words_due or follower.due(now)) and follower.ready(now):
                words_due = False
                await follower.publish(now)
            quiet = now - changed_at
            pause = FAST if quiet < 1.0 else CALM if quiet < 10.0 else IDLE
            await _first(stopping, poked, pause)

    async def _publish_board(self, service: OrchestrationService) -> bool:
        """Post the rows that changed; False when they could not be read, and are to be read again."""
        since = datetime.fromtimestamp(self._board_seen, UTC) if self._board_seen else None
        try:
            rows = await service.board(since)
        except QdeckError as error:
            self._tell("board", str(error))
            return False
        self._tell("board")
        if not rows:
            return True
        self._board_seen = max(self._board_seen, *(row.updated_at for row in rows), OVERLAP)
        # A key that is pressed meanwhile waits for one portion only.
        for start in range(0, len(rows), PORTION):
            self._post(BoardChanged(rows[start : start + PORTION], start + PORTION >= len(rows)))
            if start + PORTION < len(rows):
                await asyncio.sleep(FAST)
        return True

    def _tell(self, about: str, trouble: str = "") -> None:
        """Tell of a trouble, or that it is over; where there are several, of the one that came first."""
        before = next(iter(self._troubles.values()), "")
        if trouble:
            self._troubles[about] = trouble
        else:
            self._troubles.pop(about, None)
        now = next(iter(self._troubles.values()), "")
        if now != before:
            self._post(JournalTrouble(now) if now else TroubleOver())

    def _post_followed(self, message: Message) -> None:
        """Hand on what a follower says; a picture is the end of its troubles."""
        if isinstance(message, JournalTrouble):
            self._tell("workflow", message.text)
            return
        if isinstance(message, WorkflowChanged):
            self._tell("workflow")
        self._post(message)

    def _followed(self, service: OrchestrationService) -> Follower | None:
        """The follower of the workflow that is watched now."""
        if not self._watched:
            self._follower = None
            self._tell("workflow")
        elif self._follower is None or self._follower.workflow_id != self._watched:
            from tui.follower import Follower

            self._follower = Follower(service, self._watched, self._post_followed)
        return self._follower


async def _first(stopping: asyncio.Event, poked: asyncio.Event, pause: float) -> None:
    """Sleep, but wake up for an order."""
    if stopping.is_set():
        return
    try:
        await asyncio.wait_for(poked.wait(), pause)
    except TimeoutError:
        return
    poked.clear()
