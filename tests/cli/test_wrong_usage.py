"""What people get to read who mistype: no words of the libraries, no new file, and a way on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.calls import CommandLine

MISTYPED: tuple[tuple[str, str], ...] = (
    ("budget B-0001 -5", r"^-5 is below zero\.\nA budget is .*`none` for no limit"),
    ("budget B-0001 -.5 --json", r"-\.5 is below zero"),
    ("deadline B-0001 -5h", r"^-5h is below zero\.\nA deadline is a span of time"),
    ("history B-0001 -5", r"^There is no option -5\.\n`qdeck history --help`"),
    ("history B-0001 --limit -1", r"^--limit has to be a whole number, 0 or more\."),
    ("history B-0001 --limit x", r"^--limit has to be a whole number, 0 or more\."),
    ("history", r"^WORKFLOW is missing\.\nWORKFLOW: A build id"),
    ("fork B-0001", r"^--at is missing\.\n--at: The event to begin at"),
    ("run hi --budget x", r"^--budget has to be a number, 0 or more\."),
    ("run hi --autonomy foo", r"^--autonomy cannot be 'foo': it has to be one of manual, gated, auto"),
    ("web --port 99999", r"^--port has to be a whole number from 0 to 65535\."),
    ("web --prot 1", r"^There is no option --prot\. Did you mean --port\?"),
    ("run hi --model", r"^--model needs a value\."),
    ("machine x", r"^`qdeck machine` has no use for 'x'\."),
    ("completion cmd", r"^SHELL has to be bash, zsh or fish\."),
    ("completion", r"^SHELL is missing\."),
    ("stauts", r"^There is no command 'stauts'\. Did you mean stats, status or start\?\n"),
    ("nonsense", r"^There is no command 'nonsense'\.\n"),
    ("config", r"^A command is missing\."),
    ("--db", r"^--db needs a value\."),
    ("--nonsense", r"^There is no option --nonsense\."),
    ("demo --autonomy foo", r"^--autonomy cannot be 'foo'; it has to be manual, gated or auto\."),
    ("demo x", r"^`qdeck demo` has no use for x\."),
    ("run hi --project ~nobody-at-all/x", r"^Nobody here is called nobody-at-all\.\nCorrect the path\."),
    ("status --db ~nobody-at-all/x.db", r"^Nobody here is called nobody-at-all\."),
)
LIBRARIES = re.compile(
    r"Input should|Invalid value|unexpected extra|No such|\[required\]|<\w+( range)?>|\{[A-Z]"
)


@pytest.mark.parametrize(("line", "told"), MISTYPED, ids=[line for line, _ in MISTYPED])
def test_wrong_usage_is_told_in_words(line: str, told: str, qdeck: CommandLine) -> None:
    """What is wrong, what it has to be, where more is said; exit code 64, and no journal is made."""
    called = qdeck.inside(*line.split()).ended(64)
    text = called.err or called.data["what"]
    assert re.search(told, text), text
    assert not LIBRARIES.search(text)
    assert not qdeck.database.exists()


def test_the_help_of_every_command_reads_well(qdeck: CommandLine) -> None:
    """No line of the overview is cut off; no command's page has types, braces or ranges of a library."""
    overview = qdeck.inside("--help").ended(0).out
    assert not re.search(r"\w\.\.\.|…", overview), overview
    names = [*re.findall(r"^  ([a-z]+) {2,}", overview, re.MULTILINE)]
    assert len(names) > 25
    for name in set(names) - {"demo"}:
        text = qdeck.inside(name, "--help").ended(0).out
        assert not LIBRARIES.search(text), text
        assert f"qdeck {name} [" in text


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_a_journal_that_is_named_and_not_there_is_not_made(
    by: str, qdeck: CommandLine, tmp_path: Path
) -> None:
    """A typing error in a path is said, whatever was asked; nothing lies there afterwards."""
    place = tmp_path / "typo" / "x.db"
    flag = ["--db", str(place)] if by == "flag" else []
    qdeck.more = {} if by == "flag" else {"QDECK_DATABASE_URL": str(place)}
    lines = "status|status B-1|history B-1|stats|projects|verify|rebuild --check|export B-1|token list|web|"
    lines += "pause B-1|budget B-1 5|chat B-1 hi|standing p|grant p|--read-only|--open B-1"
    for line in lines.split("|"):
        told = qdeck.inside(*line.split(), *flag).ended(1)
        assert f"There is no journal at {place}" in told.err, line
        assert "Nothing was made" in told.err and "Correct the path" in told.err
    # In a process of its own: a worker that did begin would go on until it is told to end.
    assert f"There is no journal at {place}" in qdeck("worker", *flag).ended(1).err
    assert not place.parent.exists()
    assert f"no file {place}" in qdeck.inside("aside", *flag).ended(2).err
    qdeck.more = {}
    assert "is a folder" in qdeck.inside("status", "--db", str(tmp_path)).ended(1).err
    assert "No workflow yet" in qdeck.inside("status").ended(0).out
