"""The board: its keys, its mouse, what is started from it, and that it follows the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.machine.states import Condition
from core.service import OrchestrationService
from screenshots.scenes import Journal, calm, make_app, ready, shows_picture, until
from tests.tui.driving import (
    arm_now,
    asked,
    on,
    ordered,
    press,
    running,
    shown,
    slow_to_arm,
    told,
    under_cursor,
)
from tui.board_model import DOWN, Group, Sort
from tui.legal import OPENING

JournalOf = Callable[[str], Journal]


@pytest.mark.parametrize(
    ("keys", "build"),
    [
        (("down",), "B-0004"),
        (("j", "j"), "B-0006"),
        (("j", "j", "k"), "B-0004"),
        (("G",), "B-0001"),
        (("end", "g"), "B-0007"),
        (("n",), "B-0004"),
        (("n", "n"), "B-0007"),
        (("pagedown",), "B-0001"),
        (("ctrl+d", "ctrl+u"), "B-0007"),
    ],
)
async def test_keys_move_the_cursor(keys: tuple[str, ...], build: str, journal_of: JournalOf) -> None:
    """Arrows and their vim twins go through all groups."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, *keys)
        assert under_cursor(app) == build


async def test_enter_opens_the_workflow_and_escape_comes_back(journal_of: JournalOf) -> None:
    """The board is where it was left."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "j", "enter")
        assert on(app) == "WorkflowScreen"
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen" and under_cursor(app) == "B-0004"


@pytest.mark.parametrize(
    ("key", "screen"),
    [
        ("a", "DecisionScreen"),
        ("r", "RetryScreen"),
        ("b", "RollbackScreen"),
        ("d", "DiffScreen"),
        ("e", "EvidenceScreen"),
        ("h", "HistoryScreen"),
        ("s", "StatisticsScreen"),
        ("x", "ConfirmScreen"),
        ("question_mark", "HelpScreen"),
        ("f1", "HelpScreen"),
        ("ctrl+n", "NewScreen"),
        ("ctrl+p", "Palette"),
        ("q", "ConfirmScreen"),
        ("ctrl+q", "ConfirmScreen"),
    ],
)
async def test_a_key_opens_its_screen_and_escape_closes_it(
    key: str, screen: str, journal_of: JournalOf, project: Path
) -> None:
    """Every key of the board leads somewhere, and back."""
    async with running(journal_of("review"), project) as (app, pilot):
        await press(app, pilot, key)
        assert on(app) == screen
        # In a text field the first escape only leaves the field.
        await press(app, pilot, "escape", *(["escape"] if key == "ctrl+n" else []))
        assert on(app) == "BoardScreen"


async def test_an_empty_board_names_the_key_to_press(journal_of: JournalOf) -> None:
    """A newcomer knows how to begin."""
    async with running(journal_of("empty")) as (app, _):
        text = shown(app)
        assert "ctrl+n" in text and "start a build" in text and "Q Assistant" in text


@pytest.mark.parametrize(
    ("rows_down", "key", "why"),
    [
        (2, "a", "missing: plan: there is none yet"),
        (1, "a", "B-0004 is failed"),
        (4, "a", "B-0003 is paused"),
        (6, "a", "B-0001 is complete"),
        (6, "r", "B-0001 is complete"),
        (5, "b", "B-0002 is cancelled"),
        (5, "x", "B-0002 is cancelled"),
        (6, "p", "B-0001 is complete"),
    ],
)
async def test_a_dim_key_says_why_not(rows_down: int, key: str, why: str, journal_of: JournalOf) -> None:
    """Pressing what is not legal now does nothing but explain itself."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, *["j"] * rows_down, key)
        await until(pilot, lambda: why in told(app))
        assert on(app) == "BoardScreen"


async def test_pause_and_go_on(journal_of: JournalOf) -> None:
    """The same key pauses, and lets go on."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        app.board.board.select(journal.workflow_id)
        await press(app, pilot, "p")
        await until(pilot, lambda: "paused" in told(app))
        assert (await asked(journal)).condition == "paused"
        await until(pilot, lambda: app.board.board.row.condition == "paused")
        await press(app, pilot, "p")
        await until(pilot, lambda: "goes on" in told(app))
        assert (await asked(journal)).condition == "active"


async def test_cancel_asks_before_it_cancels(journal_of: JournalOf) -> None:
    """One letter is not enough to end a build for good."""
    journal = journal_of("review")
    with slow_to_arm():
        async with running(journal) as (app, pilot):
            await press(app, pilot, "x", "y")
            assert on(app) == "ConfirmScreen", "a key before half a second counts nothing"
            arm_now(app)
            await press(app, pilot, "y")
            await until(pilot, lambda: "is cancelled" in told(app))
    assert (await asked(journal)).condition == "cancelled"


async def test_the_board_follows_what_others_do(journal_of: JournalOf) -> None:
    """A change that another process makes is on the screen without a key."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await ordered(journal, "pause")
        await until(pilot, lambda: "◆ 1 needs you" not in shown(app))
        assert app.board.board.model.rows[journal.workflow_id].condition == "paused"


