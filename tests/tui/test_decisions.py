"""Approve, retry and rollback: they do what they say, once, and never by accident."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.machine.states import EvidenceKind, State
from core.service import OrchestrationService
from screenshots.scenes import Journal, calm, shows_picture, until
from tests.tui.driving import (
    arm_now,
    armed,
    asked,
    deciding,
    on,
    ordered,
    press,
    running,
    shown,
    slow_to_arm,
    told,
)
from tui.app import QdeckApp
from tui.armed import GRACE
from tui.ink import plain
from tui.widgets.lines import Lines
from tui.widgets.page import Page

JournalOf = Callable[[str], Journal]


async def moves_of(journal: Journal, kind: str) -> list[str]:
    """The transitions of a kind in the journal."""
    service = await OrchestrationService.open(str(journal.path))
    events = await service.get_workflow_history(journal.workflow_id, limit=0)
    await service.close()
    return [e.data["transition"] for e in events if e.event_type == "moved" and e.data["kind"] == kind]


@pytest.mark.parametrize(
    ("stage", "target"), [("plan", State.HANDOFF_TO_CODER), ("review", State.HANDOFF_TO_RELEASER)]
)
async def test_a_twice_approves(stage: str, target: State, journal_of: JournalOf) -> None:
    """The first press shows what it rests on, the second gives the yes."""
    journal = journal_of(stage)
    async with running(journal) as (app, pilot):
        await press(app, pilot, "a")
        await shows_picture(app, pilot)
        assert "approve the" in shown(app)
        await armed(app, pilot)
        await press(app, pilot, "a")
        await until(pilot, lambda: on(app) == "BoardScreen")
        assert (await asked(journal)).state is target
        assert told(app) == f"You approved the {stage}."


async def test_a_yes_that_would_be_refused_is_dim_and_says_why(journal_of: JournalOf) -> None:
    """Files were edited after all that ran: the words are those of the refusal itself, shown and told."""
    journal = journal_of("stale")
    async with running(journal) as (app, pilot):
        await deciding(app, pilot, journal)
        refused = await ordered(journal, "advance_workflow")
        assert not refused.ok and "stale" in refused.text
        answers = app.screen.query_one("#answers", Lines)
        faint = answers.style_of("faint").color
        strip = answers.render_line(0)
        inks = {segment.text.strip(): segment.style.color for segment in strip if segment.style}
        assert inks["a"] == inks["approve the review"] == faint != inks["send back"]
        assert refused.text[:90] in shown(app)
        await press(app, pilot, "a")
        assert told(app) == refused.text and on(app) == "DecisionScreen"
    assert (await asked(journal)).waiting_for == "approval:review"


async def test_what_it_costs_is_seen_without_reading_on(journal_of: JournalOf) -> None:
    """Also at 80 columns: what a yes may use, what each way back throws away; a receipt is a line."""
    journal = journal_of("review")
    async with running(journal, size=(80, 24)) as (app, pilot):
        app.open_decision(journal.workflow_id)
        await shows_picture(app, pilot)
        text = shown(app)
        assert "so far $0.08 · on $1.92 left · back testing $0.02 6s · implement $0.07 57s" in text
        ran = [line for line in text.split("\n") if "running the tests on checkpoint 2" in line]
        assert "19 passed   1m  " in ran[0] and len(ran) == 1


async def test_what_a_decision_rests_on_is_searched(journal_of: JournalOf) -> None:
    """What is typed there is words, also an `a`; enter goes back to the page, where `a` is a yes again."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await deciding(app, pilot, journal)
        await press(app, pilot, "slash", *"bandit", "enter")
        assert "match 1 of" in shown(app) and on(app) == "DecisionScreen"
        await press(app, pilot, "escape")
        assert on(app) == "DecisionScreen" and "match" not in shown(app)
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"
    assert (await asked(journal)).waiting_for == "approval:review"


async def test_keys_that_were_typed_too_early_are_dropped(journal_of: JournalOf) -> None:
    """A held key or a buffered one approves nothing before half a second has gone by, nor does it later."""
    journal = journal_of("plan")
    with slow_to_arm():
        async with running(journal) as (app, pilot):
            await pilot.press("a", "a", "a", "a")
            await shows_picture(app, pilot)
            await press(app, pilot, "a", "a", "r", "b", "x")
            assert on(app) == "DecisionScreen"
            arm_now(app)
            await calm(pilot)
            assert on(app) == "DecisionScreen"
    assert (await asked(journal)).waiting_for == "approval:plan"


