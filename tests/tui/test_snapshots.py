"""Every screen as a picture, at both sizes. A changed picture has to be looked at before it is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screenshots.scenes import SCENES, SIZES, Journal, Scene, make_app, ready

SnapCompare = Callable[..., bool]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_screen(
    scene: Scene,
    size: tuple[int, int],
    journal_of: Callable[[str], Journal],
    project: Path,
    snap_compare: SnapCompare,
) -> None:
    """The screen looks as it did when somebody looked at it."""
    assert pictured(snap_compare, scene, size, journal_of(scene.stage), project)


@pytest.mark.parametrize("theme", ["qdeck-light", "qdeck-contrast"])
@pytest.mark.parametrize("name", ["board", "workflow-streaming", "decision-review", "new-roles", "settings"])
def test_theme(
    name: str,
    theme: str,
    journal_of: Callable[[str], Journal],
    project: Path,
    snap_compare: SnapCompare,
) -> None:
    """The main screens in the other themes."""
    scene = next(scene for scene in SCENES if scene.name == name)
    assert pictured(snap_compare, scene, (120, 40), journal_of(scene.stage), project, theme)


@pytest.mark.parametrize("theme", ["qdeck-safe", "qdeck-terminal"])
def test_board_in_other_palettes(
    theme: str, journal_of: Callable[[str], Journal], project: Path, snap_compare: SnapCompare
) -> None:
    """For colour-blind eyes, and in the terminal's own colours."""
    scene = next(scene for scene in SCENES if scene.name == "board")
    assert pictured(snap_compare, scene, (80, 24), journal_of(scene.stage), project, theme)


def test_without_colour(
    journal_of: Callable[[str], Journal],
    project: Path,
    snap_compare: SnapCompare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With NO_COLOR everything is said by glyphs, words and weight."""
    monkeypatch.setenv("NO_COLOR", "1")
    scene = next(scene for scene in SCENES if scene.name == "board")
    assert pictured(snap_compare, scene, (120, 40), journal_of(scene.stage), project)


@pytest.mark.parametrize("size", [(59, 24), (80, 14)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_too_small(
    size: tuple[int, int], journal_of: Callable[[str], Journal], project: Path, snap_compare: SnapCompare
) -> None:
    """A terminal that is too small is told so, in words."""
    scene = next(scene for scene in SCENES if scene.name == "board")
    assert pictured(snap_compare, scene, size, journal_of(scene.stage), project)


def pictured(
    snap_compare: SnapCompare,
    scene: Scene,
    size: tuple[int, int],
    journal: Journal,
    project: Path,
    theme: str = "",
) -> bool:
    """Play the scene in the real app and compare."""
    app = make_app(journal, project, theme)

    async def play(pilot: Pilot[Any]) -> None:
        await ready(app, pilot)
        await scene.play(app, pilot, journal)

    return snap_compare(app, terminal_size=size, run_before=play)
