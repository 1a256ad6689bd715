"""Answers that are kept by the digest of all that they were made of: in memory, and with a folder over a restart too.

What was used longest ago goes first. Laws: there are never more than `most`, nor do they have more than `most_bytes` together, neither in
memory nor in the folder, but for the one that came last; what cannot be read or written is not kept, and costs its making.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from holdfast.host.files import write_atomic


class Kept:
    """Keys are digests: they name files."""

    def __init__(self, folder: Path | None, *, most: int, most_bytes: int) -> None:
        self._folder = folder
        self._most = most
        self._most_bytes = most_bytes
        self._held: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        answer = self._held.get(key)
        if self._folder is not None:
            with suppress(OSError):
                path = self._folder / key
                os.utime(path)  # it is in use
                answer = answer if answer is not None else path.read_bytes()
        if answer is not None:
            self._hold(key, answer)
        return answer

    def put(self, key: str, answer: bytes) -> None:
        self._hold(key, answer)
        if self._folder is not None:
            with suppress(OSError):
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_atomic(self._folder / key, answer, mode=0o600)
                self._clear(self._folder)

    def _hold(self, key: str, answer: bytes) -> None:
        self._held[key] = answer
        self._held.move_to_end(key)
        size = sum(map(len, self._held.values()))
        while len(self._held) > 1 and (len(self._held) > self._most or size > self._most_bytes):
            size -= len(self._held.popitem(last=False)[1])

    def _clear(self, folder: Path) -> None:
        statuses = [(path.stat(), path) for path in folder.iterdir()]
        there = sorted(((status.st_mtime_ns, status.st_size, path) for status, path in statuses), reverse=True)
        size = 0
        for at, (_, each, path) in enumerate(there):
            size += each
            if at and (at >= self._most or size > self._most_bytes):
                path.unlink(missing_ok=True)
