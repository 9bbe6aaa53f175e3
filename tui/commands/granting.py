"""The command by which a person grants the deploy or rollback command secrets and hosts."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import ExitCode, ProjectError
from core.grants import COMMANDS, host_name, secret_name
from tui.commands.accepting import agreed
from tui.commands.flags import Db, Json
from tui.commands.orders import tell_answer
from tui.commands.output import UsageFault, say, show_json
from tui.commands.session import person, with_service
from tui.commands.telling import one_line
from tui.grants import bound

if TYPE_CHECKING:
    from core.service.service import OrchestrationService
    from core.service.views import GrantView


def grant(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A project's id or name.")],
    secret: Annotated[
        list[str] | None,
        typer.Option(
            "--secret", metavar="NAME", help="A variable of the worker's environment; for more, repeat it."
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="NAME[:PORT]", help="A host to reach, port 443 unless named."),
    ] = None,
    command: Annotated[str, typer.Option("--for", metavar="deploy|rollback", help="To what.")] = "deploy",
    revoke: Annotated[str, typer.Option("--revoke", metavar="ID", help="Take this one back.")] = "",
    json: Json = False,
    db: Db = "",
) -> int:
    """Grant the deploy command secrets and hosts, or take it back. Lists the grants. Needs a terminal."""
    names, places = _checked(secret or [], host or [], command)

    async def work(service: OrchestrationService) -> int:
        known = await service.projects()
        found = next((p for p in known if project in (p.project_id, p.name)), None)
        wanted = found.project_id if found else project
        if revoke:
            if not await agreed(f"Take back the grant {revoke[:40]}?", json):
                return ExitCode.REFUSED
            return tell_answer(await service.revoke_grant(wanted, revoke, by=person()), json)
        if found is None or not (names or places):
            return _listed(await service.grants(wanted), json)
        try:
            argv, digest = bound(found, command)
        except ProjectError as error:
            raise UsageFault(error.what, error.hint) from None
        what = ", ".join([*(f"the secret {name}" for name in names), *(f"the host {p}" for p in places)])
        question = (
            f"The {command} command of {one_line(found.name)}:\n  {one_line(shlex.join(argv), 2000)}\n"
            f"  sha256 {digest}\nGrant it, and nothing else, {what}?"
        )
        if not await agreed(question, json):
            return ExitCode.REFUSED
        answer = await service.grant(
            wanted, command=command, argv=argv, digest=digest, secrets=names, hosts=places, by=person()
        )
        return tell_answer(answer, json)

    return with_service(db, work)


def _checked(secrets: list[str], hosts: list[str], command: str) -> tuple[list[str], list[str]]:
    if command not in COMMANDS:
        raise UsageFault(f"Nothing can be granted to {command[:40]!r}.", "It is deploy or rollback.")
    try:
        return [secret_name(name) for name in secrets], [host_name(name) for name in hosts]
    except ValueError as error:
        raise UsageFault(f"{error}.", "See `qdeck grant --help`.") from None


def _listed(found: list[GrantView], json: bool) -> int:
    if json:
        show_json({"grants": [item.to_data() for item in found]})
        return ExitCode.DONE
    for item in found:
        gone = f", taken back by {item.revoked_by.removeprefix('person:')}" if item.revoked_by else ""
        what = ", ".join([*item.secrets, *item.hosts])
        by = f"{item.by.removeprefix('person:')} at {item.at[:16]}"
        line = f"{item.grant_id}  {item.command}  {what}  {by}: {shlex.join(item.argv)}  {item.digest[:12]}"
        say(one_line(f"{line}{gone}", 500))
    if not found:
        say("Nothing was granted in this project: its commands get no secret and no network.")
    return ExitCode.DONE
