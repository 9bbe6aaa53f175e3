"""The diff: read right, drawn quickly, gone through by keys, and remarked on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.machine.states import EvidenceKind, State
from screenshots.journal import Writer
from screenshots.scenes import Journal, shows_picture, until
from tests.tui.driving import armed, asked, on, opened, press, running, shown, told
from tests.tui.evil import EVIL, assert_harmless
from tui.app import QdeckApp
from tui.diff_model import changed_between, differing, layout, parse_diff
from tui.diff_paint import DiffPaint
from tui.ink import plain
from tui.pages.coverage import ranges_of, uncovered_in
from tui.remarks import Spot
from tui.widgets.diff import DiffView

JournalOf = Callable[[str], Journal]

PATCH = """\
diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -1,4 +1,5 @@ def f():
 one
-two
-three
+2
+3
+3 1/2
 four

diff --git a/old.txt b/new.txt
similarity index 90%
rename from old.txt
rename to new.txt
diff --git "a/\\303\\244 b.txt" "b/\\303\\244 b.txt"
new file mode 100644
--- /dev/null
+++ "b/\\303\\244 b.txt"
@@ -0,0 +1 @@
+--- not a header
\\ No newline at end of file
diff --git a/x.bin b/x.bin
Binary files a/x.bin and b/x.bin differ
"""


def test_a_diff_of_gits_is_read_as_what_it_says() -> None:
    """Paths in quotes, renames, binaries, blank lines without a sign, and lines that look like headers."""
    diff = parse_diff(PATCH)
    assert [(f.path, f.status, f.added, f.removed) for f in diff.files] == [
        ("a.py", "M", 3, 2),
        ("new.txt", "R", 0, 0),
        ("ä b.txt", "A", 1, 0),
        ("x.bin", "M", 0, 0),
    ]
    rows = diff.files[0].hunks[0].rows
    assert "".join(r.sign for r in rows) == " --+++  "
    assert [(r.old, r.new) for r in rows] == [(1, 1), (2, 0), (3, 0), (0, 2), (0, 3), (0, 4), (4, 5), (5, 6)]
    assert diff.files[2].hunks[0].rows[0].text == "--- not a header"
    assert diff.files[1].notes == ["was old.txt"] and "Binary" in diff.files[3].notes[0]


def test_side_by_side_puts_what_went_beside_what_came() -> None:
    """Pairs in order, the longer side goes on alone."""
    diff = parse_diff(PATCH)
    pairs = [(i.left, i.right) for i in layout(diff, split=True) if i.file == 0 and i.kind == "row"]
    assert pairs == [(0, 0), (1, 3), (2, 4), (-1, 5), (6, 6), (7, 7)]
    paint = DiffPaint(diff, {"a.py": frozenset({3})})
    items = [i for i in layout(diff, split=True) if i.file == 0 and i.kind == "row"]
    text = plain([paint.line(items[2], 60, split=True)[0]])
    assert text.startswith("   3 - three") and "│!  3 + 3" in text


REPLACED = """\
diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,5 +1,5 @@
 def f(text):
-    return text.lower()
-    whatever
+    return text.casefold().strip()
+    quite = another(line)
 # end
