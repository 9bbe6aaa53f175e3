"""Every screen as a picture, at both sizes. A changed picture has to be looked at before it is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_textual_snapshot as pts
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.screen import Screen

from screenshots.scenes import (
    SCENES,
    SIZES,
    Journal,
    Scene,
    calm,
    make_app,
    ready,
    until,
)
from tests.tui.driving import opened
from tests.tui.matrix import MATRIX, STATES, cells
from tests.tui.pictures import ALL_SCENES, OFFLINE_SCENES, PANES_OF
from tests.tui.walks import classes
from tui.app import QdeckApp
from tui.options import AppOptions
from tui.pages.card import SIDE

SnapCompare = Callable[..., bool]
PICTURES = Path(__file__).parent / "__snapshots__" / "test_snapshots"


@pytest.mark.parametrize("scene", ALL_SCENES, ids=lambda scene: scene.name)
async def test_screen(
    scene: Scene,
    journal_of: Callable[[str], Journal],
    project: Path,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The screen looks as it did when somebody looked at it, at both sizes, dark and light."""
    monkeypatch.setattr("tui.deck.TOLD_SECONDS", 3600.0)
    monkeypatch.setattr("tui.deck.BAD_SECONDS", 3600.0)
    journal = journal_of(scene.stage)
    app = make_app(journal, project)
    async with app.run_test(size=SIZES[0], notifications=True) as pilot:
        await ready(app, pilot)
        await scene.play(app, pilot, journal)
        await looks_the_same(app, pilot, snapshot, scene.name)


@pytest.mark.parametrize("state", PANES_OF)
async def test_panes(
    state: str, journal_of: Callable[[str], Journal], project: Path, snapshot: SnapshotAssertion
) -> None:
    """Every pane beside a conversation, of a build that is hard to show."""
    journal = journal_of(PANES_OF[state])
    app = make_app(journal, project)
    async with app.run_test(size=SIZES[0], notifications=True) as pilot:
        await ready(app, pilot)
        await opened(app, pilot, journal, SIDE[0])
        for number, pane in enumerate(SIDE, start=2):
            await pilot.press(str(number))
            await looks_the_same(app, pilot, snapshot, f"pane-{pane}-{state}", f"{pane}-")


def test_every_screen_has_its_pictures() -> None:
    """The table leaves out no screen, no pane and no state, and names every picture that there is."""
    screens = {cls.__name__ for cls in classes() if issubclass(cls, Screen) and not cls.__subclasses__()}
    assert set(MATRIX) == screens | {f"WorkflowScreen: {pane}" for pane in SIDE}
    assert all(set(row) == set(STATES) for row in MATRIX.values())
    scenes = {scene.name: "screen" for scene in ALL_SCENES} | {s.name: "offline" for s in OFFLINE_SCENES}
    panes = {f"pane-{pane}-{state}": (pane, state) for pane in SIDE for state in PANES_OF}
    assert {name for _, _, name in cells()} == set(scenes) | set(panes)
    looks = [f"{width}x{height}-{theme}" for width, height in SIZES for theme in ("dark", "light")]
    wanted = {f"test_{test}[{name}][{look}].svg" for name, test in scenes.items() for look in looks}
    wanted |= {f"test_panes[{state}][{pane}-{look}].svg" for pane, state in panes.values() for look in looks}
    there = {path.name for path in PICTURES.glob("test_*[[]*[]][[]*.svg")}
    assert there == wanted


async def looks_the_same(
    app: QdeckApp, pilot: Pilot[int], snapshot: SnapshotAssertion, picture: str, prefix: str = ""
) -> None:
    """Take the picture at both sizes, dark and light, and only then say which differ."""
    shown = type(app.screen).__name__
    assert shown in {screen for screen, _, name in cells() if name == picture}, f"{picture} shows {shown}"
    pictures = snapshot.use_extension(pts.SVGImageExtension)
    differing = []
    for size in SIZES:
        await pilot.resize_terminal(*size)
        for theme in ("dark", "light"):
            app.theme = f"qdeck-{theme}"
            await calm(pilot)
            # Textual leaves a palette that is open in the colours that it was opened with.
            app.stylesheet.update(app.screen)
            await until(pilot, lambda: getattr(app.screen, "settled", True))
            await calm(pilot)
            name = f"{prefix}{size[0]}x{size[1]}-{theme}"
            if pictures(name=name) != app.export_screenshot():
                differing.append(name)
    assert not differing


@pytest.mark.parametrize(
    "name", ["board", "workflow-streaming", "decision-review", "new-roles", "settings", "diff-large"]
)
def test_high_contrast(
    name: str, journal_of: Callable[[str], Journal], project: Path, snap_compare: SnapCompare
) -> None:
    """The main screens for eyes that need more."""
    scene = next(scene for scene in SCENES if scene.name == name)
    assert pictured(snap_compare, scene, (120, 40), journal_of(scene.stage), project, "qdeck-contrast")


@pytest.mark.parametrize("theme", ["qdeck-safe", "qdeck-terminal"])
def test_board_in_other_palettes(
    theme: str, journal_of: Callable[[str], Journal], project: Path, snap_compare: SnapCompare
) -> None:
    """For colour-blind eyes, and in the terminal's own colours."""
    scene = next(scene for scene in SCENES if scene.name == "board")
    assert pictured(snap_compare, scene, (80, 24), journal_of(scene.stage), project, theme)


@pytest.mark.parametrize("name", ["board", "statistics", "diff-split"])
def test_without_colour(
    name: str,
    journal_of: Callable[[str], Journal],
    project: Path,
    snap_compare: SnapCompare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With NO_COLOR everything is said by glyphs, words and weight."""
    monkeypatch.setenv("NO_COLOR", "1")
    scene = next(scene for scene in SCENES if scene.name == name)
    assert pictured(snap_compare, scene, (120, 40), journal_of(scene.stage), project)


@pytest.mark.parametrize("size", [(59, 24), (80, 14)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_too_small(
    size: tuple[int, int], journal_of: Callable[[str], Journal], project: Path, snap_compare: SnapCompare
) -> None:
    """A terminal that is too small is told so, in words."""
    scene = next(scene for scene in SCENES if scene.name == "board")
    assert pictured(snap_compare, scene, size, journal_of(scene.stage), project)


@pytest.mark.parametrize("scene", OFFLINE_SCENES, ids=lambda scene: scene.name)
async def test_offline(
    scene: Scene, project: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that cannot be opened: why, in full, and what helps; a key says it too."""
    monkeypatch.setattr("tui.deck.TOLD_SECONDS", 3600.0)
    monkeypatch.setattr("tui.deck.BAD_SECONDS", 3600.0)
    options = AppOptions(
        database_url="postgresql://ada@127.0.0.1:1/qdeck", project=project, start_worker=False
    )
    app = QdeckApp(options, clock=lambda: 1_772_452_800.0)
    async with app.run_test(size=SIZES[0], notifications=True) as pilot:
        await until(pilot, lambda: bool(app.trouble))
        app.clear_notifications()
        await scene.play(app, pilot, Journal(Path(), "", 0.0))
        await looks_the_same(app, pilot, snapshot, scene.name)


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
