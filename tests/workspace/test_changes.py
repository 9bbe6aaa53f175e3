"""Differences, exports and overlays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import ProjectError
from core.workspace import FileChange, Repository, added_lines, changed_files, diff, export_tree, overlay
from core.workspace import changes as changes_module
from tests.workspace.repos import commit, files_of, git, write


def test_changes_are_listed_with_their_kind_and_size(checkout: Path, repo: Repository) -> None:
    """Added, changed, deleted, renamed, binary, linked and oddly named files."""
    write(checkout, {"README.md": "hello\nworld\n", 'a b\tc\n"d".txt': "1\n2\n"})
    (checkout / "data.bin").write_bytes(b"\0\1\2")
    (checkout / "src/deep/er/mod.py").rename(checkout / "moved.py")
    (checkout / "src/app.py").unlink()
    (checkout / "src/app.py").symlink_to("x")
    head = commit(checkout, "many")

    assert changed_files(repo, repo.head, head) == [
        FileChange("README.md", "modified", 1, 0, False),
        FileChange('a b\tc\n"d".txt', "added", 2, 0, False),
        FileChange("data.bin", "added", 0, 0, True),
        FileChange("moved.py", "added", 1, 0, False),
        FileChange("src/app.py", "type", 1, 2, False),
        FileChange("src/deep/er/mod.py", "deleted", 0, 1, False),
    ]
    assert changed_files(repo, head, head) == []


def test_attributes_cannot_hide_code_as_binary(checkout: Path, repo: Repository) -> None:
    """What an earlier change has merged into the user's checkout does not blind the next look."""
    write(checkout, {".gitattributes": "*.py binary\n"})
    base = commit(checkout, "harmless")
    write(checkout, {"src/new.py": "x = 1\n"})
    head = commit(checkout, "not so")

    assert changed_files(repo, base, head) == [FileChange("src/new.py", "added", 1, 0, False)]
    assert added_lines(repo, base, head) == {"src/new.py": {1}}
    assert "+x = 1" in diff(repo, base, head)


def test_added_lines_are_numbered_as_in_the_new_file(checkout: Path, repo: Repository) -> None:
    """Only new and changed lines count, and content that looks like a header does not confuse."""
    write(checkout, {"long.txt": "".join(f"{n}\n" for n in range(1, 21))})
    base = commit(checkout, "base")
    lines = [f"{n}\n" for n in range(1, 21)]
    lines[4] = "changed\n"
    lines[9:9] = ["++ b/evil.py\n", "@@ -1,1 +1,99 @@\n"]
    del lines[15]
    write(
        checkout,
        {"long.txt": "".join(lines), 'tab\t"q" ü\n.txt': "one\ntwo", "sp ace.txt": "-- a\n", "empty": ""},
    )
    head = commit(checkout, "more")

    assert added_lines(repo, base, head) == {
        "long.txt": {5, 10, 11},
        'tab\t"q" ü\n.txt': {1, 2},
        "sp ace.txt": {1},
    }


def test_a_diff_is_text_for_the_paths_asked(checkout: Path, repo: Repository) -> None:
    """A path is taken by the letter, not as a pattern."""
    write(checkout, {"README.md": "bye\n", "*.md": "star\n", "src/app.py": "x\n"})
    head = commit(checkout, "change")

    whole = diff(repo, repo.head, head)
    assert "-hello\n+bye\n" in whole
    assert "+x\n" in whole
    assert "+bye" not in diff(repo, repo.head, head, ["*.md"])
    assert "+star" in diff(repo, repo.head, head, ["*.md"])
    assert "+x" in diff(repo, repo.head, head, ["src"])


