"""Statistics: charts and the same as numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.machine.states import Role, State
from core.progress import Progress, Stopped
from core.service import OrchestrationService
from core.service.reports import MetView, StatsView, TimesView
from screenshots.journal import Writer
from screenshots.scenes import Journal, calm, until
from tests.tui.driving import on, press, running, shown, told
from tests.tui.evil import EVIL, assert_harmless
from tui import words
from tui.app import QdeckApp
from tui.ink import cells, plain
from tui.pages.numbers import numbers_page
from tui.pages.statistics import TIME_STEPS, Chart, Series, charts_of
from tui.widgets.plot import ticks_to

JournalOf = Callable[[str], Journal]


async def in_statistics(app: QdeckApp, pilot: Pilot[int], *keys: str) -> None:
    """Open the figures with their key, and press more."""
    await press(app, pilot, "s")
    await counted(app, pilot)
    for key in keys:
        await press(app, pilot, key)
        await counted(app, pilot)


async def counted(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Wait until the figures are there."""
    await until(pilot, lambda: getattr(app.screen, "settled", True))
    await app.workers.wait_for_complete()
    await calm(pilot)


async def stats_of(journal: Journal) -> StatsView:
    """The figures themselves."""
    service = await OrchestrationService.open(str(journal.path))
    try:
        return await service.get_project_stats()
    finally:
        await service.close()


async def test_every_chart_has_its_key_and_its_numbers(journal_of: JournalOf) -> None:
    """Digits, brackets and arrows lead to all eight; bars, and the same in figures below."""
    journal = journal_of("complete")
    stats = await stats_of(journal)
    async with running(journal, size=(80, 24)) as (app, pilot):
        await in_statistics(app, pilot)
        assert "BUILDS COMPLETED, BY WEEK" in shown(app) and "W10" in shown(app) and "█" in shown(app)
        seen = []
        for key in "2345678":
            await press(app, pilot, key)
            seen.append(next(line for line in shown(app).split("\n") if " ──" in line).split(" ─")[0].strip())
        assert seen == [
            "TIME IN EACH PHASE, ALL BUILDS TOGETHER",
            "WHAT SENT WORK BACK",
            "COST BY MODEL, IN US DOLLARS",
            "WHAT BECAME OF THE BUILDS",
            "DEADLINES MET AND MISSED",
            "TIME OF EACH ROLE, ALL BUILDS TOGETHER",
            "WHAT BECAME OF EACH PROJECT'S BUILDS",
        ]
        await press(app, pilot, "7")
        assert "Code Writer" in shown(app) and "▒" in shown(app), "parts differ without colour"
        await press(app, pilot, "right_square_bracket", "right", "left_square_bracket", "left", "5")
        assert f"{stats.success_rate:.0%}" in shown(app)
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"


async def test_a_bar_is_as_long_as_its_value_says(journal_of: JournalOf) -> None:
    """However many there are: none covers its neighbour's line, the longest fills the width, 0 is nothing."""
    shapes = [(1569, 40, 0, 75, 0, 0), (10, 100, 10, 10, 20, 30), (100, 0) * 4, (1,), (3, 9), (5, 1, 80)]
    async with running(journal_of("complete"), size=(80, 24)) as (app, pilot):
        await in_statistics(app, pilot, "2")
        for values in shapes:
            labels = tuple(f"bar {i}" for i in range(len(values)))
            series = (Series("times", tuple(map(float, values)), "ok"),)
            plot: Any = app.screen.query_one("#plot")
            plot.show(Chart("test", "test", labels, series))
            await calm(pilot)
            rows = shown(app).split("\n")
            long = [next(r for r in rows if r.strip().startswith(label)).count("█") for label in labels]
            full = max(long)
            assert full > 60
            assert all(
                abs(size - full * value / max(values)) < 2 for size, value in zip(long, values, strict=True)
            )


async def test_a_chart_keeps_the_terminals_own_colours(journal_of: JournalOf) -> None:
    """Nobody knows how they look, so nothing is drawn on black; the names on the axis can be read."""
    async with running(journal_of("complete"), size=(60, 24), theme="qdeck-terminal") as (app, pilot):
        await in_statistics(app, pilot, "2")
        strips = app.screen._compositor.render_strips()
        row = next(strip for strip in strips if strip.text.strip().startswith("planning█"))
        styles = {char: part.style for part in row for char in part.text if part.style}
        for char, number in (("p", None), ("█", 4), ("▒", 3)):
            style = styles[char]
            assert style.bgcolor is None or style.bgcolor.is_default, style
            assert (style.color.number if style.color else None) == number, (char, style)
        header = next(line for line in shown(app).split("\n") if "█ working" in line)
        assert header.split() == ["█", "working", "▒", "you", "░", "model", "all"]


