"""Starting a build: what cannot work is said at once, in a sentence."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from core.service import OrchestrationService
from screenshots.scenes import Journal, calm, until
from tests.tui.driving import on, press, running, shown, told
from tui import projects
from tui.commands import children
from tui.forms import read_budget, read_retries
from tui.projects import ask_branch, look_at
from tui.screens import new, place
from tui.widgets import fields
from tui.widgets.picker import Picker
from tui.widgets.request import Request

JournalOf = Callable[[str], Journal]


_WHO = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")


def git(folder: Path, *words: str) -> str:
    """Run git in a folder that is made for it, and return what it says."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Surroundings in which no model can be tried."""
    for name in [n for n in os.environ if n.endswith(("_API_KEY", "_API_BASE")) or n == "QDECK_MODEL"]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_model")
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_without_a_model_the_form_names_the_ways_to_one(
    size: tuple[int, int], journal_of: JournalOf, project: Path
) -> None:
    """A build that must fail is not started; the ways stand below each other, and the words are kept."""
    async with running(journal_of("empty"), project, size=size) as (app, pilot):
        await press(app, pilot, "ctrl+n", *"Count words", "ctrl+s")
        await until(pilot, lambda: "No model is configured." in shown(app))
        text = shown(app)
        assert any(line.strip().startswith("- set a provider's key") for line in text.splitlines())
        assert "--model" not in text and "name a model, such as openai/gpt-5-mini" in " ".join(text.split())
        assert app.screen.query_one("#model").has_focus
        assert "qdeck demo" in text or size[0] < 120
        assert on(app) == "NewScreen" and not told(app)
        assert "start the build" in text and not app.board.board.model.rows


async def test_a_start_is_given_up_while_it_is_looked_whether_it_can(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the form and from the board's chat: nothing starts later, and the words are there again."""
    go_on = threading.Event()

    def slow(folder: Path) -> dict[str, Any]:
        assert go_on.wait(120)
        return {"path": str(folder), "default_branch": "main", "head": "0" * 40}

    monkeypatch.setattr(children, "check_project", slow)
    monkeypatch.setattr(children, "check_model", lambda *_: None)
    journal = journal_of("empty")
    async with running(journal, project) as (app, pilot):
        await press(app, pilot, "ctrl+n", *"Count words", "ctrl+s")
        await until(pilot, lambda: "looking at the project and the models" in shown(app))
        await press(app, pilot, "escape")
        await until(pilot, lambda: "nothing was started" in shown(app))
        assert on(app) == "NewScreen" and "Count words" in shown(app)
        await press(app, pilot, "escape", "escape", "c", *"Count lines", "enter")
        await until(pilot, lambda: "esc gives it up" in told(app))
        await press(app, pilot, "escape")
        await until(pilot, lambda: "nothing was started" in told(app))
        # Two at once: the newest goes first, and then the one before it.
        for words in ("Count pages", "Count books"):
            await press(app, pilot, "c", "ctrl+a", "ctrl+k", *words, "enter")
            await until(pilot, lambda: "esc gives it up" in told(app))
        for _ in range(2):
            app.clear_notifications()
            await press(app, pilot, "escape")
            await until(pilot, lambda: "nothing was started" in told(app))
        go_on.set()
        await app.workers.wait_for_complete()
        await press(app, pilot, "c")
        assert "Count books" in shown(app)
    service = await OrchestrationService.open(str(journal.path))
    assert await service.board() == []
    await service.close()


@pytest.mark.usefixtures("no_model")
async def test_without_a_model_the_chat_keeps_the_words(journal_of: JournalOf, project: Path) -> None:
    """The board's line to the Q Assistant starts nothing either, and loses nothing."""
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "c", *"Count words", "enter")
        await until(pilot, lambda: "\n  - set a provider's key" in told(app))
        assert on(app) == "BoardScreen" and not app.board.board.model.rows
        await press(app, pilot, "c")
        assert "Count words" in shown(app)


async def test_the_form_names_the_branch_that_counts(journal_of: JournalOf, project: Path) -> None:
    """A build starts from and merges into the default branch, whatever is checked out."""
    git(project, "checkout", "-q", "-b", "aside")
    async with running(journal_of("empty"), project, size=(80, 24)) as (app, pilot):
        await press(app, pilot, "ctrl+n")
        await until(pilot, lambda: "builds from and merges into main" in shown(app))
        assert "aside" not in shown(app) and "asks you at the gates" in shown(app)
        await pilot.resize_terminal(60, 20)
        await calm(pilot)
        assert all(
            f"{told} " in shown(app) for told in ("at the gates", "every step", "$; no limit", "4h; none")
        ), "what explains a field is read to its end"


