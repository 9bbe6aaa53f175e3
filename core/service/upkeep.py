"""The service's care for the record itself: verify it, build again what is derived from it, look back."""

from __future__ import annotations

from datetime import datetime

from core.board import BoardRow
from core.progress import Progress
from core.service import dossier, integrity, travel
from core.service.door import Door
from core.service.past import Past, past_of
from core.service.reports import DossierView, RebuiltView, VerifiedView
from core.service.views import WorkflowView


class Upkeep(Door):
    """What is asked of the journal as a record."""

    async def verify(self, workflow_id: str = "") -> list[str]:
        """Return a sentence for every sign that the event log was touched; none when it is whole."""
        return [str(found) for found in (await self.verify_log(workflow_id)).breaks]

    async def verify_log(self, workflow_id: str = "", *, progress: Progress | None = None) -> VerifiedView:
        """Go through the event log of one workflow, or of all, and say what was looked at and found.

        Raises Stopped when `progress` says so.
        """
        return await self._do(integrity.inspect, self._database, workflow_id, progress)

    async def rebuild(self, workflow_id: str = "") -> list[str]:
        """Build rows, handoffs and checkpoints again from the events; return what differed from before."""
        return list((await self.rebuild_rows(workflow_id)).differences)

    async def rebuild_rows(self, workflow_id: str = "", *, check: bool = False) -> RebuiltView:
        """Build what is derived again; with `check` only compare, and leave everything as it was."""
        return await self._do(integrity.rebuild_rows, self._database, workflow_id, check=check)

    async def export_workflow(
        self, workflow_id: str, path: str, *, progress: Progress | None = None
    ) -> DossierView:
        """Write all that is on record about a workflow into one file, and beside it the script to verify it.

        Raises UnknownError for an unknown workflow, ProjectError where the file cannot be made, and Stopped
        when `progress` says so; then nothing is left of it.
        """
        return await self._do(dossier.export, self._database, workflow_id, path, progress or Progress())

    async def workflow_at(self, workflow_id: str, seq: int) -> WorkflowView:
        """Return a workflow as it was right after its event `seq`. Raises UnknownError when there is none."""
        return await self._do(travel.workflow_at, self._database, workflow_id, seq)

    async def past(self, workflow_id: str) -> Past:
        """Return a workflow's whole history, folded: every moment of it at hand. Raises UnknownError."""
        return await self._do(past_of, self._database, workflow_id)

    async def board_at(
        self, moment: datetime | None = None, *, event: tuple[str, int] | None = None
    ) -> list[BoardRow]:
        """Return the board as it was at a moment, or right after event (workflow, number)."""
        return await self._do(travel.board_at, self._database, moment, event)
