"""What retry and rollback share: choose a target, say why, press the key again. Armed half a second late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.machine.states import State
from core.text import REASON_READ_LIMIT
from tui.armed import Armed
from tui.ink import Line, Span, cut_line, said
from tui.picture import Picture
from tui.screens.base import READING, DeckScreen
from tui.screens.searching import FIND_KEYS, SEEKING, Searching
from tui.widgets.bars import Hint
from tui.widgets.composer import Composer
from tui.widgets.lines import Lines
from tui.widgets.picker import Option, Picker
from tui.widgets.reader import Reader

if TYPE_CHECKING:
    from core.service.views import Answer


HOW_TO_WRITE = "press e and say it in a sentence"


class Reason(Composer):
    """Where the reason is written; enter goes back to the choice, and sends nothing."""

    attaches = False
    reads = REASON_READ_LIMIT

    def on_focus(self) -> None:
        """The key that leads here is behind the user."""
        self.placeholder = "say it in a sentence"

    def on_blur(self) -> None:
        """Say again how to get here."""
        self.placeholder = HOW_TO_WRITE

    def action_send(self) -> None:
        """Leave the text for the choice above."""
        self.post_message(self.Left(self))


class Targets(Picker):
    """The phases to go back to; only here does the key count."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,b", "screen.go", "Do it", id="back.go", tooltip="Go back, as shown."),
        Binding("y", "screen.sure", "Yes", id="back.sure", tooltip="Yes, where it is asked; else copy."),
        Binding("e,tab", "screen.reason", "Reason", id="back.reason", tooltip="Say why."),
        Binding("h", "screen.history", "History", id="back.history", tooltip="See how it came to this."),
        Binding("pagedown,ctrl+d", "screen.read(1)", "Read on", id="back.read_on", tooltip="Read on below."),
        Binding("pageup,ctrl+u", "screen.read(-1)", "Read back", id="back.read_back", tooltip="Read back."),
    ]


