"""The engine's own checks of an attempt: collected on its checkpoint, recorded as evidence, told to the role.

Nobody's word counts here. What a role submits is checked against the worktree as it stands at that moment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from core.engine.files import as_checkpoint
from core.engine.hidden import HiddenChecks
from core.engine.papers import plan_evidence, requirement_evidence
from core.engine.scene import Scene
from core.evidence import (
    Promise,
    Scans,
    bind,
    collect_code,
    collect_scans,
    collect_tests,
    review_evidence,
    review_references,
)
from core.evidence.hidden import with_hidden
from core.machine.asking import only_asks
from core.machine.commands import RecordEvidence
from core.machine.gates import is_red, why_not_current
from core.machine.states import STATES, EvidenceKind, State
from core.machine.workflow import CheckpointMark, Evidence
from core.roles.context import EngineReport
from core.roles.packets import Packet, Plan, Requirement, ReviewReport

_TOLD = 12_000
"""Characters of a report that a role is told at most."""


class Proof:
    """Collects and records the evidence of one attempt."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._orders = scene.orders
        self._checks = 0
        self._hidden = HiddenChecks(scene)

    # --- before the role speaks

    async def report(self) -> EngineReport | None:
        """Collect what the engine can find out by itself before the role is asked."""
        await self._scene.hear_answers()
        if self._scene.state is State.TESTING:
            mark = await self._checkpoint("before")
            await self._hidden.write(mark)
            await self._code_again(mark, "before")
            return await self._told(await self.tests(mark, "before"))
        if self._scene.state is State.VERIFICATION:
            mark = await self._checkpoint("before")
            return await self._scanned(await self.scans(mark, "before"))
        return None

    # --- when the role submits

    async def check(self, packet: Packet) -> str:
        """Return why the packet is not taken, empty when it is. Records the evidence either way.

        It is also taken when all that is left are questions to a person: they answer each by itself, then
        this is asked again, and what ran is judged anew by their answers.
        """
        await self._scene.hear_answers()
        self._checks += 1
        key = f"check-{self._checks}"
        match self._scene.state:
            case State.DISCOVERY if isinstance(packet, Requirement):
                return await self._record(requirement_evidence(packet), key)
            case State.PLANNING if isinstance(packet, Plan):
                return await self._plan(packet, key)
            case State.IMPLEMENTATION:
                mark = await self._checkpoint(key)
                await self.code(mark, key)
                return await self._verdict(EvidenceKind.CODE)
            case State.TESTING:
                return await self._tested(key)
            case State.VERIFICATION if isinstance(packet, ReviewReport):
                return await self._reviewed(packet, key)
            case _:
                return ""

    async def _plan(self, packet: Plan, key: str) -> str:
        workflow = await self._orders.workflow()
        kept = (await self._scene.packets()).get(State.DISCOVERY)
        if kept is None:
            return "There is no requirement to plan for."
        requirement = Requirement.model_validate_json(json.dumps(kept))
        return await self._record(plan_evidence(packet, requirement, workflow), key)

    async def _tested(self, key: str) -> str:
        """The auditor may have added tests; then code and tests are collected anew on the new checkpoint."""
        mark = await self._checkpoint(key)
        if why_not_current(await self._orders.workflow(), EvidenceKind.CODE):
            await self.code(mark, key)
            if why := await self._verdict(EvidenceKind.CODE):
                return why
        workflow = await self._orders.workflow()
        known = workflow.evidence.get(EvidenceKind.TESTS)
        judged = known is not None and not known.stale and known.rests_on.get("tree") == mark.tree
        if not judged or (is_red(workflow, EvidenceKind.TESTS) and self._scene.answers.tag):
            await self.tests(mark, key)
        return await self._verdict(EvidenceKind.TESTS)

    async def _reviewed(self, packet: ReviewReport, key: str) -> str:
        mark = await self._checkpoint(key)
        evidence = await self.review(packet, await self.scans(mark, key), mark, key)
        await self._record(evidence, key)
        return await self._verdict(EvidenceKind.REVIEW)

    async def _verdict(self, kind: EvidenceKind) -> str:
        """Return what the role has to mend in the evidence, nothing when only a person can say more."""
        workflow = await self._orders.workflow()
        if not why_not_current(workflow, kind) or only_asks(workflow, kind):
            return ""
        return objections(workflow.evidence[kind]) or why_not_current(workflow, kind)

    async def _checkpoint(self, key: str) -> CheckpointMark:
        """Keep the worktree as it stands; looked at again once a person has answered anything."""
        return await self._scene.files.checkpoint(f"{key}{self._scene.answers.tag}", self._scene.steps)

    async def review_again(self, mark: CheckpointMark, key: str) -> Evidence | None:
        """Scan a merged checkpoint and keep the checklist that was given for it; None when there was none."""
        kept = (await self._scene.packets()).get(State.VERIFICATION)
        if kept is None:
            return None
        packet = ReviewReport.model_validate_json(json.dumps(kept))
        evidence = await self.review(packet, await self.scans(mark, key), mark, key)
        await self._record(evidence, key)
        return evidence

    # --- the collections

    async def code(self, mark: CheckpointMark, key: str) -> Evidence:
        """Collect and record the code evidence of a checkpoint."""
        requirement, plan = await self._bound()
        kept = as_checkpoint(self._orders.workflow_id, mark)

        async def work() -> Any:
            bench = self._scene.bench_for(f"{key}-{mark.tree[:12]}-code")
            return (await collect_code(bench, kept, plan, requirement)).to_data()

        return await self._kept(f"{key}-code", work)

    async def _code_again(self, mark: CheckpointMark, key: str) -> None:
        """The code evidence follows a checkpoint that only added tests; anything else stays stale."""
        workflow = await self._orders.workflow()
        if why_not_current(workflow, EvidenceKind.CODE):
            await self.code(mark, key)

    async def tests(self, mark: CheckpointMark, key: str) -> Evidence:
        """Run the project's tests on a checkpoint and record what they prove."""
        requirement, plan = await self._bound()
        kept = as_checkpoint(self._orders.workflow_id, mark)
        written = await self._planned()
        named = written.proofs if written else ()

        hidden = await self._hidden.read()

        async def work() -> Any:
            # Its runs are kept by tree alone: another answer of a person's judges them anew, unrun.
            bench = self._scene.bench_for(f"{key}-{mark.tree[:12]}-tests")
            found = await collect_tests(
                bench,
                kept,
                plan,
                requirement,
                change=written.kind_of_change.value if written else "feature",
                promises=tuple(Promise(p.criterion, p.kind.value, p.proof) for p in named),
            )
            return (await with_hidden(bench, kept.commit, found, hidden)).to_data()

        return await self._kept(f"{key}-tests", work)

    async def _planned(self) -> Plan | None:
        kept = (await self._scene.packets()).get(State.PLANNING)
        return Plan.model_validate_json(json.dumps(kept)) if kept is not None else None

    async def scans(self, mark: CheckpointMark, key: str) -> Scans:
        """Run the scanners on a checkpoint, once for each tree of the attempt."""
        bench = self._scene.bench_for("scans")
        kept = as_checkpoint(self._orders.workflow_id, mark)

        async def work() -> Any:
            return (await collect_scans(bench, kept)).to_data()

        pair = f"{mark.tree[:16]}-{self._scene.files.base[:16]}"
        return Scans.from_data(await self._scene.steps.once(f"scans-{pair}", work))

    async def review(self, packet: ReviewReport, scans: Scans, mark: CheckpointMark, key: str) -> Evidence:
        """Return what the checklist is worth on a checkpoint, given what the scanners found there."""
        requirement, plan = await self._bound()
        bench = self._scene.bench_for(f"{key}-review")
        labels = await self._labels()
        written = (await self._scene.packets()).get(State.DISCOVERY, {})
        references = await asyncio.to_thread(
            review_references,
            bench,
            mark.commit,
            criteria=[int(item["number"]) for item in written.get("criteria", ())],
            receipts=[*labels, *labels.values()],
        )
        rests_on = await asyncio.to_thread(bind, bench, mark.commit, plan, requirement)
        return review_evidence(
            scans,
            packet.to_data()["checklist"],
            verdict=packet.verdict,
            references=references,
            rests_on=rests_on,
            reviewer=STATES[State.VERIFICATION].owner.value,
            summary=packet.summary,
            accepted=self._scene.answers.accepted,
            declined=self._scene.answers.declined,
        )

    async def _labels(self) -> dict[str, str]:
        """The receipts of this build by a short label each, the newest of a kind under the kind itself."""
        rows = await asyncio.to_thread(self._scene.shop.journal.receipts, self._orders.workflow_id)
        return label_receipts((row.kind, row.receipt_id) for row in rows)

    async def _bound(self) -> tuple[str, str]:
        current = (await self._orders.workflow()).current
        return current.get("requirement", ""), current.get("plan", "")

    async def _kept(self, key: str, work: Any) -> Evidence:
        key = f"{key}{self._scene.answers.tag}"
        evidence = Evidence.from_data(await self._scene.steps.once(key, work))
        await self._record(evidence, key)
        return evidence

    async def _record(self, evidence: Evidence, key: str) -> str:
        """Record the evidence and return what is wrong with it, for the role."""
        clean = replace(evidence, approved_by="", stale="")
        step = f"{key}-{evidence.kind.value}{self._scene.answers.tag}"
        answer = await self._orders.give(step, RecordEvidence, evidence=clean)
        return str(answer.refusal) if answer.refusal is not None else objections(evidence)

    async def _told(self, evidence: Evidence) -> EngineReport:
        """What the role is told of evidence, with the receipts that it may refer to."""
        text = tell(evidence)
        if only_asks(await self._orders.workflow(), evidence.kind):
            text += "\nOnly a person can answer this, and is asked when you hand in. Judge all the rest."
        return EngineReport(
            text[:_TOLD], ok=evidence.ok, data=dict(evidence.detail), receipts=await self._labels()
        )

    async def _scanned(self, scans: Scans) -> EngineReport:
        blocking = sum(finding.blocks for finding in scans.findings)
        lines = [f"{blocking} new findings that block, {len(scans.findings) - blocking} as advice"]
        lines += [f"- {finding}" for finding in scans.findings]
        lines += [f"- {problem}" for problem in scans.problems]
        lines += [f"({line})" for line in scans.skipped]
        return EngineReport(
            "\n".join(lines)[:_TOLD], ok=scans.ok, data=scans.to_data(), receipts=await self._labels()
        )


def objections(evidence: Evidence) -> str:
    """Return what is wrong with evidence that is not green, in words for a role; empty when it is green."""
    return "" if evidence.ok else tell(evidence)


def tell(evidence: Evidence) -> str:
    """Return the evidence's summary, and each failure with its short text."""
    lines = [f"{evidence.kind.value}: {evidence.summary}"]
    for failure in evidence.detail.get("failures", ()):
        text = str(failure.get("text", ""))
        lines.append(f"- {failure.get('name', '')}: {text}" if text else f"- {failure.get('name', '')}")
    alive = evidence.detail.get("mutants", {}).get("survivors", ())
    if alive:
        lines.append("Advice: no test noticed these small changes of the code, one at a time:")
    lines += [f"- {item['path']}:{item['line']}: {item['change']}" for item in alive]
    return "\n".join(lines)


def label_receipts(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Label receipts, given oldest first as (kind, id), by their kind; the newest has the bare kind."""
    labels: dict[str, str] = {}
    counts: dict[str, int] = {}
    for kind, receipt_id in reversed(list(found)):
        counts[kind] = counts.get(kind, 0) + 1
        labels[kind if counts[kind] == 1 else f"{kind}-{counts[kind]}"] = receipt_id
    return labels
