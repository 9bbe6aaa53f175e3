"""The large evidence screen: everything is there, openable, searchable, and only text."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from core.machine.commands import RecordCheckpoint
from core.machine.states import EvidenceKind
from core.machine.workflow import CheckpointMark
from screenshots.journal import Writer
from screenshots.scenes import Journal, calm, shows_picture, until
from tests.journeys.world import git
from tests.tui.driving import on, opened, press, running, shown
from tests.tui.evil import EVIL, LONG, assert_harmless
from tui.app import QdeckApp
from tui.ink import Span, plain
from tui.pages.proof_detail import criteria_of, detail_page, output_rows
from tui.pages.proofs import Entry, entries_of
from tui.screens.evidence import EvidenceScreen, _passage
from tui.widgets.listing import Listing
from tui.widgets.reader import Reader

JournalOf = Callable[[str], Journal]


async def in_evidence(app: QdeckApp, pilot: Pilot[int], journal: Journal, *keys: str) -> Listing:
    """Open the evidence of the build that is told in full, and press more."""
    app.open_evidence(journal.workflow_id)
    await shows_picture(app, pilot)
    for key in keys:
        await press(app, pilot, key)
        await until(pilot, lambda: getattr(app.screen, "settled", True))
    await calm(pilot)
    return app.screen.query_one("#list", Listing)


def entry(app: QdeckApp) -> str:
    """What the cursor is on."""
    found = app.screen.entry  # type: ignore[attr-defined]
    return f"{found.label} {found.title}".strip()


async def test_everything_that_evidence_holds_is_listed_and_explained(journal_of: JournalOf) -> None:
    """Clauses (those that do not apply as such), criteria and tests, findings, mutants, uncovered lines."""
    async with running(journal := journal_of("asking")) as (app, pilot):
        await in_evidence(app, pilot, journal, "j", "j", "j")
        text = shown(app)
        assert "✗ tampering" in text and "no test proves it" in text
        assert "coverage left no report" in text and "LINES NO TEST RAN" not in text
    async with running(journal := journal_of("weighed")) as (app, pilot):
        await in_evidence(app, pilot, journal, "j", "j", "j")
        text = shown(app)
        assert "– documents" in text and "not applicable: no document was changed" in text
        for told in (
            "FINDINGS",
            "1 accepted, 1 advice",
            "MUTANTS",
            "TypeError('slugify t",
            "LINES NO TEST RAN",
        ):
            assert told in text, told
        assert "textkit/slug.py 14" in text
        await press(app, pilot, "right_square_bracket")
        assert "B324" in entry(app) and "accepted ada: a name, no secret" in shown(app)
        await press(app, pilot, "left_square_bracket")
        assert entry(app).startswith("requirement")
        text = shown(app)
        assert "1 Words are joined" in text and "↳ tests/test_slug.py::test_words" in text, (
            "criteria with their proofs"
        )
        await press(app, pilot, "j")
        text = shown(app)
        assert "Tasks" in text and "Proofs" in text and "criterion: 1" not in text
        picture = app.screen.picture  # type: ignore[attr-defined]
        review = picture.view.evidence[EvidenceKind.REVIEW]
        old = {"tool": "bandit", "rule": "B324", "path": "a/old.py", "line": 7, "text": "a weak hash"}
        known = replace(review, detail={**review.detail, "old_findings": [old]})
        view = replace(picture.view, evidence={**picture.view.evidence, EvidenceKind.REVIEW: known})
        found = entries_of(replace(picture, view=view))
        assert [e.why for e in found if e.kind == "finding"][-1] == "old"
        assert any("1 old" in e.right[0].text for e in found if e.title == "findings")
        files = [{"path": "a/b.py", "status": "added", "added": 57, "removed": 0}]
        code = replace(picture.view.evidence[EvidenceKind.CODE], detail={"files": files})
        entered = Entry("evidence", Span(""), "", evidence=code)
        page = plain(detail_page(entered, picture, 80, 0.0, None))
        assert re.search(r"\+57 +−0 +a/b\.py +added", page) and "path:" not in page


async def test_a_receipt_is_opened_with_all_its_fields_and_searched(journal_of: JournalOf) -> None:
    """The whole output, a search in it with n and N; escape goes back step by step; tab goes over."""
    journal = journal_of("asking")
    async with running(journal) as (app, pilot):
        listing = await in_evidence(app, pilot, journal, "slash", *"tests pytest", "enter")
        assert entry(app).startswith("tests") and "match" in shown(app)
        await press(app, pilot, "escape", "enter")
        text = shown(app)
        for name in ("exit code", "sandbox", "tree before", "asked by", "attempt", "counts", "key", "OUTPUT"):
            assert name in text, name
        await press(app, pilot, "slash", *"line 39", "enter")
        assert "match 1 of 11" in shown(app)
        await press(app, pilot, "n", "n", "N")
        assert "match 2 of 11" in shown(app) and "line 390" in shown(app)
        await press(app, pilot, "N", "N")
        assert "match 11 of 11" in shown(app) and "line 399" in shown(app)
        await press(app, pilot, "escape", "tab")
        assert app.focused is listing
        await press(app, pilot, "d", "escape", "escape")
        assert on(app) == "BoardScreen"


async def test_what_is_read_stays_where_it_is_while_more_comes_in(journal_of: JournalOf) -> None:
    """Another receipt moves neither the page nor the cursor of who reads one."""
    journal = journal_of("asking")
    async with running(journal) as (app, pilot):
        await in_evidence(
            app, pilot, journal, "slash", *"tests pytest", "enter", "escape", "enter", "pagedown"
        )
        screen, page = app.screen, app.screen.query_one("#detail", Reader)
        assert isinstance(screen, EvidenceScreen) and screen.picture is not None and screen.entry is not None
        read, at = screen.entry.title, page.scroll_offset.y
        assert at > 0
        more = replace(screen.picture.receipts[-1], receipt_id="another")
        screen.take_picture(replace(screen.picture, receipts=(*screen.picture.receipts, more)))
        await calm(pilot)
        assert (screen.entry.title, page.scroll_offset.y) == (read, at)


async def test_a_stale_receipt_is_struck(journal_of: JournalOf) -> None:
    """What ran on other files says nothing any more, in the list and opened; at 80 columns one at a time."""
    journal = journal_of("review")
    async with running(journal, size=(80, 24)) as (app, pilot):
        await in_evidence(app, pilot, journal, "G")
        assert "EARLIER RECEIPTS" in shown(app)
        assert "stale" in shown(app)
        await press(app, pilot, "enter")
        assert "the files have changed since" in shown(app) and "RECEIPTS" not in shown(app)
        await press(app, pilot, "escape", "escape")
        assert on(app) == "BoardScreen"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
async def test_evil_evidence_is_text(size: tuple[int, int], tmp_path: Path) -> None:
    """Findings, mutants, clauses, paths, output: a megabyte on one line, escapes, markup, wrong types."""
    writer = await Writer.open(str(tmp_path / "qdeck.db"))
    hand = await writer.start(Path("/srv/x"), EVIL)
    await hand.begin()
    await hand.checkpoint("one")
    hand.runs("test", [EVIL, LONG[:4000]], exit_code=1, output=f"{EVIL}\n{LONG}\n{EVIL}", suite="new")
    evil = {
        "path": EVIL,
        "line": EVIL,
        "rule": EVIL,
        "text": f"{EVIL}\n{LONG}",
        "key": EVIL,
        "accepted": EVIL,
    }
    detail = {
        "clauses": [{"name": EVIL, "why": LONG}, EVIL, None],
        "failures": [evil],
        "findings": [evil, EVIL, 3],
        "mutants": [evil],
        "uncovered": {EVIL: "1-999999999", "b": [[1, 2], None]},
        "criteria": [{"criterion": 1, "proofs": [{"proof": EVIL, "state": EVIL}, EVIL]}, {"criterion": EVIL}],
        "checklist": [{"point": EVIL, "verdict": EVIL, "answer": LONG}],
        EVIL: {EVIL: [EVIL]},
    }
    await hand.proves(EvidenceKind.TESTS, EVIL, detail, ok=False)
    await hand.proves(EvidenceKind.REVIEW, EVIL, detail)
    await writer.close()
    journal = Journal(tmp_path / "qdeck.db", hand.workflow_id, writer.clock.seconds())
    async with running(journal, size=size) as (app, pilot):
        listing = await in_evidence(app, pilot, journal)
        for index in range(1, listing.count):
            listing.move_to(index)
            await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
            assert_harmless(shown(app))
        await press(app, pilot, "enter", "G", "slash", *"[bold", "enter")
        assert_harmless(shown(app))
        assert "[bold red]markup[/]" in shown(app)


async def test_uncovered_lines_show_their_code(project: Path, tmp_path: Path) -> None:
    """Of the tree that was measured, whatever the files are by now; searchable; gone is said as gone."""
    evil = EVIL.replace("\r", "")
    code = [f"line {n} {evil if n == 9 else ''}" for n in range(1, 60)]
    code[19] = "x" * 1_000_000
    (project / "slug.py").write_text("\n".join(code), newline="\n")
    git(project, "add", ".")
    tree = git(project, "write-tree")
    (project / "slug.py").write_text("something else altogether\n")
    git(project, "add", ".")
    writer = await Writer.open(str(tmp_path / "qdeck.db"))
    hand = await writer.start(project, "Add slugify()")
    await hand.begin()
    mark = CheckpointMark(0, "1" * 40, tree, hand.workflow.state, 1)
    await hand.give(RecordCheckpoint, mark=mark, ref="refs/qdeck/x", data={})
    lost = {"slug.py": "9, 20, 40-41", "gone.py": [1], EVIL: [2], "\ud800": [3]}
    await hand.proves(EvidenceKind.TESTS, "green", {"uncovered": lost})
    await writer.close()
    journal = Journal(tmp_path / "qdeck.db", hand.workflow_id, writer.clock.seconds())
    async with running(journal, size=(80, 24)) as (app, pilot):
        await in_evidence(app, pilot, journal, "slash", *"slug.py", "enter", "escape", "enter")
        text = shown(app)
        assert_harmless(text)
        assert f"tree {tree[:11]}" in text and "something else" not in text
        rows = [row.rstrip(" ▁▂▃▄▅▆▇█│") for row in text.split("\n")]
        marked = [row.split()[1] for row in rows if row.strip().startswith("!")]
        assert marked[:2] == ["9", "20"] and "! 9" in text.replace("  ", " ")
        assert any(row.strip() == "7 line 7" for row in rows) and "line 6 " not in text
        assert "[bold red]markup" in text and "xxx" in text and "⋮" in text
        await press(app, pilot, "slash", *"line 41", "enter")
        assert "match 1 of 1" in shown(app) and "! 41 line 41" in shown(app)
    async with running(journal) as (app, pilot):
        listing = await in_evidence(app, pilot, journal)
        entries = app.screen._entries  # type: ignore[attr-defined]
        places = {e.data["path"]: i for i, e in enumerate(entries) if e.kind == "uncovered"}
        known = places.pop("slug.py")
        for index in places.values():
            listing.move_to(index)
            passage = _passage(entries[index])
            await until(pilot, lambda passage=passage: passage in app.screen._codes)  # type: ignore[misc]
            await calm(pilot)
            assert "They cannot be shown: There is no file" in shown(app)
            assert_harmless(shown(app))
        shutil.move(project, tmp_path / "elsewhere")
        listing.move_to(known)
        await until(pilot, lambda: "Give the folder of a git repository." in shown(app))


def test_criteria_are_read_as_the_gate_writes_them() -> None:
    """Each proof and whether it holds; what has another form is left out."""
    proofs = [{"proof": "t", "state": "proved"}, {"proof": "u", "state": "not proved"}]
    told = [{"criterion": 2, "state": "not proved", "proofs": proofs}, {"criterion": "x"}, {"criterion": 1}]
    assert criteria_of({"criteria": told}) == {1: [], 2: [("t", True), ("u", False)]}
    assert criteria_of({"criteria": "nonsense"}) == {}


def test_output_is_broken_to_rows_that_fit() -> None:
    """Wide characters count double, and nothing of a line under the limit is lost."""
    rows = output_rows("a" * 25 + "\n" + "東" * 12 + "\n\nend\n", 10)
    assert rows[:3] == ["a" * 10, "a" * 10, "a" * 5]
    assert "".join(rows[3:]).startswith("東" * 12) and rows[-1] == "end"
    assert output_rows("\n\n", 10) == []


async def test_digests_can_be_compared_and_copied_whole_on_a_narrow_terminal(journal_of: JournalOf) -> None:
    """At 60 columns the beginning of both digests is read; list, page and pane copy all of them."""
    journal = journal_of("review")
    async with running(journal, size=(60, 30)) as (app, pilot):
        await opened(app, pilot, journal, "tests")
        receipts = app.screen.picture.receipts  # type: ignore[attr-defined]
        page = "\n".join(app.screen.query_one("#side", Reader).plain_line(y) for y in range(99))
        digests = [r.output_digest for r in receipts if f"output {r.output_digest[:12]}\n" in page]
        assert len(digests) > 2 and page.count("· output ") == len(digests)
        await press(app, pilot, "y")
        assert all(f"output {digest}" in app.clipboard for digest in digests)
        app.open_evidence(journal.workflow_id)
        await shows_picture(app, pilot)
        await press(app, pilot, *"]]", "y")
        receipt = app.screen.entry.receipt  # type: ignore[attr-defined]
        assert f"\noutput {receipt.output_digest}\ntree {receipt.tree_before}" in app.clipboard
        await press(app, pilot, "enter")
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        assert receipt.output_digest not in shown(app), "it is broken there"
        await press(app, pilot, "y")
        assert receipt.output_digest in app.clipboard
