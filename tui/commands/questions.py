"""Commands that only look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.config import load_settings, sqlite_path
from core.errors import ConfigError, ExitCode, QdeckError
from core.home import expanded
from core.machine.transitions import TRANSITIONS, machine_as_data
from tui.commands.children import ask_child
from tui.commands.flags import Db, Json, Workflow
from tui.commands.output import say, show_json
from tui.commands.session import settings_of, with_service
from tui.commands.telling import board_text, events_text, one_line, stats_text, workflow_text
from tui.words import plural

if TYPE_CHECKING:
    from core.service.service import OrchestrationService


def status(
    workflow: Annotated[
        str, typer.Argument(metavar="[WORKFLOW]", help="A build id or workflow id; none: all.")
    ] = "",
    json: Json = False,
    db: Db = "",
) -> int:
    """Show how one workflow stands, or all of them."""

    async def work(service: OrchestrationService) -> int:
        if workflow:
            view = await service.get_workflow_status(workflow)
            show_json(view.to_data()) if json else say(workflow_text(view))
        else:
            rows = await service.board()
            show_json({"workflows": [asdict(row) for row in rows]}) if json else say(board_text(rows))
        return ExitCode.DONE

    return with_service(db, work)


def history(
    workflow: Workflow,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many of the latest events; 0 for all.")
    ] = 50,
    at: Annotated[int, typer.Option("--at", min=0, metavar="SEQ", help="As it was after this event.")] = 0,
    json: Json = False,
    db: Db = "",
) -> int:
    """Show what happened, event by event: who, when, why. With --at, also how it stood then."""

    async def work(service: OrchestrationService) -> int:
        view = await (service.workflow_at(workflow, at) if at else service.get_workflow_status(workflow))
        after = max(0, view.version - limit) if limit else 0
        events = await service.get_workflow_history(workflow, limit=view.version - after, after=after)
        if json:
            found = [event.to_data() for event in events]
            then = {"workflow": view.to_data()} if at else {}
            data = {"workflow_id": view.workflow_id, "build_id": view.build_id, "events": found}
            show_json({**data, **then})
        else:
            say(events_text(events))
            say(f"\n{workflow_text(view)}") if at else None
        return ExitCode.DONE

    return with_service(db, work)


def stats(
    project: Annotated[str, typer.Argument(metavar="[PROJECT]", help="A project's id, name or path.")] = "",
    json: Json = False,
    db: Db = "",
) -> int:
    """Show figures of one project, or of all."""

    place = str(expanded(project).resolve())

    async def work(service: OrchestrationService) -> int:
        wanted = await _project_id(service, project, place) if project else None
        found = await service.get_project_stats(wanted)
        show_json(found.to_data()) if json else say(stats_text(found))
        return ExitCode.DONE

    return with_service(db, work)


async def _project_id(service: OrchestrationService, wanted: str, place: str) -> str:
    for project in await service.projects():
        if wanted in (project.project_id, project.name) or project.path == place:
            return project.project_id
    return wanted


def projects(json: Json = False, db: Db = "") -> int:
    """List the repositories that qdeck knows."""

    async def work(service: OrchestrationService) -> int:
        found = await service.projects()
        if json:
            show_json({"projects": [project.to_data() for project in found]})
        else:
            lines = [
                f"{p.project_id}  {plural(p.workflows, 'build'):>10}  {one_line(p.name, 30)}  {p.path}"
                for p in found
            ]
            say("\n".join(lines) or 'No project yet. `qdeck run "REQUEST" --project PATH` makes one known.')
        return ExitCode.DONE

    return with_service(db, work)


def machine(json: Json = False) -> int:
    """Show the state machine: who may move what, on what evidence."""
    if json:
        show_json(machine_as_data())
        return ExitCode.DONE
    for t in TRANSITIONS:
        actor = t.actor.value if t.actor else "a person"
        needs = f"  needs {', '.join(t.needs)}" if t.needs else ""
        say(f"{t.id}  {t.kind.value:<9} {t.source.value:<20} -> {t.target.value:<20} {actor}{needs}")
    return ExitCode.DONE


def doctor(json: Json = False, db: Db = "") -> int:
    """Look at all that a build needs, and say what is missing. Also what to do."""
    report = ask_child("core.engine", "doctor", "--json")
    checks = [*report.get("checks", []), *_journal_checks(db), _models_check()]
    good = all(check["ok"] for check in checks)
    if json:
        show_json({"ok": good, "checks": checks})
        return ExitCode.DONE if good else ExitCode.FAILED
    for check in checks:
        say(f"{_mark(check)} {check['name']:<9} {one_line(check['what'], 300)}")
        for line in [*check.get("covers", ()), *str(check["hint"]).splitlines()]:
            say(f"    {line}" if line else "")
    return ExitCode.DONE if good else ExitCode.FAILED


def _mark(check: Mapping[str, Any]) -> str:
    """✓ or ✗, and ○ for what is not there and need not be."""
    if not check["ok"]:
        return "✗"
    return "○" if check.get("absent") else "✓"


def _check(name: str, ok: bool, what: str, hint: str = "") -> dict[str, Any]:
    return {"name": name, "ok": ok, "what": what, "hint": hint}


def _journal_checks(db: str) -> list[dict[str, Any]]:
    """Look at the journal without making or changing one."""
    try:
        url = settings_of(db).database_url
    except ConfigError as error:
        return [_check("settings", False, error.what, error.hint)]
    file = sqlite_path(url)
    if file is not None and not file.exists():
        what = f"{file} is not there yet; the first build makes it"
        return [
            _check("journal", True, what),
            _check("worker", True, "none is alive; the first build starts one"),
        ]

    async def look(service: OrchestrationService) -> list[dict[str, Any]]:
        broken = await service.verify()
        name = str(file) if file else "the server's journal"
        what = f"{name}: {plural(len(await service.board()), 'workflow')}, the chain of events is whole"
        alive = "one is alive" if service.worker_alive() else "none is alive; the first build starts one"
        found = (
            _check("journal", False, broken[0], "Keep a copy of it.")
            if broken
            else _check("journal", True, what)
        )
        return [found, _check("worker", True, alive), await _grants_check(service)]

    try:
        return with_service(db, look)
    except QdeckError as error:
        return [_check("journal", False, error.what, error.hint)]


async def _grants_check(service: OrchestrationService) -> dict[str, Any]:
    """List what persons have granted to deploy commands: all that leaves the sandbox by somebody's leave."""
    lines = []
    for project in await service.projects():
        for item in await service.grants(project.project_id):
            if not item.revoked_by:
                what = ", ".join([*item.secrets, *item.hosts])
                by = item.by.removeprefix("person:")
                lines.append(one_line(f"{project.name}: {item.command} gets {what}, by {by}", 200))
    what = f"{len(lines)} in force" if lines else "none: no deploy command gets a secret or the network"
    return {**_check("grants", True, what), "covers": lines, "absent": not lines}


