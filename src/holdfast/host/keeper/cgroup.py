"""The cgroup of one child: kill all of it, and tell whether the kernel killed for memory. Version 2, and version 1 where it can be."""

from __future__ import annotations

import os
import signal

ROUNDS = 8
"""Without cgroup.kill a fork may slip through a walk; so the walk is repeated until it finds nobody new."""


def kill_all(procs: str) -> None:
    """SIGKILL every process of the cgroup whose cgroup.procs is given; never when we are in it ourselves."""
    folder = os.path.dirname(procs)
    if os.getpid() in members(procs):
        return
    try:
        with open(f"{folder}/cgroup.kill", "w") as file:
            file.write("1")
    except OSError:
        _walk(procs)


def _walk(procs: str) -> None:
    before: set[int] = set()
    for _ in range(ROUNDS):
        now = members(procs)
        if now <= before:
            return
        for pid in now:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        before |= now


def members(procs: str) -> set[int]:
    """Return the pids in a cgroup; empty when it is gone."""
    try:
        with open(procs) as file:
            return {int(word) for word in file.read().split()}
    except OSError:
        return set()


def oom_kills(procs: str | None) -> int:
    """Return how often the kernel killed in this cgroup for lack of memory; 0 when that is not told."""
    if procs is None:
        return 0
    folder = os.path.dirname(procs)
    for name in ("memory.events", "memory.oom_control"):
        try:
            with open(f"{folder}/{name}") as file:
                return parse_oom_kills(file.read())
        except OSError:
            continue
    return 0


def parse_oom_kills(table: str) -> int:
    """Return the `oom_kill` row of memory.events (v2) or memory.oom_control (v1)."""
    rows = (line.split() for line in table.splitlines())
    return next((int(row[1]) for row in rows if len(row) == 2 and row[0] == "oom_kill"), 0)