def test_half_a_second_goes_by_between_drawing_and_arming() -> None:
    """Long enough to see what is asked, short enough not to wait."""
    assert GRACE == 0.5


async def test_another_question_disarms_the_keys(journal_of: JournalOf) -> None:
    """What changes under the user's hands has to be read again before it can be answered."""
    journal = journal_of("plan")
    with slow_to_arm():
        async with running(journal) as (app, pilot):
            await press(app, pilot, "a")
            await shows_picture(app, pilot)
            arm_now(app)
            await ordered(journal, "set_budget", budget_usd=9.0)
            await until(pilot, lambda: app.screen.picture.view.budget_usd == 9.0)  # type: ignore[attr-defined]
            await press(app, pilot, "a")
            assert on(app) == "DecisionScreen"
    assert (await asked(journal)).waiting_for == "approval:plan"


async def test_a_decision_that_was_taken_elsewhere_closes(journal_of: JournalOf) -> None:
    """Nobody is left looking at a question that has its answer."""
    journal = journal_of("plan")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "a")
        await shows_picture(app, pilot)
        await ordered(journal, "advance_workflow")
        await until(pilot, lambda: on(app) == "BoardScreen")
        assert "decided elsewhere" in told(app)


async def test_a_decision_leads_to_diff_and_evidence(journal_of: JournalOf) -> None:
    """Looking closer is a key away, and so is the way back; then keys count anew."""
    journal = journal_of("review")
    with slow_to_arm():
        async with running(journal) as (app, pilot):
            await press(app, pilot, "a")
            await shows_picture(app, pilot)
            arm_now(app)
            for key, screen in (("d", "DiffScreen"), ("e", "EvidenceScreen")):
                await press(app, pilot, key)
                await shows_picture(app, pilot)
                assert on(app) == screen
                await press(app, pilot, "escape", "a")
                assert on(app) == "DecisionScreen"
    assert (await asked(journal)).state is State.VERIFICATION


async def test_talk_from_a_decision_goes_to_the_composer(journal_of: JournalOf) -> None:
    """What is unclear can be asked before deciding."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "a")
        await shows_picture(app, pilot)
        await press(app, pilot, "c")
        await until(pilot, lambda: on(app) == "WorkflowScreen")
        await calm(pilot)
        assert app.focused is not None and app.focused.id == "composer"


async def test_r_twice_sends_the_work_back_with_the_reason(journal_of: JournalOf) -> None:
    """The target is chosen, the reason written, the evidence does not count any more."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "r")
        await shows_picture(app, pilot)
        await press(app, pilot, "j", "e", *"Name the tests by what they show", "enter")
        await armed(app, pilot)
        await press(app, pilot, "r")
        await until(pilot, lambda: on(app) == "BoardScreen")
        view = await asked(journal)
        assert (view.state, view.attempt) == (State.TESTING, 3)
        assert view.last_refusal == "Name the tests by what they show"


async def test_a_retry_without_a_reason_asks_for_one(journal_of: JournalOf) -> None:
    """The next attempt has to know what should be different."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "r")
        await shows_picture(app, pilot)
        await armed(app, pilot)
        await press(app, pilot, "r")
        assert "Say in a sentence why" in told(app)
        assert (await asked(journal)).state is State.VERIFICATION


async def test_the_letter_r_in_the_reason_is_a_letter(journal_of: JournalOf) -> None:
    """Only the choice above decides, and after leaving the text the keys count anew."""
    journal = journal_of("review")
    with slow_to_arm():
        async with running(journal) as (app, pilot):
            await press(app, pilot, "r")
            await shows_picture(app, pilot)
            arm_now(app)
            await press(app, pilot, "e", *"rrr", "enter", "r")
            assert on(app) == "RetryScreen"
    assert (await asked(journal)).state is State.VERIFICATION


async def test_a_failed_attempt_can_be_tried_once_more(journal_of: JournalOf) -> None:
    """A failure never loses its phase, and is the reason to begin with."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "j", "r")
        await shows_picture(app, pilot)
        assert app.screen.reason.startswith("The model server answers 401")  # type: ignore[attr-defined]
        await press(app, pilot, "e", *"the key is set now", "enter")
        await armed(app, pilot)
        await press(app, pilot, "r")
        await until(pilot, lambda: on(app) == "BoardScreen")
        row = next(r for r in app.board.board.model.rows.values() if r.build_id == "B-0004")
        await until(pilot, lambda: app.board.board.model.rows[row.workflow_id].condition == "active")
        assert row.state == "planning"


