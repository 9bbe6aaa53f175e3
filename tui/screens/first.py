"""The first time: which ways to a model there are here, and the rehearsal where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.errors import QdeckError
from tui import words
from tui.asking import ask_aside
from tui.ink import BLANK, Line, Span, said, wrap
from tui.pages.settings import harmless
from tui.projects import tilde
from tui.screens.base import DeckScreen
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.widgets.bars import Hint
from tui.widgets.lines import Lines
from tui.widgets.picker import Option, Picker

DEMO, LATER = "demo", "later"


class FirstScreen(Searching, DeckScreen):
    """Offers what was found; whatever is chosen, it is never shown again."""

    CSS_PATH = "first.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "later", "Later", id="first.later", tooltip="Look around first."),
        *SEARCH_KEYS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self.found: Mapping[str, Any] | None = None

    def content(self) -> ComposeResult:
        """A greeting, what was found, and what a choice does."""
        yield Lines(self._head, id="head")
        yield Picker(_options({}), id="ways")
        yield Lines(self._about, id="about")

    def on_mount(self) -> None:
        """Look around."""
        self.query_one("#ways").focus()
        self.run_worker(self._look(), group="look")

    def hints(self) -> Sequence[Hint]:
        """Take one, or none."""
        if self.seeking:
            return SEEKING
        return (
            *((Hint("n N", self.matches()),) if self.searched().found.needle else ()),
            Hint("enter", "take it"),
            Hint("j k", "choose"),
            Hint("/", "search", "screen.search"),
            Hint("esc", "later", "screen.later"),
        )

    def searched(self) -> Picker:
        """The ways are looked through."""
        return self.query_one("#ways", Picker)

    def give_focus(self) -> None:
        """To the ways."""
        self.searched().focus()

    async def _look(self) -> None:
        try:
            self.take(await ask_aside("models", "--json"))
        except QdeckError as error:
            self.take({"trouble": str(error)})

    def take(self, found: Mapping[str, Any]) -> None:
        """Offer what was found."""
        self.found = found
        if not self.query("#ways"):
            return
        picker = self.query_one("#ways", Picker)
        untouched = picker.cursor == 0
        picker.offer(_options(found))
        if untouched:
            # The best way first; who has chosen already stays with that.
            picker.cursor = 0
        self.query_one("#head", Lines).show(self._head)

    def _head(self, width: int) -> list[Line]:
        lines: list[Line] = [(Span("qdeck", "strong bold"), Span("  for the first time", "muted")), BLANK]
        text = (
            "Five roles carry your request to a tested merge, and nothing moves on without proof. They need "
            "a model to speak with."
        )
        lines += wrap((Span(text),), width)
        lines.append(BLANK)
        if self.found is None:
            return [*lines, (Span(f"{words.RUN} looking for keys and for servers on this machine", "run"),)]
        if self.found.get("trouble"):
            return [*lines, *wrap((said(self.found["trouble"], "bad"),), width)]
        if self.found.get("keys") or self.found.get("servers"):
            return [*lines, (Span("Found here:", "strong"),)]
        text = (
            "No key in the environment and no model server on this machine. Export OPENAI_API_KEY, "
            "ANTHROPIC_API_KEY or another provider's key where you start qdeck, or start Ollama, LM Studio, "
            "llama.cpp or vLLM; until then:"
        )
        return [*lines, *wrap((Span(text, "muted"),), width)]

    def _about(self, width: int) -> list[Line]:
        option = self.query_one("#ways", Picker).option if self.query("#ways") else None
        if option is None:
            return []
        if option.value == DEMO:
            text = "A scratch repository, scripted words, and everything they cause is real. A minute or two."
        elif option.value == LATER:
            text = "The board. f2 opens the settings whenever you like."
        else:
            file = tilde(self.deck.settings.paths.config_file)
            text = f"Writes the model into {file}; f2 changes it, and a test is one key there."
        return [BLANK, *wrap((Span(text, "muted"),), width)]

    @on(Picker.Moved)
    def _moved(self) -> None:
        self.query_one("#about", Lines).show(self._about)

    @on(Picker.Chosen)
    def _chosen(self, event: Picker.Chosen) -> None:
        value = event.option.value
        if value == DEMO:
            self.deck.leave_for_demo()
        elif value == LATER:
            self.action_later()
        else:
            self._take(value)

    def _take(self, value: str) -> None:
        """Write the model, and the server where it is one."""
        model, _, api_base = value.partition(" ")
        changes: dict[tuple[str, ...], Any] = {("model",): model}
        if api_base:
            changes[("api_base",)] = api_base
        try:
            self.deck.write_settings(changes)
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        self.deck.pop_screen()
        self.deck.tell(f"Every role uses {harmless(model)} now. ctrl+n starts a build.")

    def action_later(self) -> None:
        """Out of the search; else look around first."""
        if not self.end_search():
            self.deck.pop_screen()


def _options(found: Mapping[str, Any]) -> list[Option]:
    """The ways that were found, the rehearsal, and none of them."""
    options = []
    for server in found.get("servers", ()):
        for model in tuple(server.get("models", ()))[:5]:
            line = (
                Span(f"{words.OK} ", "ok"),
                said(f"openai/{model}", "strong", 60),
                Span("  "),
                said(f"{server.get('name')} on this machine", "muted", 60),
            )
            options.append(Option(f"openai/{model} {server.get('api_base')}", line))
    for key in found.get("keys", ()):
        line = (
            Span(f"{words.OK} ", "ok"),
            said(key.get("example"), "strong", 60),
            Span("  "),
            said(f"{key.get('variable')} is set", "muted", 60),
        )
        options.append(Option(str(key.get("example")), line))
    rehearsal = (Span("▸ ", "role"), Span("the rehearsal", "strong"), Span("  no key needed", "muted"))
    later = (Span("  ", "muted"), Span("later", "strong"), Span("  look around first", "muted"))
    return [*options, Option(DEMO, rehearsal), Option(LATER, later)]