async def test_what_is_wrong_with_a_folder_is_read_to_its_end(journal_of: JournalOf) -> None:
    """A sentence that is too long for a row of 80 cells goes on in the next one."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(journal_of("empty"), Path(folder), size=(80, 24)) as (app, pilot):
            app.project = Path(folder)
            await press(app, pilot, "ctrl+n")
            await until(pilot, lambda: "is not a git repository" in " ".join(shown(app).split()))
            assert "there and commit." in " ".join(shown(app).split())


async def test_a_build_starts_with_everything_that_was_chosen(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Project, words, autonomy, model and budget are in the journal, with the commit that it starts from."""
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-one")
    git(project, "checkout", "-q", "-b", "aside")
    git(project, *_WHO, "commit", "-q", "--allow-empty", "-m", "not for this build")
    base = git(project, "rev-parse", "main")
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(
            app, pilot, "ctrl+n", *"Count words", "escape", "j", "j", "tab", *"openai/gpt-5", "tab", *"2.5"
        )
        await press(app, pilot, "tab", "ctrl+u", *"7", "tab", *"1h30m", "ctrl+r", "tab", *"openai/gpt-5-mini")
        await press(app, pilot, "ctrl+s")
        await until(pilot, lambda: on(app) == "WorkflowScreen" and app.screen.picture is not None)
        view = app.screen.picture.view  # type: ignore[attr-defined]
        assert (view.title, view.project_name, view.autonomy.value) == ("Count words", "text-tools", "auto")
        assert view.budget_usd == 2.5
        assert view.retry_budget == 7
        assert [(d.name, d.limit) for d in view.deadlines] == [("workflow", 5400.0)]
        assert view.models == {
            "q_assistant": "openai/gpt-5",
            "code_writer": "openai/gpt-5-mini",
            "test_auditor": "openai/gpt-5",
            "verification_overseer": "openai/gpt-5",
            "release_manager": "openai/gpt-5",
        }
        assert view.base_commit == base, "the default branch counts, not the one that is checked out"
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen", "the form is gone"


async def test_what_was_written_is_there_again(journal_of: JournalOf, project: Path) -> None:
    """Leaving the form loses nothing; starting empties it."""
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", *"Half a plan", "escape", "escape")
        assert on(app) == "BoardScreen"
        await press(app, pilot, "ctrl+n")
        assert "Half a plan" in shown(app)
        await press(app, pilot, "shift+tab", "home", "ctrl+k", *"/nowhere")
        await until(pilot, lambda: "There is no folder /nowhere" in shown(app))
        await press(app, pilot, "escape")
        assert on(app) == "BoardScreen"
        # A later version may have kept a word that this one does not know.
        app.form["autonomy"] = "reckless"
        await press(app, pilot, "ctrl+n")
        assert "Half a plan" in shown(app) and "/nowhere" not in shown(app), "a mistake is not kept"
        assert app.screen.query_one("#project", Input).value == "~/text-tools"


async def test_recent_projects_and_folders_are_offered(
    journal_of: JournalOf, project: Path, tmp_path: Path
) -> None:
    """Down takes a project that was built in before; what is typed completes itself from the disk."""
    (project.parent / "text-\x1b[2Jevil").mkdir()
    async with running(journal_of("review"), project, size=(80, 24)) as (app, pilot):
        await press(app, pilot, "ctrl+n", "shift+tab")
        places = app.screen.query_one("#places", Picker)
        await until(pilot, lambda: places.display and len(places.options) > 1)
        await press(app, pilot, "down", "down")
        field = app.screen.query_one("#project", Input)
        assert field.value == places.options[1].value != "~/text-tools"
        await pilot.click(places, offset=(4, 0))
        assert field.value == places.options[0].value and field.has_focus
        await press(app, pilot, "home", "ctrl+k", *"~/text")
        await until(pilot, lambda: [o.value for o in places.options] == ["~/text-tools"])
        await until(pilot, lambda: field._suggestion == "~/text-tools")
        await press(app, pilot, "right")
        await until(pilot, lambda: "builds from and merges into main" in shown(app))
        assert field.value == "~/text-tools"


async def test_projects_and_templates_are_searched(journal_of: JournalOf, project: Path) -> None:
    """From the text field too: a key searches all projects that were built in, and / the templates."""
    async with running(journal_of("review"), project, size=(80, 24)) as (app, pilot):
        await press(app, pilot, "ctrl+n")
        await until(pilot, lambda: len(app.screen._recent) > 1)  # type: ignore[attr-defined]
        await press(app, pilot, "ctrl+f", *"shop", "enter")
        assert on(app) == "PickScreen" and "match 1 of 1" in shown(app)
        await press(app, pilot, "enter")
        assert app.screen.query_one("#project", Input).value.endswith("shop-api")
        await press(app, pilot, "ctrl+t", "slash", *"refactor", "enter", "enter")
        assert app.screen.query_one(Request).text.startswith("What should change in the code")


