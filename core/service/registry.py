"""Projects, the start of workflows in them, and the few writes that are no event."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, select

from core.errors import ExitCode
from core.grants import GRANTS
from core.home import expanded
from core.journal.chain import digest
from core.journal.database import Database
from core.journal.records import find_row, touch, workflow_of
from core.journal.tables import BuildWorkflow, Project
from core.machine.commands import Authority, AuthorityKind, Start
from core.machine.refusal import Reason, Refusal
from core.machine.states import FINAL, Autonomy, Condition
from core.service.acceptances import STANDING
from core.service.commands import Plan, Refused
from core.service.deadlines import check_limits
from core.service.orders import Frame, check_budget
from core.service.questions import project_view
from core.service.reading import view_of
from core.service.sentences import role_title
from core.service.views import Answer, ProjectView
from core.text import clean

TITLE_LIMIT = 72
_BUILD_ID_LIMIT = 40


def register(
    database: Database,
    path: str,
    *,
    name: str | None,
    default_branch: str,
    settings: Mapping[str, Any] | None,
) -> ProjectView:
    """Make a repository known, or bring what is known of it up to date."""
    place = str(expanded(path).resolve())
    # A standing yes and a grant are given by a person, each by its own command, and by no setting.
    settings = {name: value for name, value in (settings or {}).items() if name not in (STANDING, GRANTS)}
    with database.write() as session:
        now = database.clock()
        project = session.exec(select(Project).where(Project.path == place)).first()
        if project is None:
            project = Project(
                # The same folder gets the same id again, also in a new journal.
                project_id=digest(place)[:16],
                name=name or Path(place).name or place,
                path=place,
                default_branch=default_branch,
                settings=dict(settings or {}),
                created_at=now,
                updated_at=now,
            )
        else:
            project.name = name or project.name
            project.default_branch = default_branch or project.default_branch
            project.settings = {**project.settings, **dict(settings or {})}
            project.updated_at = now
        session.add(project)
        session.flush()
        query = select(sa.func.count()).where(BuildWorkflow.project_id == project.project_id)
        return project_view(project, session.exec(query).one())


def start(
    session: Session,
    frame: Frame,
    *,
    project_id: str,
    title: str | None,
    request: str,
    autonomy: Autonomy,
    retry_budget: int,
    base_commit: str,
    build_id: str | None,
    settings: Mapping[str, Any],
) -> Plan:
    """Begin a workflow; it gets the next build id unless the caller names a free one."""
    check_budget(settings.get("budget_usd"))
    settings = {**settings, "deadlines": check_limits(settings.get("deadlines") or {})}
    wanted = clean(build_id or "", lines=False).strip() or next_build_id(session)
    if build_id and (len(wanted) > _BUILD_ID_LIMIT or _taken(session, wanted)):
        raise Refused(
            Refusal(
                Reason.NOT_POSSIBLE,
                f"The build id {wanted[:_BUILD_ID_LIMIT]!r} is taken or too long.",
                hint="Choose another one, or none: then it gets the next number.",
            )
        )
    project = session.get(Project, project_id)
    if project is not None and project.default_branch:
        # The project may get another branch later; what runs already is merged where it was meant to be.
        settings = {**settings, "default_branch": project.default_branch}
    yield Start(
        command_id=frame.command_id,
        workflow_id=uuid4().hex,
        expected_version=0,
        by=frame.by,
        at=frame.at,
        build_id=wanted,
        project_id=project_id,
        title=title_of(title or request),
        request=request,
        autonomy=autonomy,
        retry_budget=max(0, retry_budget),
        base_commit=base_commit,
        settings=settings,
    )


def next_build_id(session: Session) -> str:
    """Return the next free number as a build id."""
    highest = session.exec(select(sa.func.max(BuildWorkflow.build_number))).one() or 0
    number = highest + 1
    while _taken(session, f"B-{number:04d}"):
        number += 1
    return f"B-{number:04d}"


def _taken(session: Session, build_id: str) -> bool:
    query = select(BuildWorkflow.workflow_id).where(
        (sa.func.lower(BuildWorkflow.build_id) == build_id.lower()) | (BuildWorkflow.workflow_id == build_id)
    )
    return session.exec(query).first() is not None


def title_of(text: str) -> str:
    """Return the first line of the text, cut to what a board can show."""
    lines = [line.strip() for line in clean(text).splitlines() if line.strip()]
    return clean(lines[0] if lines else "", lines=False, limit=TITLE_LIMIT)


def stop_turn(database: Database, workflow_id: str, by: Authority) -> Answer:
    """Ask the role that is at work to stop at its next step; no event, since it may come too late."""
    with database.write() as session:
        row = find_row(session, workflow_id)
        workflow = workflow_of(row)
        refusal = None
        if by.kind is not AuthorityKind.PERSON:
            refusal = Refusal(Reason.NOT_YOURS, "Only a person stops a turn.")
        elif workflow.condition is not Condition.ACTIVE or workflow.state is FINAL:
            refusal = Refusal(Reason.NOT_POSSIBLE, f"Nothing is at work in {row.build_id}.")
        else:
            touch(session, row.workflow_id, database.clock().timestamp()).stop_requested = True
        view = view_of(session, row, database.clock())
        if refusal:
            return Answer(False, view, refusal, ExitCode.REFUSED, str(refusal))
        text = f"The {role_title(workflow.actor)} stops at the next step."
        return Answer(True, view, None, ExitCode.DONE, text)
