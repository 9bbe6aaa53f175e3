"""Where the user writes to a role: several lines, enter sends. It knows no workflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from core.text import MESSAGE_LIMIT, READ_LIMIT, clean, visible
from tui import words
from tui.widgets.attached import Attached, described, too_long
from tui.widgets.offered import MOST, Offered
from tui.widgets.writing import Writing

LONGEST = 50_000
"""Characters that a text field takes: more would hold up the keys."""
_INSTEAD = "Put long text into a file of the project and name it with @."


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


MOST_GONE = 3
"""Pastes that were taken away and are kept for undo; each may be a megabyte."""


class _Gone(NamedTuple):
    """A paste that was taken away: its place, itself, and the words that stood beside it."""

    number: int
    piece: str
    beside: str


class Composer(Writing):
    """A text field that grows with what is written. `title` says whom the words go to.

    A long paste stands beside the field as one piece, is sent whole, and can be taken away again.
    """

    attaches = True
    """Whether long pastes are kept beside the field."""
    reads: ClassVar[int] = READ_LIMIT
    """Bytes that a role reads of what is written here."""

    BINDINGS: ClassVar[list[BindingType]] = [
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
        Binding(
            "backspace",
            "rub_out",
            "Rub out",
            id="composer.rub",
            tooltip="Delete to the left; at the beginning take away what was pasted last.",
            show=False,
        ),
        Binding(
            "ctrl+z",
            "take_back_last",
            "Undo",
            id="composer.undo",
            tooltip="Take back the last change; a paste that was taken away comes back.",
            show=False,
        ),
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
    class Weighed(Message):
        """Something was put beside the field, or taken away."""

        composer: Composer

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
        self._offered: Offered | None = None
        self.pieces: list[str] = []
        self._heavy = 0
        self._gone: list[_Gone] = []
        self.takes = "A message", MESSAGE_LIMIT
        self._attached: Attached | None = None
        self.address(title)

    def address(self, title: str) -> None:
        """Say whom the words go to. The title is text, never markup."""
        self.border_title = Content(clean(title, lines=False, limit=80))

    def remembers(self, sent: list[str]) -> None:
        """Share what was sent with the other text fields, and with those of the next session."""
        self._sent = sent
        self._looking_at = len(sent)

    def action_send(self) -> None:
        """Send, unless there is nothing but blanks; while names are offered, take one."""
        if self._choosing is not None:
            self.action_complete()
            return
        typed = self.text.strip()
        text = "\n\n".join(part for part in (typed, *self.pieces) if part)
        if not text:
            return
        if unread := self._unread():
            self._say(f"{unread} The whole stays on record. {_INSTEAD}")
        if typed:
            self._sent.append(typed)
        self._looking_at, self._draft = len(self._sent), ""
        self.clear()
        self._gone.clear()
        self._hold(())
        self.post_message(self.Sent(self, text))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send, and nothing beside the field either."""
        return not self.text and not self.pieces

    @property
    def undoes_paste(self) -> bool:
        """Whether undo brings back a paste: none of the words was changed since it was taken away."""
        return bool(self._gone) and self._gone[-1].beside == self.text

    @property
    def written(self) -> list[str]:
        """What is in the field, and the pieces beside it."""
        return [self.text, *self.pieces]

    def resume(self, written: Sequence[str]) -> None:
        """Hold again what was written before."""
        if written:
            self.load_text(visible(written[0]))
            self.move_cursor(self.document.end)
            self._hold([visible(piece) for piece in written[1:]])

    def take_back(self, text: str) -> None:
        """Hold words again that were sent in vain."""
        if self.attaches and too_long(text):
            self._hold((*self.pieces, text))
        else:
            self.load_text(text)
            self.move_cursor(self.document.end)

    def action_newline(self) -> None:
        """Begin a new line at the cursor."""
        self._offer(())
        self.insert("\n")

    def action_leave(self) -> None:
        """Close the list of names; else say that the user wants to go on elsewhere."""
        if self._choosing is not None:
            self._offer(())
            return
        self.post_message(self.Left(self))

    def action_earlier(self) -> None:
        """Up within the names that are offered, or the text; on its first line, what was sent before."""
        if (offered := self._choosing) is not None:
            offered.action_up()
        elif self.cursor_location[0] > 0 or not self._sent:
            self.action_cursor_up()
        else:
            self._recall(-1)

    def action_later(self) -> None:
        """Down within the names that are offered, or the text; on its last line, what was sent after."""
        if (offered := self._choosing) is not None:
            offered.action_down()
        elif self.cursor_location[0] < self.document.line_count - 1:
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
        if self.attaches and too_long(event.text):
            event.prevent_default()
            event.stop()
            self._take_piece(visible(event.text).strip("\n"))
            return
        room = LONGEST - len(self.text)
        if len(event.text) <= room:
            return
        event.prevent_default()
        left = visible(event.text[: max(0, room)])
        self.insert(left)
        self._say(
            f"{LONGEST:,} characters fit here: {len(event.text) - len(left):,} of what you pasted "
            f"were left out. {_INSTEAD}"
        )

    # --- what stands beside the field

    def _take_piece(self, text: str) -> None:
        if self._has_room_for(text) and text.strip():
            self._hold((*self.pieces, text))

    def _has_room_for(self, piece: str) -> bool:
        """Whether all of it may be sent together; says so where not."""
        what, most = self.takes
        fits = len(self.text) + sum(len(one) + 2 for one in (*self.pieces, piece)) <= most
        if not fits:
            self._say(
                f"{what} takes {most:,} characters; with the {len(piece):,} that you pasted "
                f"it would be longer, so they were not taken. {_INSTEAD}"
            )
        return fits

    def _hold(self, pieces: Sequence[str]) -> None:
        if list(pieces) == self.pieces:
            return
        self.pieces = list(pieces)
        if self._attached is None and isinstance(self.parent, Widget):
            self._attached = Attached(self._drop)
            self.parent.mount(self._attached, before=self)
        if self._attached is not None:
            self._attached.tell(self.pieces)
        self._heavy = sum(len(piece.encode()) + 2 for piece in self.pieces)
        self._tell_size()
        self.post_message(self.Weighed(self))

    def _unread(self) -> str:
        """Say how much of what is written no role will read; empty where all of it is."""
        text = self.text
        if not self._heavy and 4 * len(text) <= self.reads:
            return ""
        left = self._heavy + len(text.encode(errors="replace")) - self.reads
        read = words.bulk_of(self.reads)
        told = f"A role reads {read} of it: {words.bulk_of(left)} in the middle are left out."
        return told if left > 0 else ""

    def on_text_area_changed(self) -> None:
        """What was written may be more than a role reads."""
        self._tell_size()

    def _tell_size(self) -> None:
        self.border_subtitle = Content(f"! {unread}" if (unread := self._unread()) else "")

    def _drop(self, number: int) -> None:
        if number < len(self.pieces):
            gone = self.pieces[number]
            self._gone = [*self._gone[1 - MOST_GONE :], _Gone(number, gone, self.text)]
            self._hold([piece for i, piece in enumerate(self.pieces) if i != number])
            self._say(f"Taken away: what was {described(gone)}. ctrl+z brings it back.", bad=False)
            self.focus()

    def action_take_back_last(self) -> None:
        """Take back the last change of the words, or bring back the paste that was taken away since."""
        if not self.undoes_paste:
            self.action_undo()
            return
        number, piece, _ = self._gone[-1]
        if self._has_room_for(piece):
            self._gone.pop()
            self._hold([*self.pieces[:number], piece, *self.pieces[number:]])

    def action_rub_out(self) -> None:
        """Delete to the left; where there is nothing, take away what was pasted last."""
        if self.pieces and self.selection.is_empty and self.cursor_location == (0, 0):
            self._drop(len(self.pieces) - 1)
        else:
            self.action_delete_left()

    def _say(self, text: str, *, bad: bool = True) -> None:
        self.app.notify(text, severity="warning" if bad else "information", markup=False)

    # --- names of files

    def on_text_area_selection_changed(self) -> None:
        """The cursor went on: behind an @ the files that can be meant are offered above the field."""
        begun = self._begun()
        self._tell_size()
        names = fitting(begun, self.files())[:MOST] if begun and begun != self._completed else ()
        self._offer(() if begun in names[:1] else names)

    def _begun(self) -> str:
        """What is written behind an @ up to the cursor; empty when there is none."""
        row, column = self.cursor_location
        head, at, begun = self.document.get_line(row)[:column].rpartition("@")
        return begun if at and not any(c.isspace() for c in begun) and not head[-1:].isalnum() else ""

    def _offer(self, names: Sequence[str]) -> None:
        if self._offered is None and names and isinstance(self.parent, Widget):
            self._offered = Offered(self._take_name)
            self.parent.mount(self._offered, before=self)
        if self._offered is not None:
            self._offered.show(names)

    @property
    def _choosing(self) -> Offered | None:
        """The list of names, while there is something to take from it."""
        offered = self._offered
        return offered if offered is not None and offered.is_open and self.has_focus else None

    def on_blur(self) -> None:
        """Who writes elsewhere takes nothing here."""
        self._offer(())

    def _take_name(self, name: str) -> None:
        row, column = self.cursor_location
        self._completed = name
        self.replace(name, (row, column - len(self._begun())), (row, column))
        self._offer(())
        self.focus()

    def action_complete(self) -> None:
        """Take the name under the cursor of the list; where no name is begun, go to the next field."""
        if (offered := self._choosing) is not None:
            offered.take()
        elif (begun := self._begun()) and begun != self._completed:
            self.border_subtitle = Content("no file of the project fits")
        else:
            self.screen.focus_next()

    async def _on_key(self, event: events.Key) -> None:
        """Leave enter to the binding above: the text field would make a new line of it."""
        if event.key in {"enter", "shift+enter", "alt+enter", "tab"}:
            event.prevent_default()
