"""How the app starts a build: it looks at the project and the models first, which can be given up."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import QdeckError
from core.machine.states import Autonomy, Role
from tui import legal
from tui.deck import Deck

if TYPE_CHECKING:
    from textual.screen import Screen

    from core.machine.commands import Authority

_FLAGS = (
    (" and use --model, e.g. ", " and name a model, such as "),
    (": use --model ", ": the model may be "),
    (" and use --model ", " and name the model "),
    ("set it in the app with f2, or as `model` in your settings", "press f2"),
    ("`qdeck demo` plays", "`qdeck demo`, in a terminal, plays"),
)
"""What only the command line takes, and what does the same here."""
GIVEN_UP = "It was given up; nothing was started."


def person() -> Authority:
    """The authority of whoever sits here."""
    from core.machine.commands import Authority

    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        name = "user"
    return Authority.person(name)


class Starting(Deck):
    """The part of the app that begins builds."""

    _looking: tuple[asyncio.Future[dict[str, Any]], ...] = ()
    """What is looked at for starts that are about to be made, the newest last."""
    _given_up: asyncio.Future[dict[str, Any]] | None = None

    def open_workflow(self, workflow_id: str, pane: str = "") -> None:
        """Show a workflow; go to the pane when it is already shown."""
        from tui.screens.workflow import WorkflowScreen

        if not self.journal_open:
            self.tell(self.trouble or legal.OPENING)
            return
        shown = self.screen
        if isinstance(shown, WorkflowScreen) and shown.workflow_id() == workflow_id:
            shown.show_pane(pane)
            return
        self.push_screen(WorkflowScreen(workflow_id, pane))

    def start_workflow(self, request: str, project: Path | None = None) -> None:
        """Start a build of `request` with the settings' defaults, and show it."""
        where = project or self.project
        if where is None:
            self.tell("There is no project here: ctrl+n lets you name the repository to build in.", bad=True)
            self.board.give_back(request)
            return
        self.run_worker(self._start_workflow(where, request), group="start")

    async def _start_workflow(self, where: Path, request: str) -> None:
        settings = self.settings
        models = {r.value: settings.model_for(r) for r in Role if settings.model_for(r)}
        # A large repository and a server far away take seconds to answer.
        self.tell(f"Looking at {where.name} and at the model before it starts; esc gives it up.")
        why_not = await self.begin(
            where, request, autonomy=settings.autonomy, budget=settings.budget_usd, models=models
        )
        if why_not:
            self.board.give_back(request)
        else:
            self.clear_notifications()

    async def begin(
        self,
        where: Path,
        request: str,
        *,
        autonomy: Autonomy,
        budget: float | None,
        models: dict[str, str],
        retries: int | None = None,
        deadlines: dict[str, float] | None = None,
        instead: Screen[object] | None = None,
    ) -> str:
        """Check what can be checked, register the project, start the workflow and show it.

        Return why not; empty when it runs. A form that is still there (`instead`) shows that itself.
        """
        try:
            found = await self._looked_at(where, request, models)
            if found is None:
                return self._not_begun(GIVEN_UP, instead)
            project = await self.link.ask(
                lambda service: service.register_project(
                    found["path"], default_branch=found["default_branch"]
                )
            )
            answer = await self.link.ask(
                lambda service: service.start_workflow(
                    project.project_id,
                    request,
                    autonomy=autonomy,
                    budget_usd=budget,
                    models=models,
                    retry_budget=self.settings.retry_budget if retries is None else retries,
                    base_commit=found["head"],
                    deadlines=self.settings.deadlines if deadlines is None else deadlines,
                    by=person(),
                )
            )
        except QdeckError as error:
            return self._not_begun(str(error), instead)
        if not answer.ok or answer.workflow is None:
            return self._not_begun(answer.text, instead)
        if instead is not None and instead is self.screen:
            self.pop_screen()
        self.open_workflow(answer.workflow.workflow_id)
        return ""

    async def _looked_at(self, where: Path, request: str, models: dict[str, str]) -> dict[str, Any] | None:
        """Return what a build finds in the project; None when the user gave up waiting for that."""
        looking = asyncio.ensure_future(self._checked(where, request, models))
        self._looking = (*self._looking, looking)
        try:
            return await looking
        except asyncio.CancelledError:
            if self._given_up is not looking:
                raise
            return None
        finally:
            self._looking = tuple(other for other in self._looking if other is not looking)

    def give_up_start(self) -> bool:
        """Give up the newest start; False where nothing is about to start, or it has started already."""
        under_way = [looking for looking in self._looking if not looking.done()]
        if not under_way:
            return False
        self._given_up = under_way[-1]
        return under_way[-1].cancel()

    async def _checked(self, where: Path, request: str, models: dict[str, str]) -> dict[str, Any]:
        """Return what a build finds in the project; raise QdeckError when it, or a model, cannot work."""
        from tui.commands.children import check_model, check_project

        api_base = self.settings.api_base

        names = sorted({models.get(role.value, "") for role in Role})
        found: dict[str, Any]
        found, *_ = await asyncio.gather(
            asyncio.to_thread(check_project, where),
            *(asyncio.to_thread(check_model, name, api_base, request) for name in names),
        )
        return found

    def _not_begun(self, why: str, form: Screen[object] | None) -> str:
        for flag, words_here in _FLAGS:
            why = why.replace(flag, words_here)
        if form is None or not form.is_attached:
            self.tell(why, bad=True)
        return why
