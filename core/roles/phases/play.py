"""The shape of a state's play, and the tools that every role has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.roles.briefs import Block
from core.roles.context import RoleContext
from core.roles.tools.base import Tool
from core.roles.tools.files import HISTORY, LIST, READ
from core.roles.tools.search import SEARCH

LOOK = (READ, SEARCH, LIST, HISTORY)
"""Every role may look at everything in the worktree."""


@dataclass(frozen=True, slots=True)
class Play:
    """What a state gives its role: `tools` to act with, `blocks` to read first, `submits` to hand in with."""

    tools: Callable[[RoleContext], tuple[Tool, ...]]
    blocks: Callable[[RoleContext], Awaitable[list[Block]]]
    submits: str = ""
