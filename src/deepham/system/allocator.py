"""Memory that one training step frees is what the next one takes: it is not given back to the system in between."""

from __future__ import annotations

import ctypes
import gc

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # of malloc.h
NEW_OBJECTS = 50_000  # Python's own 700 is reached hundreds of times in the imports alone


def collect_seldom() -> None:
    """Have Python look for cycles that nobody holds after many more new objects than usual, for the rest of the
    process. What is imported stays, and to look through it again and again takes a tenth of the time of all imports."""
    gc.set_threshold(NEW_OBJECTS, 20, 100)


def keep_freed_memory() -> None:
    """Ask the C library to keep freed memory, for the rest of the process; nothing where it is not glibc.

    A step allocates and frees tensors of some megabytes at the top of the heap. By default glibc returns them to the
    system each time, which then has to hand over, zeroed, one page after another: a fifth of the time of a step. Nobody
    can ask for the settings as they were, so this is for processes of our own, not for `deepham.solve` in somebody's.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError, OSError):
        return
    mallopt(TRIM_THRESHOLD, 2**31 - 1)
    # large tensors from the heap, too: those that the system maps are given back when they are freed
    mallopt(MMAP_MAX, 0)
