"""The chat of a workflow: what is written, pasted, completed and sent there, and what escape does in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from textual import events
from textual.pilot import Pilot

from core.journal.engine import EngineJournal
from core.roles.briefs import said
from core.service import OrchestrationService
from core.text import READ_LIMIT
from screenshots.scenes import Journal, calm, until
from tests.tui.driving import on, opened, press, running, shown, told
from tests.tui.evil import assert_harmless
from tui.app import QdeckApp
from tui.remembered import KEPT, LARGEST, Remembered
from tui.widgets.attached import Attached
from tui.widgets.composer import LONGEST, Composer
from tui.widgets.conversation import Conversation
from tui.words import bulk_of

JournalOf = Callable[[str], Journal]


async def test_the_chat_says_how_to_get_there_only_to_who_is_elsewhere(journal_of: JournalOf) -> None:
    """The key that leads to it is no advice for who writes in it already."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        composer = app.screen.query_one("#composer", Composer)
        assert composer.placeholder == "press c to talk about it before you decide"
        await press(app, pilot, "c")
        assert composer.placeholder == "write about it before you decide"
        await press(app, pilot, "escape")
        assert composer.placeholder.startswith("press c")


async def test_what_is_written_reaches_the_role(journal_of: JournalOf) -> None:
    """The words are in the journal, and in the conversation."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c", *"Mind the ", "ctrl+j", *"Dutch ij", "enter")
        talk = app.screen.query_one("#talk")
        await until(pilot, lambda: "▎ Dutch ij" in talk.text)
        service = await OrchestrationService.open(str(journal.path))
        message = (await service.messages(journal.workflow_id))[-1]
        await service.close()
        assert (message.author, message.text) == ("person:ada", "Mind the \nDutch ij")


async def test_a_letter_in_the_composer_decides_nothing(journal_of: JournalOf) -> None:
    """Approve, retry, rollback and cancel are letters there."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c", *"arbxpq123[]")
        assert on(app) == "WorkflowScreen"
        assert app.screen.query_one("#composer").text == "arbxpq123[]"


async def test_the_arrow_brings_back_what_was_sent(journal_of: JournalOf) -> None:
    """The composer remembers."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c", *"first", "enter", *"second", "enter", "up", "up")
        composer = app.screen.query_one("#composer")
        assert composer.text == "first"
        await press(app, pilot, "down")
        assert composer.text == "second"


async def test_what_was_sent_is_there_after_a_restart(journal_of: JournalOf, project: Path) -> None:
    """In another session, in any chat; the words that were begun come back below it. Blank ones never."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c", *"first", "enter", *"[b]two", "ctrl+j", *"lines", "enter", "enter")
        await until(pilot, lambda: "▎ lines" in app.screen.query_one("#talk").text)
    async with running(journal, project) as (app, pilot):
        await press(app, pilot, "escape", "c", *"new", "up")
        composer = app.screen.query_one("#composer")
        assert on(app) == "BoardScreen" and composer.text == "[b]two\nlines"
        await press(app, pilot, "up", "up", "up")
        assert composer.text == "first"
        await press(app, pilot, "down", "down", "down")
        assert composer.text == "new"


async def test_what_is_not_sent_waits_where_it_was_written(journal_of: JournalOf, project: Path) -> None:
    """Looking at the board, at the next decision or tomorrow costs no words; sent ones do not come back."""
    journal = journal_of("testing")

    async def written(app: QdeckApp, pilot: Pilot[int], *away: str) -> str:
        await press(app, pilot, *away)
        await opened(app, pilot, journal)
        return str(app.screen.query_one("#composer", Composer).text)

    async with running(journal, project) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c", *"half a")
        assert await written(app, pilot, "escape", "escape") == "half a"
        assert await written(app, pilot, "c", *" word", "f8", "escape") == "half a word"
        await press(app, pilot, "escape", "c", *"a wish")
    async with running(journal, project) as (app, pilot):
        assert await written(app, pilot, "escape") == "half a word"
        assert await written(app, pilot, "c", "enter", "escape", "escape") == ""
        await press(app, pilot, "escape", "c")
        assert on(app) == "BoardScreen" and app.screen.query_one("#composer", Composer).text == "a wish"


def test_of_what_was_sent_the_newest_is_kept(tmp_path: Path) -> None:
    """A long life does not make the file long, and a long text does not push out the rest."""
    kept = Remembered(tmp_path / "app.json", theme="qdeck-light")
    for number in range(KEPT + 5):
        kept.sent.append(f"{number}")
    kept.sent.append("x" * LARGEST)
    kept.keep()
    again = Remembered.read(kept.file)
    assert again.theme == "qdeck-light" and len(again.sent) == KEPT
    assert (again.sent[0], again.sent[-1]) == ("5", f"{KEPT + 4}")
    kept.file.write_text('{"sent": [1, "a", null], "theme": "t"}')
    assert Remembered.read(kept.file).sent == ["a"]