def test_an_axis_has_simple_values() -> None:
    """Times as on a clock, money and counts as people count; only a few, and none above the longest."""
    assert ticks_to(4100, whole=True, steps=TIME_STEPS) == [0, 1800, 3600]
    assert ticks_to(59, whole=True, steps=TIME_STEPS) == [0, 15, 30, 45]
    assert ticks_to(100 * 604800, whole=True, steps=TIME_STEPS)[1] == 50 * 604800
    assert [round(t, 3) for t in ticks_to(0.17, whole=False)] == [0, 0.05, 0.1, 0.15]
    assert ticks_to(1, whole=True) == [0, 1] and ticks_to(7, whole=True) == [0, 2, 4, 6]


async def test_figures_of_one_project(journal_of: JournalOf) -> None:
    """p goes through the projects and comes round to all, P goes back."""
    async with running(journal_of("complete")) as (app, pilot):
        await in_statistics(app, pilot, "p")
        assert "project shop-api" in shown(app)
        await press(app, pilot, "p")
        await counted(app, pilot)
        assert "project text-tools" in shown(app)
        await press(app, pilot, "P", "P")
        await counted(app, pilot)
        assert "all projects" in shown(app)


async def test_an_empty_journal_has_figures_too(journal_of: JournalOf) -> None:
    """Each chart says in words that there is nothing yet, without colour and with it."""
    async with running(journal_of("empty"), size=(80, 24)) as (app, pilot):
        await in_statistics(app, pilot)
        for key, told in (
            ("1", "No build was completed"),
            ("3", "Nothing was ever sent back"),
            ("6", "deadline"),
        ):
            await press(app, pilot, key)
            assert told in shown(app)
        await press(app, pilot, "p")
        assert on(app) == "StatisticsScreen"


async def test_numbers_say_what_the_bars_show(journal_of: JournalOf) -> None:
    """Working, waiting for you, waiting for a model; deadlines met and missed; the sums are right."""
    whole = await stats_of(journal_of("complete"))
    testing = TimesView(60.0, 3600.0, 30.0)
    auditor = replace(
        whole.by_role[Role.TEST_AUDITOR], times=testing, ended=3, stood=1, success_rate=1 / 3, cost_usd=0.25
    )
    stats: Any = replace(
        whole,
        times={State.TESTING: testing, State.PLANNING: TimesView(10.0, 0.0, 0.0)},
        deadlines={"workflow": MetView(3, 1), "testing": MetView(0, 2)},
        deadlines_met=0.5,
        by_role={**whole.by_role, Role.TEST_AUDITOR: auditor},
    )
    charts = {chart.name: chart for chart in charts_of(stats, date(2026, 3, 4))}
    time = plain(numbers_page(charts["time"], stats, 118))
    row = next(r for r in time.split("\n") if r.startswith("testing"))
    assert row.split() == ["testing", "1m00s", "1h00m", "30s", "1h01m"]
    met = plain(numbers_page(charts["deadlines"], stats, 118))
    assert next(r for r in met.split("\n") if r.startswith("testing")).split() == ["testing", "-", "2", "2"]
    assert "50%" in met
    roles = plain(numbers_page(charts["roles"], stats, 118)).split("\n")
    assert all(len(row) < 75 for row in roles[1:8])
    time, became = (row.split() for row in roles if row.startswith("Test Auditor"))
    assert time[-1] == "1h01m" and became[-4:] == ["33%", "of", "3", "$0.25"]


