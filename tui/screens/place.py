"""The folder to build in: a field that says at once what cannot work, and the places that are offered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from textual import on
from textual.events import DescendantBlur, DescendantFocus
from textual.widgets import Input

from core.errors import QdeckError
from tui import words
from tui.forms import rows_of
from tui.ink import Line, Span, said
from tui.projects import Look, ask_branch, complete, look_at, tilde
from tui.screens.base import DeckScreen
from tui.widgets.fields import ProjectField
from tui.widgets.lines import Lines
from tui.widgets.picker import Option, Picker

_LOOK_ROWS = 2
_PLACES = 6
"""Folders that are offered at once."""


class Places(Picker):
    """Folders below the field. The keys stay with the field; a click takes one."""

    can_focus = False
    CLICKS = 1


class PlaceScreen(DeckScreen):
    """A screen with the field `#project`, what was found there in `#look`, and other places in `#places`."""

    def __init__(self) -> None:
        super().__init__()
        self.look = Look(None)
        self._recent: list[str] = []
        self._folders: list[str] = []

    def _look_lines(self, width: int) -> list[Line]:
        look = self.look
        if look.trouble:
            return rows_of((Span(f"{words.BAD} ", "bad"), said(look.trouble, "bad")), width, _LOOK_ROWS)
        if look.top is None:
            return [()]
        line: Line = (
            Span(f"{words.OK} ", "ok"),
            said(look.top.name, "strong"),
        )
        if look.branch:
            line = (*line, Span(" builds from and merges into ", "muted"), said(look.branch, "strong"))
        if look.changes:
            line = (*line, Span("; your uncommitted changes are left alone", "muted"))
        return rows_of(line, width, _LOOK_ROWS)

    @on(Input.Changed, "#project")
    def _project_changed(self, event: Input.Changed) -> None:
        self._look_again(event.value)
        self._offer_places()
        self._list_folders(event.value.strip())

    def _list_folders(self, typed: str) -> None:
        """Look up the folders that begin so, beside the app: a disk may be slow, and a folder full."""

        async def listed() -> None:
            self._folders = await asyncio.to_thread(complete, typed, _PLACES)
            if self.is_attached:
                self._offer_places()

        self.run_worker(listed(), exclusive=True, group="folders")

    async def _remember_places(self) -> None:
        """Ask the journal where was built before; the newest builds' projects first."""
        try:
            known = await self.deck.link.ask(lambda service: service.projects())
        except QdeckError:
            return
        rows = self.deck.board.board.model.rows.values()
        newest = {row.project: row.updated_at for row in sorted(rows, key=lambda row: row.updated_at)}
        known = sorted(known, key=lambda project: newest.get(project.name, 0.0), reverse=True)
        # What cannot be seen cannot be chosen either.
        self._recent = [tilde(Path(p.path)) for p in known if p.path.isprintable()]
        self._offer_places()

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _project_focus(self) -> None:
        self._offer_places()

    def _offer_places(self) -> None:
        """Offer recent projects and folders that begin as what is written, while the field has the focus."""
        field, picker = self.query_one("#project", ProjectField), self.query_one("#places", Picker)
        typed = field.value.strip()
        recent = [place for place in self._recent if typed.lower() in place.lower() or not self._typing]
        # Those that were found for fewer letters, until the others are.
        folders = [f for f in self._folders if f.lower().startswith(typed.lower())] if self._typing else []
        places = list(dict.fromkeys([*recent, *folders]))[:_PLACES]
        picker.display = field.has_focus and bool(places) and places != [typed]
        if field.has_focus:
            picker.offer([Option(p, (said(p, "text", 200),)) for p in places])

    @on(ProjectField.Stepped)
    def _place_stepped(self, event: ProjectField.Stepped) -> None:
        picker = self.query_one("#places", Picker)
        if not picker.display or not picker.options:
            return
        values = [option.value for option in picker.options]
        at = values.index(event.field.value) + event.step if event.field.value in values else 0
        picker.cursor = max(0, min(len(values) - 1, at))
        self._take_place(values[picker.cursor])

    @on(Picker.Chosen, "#places")
    def _place_clicked(self, event: Picker.Chosen) -> None:
        self._take_place(event.option.value)

    def _take_place(self, place: str) -> None:
        field = self.query_one("#project", ProjectField)
        with field.prevent(Input.Changed):
            field.value = place
        field.cursor_position = len(place)
        self._look_again(place)

    @property
    def _typing(self) -> bool:
        """Whether the folder was typed, and is not the one that stood there."""
        typed = self.query_one("#project", ProjectField).value.strip()
        return bool(typed) and typed != tilde(self.deck.project) and typed not in self._recent

    def _look_again(self, path: str) -> None:
        async def look() -> None:
            # A pause, so that git is asked once for a word and not once for a letter.
            await asyncio.sleep(0.15)
            self._take(await asyncio.to_thread(look_at, path))
            if self.look.top and not self.look.branch:
                self._take(await asyncio.to_thread(ask_branch, self.look))

        self.run_worker(look(), exclusive=True, group="look")

    def _keep(self, place: str) -> None:
        """Remember for the next time what can be built in; the default is none to remember, nor a mistake."""
        if self.look.top and place != tilde(self.deck.project):
            self.deck.form["project"] = place
        else:
            self.deck.form.pop("project", None)

    def _take(self, look: Look) -> None:
        """Show what was found; the branch of a repository that was asked about already is known."""
        if look.top and look.top == self.look.top and not look.branch:
            look = replace(look, branch=self.look.branch)
        self.look = look
        if self.is_current:
            self._keep(self.query_one("#project", ProjectField).value)
        # The form may be on its way out when git answers; then there is nobody to tell.
        for shown in self.query("#look").results(Lines):
            shown.show(self._look_lines)
