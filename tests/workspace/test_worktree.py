"""Worktrees and checkpoints: made, kept, restored, removed, and never the user's own checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.workspace import (
    Repository,
    Worktree,
    checkpoint,
    create_worktree,
    export_tree,
    list_checkpoints,
    list_files,
    list_tree,
    open_repository,
    open_worktree,
    read_file_at,
    remove_worktree,
    resolve,
    restore,
    tree_digest,
    tree_of,
)
from tests.workspace.repos import WORKFLOW, commit, files_of, git, write


def keep(worktree: Worktree, number: int) -> str:
    """Make a checkpoint and return its commit."""
    return checkpoint(worktree, workflow_id=WORKFLOW, number=number, message=f"checkpoint {number}").commit


def test_a_worktree_holds_the_base_on_a_branch_of_its_own(checkout: Path, worktree: Worktree) -> None:
    """The files are those of the base commit, and the user's branch is not touched."""
    assert files_of(worktree.path) == files_of(checkout)
    assert worktree.branch == "qdeck/B-0001"
    assert git(checkout, "branch", "--show-current").strip() == "main"
    assert git(worktree.path, "status", "--porcelain") == ""
    assert git(worktree.path, "branch", "--show-current").strip() == "qdeck/B-0001"


def test_uncommitted_changes_of_the_user_are_left_alone(
    checkout: Path, make_worktree: Callable[..., Worktree]
) -> None:
    """What is changed, staged or untracked in the user's checkout is neither copied nor touched."""
    write(checkout, {"README.md": "mine\n", "staged.txt": "s", "untracked.txt": "u"})
    git(checkout, "add", "staged.txt")
    before = (files_of(checkout), git(checkout, "status", "--porcelain"))

    worktree = make_worktree()
    write(worktree.path, {"new.py": "1\n"})
    keep(worktree, 1)
    restore(worktree, worktree.base)
    remove_worktree(worktree)

    assert (files_of(checkout), git(checkout, "status", "--porcelain")) == before


def test_making_it_again_opens_it_with_its_work(make_worktree: Callable[..., Worktree]) -> None:
    """Creation is idempotent and does not reset what was done."""
    first = make_worktree()
    write(first.path, {"new.py": "1\n"})

    second = make_worktree()

    assert second == first
    assert (second.path / "new.py").exists()
    assert (
        open_worktree(first.repository, build_id="B-0001", workflow_id=WORKFLOW, root=first.path.parent)
        == first
    )


def test_a_creation_cut_short_is_done_again(make_worktree: Callable[..., Worktree], checkout: Path) -> None:
    """Killed between git's part and ours, the next try makes the whole worktree."""
    first = make_worktree()
    (first.admin / "qdeck.json").unlink()
    (first.path / "README.md").unlink()

    second = make_worktree()

    assert files_of(second.path) == files_of(checkout)


def test_a_deleted_folder_is_filled_again_from_the_last_checkpoint(
    make_worktree: Callable[..., Worktree],
) -> None:
    """A cleaned cache folder loses nothing that was kept."""
    first = make_worktree()
    write(first.path, {"new.py": "1\n"})
    keep(first, 1)
    shutil.rmtree(first.path)

    second = make_worktree()

    assert (second.path / "new.py").read_text() == "1\n"


def test_a_folder_that_git_has_forgotten_keeps_its_files(make_worktree: Callable[..., Worktree]) -> None:
    """When the repository lost its record, the work in the folder is taken up, not overwritten."""
    first = make_worktree()
    write(first.path, {"unsaved.py": "work\n"})
    shutil.rmtree(first.admin)

    second = make_worktree()

    assert (second.path / "unsaved.py").read_text() == "work\n"
    assert not list(second.path.parent.glob("*.found"))


def test_two_databases_can_have_the_same_build_name(make_worktree: Callable[..., Worktree]) -> None:
    """A branch that another build has taken is left to it."""
    first = make_worktree(workflow_id="a" * 32)
    write(first.path, {"a": "a"})
    checkpoint(first, workflow_id="a" * 32, number=1, message="a")

    second = make_worktree(workflow_id="b" * 32)

    assert first.branch == "qdeck/B-0001"
    assert second.branch == "qdeck/B-0001-bbbbbbbb"
    assert not (second.path / "a").exists()


