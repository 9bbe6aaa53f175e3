"""Keeping the process small: what the C library's allocator holds on to without need.

Opening the journal imports a few hundred modules in a thread. With an arena of its own for every thread, as
glibc has it, that leaves seven megabytes of holes; what was read from compiled modules leaves four more.
Elsewhere than with glibc nothing is done.
"""

from __future__ import annotations

import contextlib
import ctypes

_M_ARENA_MAX = -8


def share_arena() -> None:
    """Let threads that start from now on share the main one's arena."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give pages that are not used back to the system."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
