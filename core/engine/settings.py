"""The settings of one workflow: the user's, what it was started with, and its project's file at the base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.config import PROJECT_FILE, Settings, load_settings
from core.config_values import PARSERS
from core.evidence import ProjectSettings
from core.journal.engine import ProjectRow
from core.machine.states import Role
from core.machine.workflow import Workflow
from core.workspace import Repository, read_file_at

_OF_A_WORKFLOW = ("model", "api_base", "budget_usd")


def workflow_settings(
    workflow: Workflow, project: ProjectRow, repository: Repository, base: str
) -> tuple[Settings, ProjectSettings]:
    """Return the settings of a workflow, whole and as far as they are about running its project.

    They are read anew for each attempt, so that a corrected file counts with the next one.
    """
    own = workflow.settings
    flags: dict[str, Any] = {k: v for k, v in project.settings.items() if k in PARSERS}
    flags |= {name: own[name] for name in _OF_A_WORKFLOW if own.get(name) is not None}
    if models := _models(own.get("models") or {}):
        flags["models"] = models
    trusted = [*project.settings.get("trusted", ()), *own.get("trusted", ())]
    settings = load_settings(read_file_at(repository, base, PROJECT_FILE), flags, trusted=trusted)
    return settings, ProjectSettings.from_data(settings.to_data())


def _models(wanted: Mapping[str, str]) -> dict[str, str]:
    """Spread the model that is meant for all roles over them; no setting of the user's stands against it."""
    models = dict(wanted)
    default = models.pop("default", "")
    return {role.value: models.get(role.value, default) for role in Role if models.get(role.value, default)}


def unheeded(settings: Settings) -> str:
    """Say what of the project's file does not count, and why; empty when all of it does."""
    told = list(settings.ignored)
    told += [
        f"{PROJECT_FILE} asks for {ask.key} = {ask.value}. It counts once you allow it: trusted {ask.digest}."
        for ask in settings.asks
    ]
    return "\n".join(told)
