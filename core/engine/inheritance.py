"""What a fork has taken over counts only when it was checked again, by digest, against what is there now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from core.engine.orders import Orders
from core.errors import ProjectError
from core.evidence import digest_of
from core.journal.chain import digest
from core.journal.engine import EngineJournal
from core.machine.commands import NOT_TAKEN_OVER, Note, RecordEvidence
from core.machine.forking import unchecked
from core.machine.states import EvidenceKind
from core.machine.workflow import RESTS_ON, Evidence, Workflow
from core.roles.packets import Plan, Requirement
from core.workspace import Repository, adopt, tree_of

_PACKETS: dict[EvidenceKind, type[Requirement] | type[Plan]] = {
    EvidenceKind.REQUIREMENT: Requirement,
    EvidenceKind.PLAN: Plan,
}


class Inheritance:
    """What comes before the role in a fork's first attempt: its checkpoints and evidence."""

    def __init__(self, journal: EngineJournal, orders: Orders, repository: Repository) -> None:
        self._journal = journal
        self._orders = orders
        self._repository = repository

    async def keep_checkpoints(self, workflow: Workflow) -> None:
        """Give the commits that came along refs of the fork's own: the parent's may be swept away."""
        if workflow.parent_event and workflow.restore is not None:
            await asyncio.to_thread(self._adopt, workflow)

    def _adopt(self, workflow: Workflow) -> None:
        for mark in workflow.checkpoints:
            if tree_at(self._repository, mark.commit) == mark.tree:
                adopt(self._repository, workflow.workflow_id, mark.number, mark.commit)

    async def check(self) -> None:
        """Record what stands the check anew, approvals included, and note why the rest does not.

        May be repeated at any time: what was checked has lost its mark.
        """
        workflow = await self._orders.workflow()
        receipts = await asyncio.to_thread(self._journal.inherited_receipts, workflow.workflow_id)
        for evidence in unchecked(workflow):
            workflow = await self._orders.workflow()
            why = await asyncio.to_thread(self._objection, workflow, evidence, receipts)
            key = f"inherited-{evidence.kind.value}"
            if why:
                data = {"evidence": evidence.kind.value, "why": why}
                await self._orders.give(key, Note, kind=NOT_TAKEN_OVER, data=data)
            else:
                clean = Evidence.from_data({**evidence.to_data(), "approved_by": "", "stale": ""})
                await self._orders.give(key, RecordEvidence, evidence=clean)

    def _objection(self, workflow: Workflow, evidence: Evidence, receipts: Mapping[str, str]) -> str:
        """Return why the evidence does not count any more; empty when every digest is what it was."""
        if content_digest(evidence) != evidence.digest:
            return "its content is not what its digest says"
        for name in RESTS_ON[evidence.kind]:
            if evidence.rests_on.get(name) != workflow.current.get(name, ""):
                return f"the {name} that it rests on is not the one that is here"
        mark = workflow.mark(workflow.checkpoint)
        if "tree" in evidence.rests_on:
            kept = tree_at(self._repository, mark.commit) if mark else ""
            if kept != evidence.rests_on["tree"]:
                return "the tree that it rests on is not in the repository any more"
        return self._receipts_objection(evidence, receipts)

    def _receipts_objection(self, evidence: Evidence, receipts: Mapping[str, str]) -> str:
        for receipt_id in evidence.detail.get("receipts", ()):
            known = self._journal.receipt_digest(receipt_id)
            if not known:
                return f"its receipt {receipt_id} is gone"
            if known != receipts.get(receipt_id):
                return f"its receipt {receipt_id} is not what it was bound to"
            row = self._journal.receipt(receipt_id)
            if row is not None and row.artifact:
                output = self._journal.get_artifact(row.artifact)
                if output is None or digest(output) != row.artifact:
                    return f"the output of its receipt {receipt_id} is gone or was changed"
        return ""


def tree_at(repository: Repository, commit: str) -> str:
    """Return the tree of a commit as git has it now; empty when the commit is gone."""
    try:
        return tree_of(repository, commit)
    except ProjectError:
        return ""


def content_digest(evidence: Evidence) -> str:
    """Return the digest that the content of the evidence has now."""
    packet = _PACKETS.get(evidence.kind)
    if packet is not None:
        try:
            return packet.model_validate_json(json.dumps(dict(evidence.detail))).digest()
        except ValueError:
            return ""
    return digest_of(
        {
            "kind": evidence.kind.value,
            "ok": evidence.ok,
            "rests_on": dict(evidence.rests_on),
            "summary": evidence.summary,
            "detail": dict(evidence.detail),
        }
    )
