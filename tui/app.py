"""The application: paints first, then opens the journal, and carries what changes to the screens.

On the way to the first frame only Textual and the pure core are imported; screens come when they are opened.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.message import Message
from textual.widgets import Input

from core.config import Settings
from core.machine.states import Condition, State
from core.text import clean
from tui import lean, memory, strips, words
from tui.ahead import FirstLook
from tui.legal import Standing
from tui.needs import Needs
from tui.news import (
    BoardChanged,
    JournalOpened,
    JournalTrouble,
    News,
    TroubleOver,
    WorkerChanged,
    WorkflowChanged,
)
from tui.options import AppOptions
from tui.screens.base import Whole
from tui.screens.board import BoardScreen
from tui.terminal import leave_on_signals, leave_without_terminal

log = logging.getLogger(__name__)

Clock = Callable[[], float]
LONGEST_LINE = 10_000
"""Characters of a paste that a line to write in takes."""
SETTLES = 1.0
"""Seconds after the last row of the board when what is there counts as staying."""
TIDY = 10.0
"""Seconds between two times that memory which is not used is given back."""
DEMO = -1
"""What `run_app` returns when the person wants to see the demo next."""


def _actions() -> type[Provider]:
    """The palette's contents, imported when it is opened."""
    from tui.palette import Actions

    return Actions


