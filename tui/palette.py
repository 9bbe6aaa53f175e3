"""Every action in the command palette: those of the focused widget, the screen and the app, from their
bindings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.pages.help import KEY_NAMES

if TYPE_CHECKING:
    from textual.dom import DOMNode

THEMES = (("Dark", "qdeck-dark"), ("Light", "qdeck-light"), ("High contrast", "qdeck-contrast"))


class Actions(Provider):
    """What can be done here, by name."""

    def _actions(self) -> Iterator[tuple[str, str, DOMNode, str]]:
        """Name, help, and where and what to run; a name once, the nearest place first."""
        seen: set[str] = set()
        nodes: list[DOMNode] = [n for n in (self.focused, self.screen, self.app) if n is not None]
        for node in nodes:
            for key, bindings in node._bindings.key_to_bindings.items():
                for binding in bindings:
                    known = not binding.tooltip or binding.description in seen
                    if known or (binding.id or "").startswith("move."):
                        continue
                    seen.add(binding.description)
                    name = f"{binding.description}  ({KEY_NAMES.get(key, key)})"
                    yield name, binding.tooltip, node, binding.action
        for title, theme in THEMES:
            yield f"Theme: {title}", "Change the colours.", self.app, f"app.use_theme({theme!r})"

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for name, text, node, action in self._actions():
            yield DiscoveryHit(name, partial(self._run, node, action), help=text)

    async def search(self, query: str) -> Hits:
        """What matches the words."""
        matcher = self.matcher(query)
        for name, text, node, action in self._actions():
            score = max(matcher.match(name), matcher.match(text) * 0.6)
            if score > 0:
                yield Hit(score, matcher.highlight(name), partial(self._run, node, action), help=text)

    async def _run(self, node: DOMNode, action: str) -> None:
        await self.app.run_action(action, node)