async def test_a_home_of_nobody_is_no_folder(journal_of: JournalOf, project: Path) -> None:
    """A name behind the tilde that nobody has is a mistake to be told, in the field and where git looks."""
    assert look_at("~nobody-at-all/x").trouble == "Nobody here is called nobody-at-all."
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", "shift+tab", "home", "ctrl+k", *"~nobody-at-all/x")
        await until(pilot, lambda: "Nobody here is called nobody-at-all." in shown(app))
        await app.workers.wait_for_complete()


async def test_no_key_waits_for_a_slow_disk(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders are looked up beside the app, and offered when they are found."""
    threads: set[threading.Thread] = set()
    usual = projects.complete

    def noted(text: str, most: int = 8) -> list[str]:
        threads.add(threading.current_thread())
        return usual(text, most)

    for module in (place, fields):
        monkeypatch.setattr(module, "complete", noted)
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", "shift+tab", "home", "ctrl+k", *"~/te")
        places = app.screen.query_one("#places", Picker)
        await until(pilot, lambda: [o.value for o in places.options] == ["~/text-tools"])
    assert threads and threading.main_thread() not in threads


async def test_no_key_waits_for_a_slow_git(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed while the folder is looked at is written, and escape gives the start up."""
    go_on = threading.Event()

    def slow(path: str) -> projects.Look:
        assert go_on.wait(120)
        return look_at(path)

    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", *"Count word")
        await until(pilot, lambda: app.screen.look.branch != "")  # type: ignore[attr-defined]
        monkeypatch.setattr(new, "look_at", slow)
        driver = app._driver
        assert driver is not None
        for key in ("ctrl+s", "s"):
            # Without waiting for the app, as a terminal does.
            driver.send_message(events.Key(key, key if len(key) == 1 else None))
        try:
            await until(pilot, lambda: app.screen.query_one(Request).text == "Count words", 10)
            assert "looking at the project" in shown(app)
            driver.send_message(events.Key("escape", None))
            await until(pilot, lambda: "nothing was started" in shown(app), 10)
        finally:
            go_on.set()
        await app.workers.wait_for_complete()
        assert on(app) == "NewScreen" and not app.board.board.model.rows


async def test_a_template_is_put_below_what_is_written(journal_of: JournalOf, project: Path) -> None:
    """Shipped ones and the user's own; a template from outside is only text."""
    async with running(journal_of("empty"), project) as (app, pilot):
        folder = app.settings.paths.config / "templates"
        folder.mkdir(parents=True)
        (folder / "mine.md").write_text("# Mine [red]\x1b[2J\n\nAs always.\n")
        await press(app, pilot, "ctrl+n", *"Count words", "ctrl+t")
        assert "Mine [red]" in shown(app) and "Fix: something is wrong" in shown(app)
        await press(app, pilot, "enter")
        assert app.screen.query_one(Request).text == "Count words\n\nAs always.\n"


async def test_a_megabyte_is_refused_in_words(journal_of: JournalOf, project: Path) -> None:
    """Nothing of it is taken, and what was written stays; a page of text is taken whole."""
    async with running(journal_of("empty"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n", *"Count ")
        request = app.screen.query_one(Request)
        app.post_message(events.Paste("x" * 1_000_000))
        await until(pilot, lambda: "That has 1,000,000 characters" in shown(app))
        assert request.text == "Count "
        app.post_message(events.Paste("words\n" * 100))
        await until(pilot, lambda: request.text == "Count " + "words\n" * 100)


@pytest.mark.parametrize("text", ["", "-1", "x", "1.5", "٣", "1001"])
def test_steps_back_that_are_none_are_refused_in_a_sentence(text: str) -> None:
    """A whole number, in digits that everybody reads."""
    with pytest.raises(ValueError, match=r"The steps back .*\."):
        read_retries(text)


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
    assert (look.top, look.trouble, look.changes) == (project.resolve(), "", False)
    assert ask_branch(look).branch == "main"
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


async def test_the_form_is_left_while_its_start_is_looked_at(
    journal_of: JournalOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What git answers then is told to nobody, and ends nothing."""
    goes_on = threading.Event()

    def waits(path: str) -> projects.Look:
        goes_on.wait(30.0)
        return look_at(path)

    async with running(journal_of("review"), project) as (app, pilot):
        await press(app, pilot, "ctrl+n")
        await until(pilot, lambda: "builds from and merges into" in shown(app))
        monkeypatch.setattr(new, "look_at", waits)
        # By the app, which does not give it up with the screen: as if the answer came in between.
        started = app.run_worker(app.screen._start_when_ready())  # type: ignore[attr-defined]
        await app.pop_screen()
        goes_on.set()
        await started.wait()
        assert on(app) == "BoardScreen" and app.is_running
