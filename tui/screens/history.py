"""History: go through a workflow's events with the arrow keys, and see board and workflow as they were."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Click

from core.board import BoardRow
from core.errors import QdeckError
from tui import words
from tui.ink import Span, said
from tui.pages.past import event_line, is_turn, past_page, picture_at, when_lines
from tui.picture import Picture
from tui.screens.base import READING, DeckScreen
from tui.screens.record import RecordKeys
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.talk import messages_since
from tui.widgets.bars import Bar, Hint
from tui.widgets.board import Board
from tui.widgets.lines import Lines
from tui.widgets.listing import Listing
from tui.widgets.page import Page

if TYPE_CHECKING:
    from core.service.past import Past
    from core.service.views import MessageView

REST = 0.08
"""Seconds that the cursor rests before the whole board of that moment is asked for."""
KEPT_BOARDS = 64


class PastBoard(Board):
    """The board as it was: to be looked at, not to be acted on."""

    can_focus = False
    ORDERS = False

    def show_rows(self, rows: Sequence[BoardRow], now: float, workflow_id: str) -> None:
        """Show these rows and no others."""
        self.model.load(rows)
        self._strips.clear()
        self.now = now
        self._relayout()
        self.select(workflow_id)


class HistoryScreen(Searching, RecordKeys, DeckScreen):
    """Every event of a workflow, and what the world looked like right after it."""

    CSS_PATH = "history.tcss"
    ORDERS = frozenset({"fork"})
    WRITES = frozenset({"write"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,h", "leave", "Back", id="history.close", tooltip="Back to the present."),
        Binding("right", "step(1)", "Later", id="history.later", tooltip="One event later.", show=False),
        Binding(
            "left", "step(-1)", "Earlier", id="history.earlier", tooltip="One event earlier.", show=False
        ),
        Binding(
            "right_square_bracket", "turn(1)", "Next move", id="history.next_move", tooltip="The next move."
        ),
        Binding(
            "left_square_bracket",
            "turn(-1)",
            "Move before",
            id="history.move_before",
            tooltip="The move before.",
        ),
        Binding(
            "v,tab", "view", "Board or workflow", id="history.view", tooltip="The board of then, and back."
        ),
        Binding(
            "f", "fork", "Fork", id="history.fork", tooltip="Begin a new build from here; this one stays."
        ),
        Binding(
            "c", "check", "Check", id="history.check", tooltip="Verify the chain of this workflow's events."
        ),
        Binding(
            "w", "write", "Dossier", id="history.write", tooltip="Write everything known of it to a file."
        ),
        *SEARCH_KEYS,
    ]

    def __init__(self, workflow_id: str) -> None:
        super().__init__()
        self._workflow_id = workflow_id
        self.picture: Picture | None = None
        self._past: Past | None = None
        self._said: list[MessageView] = []
        self._rollbacks = 0
        self._reading = False
        self._boards: OrderedDict[int, Sequence[BoardRow]] = OrderedDict()
        self._asking_board = False
        self._shown_board = -1

    def content(self) -> ComposeResult:
        """That this is the past, where in it, the events, and how it was."""
        yield Bar(READING, id="title")
        yield Lines(id="when")
        with Container(id="halves"):
            yield Listing(id="events")
            yield Page(id="then")
            yield PastBoard(id="then-board")

    def on_mount(self) -> None:
        """Follow the workflow: it may go on while its past is looked at."""
        self.deck.rewatch()
        self._events.focus()

    def watches(self) -> str:
        """The workflow to follow."""
        return self._workflow_id

    def workflow_id(self) -> str:
        """The workflow that is shown."""
        return self._workflow_id

    def searched(self) -> Listing:
        """The events are looked through."""
        return self._events

    def give_focus(self) -> None:
        """To the events."""
        self._events.focus()

    @on(Click, "#when")
    def _scrubbed(self, event: Click) -> None:
        """A click on the line of all events goes to the one that lies there."""
        count, width = self._events.count, event.control.size.width if event.control else 0
        if count and width > 1 and event.y > 0:
            self._events.move_to(round(event.x * (count - 1) / (width - 1)))

    def on_found(self) -> None:
        """Say how many."""
        self._show_when()

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        if self.seeking:
            return SEEKING
        other = "workflow" if self._board_shown else "board"
        return (
            Hint("← →", "scrub"),
            Hint("[ ]", "moves", "screen.turn(1)"),
            Hint("v", other, "screen.view"),
            Hint("f", "fork here", "screen.fork", short="fork"),
            Hint("c", "check the chain", "screen.check", short="check"),
            Hint("w", "dossier", "screen.write"),
            Hint("/", "search", "screen.search"),
            Hint("esc", "present", "screen.leave", short="back"),
        )

    # --- what the app tells it

    def take_picture(self, picture: Picture) -> None:
        """The workflow has gone on, or is seen for the first time."""
        if picture.view.workflow_id != self._workflow_id or not self.is_attached:
            return
        old, self.picture = self.picture, picture
        if old is not None and len(old.events) == len(picture.events):
            return
        events = picture.events
        self._events.fill(
            len(events),
            lambda i, width: event_line(events[i], width),
            [f"{e.event_type} {e.text}" for e in events],
        )
        if old is None:
            self._events.move_to(len(events) - 1)
        self._show()
        self._read()

    def _read(self) -> None:
        if not self._reading:
            self._reading = True
            self.run_worker(self._read_past(), group="past")

    async def _read_past(self) -> None:
        """Fold the history once; every moment of it is at hand from then on."""
        try:
            self._past = await self.deck.link.ask(lambda service: service.past(self._workflow_id))
            await self._read_said()
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
        finally:
            self._reading = False
        self._show()
        past, picture = self._past, self.picture
        if past is not None and picture is not None and len(past.moments) < len(picture.events):
            # It has gone on while it was read.
            self._read()

    async def _read_said(self) -> None:
        """Read what was said since the last time; all of it when a rollback has taken words back."""
        events = self.picture.events if self.picture else ()
        rollbacks = sum(e.data.get("kind") == "rollback" for e in events)
        if rollbacks != self._rollbacks:
            self._said, self._rollbacks = [], rollbacks
        after = self._said[-1].seq if self._said else 0
        new = await self.deck.link.ask(lambda service: messages_since(service, self._workflow_id, after))
        # Of what is no speech only that it was there is told, and that it was taken back.
        self._said += [m if m.kind == "text" else replace(m, text="", data={}) for m in new]

    # --- drawing

    @property
    def _events(self) -> Listing:
        return self.query_one("#events", Listing)

    @property
    def index(self) -> int:
        """The event that is looked at, from 0."""
        return self._events.cursor

    @property
    def _board_shown(self) -> bool:
        return self.has_class("-board")

    @on(Listing.Moved, "#events")
    def _moved(self) -> None:
        self._show()

    @on(Listing.Chosen, "#events")
    def _chosen(self) -> None:
        self.query_one("#then").focus()

    def _show(self) -> None:
        if self.picture is None or not self.is_attached:
            return
        self._show_title()
        self._show_when()
        if self._board_shown:
            self._show_board()
            self.set_timer(REST, self._want_board)
        else:
            self._show_workflow()

    def _show_title(self) -> None:
        assert self.picture is not None  # noqa: S101 - nothing is shown before there is one
        view = self.picture.view
        self.query_one("#title", Bar).show(
            (Span("History  ", "strong bold"), Span(f"{view.build_id}  ", "muted"), said(view.title, "text")),
            self.work_line() or self.match_line(),
        )

    def ages(self) -> tuple[str, ...]:
        """That of the event under the cursor."""
        events = self.picture.events if self.picture else ()
        return words.ages((e.at for e in events[self.index : self.index + 1]), self.deck.now())

    def show_ages(self) -> None:
        """Draw the line of all events anew."""
        self._show_when()

    def show_work(self) -> None:
        """How far it has come stands in the title."""
        if self.picture is not None and self.is_attached:
            self._show_title()

    def _show_when(self) -> None:
        picture, index = self.picture, self.index
        if picture is not None and picture.events:
            self._show_title()
            self.query_one("#when", Lines).show(
                lambda width: when_lines(picture, index, width, self.deck.now())
            )

    def _show_workflow(self) -> None:
        past, now = self._past, self.picture
        if past is None or now is None:
            return
        then = picture_at(now, past.at(self.index + 1), self._said)
        self.query_one("#then", Page).show(lambda width: past_page(then, width), top=True)

    def _show_board(self) -> None:
        rows, picture = self._boards.get(self.index), self.picture
        if rows is not None and picture is not None and self.index < len(picture.events):
            at = picture.events[self.index].at.timestamp()
            self.query_one("#then-board", PastBoard).show_rows(rows, at, self._workflow_id)
            self._shown_board = self.index

    def _want_board(self) -> None:
        """Ask for the board of the moment on which the cursor has come to rest; one question at a time."""
        if self.is_attached and not self._asking_board and self.index not in self._boards:
            self._asking_board = True
            self.run_worker(self._ask_board(self.index), group="past")

    async def _ask_board(self, index: int) -> None:
        try:
            rows = await self.deck.link.ask(
                lambda service: service.board_at(event=(self._workflow_id, index + 1))
            )
            self._boards[index] = rows
            while len(self._boards) > KEPT_BOARDS:
                self._boards.popitem(last=False)
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        finally:
            self._asking_board = False
        if self._board_shown and self.is_attached:
            self._show_board()
            self._want_board()

    @property
    def settled(self) -> bool:
        """Whether what is shown belongs to the event under the cursor."""
        if self._past is None or self._reading:
            return False
        return not self._board_shown or self._shown_board == self.index

    # --- keys

    def action_step(self, step: int) -> None:
        """One event later or earlier."""
        self._events.move_to(self.index + step)

    def action_turn(self, step: int) -> None:
        """To the next move, or the one before."""
        events = self.picture.events if self.picture else ()
        ahead = range(self.index + 1, len(events)) if step > 0 else range(self.index - 1, -1, -1)
        found = next((i for i in ahead if is_turn(events[i])), None)
        if found is not None:
            self._events.move_to(found)

    def action_view(self) -> None:
        """The board instead of the workflow, and back."""
        self.toggle_class("-board")
        self._show()
        self.refresh_hints()

    def action_leave(self) -> None:
        """Back to the present; first stop what is under way, out of a search, from the page to the events."""
        if self.stop_work() or self.end_search():
            return
        if self.focused is not self._events:
            self._events.focus()
            return
        self.dismiss()
