"""A decision cannot be taken by a key that was typed before it could be read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    _Base = MessagePump
else:
    _Base = object

GRACE = 0.5
"""Seconds between the first drawing of a decision and the first key that counts."""


class Armed(_Base):
    """A screen whose decisive keys count only half a second after it was drawn; earlier ones are dropped."""

    _armed_at = float("inf")

    def on_mount(self) -> None:
        """Count from the first frame, not from the opening. Textual calls this beside a subclass's own.

        What was said in passing before goes: it must not lie over what is asked now.
        """
        self.app.clear_notifications()
        self.call_after_refresh(self.arm)

    def arm(self) -> None:
        """Begin to count anew, because what is asked has changed."""
        self._armed_at = time.monotonic() + GRACE

    def disarm(self) -> None:
        """Take no decisive key until the next `arm`."""
        self._armed_at = float("inf")

    def armed(self) -> bool:
        """Whether a decisive key counts now."""
        return time.monotonic() >= self._armed_at
