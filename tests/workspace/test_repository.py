"""Opening a repository: what is taken, what is refused and with which words, and what is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.workspace import (
    Repository,
    changed_files,
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
from tests.workspace.repos import commit, git


def test_a_path_below_the_top_opens_the_whole_repository(checkout: Path) -> None:
    """The folder given may be any folder of the checkout."""
    repo = open_repository(checkout / "src" / "deep")

    assert repo.path == checkout
    assert repo.git_dir == checkout / ".git"
    assert repo.default_branch == "main"
    assert repo.head == git(checkout, "rev-parse", "main").strip()


def test_a_linked_worktree_of_the_user_shares_the_git_directory(checkout: Path, tmp_path: Path) -> None:
    """A worktree that the user made is a checkout like any other."""
    git(checkout, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))

    repo = open_repository(tmp_path / "side")

    assert (repo.path, repo.git_dir) == (tmp_path / "side", checkout / ".git")
    assert repo.default_branch == "main"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "does not exist"),
        ("file", "is not a folder"),
        ("plain", "is not a git repository"),
        ("bare", "is a bare repository"),
        ("empty", "has no commit yet"),
        ("inside", "is inside a .git folder"),
    ],
)
def test_what_is_no_repository_is_refused_in_one_sentence(tmp_path: Path, kind: str, words: str) -> None:
    """Each way in which a folder is no repository has its own words and a way out."""
    path = tmp_path / "x"
    if kind == "file":
        path.write_text("")
    elif kind != "missing":
        path.mkdir()
    if kind == "bare":
        git(path, "init", "-q", "--bare")
    if kind in ("empty", "inside"):
        git(path, "init", "-q")
    if kind == "inside":
        path = path / ".git" / "objects"

    with pytest.raises(ProjectError) as caught:
        open_repository(path)

    assert words in caught.value.what
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_escape_sequences_in_a_path_are_not_repeated(tmp_path: Path) -> None:
    """An error shows a path without what could move the cursor."""
    with pytest.raises(ProjectError) as caught:
        open_repository(tmp_path / "a\x1b[2Jb")

    assert "\x1b" not in str(caught.value)


def test_the_default_branch_is_found(checkout: Path) -> None:
    """Configured, then the remote's, then main or master, then what is checked out."""
    git(checkout, "switch", "-q", "-c", "develop")
    assert open_repository(checkout).default_branch == "main"
    assert open_repository(checkout, "develop").default_branch == "develop"

    git(checkout, "update-ref", "refs/remotes/origin/develop", "develop")
    git(checkout, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop")
    assert open_repository(checkout).default_branch == "develop"

    git(checkout, "symbolic-ref", "-d", "refs/remotes/origin/HEAD")
    git(checkout, "branch", "-m", "main", "trunk")
    assert open_repository(checkout).default_branch == "develop"


def test_no_default_branch_says_what_to_do(checkout: Path) -> None:
    """Detached between two branches, there is nothing to guess."""
    git(checkout, "branch", "one")
    git(checkout, "branch", "-m", "main", "two")
    git(checkout, "switch", "-q", "--detach", "HEAD")

    with pytest.raises(ProjectError, match="no default branch"):
        open_repository(checkout)
    with pytest.raises(ProjectError, match="no branch named nope"):
        open_repository(checkout, "nope")


def test_a_repository_of_somebody_else_opens(checkout: Path) -> None:
    """A repository that another user owns is not refused as dubious: every program in its config is off."""
    if os.geteuid() == 0:
        for path in (checkout, *checkout.rglob("*")):
            os.lchown(path, 65534, 65534)

    assert open_repository(checkout).default_branch == "main"


def test_the_users_configuration_has_no_influence(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken global configuration, or one that comes by the environment, changes nothing."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[broken\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")

    assert open_repository(checkout).path == checkout


def test_files_of_a_commit_are_read(checkout: Path, repo: Repository) -> None:
    """A regular file gives its bytes; a link, a folder and a missing file give none."""
    (checkout / "link").symlink_to("README.md")
    (checkout / "-odd name\n*").write_text("odd")
    head = commit(checkout, "link")

    assert read_file_at(repo, head, "README.md") == b"hello\n"
    assert read_file_at(repo, head, "-odd name\n*") == b"odd"
    assert read_file_at(repo, head, "link") is None
    assert read_file_at(repo, head, "src") is None
    assert read_file_at(repo, head, "nope") is None
    assert read_file_at(repo, repo.head, "link") is None
    assert "-odd name\n*" in list_tree(repo, head)


def test_revisions_are_resolved_and_options_are_not(checkout: Path, repo: Repository) -> None:
    """A revision that looks like an option, or names nothing, is no revision."""
    assert resolve(repo, "main") == repo.head
    assert resolve(repo, "nope") is None
    assert resolve(repo, "--all") is None
    assert resolve(repo, "") is None
    assert resolve(repo, "main:README.md") is None
    with pytest.raises(ProjectError):
        tree_of(repo, "--help")


def test_history_is_told(checkout: Path, repo: Repository) -> None:
    """The log, the common ancestor and the ancestry of two branches."""
    git(checkout, "switch", "-q", "-c", "side")
    side = commit(checkout, "on the \x1b[31mside", a="1")
    git(checkout, "switch", "-q", "main")
    new = commit(checkout, "on main", b="1")

    assert merge_base(repo, side, new) == repo.head
    assert is_ancestor(repo, repo.head, side)
    assert not is_ancestor(repo, side, new)
    lines = log(repo, "side", 5)
    assert len(lines) == 2
    assert lines[0].endswith("user@NAME: on the side")
    assert log(repo, "nope", 5) == []


def test_unrelated_histories_have_no_base(checkout: Path, repo: Repository) -> None:
    """Two roots cannot be merged, and the error says so."""
    git(checkout, "switch", "-q", "--orphan", "other")
    other = commit(checkout, "other root", z="1")

    with pytest.raises(ProjectError, match="no commit in common"):
        merge_base(repo, repo.head, other)


def test_a_commit_made_from_a_tree_is_the_same_for_the_same_moment(repo: Repository) -> None:
    """With its time given, making a commit twice makes it once."""
    from datetime import UTC, datetime

    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    tree = tree_of(repo, repo.head)

    one = commit_tree(repo, tree, [repo.head], "Add ünï\n\nbody", at)
    two = commit_tree(repo, tree, [repo.head], "Add ünï\n\nbody", at)

    assert one == two
    assert git(repo.path, "show", "-s", "--format=%an %cI %B", one).startswith("qdeck 2026-01-02T03:04:05")
    assert changed_files(repo, repo.head, one) == []
