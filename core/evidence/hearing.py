"""What the tests gate has found out so far about one checkpoint, and how its clauses are closed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import Clause, Failure, answered, key_of, text_at
from core.evidence.commands import is_test_path, tells_tests
from core.evidence.suites import Suite
from core.workspace import Checkpoint, FileChange

NAMED = 20
"""How many names of one sort are told at most."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the plan says will prove a criterion: `kind` is "new_test", "existing_test", "command" or
    "person".
    """

    criterion: int
    kind: str
    proof: str


@dataclass(slots=True)
class Hearing:
    """One checkpoint, how its tests are run, and what came of it.

    `proving` maps each test that is to prove the change to its file; `red` are those of them that failed on
    the base, `unread` those that could not even be collected there; `void` those that the negative control
    has unmasked, `noticed` those that it has confirmed; `flaky` are tests that flip on one tree. `criteria`
    is the map of criteria to proofs, `mutants` what small changes of the code have shown.
    """

    bench: Bench
    checkpoint: Checkpoint
    base_tree: str
    changes: list[FileChange]
    command: tuple[str, ...]
    base_has_tests: bool
    measurable: str
    change: str = "feature"
    promises: tuple[Promise, ...] = ()
    clauses: list[Clause] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    accepted: list[Failure] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    proving: dict[str, str] = field(default_factory=dict)
    red: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    noticed: set[str] = field(default_factory=set)
    void: set[str] = field(default_factory=set)
    flaky: set[str] = field(default_factory=set)
    criteria: list[dict[str, Any]] = field(default_factory=list)
    mutants: dict[str, Any] = field(default_factory=dict)
    _texts: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    def settle(self, name: str, failures: list[Failure], good: str) -> None:
        """Close one clause: it holds when nothing speaks against it that a person has not accepted."""
        still, accepted = answered(failures, self.bench.accepted, self.bench.declined)
        known = {failure.key or failure.name for failure in (*self.failures, *self.accepted)}
        self.failures += [failure for failure in still if (failure.key or failure.name) not in known]
        self.accepted += [failure for failure in accepted if failure.key not in known]
        told = f"accepted by a person: {', '.join(f.name for f in accepted)}" if accepted else good
        self.clauses.append(Clause(name, not still, tell(still) if still else told))

    def skip(self, name: str, why: str) -> None:
        """Say openly that a clause does not apply."""
        self.clauses.append(Clause(name, True, why, applies=False))

    def keep(self, suite: Suite) -> Suite:
        """Count a run among those that the evidence rests on."""
        self.receipts.append(suite.done.receipt_id)
        return suite

    def accepts(self, *keys: str) -> bool:
        """Say whether a person has accepted one of the keys."""
        return any(key in self.bench.accepted for key in keys)

    def texts(self, change: FileChange) -> tuple[str, str]:
        """Return what a changed file says on the base and says now."""
        if change.path not in self._texts:
            before = text_at(self.bench, self.bench.base, change.path)
            self._texts[change.path] = before, text_at(self.bench, self.checkpoint.commit, change.path)
        return self._texts[change.path]

    @property
    def named(self) -> bool:
        """Whether the runner tells tests by name."""
        return tells_tests(self.command)

    @property
    def test_files(self) -> list[FileChange]:
        """The changed files that belong to the tests."""
        return [change for change in self.changes if is_test_path(change.path, self.bench.settings)]

    @property
    def code_files(self) -> list[FileChange]:
        """The changed files that do not belong to the tests."""
        return [change for change in self.changes if not is_test_path(change.path, self.bench.settings)]


def test_key(path: str, name: str, text: str) -> str:
    """Return the key under which a person accepts what became of a test; `text` is what it says now.

    One test is one question, whichever clauses ask it.
    """
    return key_of("test", path, name, text)


def tell(failures: Iterable[Failure]) -> str:
    """Return the first of several failures in one line, and how many more there are."""
    first, *others = failures
    more = f" and {len(others)} more" if others else ""
    return f"{first.name}{more}: {first.text.splitlines()[0] if first.text else ''}"
