"""Send the work back: where to, and why. The files stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.machine.states import Condition, State
from core.machine.transitions import Kind
from tui import words
from tui.ink import Line, Span
from tui.pages.back import kept, likely_reason
from tui.picture import Picture
from tui.screens.back import BackScreen, question
from tui.starting import person
from tui.widgets.picker import Option

if TYPE_CHECKING:
    from core.service.views import Answer


class RetryScreen(BackScreen):
    """A new attempt of an earlier phase, or of this one."""

    REASON_TITLE = "what should be different"

    def options(self, picture: Picture) -> list[Option]:
        """The legal targets; the same phase too where the machine has no way back or the attempt failed."""
        view = picture.view
        options = [
            Option(m.target.value, _line(m.target, m.kind.value, m.transition), m.why_not)
            for m in picture.moves
            if m.kind in (Kind.RETRY, Kind.REFUSE)
        ]
        again = Option(view.state.value, _line(view.state, "once more", ""))
        if view.condition is Condition.FAILED:
            return [again, *options]
        return options or [again]

    def head(self, picture: Picture, width: int) -> list[Line]:
        """What this is."""
        view = picture.view
        title = f"Send it back from {words.state_word(view.state)}"
        return question(title, view.build_id, view.title, width)

    def suggestion(self, picture: Picture) -> str:
        """What was noted on the diff, and what the evidence says is wrong."""
        noted = self.deck.remarks.reason(self._workflow_id)
        return "\n".join(part for part in (noted, likely_reason(picture)) if part)

    def meaning(self, picture: Picture, target: State, width: int) -> list[Line]:
        """Files stay, evidence does not."""
        return kept(picture, target, width)

    def answers(self, width: int) -> list[Line]:
        """The keys at the bottom."""
        target = self.target
        where = f"send it back to {words.state_word(target)}" if target else "choose a target"
        return [self.answer_line("r", where)]

    def impossible(self, picture: Picture) -> None:
        """There is always the phase itself."""
        self.deck.tell("There is nothing to send back.")

    async def carry_out(self, target: State, reason: str, version: int) -> Answer | None:
        """Ask for the retry. What was noted on the diff is sent with it, and noted no more."""
        answer = await self.deck.ask(
            lambda service: service.request_retry(
                self._workflow_id, by=person(), expected_version=version, reason=reason, target=target
            )
        )
        if answer is not None and answer.ok:
            self.deck.remarks.forget(self._workflow_id)
            self.deck.remember()
        return answer


def _line(target: State, how: str, transition: str) -> Line:
    role = words.actor_name(target.value)
    return (
        Span(f"{words.state_word(target, short=True):<16}", "strong bold"),
        Span(f"{role:<13}", "role"),
        Span(f"{how} {transition}", "muted"),
    )
