"""Hidden acceptance checks: written without the diff, kept from the writer, run by us on the clean export.

A check that does not hold names its criterion and nothing else. It may be wrong itself, so the second time
that it fails a person is asked, who may strike it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import Clause, Failure, answered, evidence, key_of, text_at, tree_at
from core.evidence.commands import is_pytest, is_test_path
from core.evidence.execution import Folders, Job, execute
from core.evidence.inside import INSIDE
from core.evidence.interface import interface
from core.evidence.junit import ReportError, read_report
from core.evidence.receipts import JsonValue, digest_of
from core.machine.workflow import Evidence
from core.sandbox import Limits
from core.workspace import changed_files

CLAUSE = "hidden checks"
_SECONDS = 120.0
_ALARM = "def test_it():\n    assert False\n"
"""Comes last, and must be reported as failed: code that was imported by then may have bent the runner."""


@dataclass(frozen=True, slots=True)
class HiddenCheck:
    """One hidden check: the number of the criterion that it is about, and a pytest module as text."""

    criterion: int
    code: str

    @property
    def key(self) -> str:
        """What a person strikes it by."""
        return key_of("hidden", str(self.criterion), self.code)

    def to_data(self) -> dict[str, Any]:
        """Return the check as JSON data."""
        return {"criterion": self.criterion, "code": self.code}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> HiddenCheck:
        """Read what `to_data` wrote."""
        return cls(int(data["criterion"]), str(data["code"]))


@dataclass(frozen=True, slots=True)
class Hidden:
    """The hidden checks of a build, the criteria that they are about, and why there are none if so.

    `asks` says that a failure is put before a person: the writer has had a try at it.
    """

    checks: tuple[HiddenCheck, ...] = ()
    criteria: Mapping[int, str] = field(default_factory=dict)
    why: str = ""
    asks: bool = False


def public_interface(bench: Bench, commit: str) -> str:
    """Return the signatures of the changed Python code of a commit: all that a check is written from."""
    changes = changed_files(bench.repository, bench.base, commit)
    paths = [
        c.path
        for c in changes
        if c.status != "deleted" and c.path.endswith(".py") and not is_test_path(c.path, bench.settings)
    ]
    found = (interface(path, text_at(bench, commit, path)) for path in paths)
    return "\n\n".join(text for text in found if text)


async def with_hidden(bench: Bench, commit: str, found: Evidence, hidden: Hidden) -> Evidence:
    """Return the tests evidence with what the hidden checks say of the same commit.

    They are run on green tests only. The detail gets `hidden`: a list of `criterion`, `outcome` ("passed",
    "failed", "struck") and `key`; the checks themselves are in no evidence.
    """
    why = hidden.why or ("" if hidden.checks else "none were written")
    if not why and not is_pytest(tuple(found.detail.get("command") or ())):
        why = "they are run by pytest, which this project does not use"
    if not why and not found.ok:
        why = "not run: the project's own tests are not green"
    if why:
        return _joined(found, Clause(CLAUSE, True, why, applies=False), [], [], [], "")
    struck = {check.key for check in hidden.checks if check.key in bench.accepted}
    live = [check for check in hidden.checks if check.key not in struck]
    receipt, failed = await _run(bench, commit, live) if live else ("", set())
    failures = [_failure(check, hidden) for check in hidden.checks if check.key in failed | struck]
    still, stands = answered(failures, bench.accepted, bench.declined)
    ended = dict.fromkeys(struck, "struck") | dict.fromkeys(failed, "failed")
    shown = [
        {"criterion": c.criterion, "outcome": ended.get(c.key, "passed"), "key": c.key} for c in hidden.checks
    ]
    good = f"{len(live) - len(failed)} of {len(hidden.checks)} hold"
    good += f", {len(struck)} struck by a person" if struck else ""
    clause = Clause(CLAUSE, not still, f"{still[0].name}: {still[0].text}" if still else good)
    return _joined(found, clause, still, stands, shown, receipt)


def _failure(check: HiddenCheck, hidden: Hidden) -> Failure:
    number = check.criterion
    text = f"a hidden check of this criterion does not hold: {hidden.criteria.get(number, '')}"
    asked = hidden.asks
    return Failure(f"criterion {number}", text, check.key, askable=asked, strikes=True)


async def _run(bench: Bench, commit: str, checks: Sequence[HiddenCheck]) -> tuple[str, set[str]]:
    """Run the checks on a clean export; return the receipt, and the keys of those that do not hold."""
    tree = await asyncio.to_thread(tree_at, bench, commit)
    names = {f"test_criterion_{n:03}": check for n, check in enumerate(checks)}
    alarm, secret = f"test_criterion_{len(checks):03}", secrets.token_bytes(32)
    texts = {**{name: check.code for name, check in names.items()}, alarm: _ALARM}
    paths = (str(INSIDE), bench.toolchain.env.get("PYTHONPATH", ""))
    job = Job(
        key=f"hidden:{tree[:16]}:{digest_of([c.key for c in checks])[:8]}",
        kind="hidden",
        title=f"running {len(checks)} hidden checks",
        tree=tree,
        argv=lambda folders: _argv(bench, folders, texts, secret),
        collect=lambda folders, receipt: _collect(folders, secret),
        limits=Limits(wall_seconds=min(_SECONDS, bench.settings.test_timeout)),
        readable=(INSIDE,),
        env=lambda folders: {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        writes=True,
    )
    done = await execute(bench, job)
    passed: Mapping[str, list[str]] = done.collected["modules"]
    sound = (
        done.receipt.exit_code == 1
        and not done.receipt.limit
        and done.receipt.tree_before == done.receipt.tree_after
        and passed.get(alarm) == ["failed"]
    )
    return done.receipt_id, {
        check.key
        for name, check in names.items()
        if not sound or not passed.get(name) or set(passed[name]) != {"passed"}
    }


def _argv(bench: Bench, folders: Folders, texts: Mapping[str, str], secret: bytes) -> tuple[str, ...]:
    """Write the checks beside the tree, where no configuration and no conftest of it is taken up."""
    place = folders.reports / "hidden"
    place.mkdir()
    for name, text in texts.items():
        (place / f"{name}.py").write_text(text, "utf-8")
    (folders.reports / "secret").write_bytes(secret)
    (place / "pytest.ini").write_text("[pytest]\n", "utf-8")
    # No trace back: the receipt may be read by many, the check by nobody.
    options = (
        "-q",
        "--tb=no",
        "--no-header",
        "-rN",
        "-p",
        "no:cacheprovider",
        "-p",
        "qdeck_seal",
        "--continue-on-collection-errors",
    )
    report = (f"--junitxml={folders.reports / 'hidden.xml'}", "-o", "junit_family=xunit1")
    own = ("-c", str(place / "pytest.ini"), f"--rootdir={place}", "--continue-on-collection-errors")
    return (str(bench.toolchain.python), "-m", "pytest", *own, *options, *report, str(place))


def _collect(folders: Folders, secret: bytes) -> JsonValue:
    """Return the outcomes of each check's tests by the name of its module."""
    try:
        cases = read_report(folders.reports / "hidden.xml", secret)
    except ReportError:
        return {"modules": {}}
    modules: dict[str, list[str]] = {}
    for case in cases:
        module = case.name.split("::", 1)[0].rsplit(".", 1)[-1]
        modules.setdefault(module, []).append(case.outcome)
    return {"modules": modules}


def _joined(
    found: Evidence,
    clause: Clause,
    still: Sequence[Failure],
    stands: Sequence[Failure],
    shown: Sequence[Mapping[str, Any]],
    receipt: str,
) -> Evidence:
    detail = dict(found.detail)
    detail["clauses"] = [*detail.get("clauses", ()), clause.to_data()]
    detail["failures"] = [*detail.get("failures", ()), *(f.to_data() for f in still)]
    detail["accepted"] = [*detail.get("accepted", ()), *(f.to_data() for f in stands)]
    detail["receipts"] = [*detail.get("receipts", ()), *([receipt] if receipt else [])]
    detail["hidden"] = [dict(item) for item in shown]
    summary = f"{clause.name}: {clause.why}" if still else found.summary
    made = evidence(found.kind, found.ok and not still, found.rests_on, summary, detail)
    return replace(made, approved_by=found.approved_by, stale=found.stale)
