"""The mouse: everything that keys do can be clicked, and what is read can be selected and copied."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.pilot import Pilot

from core.machine.states import State
from screenshots.scenes import Journal, calm, shows_picture, until
from tests.tui.driving import armed, asked, deciding, on, opened, press, running, shown, told
from tui.app import QdeckApp
from tui.remarks import Spot
from tui.screens.minted import MintedScreen
from tui.widgets.conversation import Conversation
from tui.widgets.diff import DiffView
from tui.widgets.listing import Listing
from tui.widgets.picker import Picker
from tui.widgets.rows import SettingsList
from tui.widgets.selecting import Selecting

JournalOf = Callable[[str], Journal]
DIFF = """diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -1,4 +1,5 @@
-def old():
-\treturn 1
+def new():
+\treturn 2
+\treturn 3
 same
 last
"""


async def click(app: QdeckApp, pilot: Pilot[int], text: str, *, last: bool = False) -> None:
    """Click on the first place, or the last one, at which the screen shows `text`."""
    await calm(pilot)
    rows = [(y, row.index(text)) for y, row in enumerate(shown(app).split("\n")) if text in row]
    assert rows, f"{text!r} is not to be seen in\n{shown(app)}"
    y, x = rows[-1 if last else 0]
    await pilot.click(offset=(x + 1, y))
    await calm(pilot)


async def drag(pilot: Pilot[int], begin: tuple[int, int], end: tuple[int, int]) -> None:
    """Press, move and let go."""
    await pilot.mouse_down(offset=begin)
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    await calm(pilot)


async def test_a_build_is_decided_without_a_key(journal_of: JournalOf) -> None:
    """From the line on top to the yes, and from the hints back: every word that names a key is one."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await click(app, pilot, "need")
        await click(app, pilot, "enter open", last=True)
        await shows_picture(app, pilot)
        for tab in ("3 diff", "8 events", "1 talk"):
            await click(app, pilot, tab)
            assert app.screen.pane == tab.partition(" ")[2]  # type: ignore[attr-defined]
        await click(app, pilot, "● discovery")
        assert app.screen.pane == "events"  # type: ignore[attr-defined]
        await click(app, pilot, "[ ] panes", last=True)
        assert app.screen.pane == "talk"  # type: ignore[attr-defined]
        await click(app, pilot, "esc board", last=True)
        assert on(app) == "BoardScreen"
        await click(app, pilot, "tell the Q Assistant")
        assert type(app.focused).__name__ == "Composer"
        await click(app, pilot, "esc leave", last=True)
        await click(app, pilot, "? help", last=True)
        assert on(app) == "HelpScreen"
        await click(app, pilot, "esc", last=True)
        app.open_decision(journal.workflow_id)
        await shows_picture(app, pilot)
        await armed(app, pilot)
        await click(app, pilot, "approve the review", last=True)
        await until(pilot, lambda: on(app) == "BoardScreen")
    assert (await asked(journal)).state is State.HANDOFF_TO_RELEASER


