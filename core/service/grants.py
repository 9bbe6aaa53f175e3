"""A person grants secrets and hosts to one exact command of a project, and takes that back.

See `core.grants` for where they are kept, and why there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import uuid4

from core.errors import ExitCode
from core.grants import COMMANDS, GRANTS, host_name, secret_name
from core.journal.database import Database
from core.machine.commands import Authority, AuthorityKind
from core.machine.refusal import Reason, Refusal
from core.service.door import Door
from core.service.questions import project_of
from core.service.views import Answer, GrantView

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Granting(Door):
    """The part of the service by which a person grants secrets and hosts."""

    async def grant(
        self,
        project_id: str,
        *,
        command: str,
        argv: Sequence[str],
        digest: str,
        secrets: Sequence[str] = (),
        hosts: Sequence[str] = (),
        by: Authority,
    ) -> Answer:
        """Give the deploy or rollback command secrets by name, and hosts; only a person may.

        It counts for this very argv and digest (`core.grants.grant_digest`) until it is taken back.
        """
        return await self._do(
            give_grant,
            self._database,
            project_id,
            command=command,
            argv=argv,
            digest=digest,
            secrets=secrets,
            hosts=hosts,
            by=by,
        )

    async def revoke_grant(self, project_id: str, grant_id: str, *, by: Authority) -> Answer:
        """Take a grant back; it stays in the list as taken back."""
        return await self._do(revoke_grant, self._database, project_id, grant_id, by)

    async def grants(self, project_id: str) -> list[GrantView]:
        """Return every grant that a project was ever given, oldest first. Raises UnknownError."""
        return await self._do(given_grants, self._database, project_id)


def give_grant(
    database: Database,
    project_id: str,
    *,
    command: str,
    argv: Sequence[str],
    digest: str,
    secrets: Sequence[str],
    hosts: Sequence[str],
    by: Authority,
) -> Answer:
    """Grant names of secrets and hosts to these very words with this digest, as a person."""
    if refusal := _not_a_person(by):
        return refusal
    try:
        names = sorted({secret_name(name) for name in secrets})
        places = sorted({host_name(host) for host in hosts})
    except ValueError as error:
        return _refused(Reason.NOT_POSSIBLE, f"{error}.")
    if command not in COMMANDS or not argv or not _DIGEST.fullmatch(digest) or not (names or places):
        return _refused(
            Reason.NOT_POSSIBLE, "A grant names a deploy or rollback command, and a secret or a host."
        )
    with database.write() as session:
        project = project_of(session, project_id, lock=True)
        entry = {
            "grant_id": uuid4().hex[:8],
            "command": command,
            "argv": list(argv),
            "digest": digest,
            "secrets": names,
            "hosts": places,
            "by": str(by),
            "at": database.clock().isoformat(),
        }
        project.settings = {**project.settings, GRANTS: [*project.settings.get(GRANTS, ()), entry]}
        session.add(project)
    told = f"Granted to the {command} command from now on: {', '.join([*names, *places])}."
    return Answer(True, None, None, ExitCode.DONE, told)


def revoke_grant(database: Database, project_id: str, grant_id: str, by: Authority) -> Answer:
    """Take a grant back; it stays in the list as taken back."""
    if refusal := _not_a_person(by):
        return refusal
    with database.write() as session:
        project = project_of(session, project_id, lock=True)
        known = [dict(entry) for entry in project.settings.get(GRANTS, ())]
        alive = [e for e in known if e["grant_id"] == grant_id and not e.get("revoked_by")]
        if not alive:
            return _refused(Reason.NOT_POSSIBLE, f"There is no grant {grant_id[:40]!r} to take back.")
        for entry in alive:
            entry |= {"revoked_by": str(by), "revoked_at": database.clock().isoformat()}
        project.settings = {**project.settings, GRANTS: known}
        session.add(project)
    return Answer(True, None, None, ExitCode.DONE, f"The grant {grant_id} counts no more.")


def given_grants(database: Database, project_id: str) -> list[GrantView]:
    """Return every grant that a project was ever given, those taken back too, oldest first."""
    with database.read() as session:
        entries = project_of(session, project_id).settings.get(GRANTS, ())
    return [
        GrantView(
            project_id=project_id,
            grant_id=entry["grant_id"],
            command=entry["command"],
            argv=tuple(entry["argv"]),
            digest=entry["digest"],
            secrets=tuple(entry["secrets"]),
            hosts=tuple(entry["hosts"]),
            by=entry["by"],
            at=entry["at"],
            revoked_by=entry.get("revoked_by", ""),
            revoked_at=entry.get("revoked_at", ""),
        )
        for entry in entries
    ]


def _not_a_person(by: Authority) -> Answer | None:
    if by.kind is AuthorityKind.PERSON:
        return None
    return _refused(Reason.NOT_YOURS, "Only a person grants secrets and hosts, or takes them back.")


def _refused(reason: Reason, text: str) -> Answer:
    refusal = Refusal(reason, text)
    return Answer(False, None, refusal, ExitCode.REFUSED, str(refusal))
