"""A token's text, shown this once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from tui.ink import Line, Span, wrap
from tui.screens.base import Dialog
from tui.widgets.page import Page

if TYPE_CHECKING:
    from tui.app import QdeckApp


class MintedScreen(Dialog[None]):
    """Shows it until it is closed; nothing keeps it."""

    CSS_PATH = "minted.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="minted.copy", tooltip="Copy it, through ssh too."),
        Binding("escape", "dismiss(None)", "Close", id="minted.close", tooltip="Close it for good."),
    ]

    def __init__(self, secret: str, token_id: str) -> None:
        super().__init__()
        self._secret, self._token_id, self._copied = secret, token_id, False

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        with Vertical(id="box"):
            yield Page(self._lines, id="question")

    def _lines(self, width: int) -> list[Line]:
        keep = (
            "Keep it like a password: it is shown this once, and only its hash is kept. It goes into "
            "`Authorization: Bearer …`."
        )
        copied = "  copied" if self._copied else ""
        copy, close = "screen.copy", "app.simulate_key('escape')"
        return [
            (Span(f"Token {self._token_id} is minted.", "strong bold"),),
            (),
            # Whole lines, however narrow: a mouse can take it too.
            *wrap((Span(self._secret, "code"),), width),
            (),
            *wrap((Span(keep, "muted"),), width),
            (),
            (Span("y    ", "run bold", copy), Span("copy it", link=copy), Span(copied, "ok")),
            (Span("esc  ", "run bold", close), Span("close; it cannot be shown again", link=close)),
        ]

    def action_copy(self) -> None:
        """Copy it with OSC 52; it stays, since not every terminal takes that."""
        deck: QdeckApp = self.app  # type: ignore[assignment]
        deck.copy_to_clipboard(self._secret)
        self._copied = True
        self.query_one("#question", Page).show(self._lines)