async def test_the_columns_the_past_and_a_retry_are_clicked(journal_of: JournalOf) -> None:
    """A card, the line of all events, and the way back with its answers."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await click(app, pilot, "v columns", last=True)
        first = app.board.board.cursor
        await click(app, pilot, "B-0001")
        assert app.board.board.cursor not in (None, first)
        await click(app, pilot, "name")
        assert app.board.board.model.sort.value == "name"
        app.open_history(journal.workflow_id)
        await shows_picture(app, pilot)
        events = app.screen.query_one("#events", Listing)
        when = app.screen.query_one("#when")
        await pilot.click(when, offset=(when.content_region.x + when.size.width // 2, 1))
        assert abs(events.cursor - events.count // 2) <= 2
        await click(app, pilot, "esc present", last=True)
        await deciding(app, pilot, journal, "retry")
        await click(app, pilot, "not now")
        assert on(app) == "BoardScreen"


async def test_boxes_are_answered_by_a_click(journal_of: JournalOf) -> None:
    """A value to write, a key to press, a token that is shown once, a template."""
    async with running(journal_of("review")) as (app, pilot):
        await press(app, pilot, "f2")
        rows = app.screen.query_one("#settings", SettingsList)
        for name, box in ((("budget_usd",), "EditScreen"), (("keymap", "build.approve"), "KeyScreen")):
            rows.cursor = [row.name for row in rows.rows].index(name)
            await press(app, pilot, "enter")
            assert on(app) == box
            await click(app, pilot, " not now", last=True)
            assert on(app) == "SettingsScreen"
        rows.cursor = [row.name for row in rows.rows].index(("budget_usd",))
        await press(app, pilot, "enter", "ctrl+u", *"4.5")
        await click(app, pilot, " keep it")
        assert app.settings.budget_usd == 4.5
        await click(app, pilot, "z undo")
        assert app.settings.budget_usd is None
        app.push_screen(MintedScreen("qdeck_secret", "0123"))
        await click(app, pilot, "copy it")
        assert app.clipboard == "qdeck_secret"
        await click(app, pilot, "close; it cannot")
        assert on(app) == "SettingsScreen"
        await press(app, pilot, "escape", "ctrl+n", "ctrl+t")
        await click(app, pilot, "/ search")
        await press(app, pilot, *"Docs", "enter")
        await click(app, pilot, "enter take it")
        assert on(app) == "NewScreen"


async def test_words_are_selected_and_copied_as_they_were_said(journal_of: JournalOf) -> None:
    """Over lines that were broken to fit, also when the mouse leaves the pane; a click ends it."""
    journal = journal_of("testing")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal)
        talk = app.screen.query_one("#talk", Conversation)
        await press(app, pilot, "g")
        rows = shown(app).split("\n")
        y = next(y for y, row in enumerate(rows) if "I read the package" in row)
        x = rows[y].index("I read the package")
        await drag(pilot, (x + 2, y), (x + len("write down what"), y + 1))
        assert app.screen.get_selected_text() == "read the package and its tests before I write down what"
        reversed_ = [
            s.text for s in talk.render_line(y - talk.content_region.y) if s.style and s.style.reverse
        ]
        assert "".join(reversed_).startswith("read the package and its tests")
        await press(app, pilot, "y")
        assert app.clipboard == "read the package and its tests before I write down what"
        await press(app, pilot, "escape")
        assert on(app) == "WorkflowScreen" and not app.screen.get_selected_text()
        await drag(pilot, (x, y), (0, y + 2))
        await press(app, pilot, "ctrl+c")
        assert app.clipboard.startswith("I read the package") and "Copied" in told(app)
        assert not app.screen.get_selected_text()
        await drag(pilot, (x, y), (x + 6, y))
        await pilot.click(talk, offset=(5, 2))
        assert not app.screen.get_selected_text()


async def test_what_is_read_beside_it_is_selected_too(journal_of: JournalOf) -> None:
    """The panes, and the pages of other screens."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        await opened(app, pilot, journal, "plan")
        rows = shown(app).split("\n")
        y = next(y for y, row in enumerate(rows) if "Words are joined by" in row)
        x = rows[y].index("Words")
        await drag(pilot, (x, y), (x + 11, y))
        assert app.screen.get_selected_text() == "Words are jo"


async def place_of(app: QdeckApp, pilot: Pilot[int], text: str, *, last: bool = False) -> tuple[int, int]:
    """Where the screen shows `text` first, or last in its line."""
    await calm(pilot)
    rows = shown(app).split("\n")
    y = next(y for y, row in enumerate(rows) if text in row)
    return (rows[y].rindex(text) if last else rows[y].index(text)), y


def lit(app: QdeckApp) -> str:
    """What is drawn in reverse in the list or diff of the screen on top, line by line."""
    widget = next(w for w in app.screen.query(Selecting) if w.text_selection is not None)
    lines = [widget.render_line(y) for y in range(widget.size.height)]
    texts = ["".join(s.text for s in line if s.style and s.style.reverse).rstrip() for line in lines]
    return "\n".join(text for text in texts if text)