async def test_roles_and_projects_stand_side_by_side(journal_of: JournalOf) -> None:
    """Every figure of each in its row, at any width; a rate says of how many it is one, of none is none."""
    stats = await stats_of(journal_of("complete"))
    charts = {chart.name: chart for chart in charts_of(stats, date(2026, 3, 4))}
    writer = stats.by_role[Role.CODE_WRITER]
    assert (writer.ended, writer.stood, writer.sent_back) == (5, 4, {"tests not green": 1})
    for width in (58, 78, 118):
        rows = plain(numbers_page(charts["roles"], stats, width)).split("\n")
        assert all(cells(row) <= width for row in rows)
        text = " ".join(rows)
        assert "success" in text and "80% of 5" in text and "tests not green 1" in text
        rows = plain(numbers_page(charts["projects"], stats, width)).split("\n")
        assert all(cells(row) <= width for row in rows)
        for view in stats.by_project:
            mine = " ".join(row for row in rows if row.startswith(view.name))
            assert words.money(view.cost_usd) in mine and words.duration(view.times.person) in mine
            ended = view.completed + view.failed + view.cancelled
            assert (f"{view.success_rate:.0%} of {ended}" if ended else "-") in mine
    fresh = await stats_of(journal_of("fresh"))
    for name in ("roles", "projects"):
        chart = next(chart for chart in charts_of(fresh, date(2026, 3, 4)) if chart.name == name)
        assert "%" not in plain(numbers_page(chart, fresh, 118)), "nothing has ended yet"
    twins = replace(stats, by_project=(stats.by_project[0],) * 2)
    twin = charts_of(twins, date(2026, 3, 4))[-1]
    assert twin.labels == twin.names == ("shop-api", "shop-api (2)")


async def test_escape_gives_up_counting(journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other keys and other screens work meanwhile; with figures there it stays, without it goes back."""
    step, may_go, begun = Progress.step, threading.Semaphore(0), list[Progress]()

    def slow(progress: Progress, count: int = 1) -> None:
        if progress not in begun:
            begun.append(progress)
        assert may_go.acquire(timeout=60)
        step(progress, count)

    async with running(journal_of("complete")) as (app, pilot):
        await in_statistics(app, pilot)
        monkeypatch.setattr(Progress, "step", slow)
        screen: Any = app.screen
        await press(app, pilot, "p")
        await until(pilot, lambda: "counting, 0 %, esc stops" in shown(app))
        await press(app, pilot, "7", "j", "question_mark")
        assert on(app) == "HelpScreen"
        await press(app, pilot, "escape")
        assert "TIME OF EACH ROLE" in shown(app) and screen.working
        await press(app, pilot, "escape")
        may_go.release()
        await until(pilot, lambda: not screen.working)
        assert on(app) == "StatisticsScreen" and "given up" in told(app) and "all projects" in shown(app)
        await press(app, pilot, "p")
        await until(pilot, lambda: len(begun) == 2)
        await press(app, pilot, "p")
        await until(pilot, lambda: len(begun) == 3)
        with pytest.raises(Stopped):
            step(begun[1])
        may_go.release(100)
        await counted(app, pilot)
        assert "project text-tools" in shown(app), "the second press outdoes the first"
        may_go.acquire(timeout=60)
        while may_go.acquire(blocking=False):
            pass
        await press(app, pilot, "escape", "s")
        await until(pilot, lambda: "counting, 0 %, esc stops" in shown(app))
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"
        may_go.release(100)


@pytest.mark.parametrize("colour", [True, False], ids=["colour", "plain"])
async def test_evil_names_of_projects_and_models_are_text(
    colour: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the axis, in the table and in the title; wide letters do not tear the axis."""
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    writer = await Writer.open(str(tmp_path / "qdeck.db"))
    hand = await writer.start(Path("/srv") / "x[red]東京", EVIL)
    await hand.begin()
    here = hand.workflow.attempt_id
    for name in (EVIL, "東京" * 9):
        writer.journal.reserve(hand.workflow_id, here, name, 1.0, lease=hand.lease, role=name)
        paid = {"cost_usd": 1.0, "prompt_tokens": 1, "completion_tokens": 1, "model": name}
        writer.journal.settle(hand.workflow_id, here, name, **paid)
    await writer.close()
    journal = Journal(tmp_path / "qdeck.db", hand.workflow_id, writer.clock.seconds())
    async with running(journal, size=(80, 24)) as (app, pilot):
        await in_statistics(app, pilot, "p", "4")
        assert_harmless(shown(app))
        assert "[bold red]markup" in shown(app) and "x[red]" in shown(app)


async def test_the_figures_are_searched(journal_of: JournalOf) -> None:
    """Words are found in the numbers below the chart; escape forgets them first, then leaves."""
    async with running(journal_of("complete")) as (app, pilot):
        await in_statistics(app, pilot, "7")
        await press(app, pilot, "slash", *"auditor", "enter")
        assert "match 1 of" in shown(app)
        await press(app, pilot, "n", "escape")
        assert on(app) == "StatisticsScreen" and "match" not in shown(app)
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"
