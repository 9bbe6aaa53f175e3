"""What the board shows of its rows: filtered, ordered, of one project, as columns; and that it stays so."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.machine.commands import Authority
from core.machine.states import PHASES
from core.service import OrchestrationService
from screenshots.journal import Clock
from screenshots.scenes import Journal, calm, until
from tests.tui.driving import on, press, running, shown, told, under_cursor

JournalOf = Callable[[str], Journal]


async def test_the_filter_shows_matching_rows_and_escape_shows_all(journal_of: JournalOf) -> None:
    """Every word has to be in the row."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "slash", *"toml")
        assert "Migrate the settings" in shown(app) and "slugify" not in shown(app)
        assert "filter  toml  1 of 7" in shown(app), "nobody wonders where the others are"
        await press(app, pilot, "enter", "escape")
        assert "slugify" in shown(app) and "1 of 7" not in shown(app)


@pytest.mark.parametrize("keys", [("slash", *"toml", "enter"), ("v", "slash", *"toml", "enter"), ("P",)])
async def test_n_shows_what_a_filter_hides_before_keys_act_on_it(
    keys: tuple[str, ...], journal_of: JournalOf
) -> None:
    """The cursor is never on a row that cannot be seen."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, *keys)
        hidden = "B-0007" not in shown(app)
        assert hidden
        await press(app, pilot, "n", "n")
        assert {"B-0004", "B-0007"} <= set(shown(app).split()), "both that need the user"
        assert under_cursor(app) in ("B-0004", "B-0007")


async def test_a_filter_that_matches_nothing_says_so(journal_of: JournalOf) -> None:
    """An empty board is never without a word."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "slash", *"zzz")
        assert "No workflow matches zzz" in shown(app)


async def test_letters_in_the_filter_are_letters(journal_of: JournalOf) -> None:
    """Typing a, r, b or x into a field decides nothing."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "slash", *"arbxpn")
        assert on(app) == "BoardScreen"
        assert not told(app)


async def test_the_order_goes_round_and_is_shown(journal_of: JournalOf) -> None:
    """`o` takes the next order, `O` the one before; a click on its name does the same."""
    async with running(journal_of("review")) as (app, pilot):
        assert "oldest" not in shown(app)
        await press(app, pilot, "o")
        assert app.board.board.model.order()[:2] != [] and "oldest" in shown(app)
        assert under_cursor(app) == "B-0007"
        await press(app, pilot, "g")
        assert under_cursor(app) == "B-0004"
        await pilot.click("#order", offset=(shown(app).splitlines()[1].index("name") + 1, 0))
        await calm(pilot)
        assert app.board.board.model.sort.name == "NAME"
        await press(app, pilot, "O", "O", "O", "O")
        assert app.board.board.model.sort.name == "NEWEST"


@pytest.mark.parametrize("width", [80, 160])
async def test_a_click_on_the_name_of_a_column_orders_by_it(width: int, journal_of: JournalOf) -> None:
    """Once more turns the order round; the name says which way it goes, above what it names."""
    journal = journal_of("review")
    async with running(journal, size=(width, 40)) as (app, pilot):
        model = app.board.board.model
        for label, orders in (("cost", "COST"), ("phase", "PHASE"), ("name", "NAME"), ("age", "NEWEST")):
            for mark, turned in (("─", None), ("▾", False), ("▴", True)):
                y, row = next((y, r) for y, r in enumerate(shown(app).splitlines()) if "NEEDS YOU" in r)
                assert f" {label} {mark}" in row and ("▾" in row) + ("▴" in row) == 1
                if turned is not None:
                    by = ("OLDEST" if turned else "NEWEST") if label == "age" else orders
                    assert (model.sort.name, model.turned) == (by, turned and label != "age")
                if mark != "▴":
                    await pilot.click(
                        "#board", offset=(row.index(f" {label}") + 2, y - app.board.board.region.y)
                    )
                    await calm(pilot)
        shown_rows = shown(app).splitlines()
        age = next(r for r in shown_rows if "B-0" in r).rstrip(" │▌█▁▂▃▄▅▆▇")
        heading = next(r for r in shown_rows if "NEEDS YOU" in r)
        assert heading.rindex("▴") + 1 == len(age)
        await press(app, pilot, "o", "o", "ctrl+o")
        last, turned = (model.sort, model.turned), model.turned
        app.exit(0)
    async with running(journal) as (app, pilot):
        assert (app.board.board.model.sort, app.board.board.model.turned) == last and turned


async def test_one_project_is_shown_and_then_all_again(journal_of: JournalOf) -> None:
    """`P` goes through the projects; what needs the user is found all the same."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "P")
        assert "slugify" not in shown(app) and "shop-api" in shown(app)
        await press(app, pilot, "P")
        assert "slugify" in shown(app) and "CSV" not in shown(app)
        await press(app, pilot, "P")
        assert "slugify" in shown(app) and "CSV" in shown(app)


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)], ids=["60x20", "80x24", "120x40"])
async def test_columns_by_phase_take_the_same_keys(size: tuple[int, int], journal_of: JournalOf) -> None:
    """`v` shows columns: arrows go through them, enter opens, a click selects, `v` shows the list again."""
    async with running(journal_of("review"), size=size) as (app, pilot):
        await press(app, pilot, "v")
        assert "verification 1" in shown(app) and under_cursor(app) == "B-0007"
        # At 80 columns four fit, and four hold something: empty ones between them give way.
        names = [name for name in PHASES if f"{name} " in shown(app)]
        assert size[0] != 80 or (names == ["planning", "testing", "verification"] and "done 2" in shown(app))
        await press(app, pilot, "left")
        assert under_cursor(app) == "B-0005"
        await press(app, pilot, "j")
        assert under_cursor(app) == "B-0003"
        await press(app, pilot, "left", "k")
        assert under_cursor(app) in ("B-0004", "B-0006")
        await press(app, pilot, "n")
        assert under_cursor(app) in ("B-0004", "B-0007")
        await press(app, pilot, "enter")
        assert on(app) == "WorkflowScreen"
        await press(app, pilot, "escape", "v")
        assert "NEEDS YOU" in shown(app)