class QdeckApp(Needs):
    """The control room."""

    TITLE = "qdeck"
    # Textual asks for it while it is being made.
    _begun = False
    # Textual does not load the style sheet of a default screen by itself.
    CSS_PATH = ["app.tcss", "screens/board.tcss"]  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {_actions}  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "new", "New build", id="new", tooltip="Start a build in a repository."),
        Binding(
            "question_mark,f1", "help", "Help", id="help", tooltip="All keys, and what moves a workflow."
        ),
        Binding("f2", "settings", "Settings", id="settings", tooltip="Models, looks, keys, and the rest."),
        Binding("f3", "prompts", "Prompts", id="prompts", tooltip="What the roles are told."),
        Binding("f4", "log", "Log", id="log", tooltip="What the app and the worker wrote down."),
        Binding(
            "f5", "yeses", "Standing yeses", id="yeses", tooltip="What was accepted for good; take it back."
        ),
        Binding("f7", "tokens", "Tokens", id="tokens", tooltip="Who may use the HTTP API: mint, revoke."),
        Binding(
            "ctrl+p",
            "command_palette",
            "Commands",
            id="palette",
            tooltip="Every action, by name.",
            priority=True,
        ),
        Binding(
            "n", "next_need", "Next decision", id="next", tooltip="Go to the next workflow that needs you."
        ),
        Binding(
            "f8",
            "next_need",
            "Next decision, from anywhere",
            id="next.anywhere",
            tooltip="The same from a text field or a question; what is written there stays.",
            priority=True,
        ),
        Binding(
            "ctrl+q", "leave", "Quit", id="app.quit", tooltip="Leave qdeck; builds may go on.", priority=True
        ),
        Binding("ctrl+c", "interrupt", "Quit", id="app.interrupt", show=False, priority=True),
    ]

    def __init__(
        self,
        options: AppOptions | None = None,
        *,
        settings: Settings | None = None,
        first_look: FirstLook | None = None,
        clock: Clock = time.time,
    ) -> None:
        super().__init__(options or AppOptions(), settings, clock)
        strips.let_go()
        self._first_look = first_look or FirstLook(self.settings.database_url)
        self._was_open = self.remembered.workflow_id
        self._interrupted = float("-inf")
        self._settled = False
        # Only `memory.begin` stops the collection of garbage.
        self._alone = not gc.isenabled()

    def get_default_screen(self) -> BoardScreen:
        """The board, with what a read-only look at the journal's file shows."""
        self._begun = True
        rows, totals, self.trouble = self._first_look.result()
        return BoardScreen(rows, totals)

    def refresh_css(self, animate: bool = True) -> None:
        """Read the style sheets in the theme's colours.

        Textual asks for it before there is anything to draw, because we chose a theme; they are read when the
        first screen is there, and once is enough.
        """
        if self._begun:
            super().refresh_css(animate)
        else:
            self.stylesheet.set_variables(self.get_css_variables())

    def on_ready(self) -> None:
        """Everything is laid out; the rest may load once it has been drawn."""
        if not self.is_headless:
            leave_on_signals(self)
            leave_without_terminal()
        self.call_after_refresh(self._drawn)
        if self.first_time:
            self.open_first()

    def _drawn(self) -> None:
        """The first frame is on the screen."""
        self.tell_unknown_theme()
        if self._alone:
            memory.end_of_start()
            lean.import_briefly()
        self.link.start()

    async def on_event(self, event: events.Event) -> None:
        """Note that somebody is there, and whether the terminal tells who looks; what is pasted is text.

        A line to write in draws what it holds, escapes included, so that none may get there.
        """
        if isinstance(event, events.Paste) and isinstance(self.focused, Input):
            event.text = clean(event.text[:LONGEST_LINE], lines=False)
        if isinstance(event, events.Key):
            self.watcher.touched = self.now()
        elif isinstance(event, events.AppFocus | events.AppBlur):
            self.watcher.focus_told = True
        await super().on_event(event)

    async def on_unmount(self) -> None:
        """Close the journal; the worker goes on. Remember where the person was."""
        self.watcher.leave()
        self.remember()
        self.link.stop()

    # --- what the journal's thread says

    async def _on_message(self, message: Message) -> None:
        """Hand on what arrives; news goes nowhere while the screens are taken down, at the end."""
        if not isinstance(message, News) or self.is_running:
            await super()._on_message(message)

    def on_journal_opened(self, event: JournalOpened) -> None:
        """Commands are possible from now on."""
        self.trouble = ""
        self._tell_screens()
        self.board.refresh_top()
        name = self.options.open_workflow or (self._was_open if self.options.resume else "")
        if name and not self.first_time:
            self.open_named(name, quietly=not self.options.open_workflow)

    def on_journal_trouble(self, event: JournalTrouble) -> None:
        """Say it once, and keep it in sight."""
        if event.text != self.trouble:
            self.trouble = event.text
            self.tell(event.text, bad=True)
            self._tell_screens()
        self.board.refresh_top()

    def on_trouble_over(self, event: TroubleOver) -> None:
        """Keep it in sight no longer."""
        self.trouble = ""
        self._tell_screens()
        self.board.refresh_top()

    def _tell_screens(self) -> None:
        """Which keys are dim depends on whether there is a journal."""
        for screen in self.screen_stack:
            if isinstance(screen, Whole) and screen.is_mounted:
                screen.journal_changed()

    def on_board_changed(self, event: BoardChanged) -> None:
        """Hand new rows to the board."""
        self.board.update_rows(event.rows, complete=event.complete)
        self.watcher.saw(event.rows, complete=event.complete)
        if event.complete and self._alone and not self._settled:
            self._settled = True
            self.set_timer(SETTLES, self._give_back)

    def _give_back(self) -> None:
        memory.settle()
        self._tidy()
        self.set_interval(TIDY, self._tidy)

    def _tidy(self) -> None:
        self.run_worker(memory.give_back, thread=True, group="memory")

    def on_workflow_changed(self, event: WorkflowChanged) -> None:
        """Hand the new picture to whoever shows this workflow."""
        for screen in self.screen_stack:
            take = getattr(screen, "take_picture", None)
            # One that is still being put together asks for its picture when it is there.
            if take is not None and screen.is_mounted:
                take(event.picture)

    def on_worker_changed(self, event: WorkerChanged) -> None:
        """Show whether somebody works."""
        self.worker_seen = True
        self.worker_alive, self.worker_struggling = event.alive, event.struggling
        self.board.refresh_top()

    def action_command_palette(self) -> None:
        """Open the palette, which brings its own style sheet: the first frame reads no rules for it."""
        from tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    # --- leaving

    def action_interrupt(self) -> None:
        """Ctrl+c copies what is selected; else twice within two seconds leaves, as elsewhere."""
        if chosen := self.screen.get_selected_text() or getattr(self.focused, "selected_text", ""):
            self.copy_to_clipboard(chosen)
            self.screen.clear_selection()
            self.tell(f"Copied {words.plural(chosen.count(chr(10)) + 1, 'line')}.")
            return
        if self.now() - self._interrupted < 2.0:
            self.exit(0)
            return
        self._interrupted = self.now()
        self.tell("ctrl+c again leaves qdeck; builds go on.")

    def action_leave(self) -> None:
        """Leave; ask first when builds are running."""
        running = [
            r.workflow_id
            for r in self.board.board.model.rows.values()
            if not Standing(r.build_id, State(r.state), Condition(r.condition)).over
            and r.condition == "active"
        ]
        if not running:
            self.exit(0)
            return
        from tui.screens.confirm import Choice, ConfirmScreen

        if isinstance(self.screen, ConfirmScreen):
            return
        count = len(running)
        they = "It goes" if count == 1 else "They go"

        def answered(key: str | None) -> None:
            if key == "l":
                self.exit(0)
            elif key == "p":
                self.run_worker(self._pause_and_leave(running), group="order")

        self.push_screen(
            ConfirmScreen(
                f"{words.plural(count, 'build')} {'is' if count == 1 else 'are'} running.",
                f"{they} on without this window: the worker is a process of its own.",
                (
                    Choice("l", "leave, let them run"),
                    *((Choice("p", "pause them, then leave"),) if not self.refusal() else ()),
                    Choice("escape", "stay"),
                ),
            ),
            answered,
        )

    async def _pause_and_leave(self, running: list[str]) -> None:
        for workflow_id in running:
            await self._set_condition(workflow_id, "pause")
        self.exit(0)

    def _handle_exception(self, error: Exception) -> None:
        """End with a sentence, never with a traceback; that goes to the log."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        log.error("the app ended", exc_info=error)
        where = self.settings.paths.log / "app.log"
        self.exit(
            1,
            return_code=1,
            message=f"qdeck met an error of its own and had to close. Builds go on. See {where}.",
        )


def run_app(
    options: AppOptions | None = None,
    *,
    settings: Settings | None = None,
    first_look: FirstLook | None = None,
) -> int:
    """Run the app in this terminal and return the exit code."""
    from tui.pasting import take_pastes_whole
    from tui.terminal import guarded, unusable

    options = options or AppOptions()
    if not options.in_browser and (why := unusable()):
        print(why)
        return 64
    memory.begin()
    app = QdeckApp(
        replace(options, on_terminal=not options.in_browser), settings=settings, first_look=first_look
    )
    take_pastes_whole(app)
    with guarded(app.settings.paths.log / "app.log"):
        app.run(mouse=options.mouse)
    return app.return_code or 0 if app.after != "demo" else DEMO
