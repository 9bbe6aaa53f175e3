"""History: the past of a workflow and of the board, under the arrow keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core.machine.states import State
from core.progress import Progress
from core.service import OrchestrationService
from core.service.past import Past
from screenshots.journal import PERSON, Writer
from screenshots.scenes import Journal, calm, shows_picture, until
from tests.tui.driving import armed, on, opened, ordered, press, running, shown, told
from tests.tui.evil import assert_harmless
from tui.app import QdeckApp
from tui.screens.ask import AskScreen
from tui.screens.confirm import Choice, ConfirmScreen
from tui.screens.history import HistoryScreen
from tui.widgets.listing import Listing
from tui.words import FORK

JournalOf = Callable[[str], Journal]


async def in_history(app: QdeckApp, pilot: Pilot[int], *keys: str) -> None:
    """Open the history with a key, wait for it, and press more."""
    if on(app) != "HistoryScreen":
        await press(app, pilot, "h")
    await shows_picture(app, pilot)
    await settled(app, pilot)
    for key in keys:
        await press(app, pilot, key)
    await settled(app, pilot)


async def settled(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Wait until what is shown belongs to the event under the cursor."""
    await until(pilot, lambda: getattr(app.screen, "settled", True))
    await calm(pilot)


def event(app: QdeckApp) -> int:
    """The event under the cursor, as people count."""
    return app.screen.query_one("#events", Listing).cursor + 1


async def test_h_opens_the_history_at_its_end_and_escape_closes_it(journal_of: JournalOf) -> None:
    """From the board and from the workflow; the end is now, not the past."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await in_history(app, pilot)
        assert " NOW " in shown(app) and " PAST " not in shown(app) and event(app) == 47
        assert "needs you: approve the review" in shown(app) and "look at it" not in shown(app), "no dead key"
        assert any("▌" in line and " 47 " in line for line in shown(app).split("\n")), (
            "the newest is in sight"
        )
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"
        await opened(app, pilot, journal)
        await in_history(app, pilot, "q")
        assert on(app) == "WorkflowScreen"


async def test_every_key_goes_through_the_events(journal_of: JournalOf) -> None:
    """Arrows and their vim twins by one, brackets by move, pages, and the ends."""
    async with running(journal_of("review")) as (app, pilot):
        await in_history(app, pilot)
        seen = []
        moves = ["left_square_bracket", "left_square_bracket", "right_square_bracket"]
        ends = ["g", "j", "down", "home", "G", "pageup", "pagedown", "end"]
        for key in ["k", "up", "left", "right", *moves, *ends]:
            await press(app, pilot, key)
            seen.append(event(app))
        assert seen[:11] == [46, 45, 44, 45, 43, 40, 43, 1, 2, 3, 1]
        assert seen[11] == 47 and seen[12] < 30 and seen[13:] == [47, 47]


async def test_the_workflow_is_drawn_as_it_was(journal_of: JournalOf) -> None:
    """Its state, what counted, what was spent and said: nothing of what came later."""
    async with running(journal_of("review")) as (app, pilot):
        await in_history(app, pilot, "g", *["j"] * 7)
        text = shown(app)
        assert event(app) == 8 and " PAST " in text and "event 8 of 47" in text
        assert "3 tasks, 5 proofs" in text and "2 of 6" in text and "$0.01 of $2.00" in text
        assert "19 passed" not in text.split("WHAT COUNTED THEN")[1]
        assert "A module of its own, its tests beside it" in text and "ß" not in text.split("SAID")[1]


async def test_the_board_is_drawn_as_it_was(journal_of: JournalOf) -> None:
    """All of it, at that moment; v and tab go to it and back."""
    journal = journal_of("complete")
    async with running(journal) as (app, pilot):
        app.open_history(journal.workflow_id)
        await in_history(app, pilot, "v")
        assert "B-0007" in shown(app) and "DONE" in shown(app) and "complete · text-tools" in shown(app)
        await press(app, pilot, "g")
        await settled(app, pilot)
        assert "complete · text-tools" not in shown(app) and "Import customers" in shown(app)
        await press(app, pilot, "tab")
        assert "WHAT COUNTED THEN" in shown(app)


async def test_a_search_goes_from_match_to_match(journal_of: JournalOf) -> None:
    """/ finds, n and N go on, the first escape forgets, the second closes."""
    async with running(journal_of("review")) as (app, pilot):
        await in_history(app, pilot, "g", "slash", *"checkpoint", "enter")
        assert event(app) == 3 and "match 1 of 3" in shown(app)
        await press(app, pilot, "n")
        assert event(app) == 18
        await press(app, pilot, "N", "N")
        assert event(app) == 30 and "match 3 of 3" in shown(app)
        await press(app, pilot, "escape")
        assert "match" not in shown(app) and on(app) == "HistoryScreen"
        await press(app, pilot, "N", "escape")
        assert "Nothing is being looked for" in told(app) and on(app) == "BoardScreen"


async def test_c_verifies_the_chain(journal_of: JournalOf) -> None:
    """And says how many events it went through."""
    async with running(journal_of("review")) as (app, pilot):
        await in_history(app, pilot, "c")
        await until(pilot, lambda: "The chain is whole: 47 events" in told(app))


async def test_a_workflow_that_goes_on_keeps_the_past_under_the_cursor(journal_of: JournalOf) -> None:
    """New events come at the end; whoever looks at the past stays there, whoever is at the end goes along."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await in_history(app, pilot)
        service = await OrchestrationService.open(str(journal.path))
        version = (await service.get_workflow_status(journal.workflow_id)).version
        await service.advance_workflow(journal.workflow_id, by=PERSON, expected_version=version)
        await until(pilot, lambda: event(app) > 47)
        end = event(app)
        await press(app, pilot, "g")
        version = (await service.get_workflow_status(journal.workflow_id)).version
        await service.pause(journal.workflow_id, by=PERSON, expected_version=version)
        await service.close()
        await until(pilot, lambda: app.screen.query_one("#events", Listing).count > end)
        assert event(app) == 1


