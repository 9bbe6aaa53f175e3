"""Sees when somebody edits the files of a build that waits: what rests on them is stale from then on.

A look compares names, sizes and times, which costs little; only where these differ the files are hashed.
What differs becomes a checkpoint: nothing of it is lost, and every decision names the tree that it is about.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from pathlib import Path

from core.engine.files import Files
from core.engine.orders import Orders, Superseded
from core.engine.scene import Shop, open_files
from core.errors import QdeckError
from core.machine.commands import RecordCheckpoint
from core.machine.workflow import CheckpointMark, Workflow
from core.workspace import tree_digest

_log = logging.getLogger("core.engine.watch")

_AT_ONCE = 12
"""Builds that one look takes in; with more, it takes several looks to come round."""
_ENTRIES = 50_000


class Watch:
    """Looks after the worktrees of builds that wait for a person."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._seen: dict[str, str] = {}
        self._next = 0

    async def look(self) -> None:
        """Look at the next few waiting builds."""
        waiting = await asyncio.to_thread(self._shop.journal.waiting)
        if not waiting:
            self._seen.clear()
            return
        start = self._next % len(waiting)
        for workflow in (waiting[start:] + waiting[:start])[:_AT_ONCE]:
            self._next += 1
            try:
                await self._look_at(workflow)
            except (QdeckError, Superseded, OSError) as error:
                _log.info("the files of %s were not looked at: %s", workflow.build_id, error)

    async def _look_at(self, workflow: Workflow) -> None:
        places = list(self._shop.settings.paths.worktrees.glob(f"{workflow.build_id}-*"))
        if not places or not workflow.checkpoints:
            return
        print_now = f"{workflow.current.get('tree')} {await asyncio.to_thread(fingerprint, places[0])}"
        if self._seen.get(workflow.workflow_id) == print_now:
            return
        orders = Orders(self._shop.service, self._shop.journal, workflow.workflow_id, workflow.attempt_id)
        files = await open_files(self._shop, workflow, orders)
        await keep_foreign_edit(files, workflow, orders)
        self._seen[workflow.workflow_id] = print_now


async def keep_foreign_edit(files: Files, workflow: Workflow, orders: Orders) -> bool:
    """Make a checkpoint of files that differ from the last one; say whether they did.

    Nobody of ours was at work: somebody edited them by hand. The evidence rests on another tree from now on.
    """
    if workflow.restore is not None or not workflow.checkpoints:
        return False
    tree = await asyncio.to_thread(tree_digest, files.worktree)
    if tree == workflow.current.get("tree"):
        return False
    made = await asyncio.to_thread(
        files.keep, workflow, f"{workflow.build_id}: edited by hand in {workflow.state.value}"
    )
    mark = CheckpointMark.from_data(made["mark"])
    data = {**made["data"], "by_hand": True}
    await orders.give(f"by-hand-{mark.number}", RecordCheckpoint, mark=mark, ref=made["ref"], data=data)
    _log.info("%s was edited by hand", workflow.build_id)
    return True


def fingerprint(folder: Path) -> str:
    """Return what changes when a file of the folder does: names, sizes, modes and times, no contents."""
    whole = hashlib.sha256()
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        for name in sorted(names):
            path = Path(place) / name
            try:
                info = path.lstat()
            except OSError:
                continue
            facts = f"{path}\0{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_mode}\0"
            whole.update(facts.encode("utf-8", "surrogateescape"))
            count += 1
            if count > _ENTRIES:
                return f"{whole.hexdigest()} and more"
    return whole.hexdigest()
