"""Every screen of the app as a scene: which journal it shows, and which keys lead there."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

from filelock import FileLock
from textual.pilot import Pilot

from core.config import worker_lock_path
from core.journal import messages
from core.service import orders, registry, service
from screenshots.journal import Clock, Writer
from screenshots.story import others, slugify
from tui.app import QdeckApp
from tui.options import AppOptions
from tui.widgets.conversation import Conversation

STAGES = ("empty", "plan", "testing", "asking", "weighed", "review", "complete")
PANES_SHOWN = ("", "plan", "diff", "tests", "review", "handoffs", "cost", "events")
SIZES = ((80, 24), (120, 40))


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal on disk, the build that it tells in full, and the time at which it is looked at."""

    path: Path
    workflow_id: str
    at: float

    @property
    def url(self) -> str:
        """Its address."""
        return f"sqlite:///{self.path}"

    def copy(self, folder: Path) -> Journal:
        """The same journal in another folder."""
        shutil.copytree(self.path.parent, folder, dirs_exist_ok=True)
        return Journal(folder / self.path.name, self.workflow_id, self.at)


def _id_of(numbers: Iterator[int]) -> UUID:
    return UUID(int=next(numbers), version=4)


@contextmanager
def counted_ids() -> Iterator[None]:
    """Let ids count from one, so that digests and hashes over them are the same in every picture."""
    count, said = itertools.count(1), itertools.count(1 << 32)
    makers = (registry, orders, service, messages)
    before = [module.uuid4 for module in makers]
    for module in makers:
        numbers = said if module is messages else count
        module.uuid4 = partial(_id_of, numbers)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module, maker in zip(makers, before, strict=True):
            module.uuid4 = maker  # type: ignore[attr-defined]


async def write_journal(stage: str, folder: Path) -> Journal:
    """Write the journal of a stage into `folder`, which is made by that."""
    with counted_ids():
        return await _write_journal(stage, folder)


async def _write_journal(stage: str, folder: Path) -> Journal:
    path = folder / "qdeck.db"
    writer = await Writer.open(str(path), Clock())
    workflow_id = ""
    try:
        if stage != "empty":
            await others(writer)
            workflow_id = (await slugify(writer, stage)).workflow_id
        writer.clock.wait(75)
        return Journal(path, workflow_id, writer.clock.seconds())
    finally:
        await writer.close()


def write_project(folder: Path) -> Path:
    """Make the git repository that new builds would go to."""
    project = folder / "text-tools"
    if not project.exists():
        project.mkdir(parents=True)
        (project / "README.md").write_text("text-tools\n")
        who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-q", "-m", "start"]):
            subprocess.run(["git", *words], cwd=project, check=True)
    return project


@contextmanager
def person_at_home(home: Path) -> Iterator[None]:
    """Let the person be called ada and live in `home`, in UTC, wherever the pictures are made."""
    names = {"HOME": str(home), "LOGNAME": "ada", "QDECK_HOME": str(home / "qdeck"), "TZ": "UTC"}
    before = {name: os.environ.get(name) for name in [*names, "NO_COLOR", "TEXTUAL_THEME"]}
    os.environ.update(names)
    os.environ.pop("NO_COLOR", None)
    os.environ.pop("TEXTUAL_THEME", None)
    time.tzset()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        time.tzset()


def make_app(journal: Journal, project: Path | None, theme: str = "") -> QdeckApp:
    """Make the real app on a journal, at the journal's own time."""
    options = AppOptions(database_url=str(journal.path), project=project, theme=theme, start_worker=False)
    return QdeckApp(options, clock=lambda: journal.at)


@contextmanager
def worker_lives(journal: Journal) -> Iterator[None]:
    """Hold the worker's lock, so that the app sees one alive."""
    path = worker_lock_path(journal.url)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


@asynccontextmanager
async def playing(app: QdeckApp, size: tuple[int, int]) -> AsyncIterator[Pilot[int]]:
    """Run the app, and begin when it knows its journal."""
    async with app.run_test(size=size) as pilot:
        await ready(app, pilot)
        yield pilot