async def test_a_rollback_asks_twice(journal_of: JournalOf) -> None:
    """The first key shows what is undone and asks again; the second one does it, half a second later."""
    journal = journal_of("review")
    with slow_to_arm():
        async with running(journal) as (app, pilot):
            await press(app, pilot, "b")
            await shows_picture(app, pilot)
            assert "checkpoint 0" in shown(app) and "no longer count" in shown(app)
            arm_now(app)
            await press(app, pilot, "y")
            assert "yes, roll back" not in shown(app), "y alone means nothing"
            await press(app, pilot, "b")
            assert "yes, roll back" not in shown(app) and "Say in a sentence why" in told(app)
            await press(app, pilot, *"The plan is wrong", "enter")
            arm_now(app)
            await press(app, pilot, "b")
            assert "yes, roll back to planning" in shown(app)
            await press(app, pilot, "y", "b", "y")
            assert on(app) == "RollbackScreen", "the second question has to be read too"
            assert (await asked(journal)).state is State.VERIFICATION
            arm_now(app)
            await press(app, pilot, "y")
            await until(pilot, lambda: on(app) == "BoardScreen")
            assert (await asked(journal)).state is State.PLANNING and "To take it back: h" in told(app)
            assert await moves_of(journal, "rollback") == ["T25"]
            # From now on the files of the base are the files of now, whatever was kept since.
            await press(app, pilot, "d")
            await shows_picture(app, pilot)
            assert "Nothing was changed yet" in shown(app)
            await press(app, pilot, "escape", "e", "slash", *"pytest", "enter")
            await shows_picture(app, pilot)
            assert "19 passed, exit 0" not in shown(app), "what ran on other files is stale"
            await press(app, pilot, "escape", "escape", "b")
            await shows_picture(app, pilot)
            text = plain(app.screen.query_one("#body", Page).lines)
            assert "comes back" in text and "undone" not in text, "nothing is undone twice"


