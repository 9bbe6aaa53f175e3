"""How the app comes to what is hard to show: beside the ways in the scenes of the documentation."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from textual.events import Paste
from textual.pilot import Pilot

from core.errors import QdeckError
from core.service.tokens import Scope, TokenView
from screenshots.scenes import (
    Journal,
    Play,
    _deciding,
    _history,
    _keys,
    _new_template,
    _opened,
    _settings,
    calm,
    shows_picture,
    until,
)
from tests.tui.hard_journals import NAMES
from tui.app import QdeckApp
from tui.ink import plain
from tui.journal_link import WorkerChanged
from tui.pages.uncovered import Code
from tui.screens.evidence import _passage
from tui.screens.minted import MintedScreen
from tui.widgets.composer import Composer
from tui.widgets.listing import Listing

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def told(*plays: Play) -> Play:
    """Play one after the other, and keep what is said in passing on the screen."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        for part in plays:
            await part(app, pilot, journal)
        await until(pilot, lambda: bool(app.screen.query("Toast")))

    return play


def asked(open_it: str, ready: Callable[[Any], bool], then: Callable[[Any], None]) -> Play:
    """Open a screen that asks aside, and put in place of what this machine answers what every one could."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        getattr(app, open_it)()
        screen = app.screen
        await until(pilot, lambda: ready(screen), 120)
        then(screen)
        await calm(pilot)

    return play


def first(found: dict[str, Any]) -> Play:
    return asked("open_first", lambda s: s.found is not None, lambda s: s.take(found))


def settings_told(found: dict[str, Any]) -> Play:
    def then(screen: Any) -> None:
        screen.found = found
        screen._again()

    return asked("action_settings", lambda s: bool(s.found), then)


async def uncovered(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """Lines that no test ran, with their code: in place of a repository that the story does not have."""
    app.open_evidence(journal.workflow_id)
    await shows_picture(app, pilot)
    screen: Any = app.screen
    entry = next(e for e in screen._entries if e.kind == "uncovered")
    rows = dict(enumerate(CODE.split("\n"), start=11))
    screen._codes[_passage(entry)] = Code(list(rows.items()))
    screen.query_one("#list", Listing).move_to(screen._entries.index(entry))
    await calm(pilot)
    await pilot.press("enter")
    await calm(pilot)


CODE = """\
def slugify(text: str) -> str:
    \"\"\"Return text as a slug: 東京 stays, what is no letter becomes a hyphen.\"\"\"
    if not isinstance(text, str):
        raise TypeError(f"slugify takes a text, not {type(text).__name__}, and it says so in a sentence")
    plain = text.lower()"""


def prompt_of(text: str) -> Play:
    """A copy of the user's own of the first prompt."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        folder = app.settings.paths.config / "prompts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "q_assistant.md").write_text(text)
        app.action_prompts()
        await until(pilot, lambda: bool(app.screen.prompts), 120)  # type: ignore[attr-defined]
        await calm(pilot)

    return play


