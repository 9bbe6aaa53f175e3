"""Everything that one attempt works with, put together from the journal, the project and the settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.config import Settings
from core.engine.answers import Answers, answers_of
from core.engine.desk import PERSON_PREFIX, JournalDesk, Numbered, spoken_to
from core.engine.files import Files
from core.engine.orders import Orders
from core.engine.port import Scheduler
from core.engine.settings import unheeded, workflow_settings
from core.engine.steps import JournalSteps
from core.evidence import Bench, digest_of, environment_commit, prepare_toolchain
from core.journal.engine import EngineJournal, ProjectRow
from core.llm.types import PERSON, Gateway, Message
from core.machine.commands import PINNED, Note
from core.machine.states import PHASES, Role, State
from core.machine.workflow import Workflow
from core.roles.context import Earlier, EngineReport, RoleContext, TurnLimits
from core.roles.packets import Packet
from core.roles.prompts import copy_faults
from core.sandbox import detect
from core.service import OrchestrationService
from core.workspace import open_repository


@dataclass
class Shop:
    """What all attempts of a worker share."""

    journal: EngineJournal
    service: OrchestrationService
    scheduler: Scheduler
    gateway: Gateway
    settings: Settings
    executor: str
    demo: bool = False


@dataclass
class Scene:
    """One attempt's surroundings."""

    shop: Shop
    state: State
    number: int
    role: Role
    lease: str
    orders: Orders
    desk: JournalDesk
    steps: JournalSteps
    files: Files
    bench: Bench
    settings: Settings
    answers: Answers = field(default_factory=Answers)
    """What persons have said to single findings, as of the last `hear_answers`."""

    async def hear_answers(self) -> None:
        """Look anew at what persons have said to findings."""
        workflow = await self.orders.workflow()
        project = await asyncio.to_thread(self.shop.journal.project, workflow.project_id)
        self.answers = answers_of(workflow, project)

    @property
    def attempt_id(self) -> str:
        """The id of the attempt."""
        return self.orders.attempt_id

    def bench_for(self, key: str) -> Bench:
        """Return the bench for one collection; its steps and receipts share no key with another's."""
        own = Numbered(f"{key}-", self.steps, self.desk)
        return replace(
            self.bench,
            steps=own,
            record=own,
            worktree=self.files.worktree,
            base=self.files.base,
            # A name that says nothing: what runs must not see by its path which run it is.
            scratch=self.bench.scratch / digest_of(key)[:12],
            accepted=self.answers.accepted,
            declined=self.answers.declined,
        )

    async def packets(self) -> Mapping[State, Mapping[str, Any]]:
        """Return the latest packet of each phase, by the phase that made it."""
        found = await asyncio.to_thread(self.shop.journal.packets, self.orders.workflow_id)
        return {state: packet for state, packet in found.items() if state in PHASES}


async def open_files(shop: Shop, workflow: Workflow, orders: Orders) -> Files:
    """Open the project's repository and the workflow's worktree in it.

    The branch that it is merged into is chosen once: without a `main` or `master` it is the one that is
    checked out, and a person may check out another one at any time.
    """
    project = await asyncio.to_thread(shop.journal.project, workflow.project_id)
    pinned = str(workflow.settings.get("default_branch") or "")
    branch = pinned or project.default_branch
    repository = await asyncio.to_thread(open_repository, Path(project.path), branch)
    if not pinned or not (workflow.base_commit or workflow.checkpoints):
        start = "" if workflow.checkpoints else repository.head
        data = {"default_branch": repository.default_branch, "base_commit": start}
        await orders.give("pinned", Note, kind=PINNED, data=data)
        workflow = await orders.workflow()
        if workflow.settings["default_branch"] != repository.default_branch:
            return await open_files(shop, workflow, orders)
    return await Files.open(repository, workflow, orders, shop.journal, shop.settings.paths.worktrees)


