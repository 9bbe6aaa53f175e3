"""How long other Textual applications take to their first full frame: posting, harlequin and toad.

They are installed from the package index into a folder of their own, with uv. What cannot be installed, or
draws nothing, is said to be so.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.terminal import Silent, Window

APPS = {
    # With a newer tree-sitter posting ends before it has drawn anything.
    "posting": (["posting", "tree-sitter<0.25"], ["posting"], b"Collection", ">=3.11"),
    "harlequin": (["harlequin"], ["harlequin"], b"Query Editor", ">=3.11"),
    "toad": (["batrachian-toad"], ["toad"], b"Toad", ">=3.14"),
}
"""Name: packages, command, words of the ready screen, Python that it wants."""


def compared(env: Mapping[str, str], runs: int) -> dict[str, Any]:
    """Install and start each, and return the median milliseconds; a word where that was not possible."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (packages, command, marker, python) in APPS.items():
            found[f"{name}_first_frame_ms"] = _measured(
                Path(folder) / name, packages, command, marker, python, env, runs
            )
    return found


def _measured(
    place: Path,
    packages: list[str],
    command: list[str],
    marker: bytes,
    python: str,
    env: Mapping[str, str],
    runs: int,
) -> float | str:
    uv = os.environ.get("UV", "uv")
    for argv in (
        [uv, "venv", "-q", "--python", python, str(place)],
        [uv, "pip", "install", "-q", "--python", str(place / "bin" / "python"), *packages],
    ):
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"not installed: {error}"
        if done.returncode:
            return f"not installed: {(done.stderr.strip().splitlines() or ['no word'])[-1][:200]}"
    home = {**env, "HOME": str(place), "XDG_CONFIG_HOME": str(place), "XDG_DATA_HOME": str(place)}
    times = []
    for _ in range(runs + 1):
        window = Window([str(place / "bin" / command[0]), *command[1:]], home)
        try:
            times.append(window.until(marker, lambda text: True) - window.began)
        except Silent as error:
            return f"drew nothing: {str(error).splitlines()[0]}"
        finally:
            window.close()
    # The first start compiles what was installed.
    return round(statistics.median(times[1:]) * 1000, 1)
