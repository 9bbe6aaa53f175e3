"""Files opened below a folder, with everything in the way that a hostile process can put there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.workspace import Entry, PathRefused, list_inside, open_inside, remove_inside, write_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file, beside a secret."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("secret")
    folder = tmp_path / "root"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("content")
    (folder / ".git").write_text("gitdir: elsewhere\n")
    return folder


def test_a_file_is_read_and_written(root: Path) -> None:
    """Plain, with needless dots, and in full below the root."""
    for path in ("a/b/file", "./a//b/./file", str(root / "a/b/file")):
        with open_inside(root, path) as file:
            assert file.read() == b"content"
    with open_inside(root, "new/deep/er", "wb") as file:
        file.write(b"1")
    with open_inside(root, "new/deep/er", "ab") as file:
        file.write(b"2")
    with open_inside(root, "new/deep/er", "r+b") as file:
        assert file.read() == b"12"
    with open_inside(root, "new/deep/er", "wb") as file:
        file.write(b"3")
    assert (root / "new/deep/er").read_bytes() == b"3"
    with pytest.raises(FileExistsError):
        open_inside(root, "new/deep/er", "xb")


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "a/../../secret",
        "a/..",
        "/etc/passwd",
        "/",
        ".git",
        ".git/config",
        ".GIT/config",
        ".git /config",
        "a/.git/hooks/pre-commit",
        "a\0b",
        "x" * 300,
        "y/" * 3000,
        "\ud800",
    ],
)
@pytest.mark.parametrize("mode", ["rb", "wb"])
def test_a_path_that_leads_out_or_into_git_is_refused(root: Path, path: str, mode: str) -> None:
    """Refused for reading and writing alike, in words, and nothing is made."""
    before = sorted(root.rglob("*"))

    with pytest.raises(PathRefused) as caught:
        open_inside(root, path, mode)

    assert "\n" not in str(caught.value)
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "a/b/file", "nowhere"])
@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "r+b"])
def test_a_link_is_never_followed(root: Path, tmp_path: Path, target: str, mode: str) -> None:
    """The last component a link, wherever it points."""
    (root / "link").symlink_to(target)

    with pytest.raises(PathRefused, match="symbolic link"):
        open_inside(root, "link", mode)

    assert (tmp_path / "secret").read_text() == "secret"
    assert not (root / "nowhere").exists()


def test_a_link_on_the_way_is_never_followed(root: Path, tmp_path: Path) -> None:
    """A folder that is a link: no reading, writing, making, listing or removing behind it."""
    (root / "out").symlink_to(tmp_path / "private")

    for mode in ("rb", "wb"):
        with pytest.raises(PathRefused, match="symbolic link"):
            open_inside(root, "out/key", mode)
    with pytest.raises(PathRefused):
        open_inside(root, "out/new/file", "wb")
    with pytest.raises(PathRefused):
        write_inside(root, "out/key", b"x")
    with pytest.raises(PathRefused):
        list_inside(root, "out")
    with pytest.raises(PathRefused):
        remove_inside(root, "out/key")
    assert sorted(path.name for path in (tmp_path / "private").iterdir()) == ["key"]
    assert (tmp_path / "private/key").read_text() == "secret"


_SWAP = """
import os, sys
while True:
    os.rename("dir", "aside"); os.symlink(sys.argv[1], "dir")
    os.unlink("dir"); os.rename("aside", "dir")
    for _ in range(500): pass
"""


def test_a_link_swapped_in_while_opening_wins_nothing(root: Path, tmp_path: Path) -> None:
    """A process that swaps folder and link as fast as it can never gets the secret read."""
    (root / "dir").mkdir()
    (root / "dir" / "key").write_text("harmless")
    swapper = subprocess.Popen([sys.executable, "-c", _SWAP, str(tmp_path / "private")], cwd=root)
    seen = {b"harmless": 0, b"secret": 0, b"refused": 0}
    deadline = time.monotonic() + 30
    try:
        while min(seen[b"harmless"], seen[b"refused"]) < 20 and time.monotonic() < deadline:
            try:
                with open_inside(root, "dir/key") as file:
                    seen[file.read()] += 1
            except (PathRefused, OSError):
                seen[b"refused"] += 1
    finally:
        swapper.kill()
        swapper.wait()

    assert seen[b"secret"] == 0
    assert seen[b"harmless"] >= 20
    assert seen[b"refused"] >= 20


def test_what_is_no_regular_file_is_refused_without_waiting(root: Path) -> None:
    """A pipe does not hang, a device is not read, a folder is a folder."""
    os.mkfifo(root / "pipe")

    for mode in ("rb", "wb"):
        with pytest.raises(PathRefused, match="not a regular file"):
            open_inside(root, "pipe", mode)
        with pytest.raises(IsADirectoryError):
            open_inside(root, "a", mode)
        with pytest.raises(IsADirectoryError):
            open_inside(root, ".", mode)
    with pytest.raises(PathRefused):
        write_inside(root, "pipe", b"x")
    with pytest.raises(FileNotFoundError):
        open_inside(root, "nope/x")
    with pytest.raises(NotADirectoryError):
        open_inside(root, "a/b/file/x")


def test_a_file_is_replaced_whole_and_keeps_its_mode(root: Path) -> None:
    """Content is swapped at once, an executable stays one, and no other file is left behind."""
    (root / "a/b/file").chmod(0o751)

    write_inside(root, "a/b/file", b"new")
    write_inside(root, "fresh/file", b"made")

    assert (root / "a/b/file").read_bytes() == b"new"
    assert (root / "a/b/file").stat().st_mode & 0o777 == 0o751
    assert (root / "fresh/file").stat().st_mode & 0o111 == 0
    assert [path.name for path in (root / "a/b").iterdir()] == ["file"]


def test_a_folder_is_listed_without_git(root: Path) -> None:
    """Names with their kind and size; links are named as such."""
    (root / "link").symlink_to("/etc")

    assert list_inside(root)[0].name == "a"
    assert [(entry.name, entry.kind) for entry in list_inside(root)] == [("a", "folder"), ("link", "link")]
    assert list_inside(root, "a/b") == [Entry("file", "file", 7)]
    with pytest.raises(NotADirectoryError):
        list_inside(root, "a/b/file")


def test_a_file_is_removed_once(root: Path) -> None:
    """Removing says whether there was something; a link goes, its target stays."""
    (root / "link").symlink_to("a/b/file")

    assert remove_inside(root, "link")
    assert not remove_inside(root, "link")
    assert not remove_inside(root, "nope/x")
    assert (root / "a/b/file").exists()
