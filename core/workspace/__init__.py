"""Git worktrees, checkpoints, diffs and merges, and files opened without ever leaving a folder.

Knows no workflow state, no journal and no sandbox. All functions are synchronous; whoever has an event loop
runs them in a thread. Errors are `ProjectError`, except `PathRefused` for a path that leads out.
"""

from __future__ import annotations

from core.workspace.changes import FileChange, added_lines, changed_files, diff
from core.workspace.checkpoint import (
    Checkpoint,
    adopt,
    checkpoint,
    checkpoint_ref,
    list_checkpoints,
    restore,
)
from core.workspace.export import export_tree, overlay
from core.workspace.landing import Blocked, Landed, land, revert, tag
from core.workspace.lifecycle import create_worktree, open_worktree, remove_worktree
from core.workspace.merge import Conflict, merge_commits
from core.workspace.paths import Entry, PathRefused, list_inside, open_inside, remove_inside, write_inside
from core.workspace.repository import (
    Repository,
    commit_tree,
    is_ancestor,
    list_tree,
    log,
    merge_base,
    open_repository,
    read_file_at,
    resolve,
    tree_of,
)
from core.workspace.snapshot import list_files, tree_digest
from core.workspace.worktree import Worktree

__all__ = [
    "Blocked",
    "Checkpoint",
    "Conflict",
    "Entry",
    "FileChange",
    "Landed",
    "PathRefused",
    "Repository",
    "Worktree",
    "added_lines",
    "adopt",
    "changed_files",
    "checkpoint",
    "checkpoint_ref",
    "commit_tree",
    "create_worktree",
    "diff",
    "export_tree",
    "is_ancestor",
    "land",
    "list_checkpoints",
    "list_files",
    "list_inside",
    "list_tree",
    "log",
    "merge_base",
    "merge_commits",
    "open_inside",
    "open_repository",
    "open_worktree",
    "overlay",
    "read_file_at",
    "remove_inside",
    "remove_worktree",
    "resolve",
    "restore",
    "revert",
    "tag",
    "tree_digest",
    "tree_of",
    "write_inside",
]