_CREATE = """
import sys
from pathlib import Path
from core.workspace import checkpoint, create_worktree, open_repository
repo = open_repository(Path(sys.argv[1]))
while True:
    made = create_worktree(
        repo, build_id="B-0001", workflow_id=sys.argv[3], root=Path(sys.argv[2]), base=repo.head
    )
    print("made", flush=True)
    (made.path / "new").write_text("1")
    checkpoint(made, workflow_id=sys.argv[3], number=1, message="one")
    print("kept", flush=True)
"""


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
def test_a_kill_at_any_moment_leaves_what_can_be_opened(
    checkout: Path, make_worktree: Callable[..., Worktree], tmp_path: Path, after: float
) -> None:
    """kill -9 while a worktree is made or a checkpoint is kept: the next one goes on from there."""
    write(checkout, {"README.md": "uncommitted"})
    before = (files_of(checkout), git(checkout, "status", "--porcelain"))
    command = [sys.executable, "-c", _CREATE, str(checkout), str(tmp_path / "cache"), WORKFLOW]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE) as worker:
        if after > 0.1 and worker.stdout is not None:
            worker.stdout.readline()
        time.sleep(after)
        worker.kill()
    time.sleep(0.3)  # a git that was at work ends by itself

    worktree = make_worktree()
    keep(worktree, 2)
    restore(worktree, worktree.base)

    assert tree_digest(worktree) == tree_of(worktree.repository, worktree.base)
    assert (files_of(checkout), git(checkout, "status", "--porcelain")) == before
    git(checkout, "fsck", "--strict")


def test_many_builds_at_once_do_not_disturb_each_other(
    repo: Repository, make_worktree: Callable[..., Worktree]
) -> None:
    """Worktrees and checkpoints of one repository are made in threads side by side."""

    def build(number: int) -> tuple[str, str]:
        workflow = f"{number:032x}"
        worktree = make_worktree(build_id=f"B-{number:04}", workflow_id=workflow)
        for turn in range(3):
            write(worktree.path, {"mine": f"{number} {turn}"})
            made = checkpoint(worktree, workflow_id=workflow, number=turn, message="turn")
        return worktree.branch, made.commit

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(build, range(8)))

    for number, (branch, commit_id) in enumerate(made):
        assert branch == f"qdeck/B-{number:04}"
        assert read_file_at(repo, commit_id, "mine") == f"{number} 2".encode()
        assert len(list_checkpoints(repo, f"{number:032x}")) == 3
    git(repo.path, "fsck", "--strict")


def test_indexes_that_killed_workers_left_are_swept(make_worktree: Callable[..., Worktree]) -> None:
    """Old ones only: a new one may be in use."""
    admin = make_worktree().admin
    for name, age in (("qdeck.old", 7200), ("qdeck.new", 0)):
        (admin / name).write_text("")
        os.utime(admin / name, (time.time() - age,) * 2)

    make_worktree()

    assert not (admin / "qdeck.old").exists()
    assert (admin / "qdeck.new").exists()


def test_what_the_file_system_refuses_is_told_in_words(repo: Repository, tmp_path: Path) -> None:
    """A cache folder that is a file, say."""
    (tmp_path / "cache").write_text("")

    with pytest.raises(ProjectError, match="could not be handled"):
        create_worktree(
            repo, build_id="B-1", workflow_id=WORKFLOW, root=tmp_path / "cache" / "deep", base=repo.head
        )


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-x", "a..b", "x.lock", "a b"])
def test_a_name_that_is_no_name_is_refused(make_worktree: Callable[..., Worktree], name: str) -> None:
    """Ids become paths and refs, so they must look like ids."""
    with pytest.raises(ProjectError):
        make_worktree(build_id=name)


def test_a_checkpoint_holds_tracked_and_untracked_files_but_no_ignored_ones(
    repo: Repository, worktree: Worktree
) -> None:
    """Changed, new, deleted, executable, linked and oddly named files are all in the tree."""
    write(
        worktree.path,
        {
            "README.md": "changed\n",
            "new file.py": "1\n",
            "ünï/日本\n語.txt": "u\n",
            'quo"te\\.txt': "q",
            "-dash": "d",
            "*": "star",
            "noise.log": "no",
            "build/out": "no",
        },
    )
    (worktree.path / "src/app.py").unlink()
    (worktree.path / "link").symlink_to("/etc/passwd")
    (worktree.path / "new file.py").chmod(0o755)
    (worktree.path / os.fsdecode(b"latin\xe9")).write_text("1")

    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="one")

    names = set(list_tree(repo, made.commit))
    assert {"new file.py", "ünï/日本\n語.txt", 'quo"te\\.txt', "-dash", "*", "link", "latin\\xe9"} <= names
    assert not names & {"src/app.py", "noise.log", "build/out"}
    assert made.ref == f"refs/qdeck/{WORKFLOW}/1"
    assert made.tree == tree_of(repo, made.commit) == tree_digest(worktree)
    assert "100755" in git(repo.path, "ls-tree", made.commit, "new file.py")
    assert "120000" in git(repo.path, "ls-tree", made.commit, "link")
    assert resolve(repo, worktree.branch) == made.commit
    assert git(worktree.path, "status", "--porcelain") == ""


