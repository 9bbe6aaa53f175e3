"""The negative control: without what was changed, every test that proves the change must go red.

It catches what no comparison of test files can: tests that assert nothing, and code that talks the runner
into calling them green. For the second the same tests are run once more on the whole code with a failure put
at the end of each: a runner that still reports one of them as passed is not to be believed.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from core.evidence.clauses import Failure, key_of, text_at
from core.evidence.definitions import functions_in, parse
from core.evidence.execution import together
from core.evidence.gutting import Gutted, gut
from core.evidence.hearing import NAMED, Hearing
from core.evidence.junit import Case
from core.evidence.proofs import TEST_CONFIGURATION, dotted
from core.evidence.suites import Plan, Suite, run_suite

_NAME = "negative control"
_Armed = dict[str, tuple[str, set[str]]]
"""Texts of test files with a failure in each proof, and the functions that have one, by path."""
_ALARM = """
fell = False
try:
    pass
except BaseException:
    fell = True
    raise
finally:
    if not fell:
        raise AssertionError
"""
"""Put around a test: it fails as it does by itself, else as any assertion does that fails.

A failure of its own stays as it is, so that a runner that was taught to overlook just that one is caught too.
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """The change taken out: texts of Python files, files that go back to the base, and what is left in."""

    patched: Mapping[str, str] = field(default_factory=dict)
    reverted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.patched or self.reverted)


async def negative_control(hearing: Hearing, new: Suite) -> None:
    """Take the change out and see that the proofs notice; then see that the runner tells a failure as one."""
    if not hearing.named:
        return hearing.skip(
            _NAME,
            "not measured: what was changed can be taken out of Python code only, run by pytest or unittest; "
            "nothing but red first shows that the tests depend on the change",
        )
    if not hearing.proving:
        return hearing.skip(_NAME, "there is no new proof to check")
    calm = await asyncio.to_thread(_cut, hearing, wholly=False)
    whole = await asyncio.to_thread(_cut, hearing, wholly=True)
    if not whole:
        why = "nothing in this change can be taken out, so the tests cannot be held against it"
        key = key_of("control", hearing.checkpoint.tree)
        return hearing.settle(_NAME, [Failure("negative control", why, key, askable=True)], "")
    if left := whole.left:
        hearing.notes.append(f"could not be taken out for the negative control: {', '.join(left[:NAMED])}")
    quiet = await asyncio.to_thread(_cut, hearing, wholly=False, quietly=True)
    armed = await asyncio.to_thread(_alarmed, hearing)
    first, hushed, alarm = await _runs(hearing, calm, quiet, armed)
    asleep = _asleep(hearing.proving, first)
    second = None
    if asleep and (whole.patched != calm.patched or not calm):
        second = hearing.keep(await _run_without(hearing, whole, "control_whole"))
    told = _judge(hearing, asleep, first, second) + _alarms(hearing, armed, alarm)
    if not told and calm:
        told = _assertions(hearing, hushed)
    if not told and not hearing.proving:
        told = [Failure("tests", "no new test notices when the change is taken out: nothing proves it")]
    good = f"{len(hearing.noticed)} of {len(hearing.proving)} proofs fail without the change"
    hearing.settle(_NAME, told, good)
    return None


async def _runs(
    hearing: Hearing, calm: Cut, quiet: Cut, armed: _Armed
) -> tuple[Suite | None, Suite | None, Suite | None]:
    """Run the proofs without the change, with the change doing nothing, and with a failure in each."""
    wanted: dict[str, Callable[[], Awaitable[Suite]]] = {}
    if calm:
        wanted["first"] = lambda: _run_without(hearing, calm, "control")
        wanted["hushed"] = lambda: _run_without(hearing, quiet, "control-quiet")
    if armed:
        wanted["alarm"] = lambda: _run_armed(hearing, armed)
    ran = dict(zip(wanted, await together(hearing.bench, *wanted.values()), strict=True))
    for suite in ran.values():
        hearing.keep(suite)
    return ran.get("first"), ran.get("hushed"), ran.get("alarm")


def _assertions(hearing: Hearing, hushed: Suite | None) -> list[Failure]:
    """Of the proofs one at least must notice that the changed functions do nothing, without a word.

    A test that only calls what was changed goes red when that raises, and asserts nothing all the same.
    """
    if hearing.proving.keys() - _asleep(hearing.proving, hushed) or not hearing.proving:
        return []
    text = "no proof notices when the changed functions do nothing at all: they assert nothing"
    key = key_of("quiet", hearing.checkpoint.tree)
    return [Failure(test, text, key, askable=True) for test in sorted(hearing.proving)[:1]]


def without_change(hearing: Hearing) -> Cut:
    """Return the change taken out as far as it can be, for what is no test."""
    return _cut(hearing, wholly=True)


