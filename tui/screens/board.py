"""The first screen: what needs the user, what runs, what is done; and a line to the Q Assistant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.board import BoardRow, Totals
from core.machine.states import Condition, State
from core.text import clean
from tui import legal, words
from tui.board_lines import attention_line, closed_lines
from tui.board_model import UP, Sort
from tui.board_place import Remembered, recall, remember
from tui.ink import Line, Span, width_of
from tui.legal import Standing
from tui.screens.actions import BuildActions
from tui.screens.assistant import Assistant
from tui.screens.base import DeckScreen
from tui.widgets.bars import Bar, Hint
from tui.widgets.board import NOTHING_TO_SEE, NOTHING_YET, Board


class BoardScreen(Assistant, BuildActions, DeckScreen):
    """All workflows of this journal."""

    # What is written to the Q Assistant is kept until there is a journal.
    ORDERS = BuildActions.ORDERS - {"chat"}
    WRITES = frozenset({"chat"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash,ctrl+f",
            "filter",
            "Filter",
            id="board.filter",
            tooltip="Show only rows that hold these words.",
        ),
        Binding("v", "view", "Columns", id="board.view", tooltip="List, or columns by phase."),
        Binding(
            "o", "sort(1)", "Order", id="board.sort", tooltip="The next order of rows: newest, oldest, …"
        ),
        Binding("ctrl+o", "turn", "Turn round", id="board.turn", tooltip="The same order the other way."),
        Binding("O", "sort(-1)", "Order back", id="board.sort_back", tooltip="The order before.", show=False),
        Binding(
            "P",
            "project",
            "Project",
            id="board.project",
            tooltip="Show one project only; the next; all again.",
        ),
        Binding("escape", "back", "Back", id="board.back", tooltip="Show all rows again.", show=False),
        Binding("q", "app.leave", "Quit", id="app.leave", tooltip="Leave qdeck; builds may go on."),
    ]

    def __init__(self, rows: Sequence[BoardRow] = (), totals: Totals | None = None) -> None:
        super().__init__(id="board-screen")
        self._rows, self._totals = rows, totals
        self._was = Remembered()

    def content(self) -> ComposeResult:
        """Attention line, board, filter, and the line to the Q Assistant."""
        yield Bar(id="attention")
        yield Bar(id="order")
        yield Board(self._rows, self._totals, id="board")
        yield Bar(id="prompt")

    @property
    def board(self) -> Board:
        """The board as it is shown: the list, or the columns."""
        return self.query_one("#columns" if self.has_class("-columns") else "#board", Board)

    @property
    def rows_list(self) -> Board:
        """The list, which takes in what changed."""
        return self.query_one("#board", Board)

    def on_mount(self) -> None:
        """Draw what is known, and keep ages current."""
        self._was = recall(self.deck.state_file)
        model = self.rows_list.model
        model.sort, model.project = self._was.order, self._was.project
        model.turned = bool(self._was.turned)
        if self._was.pattern or self._was.project or self._was.order is not model.sort.NEWEST:
            model.filter(self._was.pattern)
        self.board.now = self.deck.now()
        if self._was.selected:
            self.board.select(self._was.selected)
        self.board.focus()
        if self._was.view == "columns":
            self.call_after_refresh(self.action_view)
        self.set_interval(1.0, self._tick)
        self.refresh_top()

    def keep_place(self) -> None:
        """Write down where the user is, for the next start."""
        model = self.rows_list.model
        remember(
            self.deck.state_file,
            Remembered(
                "columns" if self.has_class("-columns") else "list",
                model.sort.name,
                "turned" if model.turned else "",
                model.project,
                model.pattern,
                self.board.cursor or "",
            ),
        )

    def on_screen_resume(self) -> None:
        """No single workflow is followed while the board is shown."""
        self.deck.rewatch()
        self.refresh_top()

    # --- what the app tells it

    def update_rows(self, rows: Sequence[BoardRow], *, complete: bool) -> None:
        """Take in changed rows; `complete` once all are there."""
        if complete:
            self.rows_list.model.complete()
        self.rows_list.update_rows(rows)
        if self.has_class("-columns"):
            self.board.update_rows(rows)
        if complete and self._was.selected:
            # It may lie beyond what the first frame knew.
            wanted, self._was.selected = self._was.selected, ""
            if self.board.cursor in (None, self.board.model.at(0)):
                self.board.select(wanted)
        if self.is_current:
            self.refresh_top()

    def refresh_top(self) -> None:
        """Bring the attention line and the prompt up to date."""
        if not self.query("#attention"):
            return
        lost = self.deck.trouble and not self.deck.journal_open
        empty = NOTHING_TO_SEE if self.deck.options.read_only else NOTHING_YET
        says = closed_lines(self.deck.trouble, self.size.width) if lost else empty
        if says != self.board.placeholder:
            self.board.placeholder = says
            self.board.refresh()
        model, right = self.rows_list.model, self._right()
        line = attention_line(model)
        if 0 < self.size.width < width_of((*line, *right)) + 6:
            line = attention_line(model, short=0 < self.size.width < width_of((*line, right[-1])) + 6)
            # What is spent is worth more than a word for what is as it should be.
            right = right[-1:] if right[-1].text == words.OK else right
        self.query_one("#attention", Bar).show(line, right)
        self.query_one("#prompt", Bar).show(self._prompt())
        order = self.query_one("#order", Bar)
        order.show(*self._order())
        chosen = model.sort is not Sort.NEWEST or model.project or model.pattern
        order.set_class(bool(chosen) or self.has_class("-columns"), "-shown")
        self.refresh_hints()

    def give_focus(self) -> None:
        """To the board, where the keys count."""
        self.board.focus()

    def standing(self) -> Standing | None:
        """How the workflow under the cursor stands."""
        row = self.board.row
        return standing_of(row) if row else None

    def workflow_id(self) -> str:
        """The workflow under the cursor; empty when there is none."""
        return self.board.cursor or ""

    def hints(self) -> Sequence[Hint]:
        """The keys for the workflow under the cursor."""
        if isinstance(self.focused, Input):
            return (Hint("enter", "keep the filter"), Hint("esc", "show all again"))
        if not isinstance(self.focused, Board):
            on = (Hint("f8", "next decision", "app.next_need"),) if self.deck.needs_elsewhere() else ()
            return (*_WRITING, *on)
        standing, opened = self.standing(), self.deck.journal_open
        if standing is None:
            return (
                Hint("ctrl+n", "new build", "app.new", bool(self.deck.refusal())),
                Hint("c", "chat", "screen.chat", bool(self.deck.trouble)),
                Hint("q", "quit"),
            )

        def hint(key: str, label: str, action: str, short: str = "") -> Hint:
            return Hint(key, label, f"screen.{action}", not self.can(action), short)

        return (
            Hint("enter", "open", "screen.open"),
            hint("a", self.approve_word, "approve"),
            hint("r", "retry", "retry"),
            hint("b", "roll back", "rollback", "back"),
            Hint("n", "next", "screen.next_need"),
            Hint("ctrl+n", "new", "app.new", not opened or bool(self.deck.refusal())),
            Hint("/", "filter", "screen.filter"),
            Hint("v", "list" if self.has_class("-columns") else "columns", "screen.view"),
            Hint("o", "order", "screen.sort(1)"),
            *((Hint("P", "project", "screen.project"),) if len(self.board.model.projects()) > 1 else ()),
            hint("p", legal.pause_word(standing), "pause"),
            hint("x", "cancel", "cancel"),
            Hint("c", "chat", "screen.chat"),
        )

    def _tick(self) -> None:
        """Ages run, here or on the screen that covers the board; where all is done it stays still."""
        # Below a question the screen shows through.
        shown = next(s for s in reversed(self.deck.screen_stack) if isinstance(s, DeckScreen))
        if shown is self:
            self.board.now = self.deck.now()
            return
        self.rows_list.set_reactive(Board.now, self.deck.now())
        if shown.is_attached:
            shown.tick()

    def _right(self) -> Line:
        if self.deck.trouble:
            return (Span(f"{words.BAD} {clean(self.deck.trouble, lines=False)}", "bad"),)
        if not self.deck.journal_open:
            return (Span("opening the journal", "muted"),)
        if self.deck.options.read_only:
            return (Span("to look only", "need"),)
        if self.deck.worker_struggling:
            return (Span(f"{words.BAD} the worker does not stay up", "bad"),)
        if self.deck.worker_alive:
            return (Span("worker ", "faint"), Span(words.OK, "ok"))
        starting = self.deck.options.start_worker
        return (Span("the worker is starting" if starting else "no worker", "muted"),)

    def _order(self) -> tuple[Line, Line]:
        """The filter and what it leaves, the orders to choose from, the project that is shown, the view."""
        model = self.rows_list.model
        spans: list[Span] = []
        if model.pattern:
            totals = model.totals()
            count = totals.need + totals.running + totals.waiting + totals.done
            spans += [
                Span("filter  ", "faint"),
                Span(clean(model.pattern, lines=False, limit=30), "need bold", "screen.filter"),
                Span(f"  {model.shown:,} of {count:,}    ", "text"),
            ]
        spans.append(Span("order", "faint"))
        for sort in Sort:
            ink = "strong bold underline" if sort is model.sort else "muted"
            spans += [Span("  ")]
            mark = f" {UP}" if sort is model.sort and model.turned else ""
            spans.append(Span(sort.value + mark, ink, f"screen.sort_by('{sort.name}')"))
        project = clean(model.project, lines=False, limit=30) or "all projects"
        view = "columns" if self.has_class("-columns") else "list"
        right = (
            Span(project, "need" if model.project else "muted", "screen.project"),
            Span("   "),
            Span(view, "muted", "screen.view"),
        )
        return tuple(spans), right

    def _prompt(self) -> Line:
        if self.deck.refusal():
            return (Span("❯ c  tell the Q Assistant what to build", "faint"),)
        project = self.deck.project_name
        where = (Span(" in ", "muted"), Span(clean(project, lines=False), "strong")) if project else ()
        return (
            Span("❯ ", "role bold", "screen.chat"),
            Span("c", "run bold", "screen.chat"),
            Span("  tell the Q Assistant what to build", "muted", "screen.chat"),
            *where,
        )

    # --- keys

    @on(Board.Selected)
    def _selected(self) -> None:
        self.refresh_hints()

    @on(Board.Opened)
    def _opened(self, event: Board.Opened) -> None:
        self.deck.open_workflow(event.workflow_id)

    @on(Board.Sought)
    def _sought(self, event: Board.Sought) -> None:
        """A key acts on what is seen: what is hidden is shown first."""
        self.board.model.filter_project("")
        self.action_back()
        self._rearranged()
        self.board.select(event.workflow_id)

    def action_open(self) -> None:
        """Open the workflow under the cursor."""
        self.board.action_open()

    def action_copy(self) -> None:
        """Copy what is selected, else which workflow is under the cursor."""
        row = self.board.row
        self.copy_out(clean(f"{row.build_id} {row.title}", lines=False) if row else "")

    def action_next_need(self) -> None:
        """To the next workflow that needs the user."""
        self.board.action_next_need()

    async def action_view(self) -> None:
        """Show the list, or the columns."""
        cursor = self.board.cursor
        if not self.query("#columns"):
            from tui.widgets.columns import Columns

            await self.mount(Columns(self.rows_list.model, id="columns"), after="#board")
        self.toggle_class("-columns")
        shown = self.board
        shown.now = self.deck.now()
        shown.cursor = cursor
        shown.rearrange()
        shown.focus()
        self.refresh_top()

    def action_sort(self, step: int) -> None:
        """Give the rows the next order."""
        orders = list(Sort)
        self.action_sort_by(orders[(orders.index(self.board.model.sort) + step) % len(orders)].name)

    def action_sort_by(self, name: str) -> None:
        """Give the rows of each group an order; what has it already is turned round."""
        model = self.board.model
        if model.sort is Sort[name]:
            model.turn()
        else:
            model.sort_by(Sort[name])
        self._rearranged()

    def action_turn(self) -> None:
        """Turn the order of the rows round."""
        self.board.model.turn()
        self._rearranged()

    def action_project(self) -> None:
        """Show the rows of the next project only; after the last one all again."""
        model = self.board.model
        projects = ["", *model.projects()]
        here = projects.index(model.project) if model.project in projects else 0
        model.filter_project(projects[(here + 1) % len(projects)])
        self._rearranged()

    def _rearranged(self) -> None:
        self.board.rearrange()
        self.board.select(self.board.cursor or "")
        self.refresh_top()

    async def action_filter(self) -> None:
        """Open the line in which the filter is written."""
        found = self.query("#filter")
        if not found:
            words_ = self.board.model.pattern
            field = Input(words_, placeholder="words that the rows hold", id="filter", compact=True)
            field.cursor_blink = False
            await self.mount(field, after="#board")
        field = self.query_one("#filter", Input)
        field.add_class("-open")
        field.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self.board.model.filter(event.value)
        self.board.rearrange()
        self.refresh_top()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.board.focus()

    def action_back(self) -> None:
        """Give up a start, forget what is selected, or close what is open: the filter, the composer."""
        if self.deck.give_up_start():
            return
        if self.get_selected_text():
            self.clear_selection()
            return
        for field in self.query("#filter").results(Input):
            with field.prevent(Input.Changed):
                field.value = ""
            field.remove_class("-open")
        if self.board.model.pattern:
            self.board.model.filter("")
            self._rearranged()
        self.board.focus()


def standing_of(row: BoardRow) -> Standing:
    """Return how a row stands, for the keys."""
    return Standing(row.build_id, State(row.state), Condition(row.condition), row.waiting_for)


_WRITING = (Hint("enter", "send"), Hint("ctrl+j", "new line"), Hint("esc", "leave"))
