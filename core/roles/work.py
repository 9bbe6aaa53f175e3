"""The one way into the roles: play one attempt of one role in one state."""

from __future__ import annotations

from core.machine.states import actor_in
from core.roles.context import RoleContext
from core.roles.loop import Attempt
from core.roles.outcomes import Outcome


async def work(context: RoleContext) -> Outcome:
    """Play the attempt that `context` describes and return how it ended.

    Model, sandbox and project troubles come back as `Failed`; what the engine's own callbacks raise passes
    through.
    """
    if context.role is not actor_in(context.state):
        raise ValueError(f"{context.role.value} does not act in {context.state.value}")
    return await Attempt(context).play()
