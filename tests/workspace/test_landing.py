"""Merges without a checkout, and the moment when a branch of the user's moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.workspace import (
    Blocked,
    Conflict,
    Landed,
    Repository,
    commit_tree,
    land,
    merge_base,
    merge_commits,
    resolve,
    revert,
    tag,
    tree_of,
)
from core.workspace.merge import merge_in_a_folder
from tests.workspace.repos import commit, files_of, git, write


@pytest.fixture
def side(checkout: Path) -> Callable[..., str]:
    """Commit files on a branch made at the first commit, leaving main checked out."""

    def make(branch: str = "side", **files: str) -> str:
        git(checkout, "switch", "-q", "-c", branch, "main")
        made = commit(checkout, f"on {branch}", **files)
        git(checkout, "switch", "-q", "main")
        return made

    return make


def _merged(repo: Repository, ours: str, theirs: str) -> str:
    made = merge_commits(repo, ours=ours, theirs=theirs, message="Merge it")
    assert isinstance(made, str)
    return made


def test_a_merge_is_a_commit_that_nothing_points_to(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """Both sides' changes are in it; branches, files and index stay as they are."""
    theirs = side(**{"new.py": "1\n"})
    ours = commit(checkout, "main goes on", **{"other.py": "2\n"})
    write(checkout, {"README.md": "uncommitted\n"})
    before = (files_of(checkout), git(checkout, "status", "--porcelain"), git(checkout, "for-each-ref"))

    made = _merged(repo, ours, theirs)

    assert git(checkout, "rev-list", "--parents", "-1", made).split()[1:] == [ours, theirs]
    assert {"new.py", "other.py"} <= set(git(checkout, "ls-tree", "--name-only", made).split())
    assert git(checkout, "show", "-s", "--format=%B", made).strip() == "Merge it"
    assert (
        files_of(checkout),
        git(checkout, "status", "--porcelain"),
        git(checkout, "for-each-ref"),
    ) == before


def test_a_merge_of_the_same_moment_is_the_same_commit(repo: Repository, side: Callable[..., str]) -> None:
    """After a crash the same merge is not made a second time."""
    theirs = side(**{"new.py": "1\n"})
    at = datetime(2026, 5, 4, tzinfo=UTC)

    one = merge_commits(repo, ours=repo.head, theirs=theirs, message="m", at=at)
    two = merge_commits(repo, ours=repo.head, theirs=theirs, message="m", at=at)

    assert one == two


