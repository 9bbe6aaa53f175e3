"""The standing yeses: what was accepted for every build of a project, by whom and why; and what its deploy
command is granted."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from core.text import clean
from tui import words
from tui.ink import BLANK, Line, Span, said, spread, wrap
from tui.screens.confirm import Choice, ConfirmScreen
from tui.screens.granting import Granting
from tui.screens.listed import ListedScreen
from tui.screens.searching import SEARCH_KEYS
from tui.starting import person
from tui.widgets.bars import Hint

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from core.service import OrchestrationService
    from core.service.views import Answer, GrantView, ProjectView, StandingView

    Given = StandingView | GrantView

NONE_YET = (
    "Nobody has said yes to anything for good yet. In a decision a number opens a finding, and s says yes to "
    "it in every build of the project. Its deploy command gets the secrets and hosts that you grant "
    "with s; now it gets none."
)


class YesesScreen(Granting, ListedScreen["tuple[ProjectView, Given]"]):
    """All of them, those that count first."""

    HEADING = "Standing yeses and grants"
    NONE_YET = NONE_YET
    ORDERS = frozenset({"revoke", "grant"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "revoke", "Take back", id="yeses.revoke", tooltip="Take this yes or grant back."),
        Binding(
            "s", "grant", "Grant", id="yeses.grant", tooltip="Grant the deploy command secrets and hosts."
        ),
        Binding("escape,q", "leave", "Back", id="yeses.close", tooltip="Back to where you came from."),
        *SEARCH_KEYS,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._projects: list[ProjectView] = []

    def deeds(self, chosen: tuple[ProjectView, Given] | None) -> Sequence[Hint]:
        """Take back, grant."""
        gone = chosen is None or bool(chosen[1].revoked_by)
        return (
            Hint("x", "take it back", "screen.revoke", gone),
            Hint("s", "grant", "screen.grant", not self._projects),
        )

    async def entries_now(self) -> Sequence[tuple[ProjectView, Given]]:
        """What was said and granted in every project."""

        async def all_of_them(
            service: OrchestrationService,
        ) -> tuple[list[ProjectView], list[tuple[ProjectView, Given]]]:
            projects, found = await service.projects(), []
            for project in projects:
                yeses: list[Given] = [*await service.standing_yeses(project.project_id)]
                found += [(project, one) for one in (*yeses, *await service.grants(project.project_id))]
            return projects, found

        self._projects, found = await self.deck.link.ask(all_of_them)
        return sorted(found, key=lambda pair: bool(pair[1].revoked_by))

    def line_of(self, entry: tuple[ProjectView, Given], width: int) -> Line:
        """The line of a yes or a grant."""
        return yes_line(entry[0].name, entry[1], width)

    def text_of(self, entry: tuple[ProjectView, Given]) -> str:
        """Project, what was given, by whom and in which words."""
        project, one = entry
        return f"{project.name} {what_of(one)} {one.by} {why_of(one)}"

    def about(self, entry: tuple[ProjectView, Given], width: int) -> list[Line]:
        """What was given, by whom, why; and who took it back."""
        project, one = entry
        # So short that it cannot push what was given, and why, out of sight.
        name = clean(project.name, lines=False, limit=60)
        if is_grant(one):
            return grant_lines(name, one, width)
        key = (Span("  "), said(one.key, "code")) if one.what not in ("", one.key) else ()
        lines = wrap((said(one.what or one.key, "strong", 400), *key), width)
        lines += _word(one.by, one.at, one.reason, f"in every build of {name}", width)
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

        if self.chosen is None:
            self.deck.tell("There is no standing yes to take back.")
            return
        project, one = self.chosen
        if one.revoked_by:
            self.deck.tell("That one was taken back already.")
            return
        if is_grant(one):
            self._ungrant(project, one)
            return

        def written(reason: str | None) -> None:
            if reason:
                self.run_worker(self._revoke(one, reason), group="revoke")

        what = clean(one.what or one.key, lines=False, limit=300)
        self.deck.push_screen(
            AskScreen(
                "Why is this yes taken back?",
                f"{what}. From now on each build of {clean(project.name, lines=False)} asks again; what was "
                "shipped with it stays as it is.",
            ),
            written,
        )

    async def _revoke(self, one: StandingView, reason: str) -> None:
        answer = await self.deck.ask(
            lambda service: service.revoke_standing_yes(one.project_id, one.key, by=person(), reason=reason)
        )
        if answer is not None and answer.ok:
            self.deck.tell(answer.text)
            await self.load()

    def _ungrant(self, project: ProjectView, one: GrantView) -> None:
        """Ask, then take a grant back; who did it and when stays on record."""

        async def order(service: OrchestrationService) -> Answer:
            return await service.revoke_grant(project.project_id, one.grant_id, by=person())

        async def take() -> None:
            answer = await self.deck.ask(order)
            if answer is not None and answer.ok:
                self.deck.tell(answer.text)
                await self.load()

        def answered(key: str | None) -> None:
            if key == "y":
                self.run_worker(take(), group="revoke")

        text = f"The {one.command} command of {clean(project.name, lines=False)} loses it at once."
        choices = (Choice("y", "take it back", bad=True), Choice("escape", "no"))
        title = f"Take back {clean(what_of(one), lines=False, limit=200)}?"
        self.deck.push_screen(ConfirmScreen(title, text, choices), answered)

    def action_grant(self) -> None:
        """Grant the deploy command of the project under the cursor, of the only one, or of one to choose."""
        if self.chosen is not None:
            self.grant_to(self.chosen[0])
        elif len(self._projects) == 1:
            self.grant_to(self._projects[0])
        elif not self._projects:
            self.deck.tell("There is no project yet whose deploy command could be granted anything.")
        else:
            self._choose_project()

    def _choose_project(self) -> None:
        from tui.screens.pick import PickScreen
        from tui.widgets.picker import Option

        def chosen(value: str | None) -> None:
            found = next((p for p in self._projects if p.project_id == value), None)
            if found is not None:
                self.grant_to(found)

        options = [Option(p.project_id, (said(p.name, "strong", 60),)) for p in self._projects]
        self.deck.push_screen(PickScreen("The deploy command of which project?", options), chosen)

    def granted(self) -> None:
        """Show it."""
        self.read()


def is_grant(one: Given) -> TypeIs[GrantView]:
    """Say whether it is a grant, and not a standing yes."""
    return hasattr(one, "grant_id")


def what_of(one: Given) -> str:
    """Return what was given, in one line."""
    if is_grant(one):
        return f"{one.command} gets {', '.join([*one.secrets, *one.hosts])}"
    return f"{one.key} {one.what}" if one.what not in ("", one.key) else one.key


def why_of(one: Given) -> str:
    """Return the words that it was given with."""
    return shlex.join(one.argv) if is_grant(one) else one.reason


def yes_line(project: str, one: Given, width: int) -> Line:
    """Return a standing yes or a grant as a line; one that was taken back is struck."""
    gone = bool(one.revoked_by)
    mark = Span(f"{words.BAD} ", "muted") if gone else Span(f"{words.OK} ", "ok")
    ink = "muted strike" if gone else "strong"
    told = what_of(one) if is_grant(one) else one.what or one.key
    right = (said(one.by.removeprefix("person:"), "muted", 30), Span(f"  {clean(one.at)[:10]}", "muted"))
    return spread((mark, said(project, "muted", 40), Span("  "), said(told, ink)), right, width)


def grant_lines(project: str, one: GrantView, width: int) -> list[Line]:
    """Everything about a grant: to which words, bound to what, by whom."""
    lines = wrap((said(what_of(one), "strong", 400), Span(f"  {project}", "muted")), width)
    lines += wrap((said(shlex.join(one.argv), "code", 600),), width)
    bound_to = f"sha256 {clean(one.digest)[:16]}; it is void once these words or a file that they name change"
    lines += wrap((Span(bound_to, "muted"),), width)
    lines += _signed(one.by, one.at, "granted it", width)
    return lines + (_signed(one.revoked_by, one.revoked_at, "took it back", width) if one.revoked_by else [])


def _signed(who: str, when: str, what: str, width: int) -> list[Line]:
    lead = (said(who.removeprefix("person:"), "strong", 60), Span(f"  {what}, {clean(when)[:16]}", "muted"))
    return wrap(lead, width)


def _word(who: str, when: str, why: str, what: str, width: int) -> list[Line]:
    """Who said it, when, and in which words."""
    lead = (said(who.removeprefix("person:"), "strong", 60), Span(f"  {what}, {clean(when)[:16]}: ", "muted"))
    return wrap((*lead, said(why, "text", 600)), width)
