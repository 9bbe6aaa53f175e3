"""What the app knows of one workflow at one moment: the service's views, put together. Never changes; a newer
one takes its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.service.views import (
        AttemptView,
        CheckpointView,
        ChunkView,
        DecisionView,
        EventView,
        HandoffView,
        MessageView,
        MoveView,
        ReceiptView,
        WorkflowView,
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """One workflow. `messages` are the newest of the conversation, `earlier` says that more was said before
    them, `stream` is the live output of the turn that is not yet a message, `diff` the unified diff from the
    base to the checkpoint that holds the files of now.
    `refused` is how a person's step forward would be refused now; it is asked only where a decision waits."""

    view: WorkflowView
    attempts: tuple[AttemptView, ...] = ()
    messages: tuple[MessageView, ...] = ()
    earlier: bool = False
    stream: tuple[ChunkView, ...] = ()
    receipts: tuple[ReceiptView, ...] = ()
    handoffs: tuple[HandoffView, ...] = ()
    checkpoints: tuple[CheckpointView, ...] = ()
    events: tuple[EventView, ...] = ()
    moves: tuple[MoveView, ...] = ()
    decision: DecisionView | None = None
    diff: str = ""
    refused: str = ""

    @property
    def tree(self) -> str:
        """The digest of the files as they are now, as far as a checkpoint holds them."""
        return self.kept.tree if self.kept else ""

    @property
    def kept(self) -> CheckpointView | None:
        """The checkpoint that holds the files of now; None before there is one."""
        return checkpoint_of(self.view, self.checkpoints)


def checkpoint_of(view: WorkflowView, checkpoints: Sequence[CheckpointView]) -> CheckpointView | None:
    """Return the checkpoint that a workflow stands on: after a rollback not the newest one."""
    here = (c for c in checkpoints if c.number == view.checkpoint)
    return next(here, checkpoints[-1] if checkpoints else None)
