"""What the roles are told: read it, keep a copy of one's own, see how it reads in a workflow."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from core.board import BoardRow
from core.errors import QdeckError
from core.machine.states import PHASES, Role, State, actor_in
from tui import words
from tui.asking import ask_aside
from tui.ink import Span, said, wrap
from tui.pages.prompt import prompt_page
from tui.projects import tilde
from tui.screens.base import DeckScreen
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.picker import Option, Picker
from tui.widgets.reader import Reader
from tui.widgets.writing import Writing


class Editor(Writing):
    """A prompt being written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f10", "screen.save", "Keep", id="prompts.save", tooltip="Keep this copy."),
        Binding("escape", "screen.stop_editing", "Not now", id="prompts.stop", tooltip="Leave the editor."),
    ]


class PromptsScreen(Searching, DeckScreen):
    """Six texts: one for each role, and the protocol below all of them."""

    CSS_PATH = "prompts.tcss"
    WRITES = frozenset({"edit", "reset"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Edit", id="prompts.edit", tooltip="Write a copy of your own of this prompt."),
        Binding("v", "preview", "Preview", id="prompts.preview", tooltip="As a role at work would read it."),
        Binding("u", "reset", "Reset", id="prompts.reset", tooltip="Drop your copy; the shipped one counts."),
        Binding("escape,q", "leave", "Back", id="prompts.close", tooltip="Close the prompts."),
        *SEARCH_KEYS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self.prompts: dict[str, Mapping[str, Any]] = {}
        self._shown_preview = ""

    @property
    def folder(self) -> Path:
        """Where the user's copies lie."""
        return self.deck.settings.paths.config / "prompts"

    @property
    def chosen(self) -> str:
        """The prompt under the cursor."""
        option = self.query_one("#prompts", Picker).option
        return option.value if option else ""

    @property
    def editing(self) -> bool:
        """Whether a copy is being written."""
        return bool(self.query_one("#editor").display)

    @property
    def settled(self) -> bool:
        """Whether everything that was asked aside is answered."""
        return all(worker.is_finished for worker in self.workers)

    def content(self) -> ComposeResult:
        """The list, and the text of the one under the cursor."""
        where = said(tilde(self.folder), "muted")
        yield Bar((Span("Prompts", "strong bold"),), (Span("your copies: ", "faint"), where), id="title")
        with Horizontal(id="both"):
            yield Picker(id="prompts")
            with Vertical(id="text"):
                yield Reader(lambda width: [(Span("reading the prompts", "muted"),)], id="page")
                editor = Editor(id="editor", soft_wrap=True, show_line_numbers=False)
                editor.cursor_blink = False
                yield editor

    def on_mount(self) -> None:
        """Ask for the texts."""
        self.query_one("#editor").display = False
        self.query_one("#prompts").focus()
        self.run_worker(self._load(), group="load")

    def hints(self) -> Sequence[Hint]:
        """The keys of what is shown."""
        if self.seeking:
            return SEEKING
        if self.query("#editor") and self.editing:
            return (
                Hint("ctrl+s", "keep it", "screen.save"),
                Hint("ctrl+g", "your editor"),
                Hint("esc", "not now", "screen.stop_editing"),
            )
        row = self.prompts.get(self.chosen, {}) if self.prompts else {}
        return (
            Hint("e", "edit a copy", "screen.edit", not row, "edit"),
            Hint("v", "the prompt" if self._shown_preview else "preview", "screen.preview", not row),
            Hint("u", "drop your copy", "screen.reset", row.get("own") is None, "drop"),
            Hint("tab", "scroll it"),
            Hint("/", "search", "screen.search"),
            *((Hint("n N", self.matches()),) if self.searched().found.needle else ()),
            Hint("esc", "back", "screen.leave"),
        )

    # --- showing

    async def _load(self) -> None:
        why, answer = "", {}
        try:
            answer = await ask_aside("prompts", "--json")
        except QdeckError as error:
            why = str(error)
        if not self.query("#prompts"):
            # The screen was closed meanwhile.
            return
        if why:
            self.query_one("#page", Reader).show(lambda width: wrap((said(why, "bad"),), width))
            return
        self.prompts = {str(row["name"]): row for row in answer.get("prompts", ())}
        self.query_one("#prompts", Picker).offer([_option(row) for row in self.prompts.values()])
        self._show()

    @on(Picker.Moved, "#prompts")
    def _moved(self) -> None:
        self._shown_preview = ""
        self._show(top=True)

    @on(Picker.Chosen, "#prompts")
    def _opened(self) -> None:
        self.query_one("#page").focus()

    def _show(self, *, top: bool = False) -> None:
        row = self.prompts.get(self.chosen) if self.query("#prompts") else None
        if row is not None:
            text = self._shown_preview
            self.query_one("#page", Reader).show(lambda width: prompt_page(row, text, width), top=top)
        self.refresh_hints()

    def action_preview(self) -> None:
        """Render it with the facts of the workflow under the board's cursor; again: the prompt itself."""
        if self._shown_preview:
            self._shown_preview = ""
            self._show(top=True)
        elif self.chosen:
            self.run_worker(self._preview(), group="preview", exclusive=True)

    async def _preview(self) -> None:
        row, name = self.deck.board.board.row, self.chosen
        facts = facts_of(row)
        state = _state_for(name, row)
        try:
            answer = await ask_aside("preview", "--json", f"--state={state}", f"--facts={json.dumps(facts)}")
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        if not self.is_attached or self.chosen != name:
            # Another prompt is read by now.
            return
        if not answer.get("ok"):
            self.deck.tell(f"{answer.get('error', '')} {answer.get('hint', '')}", bad=True)
            return
        about = f"{whose(row)} in {state}, digest {words.digest(str(answer['digest']))}"
        self._shown_preview = f"{about}\n{answer['text']}"
        self._show(top=True)

    # --- editing

    def action_edit(self) -> None:
        """Write a copy; it begins as the text that counts, or the broken copy."""
        row = self.prompts.get(self.chosen)
        if row is None:
            return
        own = row.get("own")
        editor = self.query_one("#editor", Editor)
        editor.load_text(str(row["shipped"] if own is None else own))
        self._edit(True)
        editor.focus()

    def _edit(self, on: bool) -> None:
        self.query_one("#editor").display = on
        self.query_one("#page").display = not on
        self.query_one("#prompts").disabled = on
        if not on:
            self.query_one("#prompts").focus()
        self.refresh_hints()

    def action_stop_editing(self) -> None:
        """Leave the editor; ask first when something was written."""
        row = self.prompts.get(self.chosen, {})
        before = row.get("shipped") if row.get("own") is None else row.get("own")
        if self.query_one("#editor", Editor).text == before:
            self._edit(False)
            return
        from tui.screens.confirm import Choice, ConfirmScreen

        def answered(key: str | None) -> None:
            if key == "y":
                self._edit(False)

        choices = (Choice("y", "forget what was written", bad=True), Choice("escape", "go on writing"))
        self.deck.push_screen(ConfirmScreen("Leave without keeping it?", "", choices), answered)

    def action_save(self) -> None:
        """Keep the copy, if a role could be told that."""
        if self.editing:
            text = self.query_one("#editor", Editor).text
            self.run_worker(self._save(self.chosen, text), group="save", exclusive=True)

    async def _save(self, name: str, text: str) -> None:
        try:
            self.deck.insist_on_writing()
            fault = await self._fault(name, text)
            if fault:
                self.deck.tell(f"It is not kept, because no role could be told that: {fault}", bad=True)
                return
            await asyncio.to_thread(write_copy, self.folder, name, text)
        except (QdeckError, OSError) as error:
            self.deck.tell(f"It is not kept: {error}", bad=True)
            return
        self.prompts[name] = {**self.prompts[name], "own": text, "fault": ""}
        told = "Kept. The next attempt is told this; each call keeps the digest of its prompt."
        if self.is_attached and self.editing and self.chosen == name:
            if self.query_one("#editor", Editor).text == text:
                self._edit(False)
            else:
                told = "Kept as it was; what you wrote since then is not kept yet."
        self.deck.tell(told)
        await self._load()

    async def _fault(self, name: str, text: str) -> str:
        """Ask the worker's side what is wrong with a text, without putting it where it counts."""
        with tempfile.TemporaryDirectory(prefix="qdeck-prompt-") as scratch:
            await asyncio.to_thread(write_copy, Path(scratch), name, text)
            answer = await ask_aside("prompts", "--json", f"--folder={scratch}")
        found = [row["fault"] for row in answer.get("prompts", ()) if row["name"] == name]
        return str(found[0]) if found else "the worker gave no answer."

    def action_reset(self) -> None:
        """Ask, then drop the copy."""
        row = self.prompts.get(self.chosen)
        if row is None or row.get("own") is None:
            self.deck.tell("This is the shipped prompt; there is no copy of yours.")
            return
        from tui.screens.confirm import Choice, ConfirmScreen

        name = self.chosen

        def answered(key: str | None) -> None:
            if key == "y":
                self.run_worker(self._reset(name), group="save", exclusive=True)

        choices = (Choice("y", "drop my copy", bad=True), Choice("escape", "keep it"))
        text = (
            f"{tilde(self.folder / f'{name}.md')} is set aside as {name}.md.old; the shipped prompt counts."
        )
        self.deck.push_screen(ConfirmScreen("Back to the shipped prompt?", text, choices), answered)

    async def _reset(self, name: str) -> None:
        own = self.folder / f"{name}.md"
        try:
            self.deck.insist_on_writing()
            await asyncio.to_thread(own.replace, own.with_suffix(".md.old"))
        except (QdeckError, OSError) as error:
            self.deck.tell(f"Your copy cannot be set aside: {error}", bad=True)
            return
        await self._load()

    def searched(self) -> Reader:
        """The prompt that is shown is looked through."""
        return self.query_one("#page", Reader)

    def give_focus(self) -> None:
        """To its text."""
        self.searched().focus()

    def action_leave(self) -> None:
        """Out of the search, from the text to the list, and at last out of the screen."""
        if self.end_search():
            return
        if self.focused is self.searched():
            self.query_one("#prompts").focus()
        else:
            self.deck.pop_screen()


def write_copy(folder: Path, name: str, text: str) -> None:
    """Write a prompt into the folder, in one step."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = folder / f".{name}.{os.getpid()}"
    scratch.write_text(text, encoding="utf-8", errors="replace")
    scratch.replace(folder / f"{name}.md")


def whose(row: BoardRow | None) -> str:
    """Return whose prompt a preview is, so that an example is not taken for a build."""
    return row.build_id if row else "an example, since there is no build yet,"


def facts_of(row: BoardRow | None) -> dict[str, Any]:
    """Return what a prompt is rendered with: those of a workflow, or of one that could be."""
    if row is None:
        return {"workflow_id": "0" * 32, "build_id": "B-0001", "attempt": 1, "autonomy": "gated"}
    return {
        "workflow_id": row.workflow_id,
        "build_id": row.build_id,
        "attempt": max(1, row.attempt),
        "autonomy": row.autonomy,
    }


def _state_for(prompt: str, row: BoardRow | None) -> str:
    """The state to preview: the workflow's own where this role acts in it, else the role's first phase."""
    roles = {role.value for role in Role}
    acts = row is not None and row.state != State.COMPLETE
    if row is not None and acts and (prompt not in roles or actor_in(State(row.state)).value == prompt):
        return row.state
    wanted = prompt if prompt in roles else Role.Q_ASSISTANT.value
    return next(state.value for state in PHASES if actor_in(state).value == wanted)


def _option(row: Mapping[str, Any]) -> Option:
    title = said(row["title"], "strong")
    if row.get("own") is None:
        return Option(str(row["name"]), (Span("  ", "text"), title))
    mark = Span(f"{words.BAD} ", "bad") if row.get("fault") else Span(f"{words.OK} ", "role")
    return Option(str(row["name"]), (mark, title))