async def test_the_next_start_finds_the_board_as_it_was_left(journal_of: JournalOf) -> None:
    """View, order, project, filter and selection come back, and what is filtered is told."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "v", "o", "o", "slash", *"t", "enter", "left")
        left = under_cursor(app)
        app.exit(0)
    async with running(journal) as (app, pilot):
        await until(pilot, lambda: app.board.has_class("-columns"))
        await calm(pilot)
        model = app.board.board.model
        assert (model.sort.name, model.pattern, under_cursor(app)) == ("PHASE", "t", left)
        assert "filter  t  " in shown(app)
        await press(app, pilot, "slash", "x", "escape")
        assert not model.pattern
    (Path(os.environ["QDECK_HOME"]) / "data" / "board.json").write_text("{broken")
    async with running(journal) as (app, _):
        assert "NEEDS YOU" in shown(app)


async def test_a_row_says_what_is_left_of_its_deadline(journal_of: JournalOf) -> None:
    """And that it is late, in a word and a glyph, once it is."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        service = await OrchestrationService.open(
            str(journal.path), clock=Clock(datetime.fromtimestamp(journal.at, UTC))
        )
        view = await service.get_workflow_status(journal.workflow_id)
        ada = Authority.person("ada")
        answer = await service.set_deadlines(
            journal.workflow_id, by=ada, expected_version=view.version, limits={"workflow": 4 * 3600}
        )
        await service.close()
        assert answer.ok, answer.text
        await until(pilot, lambda: "due 3h" in shown(app))
        await press(app, pilot, "v")
        assert "due 3h" in shown(app)
        await press(app, pilot, "v")
        row = app.board.board.model.rows[journal.workflow_id]
        app.board.update_rows([replace(row, due_at=journal.at - 150, version=99)], complete=False)
        await calm(pilot)
        assert "✗ late 2m" in shown(app)
