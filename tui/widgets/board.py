"""The board: all workflows in one widget on the line API. Draws only what is visible; fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from core.board import BoardRow, Totals
from core.text import clean
from tui import words
from tui.board_lines import first_line, heading_line, second_line, wide_line
from tui.board_model import BoardModel, Place
from tui.ink import Line, Span, cut_line
from tui.keys import BUILD_KEYS, COPY_KEY, MOVE_KEYS
from tui.widgets.selecting import EDGE, Selecting

ONE_LINE_FROM = 150
"""From this width on a row is one line; below it two, so that nothing has to be left out."""

NOTHING_YET: tuple[Line, ...] = (
    (Span("Nothing is being built yet.", "strong bold"),),
    (),
    (Span("ctrl+n", "run bold"), Span("   start a build", "text")),
    (Span("c     ", "run bold"), Span("   tell the Q Assistant what you need", "text")),
    (Span("?     ", "run bold"), Span("   all keys", "text")),
)
"""What a board without workflows says."""
NOTHING_TO_SEE: tuple[Line, ...] = (
    *NOTHING_YET[:2],
    *(tuple(span._replace(ink="faint") for span in line) for line in NOTHING_YET[2:4]),
    *NOTHING_YET[4:],
)
"""The same to somebody who may only look."""


class Board(Selecting):
    """The workflows, grouped by who has to act next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVE_KEYS,
        *BUILD_KEYS,
        COPY_KEY,
        Binding(
            "enter",
            "open",
            "Open",
            id="board.open",
            tooltip="Open the workflow: its conversation and evidence.",
        ),
        Binding(
            "n", "next_need", "Next decision", id="next", tooltip="Go to the next workflow that needs you."
        ),
    ]

    ORDERS: ClassVar[bool] = True
    """Whether a click on the name of a column orders the rows by it."""

    now: var[float] = var(0.0)
    """The time that ages are counted to, in seconds since 1970."""
    cursor: var[str | None] = var(None)
    """The workflow under the cursor."""

    @dataclass
    class Opened(Message):
        """The user opened a workflow."""

        workflow_id: str

    @dataclass
    class Selected(Message):
        """The cursor went to another workflow, or the one under it changed."""

        workflow_id: str | None

    @dataclass
    class Sought(Message):
        """The user goes to a workflow that the filter or the project hides."""

        workflow_id: str

    def __init__(
        self, rows: Sequence[BoardRow] = (), totals: Totals | None = None, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.model = BoardModel()
        self.model.load(rows, totals)
        self.placeholder: Sequence[Line] = NOTHING_YET
        self._strips: dict[tuple[str, int], tuple[tuple[object, ...], Strip]] = {}
        self._last_position = 0
        self._view: tuple[object, ...] = ()
        self.set_reactive(Board.cursor, self.model.at(0))

    # --- what the screen tells it

    def update_rows(self, rows: Sequence[BoardRow]) -> None:
        """Take in changed rows; lines that did not change are not drawn again."""
        told = self.model.tells_project
        moved, changed = self.model.upsert(rows)
        if told != self.model.tells_project:
            self.refresh()
        if moved and (self._visible() != self._view or self._cursor_is_lost()):
            self._relayout()
        else:
            self.holds(self.size.width, self.model.height)
            for workflow_id in changed:
                self._redraw(workflow_id)
        if self.cursor in changed:
            self.post_message(self.Selected(self.cursor))

    def rearrange(self) -> None:
        """The model's filter or order changed: lay it out anew."""
        self._relayout()

    @property
    def row(self) -> BoardRow | None:
        """The row under the cursor."""
        return self.model.rows.get(self.cursor) if self.cursor else None

    def select(self, workflow_id: str) -> None:
        """Put the cursor on a workflow, if it is shown."""
        if self.model.line_of(workflow_id) is not None:
            self.cursor = workflow_id

    # --- drawing

    def repaint(self) -> None:
        """Forget all strips."""
        self._strips.clear()

    def on_resize(self) -> None:
        """Choose the form of rows that fits the width."""
        self.model.row_height = 1 if self.size.width >= ONE_LINE_FROM else 2
        self._relayout()

    def watch_now(self) -> None:
        """Draw the rows again whose age now reads otherwise."""
        for workflow_id in {place.workflow_id for place in self._places() if place.workflow_id}:
            cached = self._strips.get((workflow_id, 0))
            row = self.model.rows[workflow_id]
            if cached is None or cached[0][-2:] != (words.due(row, self.now)[0], self._age(row)):
                self._redraw(workflow_id)

    def watch_cursor(self, old: str | None, new: str | None) -> None:
        """Draw the two rows again and keep the cursor in sight."""
        for workflow_id in (old, new):
            if workflow_id:
                self._redraw(workflow_id)
        self._last_position = self.model.position(new) or 0 if new else 0
        self._show_cursor()
        self.post_message(self.Selected(new))

    def line_strip(self, y: int, width: int) -> Strip:
        """Draw one line of the board."""
        if not self.model.shown:
            return self._empty_strip(y, width)
        place = self.model.place(y)
        if place.heading:
            columns = self.ORDERS and y == 0
            return self.strip(heading_line(place.heading, self.model, width, columns=columns), width)
        if not place.workflow_id:
            return Strip.blank(width, self.style_of("text"))
        return self._row_strip(place, width)

    def plain_line(self, y: int) -> str:
        """Return a line as it is drawn, without the cursor's bar."""
        return self.line_strip(y, self.scrollable_content_region.width).text[EDGE:]

    def line_count(self) -> int:
        """How many lines there are."""
        return max(1, self.model.height)

    def stretch(self, y: int) -> tuple[int, int, int]:
        """The text stands behind the bar."""
        return EDGE, EDGE, self.size.width

    def _row_strip(self, place: Place, width: int) -> Strip:
        row = self.model.rows[place.workflow_id]
        selected = place.workflow_id == self.cursor
        age = self._age(row)
        due = words.due(row, self.now)[0]
        project = self.model.tells_project
        key = (row, project, width, self.model.row_height, selected, selected and self.has_focus, due, age)
        cached = self._strips.get((place.workflow_id, place.part))
        if cached and cached[0] == key:
            return cached[1]
        if len(self._strips) > 2000:
            self._strips.clear()
        if self.model.row_height == 1:
            line = wide_line(row, width - 3, age, self.now, project=project)
        elif place.part == 0:
            line = first_line(row, width - 3, age, project=project)
        else:
            line = second_line(row, width - 3, self.now)
        bar = Span("▌ " if selected else "  ", "run bold" if self.has_focus else "faint")
        strip = self.strip((bar, *line), width, "cursor" if selected else "")
        self._strips[(place.workflow_id, place.part)] = (key, strip)
        return strip

    def _age(self, row: BoardRow) -> str:
        return words.age(self.now - (row.completed_at or row.created_at)) if self.now else ""

    def _places(self) -> list[Place]:
        """What lies on the lines that are visible."""
        top = self.scroll_offset.y
        return [self.model.place(y) for y in range(top, top + self.size.height)]

    def _empty_strip(self, y: int, width: int) -> Strip:
        lines: Sequence[Line] = self.placeholder
        if self.model.pattern:
            lines = (
                (
                    Span("No workflow matches ", "text"),
                    Span(clean(self.model.pattern, lines=False), "need bold"),
                ),
                (),
                (Span("esc", "run bold"), Span("   shows all again", "text")),
            )
        index = y - max(0, (self.size.height - len(lines)) // 2 - 1)
        if not 0 <= index < len(lines):
            return Strip.blank(width, self.style_of("text"))
        widest = max(sum(len(s.text) for s in line) for line in lines)
        left = " " * max(0, (width - widest) // 2)
        return self.strip(cut_line((Span(left), *lines[index]), width), width)

    def _cursor_is_lost(self) -> bool:
        return self.cursor is None or self.model.line_of(self.cursor) is None

    def _relayout(self) -> None:
        if self._cursor_is_lost():
            self.cursor = self.model.at(self._last_position)
        else:
            self._last_position = (self.model.position(self.cursor) if self.cursor else None) or 0
        self.holds(self.size.width, self.model.height)
        self.refresh()
        self._view = self._visible()

    def _visible(self) -> tuple[object, ...]:
        """What a change out of sight leaves as it is: which row is where, and the counts in headings."""
        places = self._places()
        return (*places, *(self.model.count(place.heading) for place in places if place.heading))

    def _redraw(self, workflow_id: str) -> None:
        line = self.model.line_of(workflow_id)
        if line is None:
            return
        y = line - self.scroll_offset.y
        if -self.model.row_height < y < self.size.height:
            self.refresh(Region(0, y, self.size.width, self.model.row_height))

    def _show_cursor(self) -> None:
        line = self.model.line_of(self.cursor) if self.cursor else None
        if line is None:
            return
        # The heading above the first row of a group comes into sight with it.
        top = line - 1 if self.model.place(line - 1).heading else line
        bottom = line + self.model.row_height
        height = self.scrollable_content_region.height
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True, force=True)
        elif height and bottom > self.scroll_offset.y + height:
            self.scroll_to(y=bottom - height, animate=False, immediate=True, force=True)

    # --- keys and mouse

    def move_by(self, rows: int) -> None:
        """Some rows down, or up."""
        position = self.model.position(self.cursor) if self.cursor else None
        self.cursor = self.model.at((position or 0) + rows)

    @property
    def page_lines(self) -> int:
        """How many rows are seen at once."""
        return self.size.height // self.model.row_height

    def action_top(self) -> None:
        """To the first row."""
        self.cursor = self.model.at(0)
        self.scroll_home(animate=False, immediate=True)

    def action_bottom(self) -> None:
        """To the last row."""
        self.cursor = self.model.at(self.model.shown)

    def action_open(self) -> None:
        """Open the workflow under the cursor."""
        if self.cursor:
            self.post_message(self.Opened(self.cursor))

    def action_next_need(self) -> None:
        """To the next workflow that needs the user."""
        found = self.model.next_that_needs(self.cursor)
        if found and self.model.line_of(found) is None:
            self.post_message(self.Sought(found))
        elif found:
            self.cursor = found
        else:
            self.app.notify("Nothing needs you right now.", markup=False)

    def under(self, x: int, y: int) -> str | None:
        """Return the workflow under a cell of the window; None when there is none."""
        return self.model.place(y + int(self.scroll_offset.y)).workflow_id or None

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on what is there; a second click opens it."""
        found = self.under(event.x, event.y)
        if found is None or self.text_selection is not None:
            return
        if found == self.cursor and event.chain > 1:
            self.action_open()
        self.cursor = found

    def on_focus(self) -> None:
        """The bar at the cursor shows the focus."""
        self._redraw(self.cursor or "")

    def on_blur(self) -> None:
        """The bar at the cursor shows the focus."""
        self._redraw(self.cursor or "")
