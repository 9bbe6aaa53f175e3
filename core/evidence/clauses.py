"""What every gate is made of: clauses, failures, and evidence bound to what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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


def key_of(sort: str, *facts: str) -> str:
    """Return the key of a finding: its sort in words, and what names exactly this one, digested.

    The same thing found again has the same key, in every attempt and build; put into `facts` whatever must
    not change under a person's yes (a test's new text, a line's words), and leave out what may (its number).
    """
    return f"{sort}:{digest_of(list(facts))[:12]}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One reason why a gate is shut: what it is about, and a short text.

    `key` names it for good. One that is `askable` a person may accept by its key; `standing` says that the
    yes may be given for the whole project, `strikes` that it is a hidden check, which is struck. `accepted`
    holds the words of the yes that was given: then it shuts nothing any more, and stays listed.
    """

    name: str
    text: str
    key: str = ""
    askable: bool = False
    standing: bool = False
    strikes: bool = False
    accepted: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return the failure as JSON data, harmless to show."""
        return {
            "name": clean(self.name, lines=False, limit=300),
            "text": clean(self.text, limit=_TEXT_LIMIT),
            "key": self.key or key_of("failure", self.name),
            "askable": self.askable,
            "standing": self.standing,
            "strikes": self.strikes,
            "accepted": clean(self.accepted, lines=False, limit=400),
        }


def answered(
    failures: Iterable[Failure], accepted: Mapping[str, str], declined: Mapping[str, str]
) -> tuple[list[Failure], list[Failure]]:
    """Part what still shuts the gate from what a person has accepted, by what the bench holds of both.

    What a person has declined is not asked again: it is to be mended, and says who said no. Only what is
    askable can be accepted at all, and a hidden check struck.
    """
    still, stands = [], []
    for failure in failures:
        if (failure.askable or failure.strikes) and failure.key in accepted:
            stands.append(replace(failure, accepted=accepted[failure.key]))
        elif failure.askable and failure.key in declined:
            text = f"{declined[failure.key]}. {failure.text}"
            still.append(replace(failure, text=text, askable=False))
        else:
            still.append(failure)
    return still, stands


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
