"""What a dim key says: the very words of the refusal that the order would get, asked of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import legal
from tui.legal import Standing
from tui.starting import person

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from tui.deck import Deck


async def why_not(
    app: Deck, action: str, workflow_id: str, standing: Standing | None, *, opened: bool = True
) -> str:
    """Return why `action` is not possible now; empty when it is. Raises QdeckError without an answer."""
    early = legal.nothing_yet(standing, opened=opened)
    if early:
        return app.trouble or early if early == legal.OPENING else early
    if standing is None or legal.possible(action, standing):
        return ""
    verb = "resume" if action == "pause" and legal.resumes(standing) else action

    async def asked(service: OrchestrationService) -> str:
        return await service.why_not(workflow_id, verb, person())

    return await app.link.ask(asked) or legal.unasked(standing)
