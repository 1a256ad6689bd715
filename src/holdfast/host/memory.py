"""Memory: give back what is free. The allocator keeps pages that a burst of work has left half empty; an idle daemon should not."""

from __future__ import annotations

import ctypes
import gc
from asyncio import sslproto

YOUNG, MIDDLE = 10_000, 20
"""Objects until Python looks for cycles among the young, and how often it does until it looks among those that have lived a little."""
M_ARENA_MAX = -8
"""mallopt(3): at most so many heaps; each thread has one of its own otherwise."""


def use_one_heap() -> None:
    """Have threads that begin from now on share one heap. Nothing where the C library knows no such thing."""
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        mallopt(M_ARENA_MAX, 1)


def use_small_tls_buffers() -> None:
    """Have connections with TLS that begin from now on read in pieces of 64 KiB.

    asyncio gives each a buffer of 256 KiB for its life, of which four records of TLS (16 KiB, RFC 8446) are seldom waiting.
    """
    sslproto.SSLProtocol.max_size = 64 << 10


def look_for_cycles_seldom() -> None:
    """Have Python look for unreachable cycles less often: a burst of work makes many objects that stay, and looking at them took a twelfth
    of its time. What a burst leaves is collected when it is over (`give_back`)."""
    gc.set_threshold(YOUNG, MIDDLE)


def give_back() -> None:
    """Collect what is unreachable and return free pages to the kernel; some ten milliseconds."""
    gc.collect()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
