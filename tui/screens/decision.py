"""The decision: everything that a yes rests on, and the keys for yes, back and talk. Armed half a second
late."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from core.errors import QdeckError
from core.machine.states import Condition
from core.machine.transitions import Kind
from tui import legal, words
from tui.armed import Armed
from tui.ink import Line, Span, cut_line, said
from tui.legal import Standing
from tui.pages.decision import decision_head, decision_page, open_asks, price_line, told_lines
from tui.pages.parts import bullet, with_digests
from tui.picture import Picture
from tui.screens.acceptance import Acceptances, overridable
from tui.screens.base import READING, DeckScreen
from tui.screens.decision_page import DecisionPage
from tui.screens.granting import Granting, sentences
from tui.screens.searching import SEARCH_KEYS, SEEKING, Searching
from tui.starting import person
from tui.widgets.bars import Hint
from tui.widgets.lines import Lines
from tui.widgets.reader import Reader

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import Answer, DecisionView, MoveView, ProjectView


_ANSWERS = {"a": "yes", "c": "chat", "m": "more", "r": "retry", "b": "rollback"}
"""What a click on an answer does, by its key; the numbers stand for the first question."""


class DecisionScreen(Searching, Acceptances, Granting, Armed, DeckScreen):
    """What waits for a person, and their answer."""

    CSS_PATH = "decision.tcss"
    ORDERS = frozenset({"yes", "more", "retry", "rollback", "cancel", "chat", "override", "grant", "answer"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Not now", id="decision.later", tooltip="Decide later."),
        *SEARCH_KEYS,
    ]

    def __init__(self, workflow_id: str) -> None:
        super().__init__()
        self._workflow_id = workflow_id
        self.picture: Picture | None = None
        self._decision: DecisionView | None = None
        self._sending = False
        self._granted: list[str] = []

    def content(self) -> ComposeResult:
        """The question, what it rests on, and the answers."""
        yield Lines(lambda width: [READING], id="head")
        yield DecisionPage(id="body")
        yield Lines(id="answers")

    def on_mount(self) -> None:
        """Nothing counts before the question is there to be read."""
        self.disarm()
        self.deck.rewatch()
        self.query_one("#body").focus()

    def searched(self) -> Reader:
        """All that the decision rests on is looked through."""
        return self.query_one("#body", DecisionPage)

    def copied(self) -> str:
        """What is found or shown, with whole digests."""
        return with_digests(super().copied(), self.picture.receipts if self.picture else ())

    def give_focus(self) -> None:
        """To the page, where the keys count; anew, since they were letters a moment ago."""
        self.searched().focus()
        self.arm()

    def action_leave(self) -> None:
        """Out of the search, then decide later."""
        if not self.end_search():
            self.deck.pop_screen()

    def watches(self) -> str:
        """The workflow to follow."""
        return self._workflow_id

    def arm(self) -> None:
        """Only a decision that is drawn can be armed."""
        if self._decision is not None:
            super().arm()

    def take_picture(self, picture: Picture) -> None:
        """Show what waits now; leave when nothing does any more."""
        if picture.view.workflow_id != self._workflow_id or not self.is_attached:
            return
        self.picture = picture
        if picture.decision is None:
            self._nothing_left(picture)
            return
        old, self._decision = self._decision, picture.decision
        self._show(picture.decision)
        self.refresh_hints()
        if old is None or (old.subject, old.digest, old.version) != (
            picture.decision.subject,
            picture.decision.digest,
            picture.decision.version,
        ):
            # Another question than the one that was read: keys typed for that must not answer this.
            self.disarm()
            self.call_after_refresh(self.arm)
            if self._releases():
                self.granted()

    def hints(self) -> Sequence[Hint]:
        """The keys of this screen."""
        if self.seeking:
            return SEEKING
        return (
            *((Hint("n N", self.matches()),) if self.searched().found.needle else ()),
            Hint("d", "diff", "screen.diff"),
            Hint("e", "evidence", "screen.evidence"),
            Hint("h", "history", "screen.history"),
            Hint("c", "talk", "screen.chat"),
            *self._override_hint(),
            *((Hint("s", "grant", "screen.grant"),) if self._releases() else ()),
            *((Hint("n", "next", "app.next_need"),) if self.deck.needs_elsewhere(self._workflow_id) else ()),
            Hint("x", "cancel", "screen.cancel"),
            Hint("/", "search", "screen.search"),
            Hint("esc", "not now", "screen.leave", short="later"),
        )

    def _override_hint(self) -> tuple[Hint, ...]:
        """Only where something red could be overridden: nobody is to be led there."""
        decision = self._decision
        return (Hint("o", "override", "screen.override"),) if decision and overridable(decision) else ()

    # --- drawing

    def tick(self) -> None:
        """Draw anew how long it waits, and the ages that read otherwise now."""
        if self._decision is not None:
            self._show_head(self._decision)
        super().tick()

    def ages(self) -> tuple[str, ...]:
        """Those of the receipts."""
        return words.ages((r.at for r in self.picture.receipts), self.deck.now()) if self.picture else ()

    def show_ages(self) -> None:
        """Draw the page anew, where it was read."""
        if self._decision is not None:
            self._show(self._decision)

    def journal_changed(self) -> None:
        """Without a journal no answer is taken."""
        super().journal_changed()
        self.show_ages()

    def _show_head(self, decision: DecisionView) -> None:
        now = self.deck.now()
        self.query_one("#head", Lines).show(
            lambda width: [*decision_head(decision, width, now), *told_lines(self._granted, width)]
        )

    def _show(self, decision: DecisionView) -> None:
        picture, now = self.picture, self.deck.now()
        self._show_head(decision)
        self.query_one("#body", DecisionPage).show(lambda width: decision_page(decision, picture, width, now))
        self.query_one("#answers", Lines).show(lambda width: self._answers(decision, width))

    def _answers(self, decision: DecisionView, width: int) -> list[Line]:
        line: list[Span] = []
        why = self._refused(decision)
        for key, label, ink in self._choices(decision):
            line += [Span("    ")] * bool(line)
            link = f"screen.{_ANSWERS.get(key, 'answer(1)')}"
            dim = bool(self.refusal(link) or (key == "a" and why))
            line += [Span(f" {key} ", "faint" if dim else f"{ink} bold reverse", link)]
            line += [Span(f" {label}", "faint" if dim else "strong", link)]
        # In two lines: the page above has what is missing, and the key itself tells all of it.
        mark = "    " if self.refusal("yes") else " a  "
        told = bullet(Span(mark, "faint"), (said(why, "need", 1200),), width) if why else []
        if len(told) > 2:
            told = [told[0], cut_line((*told[1], Span(" …", "need")), width)]
        return [tuple(line), price_line(decision, self.picture, width), *told]

    def _refused(self, decision: DecisionView) -> str:
        """Why nothing comes of what `a` stands for; empty when something does."""
        refused = self.picture.refused if self.picture and decision.kind == "approval" else ""
        return self.refusal("yes") or refused

    def _choices(self, decision: DecisionView) -> list[tuple[str, str, str]]:
        """What can be answered: the key, what it does, and the ink of the key."""
        standing = self._standing()
        choices: list[tuple[str, str, str]] = []
        if waiting := len(open_asks(decision)):
            keys = "1" if waiting == 1 else f"1-{min(9, waiting)}"
            choices.append((keys, "yes or no", "need"))
        if label := self._yes_label(decision):
            choices.append(("a", label, "need"))
        if decision.kind == "answer":
            choices.append(("c", "answer", "need"))
        if self._money_is_spent(decision):
            choices.append(("m", f"{words.money((decision.budget_usd or 0) * 2)} budget and go on", "need"))
        if legal.possible("retry", standing):
            choices.append(("r", "send back", "muted"))
        if legal.possible("rollback", standing):
            choices.append(("b", "roll back", "muted"))
        return choices

    def _yes_label(self, decision: DecisionView) -> str:
        """What `a` does; empty where a yes alone is no answer."""
        kind, _, subject = decision.subject.partition(":")
        if kind == "approval":
            return f"approve the {subject}"
        if kind != "person":
            return ""
        ahead = _ready_ahead(decision)
        return f"go on to {words.state_word(ahead.target)}" if ahead else "let it go on"

    def _money_is_spent(self, decision: DecisionView) -> bool:
        return decision.subject == "budget" and bool(decision.budget_usd)

    def _standing(self) -> Standing | None:
        if self.picture is None:
            return None
        view = self.picture.view
        return Standing(view.build_id, view.state, view.condition, view.waiting_for)

    def _nothing_left(self, picture: Picture) -> None:
        """Somebody decided, here or in another window."""
        if self._decision is not None and not self._sending:
            self.deck.tell(f"{picture.view.build_id} was decided elsewhere.")
        elif self._decision is None:
            self.deck.tell_why_not("approve", self._workflow_id, self._standing())
        self.dismiss()

    # --- keys

    def _ready(self) -> DecisionView | None:
        """The decision, if a key counts now."""
        return self._decision if self.armed() and not self._sending else None

    def action_yes(self) -> None:
        """Give the yes that is asked for."""
        decision = self._ready()
        if decision is None:
            return
        if not self._yes_label(decision):
            self.deck.tell("A yes alone is no answer here: the line below shows what is.")
            return
        if why := self._refused(decision):
            self.deck.tell(why, bad=True)
            return
        self._sending = True
        self.run_worker(self._approve(decision), group="decision")

    async def _approve(self, decision: DecisionView) -> None:
        def command(service: OrchestrationService) -> Awaitable[Answer]:
            # In manual a person's yes is the step itself; a resume would only do the same work again.
            moves = decision.kind == "approval" or _ready_ahead(decision) is not None
            give = service.advance_workflow if moves else service.resume
            return give(decision.workflow_id, by=person(), expected_version=decision.version)

        kind, _, subject = decision.subject.partition(":")
        await self._carry_out(command, done=f"You approved the {subject}." if kind == "approval" else "")

    async def _carry_out(
        self, command: Callable[[OrchestrationService], Awaitable[Answer]], *, done: str = ""
    ) -> None:
        answer = await self.deck.ask(command)
        self._sending = False
        if answer is not None and answer.ok:
            self.deck.tell(done or answer.text)
            if self.is_attached:
                self.dismiss()

    def action_more(self) -> None:
        """Double the budget and let it go on."""
        decision = self._ready()
        if decision is None or not self._money_is_spent(decision):
            return
        self._sending = True
        budget = (decision.budget_usd or 0.0) * 2

        def command(service: OrchestrationService) -> Awaitable[Answer]:
            return service.set_budget(
                decision.workflow_id, by=person(), expected_version=decision.version, budget_usd=budget
            )

        self.run_worker(self._carry_out(command), group="decision")

    def action_retry(self) -> None:
        """Ask where to and why, in place of this screen."""
        self._instead("retry")

    def action_rollback(self) -> None:
        """Show what a rollback would undo, in place of this screen."""
        self._instead("rollback")

    def _instead(self, what: str) -> None:
        if self._ready() is None:
            return
        if not legal.possible(what, self._standing()):
            self.deck.tell_why_not(what, self._workflow_id, self._standing())
            return
        self.dismiss()
        opener = self.deck.open_retry if what == "retry" else self.deck.open_rollback
        self.deck.call_later(opener, self._workflow_id)

    def action_cancel(self) -> None:
        """Ask whether to cancel for good."""
        if (decision := self._ready()) is not None:
            self.deck.confirm_cancel(self._workflow_id, decision.build_id)

    def _releases(self) -> bool:
        """Whether it is the release that waits, which a deploy command belongs to."""
        return self._decision is not None and self._decision.subject == "approval:release"

    def action_grant(self) -> None:
        """Grant the deploy command what it needs, before the yes to the release."""
        if self._ready() is None:
            return
        if not self._releases():
            self.deck.tell(
                "Secrets and hosts are granted with the release; f5 lists and grants them any time."
            )
            return
        self.run_worker(self._grant(), group="granting")

    async def _grant(self) -> None:
        if (project := await self._project()) is not None:
            self.grant_to(project)

    def granted(self) -> None:
        """Look what the commands of the release are granted now."""
        self.run_worker(self._look(), group="granted", exclusive=True)

    async def _look(self) -> None:
        project = await self._project()
        self._granted = await asyncio.to_thread(sentences, project) if project else []
        if self.is_attached and self._decision is not None:
            self._show(self._decision)

    async def _project(self) -> ProjectView | None:
        """The project of this build, as it is on record now."""
        project_id = self.picture.view.project_id if self.picture else ""
        try:
            projects = await self.deck.link.ask(lambda service: service.projects())
        except QdeckError as error:
            self.deck.tell(str(error), bad=True)
            return None
        return next((p for p in projects if p.project_id == project_id), None)

    def action_chat(self) -> None:
        """Talk about it on the workflow's own screen."""
        self.dismiss()
        self.deck.call_later(self.deck.open_workflow, self._workflow_id, "chat")

    def on_screen_resume(self) -> None:
        """Back from diff or evidence: a key that was meant for them must not answer here."""
        self.deck.rewatch()
        if self._decision is not None:
            self.disarm()
            self.call_after_refresh(self.arm)

    def go_on_to(self, workflow_id: str) -> None:
        """Show the next decision in place of this one; what failed is looked at first."""
        from tui.screens.workflow import WorkflowScreen

        row = self.deck.board.rows_list.model.rows[workflow_id]
        waits = row.condition == Condition.WAITING
        self.deck.switch_screen((DecisionScreen if waits else WorkflowScreen)(workflow_id))

    def action_diff(self) -> None:
        """Read the diff on top of this screen; escape comes back."""
        self.deck.open_diff(self._workflow_id)

    def action_history(self) -> None:
        """See how it came to this, on top of this screen; escape comes back."""
        self.deck.open_history(self._workflow_id)

    def action_evidence(self) -> None:
        """Look at the evidence on top of this screen; escape comes back."""
        self.deck.open_evidence(self._workflow_id)


def _ready_ahead(decision: DecisionView) -> MoveView | None:
    """The step forward, when nothing but a person's yes is missing for it."""
    ahead = (m for m in decision.moves if m.kind in (Kind.ADVANCE, Kind.ACCEPT))
    return next((m for m in ahead if m.ready), None)
