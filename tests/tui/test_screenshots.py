"""The pictures of the documentation are what the app looks like now."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTED = ROOT / "tests" / "tui" / "__snapshots__" / "test_snapshots"
_NAME = re.compile(r"terminal-[0-9a-z]+")
"""Made of how a line was cut into pieces."""


def test_every_picture_is_current() -> None:
    """Each is the same as the one that the tests take of its scene, at its size and in its colours."""
    pictures = sorted((ROOT / "screenshots").glob("*.svg"))
    old = [path.name for path in pictures if _looks(path) != _looks(of_the_tests(path))]
    assert len(pictures) > 30
    assert not old, "Make them again: uv run python -m screenshots"


def test_one_command_makes_them() -> None:
    """`python -m screenshots` draws the app itself, and says which picture is another."""
    done = subprocess.run(
        [sys.executable, "-m", "screenshots", "--check", "board-empty", "board"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nMake them again: uv run python -m screenshots"


def test_the_readme_shows_three_of_them() -> None:
    """The board, the conversation and the decision; each is there."""
    shown = re.findall(r"!\[[^]]+\]\((screenshots/[^)]+)\)", (ROOT / "README.md").read_text())
    assert len(shown) == 3
    assert all((ROOT / name).exists() for name in shown)


def of_the_tests(picture: Path) -> Path:
    """Return the picture of the tests that shows the same."""
    name, theme, size = picture.stem.rsplit("-", 2)
    return TESTED / f"test_screen[{name}][{size}-{theme}].svg"


def _looks(picture: Path) -> str:
    return _NAME.sub("", picture.read_text("utf-8"))
