"""The files of a waiting build are looked at cheaply, and what somebody else wrote becomes a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.engine.watch import fingerprint, keep_foreign_edit
from core.machine.states import State
from core.machine.workflow import CheckpointMark, Workflow
from core.workspace import checkpoint, create_worktree, open_repository, tree_digest
from tests.workspace.repos import WORKFLOW, commit, git


class _Given:
    """Keeps the commands that were given."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []

    async def give(self, step: str, order: type, /, **fields: Any) -> None:
        self.given.append(fields)


class _Files:
    """A worktree and how a checkpoint of it is made, as `Files` does it."""

    def __init__(self, worktree: Any) -> None:
        self.worktree = worktree

    def keep(self, workflow: Workflow, message: str) -> dict[str, Any]:
        kept = checkpoint(self.worktree, workflow_id=WORKFLOW, number=1, message=message)
        mark = CheckpointMark(1, kept.commit, kept.tree, workflow.state, workflow.attempt)
        return {"mark": mark.to_data(), "ref": kept.ref, "data": {}}


async def test_an_edit_by_hand_becomes_a_checkpoint_and_nothing_else_does(tmp_path: Path) -> None:
    """The same files are left alone; one changed byte is kept, with the tree that stands there now."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    base = commit(folder, "first", **{"a.txt": "one\n"})
    repo = open_repository(folder)
    tree = create_worktree(repo, build_id="B-1", workflow_id=WORKFLOW, root=tmp_path / "wt", base=base)
    digest, before = tree_digest(tree), fingerprint(tree.path)
    mark = CheckpointMark(0, base, digest, State.TESTING, 1)
    workflow = Workflow(
        WORKFLOW, "B-1", "p", "t", "r", State.TESTING, current={"tree": digest}, checkpoints=(mark,)
    )
    orders, files = _Given(), _Files(tree)

    assert not await keep_foreign_edit(files, workflow, orders)  # type: ignore[arg-type]
    assert orders.given == [] and fingerprint(tree.path) == before
    (tree.path / "a.txt").write_text("two\n")
    assert fingerprint(tree.path) != before
    assert await keep_foreign_edit(files, workflow, orders)  # type: ignore[arg-type]

    (given,) = orders.given
    assert given["mark"].tree == tree_digest(tree) != digest and given["data"]["by_hand"]
