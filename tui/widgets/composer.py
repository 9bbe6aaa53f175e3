"""Where the user writes to a role: several lines, enter sends. It knows no workflow."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import TextArea

from core.text import clean


class Composer(TextArea):
    """A text field that grows with what is written. `title` says whom the words go to."""

    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        Binding("enter", "send", "Send", id="composer.send", tooltip="Send what is written."),
        Binding(
            "ctrl+j,shift+enter,alt+enter",
            "newline",
            "New line",
            id="composer.newline",
            tooltip="Begin a new line.",
        ),
        Binding(
            "escape", "leave", "Leave", id="composer.leave", tooltip="Leave the text as it is and go on."
        ),
        Binding(
            "up", "earlier", "Earlier", id="composer.earlier", tooltip="What was sent before.", show=False
        ),
        Binding("down", "later", "Later", id="composer.later", tooltip="What was sent after.", show=False),
    ]

    @dataclass
    class Sent(Message):
        """The user sent words."""

        composer: Composer
        text: str

        @property
        def control(self) -> Composer:
            """The composer, for handlers that name one."""
            return self.composer

    @dataclass
    class Left(Message):
        """The user wants to go on elsewhere."""

        composer: Composer

        @property
        def control(self) -> Composer:
            """The composer, for handlers that name one."""
            return self.composer

    def __init__(self, title: str = "", placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(
            id=id, compact=True, highlight_cursor_line=False, placeholder=placeholder, tab_behavior="focus"
        )
        self.cursor_blink = False
        self._sent: list[str] = []
        self._looking_at = 0
        self.address(title)

    def address(self, title: str) -> None:
        """Say whom the words go to. The title is text, never markup."""
        self.border_title = Content(clean(title, lines=False, limit=80))

    def action_send(self) -> None:
        """Send, unless there is nothing but blanks."""
        text = self.text.strip()
        if not text:
            return
        self._sent.append(text)
        self._looking_at = len(self._sent)
        self.clear()
        self.post_message(self.Sent(self, text))

    def action_newline(self) -> None:
        """Begin a new line at the cursor."""
        self.insert("\n")

    def action_leave(self) -> None:
        """Say that the user wants to go on elsewhere."""
        self.post_message(self.Left(self))

    def action_earlier(self) -> None:
        """Up within the text; on its first line, what was sent before."""
        if self.cursor_location[0] > 0 or not self._sent:
            self.action_cursor_up()
        else:
            self._recall(-1)

    def action_later(self) -> None:
        """Down within the text; on its last line, what was sent after."""
        if self.cursor_location[0] < self.document.line_count - 1:
            self.action_cursor_down()
        else:
            self._recall(1)

    def _recall(self, step: int) -> None:
        self._looking_at = max(0, min(len(self._sent), self._looking_at + step))
        text = self._sent[self._looking_at] if self._looking_at < len(self._sent) else ""
        self.load_text(text)
        self.move_cursor(self.document.end)

    async def _on_key(self, event: events.Key) -> None:
        """Leave enter to the binding above: the text field would make a new line of it."""
        if event.key in {"enter", "shift+enter", "alt+enter"}:
            event.prevent_default()
