"""A grant counts for the very command and files that it was given for, and only a person gives one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from core.engine.grants import given_now, granted_for
from core.grants import Granted, grant_digest, host_name, secret_name
from core.journal.engine import EngineJournal
from core.machine.commands import Authority
from core.machine.states import Role
from core.service import OrchestrationService
from core.service.views import Answer
from core.workspace import Repository, open_repository, read_file_at
from tests.journeys.world import git, make_repository

ADA = Authority.person("ada")
DEPLOY = ("sh", "-c", "./ops/ship.sh --all")
TOKEN = "dpl_0123456789-abcdefghijk"


@dataclass
class Granting:
    """A project with a script that deploys it, and what is granted there."""

    service: OrchestrationService
    journal: EngineJournal
    repository: Repository
    project_id: str

    async def give(self, by: Authority = ADA, argv: tuple[str, ...] = DEPLOY) -> Answer:
        """Grant a secret and a host to the command as it is now."""
        read = partial(read_file_at, self.repository, "HEAD")
        return await self.service.grant(
            self.project_id,
            command="deploy",
            argv=argv,
            digest=grant_digest("deploy", argv, read),
            secrets=["TOKEN"],
            hosts=["ship.example.org"],
            by=by,
        )

    def counts(self, command: str = "deploy", argv: tuple[str, ...] = DEPLOY) -> Granted:
        """What the engine gives that command on the newest commit."""
        project = self.journal.project(self.project_id)
        return granted_for(project, self.repository, "HEAD", command, argv)

    def change(self, path: str, text: str) -> None:
        """Commit another text of a file."""
        file = self.repository.path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        git(self.repository.path, "add", "-A")
        git(self.repository.path, "commit", "-q", "-m", "Change it")


@pytest.fixture
async def granting(path: Path, tmp_path: Path) -> AsyncIterator[Granting]:
    """A registered repository."""
    repo = make_repository(tmp_path / "repo")
    url = f"sqlite:///{path}"
    service, journal = await OrchestrationService.open(url), EngineJournal(url)
    project = await service.register_project(str(repo))
    made = Granting(service, journal, open_repository(repo), project.project_id)
    made.change("ops/ship.sh", "echo shipped\n")
    yield made
    await service.close()
    journal.close()


async def test_a_grant_counts_for_this_command_and_these_files_alone(granting: Granting) -> None:
    """Other words, another script, another `.qdeck.toml`, another command: nothing, and why."""
    assert (await granting.give()).ok

    counting = granting.counts()
    assert (counting.secrets, counting.hosts) == (("TOKEN",), ("ship.example.org:443",))
    assert "gets TOKEN and reaches ship.example.org:443, granted by ada" in counting.told
    for kind in ("rollback", "smoke", "test"):
        assert granting.counts(kind) == Granted()
    other = granting.counts(argv=(*DEPLOY, "--more"))
    assert not other.secrets and not other.hosts and "given to another command" in other.told
    granting.change("README.md", "Elsewhere\n")
    assert granting.counts() == counting, "a file that the command does not name is the approval's affair"
    for path, text in (("ops/ship.sh", "cat /proc/self/environ\n"), (".qdeck.toml", 'tag = "v1"\n')):
        granting.change(path, text)
        changed = granting.counts()
        assert not changed.secrets and not changed.hosts and "has changed" in changed.told
        assert changed.told.count(". ") == 0, "one sentence"
        assert (await granting.give()).ok and granting.counts().secrets


async def test_a_grant_taken_back_is_over_and_stays_listed(granting: Granting) -> None:
    """Whoever looks later sees both."""
    await granting.give()
    (grant,) = await granting.service.grants(granting.project_id)

    assert (await granting.service.revoke_grant(granting.project_id, grant.grant_id, by=ADA)).ok

    assert granting.counts() == Granted()
    (listed,) = await granting.service.grants(granting.project_id)
    assert listed == replace(grant, revoked_by="person:ada", revoked_at=listed.revoked_at)
    assert not (await granting.service.revoke_grant(granting.project_id, grant.grant_id, by=ADA)).ok


@pytest.mark.parametrize("by", [Authority.role(Role.RELEASE_MANAGER), Authority.engine()], ids=str)
async def test_nobody_but_a_person_grants(granting: Granting, by: Authority) -> None:
    """Neither a role nor the engine, nor what registers a project with settings."""
    answer = await granting.give(by)
    assert not answer.ok and "Only a person" in answer.text
    forged = {"command": "deploy", "argv": list(DEPLOY), "digest": "0" * 64, "secrets": ["TOKEN"], "by": "x"}

    await granting.service.register_project(str(granting.repository.path), settings={"grants": [forged]})

    assert await granting.service.grants(granting.project_id) == []
    await granting.give()
    assert not (await granting.service.revoke_grant(granting.project_id, "any", by=by)).ok
    await granting.service.register_project(str(granting.repository.path), settings={"grants": []})
    assert len(await granting.service.grants(granting.project_id)) == 1, "nor is it taken away so"


def test_values_are_read_at_the_moment_and_never_shown() -> None:
    """One that is missing, or too short to be hidden, is not given, and that is said."""
    granted = Granted(("TOKEN", "SHORT", "GONE"), (), "It gets them.")

    given = given_now(granted, {"TOKEN": TOKEN, "SHORT": "1234567"})

    assert given.secrets == {"TOKEN": TOKEN}
    assert "Not given: SHORT, GONE" in given.told and TOKEN not in repr(given)


@pytest.mark.parametrize(
    "name", ["", "A B", "A=B", "PATH", "LD_PRELOAD", "PYTHONPATH", "https_proxy", "x\0y"]
)
def test_a_name_that_is_no_secret_is_refused(name: str) -> None:
    """Nor is one that would decide which program runs."""
    with pytest.raises(ValueError, match="no name"):
        secret_name(name)


def test_a_host_is_one_host_and_one_port() -> None:
    """No address with a path, no pattern, nothing that could mean more than it shows."""
    good = ("Ship.Example.org", "10.0.0.7:8443", "[::1]:80", "localhost:1")
    assert [host_name(text) for text in good] == [
        "ship.example.org:443", "10.0.0.7:8443", "[::1]:80", "localhost:1",
    ]  # fmt: skip
    for bad in ("", "*.example.org", "https://a.b", "a.b/c", "a.b:0", "a.b:65536", "a b", "u@a.b", "a.b\n:1"):
        with pytest.raises(ValueError, match="no host"):
            host_name(bad)
