"""The one right of a project to deploy: which attempt has it, as the project's row keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from core.journal.records import find_row, workflow_of
from core.journal.tables import Attempt, Project
from core.machine.states import FINAL, Condition

_DEPLOYING = "deploying"
"""Where a project's row keeps which attempt deploys now."""


def take(session: Session, project_id: str, attempt_id: str, lease: str) -> str:
    """Give the attempt the right; return the build that has it, "" when it is the attempt's now."""
    project = session.get(Project, project_id, with_for_update=True)
    if project is None:
        return ""
    held = project.settings.get(_DEPLOYING) or {}
    if held and held["lease"] != lease and (other := _deploys(session, held)):
        return other
    mine = {"attempt": attempt_id, "lease": lease}
    project.settings = {**project.settings, _DEPLOYING: mine}
    session.add(project)
    return ""


def leave(session: Session, project_id: str, lease: str) -> None:
    """Take the right back from whoever holds this lease; nothing when another has it."""
    project = session.get(Project, project_id, with_for_update=True)
    if project is not None and (project.settings.get(_DEPLOYING) or {}).get("lease") == lease:
        project.settings = {k: v for k, v in project.settings.items() if k != _DEPLOYING}
        session.add(project)


def _deploys(session: Session, held: Mapping[str, Any]) -> str:
    """Return the build whose attempt still holds the right to deploy, "" when it does not any more."""
    attempt = session.get(Attempt, str(held["attempt"]))
    if attempt is None or attempt.lease != held["lease"]:
        return ""
    workflow = workflow_of(find_row(session, attempt.workflow_id))
    live = workflow.attempt_id == attempt.attempt_id and workflow.condition is Condition.ACTIVE
    return workflow.build_id if live and workflow.state is not FINAL else ""
