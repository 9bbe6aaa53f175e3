"""Keeping the process small: what the C library's allocator and the collector of garbage hold without need.

Opening the journal imports a few hundred modules in a thread. With an arena of its own for every thread, as
glibc has it, that leaves seven megabytes of holes; what was read from compiled modules leaves four more.
Elsewhere than with glibc nothing is done about that.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LARGE = 128 * 1024
"""Bytes from which a block is a mapping of its own, which goes when it is freed. glibc begins with this, but
takes more and more into the heap once it has seen larger ones go."""


def begin() -> None:
    """The process is the app's alone from here on: call it before the first thread."""
    # Half of the imports' garbage collections would happen before the first frame; `end_of_start` goes on.
    gc.disable()
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.mallopt(_M_TRIM_THRESHOLD, _LARGE)


def end_of_start() -> None:
    """Collect garbage from now on, and never look again through what is there.

    Only after `begin`: what is frozen stays for good, and anywhere else that would be every app that has run.
    """
    # What the start has left behind goes first, before anything grows around it.
    gc.collect()
    gc.enable()
    gc.freeze()


def settle() -> None:
    """What has come since the start stays too, and later garbage is looked for less often.

    All of it only where a quarter of what is not frozen is new, so that is counted from here.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(1_000, 5, 20)


def give_back() -> None:
    """Forget how wide long gone texts were, and give pages that are not used back to the system.

    Rich keeps thousands of texts with their widths, and twenty thousand with their halves.
    """
    from rich.cells import cached_cell_len
    from rich.segment import Segment

    for cache in (cached_cell_len, Segment._split_cells):
        cache.cache_clear()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