async def ready(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Wait until the journal is open and the worker is seen."""
    await until(pilot, lambda: app.journal_open and app.worker_seen)
    await calm(pilot)


async def until(pilot: Pilot[int], what: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a state, not for a time."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError("the app did not come to the state that was waited for")
        await asyncio.sleep(0.01)
        await pilot.pause()


async def calm(pilot: Pilot[int]) -> None:
    """Wait until everything that was ordered is drawn."""
    for _ in range(3):
        await pilot.pause()
    await pilot.wait_for_scheduled_animations()


async def shows_picture(app: QdeckApp, pilot: Pilot[int]) -> None:
    """Wait until the screen on top has its picture, and has drawn it."""
    await until(pilot, lambda: getattr(app.screen, "picture", None) is not None)
    await calm(pilot)
    # What streams is drawn twelve times a second.
    await until(pilot, lambda: all(talk.settled for talk in app.screen.query(Conversation)))
    await calm(pilot)


Play = Callable[[QdeckApp, Pilot[int], Journal], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture: its name, the stage of its journal, and how to get there."""

    name: str
    stage: str
    play: Play


def _keys(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        for key in keys:
            await pilot.press(key)
            await calm(pilot)

    return play


def _opened(pane: str = "", *keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.open_workflow(journal.workflow_id, pane)
        await shows_picture(app, pilot)
        await _keys(*keys)(app, pilot, journal)

    return play


def _deciding(how: str, *keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        getattr(app, f"open_{how}")(journal.workflow_id)
        await shows_picture(app, pilot)
        await until(pilot, lambda: app.screen.armed())  # type: ignore[attr-defined]
        await _keys(*keys)(app, pilot, journal)

    return play


def _history(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.open_history(journal.workflow_id)
        await shows_picture(app, pilot)
        await app.workers.wait_for_complete()
        # Each step once the one before is drawn: where a list is scrolled to depends on what stood around it.
        for key in (*keys, ""):
            await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
            await calm(pilot)
            await _keys(*[key] * bool(key))(app, pilot, journal)

    return play


def _large(what: str, *keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        getattr(app, f"open_{what}")(journal.workflow_id)
        await shows_picture(app, pilot)
        for key in keys:
            await pilot.press(key)
            await calm(pilot)
            await until(pilot, lambda: getattr(app.screen, "settled", True))
        await calm(pilot)

    return play


async def _rollback_sure(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _deciding("rollback", "e", *"the plan misses the other scripts", "enter")(app, pilot, journal)
    await until(pilot, lambda: app.screen.armed())  # type: ignore[attr-defined]
    await pilot.press("b")
    await calm(pilot)


def _statistics(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.open_statistics()
        await app.workers.wait_for_complete()
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        await _keys(*keys)(app, pilot, journal)
        await app.workers.wait_for_complete()
        await calm(pilot)

    return play


async def _new(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await pilot.press("ctrl+n")
    await pilot.press(*"Count the words of a text, whatever its script")
    await until(pilot, lambda: app.screen.look.branch != "")  # type: ignore[attr-defined]
    await calm(pilot)


async def _new_refused(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await pilot.press("ctrl+n", "shift+tab", "end", *"-that-is-not-there", "tab", *"x", "ctrl+s")
    await until(pilot, lambda: app.screen.look.trouble != "")  # type: ignore[attr-defined]
    await calm(pilot)


async def _new_template(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await pilot.press("ctrl+n")
    # The form shows through around the templates: what git says of the folder belongs to the picture.
    await until(pilot, lambda: app.screen.look.branch != "")  # type: ignore[attr-defined]
    await _keys("ctrl+t", "j")(app, pilot, journal)


async def _new_roles(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _new(app, pilot, journal)
    await _keys("ctrl+r", "tab", *"anthropic/claude-sonnet-4-5")(app, pilot, journal)


async def _settings(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await pilot.press("f2")
    screen = app.screen
    await until(pilot, lambda: bool(screen.found), 120)  # type: ignore[attr-defined]
    # What the machine says that the picture is made on is not what every machine says.
    screen.found = FOUND  # type: ignore[attr-defined]
    screen._again()  # type: ignore[attr-defined]
    await _keys("j", "j")(app, pilot, journal)


async def _prompts(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    folder = app.settings.paths.config / "prompts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test_auditor.md").write_text("Look for {{bugs}}.\n")
    await pilot.press("f3")
    screen = app.screen
    await until(pilot, lambda: bool(screen.prompts), 120)  # type: ignore[attr-defined]
    await _keys("j", "j")(app, pilot, journal)


async def _log(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    log = app.settings.paths.worker_log
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(LOG)
    await pilot.press("f4")
    await until(pilot, lambda: bool(app.screen._lines_read))  # type: ignore[attr-defined]
    await calm(pilot)


async def _first(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    app.open_first()
    screen = app.screen
    await until(pilot, lambda: getattr(screen, "found", None) is not None, 120)
    screen.take(FOUND)  # type: ignore[attr-defined]
    await calm(pilot)


FOUND = {
    "keys": [{"variable": "OPENAI_API_KEY", "example": "openai/gpt-5-mini"}],
    "servers": [{"name": "Ollama", "api_base": "http://127.0.0.1:11434/v1", "models": ["qwen3-coder"]}],
    "checks": [
        {"name": "python", "ok": True, "what": "Python 3.11.2 at /usr/bin/python3"},
        {
            "name": "sandbox",
            "ok": False,
            "what": "Nothing here contains a command.",
            "hint": "See the README.",
        },
    ],
}
"""What a machine could have; the pictures are to be the same on all of them."""
LOG = """2026-03-14 09:00:00,000 INFO core.engine worker w1 works on qdeck.db
2026-03-14 09:02:11,412 WARNING core.llm call to openai/gpt-5-mini failed, attempt 1 of 5: rate limit
2026-03-14 09:04:40,003 ERROR core.engine B-0004 stands still: The model server does not answer.
2026-03-14 09:05:00,000 INFO core.engine worker w1 goes on
"""


SCENES: tuple[Scene, ...] = (
    Scene("board-empty", "empty", _keys()),
    Scene("board", "review", _keys()),
    Scene("board-columns", "review", _keys("v")),
    Scene("board-order", "review", _keys("o", "o", "P")),
    Scene("board-filter", "review", _keys("slash", *"test")),
    Scene("board-chat", "review", _keys("c", *"Add a German README")),
    Scene("workflow-streaming", "testing", _opened()),
    Scene("workflow-needs-you", "plan", _opened()),
    Scene("workflow-complete", "complete", _opened("events")),
    Scene("plan", "review", _opened("plan")),
    Scene("diff", "review", _opened("diff")),
    Scene("evidence", "review", _opened("tests")),
    Scene("review", "review", _opened("review")),
    Scene("cost", "review", _opened("cost")),
    Scene("search", "review", _opened("", "slash", *"spelled", "enter")),
    Scene("handoffs", "review", _opened("handoffs")),
    Scene("decision-plan", "plan", _deciding("decision")),
    Scene("decision-review", "review", _deciding("decision")),
    Scene("decision-asks", "asking", _deciding("decision")),
    Scene("decision-answer", "asking", _deciding("decision", "2")),
    Scene("retry", "testing", _deciding("retry")),
    Scene("rollback", "review", _deciding("rollback")),
    Scene("rollback-sure", "review", _rollback_sure),
    Scene("diff-large", "review", _large("diff", *["j"] * 13, "enter", *"Name what is kept", "enter")),
    Scene("diff-split", "review", _large("diff", "t", *["right_curly_bracket"] * 2)),
    Scene("evidence-large", "weighed", _large("evidence", *["j"] * 3)),
    Scene("evidence-output", "review", _large("evidence", "G", "enter", "slash", *"assert", "enter")),
    Scene("history", "review", _history("left_square_bracket", "left_square_bracket", "k")),
    Scene("history-board", "complete", _history("g", "pagedown", "v")),
    Scene("new", "review", _new),
    Scene("new-refused", "review", _new_refused),
    Scene("new-roles", "review", _new_roles),
    Scene("new-template", "review", _new_template),
    Scene("settings", "review", _settings),
    Scene("prompts", "review", _prompts),
    Scene("log", "review", _log),
    Scene("first", "empty", _first),
    Scene("help", "review", _keys("question_mark")),
    Scene("palette", "review", _keys("ctrl+p")),
    Scene("statistics", "complete", _statistics("2")),
    Scene("statistics-throughput", "complete", _statistics()),
    Scene("leave", "review", _keys("q")),
)
