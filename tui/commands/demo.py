"""`qdeck demo`: a scratch repository, a workflow in it, and the app open on the live board.

The demo has a home of its own, so that neither the user's journal nor their settings know of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.board import BoardRow, BoardUnreadable, read_board
from core.config import Paths, as_url
from core.errors import QdeckError
from core.home import expanded
from core.machine.states import FINAL, Autonomy, Condition
from tui.commands.launch import open_app
from tui.commands.output import UsageFault, note, say, show_json
from tui.commands.parser import Parser, add_app_options
from tui.options import AppOptions
from tui.worker import start_worker

if TYPE_CHECKING:
    from core.service import OrchestrationService
    from core.service.views import WorkflowView

_WORKER = ("--demo",)
_RECORD = "demo.json"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where one demo lies."""

    home: str
    repository: str
    workflow_id: str
    build_id: str
    title: str
    model: str

    @property
    def database(self) -> Path:
        """The demo's own journal."""
        return Path(self.home) / "data" / "qdeck.db"

    def enter(self) -> None:
        """Make this process, and all that it starts, live in the demo's home."""
        os.environ["QDECK_HOME"] = self.home
        os.environ.pop("QDECK_DATABASE_URL", None)


def demo(arguments: Sequence[str]) -> int:
    """Play the demo as the arguments say."""
    options = _parser().parse_args(arguments)
    screen = not (options.no_screen or options.json)
    if screen and (why := _no_screen_here()):
        raise UsageFault(why, "`qdeck demo --no-screen` plays it without one.")
    autonomy = Autonomy(options.autonomy or (Autonomy.GATED if screen else Autonomy.AUTO))
    if options.last:
        scene = _last_scene()
    else:
        note("Setting up a scratch repository …")
        scene = _new_scene(autonomy, options.keep)
    scene.enter()
    return _on_screen(scene, options) if screen else _without_screen(scene, options.json)


def _parser() -> Parser:
    parser = Parser(
        prog="qdeck demo", description="Watch five roles build a feature in a scratch repository."
    )
    parser.add_argument("--no-screen", action="store_true", help="play by itself, without the app")
    parser.add_argument("--json", action="store_true", help="without the app; the result as JSON")
    words = [a.value for a in Autonomy]
    parser.add_argument(
        "--autonomy", choices=words, help="gated with the app, auto without it, when not given"
    )
    parser.add_argument("--keep", type=Path, metavar="PATH", help="put the repository there")
    parser.add_argument("--last", action="store_true", help="open the last demo again")
    add_app_options(parser)
    parser.epilog = "Nothing of yours is touched: no key, no network, a journal of its own."
    parser.formatter_class = argparse.HelpFormatter
    return parser


def _no_screen_here() -> str:
    from tui.terminal import unusable

    return unusable().partition(". ")[0] + "." if unusable() else ""


def _demos() -> Path:
    return Paths.find().data / "demo"


def _new_scene(autonomy: Autonomy, keep: Path | None) -> Scene:
    """Set a new scene in the next free folder."""
    from tui.commands.children import ask_child

    folder = _next_folder(_demos())
    home, repository = folder / "home", expanded(keep).absolute() if keep else folder / "textkit"
    told = ask_child(
        "tui.commands.scene",
        str(repository),
        "--autonomy",
        autonomy.value,
        env={"QDECK_HOME": str(home), "QDECK_DATABASE_URL": ""},
    )
    if not told.pop("ok", False):
        raise QdeckError(str(told.get("what")), str(told.get("hint") or ""))
    scene = Scene(home=str(home), **told)
    (folder / _RECORD).write_text(json.dumps(asdict(scene)), encoding="utf-8")
    return scene


def _next_folder(demos: Path) -> Path:
    demos.mkdir(parents=True, exist_ok=True)
    number = max((int(p.name) for p in demos.iterdir() if p.name.isdigit()), default=0)
    while True:
        number += 1
        try:
            (demos / str(number)).mkdir()
        except FileExistsError:
            continue
        return demos / str(number)


def _last_scene() -> Scene:
    records = sorted(
        _demos().glob(f"*/{_RECORD}"), key=lambda p: int(p.parent.name) if p.parent.name.isdigit() else 0
    )
    if not records:
        raise UsageFault("There is no demo to open again.", "`qdeck demo` plays a new one.")
    return Scene(**json.loads(records[-1].read_text(encoding="utf-8")))


def _on_screen(scene: Scene, options: argparse.Namespace) -> int:
    """Open the app; afterwards say where everything lies, and leave no idle worker behind."""
    code = open_app(
        AppOptions(
            database_url=str(scene.database),
            project=Path(scene.repository),
            theme=options.theme,
            mouse=options.mouse,
            worker_arguments=_WORKER,
        )
    )
    row = _row(scene)
    active = row is not None and row.condition == Condition.ACTIVE and row.state != FINAL
    _end_workers(scene)
    if active:
        # Its work goes on, and ends as soon as the build rests: the demo is nobody's daily journal.
        start_worker(as_url(str(scene.database)), ("--once", scene.workflow_id, *_WORKER))
    if row is not None:
        condition = "complete" if row.state == FINAL else f"in {row.state}, {row.condition}"
        going = "; its worker goes on" if active else ""
        say(f"{row.build_id} {row.title}: {condition}{going}.")
    say(f"The scratch repository: {scene.repository}")
    say(f"  git -C {scene.repository} log --oneline --graph --all")
    say("`qdeck demo --last` opens this demo again.")
    return code


def _row(scene: Scene) -> BoardRow | None:
    try:
        rows = read_board(scene.database)
    except BoardUnreadable:
        return None
    return next((row for row in rows if row.workflow_id == scene.workflow_id), None)


def _end_workers(scene: Scene) -> None:
    """End the demo's worker, which would wait for ever for more; also one that an earlier app started."""
    import psutil

    workers = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get("QDECK_HOME") == scene.home
            if mine and "core.engine" in process.cmdline():
                process.terminate()
                workers.append(process)
    psutil.wait_procs(workers, timeout=10)


def _without_screen(scene: Scene, as_json: bool) -> int:
    """Play to the end: progress on standard error, the result on standard output."""
    from tui.commands.builds import interruptible
    from tui.commands.children import WorkerChild
    from tui.commands.follow import Follower, Progress, rest_code, rest_text
    from tui.commands.session import at_terminal, person, with_service

    note(f"{scene.build_id}: {scene.title}, in {scene.repository}")

    async def work(service: OrchestrationService) -> WorkflowView:
        worker = WorkerChild(service.url, scene.workflow_id, _WORKER)
        by = person() if at_terminal() else None
        follower = Follower(service, scene.workflow_id, worker, Progress(), by)
        view: WorkflowView = await interruptible(follower.to_rest())
        return view

    view = with_service(str(scene.database), work)
    code = rest_code(view)
    if as_json:
        told = {"exit_code": code, "text": rest_text(view), **asdict(scene), "database": str(scene.database)}
        show_json({**told, "workflow": view.to_data()})
    else:
        say(rest_text(view))
        say(f"The scratch repository: {scene.repository}")
    return code


if __name__ == "__main__":
    sys.exit(demo(sys.argv[1:]))