def test_the_same_files_are_the_same_checkpoint(repo: Repository, worktree: Worktree) -> None:
    """Repeated after a crash, a checkpoint has the same commit."""
    write(worktree.path, {"a": "1"})

    assert keep(worktree, 1) == keep(worktree, 1)
    assert [one.number for one in list_checkpoints(repo, WORKFLOW)] == [1]


def test_a_number_taken_again_with_other_files_loses_nothing(repo: Repository, worktree: Worktree) -> None:
    """The number holds the new files and the old commit is its parent."""
    write(worktree.path, {"a": "1"})
    old = keep(worktree, 1)
    write(worktree.path, {"a": "2"})

    new = keep(worktree, 1)
    assert new != old
    assert resolve(repo, f"{new}^") == old

    restore(worktree, worktree.base)
    write(worktree.path, {"a": "3"})
    new = keep(worktree, 1)
    assert resolve(repo, f"{new}^2") == worktree.base
    assert [one.commit for one in list_checkpoints(repo, WORKFLOW)] == [new]


def test_checkpoints_are_listed_by_number(repo: Repository, worktree: Worktree) -> None:
    """Ten comes after two."""
    for number in (0, 2, 10, 1):
        write(worktree.path, {"a": str(number)})
        keep(worktree, number)

    assert [one.number for one in list_checkpoints(repo, WORKFLOW)] == [0, 1, 2, 10]
    assert list_checkpoints(repo, "nobody") == []


def test_restore_makes_the_files_exactly_those(repo: Repository, worktree: Worktree) -> None:
    """Changed, new, deleted, links, folders in place of files: all is as it was; ignored files stay."""
    write(worktree.path, {"a": "1", "dir/file": "f", "plain": "p"})
    (worktree.path / "link").symlink_to("a")
    first = keep(worktree, 1)
    before = files_of(worktree.path)
    (worktree.path / "link").unlink()
    (worktree.path / "plain").unlink()
    shutil.rmtree(worktree.path / "dir")
    shutil.rmtree(worktree.path / "src")
    write(worktree.path, {"link": "file now", "plain/inner": "folder now", "dir": "file now", "x y/z": "new"})
    write(worktree.path, {"keep.log": "ignored"})
    (worktree.path / "src").symlink_to("/etc")
    keep(worktree, 2)

    for _ in range(2):
        restore(worktree, first)

        assert files_of(worktree.path) == before | {"keep.log": "ignored"}
        assert tree_digest(worktree) == tree_of(repo, first)
        assert resolve(repo, worktree.branch) == first
        assert git(worktree.path, "status", "--porcelain") == ""


def test_a_bare_tree_is_restored_under_the_same_branch(repo: Repository, worktree: Worktree) -> None:
    """A tree with conflict markers, say, becomes the files; an unknown one is an error in words."""
    write(worktree.path, {"a": "1"})
    first = keep(worktree, 1)

    restore(worktree, tree_of(repo, worktree.base))

    assert not (worktree.path / "a").exists()
    assert resolve(repo, worktree.branch) == first
    with pytest.raises(ProjectError, match="no commit or tree"):
        restore(worktree, "f" * 40)


def test_restore_goes_back_and_forth(worktree: Worktree) -> None:
    """A rollback and its undo."""
    write(worktree.path, {"a": "1"})
    first = keep(worktree, 1)
    write(worktree.path, {"a": "2", "b": "2"})
    second = keep(worktree, 2)

    restore(worktree, first)
    assert not (worktree.path / "b").exists()
    restore(worktree, second)
    assert (worktree.path / "b").read_text() == "2"


def test_restore_brings_back_a_file_that_only_the_old_tree_tracked(
    checkout: Path, repo: Repository, worktree: Worktree
) -> None:
    """A tracked file that the ignore rules also name belongs to the tree."""
    write(checkout, {"kept.log": "tracked"})
    git(checkout, "add", "-f", "kept.log")
    with_log = commit(checkout, "a tracked log")

    restore(worktree, with_log)
    assert (worktree.path / "kept.log").read_text() == "tracked"
    restore(worktree, repo.head)
    assert not (worktree.path / "kept.log").exists()


