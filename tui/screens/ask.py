"""A short question that is answered with a line of text."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from core.text import clean
from tui.ink import Line, Span, wrap
from tui.screens.base import Dialog
from tui.widgets.page import Page


class AskScreen(Dialog[str]):
    """Asks, and answers with what was written; None for escape. An empty line is no answer."""

    CSS_PATH = "ask.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Not now", id="ask.leave", tooltip="Leave everything as it is."),
    ]

    def __init__(self, title: str, text: str, value: str = "", *, placeholder: str = "") -> None:
        super().__init__()
        self._title, self._text = title, text
        self._value, self._placeholder = clean(value, lines=False), placeholder

    def compose(self) -> ComposeResult:
        """A small box in the middle."""
        with Vertical(id="box"):
            yield Page(self._lines, id="question")
            field = Input(self._value, placeholder=self._placeholder, id="answer", compact=True)
            field.cursor_blink = False
            yield field
            yield Page(self._keys, id="keys")

    def on_mount(self) -> None:
        """Write at once."""
        for page in self.query(Page):
            page.can_focus = False
        self.query_one("#answer").focus()

    def _lines(self, width: int) -> list[Line]:
        title, text = (clean(told, lines=False) for told in (self._title, self._text))
        return [*wrap((Span(title, "strong bold"),), width), (), *wrap((Span(text),), width), ()]

    def _keys(self, width: int) -> list[Line]:
        return [
            (),
            (
                Span("enter", "run bold", "app.simulate_key('enter')"),
                Span("  do it", link="app.simulate_key('enter')"),
                Span("    "),
                Span("esc", "run bold", "app.simulate_key('escape')"),
                Span("  not now", link="app.simulate_key('escape')"),
            ),
        ]

    @on(Input.Submitted, "#answer")
    def _answered(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text:
            self.dismiss(text)
