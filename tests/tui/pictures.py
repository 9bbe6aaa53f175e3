"""Which picture shows which screen in which state: an explicit table, and the scenes that it needs beside the
ones of the documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from textual.events import Paste
from textual.pilot import Pilot

from core.errors import QdeckError
from core.service.tokens import Scope, TokenView
from screenshots.scenes import (
    SCENES,
    Journal,
    Play,
    Scene,
    _deciding,
    _history,
    _keys,
    _large,
    _opened,
    _settings,
    _statistics,
    calm,
    until,
)
from tests.tui.hard_journals import NAMES
from tui.app import QdeckApp
from tui.ink import plain
from tui.screens.minted import MintedScreen
from tui.widgets.composer import Composer

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
STATES = ("empty", "one", "many", "names", "failed", "stale", "refused", "offline")


def told(*plays: Play) -> Play:
    """Play one after the other, and keep what is said in passing on the screen."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        for part in plays:
            await part(app, pilot, journal)
        await until(pilot, lambda: bool(app.screen.query("Toast")))

    return play


def _asked(open_it: str, ready: Callable[[Any], bool], then: Callable[[Any], None]) -> Play:
    """Open a screen that asks aside, and put in place of what this machine answers what every one could."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        getattr(app, open_it)()
        screen = app.screen
        await until(pilot, lambda: ready(screen), 120)
        then(screen)
        await calm(pilot)

    return play


def _first(found: dict[str, Any]) -> Play:
    return _asked("open_first", lambda s: s.found is not None, lambda s: s.take(found))


def _settings_told(found: dict[str, Any]) -> Play:
    def then(screen: Any) -> None:
        screen.found = found
        screen._again()

    return _asked("action_settings", lambda s: bool(s.found), then)


def _prompt_of(text: str) -> Play:
    """A copy of the user's own of the first prompt."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        folder = app.settings.paths.config / "prompts"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "q_assistant.md").write_text(text)
        app.action_prompts()
        await until(pilot, lambda: bool(app.screen.prompts), 120)  # type: ignore[attr-defined]
        await calm(pilot)

    return play


