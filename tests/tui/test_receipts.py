"""What a decision says of the runs behind it, for keys and titles as the engine writes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from core.service.views import ReceiptView
from tui.pages.parts import is_stale, meant_to_fail, newest_receipts, receipt_label, receipt_lines
from tui.pages.proofs import entries_of

NOW, BASE, HEAD = "33da90b8", "c365ea23", "58d1090b"


def receipt(key: str, kind: str, title: str, tree: str, exit_code: int = 0, **rest: Any) -> ReceiptView:
    """A receipt as the service gives it."""
    return ReceiptView(
        receipt_id=key,
        workflow_id="w",
        attempt_id="w:testing:1",
        key=key,
        kind=kind,
        argv=("python", "-m", "pytest"),
        exit_code=exit_code,
        signal=None,
        seconds=1.0,
        sandbox="bubblewrap 0.8.0",
        tree_before=tree,
        tree_after=tree,
        counts=None,
        asked_by="engine",
        output="",
        output_digest="ab",
        artifact="",
        cut=False,
        limit="",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        data={"title": title},
        **rest,
    )


RECEIPTS = [
    receipt("before-tests-tests:new:58d1:1", "test", "running the tests on checkpoint 3", HEAD),
    receipt("check-1-tests-tests:new:33da:1", "test", "running the tests on checkpoint 4", NOW),
    receipt("check-1-tests-tests:base:c365:1", "test", "running the tests on the base", BASE),
    receipt("check-1-tests-tests:red:c365:1", "test", "running the new tests on the base", BASE, 1),
    receipt("scans-scan:ruff:33da:1", "lint", "ruff on the changed files of checkpoint 4", NOW),
    receipt("scans-scan:ruff:c365:1", "lint", "ruff on the changed files of the base", BASE),
    receipt("scans-scan:bandit:33da:1", "security", "bandit on the changed files of checkpoint 4", NOW),
    receipt("scans-scan:bandit:c365:1", "security", "bandit on the changed files of the base", BASE),
]


def test_green_runs_on_the_approved_tree_are_shown_as_what_they_are() -> None:
    """No run on the base takes the place of the one on the tree, and none of them is stale."""
    shown = newest_receipts(RECEIPTS, NOW)
    assert [(r.kind, r.tree_before) for r in shown if receipt_label(r) != "on base"] == [
        ("security", NOW),
        ("lint", NOW),
        ("test", BASE),
        ("test", NOW),
    ]
    assert not any(is_stale(r, NOW) for r in shown)


def test_a_run_that_must_fail_is_no_fault() -> None:
    """Red first is green when it fails, and its line says so."""
    red = next(r for r in RECEIPTS if ":red:" in r.key)
    quiet = replace(red, key=red.key.replace(":red:", ":control-quiet:"))
    for run, name in ((red, "red first"), (quiet, "control")):
        assert meant_to_fail(run)
        text = "".join(span.text for line in receipt_lines(run, 118, 0.0, NOW) for span in line)
        assert "as it must" in text and name in text
        assert "✗" not in text


def test_runs_on_older_files_are_stale() -> None:
    """Once the files have changed, a green run says nothing any more."""
    assert is_stale(RECEIPTS[1], HEAD)
    assert is_stale(RECEIPTS[4], HEAD)


def test_what_counts_stands_before_what_counted_and_what_roles_ran() -> None:
    """Runs on files made of an older tree are stale too; a newer run for the same purpose takes the place."""
    old, now = "58d1090b5f4600b4", "33da90b8e13a3db1"
    runs = [
        receipt("turn-2-tool-0", "command", "python -m pytest -q", NOW),
        receipt("b-tests-tests:red:c365ea23437ce777:1a", "test", "the new tests on the base", BASE, 1),
        *(
            receipt(f"b-tests-{name}:{tree}{'' if kind == 'mutation' else ':b6f76977'}", kind, title, "")
            for tree in (old, now)
            for name, kind, title in (
                ("tests:control", "test", "the proofs without the change"),
                ("tests:control-quiet", "test", "the proofs without the change"),
                ("tests:alarm", "test", "a failure put into each"),
                ("tests:mutants", "mutation", "changing 12 places"),
                ("hidden", "hidden", "running 3 hidden checks"),
            )
        ),
        receipt("b-tests-tests:red:c365ea23437ce777:2b", "test", "the new tests on the base", BASE, 1),
        replace(
            receipt(f"s-scan:bandit:{now}:d236ab09", "security", "bandit on the changed files", now + "57db"),
            argv=("/v/bin/python", "-I", "-m", "bandit", "--quiet", "textkit"),
        ),
    ]
    picture: Any = SimpleNamespace(receipts=runs, tree=now + "57db", view=SimpleNamespace(evidence={}))
    assert [is_stale(r, picture.tree) for r in runs] == [False] * 2 + [True] * 5 + [False] * 7
    found = [e.title for e in entries_of(picture) if e.kind in ("heading", "receipt")]
    now_at, earlier, roles = (found.index(n) for n in ("receipts", "earlier receipts", "run by the roles"))
    assert now_at < earlier < roles
    assert (earlier - now_at, roles - earlier, len(found) - roles) == (8, 7, 2)
    assert found[now_at + 1] == "bandit on the changed files", "nobody typed that command"
    assert found[roles + 1] == "python -m pytest"
    red = next(e for e in entries_of(picture) if e.label == "red first")
    assert (red.mark.ink, red.right[0].text) == ("ok", "as it must"), "green, and why although it failed"
