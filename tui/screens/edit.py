"""One value to write, in a box over the screen; and one key to press."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from core.text import clean
from tui import words
from tui.ink import Line, Span, wrap
from tui.screens.base import Dialog
from tui.widgets.lines import Lines

Judge = Callable[[str], str]
"""Says in a sentence why a value cannot be; empty when it can."""

_ENTER, _ESCAPE = "app.simulate_key('enter')", "app.simulate_key('escape')"
"""What a click on the name of a key does."""


class EditScreen(Dialog[str]):
    """Answers with what was written; None for escape. `judge` refuses in words, and nothing is lost."""

    CSS_PATH = "edit.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Not now", id="edit.leave", tooltip="Leave it as it is."),
    ]

    def __init__(self, title: str, value: str, sentence: str, judge: Judge) -> None:
        super().__init__()
        self._title, self._sentence, self._judge = title, sentence, judge
        self._value = clean(value, lines=False)
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """The sentence, the field, and what is wrong."""
        with Vertical(id="box"):
            yield Lines(self._head, id="head")
            field = Input(self._value, id="value")
            field.cursor_blink = False
            yield field
            yield Lines(self._foot, id="foot")

    def on_mount(self) -> None:
        """Write at once."""
        self.query_one("#value").focus()

    def _head(self, width: int) -> list[Line]:
        title = (Span(clean(self._title, lines=False), "strong bold"),)
        return [*wrap(title, width), *wrap((Span(clean(self._sentence, lines=False), "muted"),), width), ()]

    def _foot(self, width: int) -> list[Line]:
        trouble = (Span(f"{words.BAD} {clean(self._trouble, lines=False)}", "bad"),)
        keys = (
            Span("enter", "run bold", _ENTER),
            Span(" keep it   ", "muted", _ENTER),
            Span("esc", "run bold", _ESCAPE),
            Span(" not now", "muted", _ESCAPE),
            Span("   empty: the default", "muted"),
        )
        return [*(wrap(trouble, width, 2) if self._trouble else []), (), keys]

    @on(Input.Submitted, "#value")
    def _done(self, event: Input.Submitted) -> None:
        self._trouble = self._judge(event.value.strip())
        if not self._trouble:
            self.dismiss(event.value.strip())
            return
        self.query_one("#foot", Lines).show(self._foot)

    def action_leave(self) -> None:
        """Leave it as it is."""
        self.dismiss(None)


class KeyScreen(Dialog[str]):
    """Answers with the next key that is pressed; None for escape. `judge` refuses a key in words."""

    CSS_PATH = "edit.tcss"

    def __init__(self, title: str, judge: Judge) -> None:
        super().__init__()
        self._title, self._judge, self._trouble = title, judge, ""

    def compose(self) -> ComposeResult:
        """What to do, and why a key was not taken."""
        with Vertical(id="box"):
            yield Lines(self._lines, id="question")

    def _lines(self, width: int) -> list[Line]:
        rows = wrap((Span(clean(self._title, lines=False), "strong bold"),), width)
        if self._trouble:
            rows += [(), *wrap((Span(f"{words.BAD} {clean(self._trouble, lines=False)}", "bad"),), width, 2)]
        way_out = (Span("esc", "run bold", _ESCAPE), Span(" not now", "muted", _ESCAPE))
        keys = (Span("press the new key   ", "muted"), *way_out)
        return [*rows, (), keys]

    def on_key(self, event: events.Key) -> None:
        """Take the key; nothing else in the app may have it."""
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(None)
            return
        self._trouble = self._judge(event.key)
        if self._trouble:
            self.query_one("#question", Lines).show(self._lines)
        else:
            self.dismiss(event.key)
