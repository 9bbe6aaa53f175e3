"""Commands on what is shipped: the smoke check, and the configured deploy and rollback commands."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from core.evidence.bench import Bench
from core.evidence.clauses import Clause, Failure, bind, evidence, tree_at
from core.evidence.commands import with_interpreter
from core.evidence.execution import Done, Job, execute
from core.evidence.receipts import digest_of
from core.evidence.suites import Plan, run_suite
from core.evidence.tests_gate import find_command, told_failures
from core.machine.states import EvidenceKind
from core.machine.workflow import Evidence
from core.sandbox import Limits


async def collect_smoke(
    bench: Bench, commit: str, plan_digest: str, requirement_digest: str, *, earlier: tuple[str, ...] = ()
) -> Evidence:
    """Check what is shipped, on a clean export of `commit`: by the smoke command, else by the tests.

    `earlier` are ids of receipts that belong to the release, as that of the deploy command.
    """
    rests_on = bind(bench, commit, plan_digest, requirement_digest)
    if bench.settings.smoke_command:
        done = await run_configured(bench, "smoke", bench.settings.smoke_command, commit)
        ok, counts = done.receipt.ok, ""
        failures = [] if ok else [Failure("smoke", f"{done.receipt.ending}\n{done.receipt.text(2000)}")]
        summary = "the smoke command is green" if ok else f"the smoke command: {done.receipt.ending}"
        receipt_id = done.receipt_id
    else:
        command, measured = await asyncio.to_thread(find_command, bench, rests_on["tree"])
        if not command:
            failure = Failure("smoke", "there is no smoke command and no test command; configure one of them")
            return _result(False, rests_on, "nothing can be checked", [failure], list(earlier), commit)
        title = "running the tests on a clean copy of what is shipped"
        # Measured as the tests were, though nobody asks for it: code cannot tell this run from that one.
        plan = Plan("smoke", title, rests_on["tree"], command, coverage=measured, kind="smoke")
        suite = await run_suite(bench, plan)
        ok, counts, failures = suite.green, str(suite.counts or "exit 0"), told_failures(suite)
        summary = f"{counts} on a clean copy" if ok else suite.problem
        receipt_id = suite.done.receipt_id
    return _result(ok, rests_on, summary, failures, [*earlier, receipt_id], commit)


async def run_configured(
    bench: Bench,
    kind: str,
    command: tuple[str, ...],
    commit: str,
    *,
    secrets: Mapping[str, str] | None = None,
    hosts: tuple[str, ...] = (),
) -> Done:
    """Run one configured command on a clean, contained export of `commit` and keep its receipt.

    `kind` is "deploy", "rollback" or "smoke". `secrets` and `hosts` are what a person granted to it.
    """
    tree = await asyncio.to_thread(tree_at, bench, commit)
    words = with_interpreter(command, bench.toolchain)
    job = Job(
        key=f"{kind}:{commit[:16]}:{digest_of(list(command))[:8]}",
        kind=kind,
        title=f"running the {kind} command",
        tree=tree,
        argv=lambda folders: words,
        limits=Limits(wall_seconds=bench.settings.test_timeout),
        writes=kind == "smoke",
        secrets=secrets or {},
        hosts=hosts,
    )
    return await execute(bench, job)


def _result(
    ok: bool,
    rests_on: dict[str, str],
    summary: str,
    failures: list[Failure],
    receipts: list[str],
    commit: str,
) -> Evidence:
    detail: dict[str, Any] = {
        "clauses": [Clause("smoke", ok, summary).to_data()],
        "failures": [failure.to_data() for failure in failures],
        "receipts": receipts,
        "commit": commit,
    }
    return evidence(EvidenceKind.SMOKE, ok, rests_on, summary, detail)
