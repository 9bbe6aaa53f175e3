"""Keeping the process small: what the C library's allocator holds on to without need.

Opening the journal imports a few hundred modules in a thread. With an arena of its own for every thread, as
glibc has it, that leaves seven megabytes of holes; what was read from compiled modules leaves four more.
Elsewhere than with glibc nothing is done.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8


def end_of_start() -> None:
    """Collect garbage from now on, and never look again through what is there.

    For a process that is the app's alone and has not collected any while it started. What is frozen stays for
    good: anywhere else it would keep every app that has run there.
    """
    # What the start has left behind goes first, before anything grows around it.
    gc.collect()
    gc.enable()
    gc.freeze()
    _share_arena()


def settle() -> None:
    """What has come since the start stays too, and later garbage is looked for less often."""
    gc.freeze()
    gc.set_threshold(2_000, 20, 50)


def _share_arena() -> None:
    """Let threads that start from now on share the main one's arena."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give pages that are not used back to the system."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
