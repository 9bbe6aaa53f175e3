"""Where the user writes to a role: several lines, enter sends. It knows no workflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import TextArea

from core.text import clean

LONGEST = 50_000
"""Characters that a text field takes: more would hold up the keys."""


def fitting(begun: str, files: Sequence[str]) -> list[str]:
    """Return the files whose name or path begins so, then those that hold it, the shortest first."""
    low = begun.casefold()
    first: list[str] = []
    then: list[str] = []
    for file in files:
        name = file.casefold()
        if name.startswith(low) or name.rpartition("/")[2].startswith(low):
            first.append(file)
        elif low in name:
            then.append(file)
    return [*sorted(first, key=lambda f: (len(f), f)), *sorted(then, key=lambda f: (len(f), f))][:50]


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
        Binding(
            "tab",
            "complete",
            "Complete",
            id="composer.complete",
            tooltip="Complete the name of a file behind an @.",
            show=False,
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
        self._draft = ""
        self.files: Callable[[], Sequence[str]] = lambda: ()
        self._completed = ""
        self._fitting: list[str] = []
        self.address(title)

    def address(self, title: str) -> None:
        """Say whom the words go to. The title is text, never markup."""
        self.border_title = Content(clean(title, lines=False, limit=80))

    def remembers(self, sent: list[str]) -> None:
        """Share what was sent with the other text fields, and with those of the next session."""
        self._sent = sent
        self._looking_at = len(sent)

    def action_send(self) -> None:
        """Send, unless there is nothing but blanks."""
        text = self.text.strip()
        if not text:
            return
        self._sent.append(text)
        self._looking_at, self._draft = len(self._sent), ""
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
        if self._looking_at >= len(self._sent):
            self._draft = self.text
        self._looking_at = max(0, min(len(self._sent), self._looking_at + step))
        text = self._sent[self._looking_at] if self._looking_at < len(self._sent) else self._draft
        self.load_text(text)
        self.move_cursor(self.document.end)

    async def _on_paste(self, event: events.Paste) -> None:
        """Take in what was pasted, as much of it as can be sent; what was cut off is told."""
        room = LONGEST - len(self.text)
        if len(event.text) <= room:
            return
        event.prevent_default()
        left = event.text[: max(0, room)]
        self.insert(left)
        self.app.notify(
            f"{LONGEST:,} characters fit here: {len(event.text) - len(left):,} of what you pasted "
            "were left out. Put long text into a file of the project and name it with @.",
            severity="warning",
            markup=False,
        )

    def action_complete(self) -> None:
        """Complete the name of a file behind an @; again takes the next one that fits."""
        row, column = self.cursor_location
        line = self.document.get_line(row)[:column]
        begun = line.rpartition("@")[2]
        if "@" not in line or " " in begun:
            self.screen.focus_next()
            return
        if begun != self._completed:
            self._fitting = fitting(begun, self.files())
        if not self._fitting:
            self.border_subtitle = Content("no file of the project fits")
            return
        self._completed = self._fitting[0]
        self._fitting = [*self._fitting[1:], self._fitting[0]]
        self.replace(self._completed, (row, column - len(begun)), (row, column))
        others = "  ".join(clean(name, lines=False, limit=40) for name in self._fitting[:4])
        self.border_subtitle = Content(f"tab: {others}")

    async def _on_key(self, event: events.Key) -> None:
        """Leave enter to the binding above: the text field would make a new line of it."""
        if event.key in {"enter", "shift+enter", "alt+enter", "tab"}:
            event.prevent_default()
