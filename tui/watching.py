"""Notices on the board what a person wants to be called for, and keeps the count in the window's title.

It calls once for each need, and never for what the person is looking at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from core.board import BoardRow
from core.machine.states import Condition, State
from core.text import clean
from tui import words
from tui.calling import Caller

if TYPE_CHECKING:
    from tui.deck import Deck

LOOKING_SECONDS = 60.0
"""How long after a key somebody counts as looking, in a terminal that does not tell its focus."""
SAVE_TITLE, RESTORE_TITLE = "\x1b[22;2t", "\x1b[23;2t"


class Watcher:
    """Sees every change of the board's rows."""

    def __init__(self, app: Deck, environment: Mapping[str, str] | None = None) -> None:
        self._app = app
        self.caller = Caller(self.write, environment)
        self._known: dict[str, str] = {}
        self._stood_at = float("-inf")
        self._needing: set[str] = set()
        self._all_known = False
        self._title = ""
        self.focus_told = False
        self.touched = float("-inf")

    def write(self, text: str) -> None:
        """Hand the terminal a sequence through the app's driver: in one piece, between two frames."""
        driver = self._app._driver
        if driver is not None and not self._app.is_headless:
            driver.write(text)
            driver.flush()

    def saw(self, rows: Iterable[BoardRow], *, complete: bool = True) -> None:
        """Take in changed rows; until they were `complete` once, they call nobody: so things stood."""
        for row in rows:
            if not self._all_known:
                self._stood_at = max(self._stood_at, row.updated_at)
            event = "" if self._long_complete(row) else event_of(row)
            if self._all_known and event and self._known.get(row.workflow_id) != event:
                self._call(row, event)
            if event:
                self._known[row.workflow_id] = event
            else:
                self._known.pop(row.workflow_id, None)
            (self._needing.add if event == "needs_you" else self._needing.discard)(row.workflow_id)
        self._all_known = self._all_known or complete
        self._show_title(len(self._needing))

    def _long_complete(self, row: BoardRow) -> bool:
        """Whether it was complete when the app came: ten thousand of them are not kept by name."""
        return row.completed_at is not None and row.completed_at <= self._stood_at

    def _call(self, row: BoardRow, event: str) -> None:
        settings = self._app.settings
        if event not in settings.notify_about or self._looking_at(row.workflow_id):
            return
        what = "is complete" if event == "complete" else f"needs you: {_need(row)}"
        title = clean(row.title, lines=False, limit=80)
        self.caller.call(
            settings.notify, (row.workflow_id, event, row.version), f"{row.build_id} {what}", title
        )

    def _looking_at(self, workflow_id: str) -> bool:
        """Whether the person sees it anyway: the board, or this workflow, in a window that has the focus."""
        app = self._app
        if not app.app_focus or (not self.focus_told and app.now() - self.touched > LOOKING_SECONDS):
            return False
        screen = app.screen
        watched = getattr(screen, "watches", None)
        return screen is app.board or (watched is not None and watched() == workflow_id)

    def _show_title(self, count: int) -> None:
        title = f"{words.NEED} {count} · qdeck" if count else "qdeck"
        if title != self._title:
            self.write(f"{'' if self._title else SAVE_TITLE}\x1b]2;{title}\x1b\\")
            self._title = title

    def leave(self) -> None:
        """Give the window its own title back."""
        if self._title:
            self.write(RESTORE_TITLE)


def event_of(row: BoardRow) -> str:
    """Return what a row could be called for: "needs_you", "complete", or nothing."""
    if row.state == State.COMPLETE:
        return "complete"
    return "needs_you" if row.condition in (Condition.WAITING, Condition.FAILED) else ""


def _need(row: BoardRow) -> str:
    return "it failed" if row.condition == Condition.FAILED else words.waits_for(row.waiting_for)
