"""The workflow's own screen: panes, and the conversation in them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pygments import lexers
from pygments.lexer import Lexer

from core.journal.engine import EngineJournal
from core.machine.states import State
from screenshots.journal import Clock
from screenshots.scenes import PANES_SHOWN, Journal, calm, shows_picture, until
from tests.tui.driving import on, opened, ordered, press, running, shown, told
from tui.highlight import load_language
from tui.ink import plain
from tui.pages.notice import notice_of
from tui.pages.timeline import outcome_mark, timeline

JournalOf = Callable[[str], Journal]
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


def pane(app: object) -> str:
    """The pane that is in front."""
    return app.screen.pane  # type: ignore[attr-defined]


@SIZES
@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("1", "talk"),
        ("2", "plan"),
        ("3", "diff"),
        ("4", "tests"),
        ("5", "review"),
        ("6", "handoffs"),
        ("7", "cost"),
        ("8", "events"),
    ],
)
async def test_a_key_shows_its_pane(
    key: str, name: str, size: tuple[int, int], journal_of: JournalOf
) -> None:
    """Numbers go to a pane from wherever one is, at both sizes."""
    journal = journal_of("review")
    async with running(journal, size=size) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, key)
        assert pane(app) == name
        assert app.focused is not None and app.focused.region.width > 0


async def test_the_way_stands_at_the_left_where_there_is_room(journal_of: JournalOf) -> None:
    """Wide: phases with attempts, their outcome and duration, and handoffs; else, and zoomed, a ribbon."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        column, ribbon = app.screen.query_one("#timeline"), app.screen.query_one("#ribbon")
        lines = [" ".join(line.split()) for line in plain(column.lines).splitlines()]
        testing = lines.index("◉ testing 11:56")
        assert lines[testing - 1] == "▸ Test Auditor 11:56"
        assert lines[testing + 1 : testing + 4] == ["↶ retry 6s", "◉ at work 1m19s", "▹ Overseer"]
        assert column.region.x == 0 and column.region.right <= app.screen.query_one("#talk").region.x
        assert not ribbon.region
        await press(app, pilot, "z")
        assert ribbon.region and not column.region
        await press(app, pilot, "z")
        await pilot.resize_terminal(120, 22)
        await calm(pilot)
        assert "◉ testing" in shown(app)
        await pilot.resize_terminal(119, 40)
        await calm(pilot)
        assert ribbon.region and not column.region and "×2" in shown(app)
        await pilot.resize_terminal(60, 20)
        await calm(pilot)
        text = shown(app)
        assert "implement▸◉ testing▹○ verify▹○  " in text, "ahead a glyph is enough"
        assert "5 review  6  7  8" in text, "what does not fit is still there by its key"


async def test_a_handoff_is_told_at_its_own_time(journal_of: JournalOf) -> None:
    """A packet that went back to the same role later is another one."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        picture = app.screen.picture  # type: ignore[attr-defined]
        first = next(h for h in picture.handoffs if h.to_state is State.HANDOFF_TO_CODER)
        later = first.at + timedelta(hours=5)
        back = replace(first, to_state=State.IMPLEMENTATION, at=later, answered_at=None)
        whole = replace(picture, handoffs=(*picture.handoffs, back))
        assert plain(timeline(whole, 40, 0)) == plain(timeline(picture, 40, 0))


async def test_a_complete_build_says_where_it_landed(journal_of: JournalOf) -> None:
    """Whoever comes back to it looks for the merge first."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        picture = app.screen.picture  # type: ignore[attr-defined]
        landed = replace(picture.events[-1], text="merged into main as abc", data={"kind": "landed"})
        done = replace(
            picture,
            view=replace(picture.view, state=State.COMPLETE),
            events=(*picture.events, landed, picture.events[0]),
        )
        notice = notice_of(done, narrow=False)
        assert notice is not None
        assert plain(notice(100)) == "● complete  merged into main as abc; every piece of evidence counts"