diff --git a/b.py b/b.py
new file mode 100644
--- /dev/null
+++ b/b.py
@@ -0,0 +1 @@
+a line that is much longer than half of the screen would be, so that it would be cut there, and the end
"""


def test_what_differs_within_a_line_stands_out() -> None:
    """Whole words, on both sides; nothing where two lines have nothing in common."""
    assert differing("    return text.lower()", "    return text.casefold().strip()") == (16, 21)
    assert differing("    return text.casefold().strip()", "    return text.lower()") == (16, 32)
    assert differing("colour = ink", "color = ink") == (0, 6), "a word is never marked in part"
    assert differing("    whatever", "    quite = another(line)") is None
    assert differing("x" * 2000, "x" * 1999) is None
    diff = parse_diff(REPLACED)
    paint = DiffPaint(diff)
    for split in (False, True):
        told = [
            span.text
            for item in layout(diff, split=split)
            if item.kind == "row"
            for span in paint.line(item, 120, split=split)[0]
            if "on-more-" in span.ink and "bold" in span.ink
        ]
        assert "".join(told) == "lower" + "casefold().strip"


async def test_a_new_file_has_the_whole_width_also_side_by_side(tmp_path: Path) -> None:
    """There is nothing to stand beside it; the keys that are offered are those of the width that is there."""
    async with running(await _journal(tmp_path, REPLACED, {}), size=(100, 30)) as (app, pilot):
        await in_diff(app, pilot)
        assert "v split" in shown(app), "there is no room for more words"
        await pilot.resize_terminal(170, 30)
        await until(pilot, lambda: "v one column" in shown(app))
        lines = shown(app).split("\n")
        assert any("text.lower()" in line and "text.casefold()" in line for line in lines)
        assert any("+ a line that" in line and "and the end" in line for line in lines)


def test_what_a_rollback_changes_in_files_is_told_from_two_diffs() -> None:
    """New ones go, changed ones come back, those that differ are named, and none that are equal."""
    files = PATCH.split("diff --git ")
    before = "diff --git " + files[1] + "diff --git " + files[3] + "diff --git " + files[4]
    after = (
        "diff --git " + files[1].replace("+2", "+zwei") + "diff --git " + files[4] + "diff --git " + files[2]
    )
    assert changed_between(before, after) == [("a.py", "other"), ("ä b.txt", "gone"), ("new.txt", "again")]
    assert changed_between(before, "")[0] == ("a.py", "back")


def test_ranges_of_lines_are_read_in_every_form() -> None:
    """Numbers, pairs and texts; nonsense is left out."""
    found = uncovered_in({"a": "3-5, 9", "b": [[1, 2], 7], "c": None, "d": [4, 2], "e": "x"})
    assert found == {"a": {3, 4, 5, 9}, "b": {1, 2, 7}, "d": {2, 4}}
    assert ranges_of({9, 3, 4, 5}) == "3-5, 9"


async def in_diff(app: QdeckApp, pilot: Pilot[int], *keys: str) -> DiffView:
    """Open the diff with its key, and press more."""
    await press(app, pilot, "d")
    await shows_picture(app, pilot)
    await press(app, pilot, *keys)
    return app.screen.query_one(DiffView)


async def test_keys_go_through_hunks_files_and_lines(journal_of: JournalOf) -> None:
    """Brackets, braces, arrows, vim keys; tab and t lead to the tree and back; d, q and escape close."""
    journal = journal_of("review")
    async with running(journal, size=(140, 40)) as (app, pilot):
        await opened(app, pilot, journal)
        view = await in_diff(app, pilot)
        assert view.cursor == 0 and not view.split and "A slug.py" in shown(app)
        await press(app, pilot, "right_square_bracket")
        assert view.items[view.cursor].kind == "hunk"
        await press(app, pilot, "right_curly_bracket", "right_curly_bracket")
        assert view.diff.files[view.file].path == "tests/test_slug.py" and "file 3 of 3" in shown(app)
        await press(app, pilot, "left_curly_bracket", "j", "down", "k")
        assert view.file == 1 and view.items[view.cursor].kind == "hunk"
        await press(app, pilot, "left_square_bracket", "G")
        assert view.cursor == len(view.items) - 1
        await press(app, pilot, "tab", "g")
        assert app.focused is not None and app.focused.id == "tree" and view.file == 2
        await press(app, pilot, "j", "j", "j", "enter")
        assert view.file == 1 and app.focused is view
        await press(app, pilot, "t")
        assert view.split, "without the tree there is room for both sides"
        await press(app, pilot, "v")
        assert not view.split
        await press(app, pilot, "right", "right")
        assert "import count_words" not in shown(app)
        await press(app, pilot, "left", "left", "u", "escape")
        assert "every changed line" in told(app) and on(app) == "WorkflowScreen"


async def test_remarks_on_lines_become_the_reason_of_a_retry(journal_of: JournalOf) -> None:
    """They stay on their lines, survive leaving the screen, can be changed and taken away, and go as one."""
    journal = journal_of("review")
    async with running(journal) as (app, pilot):
        view = await in_diff(app, pilot, "right_square_bracket", "j", "enter", *"Say why", "enter")
        assert "you: Say why" in shown(app) and "1 comment" in shown(app)
        await press(app, pilot, "G", "enter", *"r b a x", "enter")
        await press(app, pilot, "G", "k", "x")
        assert "z puts it back" in told(app) and "1 comment " in shown(app)
        await press(app, pilot, "z", "G")
        assert "2 comments" in shown(app) and "you: r b a x" in shown(app)
        await press(app, pilot, "k", "x")
        assert "1 comment " in shown(app), "a comment is taken away from its line"
        await press(
            app, pilot, "right_curly_bracket", "g", *["j"] * 12, "enter", *"Test this", "enter", "escape"
        )
        assert on(app) == "BoardScreen"
        view = await in_diff(app, pilot)
        assert "2 comments" in shown(app)
        assert Spot("textkit/slug.py", "+", 1) in app.remarks.of(journal.workflow_id)
        assert view.spot is None
    async with running(journal) as (app, pilot):
        view = await in_diff(app, pilot)
        assert "2 comments" in shown(app) and "you: Say why" in shown(app), "they outlive the app"
        await press(app, pilot, "r")
        await shows_picture(app, pilot)
        assert on(app) == "RetryScreen" and "textkit/slug.py:1: Say why" in shown(app)
        await armed(app, pilot)
        await press(app, pilot, "r")
        await until(pilot, lambda: on(app) == "DiffScreen")
        assert "comment" not in shown(app).split("\n")[0]
    view_ = await asked(journal)
    assert view_.state is State.IMPLEMENTATION
    assert "textkit/slug.py:1: Say why" in view_.last_refusal and "Test this" in view_.last_refusal


async def test_a_search_in_the_diff(journal_of: JournalOf) -> None:
    """/ and n go to the lines that hold it."""
    async with running(journal_of("review"), size=(80, 24)) as (app, pilot):
        view = await in_diff(app, pilot, "slash", *"strip", "enter")
        assert "match 1 of 1" in shown(app)
        row = view.diff.row(view.items[view.cursor])
        assert row is not None and 'strip("-")' in row.text
        await press(app, pilot, "escape", "t")
        assert app.focused is not None and app.focused.id == "tree", "on a narrow screen they take turns"
        await press(app, pilot, "enter")
        assert app.focused is view


async def test_lines_that_no_test_ran_are_marked(tmp_path: Path) -> None:
    """With a sign, a count, and a key that goes from one to the next."""
    journal = await _journal(tmp_path, PATCH, {"uncovered": {"a.py": [[3, 4]]}})
    async with running(journal) as (app, pilot):
        view = await in_diff(app, pilot, "u")
        assert "! 2 lines no test ran" in shown(app)
        assert view.spot == Spot("a.py", "+", 3)
        await press(app, pilot, "u", "u")
        assert view.spot == Spot("a.py", "+", 3)


async def test_a_megabyte_of_diff_keeps_to_what_is_seen(tmp_path: Path) -> None:
    """Only blocks that were on the screen are ever lexed; going to the end is one key."""
    body = "".join(
        f"+    value_{i} = compute({i}, 'some text to fill the line with')\n" for i in range(18_000)
    )
    patch = f"diff --git a/big.py b/big.py\n--- /dev/null\n+++ b/big.py\n@@ -0,0 +1,18000 @@\n{body}"
    assert len(patch) > 1_000_000
    journal = await _journal(tmp_path, patch, {})
    async with running(journal) as (app, pilot):
        view = await in_diff(app, pilot, "G", "pageup", "g", "pagedown", "slash", *"value_17000 ", "enter")
        assert view.spot == Spot("big.py", "+", 17_001)
        assert len(view._paint._blocks) < 20
        assert_harmless(shown(app))


@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "split"])
async def test_an_evil_diff_is_text(size: tuple[int, int], journal_of: JournalOf) -> None:
    """Paths, headings, code and remarks: nothing moves what is read, and a megabyte line is a line."""
    journal = journal_of("evil lines")
    async with running(journal, size=size) as (app, pilot):
        view = await in_diff(app, pilot)
        app.remarks.keep(journal.workflow_id, _remark(view))
        view.remarks_changed()
        for key in ("G", "right", "t", "v", "t", "g"):
            await press(app, pilot, key)
            assert_harmless(shown(app))
        await press(app, pilot, "slash", *"[bold", "enter")
        assert_harmless(shown(app))
        assert "markup" in shown(app)


def _remark(view: DiffView) -> object:
    from tui.remarks import Remark

    item = next(i for i in view.items if i.kind == "row")
    spot = view._spot_of(item)
    assert spot is not None
    return Remark(spot, EVIL, EVIL)


async def _journal(folder: Path, patch: str, detail: dict[str, object]) -> Journal:
    """A workflow whose latest checkpoint holds this diff, and its tests this detail."""
    writer = await Writer.open(str(folder / "qdeck.db"))
    hand = await writer.start(Path("/srv/x"), "Change it")
    await hand.begin()
    await hand.checkpoint("one", patch, {"files": 1, "added": 1, "removed": 0, "changes": []})
    await hand.proves(EvidenceKind.TESTS, "1 passed", detail)
    await writer.close()
    return Journal(folder / "qdeck.db", hand.workflow_id, writer.clock.seconds())
