"""The tokens of the HTTP API: who may speak over the network, until when; minted and taken back here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from core.errors import QdeckError
from core.text import clean
from tui import words
from tui.forms import read_days
from tui.ink import BLANK, Line, Span, said, spread, wrap
from tui.screens.listed import ListedScreen
from tui.screens.searching import SEARCH_KEYS
from tui.starting import person
from tui.widgets.bars import Hint

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


class TokensScreen(ListedScreen["tuple[TokenView, str]"]):
    """Every token that was ever minted, newest first, each with how it stands."""

    HEADING = "Tokens"
    NONE_YET = NONE_YET
    ORDERS = frozenset({"mint", "revoke"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "mint", "Mint", id="tokens.mint", tooltip="Make a token in your name."),
        Binding("x", "revoke", "Revoke", id="tokens.revoke", tooltip="Take this token's right away."),
        Binding("escape,q", "leave", "Back", id="tokens.close", tooltip="Back to where you came from."),
        *SEARCH_KEYS,
    ]

    def deeds(self, chosen: tuple[TokenView, str] | None) -> Sequence[Hint]:
        """Mint, revoke."""
        gone = chosen is None or chosen[1] == "revoked"
        return (Hint("m", "mint", "screen.mint"), Hint("x", "revoke", "screen.revoke", gone))

    async def entries_now(self) -> Sequence[tuple[TokenView, str]]:
        """All tokens."""

        async def all_of_them(service: OrchestrationService) -> list[tuple[TokenView, str]]:
            now = service.tokens.now()
            return [(token, token.standing(now)) for token in await service.tokens.listed()]

        return await self.deck.link.ask(all_of_them)

    def line_of(self, entry: tuple[TokenView, str], width: int) -> Line:
        """The line of a token."""
        return token_line(*entry, width)

    def text_of(self, entry: tuple[TokenView, str]) -> str:
        """Scope, standing, names and id."""
        one, standing = entry
        return f"{one.scope} {standing} {one.name} {one.issued_to} {one.token_id}"

    def about(self, entry: tuple[TokenView, str], width: int) -> list[Line]:
        """Whose it is, what it may, until when, and when it was used."""
        one, standing = entry
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

    def refusal(self, action: str) -> str:
        """In a browser nobody mints, whatever else may be done there."""
        why = super().refusal(action)
        return why or (BROWSER if action.endswith("mint") and self.deck.options.in_browser else "")

    # --- minting

    def action_mint(self) -> None:
        """Ask how far it goes, what it is for and how long it lasts; then, once more, whether."""
        from tui.screens.pick import PickScreen
        from tui.widgets.picker import Option

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
                # By the app: what opens something is shown once, also to who has left this screen by then.
                self.deck.run_worker(self._mint(scope, name, days), group="mint")

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
        if self.is_attached:
            await self.load()

    # --- revoking

    def action_revoke(self) -> None:
        """Ask, then take the right away."""
        from tui.screens.confirm import Choice, ConfirmScreen

        if self.chosen is None:
            self.deck.tell("There is no token to revoke.")
            return
        one, standing = self.chosen
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
        await self.load()


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
