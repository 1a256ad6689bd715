"""Log files of instances, read from their end: the last lines of one attempt, the tail of a resource, and what comes next.

One file per resource and slot, written by the program itself and rotated by the keeper (copy, then truncate), so they depend on no daemon.
"""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.model.ids import ResourceId

LAST_LINES = 50
"""How much of its output a failure carries."""
CHUNK = 64 * 1024
LONGEST_LINE = 4096
TAIL_LIMIT = 4 << 20
"""Bytes from the end in which lines are looked for."""


def file_of(folder: Path, id: ResourceId, slot: int, application: str) -> Path:
    """Return the log of a resource in a slot; a name of another namespace carries that (`~` and `@` are in no name)."""
    name = id.name if id.namespace == application else f"{id.namespace}~{id.name}"
    return folder / f"{name}@{slot}.log"


def files_of(folder: Path, id: ResourceId, application: str) -> tuple[Path, ...]:
    """Return the logs of a resource in every slot it was in, the one written to last at the end."""
    pattern = file_of(folder, id, 0, application).name.replace("@0.", "@*.")
    found = [(path.stat().st_mtime, path) for path in folder.glob(pattern) if path.is_file()]
    return tuple(path for _, path in sorted(found))


def size(path: Path | str) -> int:
    """Return how long a file is; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def part(path: Path | str, start: int, end: int | None = None, limit: int = CHUNK) -> bytes:
    """Return the last `limit` bytes at most between two offsets; one that was rotated meanwhile is read from its beginning."""
    try:
        with open(path, "rb") as file:
            length = os.fstat(file.fileno()).st_size
            stop = length if end is None or end > length else end
            begin = start if start <= stop else 0
            file.seek(max(begin, stop - limit))
            return file.read(stop - file.tell())
    except OSError:
        return b""


def lines_of(data: bytes, count: int) -> tuple[str, ...]:
    """Return the last `count` lines; what is no UTF-8 is replaced, what is very long is cut."""
    lines = data.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return tuple(line[:LONGEST_LINE].decode(errors="replace").rstrip("\r") for line in lines[-count:])


def since(path: Path | str, start: int, end: int | None = None) -> tuple[str, ...]:
    """Return the last lines that one attempt wrote."""
    return lines_of(part(path, start, end), LAST_LINES)


def tail(paths: tuple[Path, ...], count: int) -> tuple[str, ...]:
    """Return the last lines of several files, read as one after another; a freshly rotated one begins in its older part."""
    if count <= 0:
        return ()
    found: tuple[str, ...] = ()
    for path in reversed(paths):
        for name in (path, path.with_name(f"{path.name}.1")):
            if len(found) < count:
                found = (*lines_of(_end(name, count - len(found)), count - len(found)), *found)
    return found


def _end(path: Path, count: int) -> bytes:
    """Return enough of a file's end to hold `count` lines."""
    limit = CHUNK
    while True:
        data = part(path, 0, None, limit)
        if data.count(b"\n") > count or len(data) < limit or limit >= TAIL_LIMIT:
            return data
        limit *= 4


class Follower:
    """Reads what is appended to a file; a shrunken one was rotated, and is read from its beginning."""

    def __init__(self, path: Path, at: int) -> None:
        self.path = path
        self._at = at
        self._rest = b""

    def more(self) -> tuple[str, ...]:
        """Return the lines that were completed since the last call."""
        length = size(self.path)
        if length < self._at:
            self._at, self._rest = 0, b""
        if length == self._at:
            return ()
        data = self._rest + part(self.path, self._at, length, TAIL_LIMIT)
        self._at = length
        whole, _, self._rest = data.rpartition(b"\n")
        return lines_of(whole, whole.count(b"\n") + 1) if whole else ()
