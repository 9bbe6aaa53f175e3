"""What all screens share: the hint line, and a plain word when the terminal is too small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import on
from textual.app import ComposeResult
from textual.events import DescendantBlur, DescendantFocus, Mount
from textual.geometry import Offset
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input, Static

from tui import words
from tui.ink import Span
from tui.widgets.bars import Hint, HintLine
from tui.widgets.selecting import Selecting

if TYPE_CHECKING:
    from tui.app import QdeckApp

SMALLEST = (60, 15)
READING = (Span("reading", "muted"),)
"""What a screen says until there is something to show."""


Result = TypeVar("Result")


class Whole(Screen[Result]):
    """A screen that is there with all its widgets or not at all, also when the app is left as it opens."""

    @property
    def is_attached(self) -> bool:
        """Whether what it shows is there: not any more while Textual takes it down, child by child."""
        return super().is_attached and not self._pruning

    @property
    def is_current(self) -> bool:
        """Whether the user looks at it, and it is not being taken down."""
        return super().is_current and self.is_attached

    @property
    def deck(self) -> QdeckApp:
        """The app, with its own type."""
        from tui.app import QdeckApp

        return cast(QdeckApp, self.app)

    ORDERS: ClassVar[frozenset[str]] = frozenset()
    """Its actions that lead to an order to the service: nothing for an app that may only look."""
    WRITES: ClassVar[frozenset[str]] = frozenset()
    """Its actions that change something without the journal: files, or what is written on the screen."""

    def refusal(self, action: str) -> str:
        """Say why nothing may come of an action now, whatever it is about; empty when something may."""
        name = action.rpartition(".")[2].partition("(")[0]
        if name not in self.ORDERS | self.WRITES:
            return ""
        return self.deck.refusal(orders=name in self.ORDERS)

    def journal_changed(self) -> None:
        """The journal was opened or lost: bring up to date what depends on it."""
        self.refresh_hints()

    def refresh_hints(self) -> None:
        """Bring the hint line up to date, where there is one."""

    def copy_out(self, text: str) -> None:
        """Copy with OSC 52, which works through ssh too: what is selected, or else `text`."""
        text = self.get_selected_text() or text
        if not text.strip():
            self.deck.tell("There is nothing to copy here.")
            return
        self.deck.copy_to_clipboard(text)
        self.deck.tell(f"Copied {words.plural(text.count(chr(10)) + 1, 'line')}.")

    async def _dispatch_message(self, message: Message) -> None:
        """Textual mounts also what it did not compose any more, when the app is left in that moment."""
        if not (isinstance(message, Mount) and not (self.is_attached and self.app.is_running)):
            await super()._dispatch_message(message)


class Dialog(ModalScreen[Result], Whole[Result]):
    """A question in a small box over a screen. ModalScreen first: styles come along the first base."""


class DeckScreen(Whole[object]):
    """A full screen of the app."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's form
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (15, "-short"), (34, "-tall")]  # noqa: RUF012 - Textual's form

    _ages_shown: tuple[str, ...] | None = None
    SELECTS_LINES = True
    """That a part of what is to be read can be selected with the mouse."""

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """What is under the mouse, for selecting; a selection stays in the widget in which it began."""
        begun = self._select_state.start.content_widget if self._selecting and self._select_state else None
        found, offset = super().get_widget_and_offset_at(x, y)
        within = begun if isinstance(begun, Selecting) and begun.is_attached else found
        if not isinstance(within, Selecting):
            return found, offset
        x, y = x - within.content_region.x, y - within.content_region.y
        if begun is None:
            within.begin_at(x, y)
        return within, within.offset_at(x, y)

    def _key_escape(self) -> None:
        """Nothing: Textual would let go of a selection here, and escape would leave the screen as well."""

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

    def ages(self) -> tuple[str, ...]:
        """Return the ages that are shown, as they read now."""
        return ()

    def show_ages(self) -> None:
        """Draw what holds them anew."""

    def tick(self) -> None:
        """A second has gone by for the screen on top: draw anew what reads otherwise now."""
        ages = self.ages()
        if ages != self._ages_shown:
            self._ages_shown = ages
            self.show_ages()

    def hints(self) -> Sequence[Hint]:
        """Return the keys that work now, the most useful first."""
        return ()

    def refresh_hints(self) -> None:
        """Bring the hint line up to date."""
        for line in self.query("#hints").results(HintLine):
            # Text areas are known by what they hold: to import them takes time before the first frame.
            writing = isinstance(self.focused, Input) or hasattr(self.focused, "document")
            line.hint([self._as_it_may(hint) for hint in self.hints()], writing=writing)

    def _as_it_may(self, hint: Hint) -> Hint:
        """A hint, dim where nothing may come of its key."""
        return hint._replace(dim=True) if self.refusal(hint.action) else hint

    def on_mount(self) -> None:
        """Show the hints for the first focus. Textual calls this beside a subclass's own."""
        self.refresh_hints()

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _focus_moved(self) -> None:
        self.refresh_hints()
