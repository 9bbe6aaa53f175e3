"""Roll back: an earlier phase with its files. Shows what is undone first, and asks twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import QdeckError
from core.machine.states import State
from core.machine.transitions import Kind
from tui import legal, words
from tui.ink import Line, Span
from tui.pages.back import Loss, restored_checkpoint, undone
from tui.picture import Picture
from tui.screens.back import BackScreen, question
from tui.starting import person
from tui.widgets.picker import Option

if TYPE_CHECKING:
    from core.service.views import Answer


class RollbackScreen(BackScreen):
    """Files, conversation and evidence as they were when an earlier phase began."""

    REASON_TITLE = "why"
    UNDO = "\nTo take it back: h, and f at the event before it forks the build as it was."

    def __init__(self, workflow_id: str) -> None:
        super().__init__(workflow_id)
        self._asking = False
        self._losses: dict[tuple[State, int], Loss] = {}

    def options(self, picture: Picture) -> list[Option]:
        """The legal targets, with the checkpoint that comes back."""
        return [
            Option(
                m.target.value,
                (
                    Span(f"{m.target.value:<16}", "strong bold"),
                    Span(f"files of checkpoint {restored_checkpoint(picture, m.target):<4}", "text"),
                    Span(f"rollback {m.transition}", "muted"),
                ),
                m.why_not,
            )
            for m in picture.moves
            if m.kind is Kind.ROLLBACK
        ]

    def head(self, picture: Picture, width: int) -> list[Line]:
        """What this is."""
        view = picture.view
        title = f"Roll back from {words.state_word(view.state)}"
        return question(title, view.build_id, view.title, width)

    def meaning(self, picture: Picture, target: State, width: int) -> list[Line]:
        """Everything that is undone."""
        loss = self._losses.get((target, picture.view.version))
        return undone(picture, target, width, self.deck.now(), loss)

    def ages(self) -> tuple[str, ...]:
        """Those of the checkpoints."""
        return words.ages((c.at for c in self.picture.checkpoints), self.deck.now()) if self.picture else ()

    def show_ages(self) -> None:
        """Draw the page anew, where it was read."""
        super().show_meaning(top=False)

    def show_meaning(self, *, top: bool = True) -> None:
        """Show what the target under the cursor means, and read what its checkpoint holds."""
        super().show_meaning(top=top)
        picture, target = self.picture, self.target
        if picture is None or target is None:
            return
        if (target, picture.view.version) not in self._losses:
            self.run_worker(self._read(picture, target), group="checkpoint")

    async def _read(self, picture: Picture, target: State) -> None:
        """Read the diff of a checkpoint, against which the files of now are compared, and what was said."""
        number = restored_checkpoint(picture, target)
        named = next((c.diff_digest for c in picture.checkpoints if c.number == number), "")
        try:
            data = await self.deck.link.ask(lambda service: service.artifact(named)) if named else None
            said = await self.deck.link.ask(
                lambda service: service.messages_undone(self._workflow_id, target)
            )
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return
        diff = data.decode("utf-8", "replace") if data else ""
        self._losses[target, picture.view.version] = Loss(diff, said)
        if self.is_attached:
            super().show_meaning()

    def answers(self, width: int) -> list[Line]:
        """The keys at the bottom; after the first one, the question again."""
        target = self.target
        if target is None:
            return [(Span("There is no legal target.", "muted"),)]
        if self._asking:
            return [
                (
                    Span(" y ", "bad bold reverse", "screen.sure"),
                    Span(f" yes, roll back to {target.value}", "bad bold", "screen.sure"),
                    Span("    "),
                    Span("esc  no, leave everything", "muted", "screen.leave"),
                )
            ]
        return [self.answer_line("b", f"roll back to {target.value}")]

    def impossible(self, picture: Picture) -> None:
        """Say why there is no target."""
        view = picture.view
        standing = legal.Standing(view.build_id, view.state, view.condition, view.waiting_for)
        self.deck.tell_why_not("rollback", self._workflow_id, standing)

    def on_picker_moved(self) -> None:
        """Another target is another question."""
        self._asking = False
        super().on_picker_moved()

    def action_go(self) -> None:
        """The first yes: ask again."""
        if self.ready() is not None and not self._asking:
            self._asking = True
            self.show_meaning()
            self.disarm()
            self.call_after_refresh(self.arm)

    def action_sure(self) -> None:
        """The second yes."""
        if not self._asking:
            super().action_sure()
        elif self.ready() is not None:
            self.send()

    async def carry_out(self, target: State, reason: str, version: int) -> Answer | None:
        """Ask for the rollback."""
        return await self.deck.ask(
            lambda service: service.rollback_workflow(
                self._workflow_id, by=person(), expected_version=version, target_state=target, reason=reason
            )
        )
