"""Kinds of change, documents, and the small changes that a good test notices."""

from __future__ import annotations

from typing import Any

import pytest

from core.evidence import collect_tests
from core.evidence.documents import broken_examples, broken_links
from core.evidence.kinds import foreign
from core.evidence.mutants import mutants
from core.evidence.shipped import Product

TRIPLE = "def double(n):\n    return n * 2\n\n\ndef triple(n):\n    return n * 3\n"


async def judge(workshop: Any, files: dict[str, str | None], change: str) -> Any:
    """Collect the tests evidence of a change of a kind."""
    return await collect_tests(workshop.bench, workshop.change(files), "plan", "requirement", change=change)


def clause(evidence: Any, name: str) -> dict[str, Any]:
    """Return one clause of the evidence."""
    return next(item for item in evidence.detail["clauses"] if item["name"] == name)


async def test_documentation_touches_documents_and_docstrings_only(calc: Any) -> None:
    """Words may change anywhere; code, a broken example and a dead link shut the gate."""
    words = {"calc.py": 'def double(n):\n    """Return twice n."""\n    return n * 2\n'}
    good = {"README.md": "# Calc\n\n[code](calc.py) [top](#calc)\n\n```python\nprint(1)\n```\n"}
    bad = {"README.md": "[gone](gone.md)\n\n```python\nprint(1\n```\n", "calc.py": TRIPLE}
    bad["security.py"] = "DOORS = 'open'\n"  # named like a document, and none

    right = await judge(calc, {**words, **good}, "documentation")
    wrong = await judge(calc, bad, "documentation")

    assert right.ok, right.detail
    assert not clause(right, "red first")["applies"] and not clause(right, "coverage")["applies"]
    assert {failure["name"] for failure in wrong.detail["failures"]} == {
        "calc.py",
        "security.py",
        "README.md:1",
        "README.md:3",
    }


SHOP = {
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n[project.scripts]\nsell = "ci.sell:main"\n',
    "shop/__init__.py": "",
    "shop/a.py": "from tools.price import price\n\nPATH = 'scripts/rates.py'\n",
    "shop/words.txt": "hello\n",
    "web/index.js": "import { pack } from '../build/pack.js'\n",
    "setup.py": "from setuptools import setup\nsetup(scripts=['bin/x'], packages=['shop', 'examples'])\n",
    "tests/test_a.py": "from shop import a\n\n\ndef test_a():\n    assert a\n",
    **dict.fromkeys(("tools/price.py", "ci/sell.py", "script/a.py"), "def price():\n    return 1\n"),
}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("tools/price.py", "since shop/a.py"),
        ("scripts/rates.py", "since shop/a.py"),
        ("build/pack.js", "since web/index.js"),
        ("ci/sell.py", "since pyproject.toml"),
        ("examples/a.py", "since setup.py"),
        ("script/a.py", ""),
        ("shop/words.txt", "the product reads it"),
        ("src/prices.json", "the product reads it"),
        ("shop/README.md", ""),
        ("src/package.json", ""),
        ("shop/docs/use.md", ""),
        ("docs/words.txt", ""),
        ("settings.json", ""),
        ("notes.txt", ""),
    ],
)
def test_a_folder_of_tools_is_the_product_when_the_product_needs_it(path: str, why: str) -> None:
    """What ships decides what upkeep is, not the name of a folder or the ending of a file."""
    product = Product([*SHOP, path], lambda name: SHOP.get(name, ""), lambda name: name.startswith("tests/"))

    told = foreign(path, "maintenance", product)

    assert why in (told or "") if why else told is None


async def test_documentation_needs_no_tests_in_the_repository(workshop: Any) -> None:
    """A repository without tests can have its words changed; that nothing ran is said."""
    bench = workshop({"README.md": "hello\n"})

    evidence = await judge(bench, {"README.md": "hello you\n"}, "documentation")

    assert evidence.ok, evidence.detail
    assert clause(evidence, "tests ran")["applies"] is False


