"""Finding one's way at the prompt: help in groups, and completion in a real bash."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.calls import CommandLine
from tui.commands.grouping import GROUPS


def test_help_groups_every_command(qdeck: CommandLine) -> None:
    """Nothing is left over, and each line fits eighty columns."""
    text = qdeck.inside("--help").ended(0).out
    assert "More:" not in text and "Commands:" not in text
    for title, _ in GROUPS:
        assert f"\n{title}:\n" in text
    for line in ("run ", "advance ", "status ", "web ", "completion "):
        assert f"\n  {line}" in text
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize(
    ("line", "expected", "not_expected"),
    [
        ("qdeck ro", {"rollback"}, {"run"}),
        ("qdeck run --auto", {"--autonomy"}, {"--budget"}),
        ("qdeck run --autonomy ", {"manual", "gated", "auto"}, {"--budget"}),
        ("qdeck config ", {"path", "show"}, {"run"}),
        ("qdeck completion ", {"bash", "zsh", "fish"}, {"run"}),
    ],
)
def test_bash_completes(
    line: str, expected: set[str], not_expected: set[str], qdeck: CommandLine, tmp_path: Path
) -> None:
    """A real bash, with the script that is printed for it, and qdeck itself not even on the path."""
    script = tmp_path / "completion.bash"
    script.write_text(qdeck.inside("completion", "bash").ended(0).out)
    words = line.split(" ")
    program = f"""
        source {script}
        COMP_WORDS=({" ".join(repr(word) for word in words)}) COMP_CWORD={len(words) - 1}
        _qdeck
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-euc", program], capture_output=True, text=True, check=True, timeout=30
    )
    offered = set(done.stdout.split())
    assert expected <= offered and not offered & not_expected


def test_bash_offers_the_builds_there_are(qdeck: CommandLine, repo: Path, tmp_path: Path) -> None:
    """Where a command is about a build its id completes, also on a path of arguments; never for an option."""
    build = qdeck.start(repo).build_id
    program = tmp_path / "qdeck"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(qdeck.argv())} "$@"\n')
    program.chmod(0o755)
    script = qdeck.inside("completion", "bash").ended(0).out
    for line, offered in (("advance B-", True), ("status ", True), ("advance --", False), ("run ", False)):
        words = ["qdeck", *line.split(" ")]
        asked = f"""{script}
            COMP_WORDS=({" ".join(map(repr, words))}) COMP_CWORD={len(words) - 1}
            _qdeck {program}
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(
            ["bash", "--norc", "-euc", asked],
            env=qdeck.env,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert (build in done.stdout.split()) is offered, line
    assert "completion --builds" in qdeck.inside("completion", "fish").ended(0).out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script_too(shell: str, qdeck: CommandLine) -> None:
    """It names the commands and the values; a shell that is unknown is refused."""
    text = qdeck.inside("completion", shell).ended(0).out
    assert "rollback" in text and "manual gated auto" in text
    assert qdeck.inside("completion", "cmd").code == 64
