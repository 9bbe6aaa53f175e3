"""What the journal's thread tells the app: messages of Textual's, each with all that it has to say.

The thread goes on while the app is being left, so news may come when there is nobody to hear it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from core.board import BoardRow

if TYPE_CHECKING:
    from tui.picture import Picture


class News(Message):
    """What the journal's thread says; the app drops it when its board is not there any more."""


@dataclass
class JournalOpened(News):
    """The journal is open; commands are possible from now on."""


@dataclass
class JournalTrouble(News):
    """The journal cannot be used; `text` says why and what to do."""

    text: str


@dataclass
class TroubleOver(News):
    """What was told as trouble is so no more."""


@dataclass
class BoardChanged(News):
    """These rows are new or changed; `complete` when no others are still to come."""

    rows: Sequence[BoardRow]
    complete: bool = True


@dataclass
class WorkflowChanged(News):
    """The workflow that is being watched changed."""

    picture: Picture


@dataclass
class WorkerChanged(News):
    """A worker came to life, or none is alive."""

    alive: bool
    struggling: bool
