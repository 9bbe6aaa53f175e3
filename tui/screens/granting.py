"""A person grants the deploy command secrets and hosts: the names, the very words and their digest, yes."""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING

from core.errors import QdeckError
from core.grants import COMMANDS, granted_to
from core.text import clean
from tui.grants import bound, read_names
from tui.screens.ask import AskScreen
from tui.screens.confirm import Choice, ConfirmScreen
from tui.starting import person

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import Answer, ProjectView
    from tui.screens.base import DeckScreen

    _Base = DeckScreen
else:
    _Base = object

_Found = dict[str, tuple[tuple[str, ...], str]]


def sentences(project: ProjectView) -> list[str]:
    """Say what each command of a project that counts is granted, or that it gets nothing; it asks git."""
    told = []
    for command in COMMANDS:
        try:
            argv, digest = bound(project, command)
        except QdeckError:
            continue
        nothing = f"The {command} command gets no secret and no network."
        # The command line's way is a key here.
        given = granted_to(project.settings, command, argv, digest).told.replace("`qdeck grant`", "s")
        told.append(given or nothing)
    return told


class Granting(_Base):
    """The questions one after the other; `granted` is called when a grant was given."""

    def granted(self) -> None:
        """A grant was given."""

    def grant_to(self, project: ProjectView) -> None:
        """Begin: see which commands of the project count, and ask about one of them."""
        self.run_worker(self._begin(project), group="granting", exclusive=True)

    async def _begin(self, project: ProjectView) -> None:
        found: _Found = {}
        trouble = ""
        for command in COMMANDS:
            try:
                found[command] = await asyncio.to_thread(bound, project, command)
            except QdeckError as error:
                trouble = trouble or str(error)
        if not self.is_attached:
            return
        if not found:
            self.deck.tell(trouble, bad=True)
        elif len(found) == 1:
            self._names(project, found, next(iter(found)))
        else:
            self._which(project, found)

    def _which(self, project: ProjectView, found: _Found) -> None:
        def chosen(key: str | None) -> None:
            if key is not None:
                self._names(project, found, {"d": "deploy", "r": "rollback"}[key])

        choices = [Choice(command[0], f"the {command} command") for command in found]
        text = f"Each command of {clean(project.name, lines=False)} is granted its own."
        self.deck.push_screen(
            ConfirmScreen("To which command?", text, [*choices, Choice("escape", "not now")]), chosen
        )

    def _names(self, project: ProjectView, found: _Found, command: str, value: str = "") -> None:
        def written(text: str | None) -> None:
            if text is None:
                return
            try:
                secrets, hosts = read_names(text)
            except ValueError as error:
                self.deck.tell(f"{error}.", bad=True)
                self._names(project, found, command, text)
                return
            self._agree(project, found[command], command, secrets, hosts)

        told = (
            "Names of secrets, which are variables of the worker's environment, and hosts as name:port, "
            "parted by spaces. Without a grant it gets none of them, and no network."
        )
        title = f"What does the {command} command of {clean(project.name, lines=False)} get?"
        self.deck.push_screen(
            AskScreen(title, told, value, placeholder="DEPLOY_TOKEN deploy.example.org:443"), written
        )

    def _agree(
        self,
        project: ProjectView,
        words: tuple[tuple[str, ...], str],
        command: str,
        secrets: list[str],
        hosts: list[str],
    ) -> None:
        argv, digest = words

        def answered(key: str | None) -> None:
            if key == "y":
                self.run_worker(give(), group="granting")

        async def order(service: OrchestrationService) -> Answer:
            return await service.grant(
                project.project_id,
                command=command,
                argv=argv,
                digest=digest,
                secrets=secrets,
                hosts=hosts,
                by=person(),
            )

        async def give() -> None:
            answer = await self.deck.ask(order)
            if answer is not None and answer.ok:
                self.deck.tell(answer.text)
                self.granted()

        what = ", ".join(
            [*(f"the secret {name}" for name in secrets), *(f"the host {host}" for host in hosts)]
        )
        words_shown = clean(shlex.join(argv), lines=False, limit=600)
        text = (
            f"It gets {what}, and nothing else. This is for `{words_shown}` (sha256 {digest[:16]}) and "
            "counts until that, or a file that it names, changes."
        )
        choices = (Choice("y", "grant it", bad=True), Choice("escape", "no"))
        self.deck.push_screen(ConfirmScreen(f"Grant this to the {command} command?", text, choices), answered)