def _cut(hearing: Hearing, *, wholly: bool, quietly: bool = False) -> Cut:
    """Take the change out of every file that is neither a test nor decides how tests are run."""
    patched: dict[str, str] = {}
    reverted: list[str] = []
    left: list[str] = []
    for change in hearing.code_files:
        if change.status == "deleted" or change.path.rsplit("/", 1)[-1] in TEST_CONFIGURATION:
            continue
        if not change.path.endswith(".py"):
            reverted.append(change.path)
            continue
        cut: Gutted = gut(*hearing.texts(change), wholly=wholly, quietly=quietly)
        left += [f"{change.path}:{line}" for line in cut.left]
        if cut.changed:
            patched[change.path] = cut.text
    return Cut(patched, tuple(reverted), tuple(left))


async def _run_without(hearing: Hearing, cut: Cut, name: str) -> Suite:
    plan = Plan(
        name,
        "running the proofs without the change, where they must fail",
        hearing.checkpoint.tree,
        hearing.command,
        files=tuple(sorted(set(filter(None, hearing.proving.values())))),
        laid_over=(hearing.bench.base, cut.reverted) if cut.reverted else None,
        patched=cut.patched,
    )
    return await run_suite(hearing.bench, plan)


def _asleep(tests: Iterable[str], run: Suite | None) -> set[str]:
    """Return the tests that did not go red; one that was not even collected has shown nothing."""
    outcomes = run.outcomes if run else {}
    return {test for test in tests if outcomes.get(test) not in ("failed", "error")}


def _judge(hearing: Hearing, asleep: set[str], first: Suite | None, second: Suite | None) -> list[Failure]:
    """Name the proofs that did not notice, and take those out that never were any."""
    dead = _asleep(asleep, second) if second else asleep
    told: list[Failure] = []
    wanted = {promise.proof for promise in hearing.promises}
    for test in sorted(dead):
        endings = {suite.outcomes.get(test, "not collected") for suite in (first, second) if suite}
        named = any(names(proof, test, hearing.proving[test]) for proof in wanted)
        if test in hearing.unread and not named and endings & {"passed", "skipped"}:
            hearing.notes.append(f"does not depend on the change, so it proves nothing of it: {test}")
            hearing.proving = {name: file for name, file in hearing.proving.items() if name != test}
        elif endings == {"not collected"} and test in hearing.red:
            hearing.notes.append(
                f"cannot be collected without the change, so only red first speaks for {test}"
            )
        else:
            told.append(_unmoved(hearing, test, endings))
    hearing.noticed = set(hearing.proving) - dead
    return told


def _unmoved(hearing: Hearing, test: str, endings: set[str]) -> Failure:
    if "not collected" not in endings:
        hearing.void.add(test)
        why = "passes although the change was taken out of the code: it proves nothing"
        return Failure(test, why, key_of("void", test))
    hearing.void.add(test)
    why = "nothing shows that it depends on the change: without the change its file cannot be imported"
    return Failure(test, why, key_of("control", test, hearing.checkpoint.tree), askable=True)


def names(proof: str, test: str, path: str) -> bool:
    """Say whether a plan's proof names a test: by its node id, or by its dotted name."""
    bare = proof.strip().split("[", 1)[0]
    case = Case(test.split("[", 1)[0], "passed", file=path)
    inside = dotted(case, path) if path else case.name.rpartition("::")[2]
    node = "::".join((path, *inside.split(".")))
    return bare in (node, case.name, case.name.replace("::", "."), f"{path}::{inside}")


async def _run_armed(hearing: Hearing, armed: _Armed) -> Suite:
    plan = Plan(
        "alarm",
        "running the proofs with a failure put into each, which must be reported",
        hearing.checkpoint.tree,
        hearing.command,
        files=tuple(sorted(armed)),
        patched={path: text for path, (text, _) in armed.items()},
    )
    return await run_suite(hearing.bench, plan)


def _alarms(hearing: Hearing, armed: _Armed, run: Suite | None) -> list[Failure]:
    """The runner must report as failed every proof that a failure was put into."""
    outcomes = run.outcomes if run else {}
    told = []
    for test, path in sorted(hearing.proving.items()):
        if path not in armed or dotted(Case(test.split("[", 1)[0], "passed"), path) not in armed[path][1]:
            continue
        if outcomes.get(test) not in ("failed", "error"):
            hearing.void.add(test)
            ending = outcomes.get(test, "nothing")
            why = f"was made to fail and is reported as {ending}: the test runner was tampered with"
            told.append(Failure(test, why, key_of("alarm", test)))
    return told[:NAMED]


def _alarmed(hearing: Hearing) -> _Armed:
    """Return the texts of the proofs' files with a failure in each proof, and which functions have one."""
    wanted: dict[str, set[str]] = {}
    for test, path in hearing.proving.items():
        if path.endswith(".py"):
            wanted.setdefault(path, set()).add(dotted(Case(test.split("[", 1)[0], "passed"), path))
    found = {}
    for path, functions in wanted.items():
        tree = parse(text_at(hearing.bench, hearing.checkpoint.commit, path))
        if tree is None:
            continue
        armed = set()
        for name, node in functions_in(tree.body):
            if name in functions and not any(isinstance(inner, ast.Yield) for inner in ast.walk(node)):
                around = ast.parse(_ALARM).body
                around[1].body = node.body  # type: ignore[attr-defined]
                node.body = around
                armed.add(name)
        found[path] = (ast.unparse(ast.fix_missing_locations(tree)), armed)
    return found