async def test_code_is_selected_without_what_stands_beside_it(journal_of: JournalOf) -> None:
    """No numbers, signs or headings; side by side only the half that the drag began in; tabs as they were."""
    journal = journal_of("review")
    async with running(journal, size=(160, 40)) as (app, pilot):
        app.open_diff(journal.workflow_id)
        await shows_picture(app, pilot)
        screen: Any = app.screen
        screen.take_picture(replace(screen.picture, diff=DIFF))
        view = app.screen.query_one("#diff", DiffView)
        assert view.split
        x, y = await place_of(app, pilot, "def old")
        end, below = await place_of(app, pilot, "return 1")
        await drag(pilot, (x, y), (end + 100, below))
        assert app.screen.get_selected_text() == "def old():\n\treturn 1" and "new" not in lit(app)
        x, y = await place_of(app, pilot, "def new")
        end, below = await place_of(app, pilot, "last")
        await drag(pilot, (x + 4, y), (end, below))
        await press(app, pilot, "y")
        assert app.clipboard == "new():\n\treturn 2\n\treturn 3\nsame\nl"
        assert lit(app) == "new():\n    return 2\n    return 3\nsame\nl"
        await press(app, pilot, "escape", "v")
        assert on(app) == "DiffScreen" and not app.screen.get_selected_text() and not view.split
        x, y = await place_of(app, pilot, "def old")
        await drag(pilot, (x - 8, y), (x + 2, y + 2))
        assert app.screen.get_selected_text() == "def old():\n\treturn 1\ndef"
        x, y = await place_of(app, pilot, "── src/a.py")
        cursor = view.cursor
        await drag(pilot, (x + 2, y), (x + 40, y + 6))
        assert app.screen.get_selected_text() == "src/a.py\n@@ -1,4 +1,5 @@"
        assert view.cursor == cursor, "a drag chooses no line"
        x, y = await place_of(app, pilot, "return 2")
        await pilot.click(offset=(x, y))
        assert view.spot == Spot("src/a.py", "+", 2) and not app.screen.get_selected_text()


async def test_lists_are_selected_from_and_a_click_still_chooses(journal_of: JournalOf) -> None:
    """The board, its columns, the events, the settings: the text without the bar."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        board, chosen = app.board.board, app.board.board.cursor
        x, y = await place_of(app, pilot, "B-0003")
        await drag(pilot, (x, y), (x + 5, y))
        assert app.screen.get_selected_text() == "B-0003" == lit(app) and board.cursor == chosen
        await press(app, pilot, "y")
        assert app.clipboard == "B-0003"
        await pilot.click(offset=(x, y))
        assert board.row is not None and board.row.build_id == "B-0003" and not app.screen.get_selected_text()
        await press(app, pilot, "y")
        assert app.clipboard == f"B-0003 {board.row.title}"
        await press(app, pilot, "v")
        for name in sorted(set(re.findall(r"B-\d{4}", shown(app)))):
            x, y = await place_of(app, pilot, name)
            await pilot.click(offset=(x, y))
            assert (row := app.board.board.row) is not None and row.build_id == name
        x, y = await place_of(app, pilot, "B-")
        await drag(pilot, (x, y), (118, y))
        assert app.screen.get_selected_text().count("B-") == 1
        app.open_history(journal.workflow_id)
        await shows_picture(app, pilot)
        events = app.screen.query_one("#events", Listing)
        top = events.content_region.y
        await drag(pilot, (0, top + 1), (70, top + 2))
        first, second = (events.plain_line(events.scroll_offset.y + n).rstrip() for n in (1, 2))
        assert app.screen.get_selected_text() == f"{first}\n{second}" == lit(app)
        await press(app, pilot, "escape", "f2")
        rows = app.screen.query_one("#settings", Picker)
        x, y = await place_of(app, pilot, "autonomy")
        await pilot.click(offset=(x, y))
        assert rows.option is not None and "autonomy" in rows.option.value


async def test_every_screen_that_can_be_searched_can_be_copied_from(journal_of: JournalOf) -> None:
    """The line under the cursor in lists and in the diff, the line found or all of it in pages."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        lines = {"diff": "Names for URLs", "evidence": "3 tasks", "history": "condition_changed waits for"}
        for how, line in lines.items():
            getattr(app, f"open_{how}")(journal.workflow_id)
            await shows_picture(app, pilot)
            app.copy_to_clipboard("")
            await press(app, pilot, *("jjy" if how == "diff" else "jy"))
            assert "\n" not in app.clipboard and line in app.clipboard, how
            await press(app, pilot, "escape")
        await press(app, pilot, "question_mark", "y")
        assert app.clipboard.count("\n") > 50
        await press(app, pilot, "slash", *"rollback", "enter", "y")
        assert "rollback" in app.clipboard.lower() and "\n" not in app.clipboard
