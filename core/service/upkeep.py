"""The service's care for the record itself: verify it, build again what is derived from it."""

from __future__ import annotations

from core.service import integrity
from core.service.door import Door
from core.service.reports import RebuiltView, VerifiedView


class Upkeep(Door):
    """What is asked of the journal as a record."""

    async def verify(self, workflow_id: str = "") -> list[str]:
        """Return a sentence for every sign that the event log was touched; none when it is whole."""
        return [str(found) for found in (await self.verify_log(workflow_id)).breaks]

    async def verify_log(self, workflow_id: str = "") -> VerifiedView:
        """Go through the event log of one workflow, or of all, and say what was looked at and found."""
        return await self._do(integrity.inspect, self._database, workflow_id)

    async def rebuild(self, workflow_id: str = "") -> list[str]:
        """Build rows, handoffs and checkpoints again from the events; return what differed from before."""
        return list((await self.rebuild_rows(workflow_id)).differences)

    async def rebuild_rows(self, workflow_id: str = "", *, check: bool = False) -> RebuiltView:
        """Build what is derived again; with `check` only compare, and leave everything as it was."""
        return await self._do(integrity.rebuild_rows, self._database, workflow_id, check=check)