async def set_scene(shop: Shop, workflow: Workflow, lease: str, orders: Orders, files: Files) -> Scene:
    """Put the attempt's surroundings together, the project's installed dependencies among them."""
    desk = JournalDesk(shop.journal, orders, lease, workflow.state)
    steps = JournalSteps(shop.journal, shop.scheduler, workflow.attempt_id, lease)
    project = await asyncio.to_thread(shop.journal.project, workflow.project_id)
    settings, of_project = await asyncio.to_thread(
        workflow_settings, workflow, project, files.repository, files.base
    )
    copies = await asyncio.to_thread(copy_faults, prompts_of(settings))
    if told := "\n".join(filter(None, (unheeded(settings), *copies))):
        await orders.give("unheeded", Note, kind="settings", data={"text": told})
    for number, fault in enumerate(copies):
        await desk.say(f"prompt-{number}", "engine", "note", fault, {})
    sandbox = await asyncio.to_thread(detect, unsandboxed=settings.unsandboxed, demo=shop.demo)
    paths = settings.paths
    dependencies = await asyncio.to_thread(_dependencies_of, workflow, project, files)
    bench = Bench(
        repository=files.repository,
        worktree=files.worktree,
        base=files.base,
        sandbox=sandbox,
        toolchain=await prepare_toolchain(
            files.repository, dependencies, of_project, sandbox, paths.cache, steps, desk
        ),
        settings=of_project,
        steps=steps,
        record=desk,
        scratch=scratch_of(shop.settings, workflow.attempt_id),
        cache=paths.environments,
    )
    return Scene(
        shop=shop,
        state=workflow.state,
        number=workflow.attempt,
        role=workflow.actor,
        lease=lease,
        orders=orders,
        desk=desk,
        steps=steps,
        files=files,
        bench=bench,
        settings=settings,
    )


def _dependencies_of(workflow: Workflow, project: ProjectRow, files: Files) -> str:
    """Return the commit whose dependencies the attempt works with: the base, or what a person said yes to."""
    mark = workflow.mark(workflow.checkpoint)
    if mark is None:
        return files.base
    accepted = answers_of(workflow, project).accepted
    return environment_commit(files.repository, files.base, mark.commit, accepted)


def scratch_of(settings: Settings, attempt_id: str) -> Path:
    """Return the folder for what an attempt needs for a moment only."""
    return settings.paths.cache / "scratch" / f"{attempt_id.partition(':')[0]}-{digest_of(attempt_id)[:12]}"


def prompts_of(settings: Settings) -> Path:
    """Return the folder in which the user may keep prompts of their own."""
    return settings.paths.config / "prompts"


async def role_context(
    scene: Scene, workflow: Workflow, report: EngineReport | None, check: Callable[[Packet], Awaitable[str]]
) -> RoleContext:
    """Return what the role is handed: packets, its own chat so far, and what was refused and why."""
    conversation, heard = await _conversation(scene)
    return RoleContext(
        workflow=workflow,
        state=scene.state,
        attempt=scene.number,
        role=scene.role,
        model=scene.settings.model_for(scene.role),
        bench=scene.bench,
        gateway=scene.shop.gateway,
        steps=scene.steps,
        desk=scene.desk,
        packets=await scene.packets(),
        conversation=conversation,
        heard=heard,
        earlier=await _earlier(scene),
        refusal=workflow.last_refusal,
        report=report,
        check=check,
        limits=TurnLimits(steps=scene.settings.turn_limit, seconds=scene.settings.attempt_timeout),
        prompt_folder=prompts_of(scene.settings),
        api_base=scene.settings.api_base or None,
    )


async def _conversation(scene: Scene) -> tuple[tuple[Message, ...], int]:
    """The chat between a person and this role in earlier attempts, and the last word that is in it."""
    journal, workflow_id = scene.shop.journal, scene.orders.workflow_id
    rows = await asyncio.to_thread(journal.earlier_messages, workflow_id)
    rows += await asyncio.to_thread(journal.messages, workflow_id, 0)
    chat: list[Message] = []
    heard = 0
    for row in rows:
        if row.kind != "text" or spoken_to(row.attempt_id) is not scene.role:
            continue
        if row.author.startswith(PERSON_PREFIX):
            chat.append(Message("user", row.text, name=PERSON))
            heard = row.seq or 0
        elif row.attempt_id != scene.attempt_id:
            chat.append(Message("assistant", row.text))
    return tuple(chat), heard


async def _earlier(scene: Scene) -> tuple[Earlier, ...]:
    journal, workflow_id = scene.shop.journal, scene.orders.workflow_id
    rows = await asyncio.to_thread(journal.earlier_attempts, workflow_id)
    rows += await asyncio.to_thread(journal.attempts, workflow_id)
    return tuple(
        Earlier(row.number, row.outcome, row.summary)
        for row in rows
        if row.state == scene.state.value and row.number < scene.number
    )
