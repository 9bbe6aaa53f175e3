"""What screens share in which one can search: `/` opens a line to write in, `n` and `N` go from match to
match, escape forgets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.ink import Line, Span
from tui.keys import COPY_KEY
from tui.search import Found
from tui.widgets.bars import Hint

if TYPE_CHECKING:
    from tui.screens.base import Whole

    _Base = Whole[Any]
else:
    _Base = object

FIND_KEYS: list[BindingType] = [
    Binding(
        "slash,ctrl+f",
        "search",
        "Search",
        id="search.open",
        tooltip="Find words; n and N go from one to the next.",
    ),
    Binding("n", "match(1)", "Next match", id="search.next", tooltip="The next match.", show=False),
    Binding("N", "match(-1)", "Match before", id="search.before", tooltip="The match before.", show=False),
]
SEARCH_KEYS: list[BindingType] = [*FIND_KEYS, COPY_KEY]


SEEKING = (Hint("enter", "keep"), Hint("esc", "forget"))
"""The hints while it is written what to look for."""


class Searched(Protocol):
    """A widget that can be searched."""

    found: Found

    @property
    def line(self) -> int:
        """The line that a search counts from."""

    def search(self, needle: str) -> Found:
        """Mark `needle` and go to the first match from here."""

    def seek(self, step: int) -> None:
        """Go to the next match, or the one before."""

    def copied(self) -> str:
        """What is copied of it: the line found or chosen, else all that it shows."""


class Searching(_Base):
    """A screen with `SEARCH_KEYS`; `searched` says what is looked through."""

    SEARCH_BEFORE: ClassVar[str] = "#hints"
    """Above what the line to write in stands."""

    def searched(self) -> Searched:
        """The widget that is looked through now."""
        raise NotImplementedError

    def give_focus(self) -> None:
        """Put the focus back where the matches are."""
        raise NotImplementedError

    def on_found(self) -> None:
        """Something was looked for; show how much was found, in the hints where there is no better place."""
        self.refresh_hints()

    def matches(self) -> str:
        """How many matches there are, in words for a hint."""
        return "".join(span.text for span in self.match_line()) or "matches"

    @property
    def seeking(self) -> bool:
        """Whether it is being written what to look for."""
        return bool(self.query("#search.-open"))

    async def action_search(self) -> None:
        """Open the line in which is written what to look for."""
        if not self.query("#search"):
            field = Input(placeholder="/ words to find", id="search", compact=True)
            field.cursor_blink = False
            await self.mount(field, before=self.SEARCH_BEFORE)
        field = self.query_one("#search", Input)
        field.add_class("-open")
        field.focus()

    # Handlers by name: Textual looks for decorated ones in its own classes only, and this is a mixin.

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look for what is written so far."""
        if event.input.id == "search":
            self.searched().search(event.value)
            self.on_found()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the matches, and go on with n and N."""
        if event.input.id == "search":
            event.input.remove_class("-open")
            self.give_focus()

    def action_copy(self) -> None:
        """Copy what is selected, found or chosen."""
        self.copy_out(self.copied())

    def copied(self) -> str:
        """What is copied while nothing is selected."""
        return self.searched().copied()

    def action_match(self, step: int) -> None:
        """To the next match, or the one before; while nothing is sought, n goes on to the next decision."""
        target = self.searched()
        if not target.found.needle and step > 0 and not self.is_modal:
            self.deck.action_next_need()
        elif not target.found.needle:
            self.deck.tell("Nothing is being looked for: / opens the search.")
        elif not target.found.lines:
            so_far = "So far nothing" if target.found.more else "Nothing"
            self.deck.tell(f"{so_far} here holds {target.found.needle}.")
        else:
            target.seek(step)
            self.on_found()

    def end_search(self) -> bool:
        """Forget what was selected, or else what was looked for; False when nothing was."""
        if self.get_selected_text():
            self.clear_selection()
            return True
        fields = self.query("#search").results(Input)
        field = next(iter(fields), None)
        open_ = field is not None and field.has_class("-open")
        if field is None or not (field.value or open_):
            return False
        field.value = ""
        field.remove_class("-open")
        self.searched().search("")
        self.give_focus()
        self.on_found()
        return True

    def match_line(self) -> Line:
        """Return how many matches there are and which one this is; nothing while nothing is looked for."""
        target = self.searched()
        found = target.found
        if not found.needle:
            return ()
        if not found.lines:
            return (Span("looking…", "muted") if found.more else Span("no match", "bad"),)
        count = f"{len(found.lines)}{'…' if found.more else ''}"
        return (Span(f"match {found.place(target.line)} of {count}", "need"),)
