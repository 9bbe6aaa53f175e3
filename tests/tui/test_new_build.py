"""Starting a build: what cannot work is said at once, in a sentence."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from screenshots.scenes import Journal, until
from tests.tui.driving import on, press, running, shown
from tui.projects import look_at
from tui.screens.new import read_budget

JournalOf = Callable[[str], Journal]


def git(folder: Path, *words: str) -> None:
    """Run git in a folder that is made for it."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


async def test_a_build_starts_with_everything_that_was_chosen(journal_of: JournalOf, project: Path) -> None:
    """Project, words, autonomy, model and budget are in the journal."""
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(
            app, pilot, "ctrl+n", *"Count words", "escape", "j", "j", "tab", *"openai/gpt-5", "tab", *"2.5"
        )
        await press(app, pilot, "ctrl+s")
        await until(pilot, lambda: on(app) == "WorkflowScreen" and app.screen.picture is not None)
        view = app.screen.picture.view  # type: ignore[attr-defined]
        assert (view.title, view.project_name, view.autonomy.value) == ("Count words", "text-tools", "auto")
        assert view.budget_usd == 2.5
        assert set(view.models.values()) == {"openai/gpt-5"}
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen", "the form is gone"


async def test_what_was_written_is_there_again(journal_of: JournalOf, project: Path) -> None:
    """Leaving the form loses nothing; starting empties it."""
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", *"Half a plan", "escape", "escape")
        assert on(app) == "BoardScreen"
        await press(app, pilot, "ctrl+n")
        assert "Half a plan" in shown(app)


async def test_an_empty_request_is_asked_for(journal_of: JournalOf, project: Path) -> None:
    """Nothing starts without words."""
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", "ctrl+s")
        await until(pilot, lambda: "Say in a sentence what should be built." in shown(app))
        assert on(app) == "NewScreen"


@pytest.mark.parametrize("text", ["abc", "-1", "0", "1e9", "nan"])
def test_a_budget_that_is_none_is_refused_in_a_sentence(text: str) -> None:
    """Money is a number, and more than nothing."""
    with pytest.raises(ValueError, match=r"The budget .*\."):
        read_budget(text)


@pytest.mark.parametrize(("text", "budget"), [("", None), (" $2.50 ", 2.5), ("2,5", 2.5), ("10", 10.0)])
def test_a_budget_is_read_as_people_write_it(text: str, budget: float | None) -> None:
    """With a dollar sign or a comma too."""
    assert read_budget(text) == budget


def test_a_repository_is_found_from_any_folder_of_it(project: Path) -> None:
    """The top of it is what counts."""
    (project / "sub").mkdir()
    look = look_at(str(project / "sub"))
    assert (look.top, look.branch, look.trouble, look.changes) == (project.resolve(), "main", "", False)
    (project / "README.md").write_text("changed\n")
    assert look_at(str(project)).changes


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("nothing", "Name the folder"),
        ("missing", "There is no folder"),
        ("file", "is a file"),
        ("plain", "is not a git repository"),
        ("bare", "is a bare repository"),
        ("empty", "has no commit yet"),
        ("nul", "characters that cannot be seen"),
        ("long", "cannot be read"),
    ],
)
def test_a_folder_that_cannot_be_built_in_says_why(kind: str, sentence: str, tmp_path: Path) -> None:
    """Whatever is typed, one sentence comes back."""
    folder = tmp_path / kind
    match kind:
        case "file":
            folder.write_text("x")
        case "plain":
            folder.mkdir()
        case "bare":
            git(folder, "init", "-q", "--bare")
        case "empty":
            git(folder, "init", "-q")
    typed = {"nothing": " ", "nul": "/tmp/\0x", "long": "/" + "x" * 5000}.get(kind, str(folder))
    look = look_at(typed)
    assert look.top is None
    assert sentence in look.trouble and look.trouble.endswith(".")


def test_a_hostile_repository_runs_nothing(project: Path, tmp_path: Path) -> None:
    """Hooks and monitors of a repository are not started by looking at it."""
    mark = tmp_path / "ran"
    git(project, "config", "core.fsmonitor", f"touch {mark}")
    look_at(str(project))
    assert not mark.exists()
