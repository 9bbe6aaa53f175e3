"""One choice from a short list, in a box over the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from core.text import clean
from tui.ink import Line, Span, wrap
from tui.screens.base import Dialog
from tui.screens.searching import SEARCH_KEYS, Searching
from tui.widgets.lines import Lines
from tui.widgets.picker import Option, Picker


class PickScreen(Searching, Dialog[str]):
    """Answers with the value that was chosen; None for escape. `about` says more of each value.

    `seeking` begins with the line in which is written what to look for: in a list that may be long.
    """

    CSS_PATH = "pick.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Not now", id="pick.leave", tooltip="Leave it as it is."),
        *SEARCH_KEYS,
    ]
    SEARCH_BEFORE = "#about"

    def __init__(
        self,
        title: str,
        options: Sequence[Option],
        chosen: str = "",
        about: dict[str, str] | None = None,
        *,
        seeking: bool = False,
    ) -> None:
        super().__init__()
        self._begins_seeking = seeking
        self._title, self._options, self._chosen, self._about = title, options, chosen, about or {}

    def compose(self) -> ComposeResult:
        """The list, and what the choice under the cursor means."""
        with Vertical(id="box"):
            yield Lines(
                lambda width: [(Span(clean(self._title, lines=False), "strong bold"),), ()], id="head"
            )
            yield Picker(self._options, id="choices")
            yield Lines(self._more, id="about")
            yield Lines(self._keys, id="keys")

    def on_mount(self) -> None:
        """Begin at what is chosen now."""
        picker = self.query_one("#choices", Picker)
        values = [option.value for option in self._options]
        if self._chosen in values:
            picker.cursor = values.index(self._chosen)
        picker.focus()
        if self._begins_seeking:
            self.call_later(self.action_search)

    def _keys(self, width: int) -> list[Line]:
        picker = self.query_one("#choices", Picker)
        take, leave, seek = ("app.simulate_key('enter')", "app.simulate_key('escape')", "screen.search")
        spans: list[Span] = []
        told = (("enter", "keep" if self.seeking else "take it", take), ("/", "search", seek))
        for key, text, link in (*told, ("esc", "forget" if self.seeking else "not now", leave)):
            spans += [Span(key, "run bold", link), Span(f" {text}   ", "muted", link)]
        return [(*spans, *self.match_line())] if picker.found.needle else [tuple(spans)]

    def refresh_hints(self) -> None:
        """Say which keys work now, and what was found."""
        self.query_one("#keys", Lines).show(self._keys)

    def searched(self) -> Picker:
        """The choices are looked through."""
        return self.query_one("#choices", Picker)

    def give_focus(self) -> None:
        """To the choices."""
        self.searched().focus()
        self.refresh_hints()

    def _more(self, width: int) -> list[Line]:
        option = self.query_one("#choices", Picker).option
        text = clean(self._about.get(option.value, "") if option else "", limit=1200)
        rows = [row for line in text.splitlines() for row in wrap((Span(line, "muted"),), width)]
        return [(), *rows[: max(3, self.size.height - 18)]] if text else []

    @on(Picker.Moved)
    def _moved(self) -> None:
        self.query_one("#about", Lines).show(self._more)

    @on(Picker.Chosen)
    def _took(self, event: Picker.Chosen) -> None:
        if event.option.why_not:
            return
        self.dismiss(event.option.value)

    def action_leave(self) -> None:
        """Out of the search; else leave it as it is."""
        if not self.end_search():
            self.dismiss(None)
