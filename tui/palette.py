"""The command palette: what can be done here, and everything else with where or why not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from core.errors import QdeckError
from tui import legal
from tui.catalogue import deeds, keys_of
from tui.pages.settings import shown_keys
from tui.screens.base import Whole
from tui.theme import NAMES
from tui.why_not import why_not
from tui.words import either

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from tui.app import QdeckApp
    from tui.legal import Standing

_NOT_HERE = frozenset({"move.", "composer.", "picker.", "pick.", "edit."})
"""Keys of a list or a field, which are of no use by name."""


WAYS_OUT = frozenset({"Back", "Not now", "Close", "Quit"})
"""What leaves another place is of no use in this one."""


class Entry(NamedTuple):
    """One line: its name, what it does or why it cannot, and where and what to run."""

    name: str
    text: str
    node: DOMNode
    action: str
    id: str = ""
    why_not: str = ""


class Palette(CommandPalette):
    """Textual's palette in our looks."""

    CSS_PATH = "palette.tcss"


class Actions(Provider):
    """Every action of every screen, by name: those that work here first."""

    async def startup(self) -> None:
        """Ask once, before anything is listed, why what is not possible for a workflow is not."""
        app: QdeckApp = self.app  # type: ignore[assignment]
        self._refused: dict[str, str] = {}
        standing = getattr(self.screen, "standing", None)
        if standing is None:
            return
        for action in legal.RULED:
            if not legal.possible(action, standing(), opened=app.journal_open):
                self._refused[action] = await self._asked(app, action, standing())

    async def _asked(self, app: QdeckApp, action: str, standing: Standing | None) -> str:
        try:
            workflow_id = self.screen.workflow_id() if standing else ""  # type: ignore[attr-defined]
            return await why_not(app, action, workflow_id, standing, opened=app.journal_open)
        except QdeckError as error:
            return str(error)

    def _entries(self) -> Iterator[Entry]:
        """Each action once, the nearest place first."""
        seen: set[str] = set()
        told: set[tuple[str, str]] = set()
        nodes: list[DOMNode] = [n for n in (self.focused, self.screen, self.app) if n is not None]
        ready: list[Entry] = []
        dim: list[Entry] = []
        for node in nodes:
            for key, bindings in node._bindings.key_to_bindings.items():
                for binding in bindings:
                    what = (binding.description, binding.tooltip)
                    known = not binding.tooltip or what in told or binding.id in seen
                    if known or (binding.id or "").startswith(tuple(_NOT_HERE)):
                        continue
                    seen.add(binding.id or "")
                    told.add(what)
                    name = f"{binding.description}  ({shown_keys([key])})"
                    why = self._why_not(binding.action, node)
                    entry = Entry(name, binding.tooltip, node, binding.action, binding.id or "", why)
                    (dim if why else ready).append(entry)
        yield from ready
        for theme, title in NAMES.items():
            yield Entry(f"Theme: {title}", "Change the colours.", self.app, f"app.use_theme({theme!r})")
        yield from dim
        yield from self._elsewhere(seen)

    def _elsewhere(self, seen: set[str]) -> Iterator[Entry]:
        """What other places can do, and which those are."""
        app: QdeckApp = self.app  # type: ignore[assignment]
        for deed in deeds():
            if deed.id in seen or deed.name in WAYS_OUT or deed.id.startswith(tuple(_NOT_HERE)):
                continue
            seen.add(deed.id)
            keys = keys_of(deed, app.settings.keymap)
            why = f"Not here: it works in the {deed.place}, with {either(shown_keys([key]) for key in keys)}."
            name = f"{deed.name}  ({shown_keys(keys)})"
            yield Entry(name, deed.text, self.app, deed.action, deed.id, why)

    def _why_not(self, action: str, node: DOMNode) -> str:
        """Why nothing comes of an action now; empty when something does, or when only it itself can say."""
        app: QdeckApp = self.app  # type: ignore[assignment]
        name = action.removeprefix("screen.").partition("(")[0]
        of_screen = node is self.screen or action.startswith("screen.")
        if of_screen and isinstance(self.screen, Whole) and (why := self.screen.refusal(name)):
            return why
        standing = getattr(self.screen, "standing", None)
        if name in ("new", "app.new"):
            return app.refusal() or ("" if app.journal_open else legal.OPENING)
        if standing is None or not action.startswith("screen."):
            return ""
        early = legal.nothing_yet(standing(), opened=app.journal_open)
        return self._refused.get(name, app.trouble or early if early == legal.OPENING else early)

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for entry in self._entries():
            shown = Content.styled(entry.name, "dim") if entry.why_not else Content(entry.name)
            yield DiscoveryHit(
                shown, partial(self._run, entry), text=entry.name, help=entry.why_not or entry.text
            )

    async def search(self, query: str) -> Hits:
        """What matches the words; what cannot be done now comes after what can."""
        matcher = self.matcher(query)
        for entry in self._entries():
            score = max(matcher.match(entry.name), matcher.match(entry.text) * 0.6)
            if score <= 0:
                continue
            shown = Content.styled(entry.name, "dim") if entry.why_not else matcher.highlight(entry.name)
            score *= 0.5 if entry.why_not else 1.0
            help_text = entry.why_not or entry.text
            yield Hit(score, shown, partial(self._run, entry), text=entry.name, help=help_text)

    async def _run(self, entry: Entry) -> None:
        if entry.why_not:
            self.app.tell(entry.why_not)  # type: ignore[attr-defined]
            return
        await self.app.run_action(entry.action, entry.node)
