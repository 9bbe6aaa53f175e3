"""Carries one workflow to rest in the foreground: keeps a worker alive, tells what happens, asks a person."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.config import Paths
from core.errors import ExitCode, QdeckError
from core.machine.commands import ACCEPTANCE, Authority
from core.machine.events import EventType
from core.machine.states import FINAL, Condition, State, state_title
from core.machine.transitions import BACK, Kind
from tui.commands.children import WorkerChild
from tui.commands.output import note
from tui.commands.session import ask, ask_yes
from tui.commands.telling import decision_text, move_text, one_line
from tui.words import ROLE_NAMES, duration, state_word, waits_for

if TYPE_CHECKING:
    from core.service.service import OrchestrationService
    from core.service.views import Answer, DecisionView, EventView, WorkflowView

FORWARD = (Kind.ADVANCE, Kind.ACCEPT)
_POLL = 0.08
_TAKEN = 3
"""What a worker ends with that found another one at work on the same journal."""
_PATIENCE = 5
"""Deaths of a worker in a row, without anything new in the journal, before this command gives up."""
_PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)


@dataclass
class Progress:
    """Tells on standard error what happened, a line for each thing; on a terminal also what happens now."""

    started: float = field(default_factory=time.monotonic)
    live: bool = field(default_factory=lambda: sys.stderr.isatty())
    _shown: str = ""

    def event(self, event: EventView) -> None:
        """Tell of one event, if it is one that a reader wants to know of."""
        if line := _event_line(event):
            self._wipe()
            note(f"{self._time():>7}  {line}")

    def now(self, view: WorkflowView) -> None:
        """Show what happens this second on one line that is written over."""
        if not self.live or view.condition is not Condition.ACTIVE or view.state is FINAL:
            return
        text = one_line(f"{self._time():>7}  … {ROLE_NAMES[view.role]}: {view.activity or 'at work'}", 78)
        if text != self._shown:
            print(f"\r{text:<78}", end="", file=sys.stderr, flush=True)
            self._shown = text

    def close(self) -> None:
        """Leave no half line behind."""
        self._wipe()

    def _wipe(self) -> None:
        if self._shown:
            print(f"\r{'':<78}\r", end="", file=sys.stderr, flush=True)
            self._shown = ""

    def _time(self) -> str:
        return duration(time.monotonic() - self.started)


def _event_line(event: EventView) -> str:
    data = event.data
    match EventType(event.event_type):
        case EventType.MOVED:
            arrow = "←" if Kind(data["kind"]) in BACK else "→"
            reason = one_line(str(data.get("reason") or ""), 200)
            name = "complete" if data["to"] == FINAL else state_word(State(data["to"])).removeprefix("→ ")
            because = f": {reason}" if reason and arrow == "←" else ""
            return f"{arrow} {name} ({data['transition']} {data['kind']}){because}"
        case EventType.EVIDENCE_RECORDED:
            mark = "✓" if data["ok"] else "✗"
            return f"  {mark} {data['kind']}: {one_line(str(data['summary']), 200)}"
        case EventType.APPROVED | EventType.ACCEPTED | EventType.CONDITION_CHANGED:
            return f"  {one_line(event.text, 300)}"
    return ""


@dataclass
class Follower:
    """One workflow in the foreground."""

    service: OrchestrationService
    workflow_id: str
    worker: WorkerChild
    progress: Progress
    by: Authority | None
    """Who decides what waits for a person; None when nobody can be asked."""
    _seen: int = 0
    _deaths: int = 0

    async def to_rest(self) -> WorkflowView:
        """Follow until the workflow is complete, or nothing goes on without a person. Ends the worker."""
        try:
            while True:
                view = await self._until_rest()
                self.progress.close()
                if view.condition is not Condition.WAITING or self.by is None:
                    return view
                if not await self._decided(view, self.by):
                    return await self.service.get_workflow_status(self.workflow_id)
        finally:
            self.progress.close()
            await asyncio.shield(asyncio.to_thread(self.worker.stop))

    async def _until_rest(self) -> WorkflowView:
        self.worker.start()
        changed = self.service.changed()
        view = await self._news()
        while True:
            if (now := self.service.changed()) != changed:
                changed, view = now, await self._news()
            if view.state is FINAL or view.condition is not Condition.ACTIVE:
                return view
            self.progress.now(view)
            await self._look_after_worker(view)
            await asyncio.sleep(_POLL)

    async def _news(self) -> WorkflowView:
        view = await self.service.get_workflow_status(self.workflow_id)
        if view.version > self._seen:
            for event in await self.service.get_workflow_history(self.workflow_id, limit=0, after=self._seen):
                self.progress.event(event)
                self._seen = event.seq
            self._deaths = 0
        return view

    async def _look_after_worker(self, view: WorkflowView) -> None:
        """Start the worker again when it died; another worker on the same journal is as good as ours."""
        code = self.worker.ended()
        if code is None or (code == _TAKEN and self.service.worker_alive()):
            return
        if code not in (0, _TAKEN):
            self._deaths += 1
            if code > 0 or self._deaths > _PATIENCE:
                raise QdeckError(
                    f"The worker ended (exit code {code}) while {view.build_id} was in "
                    f"{state_title(view.state)}; nothing is lost.",
                    f"{_last_words()} `qdeck doctor` looks at what a build needs.".strip(),
                )
            await asyncio.sleep(_PAUSES[min(self._deaths, len(_PAUSES) - 1)])
        self.worker.start()

    async def _decided(self, view: WorkflowView, by: Authority) -> bool:
        """Ask about what the workflow waits for. False when it stays waiting."""
        decision = await self.service.decision(self.workflow_id, by)
        if decision is None:
            return True
        note(decision_text(decision))
        forward = next((m for m in decision.moves if m.kind in FORWARD and m.ready), None)
        if decision.kind == ACCEPTANCE:
            return await self._answered(decision, by)
        question = "Approve?" if decision.kind == "approval" else ""
        if decision.kind == "person" and forward is not None:
            question = f"{move_text(forward)}?"
        if question:
            if await ask_yes(question):
                return await self._advanced(by, decision.version)
            words = await ask("What should be different? (empty: leave it waiting)")
        elif decision.kind == "answer":
            words = await ask("Your answer (empty: leave it waiting):")
        elif decision.kind == "person" and await ask_yes("Try again?"):
            answer = await self.service.resume(self.workflow_id, by=by, expected_version=decision.version)
            return self._told(answer)
        else:
            return False
        return bool(words) and self._told(await self.service.chat(self.workflow_id, words, by=by))

    async def _answered(self, decision: DecisionView, by: Authority) -> bool:
        """Ask each question of the gate by itself. False as soon as one is left open."""
        version = decision.version
        for asked in (item for item in decision.asks if item.open):
            yes = await ask_yes(f"{one_line(asked.name, 100)}: {one_line(asked.text, 200)}. May it stand?")
            reason = await ask("Why? (empty: leave it waiting)")
            if not reason:
                return False
            answer = await self.service.accept_finding(
                self.workflow_id, asked.key, by=by, expected_version=version, reason=reason, accept=yes
            )
            self._told(answer)
            if answer.workflow is None or not answer.ok:
                return True
            version = answer.workflow.version
        return True

    async def _advanced(self, by: Authority, version: int) -> bool:
        return self._told(
            await self.service.advance_workflow(self.workflow_id, by=by, expected_version=version)
        )

    def _told(self, answer: Answer) -> bool:
        """Tell of an order that was refused; of one that was carried out the history tells."""
        if not answer.ok:
            note(answer.text)
        # A refused order was given to a view that is no longer so: look again, and ask again.
        return True


def rest_code(view: WorkflowView) -> int:
    """Return the exit code for how a workflow came to rest."""
    if view.state is FINAL:
        return ExitCode.DONE
    if view.condition in (Condition.WAITING, Condition.PAUSED):
        return ExitCode.WAITING
    return ExitCode.FAILED


def rest_text(view: WorkflowView) -> str:
    """Return one or two sentences on how a workflow came to rest and what to do."""
    name, took = view.build_id, duration(view.elapsed.total_seconds())
    reason = one_line(view.reason, 600)
    if view.state is FINAL:
        return f"{name} is complete after {took}, with every piece of evidence current."
    if view.condition is Condition.WAITING:
        because = f" ({reason})" if reason else ""
        what = (
            f"{name} waits for a person in {state_title(view.state)}: {waits_for(view.waiting_for)}{because}."
        )
        return f"{what} {_ways(view)}".replace(".).", ").")
    word = view.condition.value
    ways = f" `qdeck resume {name}` tries again." if view.condition is not Condition.CANCELLED else ""
    return f"{name} is {word} in {state_title(view.state)}{f': {reason}' if reason else ''}.{ways}".replace(
        "..", "."
    )


def _ways(view: WorkflowView) -> str:
    """Return the commands that lead on from what the workflow waits for."""
    name = view.build_id
    back = f"`qdeck rollback {name} --to STATE --reason …`, `qdeck cancel {name}`, or the app (`qdeck`)."
    if view.waiting_for == ACCEPTANCE:
        return f"`qdeck accept {name}` lists the questions and answers them, {back}"
    if view.waiting_for == "retries":
        return f"`qdeck retry {name} --reason …`, {back}"
    if view.waiting_for == "budget":
        return f"`qdeck budget {name} USD` raises the budget and goes on; or {back}"
    return f"`qdeck advance {name}` or `qdeck chat {name} TEXT` at a terminal, or the app (`qdeck`)."


def _last_words() -> str:
    """Return the last complaint in the worker's log, which is no place that people look at."""
    log = Paths.find().worker_log
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8_192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    complaint = next((line for line in reversed(lines) if " ERROR " in line), "")
    _, _, text = complaint.partition(" ERROR ")
    return one_line(text.partition(": ")[2], 600) + f" The log is {log}." if text else f"The log is {log}."
