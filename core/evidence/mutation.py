"""Mutation of the changed lines: small changes that a good test notices. Advice, never a reason to refuse.

Tried within a few seconds, in one contained run, by the tests that look at the changed files.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from core.evidence.clauses import text_at
from core.evidence.commands import PYTEST, is_pytest, is_test_path, with_interpreter
from core.evidence.execution import Folders, Job, execute
from core.evidence.hearing import Hearing
from core.evidence.inside import INSIDE
from core.evidence.junit import ReportError, read_bounded
from core.evidence.mutants import Mutant, mutants
from core.evidence.receipts import JsonValue, Receipt
from core.sandbox import Limits
from core.workspace import added_lines, list_tree

_PER_FILE = 12
_ALL = 36
_RESULT_LIMIT = 1 << 20


async def mutate(hearing: Hearing) -> dict[str, Any]:
    """Try mutants of the changed lines, and return what came of it for the evidence."""
    seconds = hearing.bench.settings.mutation_seconds
    if not is_pytest(hearing.command):
        return _nothing("not measured", "small changes are tried in Python code only, run by pytest")
    if not seconds:
        return _nothing("not measured", "switched off")
    made = await asyncio.to_thread(_make, hearing)
    if not made:
        return _nothing("not applicable", "no changed line of Python code can be changed in a small way")
    files = await asyncio.to_thread(_tests_of, hearing, {PurePosixPath(m.path).stem for m in made})
    job = _job(hearing, made, files, seconds)
    done = await execute(hearing.bench, job)
    hearing.receipts.append(done.receipt_id)
    found = done.collected or {}
    if found.get("baseline") != 0:
        return _nothing("not measured", "the tests did not end well by themselves, one by one")
    tried = [(made[number], code) for number, code in found["results"]]
    alive = [mutant for mutant, code in tried if code == 0]
    return {
        "status": "measured",
        "why": f"{len(tried)} of {len(made)} tried in {seconds:.0f} s",
        "tried": len(tried),
        "killed": len(tried) - len(alive),
        "survivors": [{"path": m.path, "line": m.line, "change": m.change} for m in alive],
        "receipt": done.receipt_id,
    }


def _nothing(status: str, why: str) -> dict[str, Any]:
    return {"status": status, "why": why, "tried": 0, "killed": 0, "survivors": [], "receipt": ""}


def _make(hearing: Hearing) -> list[Mutant]:
    bench, commit = hearing.bench, hearing.checkpoint.commit
    found: list[list[Mutant]] = []
    for path, lines in sorted(added_lines(bench.repository, bench.base, commit).items()):
        if path.endswith(".py") and not is_test_path(path, bench.settings):
            found.append(mutants(path, text_at(bench, commit, path), lines, _PER_FILE))
    # One of each file in turn: the time is short, and every file shall have its share of it.
    longest = max(map(len, found), default=0)
    return [own[n] for n in range(longest) for own in found if n < len(own)][:_ALL]


def _tests_of(hearing: Hearing, stems: set[str]) -> tuple[str, ...]:
    """Return the test files that prove the change or name one of its modules; none means all of them."""
    if hearing.command != PYTEST:
        return ()
    bench, tree = hearing.bench, hearing.checkpoint.tree
    found = set(filter(None, hearing.proving.values()))
    for path in list_tree(bench.repository, tree)[:20_000]:
        name = PurePosixPath(path).name
        if path in found or not path.endswith(".py") or not is_test_path(path, bench.settings):
            continue
        if name.startswith("test_") or name.endswith("_test.py"):
            text = text_at(bench, hearing.checkpoint.commit, path)
            if any(stem in text for stem in stems):
                found.add(path)
        if len(found) >= 30:
            break
    return tuple(sorted(found))


def _job(hearing: Hearing, made: list[Mutant], files: tuple[str, ...], seconds: float) -> Job:
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
        key=f"tests:mutants:{hearing.checkpoint.tree[:16]}",
        kind="mutation",
        title=f"changing {len(made)} places of the new code in small ways, to see whether a test notices",
        tree=hearing.checkpoint.tree,
        argv=argv,
        collect=_collect,
        limits=replace(Limits(), wall_seconds=wall, cpu_seconds=int(wall)),
        readable=(INSIDE,),
    )


def _collect(folders: Folders, receipt: Receipt) -> JsonValue:
    """Read what the run says; it is advice only, so it is believed as far as it can be read."""
    try:
        found = json.loads(read_bounded(folders.reports / "result.json", _RESULT_LIMIT))
        plan = json.loads(read_bounded(folders.reports / "plan.json", 64 << 20))
        count = len(plan["mutants"])
        results = [[int(n), int(code)] for n, code in found["results"] if 0 <= int(n) < count]
        return {"baseline": int(found["baseline"]), "results": results}
    except (ReportError, ValueError, KeyError, TypeError, RecursionError):
        return None
