"""Clears away what no build needs any more. What is not proved to be kept elsewhere stays."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from core.config import Paths
from core.errors import QdeckError
from core.journal.engine import EngineJournal
from core.machine.states import FINAL, Condition
from core.machine.workflow import Workflow
from core.workspace import checkpoint, list_checkpoints, open_repository, open_worktree, remove_worktree

_log = logging.getLogger("core.engine.janitor")

_CHUNKS_FOR = 600.0
"""Seconds that live output is kept: whoever watches has drawn it long before."""


def sweep(journal: EngineJournal, paths: Paths) -> None:
    """Remove old live output, and the worktrees of builds that are over."""
    journal.prune_chunks(older_than=_CHUNKS_FOR)
    if not paths.worktrees.is_dir():
        return
    for folder in sorted(paths.worktrees.iterdir()):
        build_id, _, start = folder.name.rpartition("-")
        try:
            workflow = journal.workflow(build_id)
            if workflow.workflow_id.startswith(start) and _is_over(workflow):
                _remove(journal, workflow, paths.worktrees)
        except (QdeckError, OSError) as error:
            _log.info("%s stays: %s", folder, error)


def _is_over(workflow: Workflow) -> bool:
    return workflow.state is FINAL or workflow.condition is Condition.CANCELLED


def _remove(journal: EngineJournal, workflow: Workflow, root: Path) -> None:
    """Keep a cancelled build's last files in a ref, then remove its worktree."""
    repository = open_repository(Path(journal.project(workflow.project_id).path))
    worktree = open_worktree(
        repository, build_id=workflow.build_id, workflow_id=workflow.workflow_id, root=root
    )
    if workflow.condition is Condition.CANCELLED:
        numbers = [mark.number for mark in workflow.checkpoints]
        numbers += [kept.number for kept in list_checkpoints(repository, workflow.workflow_id)]
        message = f"{workflow.build_id}: as it was when it was cancelled"
        number = max(numbers, default=-1) + 1
        checkpoint(worktree, workflow_id=workflow.workflow_id, number=number, message=message)
    remove_worktree(worktree)
    _log.info("removed the worktree of %s", workflow.build_id)


def clear_left_scratch(journal: EngineJournal, paths: Paths) -> None:
    """Remove the scratch of this journal's attempts that a killed worker left; nothing runs yet."""
    folder = paths.cache / "scratch"
    for left in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            journal.workflow(left.name.partition("-")[0])
        except QdeckError:
            continue  # another journal's, whose worker may be using it
        clear_scratch(left)


def clear_scratch(folder: Path) -> None:
    """Remove an attempt's scratch folder; a moment later it is made again if it is needed."""
    shutil.rmtree(folder, ignore_errors=True)