class BackScreen(Searching, Armed, DeckScreen):
    """Choose where to go back to, and say why."""

    CSS_PATH = "decision.tcss"
    ORDERS = frozenset({"go"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Not now", id="back.leave", tooltip="Leave everything as it is."),
        *FIND_KEYS,
    ]
    REASON_TITLE = "why"
    UNDO = ""
    """How it is taken back, said once it is done."""

    def __init__(self, workflow_id: str) -> None:
        super().__init__()
        self._workflow_id = workflow_id
        self.picture: Picture | None = None
        self._sending = False

    def content(self) -> ComposeResult:
        """Head, targets, reason, what it means, and the answers."""
        yield Lines(lambda width: [READING], id="head")
        yield Targets(id="targets")
        yield Reason(self.REASON_TITLE, HOW_TO_WRITE, id="reason")
        yield Reader(id="body")
        yield Lines(id="answers")

    def on_mount(self) -> None:
        """Nothing counts before the targets are there to be read."""
        self.disarm()
        self.deck.rewatch()
        self.query_one("#body").can_focus = False
        self.query_one("#targets").focus()

    def arm(self) -> None:
        """Only what is drawn can be armed."""
        if self.picture is not None:
            super().arm()

    def watches(self) -> str:
        """The workflow to follow."""
        return self._workflow_id

    @property
    def target(self) -> State | None:
        """The phase under the cursor, if one can go there."""
        option = self.query_one("#targets", Targets).option
        return State(option.value) if option and not option.why_not else None

    @property
    def reason(self) -> str:
        """What was written as the reason."""
        return self.query_one("#reason", Reason).text.strip()

    def take_picture(self, picture: Picture) -> None:
        """Show what is possible now. Another state makes it another question."""
        if picture.view.workflow_id != self._workflow_id or not self.is_attached:
            return
        old, self.picture = self.picture, picture
        if old and (old.view.state, old.view.version) == (picture.view.state, picture.view.version):
            return
        options = self.options(picture)
        self.query_one("#head", Lines).show(lambda width: self.head(picture, width))
        self.query_one("#targets", Targets).offer(options)
        if old is None:
            self.query_one("#reason", Reason).load_text(self.suggestion(picture))
        self.show_meaning()
        if not options:
            self.impossible(picture)
            self.dismiss()
            return
        self.disarm()
        self.call_after_refresh(self.arm)

    # --- given by the subclass

    def options(self, picture: Picture) -> list[Option]:
        """Where one can go back to."""
        raise NotImplementedError

    def head(self, picture: Picture, width: int) -> list[Line]:
        """What this is."""
        raise NotImplementedError

    def suggestion(self, picture: Picture) -> str:
        """A reason to begin with."""
        return ""

    def meaning(self, picture: Picture, target: State, width: int) -> list[Line]:
        """What going to `target` means."""
        raise NotImplementedError

    def answers(self, width: int) -> list[Line]:
        """The keys at the bottom."""
        raise NotImplementedError

    def impossible(self, picture: Picture) -> None:
        """Say why there is no target at all."""
        raise NotImplementedError

    async def carry_out(self, target: State, reason: str, version: int) -> Answer | None:
        """Give the command."""
        raise NotImplementedError

    # --- drawing

    def journal_changed(self) -> None:
        """Without a journal nothing is sent."""
        super().journal_changed()
        self.query_one("#answers", Lines).show(self.answers)

    def answer_line(self, key: str, label: str) -> Line:
        """The key that does it, dim where nothing may come of it, and the way out."""
        keys, text = ("faint", "faint") if self.refusal("go") else ("need bold reverse", "strong")
        return (
            Span(f" {key} ", keys, "screen.go"),
            Span(f" {label}", text, "screen.go"),
            Span("    "),
            Span("esc  not now", "muted", "screen.leave"),
        )

    def show_meaning(self, *, top: bool = True) -> None:
        """Show what the choice under the cursor means, from its beginning or where it was read."""
        picture, target = self.picture, self.target
        if picture is None:
            return
        page = self.searched()
        page.show(lambda width: self.meaning(picture, target, width) if target else [], top=top)
        self.query_one("#answers", Lines).show(self.answers)

    def on_picker_moved(self) -> None:
        """Another choice means something else."""
        self.show_meaning()

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        if self.seeking:
            return SEEKING
        if isinstance(self.focused, Composer):
            return (Hint("enter", "done"), Hint("ctrl+j", "new line"), Hint("esc", "back to the choice"))
        return (
            *((Hint("n N", self.matches()),) if self.searched().found.needle else ()),
            Hint("j k", "choose"),
            Hint("e", "edit the reason", "screen.reason", short="reason"),
            Hint("pgdn", "read on"),
            Hint("h", "history", "screen.history"),
            Hint("/", "search", "screen.search"),
            Hint("esc", "not now", "screen.leave"),
        )

    # --- keys

    def on_screen_resume(self) -> None:
        """Back from the history: a key that was meant for it must not act here."""
        self.deck.rewatch()
        if self.picture is not None:
            self.disarm()
            self.call_after_refresh(self.arm)

    def action_history(self) -> None:
        """See how it came to this, on top of this screen."""
        self.deck.open_history(self._workflow_id)

    def action_read(self, direction: int) -> None:
        """Read on in what it means, or back."""
        self.searched().action_page(direction)

    def searched(self) -> Reader:
        """What going back means is looked through."""
        return self.query_one("#body", Reader)

    def give_focus(self) -> None:
        """To the choice; keys begin to count anew, since they were letters a moment ago."""
        self.query_one("#targets").focus()
        self.arm()

    def action_leave(self) -> None:
        """Out of the search, or leave everything as it is."""
        if not self.end_search():
            self.dismiss()

    def on_composer_left(self) -> None:
        """From the reason to the choice."""
        self.give_focus()

    def on_picker_chosen(self) -> None:
        """Enter on a target goes on to the reason."""
        self.action_reason()

    def action_reason(self) -> None:
        """Write the reason."""
        self.query_one("#reason").focus()

    def action_go(self) -> None:
        """Do it, if it can be done and counts."""
        if self.ready() is not None:
            self.send()

    def action_sure(self) -> None:
        """A second yes, where it is asked for; else the key copies, as elsewhere."""
        self.action_copy()

    def ready(self) -> Picture | None:
        """The picture, when a key counts and everything is there; says what is missing."""
        if not self.armed() or self._sending or self.picture is None:
            return None
        option = self.query_one("#targets", Targets).option
        if option and option.why_not:
            self.deck.tell(option.why_not)
            return None
        if not self.reason:
            self.deck.tell("Say in a sentence why, so that the next attempt can do better.")
            self.action_reason()
            return None
        return self.picture

    def send(self) -> None:
        """Give the command."""
        target, picture = self.target, self.picture
        if target is None or picture is None:
            return
        self._sending = True
        self.run_worker(self._send(target, self.reason, picture.view.version), group="decision")

    async def _send(self, target: State, reason: str, version: int) -> None:
        answer = await self.carry_out(target, reason, version)
        self._sending = False
        if answer is not None and answer.ok:
            self.deck.tell(f"{answer.text}{self.UNDO}")
            if self.is_attached:
                self.dismiss()


def question(title: str, build_id: str, name: str, width: int) -> list[Line]:
    """Return the head of a screen that goes back."""
    about = (Span(f"{build_id}  ", "muted"), said(name, "strong bold"))
    return [(Span(title, "need bold"),), cut_line(about, width)]
