"""Mutation of the changed lines: small changes that a good test notices.

Advice for most kinds of change; what nobody looks at in a refactoring is a question to a person. Tried within
a few seconds, in one contained run, by the tests that look at the changed files.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from core.evidence.clauses import Clause, Failure, key_of, text_at
from core.evidence.commands import PYTEST, is_pytest, is_test_path, with_interpreter
from core.evidence.execution import Done, Folders, Job, execute, together
from core.evidence.hearing import Hearing
from core.evidence.inside import INSIDE
from core.evidence.junit import ReportError, read_bounded
from core.evidence.kinds import REFACTORING
from core.evidence.mutants import Mutant, mutants
from core.evidence.receipts import JsonValue, Receipt
from core.evidence.suppressions import CODE
from core.sandbox import Limits
from core.workspace import added_lines, list_tree

_NAME = "touched lines"
_CODE = {"": "new code", " (as it was)": "code as it was"}
_REFACTORING = 20
_PER_FILE = 12
_ALL = 36
_RESULT_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class _Place:
    """A side of the change: its commit and tree, the commit it is compared with, and how it is called."""

    commit: str
    tree: str
    other: str
    name: str = "mutants"
    told: str = ""


async def mutate(hearing: Hearing) -> dict[str, Any]:
    """Try mutants of the changed lines, and return what came of it for the evidence.

    Of a refactoring also the lines are tried that it took away: by them too the tests must have gone.
    """
    bench, checkpoint = hearing.bench, hearing.checkpoint
    if not any(change.path.endswith(CODE) for change in hearing.code_files):
        return _nothing("not applicable", "no line of code was changed")
    if not is_pytest(hearing.command):
        return _nothing("not measured", "small changes are tried in Python code only, run by pytest")
    if not bench.settings.mutation_seconds:
        return _nothing("not measured", "switched off")
    places = [_Place(checkpoint.commit, checkpoint.tree, bench.base)]
    if hearing.change == REFACTORING:
        before = _Place(bench.base, hearing.base_tree, checkpoint.commit, "mutants-before", " (as it was)")
        places.append(before)
    made = [await asyncio.to_thread(_make, hearing, place) for place in places]
    if not any(made):
        return _nothing("not applicable", "no changed line of Python code can be changed in a small way")
    tried = [pair for pair in zip(places, made, strict=True) if pair[1]]
    done = await together(bench, *(_run(hearing, *pair) for pair in tried))
    return _told(hearing, tried, done)


def _run(hearing: Hearing, place: _Place, made: list[Mutant]) -> Callable[[], Awaitable[Done]]:
    async def ran() -> Done:
        stems = {PurePosixPath(m.path).stem for m in made}
        files = await asyncio.to_thread(_tests_of, hearing, place, stems)
        return await execute(hearing.bench, _job(hearing, place, made, files))

    return ran


def _told(hearing: Hearing, tried: list[tuple[_Place, list[Mutant]]], done: list[Done]) -> dict[str, Any]:
    """Say what came of the runs, all of which must have been able to tell."""
    hearing.receipts += [run.receipt_id for run in done]
    if any((run.collected or {}).get("baseline") != 0 for run in done):
        return _nothing("not measured", "the tests did not end well by themselves, one by one")
    alive: list[dict[str, Any]] = []
    count = 0
    for (place, made), run in zip(tried, done, strict=True):
        results = run.collected["results"]
        count += len(results)
        kept = [made[number] for number, code in results if code == 0]
        alive += [{"path": m.path, "line": m.line, "change": f"{m.change}{place.told}"} for m in kept]
    whole = sum(len(made) for _, made in tried)
    seconds = _seconds(hearing)
    if not count:
        return _nothing("not measured", f"the tests take too long to try small changes in {seconds:.0f} s")
    return {
        "status": "measured",
        "why": f"{count} of {whole} tried in {seconds:.0f} s",
        "tried": count,
        "untried": whole - count,
        "killed": count - len(alive),
        "survivors": alive,
        "receipt": done[0].receipt_id,
    }


def _seconds(hearing: Hearing) -> float:
    """How long it is tried at most: what is advice takes little time, a refactoring rests on it."""
    seconds = hearing.bench.settings.mutation_seconds
    return seconds * _REFACTORING if hearing.change == REFACTORING else seconds


def check_mutation(hearing: Hearing) -> None:
    """A refactoring says that nothing behaves differently, so the tests must look at what it touched.

    What they do not look at is put before a person; elsewhere survivors are advice.
    """
    if hearing.change != REFACTORING or not hearing.mutants:
        return
    found = hearing.mutants
    if found["status"] == "not applicable":
        hearing.skip(_NAME, found["why"])
    elif found["status"] == "not measured":
        text = f"not measured: {found['why']}; nothing but the tests' own end says that all is as it was"
        key = key_of("mutation", found["why"])
        hearing.settle(_NAME, [Failure(_NAME, text, key, askable=True, standing=True)], "")
        if hearing.clauses[-1].ok:
            why = f"not measured: {found['why']}; {hearing.clauses[-1].why}"
            hearing.clauses[-1] = Clause(_NAME, True, why, applies=False)
    else:
        told = "; ".join(f"{m['path']}:{m['line']}: {m['change']}" for m in found["survivors"])
        text = f"no test would notice if this part of the refactoring changed what the code does: {told}"
        if not told and found["untried"]:
            text = f"only {found['why']}: whether the tests look at all that it touched is not known"
        key = key_of("mutation", hearing.base_tree, hearing.checkpoint.tree)
        asked = [Failure("refactoring", text, key, askable=True)] if told or found["untried"] else []
        hearing.settle(_NAME, asked, f"tests notice every small change of them ({found['why']})")


def _nothing(status: str, why: str) -> dict[str, Any]:
    return {"status": status, "why": why, "tried": 0, "killed": 0, "survivors": [], "receipt": ""}


def _make(hearing: Hearing, place: _Place) -> list[Mutant]:
    bench = hearing.bench
    found: list[list[Mutant]] = []
    for path, lines in sorted(added_lines(bench.repository, place.other, place.commit).items()):
        if path.endswith(".py") and not is_test_path(path, bench.settings):
            found.append(mutants(path, text_at(bench, place.commit, path), lines, _PER_FILE))
    # One of each file in turn: the time is short, and every file shall have its share of it.
    longest = max(map(len, found), default=0)
    return [own[n] for n in range(longest) for own in found if n < len(own)][:_ALL]


def _tests_of(hearing: Hearing, place: _Place, stems: set[str]) -> tuple[str, ...]:
    """Return the test files that prove the change or name one of its modules; none means all of them."""
    if hearing.command != PYTEST:
        return ()
    bench = hearing.bench
    found = set(filter(None, hearing.proving.values()))
    for path in list_tree(bench.repository, place.tree)[:20_000]:
        name = PurePosixPath(path).name
        if path in found or not path.endswith(".py") or not is_test_path(path, bench.settings):
            continue
        if name.startswith("test_") or name.endswith("_test.py"):
            text = text_at(bench, place.commit, path)
            if any(stem in text for stem in stems):
                found.add(path)
        if len(found) >= 30:
            break
    return tuple(sorted(found))


def _job(hearing: Hearing, place: _Place, made: list[Mutant], files: tuple[str, ...]) -> Job:
    seconds = _seconds(hearing)
    options = list(hearing.command[len(PYTEST) :])
    plan = {
        "seconds": seconds,
        "options": options,
        "files": list(files),
        "mutants": [{"path": m.path, "text": m.text} for m in made],
    }

    def argv(folders: Folders) -> tuple[str, ...]:
        (folders.reports / "plan.json").write_text(json.dumps(plan), "utf-8")
        words = ("python", str(INSIDE / "qdeck_mutants.py"), str(folders.reports))
        return with_interpreter(words, hearing.bench.toolchain)

    wall = seconds * 2 + 20
    return Job(
        key=f"tests:{place.name}:{place.tree[:16]}",
        kind="mutation",
        title=f"changing {len(made)} places of the {_CODE[place.told]} in small ways, to see who notices",
        tree=place.tree,
        argv=argv,
        collect=lambda folders, receipt: _collect(folders, receipt, len(made)),
        limits=replace(Limits(), wall_seconds=wall, cpu_seconds=int(wall)),
        readable=(INSIDE,),
    )


def _collect(folders: Folders, receipt: Receipt, count: int) -> JsonValue:
    """Read once what the run says, where it came to its end by itself; else nothing was measured.

    All of its processes have ended by now. How many there were to try we know ourselves.
    """
    if not receipt.ok:
        return None
    try:
        found = json.loads(read_bounded(folders.reports / "result.json", _RESULT_LIMIT))
        results = [[int(n), int(code)] for n, code in found["results"] if 0 <= int(n) < count]
        return {"baseline": int(found["baseline"]), "results": results}
    except (ReportError, ValueError, KeyError, TypeError, RecursionError):
        return None
