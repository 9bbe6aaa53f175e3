"""What a model may do to its worktree, and what must not come of it outside the sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.workspace import (
    Conflict,
    Landed,
    Worktree,
    checkpoint,
    diff,
    export_tree,
    land,
    list_tree,
    merge_commits,
    overlay,
    remove_worktree,
    restore,
    tree_digest,
)
from tests.workspace.repos import WORKFLOW, commit, files_of, git, write


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A file that no command may ever make."""
    return tmp_path / "PWNED"


def everything(worktree: Worktree, scratch: Path) -> str:
    """Do all that the engine does with a worktree, and return the commit made."""
    repo = worktree.repository
    tree_digest(worktree)
    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one").commit
    diff(repo, worktree.base, made)
    export_tree(repo, made, scratch / "export")
    overlay(repo, made, scratch / "export", list_tree(repo, made))
    restore(worktree, worktree.base)
    restore(worktree, made)
    merged = merge_commits(repo, ours=repo.head, theirs=made, message="merge")
    assert not isinstance(merged, Conflict)
    assert isinstance(land(repo, branch="main", expected=repo.head, commit=merged), Landed)
    remove_worktree(worktree)
    return made


def test_a_git_folder_put_in_place_of_ours_is_never_obeyed(
    worktree: Worktree, trap: Path, tmp_path: Path
) -> None:
    """A swapped `.git` with a program in its config runs nothing, and is replaced by ours."""
    (worktree.path / ".git").unlink()
    git(worktree.path, "init", "-q")
    for key in ("core.fsmonitor", "core.hooksPath", "diff.external", "core.pager", "core.editor"):
        git(worktree.path, "config", key, f"touch {trap}; false")
    write(worktree.path, {"new.py": "1"})

    tree_digest(worktree)
    checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one")

    assert (worktree.path / ".git").read_text() == f"gitdir: {worktree.admin}\n"
    everything(worktree, tmp_path)
    assert not trap.exists()


def test_a_repository_made_inside_the_worktree_is_content_and_nothing_more(
    worktree: Worktree, trap: Path, tmp_path: Path
) -> None:
    """Its files are in the tree, its configuration is not obeyed, and a restore removes it."""
    inner = worktree.path / "pkg" / "inner"
    write(worktree.path, {"pkg/inner/code.py": "evil = 1\n", "pkg/inner/.gitattributes": "* filter=x\n"})
    git(inner, "init", "-q")
    git(inner, "config", "filter.x.clean", f"touch {trap}; cat")
    git(inner, "config", "core.fsmonitor", f"touch {trap}; false")
    (inner / "code.py").write_text("evil = 2\n")

    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one").commit

    assert "pkg/inner/code.py" in list_tree(worktree.repository, made)
    restore(worktree, worktree.base)
    assert not (inner / ".git").exists()
    restore(worktree, made)
    assert (inner / "code.py").read_text() == "evil = 2\n"
    assert not trap.exists()
    everything(worktree, tmp_path)
    assert not trap.exists()


def test_a_repository_in_the_place_of_a_submodule_is_not_entered(
    checkout: Path, tmp_path: Path, make_worktree: Callable[..., Worktree], trap: Path
) -> None:
    """git would ask a submodule for its state, and so run what its config says."""
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q", "-b", "main")
    commit(library, "lib", **{"lib.py": "1"})
    git(checkout, "submodule", "--quiet", "add", str(library), "lib")
    worktree = make_worktree(base=commit(checkout, "with a submodule"))
    inner = worktree.path / "lib"
    git(inner, "init", "-q")
    commit(inner, "evil", **{"x.py": "1", ".gitattributes": "* filter=x\n"})
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.process"):
        git(inner, "config", key, f"touch {trap}; false")
    (inner / "x.py").write_text("22")

    checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one")
    restore(worktree, worktree.base)

    assert not trap.exists()


