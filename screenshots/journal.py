"""Writes a journal the way the worker and the roles do, at times that are told, so that pictures are
always equal."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.journal.engine import EngineJournal
from core.machine.commands import (
    Authority,
    BeginAttempt,
    Command,
    EndAttempt,
    Move,
    RecordCheckpoint,
    RecordEvidence,
    SetCondition,
)
from core.machine.states import Autonomy, EvidenceKind, Role, State, actor_in
from core.machine.transitions import Kind, Order
from core.machine.workflow import CheckpointMark, Evidence, Workflow
from core.service import OrchestrationService
from core.service.views import Answer

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PERSON = Authority.person("ada")


class Clock:
    """A time that only moves when it is told to."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """The time now."""
        return self.at

    def seconds(self) -> float:
        """The time now, in seconds since 1970."""
        return self.at.timestamp()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


def sha(text: str) -> str:
    """A digest that depends on nothing but the text."""
    return hashlib.sha256(text.encode()).hexdigest()


class Hand:
    """Plays the worker's part in one workflow: attempts, words, receipts, evidence and moves."""

    def __init__(
        self, journal: EngineJournal, service: OrchestrationService, clock: Clock, workflow_id: str
    ) -> None:
        self.journal, self.service, self.clock = journal, service, clock
        self.workflow_id = workflow_id
        self.lease = ""
        self._keys = itertools.count()

    @property
    def workflow(self) -> Workflow:
        """The workflow as it is stored."""
        return self.journal.workflow(self.workflow_id)

    async def give(self, kind: type[Command], by: Authority | None = None, **rest: Any) -> Answer:
        """Give one of the machine's commands; a refusal is an error of the story."""
        workflow = self.workflow
        command = kind(
            command_id=f"{self.workflow_id}-{workflow.version}-{next(self._keys)}",
            workflow_id=self.workflow_id,
            expected_version=workflow.version,
            by=by or Authority.engine(),
            at=self.clock(),
            **rest,
        )
        answer = await self.service.submit(command)
        if not answer.ok:
            raise ValueError(answer.text)
        return answer

    async def begin(self) -> None:
        """Begin the attempt that is due."""
        workflow = self.workflow
        await self.give(BeginAttempt, state=workflow.state, number=workflow.attempt, executor="worker")
        self.lease = self.journal.claim_attempt(workflow.attempt_id, "worker")

    async def end(self, outcome: str, summary: str) -> None:
        """End the attempt."""
        workflow = self.workflow
        self.journal.end_attempt(workflow.attempt_id, self.lease, outcome, summary)
        await self.give(
            EndAttempt, state=workflow.state, number=workflow.attempt, outcome=outcome, summary=summary
        )

    def say(self, text: str) -> None:
        """The role speaks."""
        self._message("text", text, {})

    def note(self, text: str) -> None:
        """Something is noted in the chat."""
        self._message("note", text, {})

    def tool(self, name: str, arguments: str, result: str, *, ok: bool = True) -> None:
        """The role uses a tool."""
        self._message("tool_call", name, {"name": name, "arguments": arguments})
        self.clock.wait(1)
        self._message("tool_result", result, {"name": name, "ok": ok, "fault": ""})

    def _message(self, kind: str, text: str, data: Mapping[str, Any]) -> None:
        workflow = self.workflow
        self.clock.wait(2)
        self.journal.add_message(
            self.workflow_id,
            workflow.attempt_id,
            self.lease,
            f"m{next(self._keys)}",
            workflow.actor.value,
            kind,
            text,
            data,
        )

    def streams(self, text: str) -> None:
        """The role is saying this right now."""
        self.clock.wait(1)
        for start in range(0, len(text), 24):
            self.journal.chunk(self.workflow_id, self.workflow.attempt_id, text[start : start + 24])

    def activity(self, text: str, tests: str | None = None) -> None:
        """What happens this second."""
        self.journal.set_activity(self.workflow_id, text, tests)

    def pays(self, usd: float) -> None:
        """A model call costs money."""
        key = f"turn-{next(self._keys)}"
        attempt = self.workflow.attempt_id
        role = self.workflow.actor.value
        self.journal.reserve(self.workflow_id, attempt, key, usd, lease=self.lease, role=role)
        model = "openai/gpt-5-mini" if role == Role.CODE_WRITER.value else "anthropic/claude-haiku"
        paid = {"cost_usd": usd, "prompt_tokens": 4200, "completion_tokens": 900, "model": model}
        self.journal.settle(self.workflow_id, attempt, key, **paid)

    def runs(
        self,
        kind: str,
        argv: Sequence[str],
        *,
        exit_code: int = 0,
        seconds: float = 0.9,
        counts: Mapping[str, int] | None = None,
        output: str = "",
        suite: str = "",
        title: str = "",
    ) -> str:
        """The engine runs a command and keeps the receipt."""
        self.clock.wait(seconds)
        tree = self.workflow.current.get("tree", "")
        data = {
            "title": title,
            "argv": list(argv),
            "exit_code": exit_code,
            "signal": None,
            "seconds": seconds,
            "sandbox": "bubblewrap 0.8.0",
            "tree_before": tree,
            "tree_after": tree,
            "counts": dict(counts) if counts else None,
            "asked_by": "engine",
            "output_digest": sha(output or " ".join(argv)),
            "cut": False,
            "limit": "",
        }
        name = f"check-1-tests-tests:{suite}:{tree[:16]}" if suite else kind
        key = f"{name}:{next(self._keys)}"
        return self.journal.add_receipt(
            self.workflow_id, self.workflow.attempt_id, self.lease, key, kind, data, output.encode()
        )

    async def checkpoint(self, name: str, diff: str = "", stat: Mapping[str, Any] | None = None) -> None:
        """Keep the files as they are."""
        workflow = self.workflow
        number = workflow.checkpoint + 1 if workflow.checkpoints else 0
        tree = sha(f"tree {name}")[:40]
        mark = CheckpointMark(number, sha(f"commit {name}")[:40], tree, workflow.state, workflow.attempt)
        data: dict[str, Any] = {"base": sha("base")[:40]}
        if diff:
            data["diff_digest"] = self.journal.put_artifact(diff.encode(), "text/x-diff")
            data["diffstat"] = dict(stat or {})
        await self.give(RecordCheckpoint, mark=mark, ref=f"refs/qdeck/{self.workflow_id}/{number}", data=data)

    async def proves(
        self, kind: EvidenceKind, summary: str, detail: Mapping[str, Any] | None = None, *, ok: bool = True
    ) -> None:
        """The engine records a piece of evidence."""
        evidence = Evidence(
            kind, ok, sha(f"{kind.value} {summary}"), dict(self.workflow.current), summary, dict(detail or {})
        )
        await self.give(RecordEvidence, evidence=evidence)

    async def moves(
        self,
        target: State,
        *,
        by: Authority | None = None,
        reason: str = "",
        packet: Mapping[str, Any] | None = None,
    ) -> None:
        """Whoever acts moves the workflow."""
        actor = by or Authority.role(actor_in(self.workflow.state))
        await self.give(Move, by=actor, target=target, reason=reason, packet=dict(packet or {}))

    async def waits(self, for_what: str, reason: str = "") -> None:
        """The workflow waits for a person."""
        await self.give(SetCondition, order=Order.WAIT, waiting_for=for_what, reason=reason)

    async def becomes(self, order: Order, reason: str) -> None:
        """The workflow is paused, failed or cancelled."""
        by = PERSON if order in (Order.PAUSE, Order.CANCEL) else None
        await self.give(SetCondition, by=by, order=order, reason=reason)


