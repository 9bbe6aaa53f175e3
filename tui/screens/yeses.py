"""The standing yeses: what was accepted for every build of a project, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.errors import QdeckError
from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, said, spread, wrap
from tui.orders import person
from tui.screens.base import DeckScreen
from tui.screens.searching import SEARCH_KEYS, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.lines import Lines
from tui.widgets.listing import Listing

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import StandingView

NONE_YET = (
    "Nobody has said yes to anything for good yet. In a decision a number opens a finding, and s says yes to "
    "it in every build of the project."
)


class YesesScreen(Searching, DeckScreen):
    """All of them, those that count first."""

    CSS_PATH = "yeses.tcss"
    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        Binding("x", "revoke", "Take back", id="yeses.revoke", tooltip="Take this standing yes back."),
        Binding("escape,q", "leave", "Back", id="yeses.close", tooltip="Back to where you came from."),
        *SEARCH_KEYS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._yeses: list[tuple[str, StandingView]] = []
        self.settled = False

    def content(self) -> ComposeResult:
        """The yeses, and everything about the one under the cursor."""
        yield Bar((Span("Standing yeses", "strong bold"),), id="title")
        yield Listing(id="list")
        yield Lines(self._about, id="about")

    def on_mount(self) -> None:
        """Ask for them."""
        self._list.focus()
        self._read()

    def hints(self) -> Sequence[Hint]:
        """Take back, search, leave."""
        if self.query("#search.-open"):
            return (Hint("enter", "keep"), Hint("esc", "forget"))
        chosen = self._chosen
        return (
            Hint("j k", "choose"),
            Hint("x", "take it back", "screen.revoke", chosen is None or bool(chosen[1].revoked_by)),
            Hint("/", "search", "screen.search"),
            Hint("esc", "back", "screen.leave"),
        )

    @property
    def _list(self) -> Listing:
        return self.query_one("#list", Listing)

    @property
    def _chosen(self) -> tuple[str, StandingView] | None:
        index = self._list.cursor if self.query("#list") else 0
        return self._yeses[index] if index < len(self._yeses) else None

    def searched(self) -> Listing:
        """The list is looked through."""
        return self._list

    def give_focus(self) -> None:
        """To the list."""
        self._list.focus()

    def on_found(self) -> None:
        """Say how many."""
        self.query_one("#title", Bar).show((Span("Standing yeses", "strong bold"),), self.match_line())

    # --- drawing

    def _read(self) -> None:
        self.run_worker(self._load(), group="yeses", exclusive=True)

    async def _load(self) -> None:
        async def all_of_them(service: OrchestrationService) -> list[tuple[str, StandingView]]:
            return [
                (project.name, one)
                for project in await service.projects()
                for one in await service.standing_yeses(project.project_id)
            ]

        try:
            found = await self.deck.link.ask(all_of_them)
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        if not self.is_attached:
            return
        self._yeses = sorted(found, key=lambda pair: bool(pair[1].revoked_by))
        yeses = self._yeses
        texts = [f"{name} {one.key} {one.what} {one.by} {one.reason}" for name, one in yeses]
        self._list.fill(len(yeses), lambda i, width: yes_line(*yeses[i], width), texts)
        self._list.move_to(self._list.cursor)
        self.settled = True
        self._show_about()

    @on(Listing.Moved, "#list")
    def _show_about(self) -> None:
        self.query_one("#about", Lines).show(self._about)
        self.refresh_hints()

    def _about(self, width: int) -> list[Line]:
        if self._chosen is None:
            return wrap((Span(NONE_YET if self.settled else "reading", "muted"),), width)
        name, one = self._chosen
        key = (Span("  "), said(one.key, "code")) if one.what not in ("", one.key) else ()
        lines = wrap((said(one.what or one.key, "strong", 400), *key), width)
        lines += _word(one.by, one.at, one.reason, f"in every build of {clean(name, lines=False)}", width)
        if one.revoked_by:
            lines += [
                BLANK,
                *_word(one.revoked_by, one.revoked_at, one.revoked_reason, "took it back", width),
            ]
        return lines

    # --- keys

    def action_revoke(self) -> None:
        """Ask, then ask why, then take it back."""
        from tui.screens.ask import AskScreen

        if self._chosen is None:
            self.deck.tell("There is no standing yes to take back.")
            return
        name, one = self._chosen
        if one.revoked_by:
            self.deck.tell("That one was taken back already.")
            return

        def written(reason: str | None) -> None:
            if reason:
                self.run_worker(self._revoke(one, reason), group="revoke")

        what = clean(one.what or one.key, lines=False, limit=300)
        self.deck.push_screen(
            AskScreen(
                "Why is this yes taken back?",
                f"{what}. From now on each build of {clean(name, lines=False)} asks again; what was shipped "
                "with it stays as it is.",
            ),
            written,
        )

    async def _revoke(self, one: StandingView, reason: str) -> None:
        answer = await self.deck.ask(
            lambda service: service.revoke_standing_yes(one.project_id, one.key, by=person(), reason=reason)
        )
        if answer is not None and answer.ok:
            self.deck.tell(answer.text)
            await self._load()

    def action_leave(self) -> None:
        """Out of the search, then back."""
        if not self.end_search():
            self.deck.pop_screen()


def yes_line(project: str, one: StandingView, width: int) -> Line:
    """Return a standing yes as a line; one that was taken back is struck."""
    gone = bool(one.revoked_by)
    mark = Span(f"{words.BAD} ", "muted") if gone else Span(f"{words.OK} ", "ok")
    ink = "muted strike" if gone else "strong"
    right = (said(one.by.removeprefix("person:"), "muted", 30), Span(f"  {clean(one.at)[:10]}", "muted"))
    return spread((mark, said(f"{project}  ", "muted", 40), said(one.what or one.key, ink)), right, width)


def _word(who: str, when: str, why: str, what: str, width: int) -> list[Line]:
    """Who said it, when, and in which words."""
    lead = (said(who.removeprefix("person:"), "strong", 60), Span(f"  {what}, {clean(when)[:16]}: ", "muted"))
    return wrap((*lead, said(why, "text", 600)), width)
