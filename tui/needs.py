"""What needs the user next, from wherever they are."""

from __future__ import annotations

from tui.board_model import Group, group_of
from tui.orders import Orders


class Needs(Orders):
    """The part of the app that leads from one decision to the next."""

    def action_next_need(self) -> None:
        """Open the next workflow that needs the user; a screen that shows another goes on to it itself."""
        shown = self._shown_workflow()
        found = self.board.rows_list.model.next_that_needs(shown)
        if not found or found == shown:
            self.tell("Nothing else needs you right now.")
            return
        self.board.board.select(found)
        go_on = getattr(self.screen, "go_on_to", self.open_workflow)
        go_on(found)

    def needs_elsewhere(self, workflow_id: str = "") -> bool:
        """Whether another workflow than this one needs the user. Asked for every letter, so quick."""
        model = self.board.rows_list.model
        here = model.rows.get(workflow_id)
        return model.totals().need > (here is not None and group_of(here) is Group.NEEDS_YOU)

    def _shown_workflow(self) -> str:
        """The workflow that is shown, also behind a question; empty on the board."""
        watches = (getattr(screen, "watches", None) for screen in reversed(self.screen_stack))
        return next((str(shown()) for shown in watches if shown is not None), "")
