"""What every gate is made of: clauses, failures, and evidence bound to what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ProjectError
from core.evidence.bench import Bench
from core.evidence.receipts import digest_of
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.text import clean
from core.workspace import read_file_at, resolve, tree_of

_TEXT_LIMIT = 1_000
_SUMMARY_LIMIT = 160


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why a gate is shut: what it is about, and a short text."""

    name: str
    text: str

    def to_data(self) -> dict[str, str]:
        """Return the failure as JSON data, harmless to show."""
        return {
            "name": clean(self.name, lines=False, limit=300),
            "text": clean(self.text, limit=_TEXT_LIMIT),
        }


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a gate, met or not; one that does not apply says why and is never shown as green."""

    name: str
    ok: bool
    why: str
    applies: bool = True

    def to_data(self) -> dict[str, Any]:
        """Return the clause as JSON data."""
        return {
            "name": self.name,
            "ok": self.ok,
            "why": clean(self.why, lines=False, limit=300),
            "applies": self.applies,
        }


def bind(bench: Bench, commit: str, plan_digest: str, requirement_digest: str) -> dict[str, str]:
    """Return the digests that evidence on `commit` rests on; the tree is read from git."""
    return {"requirement": requirement_digest, "plan": plan_digest, "tree": tree_at(bench, commit)}


def tree_at(bench: Bench, commit: str) -> str:
    """Return the tree digest of a commit, or say that the commit is not there."""
    known = resolve(bench.repository, commit)
    if known is None:
        raise ProjectError(
            f"The commit {clean(commit, lines=False, limit=60)} is not in the repository any more.",
            "Roll the workflow back to a checkpoint that exists, or start it again.",
        )
    return tree_of(bench.repository, known)


def text_at(bench: Bench, commit: str, path: str) -> str:
    """Return a file of a commit as text; empty when it is not there or not a regular file."""
    return (read_file_at(bench.repository, commit, path) or b"").decode("utf-8", "replace")


def evidence(
    kind: EvidenceKind, ok: bool, rests_on: Mapping[str, str], summary: str, detail: Mapping[str, Any]
) -> Evidence:
    """Return a piece of evidence with the digest of its own content."""
    summary = clean(summary, lines=False, limit=_SUMMARY_LIMIT)
    content = {
        "kind": kind.value,
        "ok": ok,
        "rests_on": dict(rests_on),
        "summary": summary,
        "detail": dict(detail),
    }
    return Evidence(kind, ok, digest_of(content), dict(rests_on), summary, dict(detail))
