"""The tokens of the HTTP API: who may speak over the network, until when; minted and taken back here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.errors import QdeckError
from core.text import clean
from tui import words
from tui.forms import read_days
from tui.ink import BLANK, Line, Span, said, spread, wrap
from tui.orders import person
from tui.screens.base import DeckScreen
from tui.screens.searching import SEARCH_KEYS, Searching
from tui.widgets.bars import Bar, Hint
from tui.widgets.lines import Lines
from tui.widgets.listing import Listing

if TYPE_CHECKING:
    from datetime import datetime

    from core.service import OrchestrationService
    from core.service.tokens import Minted, TokenView

NONE_YET = (
    "No token yet. m mints one, in your name: a program sends it with each request to `qdeck serve`. Nobody "
    "but a person can mint."
)
BROWSER = "In a browser no token is minted: open qdeck at a terminal, or `qdeck token new` there."
DAYS = "30"
MAY = words.TOKEN_MAY


class TokensScreen(Searching, DeckScreen):
    """Every token that was ever minted, newest first."""

    CSS_PATH = "tokens.tcss"
    BINDINGS: list[BindingType] = [  # noqa: RUF012 - Textual's own form
        Binding("m", "mint", "Mint", id="tokens.mint", tooltip="Make a token in your name."),
        Binding("x", "revoke", "Revoke", id="tokens.revoke", tooltip="Take this token's right away."),
        Binding("escape,q", "leave", "Back", id="tokens.close", tooltip="Back to where you came from."),
        *SEARCH_KEYS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._tokens: list[tuple[TokenView, str]] = []
        self.settled = False

    def content(self) -> ComposeResult:
        """The tokens, and everything about the one under the cursor."""
        yield Bar((Span("Tokens", "strong bold"),), id="title")
        yield Listing(id="list")
        yield Lines(self._about, id="about")

    def on_mount(self) -> None:
        """Ask for them."""
        self._list.focus()
        self.run_worker(self._load(), group="tokens", exclusive=True)

    def hints(self) -> Sequence[Hint]:
        """Mint, revoke, search, leave."""
        if self.query("#search.-open"):
            return (Hint("enter", "keep"), Hint("esc", "forget"))
        chosen = self._chosen
        return (
            Hint("j k", "choose"),
            Hint("m", "mint", "screen.mint"),
            Hint("x", "revoke", "screen.revoke", chosen is None or chosen[1] == "revoked"),
            Hint("/", "search", "screen.search"),
            Hint("esc", "back", "screen.leave"),
        )

    @property
    def _list(self) -> Listing:
        return self.query_one("#list", Listing)

    @property
    def _chosen(self) -> tuple[TokenView, str] | None:
        index = self._list.cursor if self.query("#list") else 0
        return self._tokens[index] if index < len(self._tokens) else None

    def searched(self) -> Listing:
        """The list is looked through."""
        return self._list

    def give_focus(self) -> None:
        """To the list."""
        self._list.focus()

    def on_found(self) -> None:
        """Say how many."""
        self.query_one("#title", Bar).show((Span("Tokens", "strong bold"),), self.match_line())

    # --- drawing

    async def _load(self) -> None:
        async def all_of_them(service: OrchestrationService) -> tuple[list[TokenView], datetime]:
            return await service.tokens.listed(), service.tokens.now()

        try:
            found, now = await self.deck.link.ask(all_of_them)
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        if self.is_attached:
            self.take(found, now)

    def take(self, tokens: Sequence[TokenView], now: datetime) -> None:
        """Show these."""
        self._tokens = [(token, token.standing(now)) for token in tokens]
        shown = self._tokens
        texts = [
            f"{one.scope} {standing} {one.name} {one.issued_to} {one.token_id}" for one, standing in shown
        ]
        self._list.fill(len(shown), lambda i, width: token_line(*shown[i], width), texts)
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
        one, standing = self._chosen
        lines = wrap(
            (said(one.name or "without a name", "strong", 80), Span(f"  {one.token_id}", "code")), width
        )
        whose = clean(one.issued_to, lines=False, limit=40)
        lines += wrap(
            (Span(f"{whose} minted it {_day(one.issued_at)}. Who holds it may {MAY[one.scope]}."),), width
        )
        used = f"It was used last {_minute(one.used_at)}." if one.used_at else "It was never used."
        ends = {
            "good": f"It lasts until {_minute(one.expires_at)}.",
            "expired": f"It expired {_minute(one.expires_at)} and opens nothing.",
            "revoked": f"It was revoked {_minute(one.revoked_at)} and opens nothing.",
        }[standing]
        return [*lines, BLANK, *wrap((Span(f"{ends} {used}", "muted"),), width)]

    # --- minting

    def action_mint(self) -> None:
        """Ask how far it goes, what it is for and how long it lasts; then, once more, whether."""
        from tui.screens.pick import PickScreen
        from tui.widgets.picker import Option

        if self.deck.options.in_browser:
            self.deck.tell(BROWSER, bad=True)
            return
        options = [Option(scope, (Span(scope, "strong"),)) for scope in MAY]
        about = {scope: f"Who holds it may {may}." for scope, may in MAY.items()}

        def picked(scope: str | None) -> None:
            if scope:
                self._ask_name(scope)

        self.deck.push_screen(PickScreen("How far does the token go?", options, "read", about), picked)

    def _ask_name(self, scope: str) -> None:
        from tui.screens.ask import AskScreen

        def written(name: str | None) -> None:
            if name:
                self._ask_days(scope, name, DAYS)

        text = "A word or two; the list shows it, so that you know later which to take back."
        self.deck.push_screen(AskScreen("What is the token for?", text, placeholder="ci"), written)

    def _ask_days(self, scope: str, name: str, days: str) -> None:
        from tui.screens.ask import AskScreen

        def written(text: str | None) -> None:
            if text is None:
                return
            try:
                self._ask_whether(scope, name, read_days(text))
            except ValueError as error:
                self.deck.tell(str(error), bad=True)
                self._ask_days(scope, name, text)

        self.deck.push_screen(
            AskScreen("For how many days?", "From 1 to 366; then it opens nothing any more.", days), written
        )

    def _ask_whether(self, scope: str, name: str, days: int) -> None:
        from tui.screens.confirm import Choice, ConfirmScreen

        def answered(key: str | None) -> None:
            if key == "y":
                self.run_worker(self._mint(scope, name, days), group="mint")

        shown = clean(name, lines=False, limit=60)
        self.deck.push_screen(
            ConfirmScreen(
                f"Mint a token of the scope {scope}, for {words.plural(days, 'day')}?",
                f"{shown}, in the name of {person().name}. Who holds it may {MAY[scope]}.",
                (Choice("y", "mint it"), Choice("escape", "not now")),
            ),
            answered,
        )

    async def _mint(self, scope: str, name: str, days: int) -> None:
        from datetime import timedelta

        from core.service.tokens import Scope
        from tui.screens.minted import MintedScreen

        async def mint(service: OrchestrationService) -> Minted:
            return await service.tokens.mint(
                issued_to=person().name, scope=Scope(scope), lasts=timedelta(days=days), name=name
            )

        try:
            minted = await self.deck.link.ask(mint)
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        self.deck.push_screen(MintedScreen(minted.token, minted.view.token_id))
        await self._load()

    # --- revoking

    def action_revoke(self) -> None:
        """Ask, then take the right away."""
        from tui.screens.confirm import Choice, ConfirmScreen

        if self._chosen is None:
            self.deck.tell("There is no token to revoke.")
            return
        one, standing = self._chosen
        if standing == "revoked":
            self.deck.tell("That one was revoked already.")
            return

        def answered(key: str | None) -> None:
            if key == "y":
                self.run_worker(self._revoke(one.token_id), group="revoke")

        self.deck.push_screen(
            ConfirmScreen(
                f"Revoke {clean(one.name, lines=False, limit=60) or one.token_id}?",
                "Whoever holds it is turned away from now on, for good.",
                (Choice("y", "revoke it", bad=True), Choice("escape", "keep it")),
            ),
            answered,
        )

    async def _revoke(self, token_id: str) -> None:
        async def revoke(service: OrchestrationService) -> TokenView:
            return await service.tokens.revoke(token_id)

        try:
            await self.deck.link.ask(revoke)
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        self.deck.tell(f"{token_id} opens nothing any more.")
        await self._load()

    def action_leave(self) -> None:
        """Out of the search, then back."""
        if not self.end_search():
            self.deck.pop_screen()


def token_line(one: TokenView, standing: str, width: int) -> Line:
    """Return a token as a line; one that opens nothing is struck."""
    good = standing == "good"
    mark = Span(f"{words.OK} ", "ok") if good else Span(f"{words.BAD} ", "muted")
    ink = "strong" if good else "muted strike"
    ends = f"until {_day(one.expires_at)}" if good else standing
    used = f"used {_day(one.used_at)}" if one.used_at else "never used"
    left = (mark, Span(f"{one.scope:<9}", "role" if good else "muted"), said(one.name or one.token_id, ink))
    # Whose it is stands below the list too, where there is no room for it here.
    whose = (said(one.issued_to, "muted", 16), Span("  ")) if width > 90 else ()
    right = (*whose, Span(f"{ends:<16}  {used:<15}", "muted"))
    return spread(left, right, width)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
