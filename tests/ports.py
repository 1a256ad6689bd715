"""Ports for programs that are told theirs before they bind it.

A port that the kernel gives may be given again before its program has it: to the other worker, or to a connection that goes out. So these
lie below the range of which the kernel takes such ports, each worker has a stretch of its own, and none is given twice until all were.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from itertools import chain, cycle
from pathlib import Path

FIRST, LAST = 10_000, 20_000
"""At least up to the last, even where the kernel gives its ports from lower on."""
WORKERS = 8
"""Among which the stretches are divided; a ninth worker shares the first one's."""


def _stretch() -> Iterator[int]:
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    size = (max(given, LAST) - FIRST) // WORKERS
    first = FIRST + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % WORKERS * size
    begun = first + os.getpid() * 97 % size  # another run on this machine begins elsewhere
    return chain(range(begun, first + size), range(first, begun))


_PORTS = cycle(_stretch())


def free_port() -> int:
    """Return a port that nobody on this host has bound."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
