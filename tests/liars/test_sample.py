"""A fixed sample of the corpus in every run of the tests; `python -m tests.liars` has the rest."""

from __future__ import annotations

import pytest

from tests.liars.pairs import read_pairs
from tests.liars.run import run_pairs
from tests.liars.table import rows, sound

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
)


@pytest.mark.journey
@pytest.mark.parametrize("name", SAMPLE)
def test_the_liar_is_stopped_by_its_clause_and_the_twin_is_complete(name: str) -> None:
    """Both builds are real; only the words are scripted."""
    outcomes = run_pairs(read_pairs([name]))

    assert sound(outcomes), "\n".join(rows(outcomes[0], verbose=True))
