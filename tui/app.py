"""The application: paints first, then opens the journal, and carries what changes to the screens.

On the way to the first frame only Textual and the pure core are imported; screens come when they are opened.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.css.query import NoMatches
from textual.widgets import Input

from core.config import Settings, load_settings
from core.errors import QdeckError
from core.text import clean
from tui import lean, memory, strips
from tui.ahead import FirstLook
from tui.journal_link import ONLY_LOOKING, JournalLink
from tui.news import BoardChanged, JournalOpened, JournalTrouble, WorkerChanged, WorkflowChanged
from tui.options import AppOptions
from tui.orders import Orders
from tui.remembered import Remembered
from tui.screens.board import BoardScreen
from tui.terminal import leave_on_signals, leave_without_terminal
from tui.theme import DARK, TERMINAL, THEMES, inks_of
from tui.watching import Watcher

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import Answer
    from tui.remarks import Remarks

log = logging.getLogger(__name__)

Clock = Callable[[], float]
UNTAKEN = 50
"""Messages that may wait for the app before nothing more is told to it: memory must not grow behind a
terminal that takes no output."""
LONGEST_LINE = 10_000
"""Characters of a paste that a line to write in takes."""
SETTLES = 1.0
"""Seconds after the last row of the board when what is there counts as staying."""
TIDY = 10.0
"""Seconds between two times that memory which is not used is given back."""
DEMO = -1
"""What `run_app` returns when the person wants to see the demo next."""
TOLD_SECONDS, BAD_SECONDS = 4.0, 8.0
"""How long a word stays on the screen, and how long one on trouble does."""


def _actions() -> type[Provider]:
    """The palette's contents, imported when it is opened."""
    from tui.palette import Actions

    return Actions


