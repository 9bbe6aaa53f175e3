"""The pictures of the documentation are what the app looks like now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_pictures_are_current() -> None:
    """A sample, by the command that makes all of them: `python -m screenshots`."""
    done = subprocess.run(
        [sys.executable, "-m", "screenshots", "--check", "board-empty", "first", "new", "board"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nMake them again: uv run python -m screenshots"
