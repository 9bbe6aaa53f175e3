"""A text to write in that holds only what can be seen: it draws what it holds as it is."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from core.errors import QdeckError
from core.text import visible


class Writing(TextArea):
    """Takes no escape and no hidden character, whoever hands them over. Can be written in another editor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+g",
            "own_editor",
            "Your editor",
            id="writing.editor",
            tooltip="Write this in your own editor ($VISUAL, $EDITOR).",
            show=False,
        ),
    ]

    def action_own_editor(self) -> None:
        """Hand the text to the person's own editor, and take over what it was left as."""
        from tui.editor import written_outside

        try:
            text = visible(written_outside(self.app, self.text))
        except QdeckError as error:
            self.app.tell(str(error), bad=True)  # type: ignore[attr-defined]
            return
        if text != self.text:
            self.take_text(text)

    def take_text(self, text: str) -> None:
        """Replace all of it, so that an undo brings it back."""
        self.replace(text, self.document.start, self.document.end)
        self.move_cursor(self.document.end)

    def load_text(self, text: str) -> None:
        """Show another text."""
        super().load_text(visible(text))

    async def _on_paste(self, event: events.Paste) -> None:
        """Clean what is pasted, before the field itself takes it."""
        event.text = visible(event.text)