async def test_a_pasted_megabyte_is_one_piece_that_is_sent_whole(journal_of: JournalOf) -> None:
    """It stands beside the field, can be taken away by key and by mouse, is folded once it is said."""
    journal = journal_of("testing")
    megabyte = "\n".join(f"{n:06}: {'x' * 42}" for n in range(20_000))
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c")
        composer = app.screen.query_one("#composer", Composer)
        for text in ("a\n" * 20, megabyte):
            composer.post_message(events.Paste(text))
            await until(pilot, lambda: "take the paste away" in shown(app))
            if text is not megabyte:
                await press(app, pilot, "backspace")
                await until(pilot, lambda: "pasted" not in shown(app).replace("what was pasted", ""))
        assert "pasted 1.0 MB, 20,000 lines" in shown(app)
        left = len(megabyte) - READ_LIMIT
        assert f"A role reads 100 KB of it: {bulk_of(left)} in the middle are left out" in shown(app)
        assert f"({left} bytes left out)" in said(megabyte).content
        composer.post_message(events.Paste(megabyte))
        await until(pilot, lambda: "2,000,000 characters" in told(app))
        composer.post_message(events.Paste("a\n" * 20))
        await until(pilot, lambda: len(composer.pieces) == 2)
        await calm(pilot)
        row = next(row for row in shown(app).split("\n") if "20 lines" in row)
        await pilot.click(Attached, offset=(row.index("20 lines"), 0))
        await until(pilot, lambda: len(composer.pieces) == 1)
        assert "ctrl+z bring it back" in shown(app)
        await press(app, pilot, "x", "ctrl+z")
        assert composer.text == "" and len(composer.pieces) == 1, "words that were written since come first"
        await press(app, pilot, "ctrl+z")
        assert [len(piece) for piece in composer.pieces] == [len(megabyte), 39]
        await press(app, pilot, "backspace")
        assert composer.pieces == [megabyte]
        await press(app, pilot, *"look", "enter")
        assert "in the middle are left out. The whole stays on record" in told(app)
        talk = app.screen.query_one("#talk", Conversation)
        await until(pilot, lambda: "and 19,990 lines more" in talk.text and talk.settled)
        assert composer.empty and "000009:" in talk.text and "000010:" not in talk.text
        await press(app, pilot, "escape", "escape", "G", "J", "enter")
        await until(pilot, lambda: "000300:" in talk.text)
        await press(app, pilot, "y")
        assert app.clipboard == f"look\n\n{megabyte}"


async def test_escape_in_the_chat_stops_the_turn(journal_of: JournalOf) -> None:
    """With words it leaves and keeps them; without any it stops the role; the hint line says which."""
    journal = journal_of("testing")
    engine = EngineJournal(journal.url)
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        composer = app.screen.query_one("#composer")
        await press(app, pilot, "c", "w", "x")
        assert "esc leave the text" in shown(app)
        await press(app, pilot, "escape")
        assert not composer.has_focus and composer.text == "wx"
        assert not engine.stop_requested(journal.workflow_id)
        await press(app, pilot, "c", "backspace", "backspace")
        assert "esc stop the turn" in shown(app)
        await press(app, pilot, "escape")
        await until(pilot, lambda: engine.stop_requested(journal.workflow_id))
        assert composer.has_focus and "esc leave the text" in shown(app)
        await press(app, pilot, "escape")
        assert not composer.has_focus and on(app) == "WorkflowScreen"
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"
    engine.close()


async def test_escape_in_the_chat_of_one_that_waits_only_leaves(journal_of: JournalOf) -> None:
    """There is no turn to stop."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c", "escape")
        assert app.screen.query_one("#talk").has_focus


async def test_stopping_where_nobody_works_says_so(journal_of: JournalOf) -> None:
    """A dim key explains itself here too."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "full_stop")
        assert "No role is at work" in told(app)


async def test_a_finished_build_takes_no_words(journal_of: JournalOf) -> None:
    """The composer is closed, and the key says why."""
    journal = journal_of("complete")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c")
        assert app.screen.query_one("#composer").disabled
        await until(pilot, lambda: "is complete; nobody listens." in told(app))


def _add(project: Path, *names: str) -> None:
    for name in names:
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("x")
    subprocess.run(["git", "add", "."], cwd=project, check=True)


async def test_a_files_name_is_completed(journal_of: JournalOf, project: Path) -> None:
    """Behind an @ the files of the project are offered; tab, enter or a click takes one, escape none."""
    _add(project, "readings.csv", "src/read_words.py", "src/[red]\x1b[31m read.py")
    async with running(journal_of("review"), project) as (app, pilot):
        await press(app, pilot, "c")
        composer = app.screen.query_one("#composer")
        await until(pilot, lambda: bool(composer.files()))
        await press(app, pilot, *"see @READ")
        assert "readings.csv" in shown(app) and "src/read_words.py" in shown(app)
        assert_harmless(shown(app))
        await press(app, pilot, "tab")
        assert composer.text == "see @README.md" and "read_words" not in shown(app)
        await press(app, pilot, *" @rea", "down", "enter")
        assert composer.text == "see @README.md @readings.csv"
        await press(app, pilot, *" @words", "escape")
        assert app.focused is composer and "read_words" not in shown(app).replace("@words", "")
        await press(app, pilot, *["backspace"] * 6, *"@read_w")
        await pilot.click("Offered", offset=(5, 0))
        await until(pilot, lambda: composer.text.endswith("@src/read_words.py"))
        await press(app, pilot, *" @nothing", "tab")
        assert "no file" in str(composer.border_subtitle)


async def test_a_paste_that_is_too_long_is_cut_and_told(journal_of: JournalOf) -> None:
    """A megabyte arrives as what fits, with a word on what was left out."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        await press(app, pilot, "c")
        composer = app.screen.query_one("#composer")
        composer.attaches = False
        composer.post_message(events.Paste("word " * 200_000))
        await until(pilot, lambda: "left out" in told(app))
        assert len(composer.text) == LONGEST
