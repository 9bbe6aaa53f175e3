"""What the app does on the user's word: open a screen, or carry a command to the service."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import QdeckError
from tui import legal
from tui.starting import Starting, person

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import Answer
    from tui.widgets.composer import Composer


class Orders(Starting):
    """The part of the app that acts. Each screen is imported when it is opened first."""

    # --- screens

    def open_first(self) -> None:
        """Greet somebody who never used qdeck."""
        from tui.screens.first import FirstScreen

        self.push_screen(FirstScreen())

    def leave_for_demo(self) -> None:
        """Close the app; whoever started it plays the demo next."""
        self.after = "demo"
        self.exit(0)

    def remember(self) -> None:
        """Keep where the person is, and what they were writing."""
        if not self.options.read_only and not self.options.in_browser:
            self.remembered.keep()

    def open_named(self, name: str, *, quietly: bool = False) -> None:
        """Show the workflow that is called by its id or build id; `quietly` when nobody asked for it."""

        async def look() -> None:
            try:
                view = await self.link.ask(lambda service: service.get_workflow_status(name))
            except QdeckError as error:
                if not quietly:
                    self.tell(str(error), bad=True)
                return
            if not quietly or self.screen is self.board:
                self.open_workflow(view.workflow_id)

        self.run_worker(look(), group="open")

    def open_decision(self, workflow_id: str) -> None:
        """Show what waits for the user's yes."""
        from tui.screens.decision import DecisionScreen

        self.push_screen(DecisionScreen(workflow_id))

    def open_retry(self, workflow_id: str) -> None:
        """Ask where to send the work back to, and why."""
        from tui.screens.retry import RetryScreen

        self.push_screen(RetryScreen(workflow_id))

    def open_rollback(self, workflow_id: str) -> None:
        """Show what a rollback would undo."""
        from tui.screens.rollback import RollbackScreen

        self.push_screen(RollbackScreen(workflow_id))

    def open_diff(self, workflow_id: str) -> None:
        """Read what a workflow changed."""
        from tui.screens.diff import DiffScreen

        self.push_screen(DiffScreen(workflow_id))

    def open_evidence(self, workflow_id: str) -> None:
        """Look at everything that ran for a workflow."""
        from tui.screens.evidence import EvidenceScreen

        self.push_screen(EvidenceScreen(workflow_id))

    def open_history(self, workflow_id: str) -> None:
        """Go through a workflow's past."""
        from tui.screens.history import HistoryScreen

        self.push_screen(HistoryScreen(workflow_id))

    def open_statistics(self) -> None:
        """Show figures over all workflows."""
        from tui.screens.statistics import StatisticsScreen

        self.push_screen(StatisticsScreen())

    def action_new(self) -> None:
        """Describe a new build."""
        if not self.journal_open or self.options.read_only:
            self.tell(self.refusal() or legal.OPENING, bad=self.options.read_only)
            return
        from tui.screens.new import NewScreen

        if not isinstance(self.screen, NewScreen):
            # What was said about the board would lie over what the form says about the folder.
            self.clear_notifications()
            self.push_screen(NewScreen())

    def action_settings(self) -> None:
        """Show and change the settings."""
        from tui.screens.settings import SettingsScreen

        if not isinstance(self.screen, SettingsScreen):
            self.push_screen(SettingsScreen())

    def action_prompts(self) -> None:
        """Show what the roles are told."""
        from tui.screens.prompts import PromptsScreen

        if not isinstance(self.screen, PromptsScreen):
            self.push_screen(PromptsScreen())

    def action_log(self) -> None:
        """Show what app and worker wrote down."""
        from tui.screens.log import LogScreen

        if not isinstance(self.screen, LogScreen):
            self.push_screen(LogScreen())

    def action_yeses(self) -> None:
        """Show the standing yeses of all projects."""
        from tui.screens.yeses import YesesScreen

        if not self.journal_open:
            self.tell(self.trouble or legal.OPENING)
        elif not isinstance(self.screen, YesesScreen):
            self.push_screen(YesesScreen())

    def action_tokens(self) -> None:
        """Show the tokens of the HTTP API."""
        from tui.screens.tokens import TokensScreen

        if not self.journal_open:
            self.tell(self.trouble or legal.OPENING)
        elif not isinstance(self.screen, TokensScreen):
            self.push_screen(TokensScreen())

    def action_help(self) -> None:
        """Show the keys, and what moves a workflow."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    # --- commands

    def tell_why_not(self, action: str, workflow_id: str, standing: legal.Standing | None) -> None:
        """Say why the key of `action` has nothing to do now, in the words of the service."""
        from tui.why_not import why_not

        async def ask() -> None:
            try:
                why = await why_not(self, action, workflow_id, standing, opened=self.journal_open)
            except QdeckError as error:
                self.tell(str(error), bad=True)
                return
            self.tell(why or "Look again: just now it became possible.")

        self.run_worker(ask(), group="why", exclusive=True)

    def set_condition(self, workflow_id: str, order: str) -> None:
        """Pause, resume or cancel."""
        self.run_worker(self._set_condition(workflow_id, order), group="order")

    async def _set_condition(self, workflow_id: str, order: str) -> None:
        try:
            view = await self.link.ask(lambda service: service.get_workflow_status(workflow_id))
        except QdeckError as error:
            self.tell(str(error), bad=True)
            return
        done = {"pause": "is paused", "resume": "goes on", "cancel": "is cancelled"}[order]

        async def command(service: OrchestrationService) -> Answer:
            give = {"pause": service.pause, "resume": service.resume, "cancel": service.cancel}[order]
            return await give(workflow_id, by=person(), expected_version=view.version)

        await self.ask(command, done=f"{view.build_id} {done}.")

    def say(self, workflow_id: str, text: str) -> None:
        """Hand the user's words to the role at work."""
        self.run_worker(self.ask(lambda service: service.chat(workflow_id, text, by=person())), group="say")

    async def know_files(self, composer: Composer, project_id: str = "") -> None:
        """Give a text field the names of the project's files, to complete them behind an @."""
        from tui.projects import files_of

        path = self.project
        if project_id:
            with contextlib.suppress(QdeckError):
                known = await self.link.ask(lambda service: service.projects())
                path = next((Path(p.path) for p in known if p.project_id == project_id), None)
        if path is not None:
            files = await asyncio.to_thread(files_of, path)
            composer.files = lambda: files

    def stop_turn(self, workflow_id: str, role: str) -> None:
        """Stop what the role is saying or doing."""
        self.run_worker(
            self.ask(
                lambda service: service.stop_turn(workflow_id, by=person()),
                done=f"The {role} is asked to stop.",
            ),
            group="order",
        )

    def confirm_cancel(self, workflow_id: str, build_id: str) -> None:
        """Ask whether to cancel for good."""
        from tui.screens.confirm import Choice, ConfirmScreen

        def answered(key: str | None) -> None:
            if key == "y":
                self.set_condition(workflow_id, "cancel")

        self.push_screen(
            ConfirmScreen(
                f"Cancel {build_id} for good?",
                "The roles stop. Its branch and checkpoints stay, but nothing starts it again.",
                (Choice("y", "cancel it", bad=True), Choice("escape", "keep it")),
            ),
            answered,
        )