def _models_check() -> dict[str, Any]:
    """Say which ways to a model there are. None is no fault: the demo needs none."""
    found = ask_child("core.engine", "models", "--json")
    configured = found.get("configured") or {}
    named = [configured.get("model"), *(configured.get("models") or {}).values()]
    what = f"configured: {', '.join(sorted({n for n in named if n}))}" if any(named) else "none configured"
    hint = "\n".join(found.get("lines", ()))
    return {**_check("models", True, what, hint), "absent": not any(named), "ways": found}


def config_path(json: Json = False, db: Db = "") -> int:
    """Show where everything lies: settings, journal, log, worktrees."""
    settings = settings_of(db)
    file = sqlite_path(settings.database_url)
    places = {
        "config": settings.paths.config_file,
        "journal": file or "a database server",
        "log": settings.paths.worker_log,
        "worktrees": settings.paths.worktrees,
        "environments": settings.paths.environments,
        "demo": settings.paths.data / "demo",
    }
    found = {name: str(place) for name, place in places.items()}
    if json:
        show_json(found)
    else:
        say("\n".join(f"{name:<13} {place}" for name, place in found.items()))
    return ExitCode.DONE


def config_show(json: Json = False) -> int:
    """Show every setting that is in force, and where it comes from."""
    settings = load_settings()
    data = settings.to_data()
    if settings.sources.get("database_url") != "default":
        # An address may hold a password.
        data["database_url"] = "(set)"
    if json:
        show_json(data)
        return ExitCode.DONE
    for name, source in settings.sources.items():
        value = data[name]
        text = " ".join(value) if isinstance(value, list) else value
        say(f"{name:<17} {one_line(str(text if text not in (None, '', {}) else '-'), 80):<40} {source}")
    return ExitCode.DONE