async def test_thousands_of_events_are_folded_once(tmp_path: Path) -> None:
    """Holding a key asks the journal nothing; each moment is shown from what was folded at the beginning."""
    writer = await Writer.open(str(tmp_path / "qdeck.db"))
    hand = await writer.start(Path("/srv/x"), "Count to a thousand")
    await hand.begin()
    for n in range(1_000):
        hand.clock.wait(1)
        await hand.service.set_budget(
            hand.workflow_id, by=PERSON, expected_version=n + 2, budget_usd=float(n)
        )
    await writer.close()
    journal = Journal(tmp_path / "qdeck.db", hand.workflow_id, writer.clock.seconds())
    async with running(journal) as (app, pilot):
        await in_history(app, pilot)
        assert event(app) == 1002
        past = app.screen._past  # type: ignore[attr-defined]
        await pilot.press(*["pageup"] * 5, *["k"] * 30)
        await settled(app, pilot)
        assert app.screen._past is past  # type: ignore[attr-defined]
        assert f"of ${event(app) - 3:.2f}" in shown(app)


async def test_evil_events_are_shown_as_text(journal_of: JournalOf) -> None:
    """No event, word or title of the past is markup, an escape or a control character."""
    journal = journal_of("evil lines")
    async with running(journal) as (app, pilot):
        await in_history(app, pilot)
        for key in ("k", "k", "k", "k", "v", "v", "g"):
            await press(app, pilot, key)
            await settled(app, pilot)
            assert_harmless(shown(app))
        assert "[bold red]markup[/]" in shown(app)


async def test_a_state_of_the_past_is_no_state_of_now(journal_of: JournalOf) -> None:
    """Looking moves nothing."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await in_history(app, pilot, "g", "a", "r", "b", "x", "p")
        assert on(app) == "HistoryScreen"
    service = await OrchestrationService.open(str(journal.path))
    assert (await service.get_workflow_status(journal.workflow_id)).state is State.VERIFICATION
    await service.close()


async def test_f_begins_a_new_build_from_the_event_under_the_cursor(journal_of: JournalOf) -> None:
    """It asks once, and not twice; the new build is opened, linked to this one, which stays as it was."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await in_history(app, pilot, "g", *["j"] * 17, "f")
        assert on(app) == "ConfirmScreen" and "Fork B-0007 after event 18?" in shown(app)
        assert "begins in implementation with the files" in shown(app)
        await press(app, pilot, "escape", "f")
        await armed(app, pilot)
        await press(app, pilot, "f")
        await until(pilot, lambda: on(app) == "WorkflowScreen")
        await shows_picture(app, pilot)
        view = app.screen.picture.view  # type: ignore[attr-defined]
        assert (view.build_id, view.parent_build_id, view.parent_event) == ("B-0008", "B-0007", 18)
        assert view.state is State.IMPLEMENTATION
        assert "fork of B-0007" in shown(app).splitlines()[0]
        await press(app, pilot, *["escape"] * 3)
        await until(pilot, lambda: on(app) == "BoardScreen" and f"B-0008  {FORK} B-0007" in shown(app))
        assert shown(app).count(FORK) == 1
        await press(app, pilot, "v")
        assert f"B-0008 {FORK}" in shown(app)


