"""Every screen as a picture, at both sizes. A changed picture has to be looked at before it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.machine.transitions import Order
from screenshots.journal import Clock, Writer
from screenshots.scenes import (
    SCENES,
    SIZES,
    Journal,
    Play,
    Scene,
    calm,
    make_app,
    ready,
    shows_picture,
    until,
    worker_lives,
)
from tui.app import QdeckApp
from tui.options import AppOptions

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


NAMES = (
    "A title that goes on and on, well beyond what any line of a terminal holds, as a page was pasted",
    "名前を正規化する関数を追加し、全角と半角の違いをなくす",
    "Rockets 🚀 and families 👩‍👩‍👧 and flags 🇩🇪 in one line",
    "[red]markup[/] \x1b[31mescape\x1b[0m \u202eright to left\u202c zero\u200bwidth",
    "عنوان من اليمين إلى اليسار",
)


@pytest.mark.parametrize("view", ["list", "columns"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_hard_names(
    size: tuple[int, int], view: str, tmp_path: Path, project: Path, snap_compare: SnapCompare
) -> None:
    """Long, wide and hostile names stay in their places."""

    async def write() -> Journal:
        writer = await Writer.open(str(tmp_path / "qdeck.db"), Clock())
        try:
            hands = []
            for name in NAMES:
                hands.append(await writer.start(Path("/srv/ショップ"), name, title=name))
                writer.clock.wait(60)
            await hands[0].waits("answer", NAMES[1])
            await hands[1].becomes(Order.FAIL, NAMES[2])
            hands[2].activity(NAMES[3], NAMES[1])
            return Journal(tmp_path / "qdeck.db", hands[0].workflow_id, writer.clock.seconds())
        finally:
            await writer.close()

    journal = asyncio.run(write())
    scene = Scene("names", "", _pressed(*["v"] * (view == "columns")))
    with worker_lives(journal):
        assert pictured(snap_compare, scene, size, journal, project)


@pytest.mark.parametrize("theme", ["qdeck-light", "qdeck-contrast"])
@pytest.mark.parametrize(
    "name",
    [
        "board",
        "workflow-streaming",
        "decision-review",
        "new-roles",
        "settings",
        "diff-large",
    ],
)
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


@pytest.mark.parametrize("name", ["board-columns", "evidence-large", "history"])
def test_light(
    name: str, journal_of: Callable[[str], Journal], project: Path, snap_compare: SnapCompare
) -> None:
    """Screens whose colours say most, on light ground."""
    scene = next(scene for scene in SCENES if scene.name == name)
    assert pictured(snap_compare, scene, (120, 40), journal_of(scene.stage), project, "qdeck-light")


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


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_offline(size: tuple[int, int], project: Path, snap_compare: SnapCompare) -> None:
    """A journal that cannot be opened: why, in full, and what helps; a key says it too."""
    options = AppOptions(
        database_url="postgresql://ada@127.0.0.1:1/qdeck", project=project, start_worker=False
    )
    app = QdeckApp(options, clock=lambda: 1_772_452_800.0)

    async def play(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: bool(app.trouble))
        await pilot.press("ctrl+n")
        await calm(pilot)
        assert app.trouble in "".join(notice.message for notice in app._notifications)
        app.clear_notifications()
        await calm(pilot)

    assert snap_compare(app, terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_refused(
    size: tuple[int, int],
    journal_of: Callable[[str], Journal],
    project: Path,
    snap_compare: SnapCompare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An order that is not possible now says why, over the screen that it was given on."""
    monkeypatch.setattr("tui.app.TOLD_SECONDS", 3600.0)
    journal = journal_of("testing")

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.open_workflow(journal.workflow_id)
        await shows_picture(app, pilot)
        await _pressed("a")(app, pilot, journal)
        await until(pilot, lambda: bool(app.screen.query("Toast")))

    assert pictured(snap_compare, Scene("refused", "", play), size, journal, project)


def _pressed(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        for key in keys:
            await pilot.press(key)
            await calm(pilot)

    return play


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
