"""What every screen finds in the app: the settings, the link to the journal, and a word to the user."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.actions import ActionParseResult, parse
from textual.app import App
from textual.css.query import NoMatches
from textual.dom import DOMNode

from core.config import Settings, load_settings, sqlite_path
from core.errors import QdeckError
from core.text import clean
from tui.journal_link import HOW_TO_ACT, ONLY_LOOKING, JournalLink
from tui.options import AppOptions
from tui.remembered import Remembered
from tui.screens.base import Whole
from tui.screens.board import BoardScreen
from tui.theme import DARK, NAMES, TERMINAL, THEMES, inks_of
from tui.watching import Watcher

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import Answer
    from tui.remarks import Remarks

Clock = Callable[[], float]
UNTAKEN = 50
"""Messages that may wait for the app before nothing more is told to it: memory must not grow behind a
terminal that takes no output."""
TOLD_SECONDS, BAD_SECONDS = 4.0, 8.0
"""How long a word stays on the screen, and how long one on trouble does."""


class Deck(App[int]):
    """The app without its orders and its course: what there is, and how it is told."""

    def __init__(self, options: AppOptions, settings: Settings | None, clock: Clock) -> None:
        super().__init__()
        self.options = options
        self.settings = settings or load_settings(flags=options.all_flags)
        self.now = clock
        self.trouble = ""
        self.remembered = Remembered.read(self.settings.paths.data / "app.json")
        self.form = self.remembered.form
        self.after = ""
        self.watcher = Watcher(self)
        self.worker_alive = False
        self.worker_seen = False
        self.worker_struggling = False
        self.first_time = options.welcome and never_used(self.settings)
        self.project = _repository_around(options.project)
        self.link = JournalLink(
            self.settings.database_url,
            self.post_message,
            busy=lambda: self.message_queue_size > UNTAKEN,
            start_worker=options.start_worker and not options.read_only,
            worker_arguments=options.worker_arguments,
            read_only=options.read_only,
        )
        for theme in THEMES:
            self.register_theme(theme)
        wanted = options.theme or self.settings.theme or self.remembered.theme
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

    # --- what screens ask

    @property
    def journal_open(self) -> bool:
        """Whether commands are possible."""
        return self.link.is_open

    def refusal(self, *, orders: bool = True) -> str:
        """Say why nothing may be changed now; empty when it may. Without a journal no order is taken."""
        if self.options.read_only:
            return f"{ONLY_LOOKING} {HOW_TO_ACT}"
        return self.trouble if orders and not self.journal_open else ""

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key, a click or the palette asks for; say why not where nothing may come of it."""
        where, name, _ = parse(action) if isinstance(action, str) else action
        node = self.screen if where == "screen" else self if where == "app" else default_namespace
        if isinstance(node, Whole) and (why := node.refusal(name)):
            self.tell(why, bad=True)
            return True
        return await super().run_action(action, default_namespace, namespaces)

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

    def on_notify(self) -> None:
        """What was said before gives way, also when it is only just on its way to the screen."""
        self.clear_notifications()

    def clear_notifications(self) -> None:
        """Take away what was said in passing, also from screens that show through a question on top of them.

        Textual brings only the topmost screen up to date.
        """
        super().clear_notifications()
        for screen in self.screen_stack[:-1]:
            screen.query("Toast").remove()
        # Nor does it see one that is only just being put together, when two things are said at once.
        self.call_later(self._forget_words)

    def _forget_words(self) -> None:
        from textual.widgets._toast import ToastRack

        kept = {ToastRack._toast_id(notice) for notice in self._notifications}
        for holder in self.screen.query("ToastHolder"):
            if holder.id not in kept:
                holder.remove()

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

    def tell_unknown_theme(self) -> None:
        """Say which themes there are, when one was named that there is not."""
        for named in (self.options.theme, self.settings.theme):
            if named and named not in self.available_themes:
                what = f"There is no theme {named[:40]!r}. There are {', '.join(NAMES)}, and Textual's."
                self.tell(what, bad=True)
                return

    def action_use_theme(self, name: str) -> None:
        """Change the colours, for this session and the next ones."""
        self.theme = self.remembered.theme = name
        if self.settings.sources.get("theme") == str(self.settings.paths.config_file):
            # What stands there would win over what is remembered.
            with contextlib.suppress(QdeckError):
                self.write_settings({("theme",): name})


def never_used(settings: Settings) -> bool:
    """Whether there is neither a file of settings nor a journal yet."""
    journal = sqlite_path(settings.database_url)
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
