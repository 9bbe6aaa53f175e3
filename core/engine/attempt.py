"""One attempt, from its claim to its last command.

Whatever happens, the workflow keeps its phase, and what went wrong is one sentence in the journal. The
attempt may be killed at any moment: carried out again under a new lease, it finds what was done and goes on.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.exc import OperationalError

from core.engine.conclusion import Conclusion, keeps_attempt, order_for, reason_of, short
from core.engine.deployment import Deployment
from core.engine.inheritance import Inheritance
from core.engine.janitor import clear_scratch
from core.engine.orders import Orders, Superseded
from core.engine.proof import Proof
from core.engine.scene import Scene, Shop, open_files, role_context, scratch_of, set_scene
from core.engine.watch import keep_foreign_edit
from core.errors import JournalError, ModelError, QdeckError
from core.journal.engine import LeaseLost
from core.llm import check_model
from core.machine.commands import BeginAttempt, SetCondition
from core.machine.states import Condition, State, state_title
from core.machine.transitions import Order
from core.machine.workflow import AttemptPhase, Workflow
from core.roles import work

_log = logging.getLogger("core.engine.attempt")


class Attempt:
    """The job of carrying a workflow's current attempt to its end."""

    def __init__(self, shop: Shop, workflow: Workflow, lease: str) -> None:
        self._shop = shop
        self._lease = lease
        self._state = workflow.state
        self._number = workflow.attempt
        self._orders = Orders(shop.service, shop.journal, workflow.workflow_id, workflow.attempt_id)
        self.closing = False

    async def run(self) -> str:
        """Carry the attempt out and return how it ended, in a word for the log."""
        try:
            try:
                return await self._run()
            finally:
                folder = scratch_of(self._shop.settings, self._orders.attempt_id)
                await asyncio.to_thread(clear_scratch, folder)
        except (Superseded, LeaseLost) as error:
            return f"superseded: {error}"
        except (JournalError, OperationalError):
            # The worker tries again a little later; nothing can be said in a journal that does not listen.
            raise
        except QdeckError as error:
            return await self._stand_still(error)
        except Exception as error:
            _log.exception("%s failed", self._orders.attempt_id)
            return await self._fail(_unexpected(error, self._state, self._shop))

    async def give_up(self, why: str) -> None:
        """Fail the workflow: this attempt broke off again and again."""
        text = f"An attempt of {state_title(self._state)} broke off again and again ({short(why)})."
        try:
            await self._fail(f"{text} The details are in {self._shop.settings.paths.worker_log}.")
        except Exception:
            _log.exception("%s cannot even be failed", self._orders.attempt_id)

    async def _run(self) -> str:
        workflow = await self._orders.workflow()
        files = await open_files(self._shop, workflow, self._orders)
        if workflow.attempt_phase is not AttemptPhase.ENDED:
            inheritance = Inheritance(self._shop.journal, self._orders, files.repository)
            await inheritance.keep_checkpoints(workflow)
            await files.bring_back(workflow)
            await files.begin(workflow)
            await inheritance.check()
            if workflow.attempt_phase is AttemptPhase.DUE and workflow.state is not State.IMPLEMENTATION:
                # Between two attempts nobody of ours writes; who did decided on another tree than there is.
                await keep_foreign_edit(files, await self._orders.workflow(), self._orders)
            await self._begin()
        scene = await set_scene(self._shop, workflow, self._lease, self._orders, files)
        if workflow.state is State.DEPLOYMENT:
            return await Deployment(scene, self._close).run()
        return await self._play(scene)

    async def _begin(self) -> None:
        await self._orders.give(
            f"begin:{self._lease}",
            BeginAttempt,
            state=self._state,
            number=self._number,
            executor=self._shop.executor,
        )

    def _close(self) -> None:
        """From here on only last commands are given; they are not torn apart."""
        self.closing = True

    async def _play(self, scene: Scene) -> str:
        """Let the role work, then carry its outcome into the journal."""
        proof = Proof(scene)
        report = await proof.report()
        context = await role_context(scene, await self._orders.workflow(), report, proof.check)
        await asyncio.to_thread(
            check_model, context.model, context.api_base, request=context.workflow.request
        )
        outcome = await work(context)
        if not keeps_attempt(outcome):
            await scene.files.checkpoint("end", scene.steps)
        self._close()
        return await Conclusion(scene).take(outcome)

    async def _stand_still(self, error: QdeckError) -> str:
        _log.warning("%s stands still: %s", self._orders.attempt_id, error)
        if isinstance(error, ModelError):
            return await self._fail(str(error), order_for(error.fault))
        return await self._fail(str(error))

    async def _fail(self, reason: str, order: Order = Order.FAIL) -> str:
        try:
            workflow = await self._orders.workflow()
            if workflow.condition is Condition.ACTIVE:
                await self._orders.give(
                    f"{order.value}:{self._lease}", SetCondition, order=order, reason=reason_of(reason)
                )
        except Superseded as error:
            return f"superseded: {error}"
        return order.value


def _unexpected(error: Exception, state: State, shop: Shop) -> str:
    what = short(f"{type(error).__name__}: {error}")
    if isinstance(error, OSError):
        what = f"the system says: {short(error.strerror or str(error))}"
    return (
        f"Something unexpected stopped {state_title(state)} ({what}). Nothing is lost. "
        f"The details are in {shop.settings.paths.worker_log}."
    )
