"""The service's care for the journal itself: verify it, build again what is derived, look back."""

from __future__ import annotations

from core.service import questions, registry
from core.service.door import Door


class Upkeep(Door):
    """What is asked of the journal as a record."""

    async def verify(self, workflow_id: str = "") -> list[str]:
        """Return a sentence for every sign that the event log was touched; none when it is whole."""
        return await self._do(questions.broken, self._database, workflow_id)

    async def rebuild(self, workflow_id: str = "") -> list[str]:
        """Build rows, handoffs and checkpoints again from the events; return what differed from before."""
        return await self._do(registry.rebuild_rows, self._database, workflow_id)
