"""What the keys of a workflow do, on the board and on the workflow's own screen alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui import legal
from tui.legal import Standing

if TYPE_CHECKING:
    from tui.screens.base import DeckScreen

    _Base = DeckScreen
else:
    _Base = object


class BuildActions(_Base):
    """Keys for one workflow: `standing` and `workflow_id` say which. A key that is not legal now says why."""

    # What waits for a yes can always be read, so that `approve` is none.
    ORDERS: ClassVar[frozenset[str]] = frozenset({"retry", "rollback", "pause", "cancel", "chat"})

    def standing(self) -> Standing | None:
        """How the workflow stands; None when there is none."""
        raise NotImplementedError

    def workflow_id(self) -> str:
        """The workflow's id."""
        raise NotImplementedError

    def can(self, action: str) -> bool:
        """Whether the key of `action` has something to do now."""
        if self.refusal(action):
            return False
        return legal.possible(action, self.standing(), opened=self.deck.journal_open)

    @property
    def approve_word(self) -> str:
        """What `a` does: who may only look finds there what waits, and gives no yes."""
        return "look at it" if self.deck.options.read_only else "approve"

    def _may(self, action: str) -> bool:
        if self.can(action):
            return True
        self.deck.tell_why_not(action, self.workflow_id(), self.standing())
        return False

    def action_approve(self) -> None:
        """Show what waits for the user's yes."""
        if self._may("approve"):
            self.deck.open_decision(self.workflow_id())

    def action_retry(self) -> None:
        """Ask where to send the work back to, and why."""
        if self._may("retry"):
            self.deck.open_retry(self.workflow_id())

    def action_rollback(self) -> None:
        """Show what a rollback would undo."""
        if self._may("rollback"):
            self.deck.open_rollback(self.workflow_id())

    def action_pause(self) -> None:
        """Pause, or let go on what is paused or failed."""
        standing = self.standing()
        if standing and self._may("pause"):
            self.deck.set_condition(self.workflow_id(), "resume" if legal.resumes(standing) else "pause")

    def action_cancel(self) -> None:
        """Ask whether to cancel for good."""
        standing = self.standing()
        if standing and self._may("cancel"):
            self.deck.confirm_cancel(self.workflow_id(), standing.build_id)

    def action_pane(self, pane: str) -> None:
        """Open the workflow at one of its panes."""
        if self._may("pane"):
            self.deck.open_workflow(self.workflow_id(), pane)

    def action_diff(self) -> None:
        """Read what the workflow changed."""
        if self._may("diff"):
            self.deck.open_diff(self.workflow_id())

    def action_evidence(self) -> None:
        """Look at everything that ran, and what it proves."""
        if self._may("evidence"):
            self.deck.open_evidence(self.workflow_id())

    def action_history(self) -> None:
        """Go through everything that happened to the workflow."""
        if self._may("history"):
            self.deck.open_history(self.workflow_id())

    def action_statistics(self) -> None:
        """Show figures over all workflows."""
        if not self.deck.journal_open:
            self.deck.tell(self.deck.trouble or legal.OPENING)
            return
        self.deck.open_statistics()
