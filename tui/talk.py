"""The messages of a workflow, read from the newest backwards: the app keeps what is near its end, and a day's
talk stays in the journal until somebody wants to read it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tui.conversation_model import ANSWERS

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import MessageView

PAGE = 200
"""Messages that are read in one go, and that are kept while the end is followed."""


async def messages_before(
    service: OrchestrationService, workflow_id: str, before: int = 0
) -> tuple[tuple[MessageView, ...], bool]:
    """Return the messages before number `before` (0: the newest of all), oldest first, and whether there are
    still earlier ones. They never begin with an answer whose call was left out, and can be drawn at once."""
    found = await service.last_messages(workflow_id, before, PAGE)
    await load_colours(m.text for m in found)
    if len(found) < PAGE:
        return tuple(found), False
    first = next((i for i, message in enumerate(found) if message.kind not in ANSWERS), 0)
    return tuple(found[first:]), True


async def messages_since(service: OrchestrationService, workflow_id: str, after: int) -> list[MessageView]:
    """Return every message behind number `after`, oldest first."""
    found: list[MessageView] = []
    while new := await service.messages(workflow_id, after=found[-1].seq if found else after):
        found += new
    return found


async def load_colours(texts: Iterable[str]) -> None:
    """Have loaded what the code in these texts is coloured with, so that no screen has to wait for that."""
    text = "".join(texts)
    if "```" in text or "~~~" in text:
        from tui.markdown import warm

        await asyncio.to_thread(warm, text)


def newest(messages: tuple[MessageView, ...], new: int) -> tuple[MessageView, ...]:
    """Return the messages without the oldest, once those are many.

    Of the last `new` none was seen yet, so they stay, and one before them, to which they can be joined.
    """
    first = len(messages) - max(PAGE, new + 1)
    while first > 0 and messages[first].kind in ANSWERS:
        first -= 1
    return messages[first:] if first >= PAGE else messages