async def test_another_target_takes_the_second_question_back(journal_of: JournalOf) -> None:
    """A yes is a yes to what was read."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "b")
        await shows_picture(app, pilot)
        await press(app, pilot, "e", *"why", "enter")
        await armed(app, pilot)
        await press(app, pilot, "b")
        assert "yes, roll back" in shown(app)
        await armed(app, pilot)
        await press(app, pilot, "j", "y")
        assert on(app) == "RollbackScreen"
        assert (await asked(journal)).state is State.VERIFICATION


@pytest.mark.parametrize("key", ["a", "r", "b"])
async def test_escape_leaves_everything_as_it_is(key: str, journal_of: JournalOf) -> None:
    """Not now is always an answer."""
    journal = journal_of("review")
    before = await asked(journal)
    async with running(journal) as (app, pilot):
        await press(app, pilot, key)
        await shows_picture(app, pilot)
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"
    assert (await asked(journal)).version == before.version


async def said_in(journal: Journal) -> dict[str, tuple[str, str]]:
    """What persons have said to findings, by key."""
    return {word.key: (word.verdict, word.reason) for word in (await asked(journal)).said}


async def test_single_findings_are_answered_one_by_one_with_a_reason(journal_of: JournalOf) -> None:
    """A number opens one, y or n answers it half a second later, and without a reason nothing is said."""
    journal = journal_of("asking")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "a")
        await shows_picture(app, pilot)
        await armed(app, pilot)
        text = shown(app)
        assert "YOUR OWN YES OR NO" in text and "3 open" in text and "skipped by this change" in text
        await press(app, pilot, "a")
        assert "A yes alone is no answer here" in told(app)
        await press(app, pilot, "1")
        await armed(app, pilot)
        await press(app, pilot, "s")
        assert on(app) == "ConfirmScreen", "no standing yes where none may be given"
        await press(app, pilot, "y", "enter")
        assert on(app) == "AskScreen", "without a reason nothing is accepted"
        await press(app, pilot, *"slow", "enter")
        await until(pilot, lambda: "2 open" in shown(app))
        assert await said_in(journal) == {"tests:skipped:7c1d": ("accepted", "slow")}
        await armed(app, pilot)
        await press(app, pilot, "2")
        assert "strike this hidden check" in shown(app)
        await armed(app, pilot)
        await press(app, pilot, "n", *"mend it", "enter")
        await until(pilot, lambda: "1 open" in shown(app))
        await armed(app, pilot)
        await press(app, pilot, "1")
        await armed(app, pilot)
        await press(app, pilot, "s", *"no tool", "enter")
        await until(pilot, lambda: on(app) == "BoardScreen")
    said = await said_in(journal)
    assert said["tests:hidden:5"] == ("declined", "mend it")
    assert said["tests:not-measured"] == ("accepted", "no tool")
    service = await OrchestrationService.open(str(journal.path))
    view = await service.get_workflow_status(journal.workflow_id)
    assert [y.key for y in await service.standing_yeses(view.project_id)] == ["tests:not-measured"]
    await service.close()


async def test_an_override_asks_says_what_it_means_and_wants_a_reason(journal_of: JournalOf) -> None:
    """Two questions and a reason; it stays loud on the card. Where nothing is red there is no such key."""
    journal = journal_of("asking")
    async with running(journal) as (app, pilot):
        await press(app, pilot, "a")
        await shows_picture(app, pilot)
        await armed(app, pilot)
        await press(app, pilot, "o")
        assert "on record for ever" in shown(app)
        await press(app, pilot, "escape")
        await armed(app, pilot)
        await press(app, pilot, "o")
        await armed(app, pilot)
        await press(app, pilot, "y", *"known and fine", "enter")
        await until(pilot, lambda: "known and fine" in _override(app, journal))
    view = await asked(journal)
    assert view.evidence[EvidenceKind.TESTS].overridden
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "a")
        await shows_picture(app, pilot)
        assert "override" not in shown(app)
        await armed(app, pilot)
        await press(app, pilot, "o")
        assert "nothing to override" in told(app)


def _override(app: QdeckApp, journal: Journal) -> str:
    row = app.board.board.model.rows[journal.workflow_id]
    return "known and fine" if row.condition != "waiting" else told(app)


async def test_a_rollback_names_every_file_and_leads_to_the_history(journal_of: JournalOf) -> None:
    """The checkpoints as a line in time, what becomes of each file, and how it is undone."""
    async with running(journal_of("review"), size=(80, 24)) as (app, pilot):
        await press(app, pilot, "b")
        await shows_picture(app, pilot)
        await until(pilot, lambda: "put back" in plain(app.screen.query_one("#body", Page).lines))
        text = plain(app.screen.query_one("#body", Page).lines)
        assert (
            "taken away          textkit/slug.py" in text
            and "as the base has it  textkit/__init__.py" in text
        )
        assert text.count("undone") == 2 and "comes back" in text and "fork" in text
        await press(app, pilot, "pagedown", "pagedown")
        assert "from there." in shown(app)
        await press(app, pilot, "pageup", "h")
        assert on(app) == "HistoryScreen"
        await press(app, pilot, "escape", "b", "y")
        assert on(app) == "RollbackScreen"
        await pilot.resize_terminal(60, 20)
        await calm(pilot)
        text = plain(app.screen.query_one("#body", Page).lines)
        assert text.count("undone      1m ago") == 2 and "comes back  3m ago" in text


async def test_a_title_that_is_too_long_says_that_it_goes_on(journal_of: JournalOf) -> None:
    """In the head of every screen that decides."""
    journal = journal_of("names")
    async with running(journal, size=(80, 24)) as (app, pilot):
        for how in ("decision", "retry", "rollback"):
            await deciding(app, pilot, journal, how)
            assert next(line for line in shown(app).split("\n") if "B-0006" in line).rstrip().endswith("…"), (
                how
            )
            await press(app, pilot, "escape")
