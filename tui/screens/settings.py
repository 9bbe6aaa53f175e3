"""The settings: what each is and where it comes from, to be changed here, written into the user's file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.config import parse_setting
from core.config_file import manual, read_setting
from core.config_values import NOTIFY_EVENTS
from core.errors import QdeckError
from core.machine.states import Role
from core.text import clean
from tui import words
from tui.asking import ask_aside
from tui.catalogue import conflicts, deeds
from tui.ink import Line, Span, said, wrap
from tui.pages.settings import (
    CHOICES,
    MEANINGS,
    Name,
    Row,
    harmless,
    looks_secret,
    rows,
    shown_keys,
)
from tui.projects import tilde
from tui.screens.base import DeckScreen
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.lines import Lines
from tui.widgets.picker import Option, Picker
from tui.widgets.rows import SettingsList

_FIXED = frozenset({"ctrl+c", "ctrl+q", "ctrl+p", "escape", "enter", "tab", "shift+tab"})
"""Keys that everybody relies on to get out of anywhere."""

_MODELS = (("model",), ("models",))
"""What the names of settings begin with that a model can be written into."""
_READ_ONLY = "That can only be read here; it is nothing to set."

ABOUT = 4
"""Lines that tell what a setting is for, and what came of a test."""


class SettingsScreen(Searching, DeckScreen):
    """Everything that can be set."""

    CSS_PATH = "settings.tcss"
    # A question to a model may cost money.
    WRITES = frozenset({"change", "try_model", "unset", "undo"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "t", "try_model", "Test", id="settings.test", tooltip="Ask this model a small real question."
        ),
        Binding("u", "unset", "Default", id="settings.unset", tooltip="Take it out of your file again."),
        Binding("z", "undo", "Undo", id="settings.undo", tooltip="Take back what you changed here last."),
        Binding("escape,q", "leave", "Back", id="settings.close", tooltip="Close the settings."),
        *SEARCH_KEYS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Any] = {}
        self._manual = manual()
        self._outcome: Line = ()
        self._looked_at: Name = ()
        self._changed: list[tuple[str, Name, Any]] = []

    def content(self) -> ComposeResult:
        """The rows, and what the one under the cursor means."""
        file = tilde(self.deck.settings.paths.config_file)
        yield Bar((Span("Settings", "strong bold"),), (said(file, "muted"),), id="title")
        yield SettingsList(id="settings")
        yield Lines(self._about, id="about")

    def on_mount(self) -> None:
        """Show what is known; the rest is asked aside."""
        self._again()
        self.query_one("#settings").focus()
        self.run_worker(self._look_around(), group="look")

    def hints(self) -> Sequence[Hint]:
        """The keys for the row under the cursor."""
        if self.seeking:
            return SEEKING
        row = self._row
        own = row is not None and row.source == "your file"
        model = row is not None and row.name[:1] in _MODELS
        return (
            Hint("enter", "change", "screen.change", row is None or not row.name),
            Hint("t", "test the model", "screen.try_model", not model, "test"),
            Hint("u", "back to the default", "screen.unset", not own, "default"),
            *((Hint("z", "undo", "screen.undo"),) if self._changed else ()),
            Hint("/", "search", "screen.search"),
            Hint("f7", "tokens", "app.tokens"),
            Hint("esc", "back", "screen.leave"),
        )

    def searched(self) -> SettingsList:
        """Names and values are looked through."""
        return self.query_one("#settings", SettingsList)

    def give_focus(self) -> None:
        """To the rows."""
        self.searched().focus()

    def on_found(self) -> None:
        """Say how many."""
        file = said(tilde(self.deck.settings.paths.config_file), "muted")
        match = self.match_line()
        self.query_one("#title", Bar).show((Span("Settings", "strong bold"),), match or (file,))

    @property
    def _row(self) -> Row | None:
        return self.query_one("#settings", SettingsList).row if self.query("#settings") else None

    def _again(self) -> None:
        if not self.query("#settings"):
            # What was asked aside came after the screen was closed.
            return
        self.query_one("#settings", SettingsList).list_rows(rows(self.deck.settings, deeds(), self.found))
        self._tell_about()

    def _tell_about(self) -> None:
        if not self.query("#about"):
            return
        self.query_one("#about", Lines).show(self._about)
        self.refresh_hints()

    def _about(self, width: int) -> list[Line]:
        row = self._row
        if row is None:
            return [(), ()]
        if not row.name:
            # Only here is it read to its end.
            told = (Span(row.label, row.ink), Span("  " if row.label else ""), Span(row.value, "muted"))
            return wrap(told, width)[:ABOUT]
        text = self._manual.get(row.name[0], "").replace("\n", " ")
        if row.name[0] == "keymap":
            text = next((deed.text for deed in deeds() if deed.id == row.name[1]), text)
        key = (Span(".".join(row.name), "code"), Span("  "), Span(text, "muted"))
        outcome = wrap(self._outcome, width)[:3]
        return [*wrap(key, width)[: max(1, ABOUT - len(outcome))], *outcome]

    async def _look_around(self) -> None:
        """Ask the worker's side for its checks and for the ways to a model."""
        try:
            checks, ways = await asyncio.gather(ask_aside("doctor", "--json"), ask_aside("models", "--json"))
            self.found = {**ways, "checks": checks.get("checks", ())}
        except QdeckError as error:
            self.found = {"trouble": str(error)}
        self._again()

    # --- keys

    @on(Picker.Moved, "#settings")
    def _moved(self) -> None:
        name = self._row.name if self._row else ()
        if name != self._looked_at and not self.workers_testing:
            self._outcome = ()
        self._looked_at = name
        self._tell_about()

    @on(Picker.Chosen, "#settings")
    async def _chosen(self) -> None:
        await self.deck.run_action("screen.change")

    @property
    def workers_testing(self) -> bool:
        """Whether a model is being asked right now."""
        return any(worker.group == "try" and not worker.is_finished for worker in self.workers)

    def action_change(self) -> None:
        """Change the value under the cursor, each kind in its own way."""
        row = self._row
        if row is None or not row.name:
            self.deck.tell(_READ_ONLY)
            return
        if row.name[0] == "keymap":
            self._change_key(row)
        elif row.name[0] in CHOICES:
            self._change_choice(row)
        elif row.name == ("notify_about",):
            both = [" ".join(NOTIFY_EVENTS), *NOTIFY_EVENTS]
            self._pick(row, both)
        else:
            self._change_text(row)

    def _change_choice(self, row: Row) -> None:
        self._pick(row, CHOICES[row.name[0]])

    def _pick(self, row: Row, values: Sequence[str]) -> None:
        from tui.screens.pick import PickScreen

        meanings = MEANINGS.get(row.name[0], {})
        size = max(map(len, values)) + 2
        options = [
            Option(v, (Span(v.replace("_", " ").ljust(size), "strong"), Span(meanings.get(v, ""), "muted")))
            for v in values
        ]
        sentence = self._manual.get(row.name[0], "")
        about = dict.fromkeys(values, sentence)
        self.deck.push_screen(
            PickScreen(row.label, options, row.written, about), lambda value: self._take(row.name, value)
        )

    def _change_text(self, row: Row) -> None:
        from tui.screens.edit import EditScreen

        current = row.written
        sentence = self._manual.get(row.name[0], "")
        label = row.label if row.name[0] != "models" else f"The model of the {row.label}"
        self.deck.push_screen(
            EditScreen(label, current, sentence, lambda value: self._judge(row.name, value)),
            lambda value: self._take(row.name, value),
        )

    def _judge(self, name: Name, value: str) -> str:
        """Say why the value cannot be, before anything is written."""
        if not value:
            return ""
        if looks_secret(value):
            return "That looks like a key. Keys belong into the environment (OPENAI_API_KEY, …), never here."
        try:
            parse_setting("This", name[0], {name[1]: value} if len(name) > 1 else value)
        except QdeckError as error:
            return error.what
        return ""

    def _change_key(self, row: Row) -> None:
        from tui.screens.edit import KeyScreen

        action = row.name[1]
        self.deck.push_screen(
            KeyScreen(f"A new key for: {row.label}", lambda key: self._judge_key(action, key)),
            lambda key: self._take(row.name, key),
        )

    def _judge_key(self, action: str, key: str) -> str:
        if key in _FIXED:
            return f"{shown_keys([key])} has to stay what it is everywhere."
        taken = conflicts(action, key, self.deck.settings.keymap).here
        if taken:
            return f"{shown_keys([key])} is {taken[0].name.lower()} ({taken[0].place}) already."
        return ""

    def _take(self, name: Name, value: str | None) -> None:
        """Write it and use it; None is not now, empty is the default."""
        if value is None:
            return
        before = read_setting(name, self.deck.settings.paths)
        if not self._write(name, _typed(name, value) if value else None):
            return
        label = next((row.label for row in self.searched().rows if row.name == name), name[-1])
        self._changed.append((label, name, before))
        self._tell_about()
        if not value:
            self.deck.tell(f"{label}: the default counts again. z takes that back.")
        self._say_what_counts(name, value)

    def _write(self, name: Name, value: Any) -> bool:
        """Write a value, or take it out; say so where that cannot be."""
        try:
            self.deck.write_settings({name: value})
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return False
        self._again()
        return True

    def action_undo(self) -> None:
        """Take back the last change that was made here, then the one before it."""
        if not self._changed:
            self.deck.tell("Nothing was changed here that could be taken back.")
            return
        label, name, before = self._changed[-1]
        if self._write(name, before):
            self._changed.pop()
            self._tell_about()
            self.deck.tell(f"{label}: what it was before.")

    def _say_what_counts(self, name: Name, value: str) -> None:
        """Tell when another source outranks the file, or when the key does something elsewhere too."""
        source = self.deck.settings.sources.get(name[0], "")
        if source.startswith(("environment", "flag")):
            self.deck.tell(f"It is written, but the {source} outranks your file.", bad=True)
        elif name[0] == "keymap" and value:
            others = conflicts(name[1], value, self.deck.settings.keymap).elsewhere
            if others:
                places = ", ".join(f"{deed.name.lower()} ({deed.place})" for deed in others[:3])
                self.deck.tell(f"{shown_keys([value])} also does other things in other places: {places}.")

    def action_unset(self) -> None:
        """Take the value out of the user's file."""
        row = self._row
        if row is None or not row.name:
            self.deck.tell(_READ_ONLY)
            return
        if row.source != "your file":
            self.deck.tell(f"It is not set in your file; it comes from: {row.source or 'the default'}.")
            return
        self._take(row.name, "")

    def action_try_model(self) -> None:
        """Ask the model under the cursor a small question; escape gives it up."""
        row = self._row
        if row is None or row.name[:1] not in _MODELS:
            self.deck.tell("Put the cursor on a model: t asks it a small real question.")
            return
        settings = self.deck.settings
        model = settings.model_for(Role(row.name[1])) if len(row.name) > 1 else settings.model
        if not model:
            self.deck.tell("There is no model to test yet; enter writes one.")
            return
        self.run_worker(self._try(model, settings.api_base), group="try", exclusive=True)

    async def _try(self, model: str, api_base: str) -> None:
        started = time.monotonic()
        self._outcome = (
            Span(f"{words.RUN} ", "run"),
            Span(f"asking {harmless(model)}, esc gives it up", "run"),
        )
        self._tell_about()
        try:
            answer = await ask_aside("try", "--json", f"--name={model}", f"--api-base={api_base}")
        except QdeckError as error:
            answer = {"ok": False, "error": str(error)}
        except asyncio.CancelledError:
            self._outcome = (Span(f"given up after {time.monotonic() - started:.0f} s", "muted"),)
            self._tell_about()
            raise
        self._outcome = outcome_of(answer)
        self._tell_about()

    def action_leave(self) -> None:
        """Give up a running test or a search; else close."""
        if self.workers_testing:
            self.workers.cancel_group(self, "try")
            return
        if self.end_search():
            return
        self.deck.pop_screen()


def outcome_of(answer: dict[str, Any]) -> Line:
    """Return what came of a test, in a line."""
    if not answer.get("ok"):
        text = f"{answer.get('error', '')} {answer.get('hint', '')}"
        return (Span(f"{words.BAD} ", "bad"), Span(harmless(clean(text, lines=False), 300), "bad"))
    cost = answer.get("cost_usd")
    facts = f"answered in {answer.get('seconds', 0):g} s" + (f" for {words.money(cost)}" if cost else "")
    if answer.get("tools"):
        return (Span(f"{words.OK} ", "ok"), Span(f"{facts} and calls tools", "ok"))
    said_text = harmless(answer.get("text", ""), 60)
    text = f"{facts}, but called no tool; a role has to ({said_text})"
    return (Span(f"{words.NEED} ", "need"), Span(text, "need"))


def _typed(name: Name, value: str) -> Any:
    """Return the value as it should stand in the file: numbers and lists as such."""
    if len(name) > 1:
        return value
    parsed = parse_setting("This", name[0], value)
    if isinstance(parsed, (bool, int, float)):
        return int(parsed) if isinstance(parsed, float) and parsed == int(parsed) else parsed
    return list(parsed) if isinstance(parsed, tuple) else value
