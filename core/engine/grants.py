"""What the command that deploys is granted in one run, with the secrets' values, which are kept nowhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.engine.scene import Scene
from core.grants import COMMANDS, Granted, grant_digest, granted_to
from core.journal.engine import ProjectRow
from core.machine.commands import Note
from core.sandbox.redaction import SHORTEST
from core.workspace import Repository, read_file_at


@dataclass(frozen=True, slots=True)
class Given:
    """The secrets with their values, the hosts, and the sentence on both."""

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: tuple[str, ...] = ()
    told: str = ""


def granted_for(
    project: ProjectRow, repository: Repository, commit: str, command: str, argv: tuple[str, ...]
) -> Granted:
    """Return what counts for this command on this very commit; nothing for any but deploy and rollback."""
    if command not in COMMANDS or not argv:
        return Granted()
    digest = grant_digest(command, argv, lambda path: read_file_at(repository, commit, path))
    return granted_to(project.settings, command, argv, digest)


def given_now(granted: Granted, environment: Mapping[str, str] | None = None) -> Given:
    """Read the values from the worker's environment; say which are not there or cannot be hidden."""
    source = os.environ if environment is None else environment
    secrets = {
        name: source[name] for name in granted.secrets if len(source.get(name, "").strip()) >= SHORTEST
    }
    told = granted.told
    if missing := [name for name in granted.secrets if name not in secrets]:
        told += (
            f" Not given: {', '.join(missing)}, since the worker's environment lacks it or holds fewer than "
            f"{SHORTEST} characters."
        )
    return Given(secrets, granted.hosts, told)


class Grants:
    """The grants of one attempt's project; looked up anew each time, since a person may take one back."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def told(self, commit: str) -> list[str]:
        """Return a sentence for each command that was granted something, or why that does not count."""
        settings = self._scene.bench.settings
        commands = {"deploy": settings.deploy_command, "rollback": settings.rollback_command}
        found = [await self._granted(kind, command, commit) for kind, command in commands.items()]
        return [granted.told for granted in found if granted.told]

    async def given(self, command: str, argv: tuple[str, ...], commit: str) -> Given:
        """Return what the command gets now, and put the names of it into the history."""
        given = given_now(await self._granted(command, argv, commit))
        if given.told:
            data = {"text": given.told}
            await self._scene.orders.give(f"granted-{command}-{commit[:12]}", Note, kind="granted", data=data)
        return given

    async def _granted(self, command: str, argv: tuple[str, ...], commit: str) -> Granted:
        workflow = await self._scene.orders.workflow()
        project = await asyncio.to_thread(self._scene.shop.journal.project, workflow.project_id)
        repository = self._scene.files.repository
        return await asyncio.to_thread(granted_for, project, repository, commit, command, argv)
