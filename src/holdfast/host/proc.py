"""What the kernel says of processes (proc(5)): who they are, where they stand, what they use. Nothing here signals or waits.

Used by the process engine to compare what runs with what was started. A process that is gone, or that we may not look at, is None.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = "/proc"
STOPPED = "T"
"""State letter of a process that a signal stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """Of /proc/<pid>/stat: state letter, group, session, start time in clock ticks since boot. Identity = pid, start time, boot id."""

    pid: int
    state: str
    group: int
    session: int
    start_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A working directory: the name it goes by now (with ` (deleted)` where it has none), and what it is."""

    path: str
    device: int
    inode: int


def boot_id() -> str:
    """Return the id of this boot of the kernel."""
    return Path(PROC, "sys/kernel/random/boot_id").read_text().strip()


def stat(pid: int) -> Stat | None:
    try:
        with open(f"{PROC}/{pid}/stat", "rb") as file:
            return parse_stat(file.read())
    except OSError:
        return None


def parse_stat(line: bytes) -> Stat:
    """Return the fields of a stat line. The command may hold spaces and parentheses, so reading begins after the last one."""
    before, _, after = line.rpartition(b")")
    words = after.split()
    return Stat(
        pid=int(before.split(b" ", 1)[0]), state=words[0].decode(), group=int(words[2]), session=int(words[3]), start_time=int(words[19])
    )


def is_same(pid: int, start_time: int) -> bool:
    """Say whether the process that had this start time still has this pid, and has not ended."""
    found = stat(pid)
    return found is not None and found.start_time == start_time and found.state not in "ZX"


def folder(pid: int) -> Folder | None:
    """Return the working directory of a process, also where it was moved or deleted under it."""
    try:
        path = os.readlink(f"{PROC}/{pid}/cwd")
        found = os.stat(f"{PROC}/{pid}/cwd")
    except OSError:
        return None
    return Folder(path=path, device=found.st_dev, inode=found.st_ino)


def uid(pid: int) -> int | None:
    """Return the effective uid."""
    row = _status(pid).get("Uid")
    return int(row.split()[1]) if row else None


def _status(pid: int) -> Mapping[str, str]:
    try:
        with open(f"{PROC}/{pid}/status") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except (OSError, UnicodeDecodeError):
        return {}


def open_files_limit(pid: int) -> int | None:
    """Return the hard limit of open files; None where it is unlimited or not told."""
    try:
        with open(f"{PROC}/{pid}/limits") as file:
            row = next((line for line in file if line.startswith("Max open files")), "")
    except OSError:
        return None
    words = row.split()
    return int(words[4]) if len(words) > 4 and words[4].isdigit() else None


def memory_of_groups(groups: Collection[int]) -> dict[int, int]:
    """Return the proportional set size in bytes of each process group, in one walk over /proc.

    PSS shares what forked workers share; where the kernel does not tell it (another user's process), resident size stands in.
    """
    used = dict.fromkeys(groups, 0)
    for pid in _pids():
        found = stat(pid)
        if found is not None and found.group in used:
            used[found.group] += _pss(pid)
    return used


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What the processes of a session use: seconds of CPU since they began, bytes of memory (PSS), bytes moved to and from disks."""

    cpu_s: float = 0.0
    memory: int = 0
    pids: int = 0
    read: int = 0
    written: int = 0


def used_by_sessions(sessions: Collection[int]) -> dict[int, Used]:
    """Return what each session uses, in one walk over /proc; a session of which nothing is there is left out."""
    found: dict[int, Used] = {}
    for pid in _pids():
        try:
            with open(f"{PROC}/{pid}/stat", "rb") as file:
                line = file.read()
        except OSError:
            continue
        session = parse_stat(line).session
        if session in sessions:
            before, (read, written) = found.get(session, Used()), _moved(pid)
            found[session] = Used(
                cpu_s=before.cpu_s + cpu_s(line),
                memory=before.memory + _pss(pid),
                pids=before.pids + 1,
                read=before.read + read,
                written=before.written + written,
            )
    return found


def cpu_s(line: bytes) -> float:
    """Return the seconds of CPU in a stat line, with those of children that ended."""
    words = line.rpartition(b")")[2].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def _moved(pid: int) -> tuple[int, int]:
    """Return the bytes that a process read from disks and wrote to them; 0 where we may not look."""
    try:
        with open(f"{PROC}/{pid}/io") as file:
            rows = dict(line.split(": ", 1) for line in file if ": " in line)
    except OSError:
        return 0, 0
    return int(rows.get("read_bytes", 0)), int(rows.get("write_bytes", 0))


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(PROC) if name.isdigit())


def _pss(pid: int) -> int:
    try:
        with open(f"{PROC}/{pid}/smaps_rollup") as file:
            row = next((line for line in file if line.startswith("Pss:")), None)
    except OSError:
        row = None
    return int(row.split()[1]) * 1024 if row else _rss(pid)


def _rss(pid: int) -> int:
    try:
        with open(f"{PROC}/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