def test_a_change_that_hides_its_time_is_seen(worktree: Worktree) -> None:
    """Same size, same times, same second: the digest still tells the files apart."""
    path = worktree.path / "README.md"
    os.utime(path, (1_000_000_000, 1_000_000_000))
    before = tree_digest(worktree)
    with path.open("r+") as file:
        file.write("hallo\n")
    os.utime(path, (1_000_000_000, 1_000_000_000))

    assert tree_digest(worktree) != before
    restore(worktree, worktree.base)
    assert path.read_text() == "hello\n"


def test_attributes_do_not_change_a_byte(
    checkout: Path, make_worktree: Callable[..., Worktree], tmp_path: Path
) -> None:
    """Line ends, keywords and encodings are on disk as they are in the tree, and the other way round."""
    attributes = "*.bat text eol=crlf\n*.txt text\n*.id ident\n*.u16 text working-tree-encoding=UTF-16\n"
    content = {"a.bat": b"one\r\ntwo\n", "a.txt": b"one\r\n", "a.id": b"$Id: x $\n", "a.u16": b"plain\n"}
    for name, data in content.items():
        (checkout / name).write_bytes(data)
    commit(checkout, "raw")
    (checkout / ".gitattributes").write_text(attributes)
    git(checkout, "add", ".gitattributes")
    git(checkout, "commit", "-q", "-m", "attributes")
    base = git(checkout, "rev-parse", "HEAD").strip()
    stored = {name: git(checkout, "cat-file", "blob", f"{base}:{name}").encode() for name in content}

    worktree = make_worktree(base=base)
    export_tree(worktree.repository, base, tmp_path / "export")

    assert tree_digest(worktree) == tree_of(worktree.repository, base)
    for name, data in stored.items():
        assert (worktree.path / name).read_bytes() == data
        assert (tmp_path / "export" / name).read_bytes() == data
    (worktree.path / "b.txt").write_bytes(b"x\r\ny\n")
    made = keep(worktree, 1)
    assert read_file_at(worktree.repository, made, "b.txt") == b"x\r\ny\n"


def test_what_the_user_ignores_in_this_repository_alone_is_ignored(
    checkout: Path, worktree: Worktree
) -> None:
    """`.git/info/exclude` counts like any ignore rule."""
    (checkout / ".git" / "info").mkdir(exist_ok=True)
    (checkout / ".git" / "info" / "exclude").write_text("*.private\n")
    write(worktree.path, {"notes.private": "x", "notes.public": "x"})

    assert "notes.public" in list_files(worktree)
    assert "notes.private" not in list_files(worktree)


def test_a_repository_of_the_other_hash_works(tmp_path: Path) -> None:
    """SHA-256 repositories have longer ids, and nothing else is different."""
    folder = tmp_path / "sha256"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main", "--object-format=sha256")
    commit(folder, "first", **{"a": "1", "b": "2"})
    repo = open_repository(folder)
    worktree = create_worktree(
        repo, build_id="B-1", workflow_id=WORKFLOW, root=tmp_path / "cache", base=repo.head
    )
    (worktree.path / "a").unlink()
    write(worktree.path, {"c": "3"})

    made = keep(worktree, 1)
    assert len(made) == 64
    assert list_tree(repo, made) == ["b", "c"]
    restore(worktree, worktree.base)
    assert set(files_of(worktree.path)) == {"a", "b"}


def test_what_is_no_file_is_not_in_the_tree(worktree: Worktree) -> None:
    """A pipe in place of a file neither hangs nor counts."""
    (worktree.path / "README.md").unlink()
    os.mkfifo(worktree.path / "README.md")
    os.mkfifo(worktree.path / "pipe")

    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="pipes")

    names = list_tree(worktree.repository, made.commit)
    assert "README.md" not in names
    assert "pipe" not in names
    restore(worktree, worktree.base)
    assert (worktree.path / "README.md").read_text() == "hello\n"


