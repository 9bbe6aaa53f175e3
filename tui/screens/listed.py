"""What screens share that are a list and below it everything about the entry under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult

from core.errors import QdeckError
from tui.ink import Line, Span, wrap
from tui.screens.base import DeckScreen
from tui.screens.searching import SEEKING, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.lines import Lines
from tui.widgets.listing import Listing

Entry = TypeVar("Entry")


class ListedScreen(Searching, DeckScreen, Generic[Entry]):
    """Reads its entries from the journal, lists them, and tells all about one. The keys are a subclass's."""

    CSS_PATH = "listed.tcss"
    HEADING: ClassVar[str]
    """What stands on top."""
    NONE_YET: ClassVar[str]
    """What is said below a list without entries."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: Sequence[Entry] = ()
        self.settled = False

    # --- given by the subclass

    async def entries_now(self) -> Sequence[Entry]:
        """Ask the journal for the entries as they are now. May raise QdeckError."""
        raise NotImplementedError

    def line_of(self, entry: Entry, width: int) -> Line:
        """The line of an entry."""
        raise NotImplementedError

    def text_of(self, entry: Entry) -> str:
        """What a search finds an entry by."""
        raise NotImplementedError

    def about(self, entry: Entry, width: int) -> list[Line]:
        """Everything about an entry."""
        raise NotImplementedError

    def deeds(self, chosen: Entry | None) -> Sequence[Hint]:
        """The keys of this list for the entry under the cursor."""
        raise NotImplementedError

    # --- shared

    def content(self) -> ComposeResult:
        """The entries, and everything about the one under the cursor."""
        yield Bar((Span(self.HEADING, "strong bold"),), id="title")
        yield Listing(id="list")
        yield Lines(self._about, id="about")

    def on_mount(self) -> None:
        """Ask for them."""
        self._list.focus()
        self.read()

    def hints(self) -> Sequence[Hint]:
        """Choose, what can be done with it, search, leave."""
        if self.seeking:
            return SEEKING
        return (
            Hint("j k", "choose"),
            *self.deeds(self.chosen),
            Hint("/", "search", "screen.search"),
            Hint("esc", "back", "screen.leave"),
        )

    @property
    def _list(self) -> Listing:
        return self.query_one("#list", Listing)

    @property
    def chosen(self) -> Entry | None:
        """The entry under the cursor."""
        index = self._list.cursor if self.query("#list") else 0
        return self.entries[index] if index < len(self.entries) else None

    def searched(self) -> Listing:
        """The list is looked through."""
        return self._list

    def give_focus(self) -> None:
        """To the list."""
        self._list.focus()

    def on_found(self) -> None:
        """Say how many."""
        self.query_one("#title", Bar).show((Span(self.HEADING, "strong bold"),), self.match_line())

    def read(self) -> None:
        """Read the entries again."""
        self.run_worker(self.load(), group="entries", exclusive=True)

    async def load(self) -> None:
        """Show the entries as they are now."""
        try:
            found = await self.entries_now()
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        if self.is_attached:
            self.take(found)

    def take(self, entries: Sequence[Entry]) -> None:
        """Show these; the cursor stays where it is."""
        self.entries = entries
        texts = [self.text_of(entry) for entry in entries]
        self._list.fill(len(entries), lambda i, width: self.line_of(entries[i], width), texts)
        self.settled = True
        self._show_about()

    @on(Listing.Moved, "#list")
    def _show_about(self) -> None:
        self.query_one("#about", Lines).show(self._about)
        self.refresh_hints()

    def _about(self, width: int) -> list[Line]:
        chosen = self.chosen
        if chosen is None:
            return wrap((Span(self.NONE_YET if self.settled else "reading", "muted"),), width)
        return self.about(chosen, width)

    def action_leave(self) -> None:
        """Out of the search, then back."""
        if not self.end_search():
            self.deck.pop_screen()