class QdeckApp(Orders, App[int]):
    """The control room."""

    TITLE = "qdeck"
    # Textual does not load the style sheet of a default screen by itself.
    CSS_PATH = ["app.tcss", "screens/board.tcss"]  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {_actions}  # noqa: RUF012
    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
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
        super().__init__()
        strips.let_go()
        self.options = options or AppOptions()
        self.settings = settings or load_settings(flags=self.options.all_flags)
        self._first_look = first_look or FirstLook(self.settings.database_url)
        self._begun = False
        self.now = clock
        self.trouble = ""
        self.remembered = Remembered.read(self.settings.paths.data / "app.json")
        self.form = self.remembered.form
        self._was_open = self.remembered.workflow_id
        self.after = ""
        self.watcher = Watcher(self)
        self.worker_alive = False
        self.worker_seen = False
        self.worker_struggling = False
        self.first_time = self.options.welcome and never_used(self.settings)
        self.project = _repository_around(self.options.project)
        self._interrupted = float("-inf")
        self._settled = False
        # Only `memory.begin` stops the collection of garbage.
        self._alone = not gc.isenabled()
        self.link = JournalLink(
            self.settings.database_url,
            self.post_message,
            busy=lambda: self.message_queue_size > UNTAKEN,
            start_worker=self.options.start_worker and not self.options.read_only,
            worker_arguments=self.options.worker_arguments,
            read_only=self.options.read_only,
        )
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.options.theme or self.settings.theme or self.remembered.theme
        self.theme = wanted if wanted in self.available_themes else self._usual_theme
        if self.settings.keymap:
            self.set_keymap(self.settings.keymap)

    @property
    def _usual_theme(self) -> str:
        """The theme of who chose none: with sixteen colours, red on a grey cursor could hardly be read."""
        few = self.console.color_system == "standard" and not self.no_color
        return TERMINAL if self.options.on_terminal and few else DARK

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give our inks to themes that are not ours."""
        return inks_of(self.current_theme)

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

    # --- what screens ask

    @property
    def journal_open(self) -> bool:
        """Whether commands are possible."""
        return self.link.is_open

    @property
    def project_name(self) -> str:
        """The project that a request on the board goes to; empty when there is none."""
        return self.project.name if self.project else ""

    @property
    def board(self) -> BoardScreen:
        """The screen at the bottom of the stack."""
        for screen in self.screen_stack:
            if isinstance(screen, BoardScreen):
                return screen
        raise LookupError("the board is always there")

    @property
    def state_file(self) -> Path:
        """Where it is kept where the user was."""
        return self.settings.paths.data / "board.json"

    @property
    def remarks(self) -> Remarks:
        """What was noted on diffs and not sent yet."""
        return self.remembered.remarks

    def action_command_palette(self) -> None:
        """Open the palette, which brings its own style sheet: the first frame reads no rules for it."""
        from tui.palette import Palette

        if not Palette.is_open(self):
            self.push_screen(Palette(id="--command-palette"))

    def action_next_need(self) -> None:
        """Open the next workflow that needs the user, from any screen."""
        shows = getattr(self.screen, "workflow_id", None) or getattr(self.screen, "watches", lambda: "")
        shown = shows()
        found = self.board.rows_list.model.next_that_needs(shown)
        if not found or found == shown:
            self.tell("Nothing else needs you right now.")
            return
        self.board.board.select(found)
        self.open_workflow(found)

    def exit(self, *arguments: Any, **more: Any) -> None:
        """Leave; where the user was is written down first."""
        with contextlib.suppress(LookupError, NoMatches):
            self.board.keep_place()
        super().exit(*arguments, **more)

    def rewatch(self) -> None:
        """Follow the workflow of the topmost screen that shows one."""
        for screen in reversed(self.screen_stack):
            watches = getattr(screen, "watches", None)
            if watches is not None:
                self.remembered.workflow_id = watches()
                self.link.watch(self.remembered.workflow_id)
                return
        self.remembered.workflow_id = ""
        self.link.watch("")

    async def ask(
        self, question: Callable[[OrchestrationService], Awaitable[Answer]], *, done: str = ""
    ) -> Answer | None:
        """Carry a command to the service, and say what came of it; None when it did not get there."""
        try:
            answer = await self.link.ask(question)
        except QdeckError as error:
            self.tell(str(error), bad=True)
            return None
        if not answer.ok:
            self.tell(answer.text, bad=True)
        elif done:
            self.tell(done)
        return answer

    def tell(self, text: str, *, bad: bool = False) -> None:
        """Say one thing to the user, as text, in place of what was said before."""
        self.clear_notifications()
        self.notify(
            clean(text, limit=1200),
            severity="warning" if bad else "information",
            timeout=BAD_SECONDS if bad else TOLD_SECONDS,
            markup=False,
        )

    def clear_notifications(self) -> None:
        """Take away what was said in passing, also from screens that show through a question on top of them.

        Textual brings only the topmost screen up to date.
        """
        super().clear_notifications()
        for screen in self.screen_stack[:-1]:
            screen.query("Toast").remove()

    def insist_on_writing(self) -> None:
        """Raise QdeckError when this app was opened to look only."""
        if self.options.read_only:
            raise QdeckError(ONLY_LOOKING, "Start qdeck without --read-only to change anything.")

    def write_settings(self, changes: Mapping[tuple[str, ...], Any]) -> None:
        """Write into the user's file, all or nothing, and use it at once. Raises QdeckError."""
        from core.config_file import write_settings

        self.insist_on_writing()
        write_settings(changes, self.settings.paths)
        self.reload_settings()

    def reload_settings(self) -> None:
        """Take over what has just been written into the user's file."""
        self.settings = load_settings(flags=self.options.all_flags)
        self.set_keymap(self.settings.keymap)
        if not self.options.theme and self.settings.theme in self.available_themes:
            self.theme = self.settings.theme

    def action_use_theme(self, name: str) -> None:
        """Change the colours, for this session and the next ones."""
        self.theme = self.remembered.theme = name

    # --- what the journal's thread says

    def on_journal_opened(self, event: JournalOpened) -> None:
        """Commands are possible from now on."""
        self.trouble = ""
        self.board.refresh_top()
        name = self.options.open_workflow or (self._was_open if self.options.resume else "")
        if name and not self.first_time:
            self.open_named(name, quietly=not self.options.open_workflow)

    def on_journal_trouble(self, event: JournalTrouble) -> None:
        """Say it once, and keep it in sight."""
        if event.text != self.trouble:
            self.trouble = event.text
            self.tell(event.text, bad=True)
        self.board.refresh_top()

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


def never_used(settings: Settings) -> bool:
    """Whether there is neither a file of settings nor a journal yet."""
    url = settings.database_url
    journal = Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None
    return journal is not None and not journal.exists() and not settings.paths.config_file.exists()


def _repository_around(folder: Path | None) -> Path | None:
    """The repository that `folder` (or the current one) lies in, by looking for `.git` upwards."""
    try:
        start = (folder or Path.cwd()).expanduser().absolute()
    except OSError:
        return None
    for candidate in (start, *start.parents):
        if (candidate / ".git").exists():
            return candidate
    return None


def run_app(
    options: AppOptions | None = None,
    *,
    settings: Settings | None = None,
    first_look: FirstLook | None = None,
) -> int:
    """Run the app in this terminal and return the exit code."""
    from tui.terminal import guarded, unusable

    options = options or AppOptions()
    if not options.in_browser and (why := unusable()):
        print(why)
        return 64
    memory.begin()
    app = QdeckApp(
        replace(options, on_terminal=not options.in_browser), settings=settings, first_look=first_look
    )
    with guarded(app.settings.paths.log / "app.log"):
        app.run(mouse=options.mouse)
    return app.return_code or 0 if app.after != "demo" else DEMO