def test_a_link_to_a_folder_outside_is_a_link_and_nothing_more(worktree: Worktree, tmp_path: Path) -> None:
    """Restoring over a link that leads out writes nothing behind it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.py").write_text("theirs")
    shutil.rmtree(worktree.path / "src")
    (worktree.path / "src").symlink_to(outside)

    made = checkpoint(worktree, workflow_id=WORKFLOW, number=1, message="link")
    restore(worktree, worktree.base)

    assert "src" in list_tree(worktree.repository, made.commit)
    assert "src/app.py" not in list_tree(worktree.repository, made.commit)
    assert files_of(outside) == {"app.py": "theirs"}
    assert (worktree.path / "src/app.py").read_text().startswith("def run")


def test_an_ignored_link_in_the_place_of_a_tracked_folder_is_not_followed(
    checkout: Path, make_worktree: Callable[..., Worktree], tmp_path: Path
) -> None:
    """Ignore rules cannot hide that a tracked file has gone behind a link."""
    write(checkout, {"build/kept.txt": "tracked"})
    git(checkout, "add", "-f", "build/kept.txt")
    base = commit(checkout, "build")
    worktree = make_worktree(base=base)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("theirs")
    shutil.rmtree(worktree.path / "build")
    (worktree.path / "build").symlink_to(outside)

    assert "build/kept.txt" not in list_files(worktree)
    restore(worktree, base)

    assert (outside / "kept.txt").read_text() == "theirs"
    assert (worktree.path / "build/kept.txt").read_text() == "tracked"


def test_files_are_listed_as_a_checkpoint_would_hold_them(worktree: Worktree) -> None:
    """Untracked files are listed, ignored and deleted ones are not."""
    write(worktree.path, {"new": "1", "no.log": "1"})
    (worktree.path / "README.md").unlink()

    names = list_files(worktree)

    assert "new" in names
    assert "src/app.py" in names
    assert not {"README.md", "no.log", ".git"} & set(names)


def test_removal_needs_proof_that_the_work_is_kept(repo: Repository, worktree: Worktree) -> None:
    """Unsaved work stays; kept work goes, folder, record and, when asked, branch."""
    write(worktree.path, {"new": "1"})
    with pytest.raises(ProjectError, match="holds work"):
        remove_worktree(worktree)
    assert (worktree.path / "new").exists()

    kept = keep(worktree, 1)
    (worktree.path / "src").chmod(0o500)
    remove_worktree(worktree, drop_branch=True)
    remove_worktree(worktree, drop_branch=True)

    assert not worktree.path.exists()
    assert not worktree.admin.exists()
    assert resolve(repo, worktree.branch) is None
    assert [one.commit for one in list_checkpoints(repo, WORKFLOW)] == [kept]
    assert "qdeck" not in git(repo.path, "worktree", "list")


def test_a_branch_that_alone_keeps_its_work_is_not_dropped(repo: Repository, worktree: Worktree) -> None:
    """The branch goes only when another ref has its tip."""
    write(worktree.path, {"new": "1"})
    keep(worktree, 1)
    git(repo.path, "update-ref", "-d", f"refs/qdeck/{WORKFLOW}/1")

    remove_worktree(worktree, drop_branch=True)

    assert resolve(repo, worktree.branch) is not None


def test_it_can_be_made_again_after_removal(make_worktree: Callable[..., Worktree]) -> None:
    """A workflow that comes back finds its branch and its last checkpoint."""
    first = make_worktree()
    write(first.path, {"new": "1"})
    keep(first, 1)
    remove_worktree(first)

    second = make_worktree()

    assert second.branch == first.branch
    assert (second.path / "new").exists()


def test_a_repository_without_its_record_says_so(worktree: Worktree) -> None:
    """When the user pruned the worktree, the words tell what to do."""
    shutil.rmtree(worktree.admin)

    with pytest.raises(ProjectError, match="not known to git any more"):
        tree_digest(worktree)


def test_submodules_are_left_alone(
    checkout: Path, tmp_path: Path, make_worktree: Callable[..., Worktree]
) -> None:
    """A submodule keeps its commit in every tree, whatever lies in its folder."""
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q", "-b", "main")
    commit(library, "lib", **{"lib.py": "1"})
    git(checkout, "submodule", "--quiet", "add", str(library), "vendor/lib")
    base = commit(checkout, "with a submodule")
    worktree = make_worktree(base=base)

    assert tree_digest(worktree) == tree_of(worktree.repository, base)
    write(worktree.path, {"vendor/lib/evil.py": "1", "a": "1"})
    made = keep(worktree, 1)
    restore(worktree, base)

    assert "vendor/lib/evil.py" not in list_tree(worktree.repository, made)
    entry = git(checkout, "ls-tree", made, "vendor/lib")
    assert entry == git(checkout, "ls-tree", base, "vendor/lib")
    assert entry.startswith("160000")
