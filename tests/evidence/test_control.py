"""The negative control: what does not notice that the change is gone proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from core.evidence import Promise, collect_tests
from core.evidence.gutting import gut

TRIPLE = "def double(n):\n    return n * 2\n\n\ndef triple(n):\n    return n * 3\n"
TEST_TRIPLE = "from calc import triple\n\n\ndef test_triple():\n    assert triple(2) == 6\n"
PROMISE = (Promise(1, "new_test", "tests/test_triple.py::test_triple"),)

FORGED_IN_THE_FUNCTION = """
def double(n):
    return n * 2


def triple(n):
    import sys

    reports = sys.modules["_pytest.reports"].TestReport
    honest = reports.from_item_and_call.__func__

    def forged(cls, item, call):
        call.excinfo = None
        return honest(cls, item, call)

    reports.from_item_and_call = classmethod(forged)
    return 0
"""
FORGED_AT_IMPORT = """
import sys

if "_pytest.python" in sys.modules:
    sys.modules["_pytest.python"].Function.runtest = lambda self: None


def double(n):
    return n * 2


def triple(n):
    return 0
"""


async def judge(workshop: Any, files: dict[str, str], promises: tuple[Promise, ...] = PROMISE) -> Any:
    """Collect the tests evidence of a checkpoint with the files."""
    return await collect_tests(
        workshop.bench, workshop.change(files), "plan", "requirement", promises=promises
    )


def clause(evidence: Any, name: str = "negative control") -> dict[str, Any]:
    """Return one clause of the evidence."""
    return next(item for item in evidence.detail["clauses"] if item["name"] == name)


@pytest.mark.parametrize(
    ("code", "test"),
    [
        (TRIPLE, "import calc\n\n\ndef test_triple():\n    assert hasattr(calc, 'triple')\n"),
        (FORGED_IN_THE_FUNCTION, TEST_TRIPLE),
        (FORGED_AT_IMPORT, TEST_TRIPLE),
    ],
    ids=["asserts-nothing", "forged-in-the-function", "forged-at-import"],
)
async def test_a_proof_that_cannot_fail_is_void(calc: Any, code: str, test: str) -> None:
    """Green on the new tree and red on the base is not enough."""
    evidence = await judge(calc, {"calc.py": code, "tests/test_triple.py": test})

    assert not evidence.ok
    assert not clause(evidence)["ok"]
    name = "tests.test_triple::test_triple"
    assert any(f["name"] == name and not f["askable"] for f in evidence.detail["failures"])


@pytest.mark.parametrize(
    ("code", "test"),
    [
        (
            "def double(n):\n    return n * 2\n\n\nLIMIT = 5\n",
            "import calc\n\n\ndef test_triple():\n    assert calc.LIMIT == 5\n",
        ),
        (
            "def double(n):\n    return n * 2\n\n\ndef _table():\n    yield from (0, 3, 6)\n\n\n"
            "_TABLE = list(_table())\n\n\ndef triple(n):\n    return _TABLE[n]\n",
            TEST_TRIPLE,
        ),
    ],
    ids=["a-constant", "a-function-that-the-import-needs"],
)
async def test_honest_changes_of_other_shapes_are_confirmed(calc: Any, code: str, test: str) -> None:
    """A value outside of any function is taken out too, and what an import needs goes on."""
    evidence = await judge(calc, {"calc.py": code, "tests/test_triple.py": test})

    assert evidence.ok, evidence.detail
    assert clause(evidence)["why"] == "1 of 1 proofs fail without the change"


async def test_a_call_without_an_assertion_proves_nothing(calc: Any) -> None:
    """It goes red when the function raises, and stays green when the function does nothing."""
    test = "from calc import triple\n\n\ndef test_triple():\n    triple(2)\n    assert True\n"
    evidence = await judge(calc, {"calc.py": TRIPLE, "tests/test_triple.py": test})

    assert not clause(evidence)["ok"]
    assert "assert nothing" in evidence.detail["failures"][0]["text"]


async def test_a_change_of_data_is_taken_out_by_its_base(workshop: Any) -> None:
    """Files that hold no Python go back to what they were."""
    reads = "import pathlib\n\n\ndef read():\n    return pathlib.Path('data.txt').read_text()\n"
    bench = workshop({"app.py": reads, "data.txt": "one", "tests/test_a.py": "def test_a():\n    pass\n"})
    test = "import app\n\n\ndef test_triple():\n    assert app.read() == 'two'\n"

    evidence = await judge(bench, {"data.txt": "two", "tests/test_triple.py": test})

    assert evidence.ok, evidence.detail
    assert clause(evidence)["applies"]


async def test_another_language_is_said_not_to_be_measured(workshop: Any) -> None:
    """What cannot be taken out is never shown as green."""
    bench = workshop({"value": "1\n", "check.sh": "test $(cat value) = 1\n"})
    bench.configure(test_command=("sh", "check.sh"), test_paths=("check.sh",))

    evidence = await judge(bench, {"value": "2\n", "check.sh": "test $(cat value) = 2\n"}, ())

    assert clause(evidence)["applies"] is False
    assert clause(evidence)["why"].startswith("not measured")


async def test_a_report_written_by_hand_is_not_believed(calc: Any) -> None:
    """A whole report and exit code 0, written by a test that then ends the process, are not the runner's."""
    forge = (
        "import os\nimport sys\n\n\ndef test_aa():\n"
        "    path = next(a for a in sys.argv if a.startswith('--junitxml=')).split('=', 1)[1]\n"
        "    with open(path, 'w') as file:\n"
        "        file.write('<testsuite><testcase classname=\"tests.test_aa\" '\n"
        "                   'name=\"test_aa\"/></testsuite>')\n"
        "    os._exit(0)\n"
    )

    evidence = await judge(calc, {"calc.py": TRIPLE, "tests/test_aa.py": forge})

    assert not evidence.ok
    assert "not finished by the test runner itself" in clause(evidence, "tests ran")["why"]


def test_gutting_keeps_signatures_decorators_and_kinds_of_functions() -> None:
    """Only what was changed is emptied; generators and coroutines stay what they are."""
    before = "class A:\n    def same(self):\n        return 1\n\n    def old(self):\n        return 2\n"
    after = (
        "class A:\n    def same(self):\n        '''Words only.'''\n        return 1\n\n"
        "    @property\n    def old(self):\n        return 3\n\n"
        "    def new(self, a, *, b=1):\n        yield b\n\n"
        "    async def later(self):\n        return 4\n"
    )

    cut = gut(before, after, wholly=True)
    space: dict[str, Any] = {}
    exec(cut.text, space)  # noqa: S102 - our own text
    one = space["A"]()

    assert cut.functions == ("A.old", "A.new", "A.later")
    assert one.same() == 1
    generator = one.new(1)
    with pytest.raises(Exception, match=r"^$"):
        next(generator)
    with pytest.raises(Exception, match=r"^$"):
        _ = one.old
    with pytest.raises(Exception, match=r"^$"):
        one.later().send(None)