async def _prompts_lost(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
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


def _log(text: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        log = app.settings.paths.worker_log
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
        app.action_log()
        await app.workers.wait_for_complete()
        await calm(pilot)

    return play


def _wrote(request: str, project: str) -> Play:
    """A new build that is described so far."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.form |= {"request": request, "project": project, "model": f"openai/{NAMES[0]}"}
        app.action_new()
        await until(pilot, lambda: app.screen.look.trouble != "" or app.screen.look.branch != "")  # type: ignore[attr-defined]
        await calm(pilot)

    return play


async def _new_without_project(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    app.project = None
    await pilot.press("ctrl+n")
    await app.workers.wait_for_complete()
    await calm(pilot)


def _yeses(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.action_yeses()
        await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]
        await _keys(*keys)(app, pilot, journal)

    return play


def _tokens(names: Sequence[str], *keys: str) -> Play:
    """The list with tokens of these names, and of every kind: a minted one has another id each time."""

    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.action_tokens()
        screen: Any = app.screen
        await until(pilot, lambda: screen.settled)
        tokens = [_token(place, name) for place, name in enumerate(names)]
        screen.take([(token, token.standing(NOON)) for token in tokens])
        await _keys(*keys)(app, pilot, journal)

    return play


def _token(place: int, name: str) -> TokenView:
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


def _minted(*keys: str) -> Play:
    async def play(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        app.push_screen(MintedScreen(f"qdeck_0123456789ab_{'Ab3-_' * 8}xyz", "0123456789ab"))
        await _keys(*keys)(app, pilot, journal)

    return play


async def _released(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """A release, once it tells what its commands are granted."""
    await _deciding("decision")(app, pilot, journal)
    await until(pilot, lambda: bool(app.screen._granted))  # type: ignore[attr-defined]
    await calm(pilot)


async def _granting(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """The very words that a grant is for."""
    await _released(app, pilot, journal)
    await pilot.press("s")
    await until(pilot, lambda: bool(app.screen.query("#question")))
    await until(pilot, lambda: getattr(app.screen, "armed", lambda: False)())
    await _keys("d", *"SHIP_TOKEN ship.example.org", "enter")(app, pilot, journal)


async def _talk(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """The line to the Q Assistant with names of files offered."""
    await pilot.press("c")
    composer: Any = app.screen.query_one("#composer")
    composer.files = lambda: ("src/正規化🚀.py", "src/[red]x\x1b[31m.py", f"src/{'long' * 40}.py")
    await pilot.press(*"see @src")
    await calm(pilot)


async def _edit_refused(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _settings(app, pilot, journal)
    await _keys("g", "enter", "home", "ctrl+k", *"sk-not-a-real-one", "enter")(app, pilot, journal)


async def _why(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """A finding that was said yes to, and the question why."""
    await _deciding("decision", "1")(app, pilot, journal)
    await until(pilot, lambda: app.screen.armed())  # type: ignore[attr-defined]
    await _keys("y")(app, pilot, journal)


async def _pasted(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """Two long pastes beside the field, and words in it."""
    await _opened("chat")(app, pilot, journal)
    composer = app.screen.query_one("#composer", Composer)
    for lines in (20_000, 60):
        composer.post_message(Paste("\n".join(f"{n:06}: {'x' * 42}" for n in range(lines))))
    await until(pilot, lambda: len(composer.pieces) == 2)
    await _keys(*"what is wrong here?")(app, pilot, journal)


async def _key_refused(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _settings(app, pilot, journal)
    rows: Any = app.screen.query_one("#settings")
    rows.cursor = [row.name for row in rows.rows].index(("keymap", "board.filter"))
    await _keys("enter", "q")(app, pilot, journal)


_SERVER = {"name": NAMES[2], "api_base": f"http://127.0.0.1:1/{NAMES[0]}", "models": [NAMES[1], NAMES[3]]}
_HARD = {"keys": [{"variable": NAMES[4], "example": NAMES[0]}], "servers": [_SERVER], "checks": []}
_TROUBLE = {"trouble": "qdeck's worker gave no answer to `models`. `qdeck doctor` looks further."}
_DOCTOR = {
    "checks": [
        {"name": name, "ok": False, "what": f"{name} is not there.", "hint": "See the README."}
        for name in ("git", "sandbox", "journal", "worker", "models")
    ]
}
_LONG_LOG = "".join(f"2026-03-14 09:00:{n % 60:02},000 INFO core.engine step {n}\n" for n in range(500))

HARD_SCENES: tuple[Scene, ...] = (
    Scene("board-one", "fresh", _keys()),
    Scene("board-many", "many", _keys("G")),
    Scene("board-names", "names", _keys()),
    Scene("board-refused", "review", told(_keys("j", "a"))),
    Scene("board-talk-names", "review", _talk),
    Scene("columns-many", "many", _keys("v", "j", "j")),
    Scene("columns-names", "names", _keys("v")),
    Scene("columns-empty", "empty", _keys("v")),
    Scene("workflow-empty", "fresh", _opened()),
    Scene("workflow-many", "many", _opened("", "g")),
    Scene("workflow-names", "names", _opened("plan")),
    Scene("workflow-failed", "failed", _opened("", "o")),
    Scene("workflow-stale", "stale", _opened("tests")),
    Scene("workflow-refused", "testing", told(_opened(), _keys("a"))),
    Scene("workflow-pasted", "testing", _pasted),
    Scene("handoffs-names", "names", _opened("handoffs")),
    Scene("events-names", "names", _opened("events")),
    Scene("tests-names", "names", _opened("tests")),
    Scene("decision-many", "many", _deciding("decision")),
    Scene("decision-names", "names", _deciding("decision")),
    Scene("decision-stale", "stale", _deciding("decision")),
    Scene("decision-refused", "asking", told(_deciding("decision", "a"))),
    Scene("retry-names", "names", _deciding("retry")),
    Scene("retry-failed", "failed", _deciding("retry")),
    Scene("retry-stale", "stale", _deciding("retry", "j")),
    Scene("retry-refused", "stale", told(_deciding("retry", "r"))),
    Scene("rollback-names", "names", _deciding("rollback")),
    Scene("rollback-failed", "failed", _deciding("rollback")),
    Scene("rollback-many", "many", _deciding("rollback")),
    Scene("rollback-refused", "stale", told(_deciding("rollback", "b"))),
    Scene("diff-empty", "fresh", _large("diff")),
    Scene("diff-many", "many", _large("diff", "G")),
    Scene("diff-names", "names", _large("diff")),
    Scene("diff-refused", "review", told(_large("diff", "x"))),
    Scene("evidence-empty", "fresh", _large("evidence")),
    Scene("evidence-many", "many", _large("evidence", "G", "k")),
    Scene("evidence-names", "names", _large("evidence", *["j"] * 3)),
    Scene("evidence-failed", "failed", _large("evidence")),
    Scene("history-one", "fresh", _history()),
    Scene("history-many", "many", _history()),
    Scene("history-names", "names", _history()),
    Scene("history-failed", "failed", _history()),
    Scene("history-stale", "stale", _history()),
    Scene("statistics-empty", "empty", _statistics()),
    Scene("statistics-one", "fresh", _statistics("4")),
    Scene("statistics-many", "many", _statistics()),
    Scene("statistics-names", "names", _statistics("2", "p")),
    Scene("new-empty", "empty", _new_without_project),
    Scene("new-names", "names", _wrote("\n".join(NAMES), f"~/{NAMES[1]}/{'long' * 40}")),
    Scene("settings-names", "names", _settings_told(_HARD)),
    Scene("settings-failed", "review", _settings_told(_DOCTOR)),
    Scene("settings-offline", "review", _settings_told(_TROUBLE)),
    Scene("settings-refused", "review", told(_settings, _keys("u"))),
    Scene("settings-edit-refused", "review", _edit_refused),
    Scene("prompts-names", "review", _prompt_of("\n".join(NAMES))),
    Scene("prompts-offline", "review", _prompts_lost),
    Scene("first-empty", "empty", _first({})),
    Scene("first-names", "empty", _first(_HARD)),
    Scene("first-offline", "empty", _first(_TROUBLE)),
    Scene("log-empty", "review", _log("")),
    Scene("log-many", "review", _log(_LONG_LOG)),
    Scene("log-names", "review", _log("\n".join(f"2026-03-14 ERROR {name}" for name in NAMES))),
    Scene("settings-key-refused", "review", _key_refused),
    Scene("ask-names", "names", _why),
    Scene("yeses-empty", "empty", _yeses()),
    Scene("yeses-names", "names", _yeses("j")),
    Scene("yeses-grants", "releasing", _yeses("j")),
    Scene("decision-release", "releasing", _released),
    Scene("decision-grant", "releasing", _granting),
    Scene("yeses-refused", "review", told(_yeses("x"))),
    Scene("tokens-empty", "review", _tokens(())),
    Scene("tokens", "review", _tokens(("ci", "dashboard", "old laptop", "intern", "nightly"), "j")),
    Scene("tokens-names", "review", _tokens((*NAMES, ""), "j", "j")),
    Scene("tokens-refused", "review", told(_tokens((), "x"))),
    Scene("minted", "review", _minted("y")),
)


OFFLINE_SCENES: tuple[Scene, ...] = (
    Scene("board-offline", "", _keys()),
    Scene("palette-offline", "", _keys("ctrl+p")),
    Scene("talk-offline", "", _keys("c", *"words are kept")),
    Scene("refused-offline", "", told(_keys("s"))),
)
"""Without a journal: what needs one says so, the rest works."""
ALL_SCENES = (*SCENES, *HARD_SCENES)

LIST = "one and many are rows of the same list, shown with many"
NOW = "it belongs to one moment of one build"
NO_LIST = "there is no list in it"
STILL = "it says nothing of a build, so nothing of it can be stale or fail"
OURS = "all its words are ours"
NEEDS = "it opens only with a journal; without one the key says so: refused-offline"
NO_ORDER = "it gives no order that the machine could refuse"
AT_ONCE = "what is not possible says so before it opens: board-refused"
MATRIX: dict[str, dict[str, str]] = {
    "BoardScreen": {
        "empty": "board-empty columns-empty",
        "one": "board-one",
        "many": "board board-columns board-many columns-many",
        "names": "board-names columns-names board-talk-names",
        "failed": "board",
        "stale": "- a row shows the pieces that count; one that is stale is not among them",
        "refused": "board-refused",
        "offline": "board-offline palette-offline talk-offline refused-offline",
    },
    "WorkflowScreen": {
        "empty": "workflow-empty",
        "one": "workflow-needs-you",
        "many": "workflow-many workflow-pasted",
        "names": "workflow-names handoffs-names events-names tests-names",
        "failed": "workflow-failed",
        "stale": "workflow-stale",
        "refused": "workflow-refused",
        "offline": f"- {NEEDS}",
    },
    "DecisionScreen": {
        "empty": f"- {AT_ONCE}",
        "one": "decision-plan decision-release decision-grant",
        "many": "decision-many",
        "names": "decision-names",
        "failed": f"- {AT_ONCE}",
        "stale": "decision-stale",
        "refused": "decision-refused",
        "offline": f"- {NEEDS}",
    },
    "RetryScreen": {
        "empty": "- there is always the phase itself",
        "one": "retry-failed",
        "many": "retry",
        "names": "retry-names",
        "failed": "retry-failed",
        "stale": "retry-stale",
        "refused": "retry-refused",
        "offline": f"- {NEEDS}",
    },
    "RollbackScreen": {
        "empty": f"- {AT_ONCE}",
        "one": "rollback-failed",
        "many": "rollback-many",
        "names": "rollback-names",
        "failed": "rollback-failed",
        "stale": "rollback",
        "refused": "rollback-refused",
        "offline": f"- {NEEDS}",
    },
    "DiffScreen": {
        "empty": "diff-empty",
        "one": "diff-names",
        "many": "diff-large diff-many",
        "names": "diff-names",
        "failed": "- a diff is read, it cannot fail",
        "stale": "- it always shows the newest checkpoint",
        "refused": "diff-refused",
        "offline": f"- {NEEDS}",
    },
    "EvidenceScreen": {
        "empty": "evidence-empty",
        "one": "evidence-failed",
        "many": "evidence-many evidence-large",
        "names": "evidence-names",
        "failed": "evidence-failed evidence-large",
        "stale": "evidence-output",
        "refused": f"- {NO_ORDER}",
        "offline": f"- {NEEDS}",
    },
    "HistoryScreen": {
        "empty": "- the order itself is the first event",
        "one": "history-one",
        "many": "history-many",
        "names": "history-names",
        "failed": "history-failed",
        "stale": "history-stale",
        "refused": f"- {NO_ORDER}",
        "offline": f"- {NEEDS}",
    },
    "StatisticsScreen": {
        "empty": "statistics-empty",
        "one": "statistics-one",
        "many": "statistics-many",
        "names": "statistics-names",
        "failed": "statistics-many",
        "stale": f"- {STILL}",
        "refused": f"- {NO_ORDER}",
        "offline": f"- {NEEDS}",
    },
    "NewScreen": {
        "empty": "new-empty",
        "one": "new",
        "many": "new-roles",
        "names": "new-names",
        "failed": "new-refused",
        "stale": f"- {STILL}",
        "refused": "new-refused",
        "offline": f"- {NEEDS}",
    },
    "SettingsScreen": {
        "empty": "settings-offline",
        "one": f"- {LIST}",
        "many": "settings",
        "names": "settings-names",
        "failed": "settings-failed",
        "stale": f"- {STILL}",
        "refused": "settings-refused",
        "offline": "settings-offline",
    },
    "PromptsScreen": {
        "empty": "prompts-offline",
        "one": f"- {LIST}",
        "many": "prompts",
        "names": "prompts-names",
        "failed": "prompts",
        "stale": f"- {STILL}",
        "refused": "prompts",
        "offline": "prompts-offline",
    },
    "FirstScreen": {
        "empty": "first-empty",
        "one": "first",
        "many": "first-names",
        "names": "first-names",
        "failed": "first-offline",
        "stale": f"- {STILL}",
        "refused": f"- {NO_ORDER}",
        "offline": "first-offline",
    },
    "LogScreen": {
        "empty": "log-empty",
        "one": f"- {LIST}",
        "many": "log-many",
        "names": "log-names",
        "failed": "log",
        "stale": f"- {STILL}",
        "refused": f"- {NO_ORDER}",
        "offline": "- it reads a file of this machine",
    },
    "YesesScreen": {
        "empty": "yeses-empty",
        "one": f"- {LIST}",
        "many": "yeses-grants",
        "names": "yeses-names",
        "failed": f"- {STILL}",
        "stale": f"- {STILL}",
        "refused": "yeses-refused",
        "offline": f"- {NEEDS}",
    },
    "TokensScreen": {
        "empty": "tokens-empty",
        "one": f"- {LIST}",
        "many": "tokens",
        "names": "tokens-names",
        "failed": f"- {STILL}",
        "stale": f"- {STILL}",
        "refused": "tokens-refused",
        "offline": f"- {NEEDS}",
    },
    "MintedScreen": {state: "minted" if state == "one" else f"- {OURS}" for state in STATES},
    "Palette": {
        state: {"many": "palette", "offline": "palette-offline"}.get(state, f"- {OURS}") for state in STATES
    },
    "HelpScreen": {state: "help" if state == "many" else f"- {OURS}" for state in STATES},
    "ConfirmScreen": {state: "leave" if state == "one" else f"- {NOW}" for state in STATES},
    "AskScreen": {state: "ask-names" if state == "names" else f"- {NOW}" for state in STATES},
    "EditScreen": {
        state: "settings-edit-refused" if state == "refused" else f"- {NO_LIST}" for state in STATES
    },
    "KeyScreen": {state: "settings-key-refused" if state == "refused" else f"- {OURS}" for state in STATES},
    "PickScreen": {state: "new-template" if state == "many" else f"- {OURS}" for state in STATES},
}
"""Each screen in each state: the pictures of it, or behind a dash why there is none."""
