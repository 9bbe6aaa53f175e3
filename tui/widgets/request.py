"""Where a request is written: as many lines as it takes, and no more than a role can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.widgets.composer import Composer

LONGEST_REQUEST = 100_000
"""Characters of a request; what is longer belongs into a file of the repository."""


class Request(Composer):
    """The request, in as many lines as it takes; enter makes a new line here."""

    attaches = False

    @dataclass
    class TooMuch(Message):
        """What was pasted does not fit; `size` is how many characters it has."""

        request: Request
        size: int

        @property
        def control(self) -> Request:
            """The field, for handlers that name one."""
            return self.request

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "newline", "New line", id="request.newline", tooltip="A new line of the request."),
    ]

    def take_text(self, text: str) -> None:
        """Refuse from an editor what nobody could read any more, too."""
        if len(text) > LONGEST_REQUEST:
            self.post_message(self.TooMuch(self, len(text)))
        else:
            super().take_text(text)

    async def _on_paste(self, event: events.Paste) -> None:
        """Refuse what nobody could read any more; the text field itself takes the rest."""
        if len(self.text) + len(event.text) <= LONGEST_REQUEST:
            return
        event.prevent_default()
        event.stop()
        self.post_message(self.TooMuch(self, len(event.text)))
