"""Fields of a form: a short label and one line to write in, and a folder that completes itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from core.text import clean
from tui.projects import complete


class Field(Horizontal):
    """A label and an input on one line. The input has the id that the field is made with."""

    DEFAULT_CSS = """
    Field { height: 1; width: 1fr; }
    Field > Static { width: 12; color: $ink-muted; }
    Field > Input { width: 1fr; }
    Field:focus-within > Static { color: $ink-run; text-style: bold; }
    """

    def __init__(self, label: str, value: str, placeholder: str, *, id: str, wide: int = 0) -> None:
        super().__init__()
        self._label, self._value, self._placeholder = label, clean(value, lines=False), placeholder
        self._input_id, self._wide = id, wide

    def compose(self) -> ComposeResult:
        """The label, then the input."""
        label = Static(self._label, markup=False)
        if self._wide:
            label.styles.width = self._wide
        yield label
        field = Input(self._value, placeholder=self._placeholder, id=self._input_id, compact=True)
        field.cursor_blink = False
        yield field


class Folders(Suggester):
    """Completes the folder that is being typed: the right arrow takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the first folder that begins so."""
        found = await asyncio.to_thread(complete, value, 1)
        return found[0] if found else None


class ProjectField(Input):
    """The folder to build in. Up and down go through the places that are offered below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "place(1)", "Next place", id="new.place_down", tooltip="The next folder offered."),
        Binding("up", "place(-1)", "Place before", id="new.place_up", tooltip="The folder before it."),
    ]

    @dataclass
    class Stepped(Message):
        """The user went to another of the places that are offered."""

        field: ProjectField
        step: int

    def __init__(self, value: str, *, id: str) -> None:
        value = clean(value, lines=False)
        super().__init__(value, placeholder="the folder of a git repository", id=id, suggester=Folders())
        self.cursor_blink = False

    def action_place(self, step: int) -> None:
        """Tell whoever offers the places."""
        self.post_message(self.Stepped(self, step))
