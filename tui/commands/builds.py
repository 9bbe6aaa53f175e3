"""Commands that begin a build, carry one out in the foreground, or work for all."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.config import Settings
from core.errors import ExitCode, QdeckError
from core.machine.states import Role
from tui.commands import flags
from tui.commands.children import WorkerChild, check_model, check_project
from tui.commands.due import deadlines_of
from tui.commands.flags import Db, Json
from tui.commands.orders import read_words, tell_answer
from tui.commands.output import note, say, show_json
from tui.commands.session import (
    at_terminal,
    ensure_worker,
    insist_on_journal,
    person,
    settings_of,
    with_service,
)
from tui.commands.telling import one_line

if TYPE_CHECKING:
    from core.service.service import OrchestrationService
    from core.service.views import Answer


@dataclass(frozen=True, slots=True)
class Build:
    """What is to be built, where and how, checked as far as it can be before anything is written."""

    request: str
    settings: Settings
    project: dict[str, Any]
    models: dict[str, str]

    async def begin(self, service: OrchestrationService) -> Answer:
        """Make the project known and start the workflow."""
        project = await service.register_project(
            self.project["path"], default_branch=self.project["default_branch"]
        )
        return await service.start_workflow(
            project.project_id,
            self.request,
            autonomy=self.settings.autonomy,
            budget_usd=self.settings.budget_usd,
            retry_budget=self.settings.retry_budget,
            models=self.models,
            deadlines=self.settings.deadlines,
            base_commit=self.project["head"],
            by=person(),
        )


def run(
    request: flags.Request,
    project: flags.Project = Path(),
    model: flags.Model = "",
    api_base: flags.ApiBase = "",
    autonomy: flags.Autonomy = "",
    budget: flags.Budget = None,
    retries: flags.Retries = None,
    deadline: flags.Deadline = "",
    phase_deadline: flags.PhaseDeadlines = None,
    unsandboxed: flags.Unsandboxed = False,
    json: Json = False,
    db: Db = "",
) -> int:
    """Build a feature in the foreground.

    Progress goes to standard error, the result to standard output, and questions to your terminal.
    """
    limits = deadlines_of(deadline, phase_deadline or ())
    build = _checked(request, project, model, api_base, autonomy, budget, retries, unsandboxed, db, limits)
    return with_service(db, lambda service: _carry(service, build, json), begins=True)


async def _carry(service: OrchestrationService, build: Build, json: bool) -> int:
    from tui.commands.follow import Follower, Progress, rest_code, rest_text

    answer = await build.begin(service)
    if not answer.ok or answer.workflow is None:
        return tell_answer(answer, json)
    view = answer.workflow
    note(f"{view.build_id}: {one_line(view.title, 72)}, in {build.project['path']}")
    if service.worker_alive():
        note("A worker is alive already; it carries this build with its own surroundings.")
    worker = WorkerChild(service.url, view.workflow_id)
    follower = Follower(service, view.workflow_id, worker, Progress(), person() if at_terminal() else None)
    try:
        view = await interruptible(follower.to_rest())
    except KeyboardInterrupt:
        note(f"Stopped. {view.build_id} keeps what it has; `qdeck worker` or the app goes on with it.")
        raise
    code = rest_code(view)
    if json:
        data = {"exit_code": code, "text": rest_text(view), "repository": build.project["path"]}
        show_json({**data, "workflow": view.to_data()})
    else:
        say(rest_text(view))
    return code


async def interruptible(work: Any) -> Any:
    """Await `work`; when the command is asked to end, cancel it in order and raise KeyboardInterrupt."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)


def start(
    request: flags.Request,
    project: flags.Project = Path(),
    model: flags.Model = "",
    autonomy: flags.Autonomy = "",
    budget: flags.Budget = None,
    retries: flags.Retries = None,
    deadline: flags.Deadline = "",
    phase_deadline: flags.PhaseDeadlines = None,
    start_worker: flags.Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Start a build and return at once; a worker carries it out. `qdeck` shows it."""
    limits = deadlines_of(deadline, phase_deadline or ())
    build = _checked(request, project, model, "", autonomy, budget, retries, False, db, limits)

    async def work(service: OrchestrationService) -> int:
        answer = await build.begin(service)
        if answer.ok:
            ensure_worker(service, start_worker)
        return tell_answer(answer, json)

    return with_service(db, work, begins=True)


def _checked(
    request: str,
    project: Path,
    model: str,
    api_base: str,
    autonomy: str,
    budget: float | None,
    retries: int | None,
    unsandboxed: bool,
    db: str,
    deadlines: Mapping[str, float],
) -> Build:
    """Return the build, or raise what stands in its way: all of it before anything is written."""
    words = read_words(request, "request")
    settings = settings_of(
        db,
        model=model or None,
        api_base=api_base or None,
        autonomy=autonomy or None,
        budget_usd=budget,
        retry_budget=retries,
        unsandboxed=unsandboxed or None,
        deadlines=deadlines,
    )
    # The worker is a child and has surroundings of its own: it learns of these flags from the environment.
    os.environ.update({"QDECK_API_BASE": api_base} if api_base else {})
    os.environ.update({"QDECK_UNSANDBOXED": "true"} if unsandboxed else {})
    found = check_project(project)
    for name in {model} if model else {settings.model_for(role) for role in Role}:
        check_model(name, settings.api_base, words)
    if found.get("dirty"):
        note(
            f"{found['path']} has uncommitted changes; "
            "the build starts from the last commit and leaves them alone."
        )
    if found.get("hint"):
        note(str(found["hint"]))
    for line in found.get("ignored", ()):
        note(one_line(str(line), 300))
    for ask in found.get("asks", ()):
        note(
            f".qdeck.toml asks for {one_line(ask['key'] + ' = ' + ask['value'], 200)}; nobody allowed it yet."
        )
        note(f"  To allow it, add {ask['digest']} to `trusted` in {settings.paths.config_file}.")
    return Build(words, settings, found, {"default": model} if model else {})


def worker(
    unsandboxed: flags.Unsandboxed = False,
    db: Db = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> int:
    """Carry out builds until it is told to end (ctrl+c). One worker a machine; it logs to a file."""
    settings = settings_of(db, unsandboxed=unsandboxed or None)
    insist_on_journal(settings)
    env = {**os.environ, "QDECK_DATABASE_URL": settings.database_url}
    env |= {"QDECK_UNSANDBOXED": "true"} if unsandboxed else {}
    if not quiet:
        note(
            f"At work; the log is {settings.paths.worker_log}. "
            "ctrl+c ends it, builds go on with the next worker."
        )
    child = subprocess.Popen([sys.executable, "-P", "-m", "core.engine"], env=env, start_new_session=True)
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True
        child.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    code = child.wait()
    if stopped:
        return ExitCode.DONE
    if code == _TAKEN:
        raise QdeckError("A worker for this journal is alive already.", "One is enough.")
    if code:
        raise QdeckError(f"The worker ended (exit code {code}).", f"The log is {settings.paths.worker_log}.")
    return ExitCode.DONE


_TAKEN = 3