async def test_the_help_tells_a_key_of_several_panes_once(journal_of: JournalOf) -> None:
    """What works in each pane is not read again for each."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "question_mark")
        lines = plain(app.screen.query_one("#page").lines).splitlines()
        assert sum("Go back to an earlier phase and restore its files." in line for line in lines) == 1
        assert "IN SEVERAL PLACES HERE" in lines[0] and any("IN THE CONVERSATION" in line for line in lines)


@pytest.mark.parametrize(
    ("outcome", "mark"), [("submitted", "●"), ("sent back", "↶"), ("asked", "◆"), ("failed", "✗")]
)
def test_how_an_attempt_ended_has_a_glyph(outcome: str, mark: str) -> None:
    """Colour alone says nothing."""
    assert outcome_mark(outcome)[0] == mark


async def test_brackets_go_round_the_panes(journal_of: JournalOf) -> None:
    """Forward through all, and back."""
    journal = journal_of("review")
    async with running(journal, size=(80, 24)) as (app, pilot):
        await opened(app, pilot, journal)
        seen = []
        for _ in PANES_SHOWN:
            await press(app, pilot, "right_square_bracket")
            seen.append(pane(app))
        assert seen == ["plan", "diff", "tests", "review", "handoffs", "cost", "events", "talk"]
        await press(app, pilot, "left_square_bracket")
        assert pane(app) == "events"


async def test_on_a_narrow_screen_one_pane_is_shown_at_a_time(journal_of: JournalOf) -> None:
    """At 80 columns talk and evidence take turns; at 120 they stand side by side."""
    journal = journal_of("review")
    async with running(journal, size=(80, 24)) as (app, pilot):
        await opened(app, pilot, journal)
        assert "EVIDENCE" not in shown(app) and "Verification Overseer" in shown(app)
        await press(app, pilot, "4")
        assert "EVIDENCE" in shown(app) and "Nothing new from the scanners" not in shown(app)
        await pilot.resize_terminal(120, 40)
        await calm(pilot)
        assert "EVIDENCE" in shown(app) and "Nothing new from the scanners" in shown(app)


async def test_zoom_gives_a_pane_the_whole_width(journal_of: JournalOf) -> None:
    """And gives it back."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal, "diff")
        assert "Nothing new from the scanners" in shown(app)
        await press(app, pilot, "z")
        assert "Nothing new from the scanners" not in shown(app)
        assert 'unicodedata.normalize("NFKD", plain)' in shown(app)
        await press(app, pilot, "z")
        assert "Nothing new from the scanners" in shown(app)


async def test_tool_calls_are_folded_to_a_line_and_can_be_opened(journal_of: JournalOf) -> None:
    """`o` shows what a tool was given and what it answered."""
    journal = journal_of("plan")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        talk = app.screen.query_one("#talk")
        assert "read  textkit/words.py  → " in talk.text and "def count_words" not in talk.text
        await press(app, pilot, "o")
        assert "def count_words(text)" in talk.text
        await press(app, pilot, "o")
        assert "def count_words" not in talk.text


async def test_live_words_appear_and_become_a_message(journal_of: JournalOf) -> None:
    """What streams is shown at once, and once only when the message is there."""
    journal = journal_of("testing")
    clock = Clock(datetime.fromtimestamp(journal.at, UTC))
    engine = EngineJournal(journal.url, clock=clock)
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        talk = app.screen.query_one("#talk")
        attempt = engine.workflow(journal.workflow_id).attempt_id
        engine.chunk(journal.workflow_id, attempt, "ch.\n\nEvery edge is **covered**.")
        await until(pilot, lambda: "Every edge is covered." in talk.text)
        clock.wait(1)
        words = "The suite is green. Every edge is **covered**."
        engine.add_message(journal.workflow_id, attempt, None, "said", "test_auditor", "text", words)
        await until(pilot, lambda: "The suite is green." in talk.text)
        assert talk.text.count("Every edge is covered.") == 1
    engine.close()