def test_what_is_merged_already_needs_no_merge(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """A second merge of the same gives the branch itself."""
    theirs = side(**{"new.py": "1\n"})
    once = _merged(repo, repo.head, theirs)

    assert _merged(repo, once, theirs) == once


@pytest.mark.parametrize("way", ["merge-tree", "folder"])
def test_a_conflict_names_its_files(
    checkout: Path, repo: Repository, side: Callable[..., str], way: str
) -> None:
    """Same lines changed, deleted here and changed there: each such file is named once."""
    theirs = side(**{"README.md": "theirs\n", "src/app.py": "theirs\n", "fine.py": "1\n", "a b\nc": "t\n"})
    git(checkout, "rm", "-q", "src/app.py")
    ours = commit(checkout, "ours", **{"README.md": "ours\n", "a b\nc": "o\n"})

    if way == "folder":
        found = merge_in_a_folder(repo, merge_base(repo, ours, theirs), ours, theirs)
    else:
        found = merge_commits(repo, ours=ours, theirs=theirs, message="m")

    assert isinstance(found, Conflict)
    assert set(found.files) == {"README.md", "src/app.py", "a b\nc"}
    if way == "merge-tree":
        assert "<<<<<<<" in git(checkout, "show", f"{found.tree}:README.md")


def test_the_old_way_of_merging_gives_the_same_tree(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """Git before 2.38 merges in a folder, to the same tree."""
    write(checkout, {"long": "".join(f"{n}\n" for n in range(50))})
    commit(checkout, "long")
    lines = [f"{n}\n" for n in range(50)]
    theirs = side(**{"long": "".join(["first\n", *lines[1:]]), "new/file": "1"})
    ours = commit(checkout, "ours", **{"long": "".join([*lines[:-1], "last\n"])})
    before = files_of(checkout)

    tree = merge_in_a_folder(repo, merge_base(repo, ours, theirs), ours, theirs)

    assert tree == git(checkout, "rev-parse", f"{_merged(repo, ours, theirs)}^{{tree}}").strip()
    assert files_of(checkout) == before


def test_a_merge_of_nothing_says_so(repo: Repository) -> None:
    """An unknown commit is an error in words."""
    with pytest.raises(ProjectError, match="cannot be merged"):
        merge_commits(repo, ours=repo.head, theirs="f" * 40, message="m")


def test_a_clean_checkout_moves_with_its_files(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """The checked-out branch goes forward together with the folder; the same again changes nothing."""
    made = _merged(repo, repo.head, side(**{"new.py": "1\n"}))
    write(checkout, {"notes.txt": "untracked, mine"})

    assert land(repo, branch="main", expected=repo.head, commit=made) == Landed(made, checkout)
    assert land(repo, branch="main", expected=repo.head, commit=made) == Landed(made, checkout, already=True)

    assert (checkout / "new.py").read_text() == "1\n"
    assert (checkout / "notes.txt").read_text() == "untracked, mine"
    assert git(checkout, "status", "--porcelain") == "?? notes.txt\n"
    assert git(checkout, "rev-parse", "main").strip() == made


def _dirty(checkout: Path, how: str) -> None:
    if how == "changed":
        write(checkout, {"README.md": "mine\n"})
    elif how == "staged":
        write(checkout, {"staged": "mine\n"})
        git(checkout, "add", "staged")
    elif how == "deleted":
        (checkout / "README.md").unlink()
    elif how == "untracked in the way":
        write(checkout, {"new.py": "mine\n"})
    elif how == "ignored in the way":
        write(checkout, {"new.log": "mine\n"})
    elif how == "merge under way":
        (checkout / ".git" / "MERGE_HEAD").write_text(git(checkout, "rev-parse", "HEAD"))
    elif how == "locked":
        (checkout / ".git" / "index.lock").write_text("")
    elif how == "rebase under way":
        git(checkout, "switch", "-q", "--detach", "main")
        (checkout / ".git" / "rebase-merge").mkdir()
        (checkout / ".git" / "rebase-merge" / "head-name").write_text("refs/heads/main\n")
    elif how == "filtered":
        (checkout / ".git" / "info").mkdir(exist_ok=True)
        (checkout / ".git" / "info" / "attributes").write_text("*.py filter=lfs\n")


@pytest.mark.parametrize(
    "how",
    [
        "changed",
        "staged",
        "deleted",
        "untracked in the way",
        "ignored in the way",
        "merge under way",
        "rebase under way",
        "locked",
        "filtered",
    ],
)
def test_a_checkout_in_use_is_never_moved(
    checkout: Path, repo: Repository, side: Callable[..., str], how: str
) -> None:
    """Whatever the user has going on there stays, and the command to run later is shown."""
    theirs = side(**{"new.py": "1\n", "other": "2"})
    git(checkout, "switch", "-q", "side")
    write(checkout, {"new.log": "1\n"})
    git(checkout, "add", "-f", "new.log")
    theirs = commit(checkout, "a log")
    git(checkout, "switch", "-q", "main")
    made = _merged(repo, repo.head, theirs)
    _dirty(checkout, how)
    before = (files_of(checkout), git(checkout, "status", "--porcelain"))

    answer = land(repo, branch="main", expected=repo.head, commit=made)

    assert isinstance(answer, Blocked)
    assert answer.why.endswith(".") or "could not be moved" in answer.why
    assert answer.command == f"git -C {checkout} merge --ff-only {made}"
    assert resolve(repo, "main") == repo.head
    assert (files_of(checkout), git(checkout, "status", "--porcelain")) == before


def test_the_command_shown_works_once_the_cause_is_gone(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """The user can finish by hand with exactly what was shown."""
    made = _merged(repo, repo.head, side(**{"new.py": "1\n"}))
    write(checkout, {"README.md": "mine\n"})
    answer = land(repo, branch="main", expected=repo.head, commit=made)
    assert isinstance(answer, Blocked)

    git(checkout, "stash", "-q")
    git(checkout, *answer.command.split()[3:])

    assert land(repo, branch="main", expected=repo.head, commit=made) == Landed(made, checkout, already=True)


def test_a_branch_that_is_not_checked_out_moves_by_itself(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """The user is elsewhere: only the branch moves, dirty files or not."""
    made = _merged(repo, repo.head, side(**{"new.py": "1\n"}))
    git(checkout, "switch", "-q", "-c", "elsewhere")
    write(checkout, {"README.md": "mine\n"})

    assert land(repo, branch="main", expected=repo.head, commit=made) == Landed(made)

    assert resolve(repo, "main") == made
    assert not (checkout / "new.py").exists()


def test_a_branch_checked_out_in_another_worktree_moves_there(
    checkout: Path, repo: Repository, side: Callable[..., str], tmp_path: Path
) -> None:
    """The user's own linked worktree is a checkout too."""
    made = _merged(repo, repo.head, side(**{"new.py": "1\n"}))
    git(checkout, "switch", "-q", "-c", "elsewhere")
    git(checkout, "worktree", "add", "-q", str(tmp_path / "linked"), "main")

    assert land(repo, branch="main", expected=repo.head, commit=made) == Landed(made, tmp_path / "linked")
    assert (tmp_path / "linked" / "new.py").exists()


def test_a_branch_that_moved_meanwhile_is_left(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """Neither a branch that went on nor one that would lose commits is moved."""
    made = _merged(repo, repo.head, side(**{"new.py": "1\n"}))
    new = commit(checkout, "meanwhile", **{"other": "1"})

    moved = land(repo, branch="main", expected=repo.head, commit=made)
    backward = land(repo, branch="main", expected=new, commit=made)

    assert isinstance(moved, Blocked)
    assert "moved on" in moved.why
    assert isinstance(backward, Blocked)
    assert "fast-forward" in backward.why
    assert resolve(repo, "main") == new


def test_a_missing_branch_is_not_made(repo: Repository) -> None:
    """A branch that is gone is the user's to bring back."""
    assert isinstance(land(repo, branch="gone", expected=repo.head, commit=repo.head), Blocked)


def test_a_tag_is_set_once_and_never_moved(checkout: Path, repo: Repository) -> None:
    """The same tag again is fine, on another commit it is refused, and a bad name too."""
    tag(repo, "v1.0", repo.head)
    tag(repo, "v1.0", repo.head)
    new = commit(checkout, "new")

    with pytest.raises(ProjectError, match="another commit"):
        tag(repo, "v1.0", new)
    for name in ("bad name", "-d", "a..b", "", "x\ny"):
        with pytest.raises(ProjectError):
            tag(repo, name, new)
    assert resolve(repo, "v1.0") == repo.head


def test_a_merge_is_taken_back_by_a_commit_on_top_once(
    checkout: Path, repo: Repository, side: Callable[..., str]
) -> None:
    """The branch holds what it held before, its history both; a branch that moved on is left alone."""
    before, files = repo.head, files_of(checkout)
    merge = _merged(repo, before, side(**{"new.py": "1\n"}))
    merge = commit_tree(repo, tree_of(repo, merge), [before, merge], "the merge")
    assert isinstance(land(repo, branch="main", expected=before, commit=merge), Landed)

    first = revert(repo, branch="main", merge=merge, message="back")
    second = revert(repo, branch="main", merge=merge, message="back")

    assert isinstance(first, Landed) and isinstance(second, Landed) and second.commit == first.commit
    assert files_of(checkout) == files
    again = commit(checkout, "main goes on", **{"new.py": "3\n"})
    blocked = revert(repo, branch="main", merge=merge, message="back")
    assert isinstance(blocked, Blocked) and "revert -m 1" in blocked.command
    assert blocked.why == "The branch main has moved on since the merge, which is still in it."
    assert resolve(repo, "refs/heads/main") == again