class Writer:
    """Opens a journal and starts workflows in it."""

    def __init__(self, service: OrchestrationService, journal: EngineJournal, clock: Clock) -> None:
        self.service, self.journal, self.clock = service, journal, clock

    @classmethod
    async def open(cls, url: str, clock: Clock | None = None) -> Writer:
        """Open the journal at `url`, a new one if there is none."""
        clock = clock or Clock()
        service = await OrchestrationService.open(url, clock=clock)
        return cls(service, EngineJournal(service.url, clock=clock), clock)

    async def close(self) -> None:
        """Let go of it."""
        self.journal.close()
        await self.service.close()

    async def start(
        self,
        project: Path,
        request: str,
        *,
        title: str | None = None,
        autonomy: Autonomy = Autonomy.GATED,
        budget: float | None = 2.0,
    ) -> Hand:
        """Start a workflow and return the hand that plays it."""
        known = await self.service.register_project(str(project))
        answer = await self.service.start_workflow(
            known.project_id, request, title=title, autonomy=autonomy, budget_usd=budget, by=PERSON
        )
        if answer.workflow is None:
            raise ValueError(answer.text)
        return Hand(self.journal, self.service, self.clock, answer.workflow.workflow_id)


__all__ = ["PERSON", "START", "Clock", "Hand", "Kind", "Order", "Role", "Writer", "sha"]