def test_programs_in_the_repositorys_own_config_do_not_run(
    checkout: Path, worktree: Worktree, trap: Path, tmp_path: Path
) -> None:
    """A model can name the user's filters and drivers in `.gitattributes`; hooks are the user's alone."""
    script = f"touch {trap}; cat"
    for key in ("filter.f.clean", "filter.f.smudge", "filter.f.process", "merge.m.driver", "diff.d.textconv"):
        git(checkout, "config", key, script)
    git(checkout, "config", "filter.f.required", "true")
    git(checkout, "config", "diff.d.command", script)
    git(checkout, "config", "core.fsmonitor", script)
    git(checkout, "config", "diff.external", script)
    git(checkout, "config", "core.alternateRefsCommand", script)
    git(checkout, "config", "gpg.program", str(trap))
    git(checkout, "config", "commit.gpgSign", "true")
    for hook in (
        "post-checkout",
        "pre-commit",
        "post-commit",
        "reference-transaction",
        "post-merge",
        "post-index-change",
    ):
        path = checkout / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {trap}\n")
        path.chmod(0o755)
    write(worktree.path, {".gitattributes": "*.py merge=m diff=d\n", "new.py": "1\n"})

    everything(worktree, tmp_path)

    assert not trap.exists()
    assert (checkout / "new.py").read_text() == "1\n"


def test_a_filter_of_the_users_is_not_run_on_a_models_files(
    checkout: Path, worktree: Worktree, trap: Path
) -> None:
    """Checkpoint and restore keep the bytes as they are; only landing them is left to the user's git."""
    git(checkout, "config", "filter.f.clean", f"touch {trap}; tr a b")
    git(checkout, "config", "filter.f.smudge", f"touch {trap}; tr a b")
    git(checkout, "config", "filter.f.required", "true")
    write(worktree.path, {".gitattributes": "*.py filter=f\n", "new.py": "aaa\n"})

    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one").commit
    restore(worktree, worktree.base)
    restore(worktree, made)

    assert (worktree.path / "new.py").read_text() == "aaa\n"
    assert not trap.exists()


def test_a_commit_that_brings_its_own_attributes_runs_no_filter_when_it_lands(
    checkout: Path, worktree: Worktree, trap: Path
) -> None:
    """`.gitattributes` and the file that it names come in one commit, into the user's checkout."""
    repo = worktree.repository
    git(checkout, "config", "filter.f.smudge", f"touch {trap}; cat")
    git(checkout, "config", "filter.f.clean", f"touch {trap}; cat")
    write(worktree.path, {".gitattributes": "*.py filter=f\n", "new.py": "aaa\n"})
    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one").commit

    assert isinstance(land(repo, branch="main", expected=repo.head, commit=made), Landed)

    assert (checkout / "new.py").read_text() == "aaa\n"
    assert not trap.exists()


def test_attributes_cannot_leave_files_out_of_an_export(worktree: Worktree, tmp_path: Path) -> None:
    """`export-ignore` and `export-subst` are for archives; a check must see the files as they are."""
    write(
        worktree.path,
        {".gitattributes": "tests export-ignore\nv.py export-subst\n", "v.py": "$Format:%H$\n"},
    )
    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one").commit

    export_tree(worktree.repository, made, tmp_path / "out")

    assert files_of(tmp_path / "out") == files_of(worktree.path)


def test_a_vanished_git_pointer_or_an_unwritable_folder_stops_nothing(
    worktree: Worktree, tmp_path: Path
) -> None:
    """What a model removed or locked is put right, not tripped over."""
    (worktree.path / ".git").unlink()
    (worktree.path / ".git").symlink_to(tmp_path)
    write(worktree.path, {"locked/deep/file": "1"})
    (worktree.path / "locked").chmod(0o555)

    everything(worktree, tmp_path / "scratch")

    assert not worktree.path.exists()
    assert tmp_path.is_dir()


def test_odd_refs_in_names_do_not_become_options(worktree: Worktree) -> None:
    """A message or a path that begins with a dash is a message or a path."""
    write(worktree.path, {"--output=x": "1", "-": "2"})

    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="--amend\0\n-m x").commit

    assert {"--output=x", "-"} <= set(list_tree(worktree.repository, made))
    assert "--amend" in git(worktree.repository.path, "log", "-1", "--format=%B", made)
    assert "+1" in diff(worktree.repository, worktree.base, made, ["--output=x"])


def test_a_worktree_deleted_under_us_is_an_error_in_words(worktree: Worktree) -> None:
    """No traceback when the folder goes away in between."""
    shutil.rmtree(worktree.path)

    with pytest.raises(ProjectError):
        tree_digest(worktree)
