"""The board as columns by phase: one widget on the line API, with the rows, cursor and keys of the list."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip

from core.board import BoardRow
from core.machine.states import PHASES, STATES, Condition, State
from core.text import clean
from tui import words
from tui.board_lines import now_line, where
from tui.board_model import BoardModel, Group
from tui.ink import Line, Span, cut_line, fit, plain, width_of, wrap
from tui.track import phase_mark
from tui.widgets.board import Board
from tui.widgets.selecting import EDGE

NARROWEST = 19
"""Cells of a column. Where not all of them fit, empty ones give way, then those far from the cursor."""
CARD = 5
"""Lines of a card, the blank one behind it included."""


def column_of(row: BoardRow) -> int:
    """Return the column of a row: that of its phase, a handoff with who hands over; what is done is last."""
    state = State(row.state)
    if state is State.COMPLETE or row.condition == Condition.CANCELLED:
        return len(PHASES)
    return max(i for i, phase in enumerate(PHASES) if STATES[phase].rank <= STATES[state].rank)


class Columns(Board):
    """The workflows, in a column for each phase."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "across(1)", "Right", id="move.right", tooltip="One column right.", show=False),
        Binding("left", "across(-1)", "Left", id="move.left", tooltip="One column left.", show=False),
    ]

    def __init__(self, model: BoardModel, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.model = model
        self._lanes_now = self._lanes()
        self._drawn_in = 0

    # --- where things are

    def _lanes(self) -> list[list[str]]:
        lanes: list[list[str]] = [[] for _ in range(len(PHASES) + 1)]
        done = self.model.members(Group.DONE)
        for workflow_id in [*self.model.order()[: self.model.shown - len(done)], *done[:200]]:
            lanes[column_of(self.model.rows[workflow_id])].append(workflow_id)
        return lanes

    def _window(self, width: int) -> tuple[list[int], int]:
        """The columns that are shown, and how wide each is."""
        lanes, here = self._lanes_now, self._at[0]
        count = max(1, min(len(lanes), width // NARROWEST))
        filled = self._filled()
        first = max(0, min(filled.index(here) - count // 2, len(filled) - count))
        empty = [column for column in range(len(lanes)) if column not in filled]
        shown = [*filled[first : first + count], *empty[: max(0, count - len(filled))]]
        return sorted(shown), width // count

    def _filled(self) -> list[int]:
        """The columns that hold something, and the one with the cursor."""
        here = self._at[0]
        return [column for column, lane in enumerate(self._lanes_now) if lane or column == here]

    @property
    def _at(self) -> tuple[int, int]:
        """Column and place of the cursor."""
        row = self.row
        if row is None:
            return 0, 0
        column = column_of(row)
        lane = self._lanes_now[column]
        return column, lane.index(row.workflow_id) if row.workflow_id in lane else 0

    # --- drawing

    def update_rows(self, rows: object) -> None:
        """The list takes the rows in; here they are only drawn."""
        self._relayout()

    def watch_now(self) -> None:
        """Ages may have changed."""
        self.refresh()

    def watch_cursor(self, old: str | None, new: str | None) -> None:
        """Bring the card under the cursor into sight."""
        if not self.is_attached:
            return
        self._show_cursor()
        self.refresh()
        self.post_message(self.Selected(new))

    def _relayout(self) -> None:
        self._lanes_now = self._lanes()
        if self._cursor_is_lost():
            self.cursor = self.model.at(0)
        self.holds(self.size.width, 2 + CARD * max((len(lane) for lane in self._lanes_now), default=0))
        self.refresh()

    def on_resize(self) -> None:
        """Other columns fit."""
        self._relayout()

    def repaint(self) -> None:
        """Everything is drawn anew anyway."""
        self.refresh()

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line across all columns."""
        if not self.model.shown:
            return self._empty_strip(y, width)
        shown, size = self._window(width)
        # The names of the columns stay in sight.
        if y - self.scroll_offset.y < 2:
            return self.strip(self._names(shown, size, rule=y - self.scroll_offset.y == 1), width)
        spans: list[Span] = []
        for column in shown:
            card = self._cell(column, y, size)
            spans += [*card, Span(" " * (size - width_of(card)))]
        return self.strip(tuple(spans), width)

    def _cell(self, column: int, y: int, size: int) -> Line:
        """What one column shows on a line."""
        index, part = divmod(y - 2, CARD)
        lane = self._lanes_now[column]
        card = self._card(lane[index], part, size - 1) if 0 <= index < len(lane) else ()
        return cut_line(card, size - 1)

    # --- selecting: within the column in which the mouse went down

    def begin_at(self, x: int, y: int) -> None:
        """A drag stays in its column."""
        shown, size = self._window(self.scrollable_content_region.width)
        self._drawn_in = shown[min(len(shown) - 1, max(0, x) // size)]

    def plain_line(self, y: int) -> str:
        """Return a line of a card, without the cursor's bar."""
        _, size = self._window(self.scrollable_content_region.width)
        return plain([self._cell(self._drawn_in, y, size)])[EDGE:]

    def line_count(self) -> int:
        """How many lines there are."""
        return max(1, self.virtual_size.height)

    def stretch(self, y: int) -> tuple[int, int, int]:
        """The text of a card stands behind its bar."""
        shown, size = self._window(self.scrollable_content_region.width)
        left = size * (shown.index(self._drawn_in) if self._drawn_in in shown else 0)
        return left + EDGE, left + EDGE, left + size

    def _names(self, shown: list[int], size: int, *, rule: bool) -> Line:
        spans: list[Span] = []
        filled = self._filled()
        for column in shown:
            here = column == self._at[0]
            if rule:
                spans.append(Span("─" * (size - 1) + " ", "run" if here else "rule"))
                continue
            name = PHASES[column].value if column < len(PHASES) else "done"
            count = len(self._lanes_now[column])
            if column == len(PHASES):
                count = self.model.count(Group.DONE)
            # A step to the right, as what stands on the cards below.
            before, behind = column == shown[0] > filled[0], column == shown[-1] < filled[-1]
            ends = ("‹ " if before else "  ", " ›" * behind)
            text = f"{ends[0]}{name} {count or ''}{ends[1]}"
            spans.append(Span(fit(text, size), "strong bold" if here else "muted", f"column({column})"))
        return tuple(spans)

    def _card(self, workflow_id: str, part: int, width: int) -> Line:
        row = self.model.rows[workflow_id]
        selected = workflow_id == self.cursor
        on = " on-cursor" if selected else ""
        bar = Span("▌ " if selected else "  ", ("run bold" if self.has_focus else "faint") + on)
        if part == CARD - 1:
            return ()
        if part == 0:
            state, condition = where(row)
            phase = min(column_of(row), len(PHASES) - 1)
            mark, ink = phase_mark(phase, state, condition, row.evidence)
            if condition is Condition.CANCELLED:
                mark, ink = words.CANCELLED, "muted"
            age = words.due(row, self.now)[0] or self._age(row)
            called = f"{row.build_id} {words.FORK}" if row.fork_of else row.build_id
            name = clean(called, lines=False)
            if len(name) > width - 5 - len(age):
                # The glyph before it says whether the time stands still or is over.
                age = age.replace(" due ", " ").replace(" late ", " ")
            name = fit(name, max(1, width - 5 - len(age)))
            line: Line = (Span(f"{mark} ", ink), Span(name, "muted"), Span(f" {age}", "muted"))
        elif part < CARD - 2:
            title = wrap((Span(clean(row.title, lines=False, limit=200), "strong bold"),), width - 2)
            rest = ("".join(s.text for row in title[1:] for s in (*row, Span(" "))),) if part == 2 else ()
            line = (Span(rest[0], "strong bold"),) if rest else title[0]
        else:
            state, condition = where(row)
            waits = condition is Condition.WAITING and state is not State.COMPLETE
            # The glyph above says that somebody is needed; the few cells are for what it is.
            short = (Span(words.waits_for(row.waiting_for, short=True), "need bold"),)
            line = short if waits else now_line(row)
        line = cut_line(line, width - 2)
        gap = Span(" " * (width - 2 - width_of(line)))
        return (bar, *(s._replace(ink=s.ink + on) for s in (*line, gap)))

    def _show_cursor(self) -> None:
        top = 2 + CARD * self._at[1]
        height = self.scrollable_content_region.height
        if top - 2 < self.scroll_offset.y:
            self.scroll_to(y=top - 2, animate=False, immediate=True, force=True)
        elif height and top + CARD > self.scroll_offset.y + height:
            self.scroll_to(y=top + CARD - height, animate=False, immediate=True, force=True)

    # --- keys and mouse

    def move_by(self, rows: int) -> None:
        """Some cards down in the column, or up."""
        column, place = self._at
        lane = self._lanes_now[column]
        if lane:
            self.cursor = lane[max(0, min(len(lane) - 1, place + rows))]

    @property
    def page_lines(self) -> int:
        """How many cards of a column are seen at once."""
        return self.size.height // CARD

    def action_across(self, step: int) -> None:
        """To the next column that holds something, or the one before."""
        column, place = self._at
        column += step
        while 0 <= column < len(self._lanes_now):
            lane = self._lanes_now[column]
            if lane:
                self.cursor = lane[min(place, len(lane) - 1)]
                return
            column += step

    def action_column(self, column: int) -> None:
        """To the first card of a column."""
        if self._lanes_now[column]:
            self.cursor = self._lanes_now[column][0]

    def action_top(self) -> None:
        """To the first card of the column."""
        self.move_by(-1_000_000)

    def action_bottom(self) -> None:
        """To the last card of the column."""
        self.move_by(1_000_000)

    def under(self, x: int, y: int) -> str | None:
        """Return the workflow whose card is under a cell of the window."""
        shown, size = self._window(self.scrollable_content_region.width)
        lane = self._lanes_now[shown[min(len(shown) - 1, x // size)]]
        place = (y + int(self.scroll_offset.y) - 2) // CARD
        return lane[place] if y >= 2 and place < len(lane) else None

    def on_focus(self) -> None:
        """The card under the cursor shows the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The card under the cursor shows the focus."""
        self.refresh()
