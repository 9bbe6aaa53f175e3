"""A person's own word on single findings and on gates, from the decision: read, answer, say why. Never by one
key: the first opens the question, the second answers it half a second later, and the reason is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.machine.states import EvidenceKind
from core.text import clean
from tui.pages.decision import open_asks
from tui.screens.ask import AskScreen
from tui.screens.confirm import Choice, ConfirmScreen
from tui.starting import person

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import Answer, AskView, DecisionView, EvidenceView
    from tui.screens.base import DeckScreen

    _Base = DeckScreen
else:
    _Base = object


class Acceptances(_Base):
    """What the decision screen does with single questions. `_ready` says whether a key counts now."""

    def _ready(self) -> DecisionView | None:
        raise NotImplementedError

    def action_answer(self, number: int) -> None:
        """Open the question under a number."""
        decision = self._ready()
        if decision is None:
            return
        waiting = open_asks(decision)
        if not 1 <= number <= len(waiting):
            self.deck.tell(f"There is no question {number} here.")
            return
        ask = waiting[number - 1]

        def answered(key: str | None) -> None:
            if key is not None:
                self._ask_why(decision, ask, key)

        yes = "strike this hidden check" if ask.strikes else "yes, it may stand in this build"
        choices = [Choice("y", yes, bad=ask.strikes)]
        if ask.standing:
            choices.append(Choice("s", "yes, in this project from now on", bad=True))
        choices += [Choice("n", "no, it has to be put right"), Choice("escape", "not now")]
        text = f"{clean(ask.text, limit=1500)}  ({ask.evidence.value}, {ask.key})"
        self.deck.push_screen(ConfirmScreen(ask.name, text, choices), answered)

    def _ask_why(self, decision: DecisionView, ask: AskView, key: str) -> None:
        told = {
            "y": "Why is it struck?" if ask.strikes else "Why may it stand?",
            "s": "Why may it stand in every build of this project?",
            "n": "What should be different?",
        }[key]

        def written(reason: str | None) -> None:
            if reason:
                self.run_worker(self._answer(decision, ask, key, reason), group="decision")

        self.deck.push_screen(AskScreen(told, f"{ask.name}: it stays on record with your name.", ""), written)

    async def _answer(self, decision: DecisionView, ask: AskView, key: str, reason: str) -> None:
        async def command(service: OrchestrationService) -> Answer:
            return await service.accept_finding(
                decision.workflow_id,
                ask.key,
                by=person(),
                expected_version=decision.version,
                reason=reason,
                accept=key != "n",
                standing=key == "s",
            )

        answer = await self.deck.ask(command)
        if answer is not None and answer.ok:
            self.deck.tell(answer.text)

    # --- overriding a gate

    def action_override(self) -> None:
        """Let red evidence count as it is: loud, with a reason, for ever on record."""
        decision = self._ready()
        if decision is None:
            return
        red = overridable(decision)
        if red is None:
            self.deck.tell("No red evidence stands in the way here; there is nothing to override.")
            return

        def answered(key: str | None) -> None:
            if key == "y":
                self._why_override(decision, red)

        self.deck.push_screen(
            ConfirmScreen(
                f"Let the {red.kind.value} evidence count although it is red?",
                f"{clean(red.summary, lines=False)}. That stays on record for ever, with your "
                "name and reason, and covers only what is red now, on these very files.",
                (Choice("y", "override it", bad=True), Choice("escape", "no")),
            ),
            answered,
        )

    def _why_override(self, decision: DecisionView, red: EvidenceView) -> None:
        def written(reason: str | None) -> None:
            if reason:
                self.run_worker(self._override(decision, red, reason), group="decision")

        told = "Without a reason nothing is overridden."
        self.deck.push_screen(AskScreen(f"Why may the {red.kind.value} count?", told, ""), written)

    async def _override(self, decision: DecisionView, red: EvidenceView, reason: str) -> None:
        async def command(service: OrchestrationService) -> Answer:
            return await service.override_gate(
                decision.workflow_id,
                red.kind,
                by=person(),
                expected_version=decision.version,
                reason=reason,
                digest=red.digest,
            )

        answer = await self.deck.ask(command)
        if answer is not None and answer.ok:
            self.deck.tell(answer.text)


def overridable(decision: DecisionView) -> EvidenceView | None:
    """Return the first red evidence that the next gate asks for; None when nothing red is in the way."""
    wanted = [item.what for item in decision.gate if not item.ok]
    for kind in EvidenceKind:
        view = decision.evidence.get(kind)
        if view is not None and not view.ok and view.why.startswith("not green") and kind.value in wanted:
            return view
    return None
