"""What the journal's thread tells the app: messages of Textual's, each with all that it has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from core.board import BoardRow

if TYPE_CHECKING:
    from tui.picture import Picture


@dataclass
class JournalOpened(Message):
    """The journal is open; commands are possible from now on."""


@dataclass
class JournalTrouble(Message):
    """The journal cannot be used; `text` says why and what to do."""

    text: str


@dataclass
class BoardChanged(Message):
    """These rows are new or changed; `complete` when no others are still to come."""

    rows: Sequence[BoardRow]
    complete: bool = True


@dataclass
class WorkflowChanged(Message):
    """The workflow that is being watched changed."""

    picture: Picture


@dataclass
class WorkerChanged(Message):
    """A worker came to life, or none is alive."""

    alive: bool
    struggling: bool
