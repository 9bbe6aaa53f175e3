"""The code gate: the checkpoint is there, is a change, and holds nothing that must not be in it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import Clause, Failure, answered, bind, evidence, key_of, tree_at
from core.evidence.dependencies import dependency_changes, find_dependencies
from core.evidence.receipts import digest_of
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.workspace import (
    Checkpoint,
    FileChange,
    Repository,
    added_lines,
    changed_files,
    is_ancestor,
    read_file_at,
    resolve,
)

FILE_LIMIT = 10 << 20
"""Bytes of a new or changed file beyond which it is taken for an accident."""

_MARKERS = ("<<<<<<< ", ">>>>>>> ")


async def collect_code(
    bench: Bench, checkpoint: Checkpoint, plan_digest: str, requirement_digest: str
) -> Evidence:
    """Look at what the checkpoint changes, without running any of it."""
    return await asyncio.to_thread(_collect, bench, checkpoint, plan_digest, requirement_digest)


def _collect(bench: Bench, checkpoint: Checkpoint, plan_digest: str, requirement_digest: str) -> Evidence:
    repo = bench.repository
    rests_on = bind(bench, checkpoint.commit, plan_digest, requirement_digest)
    changes = changed_files(repo, bench.base, checkpoint.commit)
    changed, digest = _dependencies(bench, checkpoint.commit)
    dependencies, accepted = answered(changed, bench.accepted, bench.declined)
    checks = (
        (
            "checkpoint",
            _whole(bench, checkpoint, rests_on["tree"]),
            f"checkpoint {checkpoint.number} is there",
        ),
        ("differs from base", _differs(bench, rests_on["tree"], changes), _size(changes)),
        ("applies to base", _applies(bench, checkpoint), "built on the base commit"),
        ("clean content", _content(bench, checkpoint, changes), "no conflict marker, no oversized file"),
        ("dependencies", dependencies, accepted[0].accepted if accepted else "unchanged"),
    )
    clauses = [Clause(name, not told, _tell(told) if told else good) for name, told, good in checks]
    failures = [failure for _, told, _ in checks for failure in told]
    ok = not failures
    detail: dict[str, Any] = {
        "clauses": [clause.to_data() for clause in clauses],
        "failures": [failure.to_data() for failure in failures],
        "accepted": [failure.to_data() for failure in accepted],
        "files": [
            {"path": c.path, "status": c.status, "added": c.added, "removed": c.removed} for c in changes
        ],
        "dependencies_digest": digest,
        "checkpoint": checkpoint.number,
        "commit": checkpoint.commit,
        "receipts": [],
    }
    summary = _size(changes) if ok else _tell(failures)
    return evidence(EvidenceKind.CODE, ok, rests_on, summary, detail)


def _whole(bench: Bench, checkpoint: Checkpoint, tree: str) -> list[Failure]:
    if resolve(bench.repository, checkpoint.ref) != checkpoint.commit:
        return [Failure("checkpoint", f"{checkpoint.ref} does not point to the checkpoint's commit")]
    if tree != checkpoint.tree:
        return [Failure("checkpoint", "the checkpoint's commit holds another tree than it was made for")]
    return []


def _differs(bench: Bench, tree: str, changes: list[FileChange]) -> list[Failure]:
    if tree == tree_at(bench, bench.base) or not changes:
        return [Failure("no change", "the checkpoint is the same as the base: nothing was built")]
    return []


def _applies(bench: Bench, checkpoint: Checkpoint) -> list[Failure]:
    if is_ancestor(bench.repository, bench.base, checkpoint.commit):
        return []
    return [Failure("base", "the checkpoint was not built on the workflow's base commit")]


def _content(bench: Bench, checkpoint: Checkpoint, changes: list[FileChange]) -> list[Failure]:
    told = []
    added = added_lines(bench.repository, bench.base, checkpoint.commit)
    for change in changes:
        if change.status == "deleted":
            continue
        data = read_file_at(bench.repository, checkpoint.commit, change.path) or b""
        if len(data) > FILE_LIMIT:
            told.append(Failure(change.path, f"is {len(data) >> 20} MiB big"))
        elif not change.binary:
            told += _conflicts(change.path, data.decode("utf-8", "replace"), added.get(change.path, set()))
    return told


def _conflicts(path: str, text: str, added: set[int]) -> list[Failure]:
    lines = text.split("\n")
    marked = [n for n in sorted(added) if n <= len(lines) and lines[n - 1].startswith(_MARKERS)]
    return (
        [Failure(f"{path}:{marked[0]}", "holds the marker of an unsolved merge conflict")] if marked else []
    )


def environment_commit(repo: Repository, base: str, commit: str, accepted: Mapping[str, str]) -> str:
    """Return the commit whose dependency files an environment is made from.

    It is the base, until a person has said yes to the changed dependency files of `commit`: to these very
    ones, since any other text has another key.
    """
    changed, digest = _changed_dependencies(repo, base, commit)
    return commit if changed and _dependencies_key(digest) in accepted else base


def _dependencies(bench: Bench, commit: str) -> tuple[list[Failure], str]:
    """Name the dependency files that changed: the environment was made from the base's."""
    changed, digest = _changed_dependencies(bench.repository, bench.base, commit)
    if not changed:
        return [], digest
    names = ", ".join(changed)
    text = "new dependencies need a person's yes, and an environment of their own"
    key = _dependencies_key(digest)
    return [Failure(f"dependencies changed: {names}", text, key, askable=True)], digest


def _changed_dependencies(repo: Repository, base: str, commit: str) -> tuple[list[str], str]:
    before = find_dependencies(lambda path: read_file_at(repo, base, path))
    after = find_dependencies(lambda path: read_file_at(repo, commit, path))
    return dependency_changes(before, after), digest_of([list(item) for item in after.files])


def _dependencies_key(digest: str) -> str:
    return key_of("dependencies", digest)


def _size(changes: list[FileChange]) -> str:
    added, removed = sum(c.added for c in changes), sum(c.removed for c in changes)
    files = "1 file" if len(changes) == 1 else f"{len(changes)} files"
    return f"{files}, +{added} −{removed}"


def _tell(failures: list[Failure]) -> str:
    more = f" and {len(failures) - 1} more" if len(failures) > 1 else ""
    return f"{failures[0].name}: {failures[0].text}{more}"
