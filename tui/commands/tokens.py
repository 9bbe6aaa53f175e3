"""`qdeck token`: who may speak over the network. A person at a terminal mints, or in the app."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import ExitCode
from tui.commands.flags import Db, Json
from tui.commands.output import UsageFault, fault_data, note, say, show_json, tell_fault
from tui.commands.session import ask, at_terminal, person, with_service
from tui.commands.telling import one_line
from tui.words import TOKEN_MAY

if TYPE_CHECKING:
    from core.service.service import OrchestrationService

Days = Annotated[int, typer.Option("--days", min=1, max=366, metavar="N", help="How long it lasts.")]
Name = Annotated[str, typer.Option("--name", "-n", metavar="TEXT", help="What it is for; shown in the list.")]


def new(
    scope: Annotated[str, typer.Argument(metavar="read|operate|approve", help="How far it goes.")],
    name: Name = "",
    days: Days = 30,
    json: Json = False,
    db: Db = "",
) -> int:
    """Mint a token for the HTTP API, in your name. Asks at the terminal, and is refused without one."""
    if scope not in TOKEN_MAY:
        raise UsageFault(f"There is no scope {scope[:40]!r}.", f"Scopes are {', '.join(TOKEN_MAY)}.")
    if not at_terminal():
        what = "A token is minted by a person at a terminal; nobody can be asked here."
        tell_fault(fault_data("not_yours", what, "Run this command yourself."), json)
        return ExitCode.REFUSED

    async def work(service: OrchestrationService) -> int:
        from core.service.tokens import Scope

        who = person().name
        note(f"A token of the scope {scope}, in the name of {who}, for {days} days. Who holds it may")
        note(f"  {TOKEN_MAY[scope]}.")
        # A whole word, so that no stray key hands out rights.
        if (await ask(f'Type "{scope}" to mint it:')).lower() != scope:
            tell_fault(fault_data("declined", "No token was minted."), json)
            return ExitCode.REFUSED
        minted = await service.tokens.mint(
            issued_to=who, scope=Scope(scope), lasts=timedelta(days=days), name=name
        )
        if json:
            show_json({"token": minted.token, **minted.view.to_data()})
        else:
            say(minted.token)
            note("Keep it like a password: it is shown this once. It goes into `Authorization: Bearer …`.")
            note(f"`qdeck token revoke {minted.view.token_id}` takes it back.")
        return ExitCode.DONE

    return with_service(db, work, begins=True)


def listed(json: Json = False, db: Db = "") -> int:
    """List every token that was ever minted, newest first. Secrets are not kept, so none is shown."""

    async def work(service: OrchestrationService) -> int:
        now = service.tokens.now()
        found: list[dict[str, Any]] = [
            {**token.to_data(), "standing": token.standing(now)} for token in await service.tokens.listed()
        ]
        if json:
            show_json({"tokens": found})
        else:
            say("\n".join(map(_line, found)) or "No token yet. `qdeck token new read` mints one.")
        return ExitCode.DONE

    return with_service(db, work)


def _line(token: dict[str, Any]) -> str:
    used = f"used {token['used_at'][:16]}" if token["used_at"] else "never used"
    cells = (
        token["token_id"],
        f"{token['scope']:<7}",
        f"{token['standing']:<7}",
        one_line(token["issued_to"], 20),
        f"until {token['expires_at'][:10]}",
        used,
        one_line(token["name"], 60),
    )
    return "  ".join(cells).rstrip()


def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The id, as `qdeck token list` shows it.")],
    json: Json = False,
    db: Db = "",
) -> int:
    """Take a token's right away, for good and at once."""

    async def work(service: OrchestrationService) -> int:
        view = await service.tokens.revoke(token_id)
        show_json(view.to_data()) if json else say(f"{view.token_id} opens nothing any more.")
        return ExitCode.DONE

    return with_service(db, work)