async def test_a_refactoring_keeps_its_tests_and_asks_about_what_they_miss(calc: Any) -> None:
    """The same tests run, no new one is owed; what they would not notice on either side a person must see."""
    code = "def double(n):\n    return n + n if n < 1000 else n * 2\n"
    plain = "def double(n):\n    return n + n\n"
    lost = "from calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n"

    calc.configure(mutation_seconds=60.0)
    good = await judge(calc, {"calc.py": plain}, "refactoring")
    unseen = await judge(calc, {"calc.py": code}, "refactoring")
    asked = unseen.detail["failures"][0]
    calc.accept(asked["key"])
    seen = await judge(calc, {"calc.py": code}, "refactoring")
    bad = await judge(calc, {"tests/test_calc.py": lost}, "refactoring")

    assert good.ok, good.detail
    survivors = {item["change"] for item in unseen.detail["mutants"]["survivors"]}
    assert not clause(good, "red first")["applies"]
    assert clause(good, "equal tests")["ok"] and clause(good, "equal tests")["applies"]
    assert good.detail["mutants"]["status"] == "measured" and good.detail["mutants"]["killed"] > 0
    assert "1000 became 1001" in survivors and "+ became -" not in survivors, unseen.detail["mutants"]
    assert not unseen.ok and asked["askable"] and "1000 became 1001" in asked["text"]
    assert seen.ok, seen.detail
    assert not bad.ok and not clause(bad, "equal tests")["ok"]


FORGER = """
import json, os, sys, time

if sys.argv[0].endswith("qdeck_mutants.py") and os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        place = os.path.join(sys.argv[1], "result.json")
        while True:
            if os.path.exists(place):
                with open(place, "w") as file:
                    json.dump({"baseline": 0, "results": [[n, 1] for n in range(36)]}, file)
            time.sleep(0.0001)
    os._exit(0)
"""


async def test_what_a_run_of_small_changes_leaves_behind_writes_no_answer(workshop: Any) -> None:
    """A process that outlives its run, in a group of its own, is ended before the answer is written."""
    tests = FORGER + "\nfrom calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
    bench = workshop({"calc.py": "def double(n):\n    return n * 2\n", "tests/test_calc.py": tests})
    bench.configure(mutation_seconds=60.0)
    code = "def double(n):\n    return n + n if n < 1000 else n * 2\n"

    evidence = await judge(bench, {"calc.py": code}, "refactoring")

    found = evidence.detail["mutants"]
    assert found["status"] == "measured" and not evidence.ok
    assert "1000 became 1001" in {item["change"] for item in found["survivors"]}


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("    return a < b", {"< became <=", "return a < b became return None"}),
        ("    return a and not b", {"and became or", "return a and (not b) became return None"}),
        ("    x = a + 1", {"+ became -", "1 became 2"}),
        ("    x = True", {"True became False"}),
        ("    'words'", set()),
        ("    return", set()),
        ("    print(b)", {"print(b) was left out"}),
        ("    a = abs(b)", {"abs(b) became b"}),
    ],
)
def test_small_changes_are_made_on_the_given_lines_only(line: str, changes: set[str]) -> None:
    """Each operator is one way to be wrong; words and other lines are left alone."""
    source = f"def f(a, b):\n    y = 5 * 6\n{line}\n"

    found = mutants("a.py", source, [3], 20)

    assert {mutant.change for mutant in found} == changes
    assert all(mutant.line == 3 and "5 * 6" in mutant.text for mutant in found)


def test_examples_are_read_as_what_they_are() -> None:
    """Python as a whole or as a session, JSON and TOML; other languages are left alone."""
    text = (
        "```python\nawait x()\n```\n```py\n>>> 1 +\nerror\n```\n```json\n{1}\n```\n"
        "```toml\na = 1\n```\n```sh\nif\n```\n"
    )

    assert [line for line, _ in broken_examples(text)] == [4, 8]


def test_links_lead_to_files_and_headings() -> None:
    """Relative links are followed from the document's own folder; other hosts are not asked."""
    text = (
        "# One thing\n[a](../src/a.py) [b](b.md#x) [c](https://e.org/x) [d](#one-thing) [e](#two)\n"
        "[f](gone.md) `[g](gone.md)`\n[h](../../out)\n\n[i]: gone.txt\n"
    )

    told = broken_links("docs/a.md", text, ["docs/a.md", "docs/b.md", "src/a.py"])

    assert [line for line, _ in told] == [2, 3, 4, 6]
