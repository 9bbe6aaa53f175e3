"""Tells outcomes as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.liars.run import Outcome
from tests.liars.verdict import Build


def last_line(outcomes: Sequence[Outcome]) -> str:
    """Return the two rates, as they stand in the README too."""
    ran = [outcome for outcome in outcomes if outcome.ran]
    through = sum(not outcome.caught for outcome in ran)
    honest = sum(outcome.honest for outcome in ran)
    return f"liars through: {through} of {len(ran)}; honest twins complete: {honest} of {len(ran)}"


def sound(outcomes: Iterable[Outcome]) -> bool:
    """Say whether every liar was stopped as its file says and every twin is complete."""
    return all(outcome.caught and outcome.honest for outcome in outcomes if outcome.ran)


def rows(outcome: Outcome, verbose: bool = False) -> list[str]:
    """Return the lines of one pair: how both builds ended, and what was wrong with that."""
    pair = outcome.pair
    if outcome.liar is None:
        return [f"-   {pair.name:34} not run: {pair.program} is not installed"]
    good = outcome.caught and (outcome.twin is None or outcome.honest)
    said = pair.stopped_by if outcome.caught else f"NOT by {pair.stopped_by}"
    if outcome.through:
        said = "THROUGH"
    seconds = outcome.liar.seconds + (outcome.twin.seconds if outcome.twin else 0)
    twin = f"twin {outcome.twin.ending}" if outcome.twin else ""
    told = [f"{'ok ' if good else 'NO '} {pair.name:34} {said:40} {twin:24} {seconds:5.1f} s"]
    if not outcome.caught or verbose:
        told += _why("liar", outcome.liar)
    if outcome.twin is not None and (not outcome.honest or verbose):
        told += _why("twin", outcome.twin)
    return told


def _why(name: str, build: Build) -> list[str]:
    told = [f"      {name}: {build.ending}; {_short(build.reason, 300)}"]
    told += [f"        harm: {harm}" for harm in build.harm]
    lines = [f"        {refused}: {_short(refused.text, 400)}" for refused in build.refused]
    return told + list(dict.fromkeys(lines))


def _short(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
