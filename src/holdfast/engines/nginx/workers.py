"""Workers: what the kernel says of the children of an nginx master (proc(5)). nginx writes into their titles what they are up to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from holdfast.engines.nginx.port import Master
from holdfast.host import proc

MASTER, WORKER, LEAVING = b"nginx: master process", b"nginx: worker process", b"is shutting down"


def master_of(pid: int, start_time: int) -> Master | None:
    """Return a master with its workers as they are now; None where that process has ended."""
    if not proc.is_same(pid, start_time):
        return None
    accepting: set[tuple[int, int]] = set()
    draining: set[tuple[int, int]] = set()
    for child in _children(pid):
        title, found = _title(child), proc.stat(child)
        if title.startswith(WORKER) and found is not None and found.state not in "ZX":
            (draining if LEAVING in title else accepting).add((child, found.start_time))
    return Master(pid=pid, start_time=start_time, accepting=frozenset(accepting), draining=frozenset(draining))


def is_master(pid: int) -> bool:
    return _title(pid).startswith(MASTER)


def _children(pid: int) -> Iterator[int]:
    try:
        yield from map(int, Path(proc.PROC, str(pid), "task", str(pid), "children").read_text().split())
    except OSError:
        return


def _title(pid: int) -> bytes:
    try:
        return Path(proc.PROC, str(pid), "cmdline").read_bytes()
    except OSError:
        return b""


def executable(pid: int, path: str) -> str:
    """Return what to run for what this process can do: `path`, or the process's own file where that one was replaced since."""
    own = f"{proc.PROC}/{pid}/exe"
    try:
        return path if os.path.samefile(own, path) else own
    except OSError:
        return path
