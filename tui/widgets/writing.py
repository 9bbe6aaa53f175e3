"""A text to write in that holds only what can be seen: it draws what it holds as it is."""

from __future__ import annotations

from textual import events
from textual.widgets import TextArea

from core.text import visible


class Writing(TextArea):
    """Takes no escape and no hidden character, whoever hands them over."""

    def load_text(self, text: str) -> None:
        """Show another text."""
        super().load_text(visible(text))

    async def _on_paste(self, event: events.Paste) -> None:
        """Clean what is pasted, before the field itself takes it."""
        event.text = visible(event.text)
