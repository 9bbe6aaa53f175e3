"""Help: what every key does here and elsewhere, and what moves a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from tui.catalogue import place_of
from tui.ink import Line
from tui.keys import MOVE_KEYS
from tui.pages.help import KeyHelp, help_page
from tui.screens.base import DeckScreen
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.widgets.bars import Hint
from tui.widgets.reader import Reader

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.screen import Screen


_MOVES = frozenset(b.description for b in MOVE_KEYS if isinstance(b, Binding))


class HelpScreen(Searching, DeckScreen):
    """Generated from the bindings of the screen it was asked on, and from the transition table."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "leave", "Back", id="help.close", tooltip="Close the help."),
        *SEARCH_KEYS,
    ]

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._groups = key_groups(about)

    def content(self) -> ComposeResult:
        """One page."""
        yield Reader(self._lines, id="page")

    def on_mount(self) -> None:
        """Keys scroll at once."""
        self.query_one("#page").focus()

    def hints(self) -> Sequence[Hint]:
        """How to read and how to leave."""
        if self.seeking:
            return SEEKING
        return (
            Hint("j k", "scroll"),
            Hint("/", "search", "screen.search"),
            Hint("n N", self.matches()),
            Hint("esc", "back", "screen.leave"),
        )

    def searched(self) -> Reader:
        """All of it is looked through."""
        return self.query_one("#page", Reader)

    def give_focus(self) -> None:
        """To the page."""
        self.searched().focus()

    def action_leave(self) -> None:
        """Out of the search, then back."""
        if not self.end_search():
            self.deck.pop_screen()

    def _lines(self, width: int) -> list[Line]:
        return help_page(self._groups, width)


def key_groups(screen: Screen[object]) -> list[tuple[str, list[KeyHelp]]]:
    """Return the keys that work on `screen`, by where they work."""
    nodes: list[tuple[str, DOMNode]] = [("Everywhere", screen.app), ("On this screen", screen)]
    seen: set[type] = set()
    # What has the focus comes first.
    for widget in [*([screen.focused] if screen.focused else []), *screen.walk_children()]:
        if not isinstance(widget, Widget) or not widget.can_focus or type(widget) in seen:
            continue
        if type(widget).__module__.startswith("tui."):
            seen.add(type(widget))
            nodes.append((f"In the {place_of(type(widget))}", widget))
    groups = [(title, list(_keys(node))) for title, node in nodes]
    # What a person came for stands first: the keys of the place where they are. What works in several
    # places is told once, before them.
    places = [key for _, keys in groups[2:] for key in keys]
    shared = [key for key in dict.fromkeys(places) if places.count(key) > 1]
    own = [(title, [key for key in keys if key not in shared]) for title, keys in groups[2:]]
    groups = [("In several places here", shared), *own, groups[1], groups[0]]
    before: set[KeyHelp] = set()
    for i, (title, keys) in enumerate(groups):
        # What the place where they are does with a key is not told again further down.
        groups[i] = (title, [key for key in keys if key not in before])
        before.update(keys)
    moving = {key.name: key for _, keys in groups for key in keys if key.name in _MOVES}
    groups = [(title, [key for key in keys if key.name not in _MOVES]) for title, keys in groups]
    return [(title, keys) for title, keys in [*groups, ("Moving", list(moving.values()))] if keys]


def _keys(node: DOMNode) -> Iterable[KeyHelp]:
    """The bindings of one node, one line an action; only those that explain themselves."""
    by_action: dict[str, list[Binding]] = {}
    for key, bindings in node._bindings.key_to_bindings.items():
        for binding in bindings:
            if binding.tooltip:
                by_action.setdefault(binding.action, []).append(binding.with_key(key))
    for bindings in by_action.values():
        first = bindings[0]
        yield KeyHelp(tuple(b.key for b in bindings), first.description, first.tooltip)
