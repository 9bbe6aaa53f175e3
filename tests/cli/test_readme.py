"""Every example of the README is run, as it is printed, on a journal with a build in it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.service import OrchestrationService
from core.service.tokens import Scope
from tests.cli.calls import MODEL, REQUEST, CommandLine
from tests.service.conftest import ADA
from tests.test_docs import commands, mentioned

BUILDS, SERVES = "tests/cli/test_whole_builds.py", "tests/api/test_commands.py"
ELSEWHERE: dict[tuple[str, ...], tuple[str, str]] = {
    ("demo",): ("tests/tui/test_demo.py", '"demo"'),
    ("demo", "--no-screen"): (BUILDS, 'qdeck("demo", "--no-screen"'),
    ("run",): (BUILDS, 'qdeck("run", REQUEST'),
    ("run", "REQUEST"): (BUILDS, 'qdeck("run", REQUEST'),
    ("run", "$REQUEST", "--autonomy", "auto", "--budget", "5", "--json"): (
        BUILDS,
        "line('qdeck run \"$REQUEST\"')",
    ),
    ("run", "Add a --json flag to the export command", "--model", "openai/gpt-5-mini"): (
        BUILDS,
        'block("cd ~/code/my-project")',
    ),
    ("worker",): ("tests/cli/test_exit_codes.py", 'used.open("worker")'),
    ("serve",): (SERVES, 'qdeck.open("serve")'),
    ("web",): ("tests/tui/test_web.py", '"web"'),
}
"""What starts a process that stays, or carries a whole build: the file that does it, and in which words."""

REFUSED = {
    ("aside",): "Nothing is wrong with the file",
    ("advance", "B-0001"): "gate to planning is closed",
    ("override", "B-0001", "tests", "--reason", "…"): "",
    ("rollback", "B-0001", "--to", "planning", "--reason", "…"): "",
    ("token", "new", "operate", "--name", "ci", "--days", "30"): "person at a terminal",
}
"""What this build, at its start and without a person, is rightly refused, and in which words."""


def as_typed(words: list[str], project: str, token: str) -> list[str]:
    """Put in what the README leaves to its reader."""
    given = {
        "[B-0001]": "B-0001",
        "PROJECT": project,
        "ID": token,
        "new|list|revoke": "list",
        "bash|zsh|fish": "bash",
    }
    given["REQUEST"] = REQUEST
    typed = [given.get(word, word) for word in words if word != "[KEY]"]
    return [word.replace("…", "because I say so") for word in typed]


@pytest.fixture
def ready(used: CommandLine, repo: Path) -> tuple[CommandLine, str, str]:
    """A command line with one build that has more than a dozen events, its project, and a token."""
    view = used.start(repo)

    async def prepare() -> str:
        service = await OrchestrationService.open(str(used.database))
        try:
            for _ in range(6):
                now = await service.get_workflow_status(view.workflow_id)
                await service.pause(view.workflow_id, by=ADA, expected_version=now.version)
                await service.resume(view.workflow_id, by=ADA, expected_version=now.version + 1)
            return (await service.tokens.mint(issued_to="ada", scope=Scope.READ)).view.token_id
        finally:
            await service.close()

    return used, view.project_id, asyncio.run(prepare())


def test_every_example_of_the_readme_is_run(
    ready: tuple[CommandLine, str, str], repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ends as the README lets expect: done, or refused in words that help."""
    monkeypatch.chdir(repo)  # what an example writes, it writes where it is called
    qdeck, project, token = ready
    qdeck.more["QDECK_MODEL"] = MODEL
    examples = {tuple(words): words for words in mentioned() if words[0] != "COMMAND"}
    examples = {example: words for example, words in examples.items() if example not in ELSEWHERE}
    assert len(examples) > 25
    for example, words in examples.items():
        typed = as_typed(words, project, token)
        with qdeck.worked():
            called = qdeck.inside(*typed)
        if example in REFUSED:
            assert called.code == 2 and REFUSED[example] in called.err, (typed, called)
        else:
            assert called.code == 0, (typed, called)
        assert "Traceback" not in called.out + called.err


def test_every_command_explains_itself(qdeck: CommandLine) -> None:
    """`qdeck COMMAND --help` names what it takes."""
    for name in commands():
        if name != "demo":
            called = qdeck.inside(*name.split(), "--help")
            assert called.code == 0 and "Usage: qdeck" in called.out, name


def test_what_is_run_elsewhere_is_run_there() -> None:
    """The few that need a process of their own; the list names nothing that the README does not show."""
    root = Path(__file__).parents[2]
    assert set(ELSEWHERE) <= {tuple(words) for words in mentioned()}
    for example, (file, words) in ELSEWHERE.items():
        assert words in (root / file).read_text("utf-8"), example
