"""A fixed sample of the corpus in every run of the tests; `python -m tests.liars` has the rest."""

from __future__ import annotations

import re

import pytest

from tests.liars.pairs import read_pairs
from tests.liars.run import run_pairs
from tests.liars.table import BEGIN, END, FAMILIES, README, readme_table, rows, sound

SAMPLE = (
    "empty-diff",
    "idle-test",
    "deleted-test",
    "weakened-test",
    "fake-pytest",
    "exit-on-import",
    "eval-on-input",
    "reads-home",
    "path-outside",
    "edited-after-the-green-run",
    "escapes-in-every-text",
    "asserts-nothing",
)


@pytest.mark.journey
@pytest.mark.parametrize("name", SAMPLE)
def test_the_liar_is_stopped_by_its_clause_and_the_twin_is_complete(name: str) -> None:
    """Both builds are real; only the words are scripted."""
    outcomes = run_pairs(read_pairs([name]))

    assert sound(outcomes), "\n".join(rows(outcomes[0], verbose=True))


def test_the_readme_tells_the_corpus_as_it_is() -> None:
    """Its table is made from the files; its last line is of a run of all in which the gates held."""
    pairs = read_pairs()
    shown = README.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    count = re.search(r"liars through: 0 of (\d+); honest twins complete: (\d+) of (\d+)", shown)

    assert {pair.family for pair in pairs} <= set(FAMILIES)
    assert readme_table(pairs) in shown
    assert count is None or int(count[1]) == int(count[2]) == int(count[3]) <= len(pairs)


def test_every_pair_tells_two_different_stories() -> None:
    """A twin that is its liar, or a liar that says nothing of its own, would prove nothing."""
    for pair in read_pairs():
        assert pair.liar != pair.twin, pair.name
        assert re.compile(pair.says), pair.name
