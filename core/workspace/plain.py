"""A git directory of our own, beside the repository's, in which a file is its bytes and nothing else.

Attributes (`.gitattributes`) make git change line ends, encodings and keywords between a tree and the files.
Then the files of a fresh checkout can have another tree than the commit that they came from, and a tree
digest would not name the bytes that a check ran on. Here no attribute counts, and no configuration of the
repository either. Objects are the repository's own.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from core.workspace.git import Output, run_git
from core.workspace.repository import Repository
from core.workspace.worktree import remove_folder

_CONFIG = "[core]\n\trepositoryformatversion = {version}\n\tbare = false\n"
_SHA256 = "[extensions]\n\tobjectFormat = sha256\n"
_ATTRIBUTES = "* -text -eol -crlf -ident -filter -working-tree-encoding -merge -diff\n"


def plain_git(
    repo: Repository, *arguments: str, work_tree: Path, index: Path, feed: bytes | None = None
) -> Output:
    """Run git on the files in `work_tree` and the index `index`, bytes for bytes."""
    return run_git(
        *arguments,
        git_dir=_git_dir(repo),
        objects=repo.git_dir / "objects",
        work_tree=work_tree,
        index=index,
        feed=feed,
    )


def _git_dir(repo: Repository) -> Path:
    """Return our git directory, made whole in one step when it is not there yet."""
    made = repo.git_dir / "qdeck"
    if (made / "info" / "attributes").is_file():
        return made
    draft = repo.git_dir / f"qdeck.{secrets.token_hex(6)}"
    for folder in ("refs", "objects", "info"):
        (draft / folder).mkdir(parents=True)
    sha256 = len(repo.head) == 64
    (draft / "HEAD").write_text("ref: refs/heads/none\n", "utf-8")
    (draft / "config").write_text(_CONFIG.format(version=int(sha256)) + _SHA256 * sha256, "utf-8")
    (draft / "info" / "attributes").write_text(_ATTRIBUTES, "utf-8")
    try:
        draft.rename(made)
    except OSError:
        # Somebody else was quicker, and made the same.
        remove_folder(draft)
    return made