async def test_colours_of_code_are_loaded_where_no_key_waits(
    journal_of: JournalOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal's thread makes ready for a language, also when its name comes in two pieces."""
    journal = journal_of("testing")
    engine = EngineJournal(journal.url)
    loaded: list[tuple[str, bool]] = []
    usual = lexers.get_lexer_by_name

    def noted(name: str, **options: bool) -> Lexer:
        loaded.append((name, threading.current_thread() is threading.main_thread()))
        return usual(name, **options)

    monkeypatch.setattr(lexers, "get_lexer_by_name", noted)
    load_language.cache_clear()
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        talk = app.screen.query_one("#talk")
        attempt = engine.workflow(journal.workflow_id).attempt_id
        for piece in ("\n\n```has", "kell\nmain = 42\n"):
            engine.chunk(journal.workflow_id, attempt, piece)
        await until(pilot, lambda: "main = 42" in talk.text)
        await until(pilot, lambda: "main = 42" in shown(app))
    engine.close()
    assert ("haskell", False) in loaded
    assert not [name for name, waited in loaded if waited]


async def test_the_next_decision_opens_in_place(journal_of: JournalOf) -> None:
    """`n` goes on to the next workflow that needs the user, and escape to the board."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "n")
        await shows_picture(app, pilot)
        assert "Import customers from CSV" in shown(app)
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"


async def test_what_a_rollback_takes_back_is_struck(journal_of: JournalOf) -> None:
    """The words stay readable, and are marked as gone."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        talk = app.screen.query_one("#talk")
        assert "↶" not in talk.text
        answer = await ordered(journal, "rollback_workflow", target_state="planning", reason="again")
        assert answer.ok, answer.text
        await until(pilot, lambda: "↶ I write the module first" in talk.text)


async def test_words_are_found_and_copied(journal_of: JournalOf) -> None:
    """`/` finds in the pane in front, `n` and `N` go on, `y` copies, escape forgets; in both panes."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "slash", *"spelled out", "enter")
        talk = app.screen.query_one("#talk")
        assert "match" in shown(app) and "no match" not in shown(app)
        first = talk.line
        await press(app, pilot, "y")
        assert app.clipboard and "spelled out" in app.clipboard and "Copied 1 line" in told(app)
        await press(app, pilot, "n", "N")
        assert talk.line == first and on(app) == "WorkflowScreen"
        await press(app, pilot, "escape", "2", "ctrl+f", *"unicodedata", "enter", "n")
        assert "unicodedata" in app.screen.searched().found.needle
        await press(app, pilot, "escape", "escape")
        assert on(app) == "BoardScreen"


async def test_a_block_is_chosen_opened_and_copied_with_keys(journal_of: JournalOf) -> None:
    """`{` and `}` choose, enter opens the tool call, `y` copies what was said as it was written."""
    journal = journal_of("plan")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        talk = app.screen.query_one("#talk")
        await press(app, pilot, "K")
        await press(app, pilot, *["left_curly_bracket"] * 20, *["right_curly_bracket"] * 2)
        await press(app, pilot, "enter")
        assert "def count_words(text)" in talk.text
        await press(app, pilot, "y", "space")
        assert "def count_words" in app.clipboard and "def count_words" not in talk.text
        await press(app, pilot, "J", "y")
        assert app.clipboard.startswith("`slugify` becomes **five criteria**")


async def test_a_long_answer_costs_what_is_on_the_screen(journal_of: JournalOf) -> None:
    """Of 200 KB only what is near is drawn at once; the rest follows, and a resize keeps the place."""
    journal = journal_of("testing")
    engine = EngineJournal(journal.url)
    attempt = engine.workflow(journal.workflow_id).attempt_id
    said = "\n\n".join(f"Paragraph {n} of a long answer, with some words in it." for n in range(4_000))
    engine.add_message(journal.workflow_id, attempt, None, "long", "test_auditor", "text", said[:199_000])
    engine.close()
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        talk = app.screen.query_one("#talk")
        await until(pilot, lambda: "Paragraph 3500" in talk.text and talk.settled)
        await press(app, pilot, "slash", *"paragraph 2000 ", "enter")
        assert "Paragraph 2000 of" in shown(app)
        await pilot.resize_terminal(90, 30)
        await until(pilot, lambda: talk.settled)
        assert "Paragraph 20" in shown(app)
        assert sum(1 for _ in app.screen.walk_children()) < 60
