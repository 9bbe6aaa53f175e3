"""Commands about the record itself: is it whole, and does what is shown come from it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import ExitCode, JournalError
from tui.commands.children import ask_child
from tui.commands.flags import Db, Json, Workflow
from tui.commands.output import fault_data, note, say, show_json, tell_fault
from tui.commands.session import ask_yes, at_terminal, settings_of, with_service
from tui.words import plural

if TYPE_CHECKING:
    from core.service.aside import DamageView
    from core.service.reports import RebuiltView, VerifiedView
    from core.service.service import OrchestrationService

OneOrAll = Annotated[
    str, typer.Argument(metavar="[WORKFLOW]", help="A build id (B-0042) or a workflow id; none: all.")
]


def verify(workflow: OneOrAll = "", json: Json = False, db: Db = "") -> int:
    """Go through the event log and name what was tampered with.

    Row by row: what was changed, removed, moved or cut off.
    """

    async def work(service: OrchestrationService) -> int:
        found = await service.verify_log(workflow)
        show_json(found.to_data()) if json else say(_verified_text(found))
        return ExitCode.DONE if found.whole else ExitCode.FAILED

    return with_service(db, work)


def _verified_text(found: VerifiedView) -> str:
    lines = [f"✗ {item}" for item in found.breaks]
    if found.broken > len(found.breaks):
        lines.append(f"… and {found.broken - len(found.breaks):,} more")
    counts = f"{plural(found.events, 'event')} of {plural(found.workflows, 'workflow')}"
    counts += f", {found.anchored:,} anchored"
    state = "whole" if found.whole else "NOT whole"
    lines.append(f"{'✓' if found.whole else '✗'} the log is {state}: {counts}, {found.seconds:.1f} s")
    lines.append(f"  seal {found.seal}")
    lines.append("  This cannot find:")
    return "\n".join([*lines, *(f"    {limit}" for limit in found.limits)])


def rebuild(
    workflow: OneOrAll = "",
    check: Annotated[bool, typer.Option("--check", help="Only compare; leave everything as it is.")] = False,
    json: Json = False,
    db: Db = "",
) -> int:
    """Build what is derived from the events again, and compare. Says what differed, to the byte."""

    async def work(service: OrchestrationService) -> int:
        found = await service.rebuild_rows(workflow, check=check)
        show_json(found.to_data()) if json else say(_rebuilt_text(found))
        return ExitCode.DONE if found.equal or found.kept else ExitCode.FAILED

    return with_service(db, work)


def _rebuilt_text(found: RebuiltView) -> str:
    lines = [f"✗ {item}" for item in found.differences]
    if found.equal:
        lines.append(
            f"✓ {plural(found.workflows, 'workflow')} compared: the rows are what the events say, to the byte"
        )
    else:
        end = "they are mended" if found.kept else "nothing was changed; `qdeck rebuild` mends them"
        lines.append(f"  {plural(len(found.differences), 'difference')}; {end}")
    return "\n".join(lines)


def aside(json: Json = False, db: Db = "") -> int:
    """Move a journal's file that is damaged out of the way. Asks at a terminal; deletes nothing."""
    from core.service.aside import look, set_aside

    seen = look(settings_of(db).database_url)
    refused = _not_aside(seen)
    if seen is None or refused:
        tell_fault(fault_data("refused", *refused), json)
        return ExitCode.REFUSED
    note(f"{seen.path} is damaged: {seen.why}.")
    note("\n".join(["Its backups:", *seen.backups]) if seen.backups else "There is no backup of it.")
    if not at_terminal() or not asyncio.run(ask_yes("Move it away, so that a new journal can begin?")):
        hint = "" if at_terminal() else "Run this command at a terminal."
        tell_fault(fault_data("declined", f"{seen.path} stays where it is.", hint), json)
        return ExitCode.REFUSED
    place = set_aside(seen)
    show_json({**seen.to_data(), "aside": place}) if json else say(f"It lies at {place} now, unchanged.")
    return ExitCode.DONE


def _not_aside(seen: DamageView | None) -> tuple[str, str] | tuple[()]:
    if seen is None:
        return ("This journal is on a server.", "The server's own tools look after its files.")
    if not Path(seen.path).exists():
        return (f"There is no file {seen.path}.", "Correct the path, or leave out --db for the usual one.")
    if not seen.why:
        return (
            f"Nothing is wrong with the file {seen.path}; it stays.",
            "`qdeck verify` looks at the record.",
        )
    if seen.in_use:
        return (f"A worker is using {seen.path}.", "Stop it first.")
    return ()


def export(
    workflow: Workflow,
    to: Annotated[
        str, typer.Option("--to", metavar="FILE", help="Where to; else NAME.dossier.json here.")
    ] = "",
    json: Json = False,
    db: Db = "",
) -> int:
    """Write all that is on record of a workflow into one file. A script beside it verifies it anywhere."""

    async def work(service: OrchestrationService) -> int:
        name = (await service.get_workflow_status(workflow)).build_id
        made = await service.export_workflow(workflow, to or f"{name}.dossier.json")
        if json:
            show_json(made.to_data())
        else:
            say(f"{made.build_id}: {made.events:,} events in {made.path}\n  sha256 {made.digest}")
            say(f"  anywhere: python -I {quote(made.verifier)} {quote(made.path)}")
        return ExitCode.DONE

    return with_service(db, work)


def schema(
    postgresql: Annotated[bool, typer.Option("--postgresql", help="For PostgreSQL, not SQLite.")] = False,
) -> int:
    """Print the journal's tables as SQL. These are the steps of all migrations, in order."""
    answer = ask_child("core.journal.schema_sql", "postgresql" if postgresql else "sqlite")
    if not answer.get("ok"):
        raise JournalError(str(answer.get("what")), "Install qdeck again.")
    say(str(answer["sql"]))
    return ExitCode.DONE