async def test_a_question_shows_all_its_answers_however_long_it_is(journal_of: JournalOf) -> None:
    """None of them lies below the edge of its box, whatever the text comes to."""
    async with running(journal_of("review")) as (app, pilot):
        for words in range(1, 60, 2):
            text = " ".join("abcdefg"[: 1 + i % 7] for i in range(words))
            await app.push_screen(ConfirmScreen("Sure?", text, (Choice("escape", "not now"),)))
            await calm(pilot)
            assert app.screen.query_one("#question").max_scroll_y == 0, text
            await press(app, pilot, "escape")
        # What it is about may be the name of a test.
        name = f"tests/{'deep/' * 12}test_it.py::test_the_end"
        for question in (ConfirmScreen(name, "Sure?", ()), AskScreen(name, "Why?")):
            await app.push_screen(question)
            await calm(pilot)
            assert "test_the_end" in shown(app)
            await press(app, pilot, "escape")


async def test_what_happens_while_the_past_is_read_belongs_to_it(journal_of: JournalOf) -> None:
    """The newest moment is its own, and not the one before it."""
    journal, go_on = journal_of("testing"), threading.Event()
    async with running(journal) as (app, pilot):
        service: Any = app.link._service
        usual = service.past

        async def slow(workflow_id: str) -> Past:
            found: Past = await usual(workflow_id)
            assert await asyncio.to_thread(go_on.wait, 60)
            return found

        service.past = slow
        app.open_history(journal.workflow_id)
        await until(pilot, lambda: getattr(app.screen, "picture", None) is not None)
        history: Any = app.screen
        before = len(history.picture.events)
        assert (await ordered(journal, "pause")).ok
        await until(pilot, lambda: len(history.picture.events) > before)
        go_on.set()
        await until(pilot, lambda: history._past is not None and len(history._past.moments) > before)
        await press(app, pilot, "end")
        assert "paused" in shown(app)


async def test_a_board_of_then_that_comes_too_late_goes_nowhere(journal_of: JournalOf) -> None:
    """Who has left the history has left its board too."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        app.open_history(journal.workflow_id)
        await shows_picture(app, pilot)
        await press(app, pilot, "v")
        history = app.screen
        assert isinstance(history, HistoryScreen)
        await press(app, pilot, "escape")
        await until(pilot, lambda: on(app) == "BoardScreen" and not history.is_attached)
        await history._ask_board(0)


def files_in(folder: Path) -> list[str]:
    """The names of all files, hidden ones too."""
    return [path.name for path in folder.iterdir()]


async def test_long_work_shows_how_far_it_is_and_escape_ends_it(
    journal_of: JournalOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thing at a time; given up, a dossier leaves no file behind, not even the one being written."""
    folder = tmp_path / "out"
    folder.mkdir()
    step, may_go, work = Progress.step, threading.Semaphore(0), "verify"

    def slow(progress: Progress, count: int = 1) -> None:
        # The last steps of the dossier are those in which the file is there already.
        if work == "verify" or files_in(folder):
            assert may_go.acquire(timeout=60)
        step(progress, count)

    monkeypatch.setattr(Progress, "step", slow)
    async with running(journal_of("review")) as (app, pilot):
        await in_history(app, pilot, "c")
        screen: Any = app.screen
        await until(pilot, lambda: "going through the events, 0 %, esc stops" in shown(app))
        await press(app, pilot, "w")
        assert on(app) == "HistoryScreen" and "One after the other" in told(app)
        await press(app, pilot, "escape")
        may_go.release()
        await until(pilot, lambda: not screen.working)
        assert "given up" in told(app) and "esc stops" not in shown(app) and on(app) == "HistoryScreen"
        work = "export"
        await press(app, pilot, "w", "ctrl+u", *str(folder / "b.json"), "enter")
        await until(pilot, lambda: files_in(folder) != [] and "writing the dossier, 9" in shown(app))
        assert "b.json" not in files_in(folder)
        await press(app, pilot, "escape")
        may_go.release()
        await until(pilot, lambda: not screen.working)
        assert "nothing of it is left" in told(app) and not files_in(folder)


async def test_w_writes_the_dossier_where_the_user_says(journal_of: JournalOf, tmp_path: Path) -> None:
    """A name is asked for; a file that is there is not written over, and that is said."""
    async with running(journal_of("review")) as (app, pilot):
        await in_history(app, pilot, "w")
        assert on(app) == "AskScreen"
        await press(app, pilot, "escape", "w", "ctrl+u", *str(tmp_path / "b.json"), "enter")
        await until(pilot, lambda: "Written" in told(app))
        assert (tmp_path / "b.json").stat().st_size > 1_000
        await press(app, pilot, "w", "ctrl+u", *str(tmp_path / "b.json"), "enter")
        await until(pilot, lambda: "is there already" in told(app))
        await press(app, pilot, "w", "ctrl+u", *"~nobody-at-all/b.json", "enter")
        await until(pilot, lambda: "Nobody here is called nobody-at-all." in told(app))
        assert on(app) == "HistoryScreen"
