"""A person's yes or no to single findings, their override of a gate, and their standing yeses per project.

Plans for the machine, which decides; only the standing yeses, which belong to a project and to no workflow,
are kept beside it: every one that was ever given stays in the list, also after it was taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from core.errors import ExitCode
from core.journal.database import Database
from core.journal.tables import BuildWorkflow
from core.machine.asking import asks_of
from core.machine.commands import Accept, Authority, AuthorityKind, Override
from core.machine.refusal import Missing, Reason, Refusal
from core.machine.states import EvidenceKind
from core.machine.workflow import Verdict, Workflow
from core.service.commands import Plan, Refused
from core.service.orders import Frame
from core.service.questions import project_of
from core.service.views import Answer, StandingView
from core.text import clean

STANDING = "standing"
"""Where a project's settings keep the standing yeses."""


def accept(
    frame: Frame, workflow: Workflow, *, key: str, verdict: Verdict, reason: str, standing: bool
) -> Plan:
    """A person's word on one finding; a standing yes only to what may have one."""
    if standing and not any(ask.standing for ask in asks_of(workflow) if ask.key == key):
        raise Refused(
            Refusal(
                Reason.NOT_POSSIBLE,
                "This can be accepted for this one build only, not for the whole project.",
                hint="Accept it without a standing yes.",
            )
        )
    yield Accept(**frame.fields(workflow), key=key, verdict=verdict, reason=reason, standing=standing)


def override(frame: Frame, workflow: Workflow, *, kind: EvidenceKind, reason: str, digest: str) -> Plan:
    """A person lets red evidence count as it is. Without a digest it is the one that is there now."""
    evidence = workflow.evidence.get(kind)
    wanted = digest or (evidence.digest if evidence else "")
    yield Override(**frame.fields(workflow), evidence=kind, digest=wanted, reason=reason)


# --- standing yeses


def keep_standing(session: Session, project_id: str, entry: Mapping[str, Any]) -> None:
    """Write a standing yes into the project, beside those that were there."""
    project = project_of(session, project_id, lock=True)
    known = list(project.settings.get(STANDING, ()))
    project.settings = {**project.settings, STANDING: [*known, dict(entry)]}
    session.add(project)


def standing_entry(key: str, what: str, by: Authority, reason: str, at: datetime) -> dict[str, Any]:
    """Return a standing yes as it is kept."""
    return {"key": key, "what": what, "by": str(by), "reason": reason, "at": at.isoformat()}


def give_standing(database: Database, project_id: str, key: str, by: Authority, reason: str) -> Answer:
    """Say yes to one thing for all builds of a project, as a person, with a reason."""
    with database.write() as session:
        if refusal := _why_not(by, reason):
            return _refused(refusal)
        name = clean(key, lines=False, limit=200).strip()
        if not name:
            return _refused(Refusal(Reason.NOT_POSSIBLE, "The key is empty."))
        keep_standing(session, project_id, standing_entry(name, "", by, reason, database.clock()))
    return Answer(True, None, None, ExitCode.DONE, f"{name} is accepted in this project from now on.")


def revoke_standing(database: Database, project_id: str, key: str, by: Authority, reason: str) -> Answer:
    """Take a standing yes back; what was judged by it before stays as it was."""
    with database.write() as session:
        if refusal := _why_not(by, reason):
            return _refused(refusal)
        project = project_of(session, project_id, lock=True)
        known = [dict(entry) for entry in project.settings.get(STANDING, ())]
        alive = [entry for entry in known if entry["key"] == key and not entry.get("revoked_by")]
        if not alive:
            return _refused(Refusal(Reason.NOT_POSSIBLE, f"No standing yes has the key {key[:80]!r}."))
        for entry in alive:
            gone = {
                "revoked_by": str(by),
                "revoked_reason": reason,
                "revoked_at": database.clock().isoformat(),
            }
            entry |= gone
        project.settings = {**project.settings, STANDING: known}
        session.add(project)
    return Answer(True, None, None, ExitCode.DONE, f"{key} is asked again from now on.")


def standing(database: Database, project_id: str) -> list[StandingView]:
    """Return every standing yes that a project was ever given, those taken back too, oldest first."""
    with database.read() as session:
        entries = project_of(session, project_id).settings.get(STANDING, ())
    names = StandingView.__dataclass_fields__
    return [
        StandingView(project_id=project_id, **{k: v for k, v in entry.items() if k in names})
        for entry in entries
    ]


def also_standing(key: str, by: Authority, reason: str, at: datetime) -> Any:
    """Return what writes the standing yes in the same transaction as the event that tells of it."""

    def write(session: Session, workflow: Workflow) -> None:
        row = session.get(BuildWorkflow, workflow.workflow_id)
        what = next((ask.name for ask in asks_of(workflow) if ask.key == key), "")
        if row is not None:
            keep_standing(session, row.project_id, standing_entry(key, what, by, reason, at))

    return write


def _why_not(by: Authority, reason: str) -> Refusal | None:
    if by.kind is not AuthorityKind.PERSON:
        return Refusal(Reason.NOT_YOURS, "Only a person gives or takes back a standing yes.")
    if not reason.strip():
        return Refusal(
            Reason.NOT_READY, "This needs a reason.", (Missing("reason", "none was given", str(by)),)
        )
    return None


def _refused(refusal: Refusal) -> Answer:
    return Answer(False, None, refusal, ExitCode.REFUSED, str(refusal))
