"""The deliberate faults of `tests/faults`: none is out of date, and a sample of them is killed here.

`python -m tests.faults` tries them all; that takes minutes, so it is a command of its own.
"""

from __future__ import annotations

import ast
import queue
import re
from pathlib import Path

import pytest

from tests.faults import __main__ as runner
from tests.faults.__main__ import ROOT, Fault, Wrong

FAULTS = runner.read_faults()


def test_every_fault_has_its_place_and_its_tests() -> None:
    """A refactoring that leaves a fault behind is noticed now, and not when somebody runs the list."""
    assert len(FAULTS) >= 24
    for fault in FAULTS:
        text = runner.broken(fault, (ROOT / fault.file).read_text("utf-8"))
        # What is no Python any more is found by every test, and proves nothing.
        assert compile(text, fault.file, "exec"), fault.name
        assert fault.tests and fault.database in ("", "postgresql"), fault.name
        for test in fault.tests:
            file, *names = test.split("::")
            text = (ROOT / file).read_text("utf-8")
            assert all(re.search(rf"(def|class) {name.split('[')[0]}\b", text) for name in names), test


def test_the_founding_documents_tests_are_twenty_seven() -> None:
    """Thirteen, three, nine and two, as promised: none is dropped unseen, and none added."""
    tree = ast.parse((ROOT / "tests" / "test_origin.py").read_text("utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    counts = {c.name: sum(getattr(f, "name", "").startswith("test_") for f in c.body) for c in classes}
    assert counts == {
        "TestWorkflowStateMachine": 13,
        "TestWorkflowPhaseData": 3,
        "TestOrchestrationService": 9,
        "TestWorkflowIntegration": 2,
    }
    assert not [node for node in tree.body if getattr(node, "name", "").startswith("test_")]


def test_a_fault_whose_place_is_gone_is_an_error() -> None:
    """Neither nowhere nor twice: the patch must hit what it is meant for."""
    fault = Fault("x", "core/text.py", "def clean(", "def dirty(", ())
    for text in ("", "def clean( def clean("):
        with pytest.raises(Wrong, match="not once"):
            runner.broken(fault, text)


def test_a_sample_is_killed_and_what_breaks_nothing_is_found_alive(tmp_path: Path) -> None:
    """The whole way, in a scratch copy: break, run, mend."""
    runner.copy_tree(tmp_path)
    trees: queue.Queue[Path] = queue.Queue()
    trees.put(tmp_path)
    known = {fault.name: fault for fault in FAULTS}
    harmless = Fault(
        "a new word in a docstring",
        "core/machine/transitions.py",
        "or None: 28 of the 121 pairs",
        "or None: only 28 of the 121 pairs",
        ("tests/machine/test_table.py",),
    )
    assert runner.try_fault(known["a path to complete without tests"], trees)[0]
    assert runner.try_fault(harmless, trees) == (False, "SURVIVED")
    assert (tmp_path / harmless.file).read_text() == (ROOT / harmless.file).read_text()
