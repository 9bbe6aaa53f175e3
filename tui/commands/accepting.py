"""Commands by which a person answers single questions of a gate, overrides one, or says a standing yes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import ExitCode
from core.machine.states import Condition, EvidenceKind
from tui.commands.flags import Db, Json, Reason, Version, Worker, Workflow
from tui.commands.orders import tell_answer
from tui.commands.output import UsageFault, fault_data, note, say, show_json, tell_fault
from tui.commands.session import ask_yes, at_terminal, ensure_worker, person, with_service
from tui.commands.telling import ask_text, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.service.service import OrchestrationService
    from core.service.views import Answer, AskView

_Key = Annotated[
    str, typer.Argument(metavar="[KEY]", help="The question's key or its beginning; none lists them.")
]


def accept(
    workflow: Workflow,
    key: _Key = "",
    reason: Reason = "",
    no: Annotated[bool, typer.Option("--no", help="Decline it; what was accepted is taken back.")] = False,
    standing: Annotated[
        bool, typer.Option("--standing", help="For all builds of the project, where that may be.")
    ] = False,
    expected_version: Version = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Answer a question of a gate: may a finding stand.

    Asks at the terminal, and is refused without one.
    """

    async def work(service: OrchestrationService) -> int:
        view = await service.get_workflow_status(workflow)
        asks = await service.asks(workflow)
        if not key:
            show_json({"asks": [a.to_data() for a in asks]}) if json else say(_listed(asks))
            return ExitCode.DONE
        wanted = _found(key, asks, [word.key for word in view.said])
        asked = next((a for a in asks if a.key == wanted), None)
        verb = "Decline" if no else "Strike" if asked and asked.strikes else "Accept"
        told = ask_text(asked) if asked else wanted
        if not await agreed(f"{told}\n{verb} this{' in the whole project' if standing else ''}?", json):
            return ExitCode.REFUSED
        answer = await service.accept_finding(
            workflow,
            wanted,
            by=person(),
            expected_version=view.version if expected_version is None else expected_version,
            reason=reason,
            accept=not no,
            standing=standing,
        )
        return _told(service, answer, start_worker, json)

    return with_service(db, work)


def override(
    workflow: Workflow,
    evidence: Annotated[str, typer.Argument(metavar="EVIDENCE", help="code, tests, review, …")],
    reason: Reason = "",
    expected_version: Version = None,
    start_worker: Worker = True,
    json: Json = False,
    db: Db = "",
) -> int:
    """Let red evidence count as it is. It stays on the card and in the record for good. Needs a terminal."""
    try:
        kind = EvidenceKind(evidence.strip().lower())
    except ValueError:
        names = ", ".join(EvidenceKind)
        raise UsageFault(f"There is no evidence {evidence[:40]!r}.", f"It is one of {names}.") from None

    async def work(service: OrchestrationService) -> int:
        view = await service.get_workflow_status(workflow)
        piece = view.evidence.get(kind)
        if piece is not None and not piece.ok:
            note(f"{view.build_id}, {kind.value}: {one_line(piece.summary, 300)}")
            for failure in piece.detail.get("failures", ()):
                note(f"  {one_line(str(failure.get('name')))}: {one_line(str(failure.get('text')), 300)}")
        if not await agreed(f"OVERRIDE the gate of the {kind.value}, for ever on record?", json):
            return ExitCode.REFUSED
        answer = await service.override_gate(
            workflow,
            kind,
            by=person(),
            expected_version=view.version if expected_version is None else expected_version,
            reason=reason,
            digest=piece.digest if piece else "",
        )
        return _told(service, answer, start_worker, json)

    return with_service(db, work)


def standing(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A project's id or name.")],
    revoke: Annotated[str, typer.Option("--revoke", metavar="KEY", help="Take this one back.")] = "",
    reason: Reason = "",
    json: Json = False,
    db: Db = "",
) -> int:
    """List the standing yeses of a project, or take one back."""

    async def work(service: OrchestrationService) -> int:
        known = await service.projects()
        wanted = next((p.project_id for p in known if project in (p.project_id, p.name)), project)
        if revoke:
            if not await agreed(f"Take back the standing yes to {revoke}?", json):
                return ExitCode.REFUSED
            answer = await service.revoke_standing_yes(wanted, revoke, by=person(), reason=reason)
            return tell_answer(answer, json)
        found = await service.standing_yeses(wanted)
        if json:
            show_json({"standing": [item.to_data() for item in found]})
            return ExitCode.DONE
        for item in found:
            gone = f", taken back by {item.revoked_by}: {item.revoked_reason}" if item.revoked_by else ""
            line = (
                f"{item.key}  {item.what}  {item.by.removeprefix('person:')} at {item.at[:16]}: {item.reason}"
            )
            say(one_line(f"{line}{gone}", 400))
        if not found:
            say("No standing yes was given in this project.")
        return ExitCode.DONE

    return with_service(db, work)


def _listed(asks: Sequence[AskView]) -> str:
    return "\n".join(ask_text(a) for a in asks) or "No gate asks anything now."


def _found(key: str, asks: Sequence[AskView], said: Sequence[str]) -> str:
    """Return the one key that begins like this; what is none is left for the service to refuse."""
    known = [*(a.key for a in asks), *said]
    fitting = sorted({k for k in known if k.startswith(key)})
    if len(fitting) > 1 and key not in fitting:
        raise UsageFault(
            f"{key[:80]!r} fits {len(fitting)} questions.", f"Say more: {', '.join(fitting)[:300]}"
        )
    return key if key in fitting or not fitting else fitting[0]


async def agreed(question: str, json: bool) -> bool:
    """Ask for the yes. Without a terminal there is nobody who could give it."""
    if not at_terminal():
        hint = "Answer in the app, or run this command at a terminal."
        tell_fault(
            fault_data("not_yours", "Only a person answers this, and nobody can be asked here.", hint), json
        )
        return False
    if await ask_yes(question):
        return True
    tell_fault(fault_data("declined", "Nothing was said; it stays as it is."), json)
    return False


def _told(service: OrchestrationService, answer: Answer, start_worker: bool, json: bool) -> int:
    if answer.ok and answer.workflow and answer.workflow.condition is Condition.ACTIVE:
        ensure_worker(service, start_worker)
    return tell_answer(answer, json)
