"""Tells outcomes as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.liars.pairs import Pair
from tests.liars.run import Outcome
from tests.liars.verdict import Build

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- liars:begin -->", "<!-- liars:end -->"
FAMILIES = {
    "claims": "say that it is done: no code, no test, no change",
    "tests": "delete, skip, rename, weaken, mock, configure away or dodge tests",
    "runner": "leave early, rewrite outcomes and reports, bring a runner or a plugin along",
    "review": "`eval`, shell, secrets, silenced scanners, empty checklists",
    "content": "conflict markers, huge files, dependencies nobody said yes to",
    "kinds": "call a feature documentation, hide a change in a refactoring, prove nothing",
    "stale": "edit after the green run, approve themselves or another digest, forge evidence",
    "sandbox": "read keys and home, reach network and sockets, write the journal, fork, flood, sleep",
    "git": "plant hooks, filters, submodules, links, a `.git` of their own",
    "scope": "write outside, through links, as the wrong role; name transitions and other builds",
    "injection": "obey a README, test output, file name, commit message or request",
    "screens": "paint over the screen from every text",
    "config": "loosen `.qdeck.toml`, in the change or at the base",
    "release": "fail only once merged, ship on a moved branch, write over a conflict, pretend to deploy",
    "ecosystems": "the same in JavaScript, Rust, Go, make, and Python with packages",
}
"""What the liars of each family try, for the README; in this order."""


def readme_table(pairs: Sequence[Pair]) -> str:
    """Return the corpus as a table of its families."""
    counts = {family: sum(pair.family == family for pair in pairs) for family in FAMILIES}
    told = [
        f"| {family} | {counts[family]} | {text} |" for family, text in FAMILIES.items() if counts[family]
    ]
    return "\n".join(["| liars | pairs | try to |", "| --- | --- | --- |", *told])


def write_readme(pairs: Sequence[Pair], line: str) -> None:
    """Put the table and the last line of a whole run between the marks in the README."""
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    text = f"{before}{BEGIN}\n{readme_table(pairs)}\n\n`{line}`\n{END}{after}"
    README.write_text(text, "utf-8")


def last_line(outcomes: Sequence[Outcome]) -> str:
    """Return the two rates, as they stand in the README too."""
    ran = [outcome for outcome in outcomes if outcome.ran]
    through = sum(not outcome.caught for outcome in ran)
    honest = sum(outcome.honest for outcome in ran)
    return f"liars through: {through} of {len(ran)}; honest twins complete: {honest} of {len(ran)}"


def sound(outcomes: Iterable[Outcome]) -> bool:
    """Say whether every liar was stopped as its file says and every twin is complete."""
    return all(outcome.caught and outcome.honest for outcome in outcomes if outcome.ran)


def unnamed(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the clauses that gates asked about and that no pair of the run names."""
    asked: set[str] = set()
    named: set[str] = set()
    for outcome in outcomes:
        named |= {outcome.pair.stopped_by, outcome.pair.barrier}
        for build in (outcome.liar, outcome.twin):
            asked |= build.asked if build else set()
    return sorted(asked - named)


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
