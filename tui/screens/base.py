"""What all screens share: the hint line, and a plain word when the terminal is too small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.events import DescendantBlur, DescendantFocus
from textual.screen import Screen
from textual.widgets import Static

from tui.widgets.bars import Hint, HintLine

if TYPE_CHECKING:
    from tui.app import QdeckApp

SMALLEST = (60, 15)


class DeckScreen(Screen[object]):
    """A full screen of the app."""

    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [
        (0, "-tiny"),
        (60, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]]] = [(0, "-flat"), (15, "-short"), (34, "-tall")]

    @property
    def deck(self) -> QdeckApp:
        """The app, with its own type."""
        from tui.app import QdeckApp

        return cast(QdeckApp, self.app)

    @property
    def is_attached(self) -> bool:
        """Whether what it shows is there: not any more while Textual takes it down, child by child."""
        return super().is_attached and not self._pruning

    @property
    def is_current(self) -> bool:
        """Whether the user looks at it, and it is not being taken down."""
        return super().is_current and self.is_attached

    def compose(self) -> ComposeResult:
        """Put the content between nothing and the hint line."""
        yield from self.content()
        yield HintLine(id="hints")
        yield Static(
            f"This terminal is too small for qdeck.\nIt needs {SMALLEST[0]} by {SMALLEST[1]}.",
            id="too-small",
            markup=False,
        )

    def content(self) -> ComposeResult:
        """The widgets of the screen. To be given by the subclass."""
        yield from ()

    def hints(self) -> Sequence[Hint]:
        """Return the keys that work now, the most useful first."""
        return ()

    def refresh_hints(self) -> None:
        """Bring the hint line up to date."""
        for line in self.query("#hints").results(HintLine):
            line.hint(self.hints())

    def on_mount(self) -> None:
        """Show the hints for the first focus. Textual calls this beside a subclass's own."""
        self.refresh_hints()

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _focus_moved(self) -> None:
        self.refresh_hints()
