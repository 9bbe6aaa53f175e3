"""The hidden checks of a build: written once for a requirement, kept as an artifact, handed to nobody."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from core.engine.scene import Scene, role_context
from core.evidence.hidden import Hidden, HiddenCheck, public_interface
from core.llm import check_model
from core.machine.commands import Note
from core.machine.states import State
from core.machine.workflow import CheckpointMark
from core.roles.hidden import write_checks
from core.roles.packets import Packet

KIND = "hidden_checks"
"""The kind of the note that says where the checks of a build are kept."""


class HiddenChecks:
    """Writes and reads the hidden checks of one build."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._orders = scene.orders

    async def write(self, mark: CheckpointMark) -> None:
        """Let the auditor's model write them, before anything else of testing, unless they are there."""
        if await self._known() is not None:
            return
        bench = self._scene.bench_for("hidden")
        signatures = await asyncio.to_thread(public_interface, bench, mark.commit)
        checks: list[dict[str, Any]] = []
        why = "the change has no Python interface that could be checked from outside"
        if signatures:
            checks, why = await self._written(signatures)

        async def keep() -> Any:
            data = json.dumps(checks, ensure_ascii=False).encode("utf-8", "replace")
            return await self._scene.desk.artifact(data, "application/json")

        artifact = await self._scene.steps.once("hidden-artifact", keep)
        requirement = (await self._orders.workflow()).current.get("requirement", "")
        note = {"artifact": artifact, "count": len(checks), "why": why, "requirement": requirement}
        await self._orders.give("hidden-checks", Note, kind=KIND, data=note)

    async def _written(self, signatures: str) -> tuple[list[dict[str, Any]], str]:
        await self._scene.desk.activity("Test Auditor writes hidden checks")
        context = await role_context(self._scene, await self._orders.workflow(), None, _takes_nothing)
        await asyncio.to_thread(
            check_model, context.model, context.api_base, request=context.workflow.request
        )
        checks, why = await write_checks(context, signatures)
        known = set(await self._criteria())
        return [check for check in checks if check["criterion"] in known], why

    async def read(self) -> Hidden:
        """Return the checks as the gate runs them. A second failure is put before a person."""
        note = await self._known()
        if note is None:
            return Hidden(why="they are written at the beginning of testing")
        kept = await asyncio.to_thread(self._scene.shop.journal.get_artifact, str(note["artifact"]))
        checks = tuple(HiddenCheck.from_data(item) for item in json.loads(kept or b"[]"))
        asks = self._scene.state is not State.TESTING or self._scene.number > 1
        return Hidden(checks, await self._criteria(), str(note.get("why", "")), asks)

    async def _known(self) -> dict[str, Any] | None:
        """The note on the checks for the requirement as it is now; a fork has those of what it comes from."""
        workflow = await self._orders.workflow()
        wanted = workflow.current.get("requirement", "")
        journal = self._scene.shop.journal
        for read in (journal.notes, journal.earlier_notes):
            notes = await asyncio.to_thread(read, workflow.workflow_id, KIND)
            if found := [note for note in notes if note.get("requirement") == wanted]:
                return found[-1]
        return None

    async def _criteria(self) -> dict[int, str]:
        written = (await self._scene.packets()).get(State.DISCOVERY, {})
        return {int(c["number"]): str(c["text"]) for c in written.get("criteria", ())}


async def _takes_nothing(packet: Packet) -> str:
    return "Nothing is handed in here."
