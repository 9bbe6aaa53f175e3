"""A short question with a few answers, each a key. Armed a moment after it was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from core.text import clean
from tui.armed import Armed
from tui.ink import Line, Span, wrap
from tui.screens.base import Dialog
from tui.widgets.page import Page


class Choice(NamedTuple):
    """One answer: the key, what it does, and whether it takes something away."""

    key: str
    label: str
    bad: bool = False


class ConfirmScreen(Armed, Dialog[str]):
    """Asks, and answers with the key that was pressed; None for escape."""

    CSS_PATH = "confirm.tcss"

    def __init__(self, title: str, text: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title, self._text, self._choices = title, text, tuple(choices)

    def compose(self) -> ComposeResult:
        """A small box in the middle."""
        with Vertical(id="box"):
            yield Page(self._lines, id="question")

    def _lines(self, width: int) -> list[Line]:
        title, text = (clean(told, lines=False) for told in (self._title, self._text))
        lines = [*wrap((Span(title, "strong bold"),), width), (), *wrap((Span(text),), width), ()]
        for choice in self._choices:
            shown = "esc" if choice.key == "escape" else choice.key
            ink = "bad bold" if choice.bad else "run bold"
            link = f"app.simulate_key({choice.key!r})"
            lines.append((Span(f"{shown:<5}", ink, link), Span(choice.label, link=link)))
        return lines

    def on_key(self, event: events.Key) -> None:
        """Take one of the keys; nothing else does anything here."""
        event.stop()
        if event.key == "escape":
            self.dismiss(None)
        elif any(choice.key == event.key for choice in self._choices) and self.armed():
            self.dismiss(event.key)
