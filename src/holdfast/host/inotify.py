"""Inotify: the kernel's word that something in a folder changed (inotify(7)). One descriptor, read by the event loop.

Knows nothing of Git or of configuration; callers watch folders, get names, and look for themselves. A queue that ran over says so with the
bit OVERFLOW and watch -1: then everything must be looked at.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from holdfast.errors import Unavailable

CLOSE_WRITE = 0x008
MOVED_FROM = 0x040
MOVED_TO = 0x080
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000
ONLYDIR = 0x0100_0000
IS_DIR = 0x4000_0000
CHANGES = CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
"""All that may change what a folder holds, without reads and without half-written files."""

_HEAD = struct.Struct("iIII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What happened: the watch that saw it, the bits above, and the name in the folder ("" is the folder itself)."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One inotify instance. For one reader."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            number = ctypes.get_errno()
            raise Unavailable(
                "HF3106", f"cannot watch files: {os.strerror(number)}", hint="raise fs.inotify.max_user_instances; until then it polls"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def add(self, folder: str | os.PathLike[str], mask: int = CHANGES) -> int | None:
        """Watch a folder and return the watch's number, the same one when it is watched already; None where there is no such folder."""
        watch: int = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), ctypes.c_uint32(mask | ONLYDIR))
        if watch >= 0:
            return watch
        number = ctypes.get_errno()
        if number in (errno.ENOENT, errno.ENOTDIR):
            return None
        hint = "raise fs.inotify.max_user_watches; until then it polls" if number == errno.ENOSPC else None
        raise Unavailable("HF3106", f"cannot watch {os.fspath(folder)}: {os.strerror(number)}", hint=hint)

    def drop(self, watch: int) -> None:
        """End a watch; one that the kernel ended already is no error."""
        self._libc.inotify_rm_watch(self._fd, watch)

    async def read(self) -> tuple[Notice, ...]:
        """Wait for notices and return all that are there, in order; never none."""
        while not (notices := self.drain()):
            await self._readable()
        return notices

    def drain(self) -> tuple[Notice, ...]:
        """Return what is there now, without waiting."""
        try:
            return tuple(notices_of(os.read(self._fd, 64 * 1024)))
        except BlockingIOError:
            return ()

    async def _readable(self) -> None:
        ready = asyncio.Event()
        with self.waking(ready.set):
            await ready.wait()

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake`, perhaps often, as soon as something is there to drain, while the block runs: for who waits for other things too."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._fd, wake)
        try:
            yield
        finally:
            loop.remove_reader(self._fd)


def notices_of(data: bytes) -> list[Notice]:
    """Decode what read(2) gave: whole records, each with a name padded by NULs."""
    notices: list[Notice] = []
    at = 0
    while at < len(data):
        watch, mask, _cookie, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        notices.append(Notice(watch=watch, mask=mask, name=os.fsdecode(data[at : at + length].rstrip(b"\0"))))
        at += length
    return notices