async def prompts_lost(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    from tui.screens import prompts

    async def nobody(*question: str) -> dict[str, Any]:
        raise QdeckError(
            f"qdeck's worker gave no answer to `{question[0]}`.", "`qdeck doctor` looks further."
        )

    before, prompts.ask_aside = prompts.ask_aside, nobody
    app.action_prompts()
    await until(pilot, lambda: "gave no answer" in "".join(plain(p.lines) for p in app.screen.query("#page")))  # type: ignore[attr-defined]
    prompts.ask_aside = before
    await calm(pilot)


def log(text: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        log = app.settings.paths.worker_log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
        app.action_log()
        await app.workers.wait_for_complete()
        await calm(pilot)

    return play


def wrote(request: str, project: str) -> Play:
    """A new build that is described so far."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.form |= {"request": request, "project": project, "model": f"openai/{NAMES[0]}"}
        app.action_new()
        await until(pilot, lambda: app.screen.look.trouble != "" or app.screen.look.branch != "")  # type: ignore[attr-defined]
        await calm(pilot)

    return play


async def new_without_project(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    app.project = None
    await pilot.press("ctrl+n")
    await app.workers.wait_for_complete()
    await calm(pilot)


def yeses(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.action_yeses()
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        await _keys(*keys)(app, pilot, journal)

    return play


def tokens(names: Sequence[str], *keys: str) -> Play:
    """The list with tokens of these names, and of every kind: a minted one has another id each time."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.action_tokens()
        screen: Any = app.screen
        await until(pilot, lambda: screen.settled)
        made = [token(place, name) for place, name in enumerate(names)]
        screen.take([(one, one.standing(NOON)) for one in made])
        await _keys(*keys)(app, pilot, journal)

    return play


def token(place: int, name: str) -> TokenView:
    """Good and used, good and unused, expired, revoked: one after the other."""
    ends = NOON + timedelta(days=(20, 300, -3, 9)[place % 4])
    return TokenView(
        token_id=f"{place:012x}",
        scope=tuple(Scope)[place % 3],
        name=name,
        issued_to="ada" if place % 2 else NAMES[0],
        issued_at=NOON - timedelta(days=40),
        expires_at=ends,
        used_at=None if place % 4 == 1 else NOON - timedelta(days=7),
        revoked_at=NOON if place % 4 == 3 else None,
    )


def minted(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.push_screen(MintedScreen(f"qdeck_0123456789ab_{'Ab3-_' * 8}xyz", "0123456789ab"))
        await _keys(*keys)(app, pilot, journal)

    return play


async def released(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """A release, once it tells what its commands are granted."""
    await _deciding("decision")(app, pilot, journal)
    await until(pilot, lambda: bool(app.screen._granted))  # type: ignore[attr-defined]
    await calm(pilot)


async def granting(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """The very words that a grant is for."""
    await released(app, pilot, journal)
    await pilot.press("s")
    await until(pilot, lambda: bool(app.screen.query("#question")))
    await until(pilot, lambda: getattr(app.screen, "armed", lambda: False)())
    await _keys("d", *"SHIP_TOKEN ship.example.org", "enter")(app, pilot, journal)


async def talk(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """The line to the Q Assistant with names of files offered."""
    await pilot.press("c")
    composer: Any = app.screen.query_one("#composer")
    composer.files = lambda: ("src/正規化🚀.py", "src/[red]x\x1b[31m.py", f"src/{'long' * 40}.py")
    await pilot.press(*"see @src")
    await calm(pilot)


async def edit_refused(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _settings(app, pilot, journal)
    await _keys("g", "enter", "home", "ctrl+k", *"sk-not-a-real-one", "enter")(app, pilot, journal)


async def why(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """A finding that was said yes to, and the question why."""
    await _deciding("decision", "1")(app, pilot, journal)
    await until(pilot, lambda: app.screen.armed())  # type: ignore[attr-defined]
    await _keys("y")(app, pilot, journal)


async def pasted(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """Two long pastes beside the field, and words in it."""
    await _opened("chat")(app, pilot, journal)
    composer = app.screen.query_one("#composer", Composer)
    for lines in (20_000, 60):
        composer.post_message(Paste("\n".join(f"{n:06}: {'x' * 42}" for n in range(lines))))
    await until(pilot, lambda: len(composer.pieces) == 2)
    await _keys(*"what is wrong here?")(app, pilot, journal)


async def key_refused(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _settings(app, pilot, journal)
    rows: Any = app.screen.query_one("#settings")
    rows.cursor = [row.name for row in rows.rows].index(("keymap", "board.filter"))
    await _keys("enter", "q")(app, pilot, journal)


def lost(there: Play, *keys: str) -> Play:
    """Come there; then the journal cannot be followed any more, and keys are pressed all the same."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        await there(app, pilot, journal)

        def broken() -> None:
            raise RuntimeError("the journal's file is gone")

        app.link._service.changed = broken  # type: ignore[union-attr,method-assign,assignment]
        await until(pilot, lambda: bool(app.trouble) and not app.journal_open)
        await _keys(*keys)(app, pilot, journal)
        await until(pilot, lambda: bool(app.screen.query("Toast")))
        await calm(pilot)

    return play


async def struggling(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """The worker was started again and again, and ends each time."""
    app.post_message(WorkerChanged(alive=False, struggling=True))
    await until(pilot, lambda: app.worker_struggling)
    await calm(pilot)


async def touched(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """Somebody wrote into the record, past the triggers that refuse it, and the chain is verified."""
    await _history()(app, pilot, journal)
    with sqlite3.connect(journal.path) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        file.execute(
            "UPDATE workflow_events SET triggered_by = 'nobody' WHERE seq = 4 AND workflow_id = ?",
            (journal.workflow_id,),
        )
    await pilot.press("c")
    await until(pilot, lambda: any("touched" in notice.message for notice in app._notifications))
    await until(pilot, lambda: bool(app.screen.query("Toast")))


async def found_nothing(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """The palette, asked for what it does not know; it says so half a second later."""
    await _keys("ctrl+p", *"no such command")(app, pilot, journal)
    listed: Any = app.screen.query_one("CommandList")
    await until(pilot, lambda: [option.id for option in listed.options] == ["--no-matches"])
    await calm(pilot)


async def template_names(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """Templates of the user's own with names that are hard to show."""
    folder = app.settings.paths.config / "templates"
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / f"{name.replace('/', '')[:60]}.md").write_text("\n".join(NAMES))
    await _new_template(app, pilot, journal)
    await _keys("G")(app, pilot, journal)


async def edit_names(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """A value that is hard to show, being edited."""
    app.write_settings({("model",): f"openai/{NAMES[2]} {NAMES[1]}"})
    await _settings(app, pilot, journal)
    await _keys("g", "enter")(app, pilot, journal)


SERVER = {"name": NAMES[2], "api_base": f"http://127.0.0.1:1/{NAMES[0]}", "models": [NAMES[1], NAMES[3]]}
HARD = {"keys": [{"variable": NAMES[4], "example": NAMES[0]}], "servers": [SERVER], "checks": []}
TROUBLE = {"trouble": "qdeck's worker gave no answer to `models`. `qdeck doctor` looks further."}
DOCTOR = {
    "checks": [
        {"name": name, "ok": False, "what": f"{name} is not there.", "hint": "See the README."}
        for name in ("git", "sandbox", "journal", "worker", "models")
    ]
}
LONG_LOG = "".join(f"2026-03-14 09:00:{n % 60:02},000 INFO core.engine step {n}\n" for n in range(500))
"""A log that is longer than any screen."""