def test_a_huge_diff_is_cut_with_a_word(
    checkout: Path, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A diff that nobody can read does not fill the memory."""
    monkeypatch.setattr(changes_module, "DIFF_LIMIT", 1000)
    write(checkout, {"big": "line\n" * 100_000})
    head = commit(checkout, "big")

    text = diff(repo, repo.head, head)

    assert len(text) < 1200
    assert "1,000 bytes" in text


def test_an_export_is_the_tree_and_nothing_else(checkout: Path, repo: Repository, tmp_path: Path) -> None:
    """Modes, links and names are kept; there is no `.git`, and the user's changes are not in it."""
    (checkout / "run.sh").write_text("#!/bin/sh\n")
    (checkout / "run.sh").chmod(0o755)
    (checkout / "out").symlink_to("/etc/hostname")
    write(checkout, {"ünï/日本\n語.txt": "u"})
    head = commit(checkout, "more")
    before = files_of(checkout)
    write(checkout, {"README.md": "uncommitted"})
    status = git(checkout, "status", "--porcelain")

    export_tree(repo, head, tmp_path / "a" / "export")

    assert files_of(tmp_path / "a" / "export") == before
    assert os.access(tmp_path / "a" / "export" / "run.sh", os.X_OK)
    assert not (tmp_path / "a" / "export" / ".git").exists()
    assert git(checkout, "status", "--porcelain") == status


def test_an_export_needs_an_empty_folder(repo: Repository, tmp_path: Path) -> None:
    """A clean copy among other files would not be clean."""
    write(tmp_path / "full", {"x": "1"})

    with pytest.raises(ProjectError, match="not empty"):
        export_tree(repo, repo.head, tmp_path / "full")


def test_an_overlay_puts_the_new_tests_on_the_old_tree(
    checkout: Path, repo: Repository, tmp_path: Path
) -> None:
    """Given paths become what they are in the other tree; absent ones go; the rest stays."""
    (checkout / "tests/test_app.py").unlink()
    write(checkout, {"tests/test_new.py": "new\n", "tests/data/x": "x", "src/app.py": "changed\n"})
    head = commit(checkout, "new tests")
    dest = tmp_path / "export"
    export_tree(repo, repo.head, dest)
    write(dest, {"left.txt": "stays"})

    for _ in range(2):
        overlay(repo, head, dest, ["tests/test_app.py", "tests/test_new.py", "tests/data", "nowhere/x"])

        found = files_of(dest)
        assert found["tests/test_new.py"] == "new\n"
        assert found["tests/data/x"] == "x"
        assert found["src/app.py"].startswith("def run")
        assert found["left.txt"] == "stays"
        assert "tests/test_app.py" not in found


def test_an_overlay_never_writes_or_deletes_behind_a_link(
    checkout: Path, repo: Repository, tmp_path: Path
) -> None:
    """A link where a folder should be is replaced, and what it points to stays as it is."""
    outside = tmp_path / "outside"
    write(outside, {"test_app.py": "theirs", "gone.py": "theirs"})
    dest = tmp_path / "export"
    dest.mkdir()
    (dest / "tests").symlink_to(outside)

    overlay(repo, repo.head, dest, ["tests/gone.py"])
    overlay(repo, repo.head, dest, ["tests/test_app.py"])

    assert files_of(outside) == {"test_app.py": "theirs", "gone.py": "theirs"}
    assert files_of(dest)["tests/test_app.py"].startswith("def test_run")


def test_an_overlay_swaps_files_and_folders(checkout: Path, repo: Repository, tmp_path: Path) -> None:
    """What was a folder becomes a file and the other way round."""
    (checkout / "README.md").unlink()
    write(checkout, {"README.md/inner": "1"})
    git(checkout, "rm", "-rq", "src")
    write(checkout, {"src": "file"})
    head = commit(checkout, "swap")
    dest = tmp_path / "export"
    export_tree(repo, repo.head, dest)

    overlay(repo, head, dest, ["README.md", "src", "tests/test_app.py"])

    assert files_of(dest)["README.md/inner"] == "1"
    assert files_of(dest)["src"] == "file"


def test_an_overlay_refuses_a_path_that_leads_out(repo: Repository, tmp_path: Path) -> None:
    """A path with `..` is an error, not a file somewhere else."""
    with pytest.raises(Exception, match="leave the worktree"):
        overlay(repo, repo.head, tmp_path, ["../x"])