async def test_a_click_selects_and_a_double_click_opens(journal_of: JournalOf) -> None:
    """The mouse does what the keys do."""
    async with running(journal_of("review")) as (app, pilot):
        await pilot.click("#board", offset=(20, 3))
        assert under_cursor(app) == "B-0004"
        await pilot.click("#board", offset=(20, 3), times=2)
        await calm(pilot)
        assert on(app) == "WorkflowScreen"


async def test_what_is_written_on_the_board_starts_a_build(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Q Assistant takes the words, in the project that the app was started in."""
    monkeypatch.setenv("QDECK_MODEL", "openai/gpt-5")
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-one")
    journal = journal_of("empty")
    async with running(journal, project) as (app, pilot):
        await press(app, pilot, "c", *"Add a README in German", "enter")
        await until(pilot, lambda: on(app) == "WorkflowScreen")
        await until(pilot, lambda: len(app.board.board.model.rows) == 1)
        row = next(iter(app.board.board.model.rows.values()))
        assert (row.title, row.project, row.state) == ("Add a README in German", "text-tools", "discovery")


async def test_words_typed_while_the_journal_opens_are_words(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line opens at once; only sending waits, and what was written stays in it."""
    app = make_app(journal_of("review"), project)
    monkeypatch.setattr(app.link, "start", lambda: None)
    async with app.run_test(size=(120, 40)) as pilot:
        await press(app, pilot, "c", *"x a quick plan")
        assert on(app) == "BoardScreen" and not told(app)
        await press(app, pilot, "enter")
        assert told(app) == OPENING
        assert "x a quick plan" in shown(app)
        assert app.focused is not None and app.focused.id == "composer"


@pytest.mark.parametrize("key", ["b", "x"])
async def test_a_word_in_passing_never_covers_a_question(key: str, journal_of: JournalOf) -> None:
    """On a small board one word at a time stands below what it is about, and goes when something is asked."""
    app = make_app(journal_of("review"), None)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await ready(app, pilot)
        await press(app, pilot, "ctrl+c", "j", "a")
        await until(pilot, lambda: "B-0004 is failed" in shown(app))
        assert len(app._notifications) == 1
        rows = [i for i, row in enumerate(shown(app).splitlines()) if "B-0004 is failed" in row]
        assert all(12 < row < 22 for row in rows)
        assert "The model server answ" in shown(app) and "✗▹○▹○▹○▹○  planning" in shown(app), "its own row"
        await press(app, pilot, "k", key)
        assert on(app) in ("RollbackScreen", "ConfirmScreen")
        assert not told(app) and "B-0004 is failed;" not in shown(app)


async def test_projects_are_ordered_filtered_and_shown_alone(journal_of: JournalOf, project: Path) -> None:
    """With several of them the board has a column and a key for it, told by their words; with one neither."""
    async with running(journal_of("review"), project, size=(80, 24)) as (app, pilot):
        model = app.board.board.model

        def shows() -> list[list[str]]:
            return [[model.rows[i].project for i in model.members(group)] for group in Group]

        names = model.projects()
        up = [sorted(projects) for projects in shows()]
        down = [projects[::-1] for projects in up]
        assert len(names) == 2 and up != down and shows() != up
        top = shown(app).split("\n")[1]
        await pilot.click(offset=(top.index("project") + 1, 1))
        assert (model.sort, model.turned, shows()) == (Sort.PROJECT, False, up)
        assert f"project {DOWN}" in shown(app)
        top = shown(app).split("\n")[2]
        await pilot.click(offset=(top.index("project") + 1, 2))
        assert model.turned and shows() == down
        await press(app, pilot, "O", "o")
        assert (model.sort, model.turned, shows()) == (Sort.PROJECT, False, up)
        hints = {hint.key: hint.label for hint in app.board.hints()}
        assert (hints["P"], hints["o"], hints["/"]) == ("project", "order", "filter")
        await press(app, pilot, "P")
        assert (
            {name for row in shows() for name in row} == {names[0]}
            and "─ project" not in shown(app)
            and names[0] in shown(app)
        )
        await press(app, pilot, "P", "P", "slash", *names[1], "enter")
        assert model.project == "" and {name for row in shows() for name in row} == {names[1]}


async def test_escape_leaves_the_chat_and_keeps_the_words(journal_of: JournalOf, project: Path) -> None:
    """Nothing that was written is lost by looking elsewhere."""
    async with running(journal_of("review"), project) as (app, pilot):
        await press(app, pilot, "c", *"half a th", "escape", "j", "c", *"ought")
        assert "half a thought" in shown(app)


async def test_without_a_project_the_way_is_told(journal_of: JournalOf, tmp_path: Path) -> None:
    """Outside of a repository a request has nowhere to go, and the app says so."""
    async with running(journal_of("empty"), tmp_path) as (app, pilot):
        app.project = None
        await press(app, pilot, "c", *"x", "enter")
        assert "ctrl+n" in told(app) and on(app) == "BoardScreen"


async def test_two_apps_on_one_journal_stay_equal_and_approve_once(journal_of: JournalOf) -> None:
    """Both press approve: the build moves once, and both boards come to the same."""
    journal = journal_of("plan")
    async with running(journal) as (one, first), running(journal) as (two, second):
        for app, pilot in ((one, first), (two, second)):
            await pilot.press("a")
            await until(pilot, lambda app=app: getattr(app.screen, "picture", None) is not None)
            await until(pilot, lambda app=app: app.screen.armed())
        await first.press("a")
        await second.press("a")
        rows = one.board.rows_list.model.rows
        await until(first, lambda: rows[journal.workflow_id].state != "planning")
        await until(second, lambda: two.board.rows_list.model.rows == one.board.rows_list.model.rows)
    service = await OrchestrationService.open(str(journal.path))
    events = await service.get_workflow_history(journal.workflow_id, limit=0)
    await service.close()
    left = [e for e in events if e.event_type == "moved" and e.data.get("source") == "planning"]
    assert len(left) <= 1 and sum(e.event_type == "approved" for e in events if "plan" in e.text) <= 1
    assert any(e.event_type == "moved" and "coder" in str(e.data) for e in events)


@pytest.mark.parametrize("where", ["decision", "history", "statistics", "settings"])
async def test_n_goes_to_the_next_decision_from_anywhere(where: str, journal_of: JournalOf) -> None:
    """Also from screens that know nothing of workflows; never to the one that is on the screen."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        app.board.board.select(journal.workflow_id)
        if where == "settings":
            app.action_settings()
        else:
            getattr(app, f"open_{where}")(*[journal.workflow_id] * (where != "statistics"))
        await until(pilot, lambda: on(app) == f"{where.capitalize()}Screen")
        if where in ("decision", "history"):
            await shows_picture(app, pilot)
        await calm(pilot)
        await press(app, pilot, "n")
        await shows_picture(app, pilot)
        assert on(app) == "WorkflowScreen"
        row = app.board.board.model.rows[app.screen.workflow_id()]
        assert row.condition in (Condition.WAITING, Condition.FAILED)
        assert app.screen.workflow_id() != journal.workflow_id or where not in ("decision", "history")


async def test_the_window_says_how_many_need_you(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written when the number changes, and with nothing else in it."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        written: list[str] = []
        monkeypatch.setattr(app.watcher, "write", written.append)
        answer = await ordered(journal, "cancel")
        assert answer.ok, answer.text
        await until(pilot, lambda: bool(written))
        assert written == ["\x1b]2;◆ 1 · qdeck\x1b\\"]
        row = app.board.board.model.rows[journal.workflow_id]
        app.watcher.saw([replace(r, condition="active") for r in app.board.board.model.rows.values()])
        app.watcher.saw([replace(row, condition="active", version=99)])
        assert written[1:] == ["\x1b]2;qdeck\x1b\\"]


@pytest.mark.parametrize("where", ["board chat", "workflow chat", "question", "decision"])
async def test_f8_goes_to_the_next_decision_also_while_something_is_written(
    where: str, journal_of: JournalOf
) -> None:
    """Where `n` is a letter another key does it, the hints tell it, and nothing that was written is lost."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        app.board.board.select(journal.workflow_id)
        keys = {"board chat": "c", "workflow chat": "enter c", "question": "x", "decision": "a"}[
            where
        ].split()
        for key in keys:
            await press(app, pilot, key)
            await until(pilot, lambda: getattr(app.screen, "picture", True) is not None)
        depth = len(app.screen_stack)
        if "chat" in where:
            await press(app, pilot, *"new plan")
        assert "f8 next" in shown(app) or where in ("question", "decision")
        await press(app, pilot, "n" if where == "decision" else "f8")
        await shows_picture(app, pilot)
        assert on(app) == "WorkflowScreen"
        if where in ("decision", "workflow chat"):
            assert "Import customers" in shown(app) and len(app.screen_stack) == depth, "it takes its place"
        else:
            await press(app, pilot, "escape")
            assert ("new plan" if "chat" in where else "keep it") in shown(app)
