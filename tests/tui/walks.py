"""Ways through the app on which every key of every screen is pressed, as data.

`units` reads from the code what can be pressed; a walk says who it expects to take each key.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from textual.binding import Binding
from textual.dom import DOMNode
from textual.pilot import Pilot

import tui
from core.machine.commands import Authority
from core.service import OrchestrationService
from core.service.tokens import Scope
from screenshots.scenes import Journal, shows_picture, until
from tui.app import QdeckApp
from tui.screens.minted import MintedScreen

Reach = Callable[[QdeckApp, Pilot[int], Journal], Awaitable[None]]
Unit = tuple[str, str]
"""Who takes a key, and the key."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A screen on a journal, and the keys to press there, in order.

    `Name:` says who is to take the keys behind it; `?function:` is the question that is asked there.
    Each key has to do something that can be seen. Keys in brackets only lead on; `(@)` goes there anew,
    `(=text)` types.
    """

    name: str
    stage: str
    reach: Reach
    keys: str
    size: tuple[int, int] = (120, 40)

    def steps(self) -> Iterator[tuple[str, str, bool]]:
        """Who takes which key, and whether it has to do something."""
        owner = ""
        for word in self.keys.split():
            if word.endswith(":"):
                owner = word[:-1]
            elif word.startswith("("):
                yield owner, word[1:-1], False
            else:
                yield owner, word, True


def classes() -> list[type[DOMNode]]:
    """Return every screen and widget of the app, and the app."""
    found: dict[type[DOMNode], None] = {}
    for info in pkgutil.walk_packages(tui.__path__, "tui."):
        module = importlib.import_module(info.name)
        for thing in vars(module).values():
            if inspect.isclass(thing) and thing.__module__ == info.name and issubclass(thing, DOMNode):
                found[thing] = None
    return list(found)


def units_of(cls: type[DOMNode]) -> set[str]:
    """Return the keys that a class binds itself, and those whose action it does in a way of its own."""
    own = set()
    for base in cls.__mro__:
        for binding in Binding.make_bindings(vars(base).get("BINDINGS", ())):
            if base is cls or f"action_{binding.action.partition('(')[0]}" in vars(cls):
                own.add(binding.key)
        if not base.__module__.startswith("tui."):
            # What Textual binds is Textual's, unless we do something else there.
            break
    return own


def answers() -> set[Unit]:
    """Return the keys that answer a question in a box, each with the function that asks it."""
    found: set[Unit] = set()
    for info in pkgutil.walk_packages(tui.__path__, "tui."):
        source = inspect.getsource(importlib.import_module(info.name))
        for asking in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
            calls = [node for node in ast.walk(asking) if isinstance(node, ast.Call) and node.args]
            for call in (call for call in calls if getattr(call.func, "id", "") == "Choice"):
                key, owner = call.args[0], f"?{asking.name}"
                keys = (key.value,) if isinstance(key, ast.Constant) else MADE_OF_DATA[owner]
                found |= {(owner, key) for key in keys if key != "escape"}
    return found


MADE_OF_DATA = {"?_which": ("d", "r")}
"""Questions whose keys do not stand in the code: a letter for each command."""


def units() -> set[Unit]:
    """Return everything that can be pressed."""
    return {(cls.__name__, key) for cls in classes() for key in units_of(cls)} | answers()


def holder(node: DOMNode, key: str) -> str:
    """Return the class that answers for a key that `node` took."""
    return next((cls.__name__ for cls in type(node).__mro__ if key in units_of(cls)), type(node).__name__)


# --- how to get there


async def _board(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    while len(app.screen_stack) > 1:
        app.pop_screen()
        await pilot.pause()
    app.board.board.select(journal.workflow_id)
    app.board.board.focus()


def _screen(opener: str) -> Reach:
    async def reach(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        await _board(app, pilot, journal)
        getattr(app, f"open_{opener}")(journal.workflow_id)
        await shows_picture(app, pilot)

    return reach


def _pane(pane: str, focus: str = "") -> Reach:
    async def reach(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        await _board(app, pilot, journal)
        app.open_workflow(journal.workflow_id, pane)
        await shows_picture(app, pilot)
        if focus:
            app.screen.query_one(focus).focus()

    return reach


def _pressed(*keys: str) -> Reach:
    async def reach(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
        await _board(app, pilot, journal)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()

    return reach


async def _statistics(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _board(app, pilot, journal)
    app.open_statistics()


async def _first(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _board(app, pilot, journal)
    app.open_first()
    await until(pilot, lambda: app.screen.found is not None, 120)  # type: ignore[attr-defined]


async def _settings(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """On a value that stands in the user's own file."""
    await _board(app, pilot, journal)
    app.write_settings({("budget_usd",): 3})
    await pilot.press("f2")
    await until(pilot, lambda: bool(app.screen.query("#settings")))
    rows = app.screen.query_one("#settings")
    rows.cursor = [row.name for row in rows.rows].index(("budget_usd",))  # type: ignore[attr-defined]


