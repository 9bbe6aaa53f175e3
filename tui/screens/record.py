"""What the history does with the record it shows: verify it, write it out, begin a new build from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui import words
from tui.picture import Picture
from tui.screens.long_work import LongWork

if TYPE_CHECKING:
    from core.service.past import Past


class RecordKeys(LongWork):
    """Keys of the history."""

    picture: Picture | None
    _workflow_id: str
    _past: Past | None

    @property
    def index(self) -> int:
        """The event that is looked at, from 0."""
        raise NotImplementedError

    def _may_begin(self) -> bool:
        """Whether nothing is under way; says so otherwise."""
        if self.working:
            self.deck.tell("One after the other: esc stops what is under way.")
        return not self.working

    def action_check(self) -> None:
        """Verify the chain."""
        if self._may_begin():
            self.run_worker(self._check(), group="check")

    async def _check(self) -> None:
        found = await self._work_on(
            "going through the events",
            lambda service, progress: service.verify_log(self._workflow_id, progress=progress),
        )
        if found is None:
            return
        if found.whole:
            count = words.plural(found.events, "event")
            self.deck.tell(
                f"The chain is whole: {count}, each bound to the one before. Seal {found.seal[:16]}"
            )
        else:
            signs = " ".join(str(sign) for sign in found.breaks[:3])
            self.deck.tell(f"The record was touched: {signs}", bad=True)

    def action_fork(self) -> None:
        """Ask once, then begin a new build from here."""
        from tui.screens.confirm import Choice, ConfirmScreen

        picture = self.picture
        if picture is None or self._past is None:
            return
        seq = self.index + 1
        then = self._past.at(seq)

        def answered(key: str | None) -> None:
            if key == "f":
                self.run_worker(self._fork(seq), group="order")

        self.deck.push_screen(
            ConfirmScreen(
                f"Fork {picture.view.build_id} after event {seq}?",
                f"A new build begins {words.beginning(then.state)} with the files of checkpoint "
                f"{then.checkpoint}. What was proved until then is checked again by its digest; this build "
                "stays as it is.",
                (Choice("f", "fork it"), Choice("escape", "not now")),
            ),
            answered,
        )

    async def _fork(self, seq: int) -> None:
        from tui.starting import person

        answer = await self.deck.ask(
            lambda service: service.fork_workflow(self._workflow_id, by=person(), seq=seq)
        )
        if answer is not None and answer.ok and answer.workflow is not None:
            self.deck.tell(answer.text)
            if self.is_attached:
                self.dismiss()
            self.deck.call_later(self.deck.open_workflow, answer.workflow.workflow_id)

    def action_write(self) -> None:
        """Ask for a file name, and write the dossier to it."""
        from tui.screens.ask import AskScreen

        if self.picture is None or not self._may_begin():
            return
        build_id = self.picture.view.build_id

        def answered(name: str | None) -> None:
            if name:
                self.run_worker(self._write(name), group="write")

        self.deck.push_screen(
            AskScreen(
                "Write the dossier",
                "One file with all that is on record, and beside it a script that verifies it anywhere.",
                str(Path.cwd() / f"{build_id}.dossier.json"),
            ),
            answered,
        )

    async def _write(self, path: str) -> None:
        view = await self._work_on(
            "writing the dossier",
            lambda service, progress: service.export_workflow(self._workflow_id, path, progress=progress),
        )
        if view is None:
            return
        count = words.plural(view.events, "event")
        self.deck.tell(f"Written: {view.path}, {count}; {view.verifier} verifies it.")