async def _prompts(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _pressed("f3")(app, pilot, journal)
    await until(pilot, lambda: bool(app.screen.prompts), 120)  # type: ignore[attr-defined]


async def _log(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    app.settings.paths.worker_log.parent.mkdir(parents=True, exist_ok=True)
    app.settings.paths.worker_log.write_text("one line\nanother one\n")
    await _pressed("f4")(app, pilot, journal)
    await until(pilot, lambda: bool(app.screen._lines_read))  # type: ignore[attr-defined]


async def _yeses(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """Where two were given."""
    service = await OrchestrationService.open(str(journal.path))
    for project in (await service.projects())[:2]:
        ada = Authority.person("ada")
        await service.give_standing_yes(project.project_id, "tests:not-measured", by=ada, reason="no tool")
    await service.close()
    await _pressed("f5")(app, pilot, journal)


async def _tokens(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    """Where two were minted."""
    service = await OrchestrationService.open(str(journal.path))
    for scope in (Scope.READ, Scope.READ):
        await service.tokens.mint(issued_to="ada", scope=scope, name="one")
    await service.close()
    await _pressed("f7")(app, pilot, journal)
    await until(pilot, lambda: app.screen.settled)  # type: ignore[attr-defined]


async def _minted(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _board(app, pilot, journal)
    app.push_screen(MintedScreen("qdeck_secret", "0123"))
    await pilot.pause()


async def _new(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _pressed("ctrl+n")(app, pilot, journal)
    await until(pilot, lambda: getattr(app.screen, "look", None) is not None and app.screen.look.branch != "")


async def _project_field(app: QdeckApp, pilot: Pilot[int], journal: Journal) -> None:
    await _new(app, pilot, journal)
    await pilot.press("shift+tab")
    await until(pilot, lambda: bool(app.screen.query_one("#places").options))  # type: ignore[attr-defined]


_SCROLL = "g G home end pageup pagedown ctrl+u ctrl+d up down k j"
_CURSOR = "G g end home pagedown pageup ctrl+d ctrl+u down up j k"
_BUILD = "a (escape) r (escape) b (escape) x (escape) d (escape) e (escape) h (escape) s (escape) c (@) p"
_SEARCH = "slash (=e) (enter) n N y (escape) ctrl+f (escape)"
_SMALL = (80, 24)

WALKS: tuple[Walk, ...] = (
    Walk(
        "board",
        "review",
        _board,
        f"Board: {_CURSOR} enter (@) (j) n y {_BUILD} BoardScreen: slash (=toml) escape ctrl+f "
        "(escape) v (v) o ctrl+o O P (P) (P) q (escape) QdeckApp: ctrl+n (@) question_mark (@) f1 (@) f2 (@) "
        "f3 (@) f4 (@) f5 (@) f7 (@) f8 (@) ctrl+p (escape) ctrl+q (escape) ctrl+c (f4) n (@) (x) "
        "?confirm_cancel: y (ctrl+q) ?action_leave: l",
    ),
    Walk(
        "columns",
        "review",
        _pressed("v"),
        "Columns: left right left l (left) end home G g (ctrl+q) ?action_leave: p",
    ),
    Walk(
        "workflow",
        "review",
        _pane(""),
        f"Conversation: {_SCROLL} o J K right_curly_bracket left_curly_bracket enter space y {_BUILD}",
        _SMALL,
    ),
    Walk(
        "panes",
        "testing",
        _pane(""),
        "WorkflowScreen: right_square_bracket left_square_bracket 2 3 4 5 6 7 8 1 z slash (escape) ctrl+f "
        "(=e) (enter) n N (escape) full_stop escape (@) q",
    ),
    Walk("pane", "review", _pane("plan"), f"Page: G {_SCROLL} Pane: y {_BUILD}", (80, 20)),
    Walk("timeline", "review", _pane("", "#timeline"), f"Timeline: {_BUILD}"),
    Walk(
        "composer",
        "testing",
        _pane("chat"),
        "Composer: (=one) enter up down (=two) ctrl+j shift+enter alt+enter tab (@) (=x) backspace (=x) "
        "ctrl+z (=x) escape",
    ),
    Walk(
        "reason",
        "testing",
        _screen("retry"),
        "Targets: e (@) tab (=x) Reason: enter Targets: h (@) r",
    ),
    Walk(
        "rollback",
        "review",
        _screen("rollback"),
        "BackScreen: slash (=e) (enter) n N ctrl+f (escape) escape (@) Targets: pagedown pageup ctrl+d "
        "ctrl+u (e) (=wrong) (enter) b y",
        _SMALL,
    ),
    Walk(
        "decision",
        "asking",
        _screen("decision"),
        f"DecisionPage: {_CURSOR} d (@) e (@) h (@) c (@) r (@) b (@) x (escape) o (escape) s 1 (escape) "
        "2 (escape) 3 (escape) 4 5 6 7 8 9 DecisionScreen: " + _SEARCH + " escape (@) q (@) (1) "
        "?action_answer: y (escape) (1) ?action_answer: n (escape) (2) "
        "?action_answer: s (escape) (o) ?action_override: y",
        _SMALL,
    ),
    Walk(
        "grant",
        "releasing",
        _screen("decision"),
        "DecisionPage: s ?_which: d (=SHIP_TOKEN) (enter) ?_agree: y (s) ?_which: r",
        _SMALL,
    ),
    Walk("yes", "review", _screen("decision"), "DecisionPage: a", _SMALL),
    Walk("more", "spent", _screen("decision"), "DecisionPage: m"),
    Walk(
        "diff",
        "review",
        _screen("diff"),
        f"DiffView: {_CURSOR} (g) right_square_bracket right_curly_bracket left_square_bracket "
        "left_curly_bracket right left u (right_square_bracket) (j) (j) enter (=why) (enter) "
        f"DiffScreen: x z (x) v t (t) tab (tab) {_SEARCH} escape (@) r (@) q (@) d",
        _SMALL,
    ),
    Walk(
        "evidence",
        "asking",
        _screen("evidence"),
        f"Listing: {_CURSOR} (g) (j) enter (escape) EvidenceScreen: tab (tab) right_square_bracket "
        f"left_square_bracket d (@) {_SEARCH} escape (@) q (@) e",
        (120, 24),
    ),
    Walk(
        "history",
        "review",
        _screen("history"),
        "HistoryScreen: left right left_square_bracket (left_square_bracket) right_square_bracket v (v) tab "
        f"(tab) f (escape) c w AskScreen: escape HistoryScreen: {_SEARCH} escape (@) q (@) h (@) (f) "
        "?action_fork: f",
    ),
    Walk(
        "statistics",
        "complete",
        _statistics,
        "StatisticsScreen: 2 3 4 5 6 7 8 1 right_square_bracket left_square_bracket tab left right p P "
        f"{_SEARCH} escape (@) q (@) s",
    ),
    Walk("first", "empty", _first, f"Picker: down up FirstScreen: {_SEARCH} escape (@) q"),
    Walk("help", "empty", _pressed("question_mark"), f"HelpScreen: {_SEARCH} escape (@) q (@) question_mark"),
    Walk("log", "empty", _log, "LogScreen: slash (=another) escape ctrl+f (escape) y tab (@) escape (@) q"),
    Walk(
        "settings",
        "empty",
        _settings,
        "Picker: j k (g) G (@) end (g) enter EditScreen: escape "
        f"SettingsScreen: t u z (@) {_SEARCH} escape (@) q",
    ),
    Walk(
        "prompts",
        "empty",
        _prompts,
        "Picker: end home G g j k pagedown pageup ctrl+d ctrl+u PromptsScreen: e Editor: escape "
        "PromptsScreen: v e Editor: ctrl+s PromptsScreen: u ?action_reset: y "
        "PromptsScreen: e Editor: f10 (e) (=x) (escape) ?action_stop_editing: y "
        f"PromptsScreen: {_SEARCH} (@) escape (@) q",
    ),
    Walk(
        "new",
        "review",
        _new,
        f"Request: enter Writing: ctrl+g NewScreen: ctrl+t PickScreen: {_SEARCH} escape "
        "NewScreen: ctrl+r (@) ctrl+f (escape) (escape) ctrl+s (@) "
        "(shift+tab) f10 (@) (escape) escape",
    ),
    Walk(
        "tokens",
        "review",
        _tokens,
        f"TokensScreen: {_SEARCH} m (enter) (=ci) (enter) (enter) ?_ask_whether: y (escape) "
        "TokensScreen: x ?action_revoke: y TokensScreen: escape (@) q",
    ),
    Walk("minted", "review", _minted, "MintedScreen: y escape"),
    Walk("grants", "releasing", _pressed("f5"), "?_ungrant: (x) y"),
    Walk("yeses", "asking", _yeses, f"YesesScreen: {_SEARCH} x (escape) s escape (@) q"),
    Walk("places", "review", _project_field, "ProjectField: down down up"),
)
