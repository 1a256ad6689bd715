"""File watch: which of some files may have changed, by inotify on every folder between an allowed folder and the file.

For engines that own single files. Folders may go and come back: each is watched again as soon as the one above it says so. What cannot be
watched (no such allowed folder yet, inotify used up) is named every `poll_s` instead. Law: a change of a file that was added is named, at
least once, after it happened; never what changed, and perhaps what did not.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Self

from holdfast.errors import Unavailable
from holdfast.host.inotify import CHANGES, DELETE_SELF, IGNORED, MOVE_SELF, OVERFLOW, Inotify, Notice
from holdfast.kit.tasks import Wakeup

ATTRIB = 0x004
"""Mode, owner or link count changed (inotify(7))."""
MASK = CHANGES | ATTRIB
_GONE = DELETE_SELF | MOVE_SELF | IGNORED


class FileWatch:
    """Files by path. One reader at a time; `opens` makes the inotify instance."""

    def __init__(self, *, poll_s: float = 30.0, opens: Callable[[], Inotify] = Inotify) -> None:
        self._poll_s = poll_s
        self._opens = opens
        self._roots: dict[str, str] = {}
        self._new: set[str] = set()
        self._bell = Wakeup()

    def add(self, root: str, path: str) -> None:
        """Watch the file at `path`, which lies beneath the folder `root`; nothing happens where it is watched already."""
        if path not in self._roots:
            self._roots[path] = root
            self._new.add(path)
            self._bell.wake()

    def drop(self, path: str) -> None:
        self._roots.pop(path, None)

    async def changes(self) -> AsyncGenerator[str, None]:
        """Yield the path of each file that may have changed, every file once at first; several changes before the next turn are one."""
        self._new = set(self._roots)
        with _Folders(self._opens) as folders:
            while True:
                dirty = folders.news()
                if dirty or self._new or folders.is_stale(self._roots):
                    dirty |= folders.arm(self._roots) | self._new
                    self._new.clear()
                for path in sorted(dirty & self._roots.keys()):
                    yield path
                if not dirty and not await self._wait(folders):
                    for path in sorted(folders.blind & self._roots.keys()):
                        yield path
                    self._new |= folders.arm(self._roots)

    async def _wait(self, folders: _Folders) -> bool:
        """Wait for news; answer False where it is time to look at what cannot be watched."""
        deadline = asyncio.get_running_loop().time() + self._poll_s if folders.blind else None
        with folders.waking(self._bell.wake):
            return await self._bell.wait_until(deadline)


class _Folders:
    """The folders that are watched, and what their notices mean."""

    def __init__(self, opens: Callable[[], Inotify]) -> None:
        self._opens = opens
        self._inotify: Inotify | None = None
        self._beneath: dict[str, dict[str, set[str]]] = {}
        """Folder → name in it → the files that are it, or lie beneath it."""
        self._numbers: dict[str, int] = {}
        self._folders: defaultdict[int, set[str]] = defaultdict(set)
        self._files: frozenset[str] = frozenset()
        self.blind: set[str] = set()
        """Files that nothing tells of."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._inotify is not None:
            self._inotify.close()

    def waking(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        return nullcontext() if self._inotify is None else self._inotify.waking(wake)

    def is_stale(self, roots: dict[str, str]) -> bool:
        return self._files != roots.keys()

    def arm(self, roots: dict[str, str]) -> set[str]:
        """Watch every folder that is there and was not watched; return the files beneath those."""
        if self.is_stale(roots):
            self._files = frozenset(roots)
            self._beneath = _beneath(roots)
        self.blind = set()
        try:
            self._inotify = self._inotify or self._opens()
        except Unavailable:  # used up: until that is mended it polls
            self.blind = set(roots)
            return set()
        for folder in self._numbers.keys() - self._beneath.keys():
            self._forget(self._inotify, folder)
        changed = [folder for folder in sorted(self._beneath, key=len) if self._add(self._inotify, folder)]
        self.blind |= {path for path, root in roots.items() if root not in self._numbers}
        return {path for folder in changed for path in self._all(folder)}

    def _add(self, inotify: Inotify, folder: str) -> bool:
        """Watch a folder; say whether it is another one than before."""
        try:
            number = inotify.add(folder, MASK)
        except Unavailable:
            number = None
            self.blind |= self._all(folder)
        if number == self._numbers.get(folder):
            return False
        self._forget(inotify, folder)
        if number is not None:
            self._numbers[folder] = number
            self._folders[number].add(folder)
        return True

    def _forget(self, inotify: Inotify, folder: str) -> None:
        number = self._numbers.pop(folder, None)
        if number is None:
            return
        self._folders[number].discard(folder)
        if not self._folders[number]:
            del self._folders[number]
            inotify.drop(number)

    def news(self) -> set[str]:
        """Return the files that notices are about."""
        notices = self._inotify.drain() if self._inotify is not None else ()
        return {path for notice in notices for path in self._about(notice)}

    def _about(self, notice: Notice) -> Iterator[str]:
        if notice.mask & OVERFLOW:
            yield from self._files
        for folder in tuple(self._folders.get(notice.watch, ())):
            if notice.mask & _GONE:
                if notice.mask & IGNORED:
                    self._numbers.pop(folder, None)
                yield from self._all(folder)
            yield from self._beneath.get(folder, {}).get(notice.name, ())
        if notice.mask & IGNORED:
            self._folders.pop(notice.watch, None)

    def _all(self, folder: str) -> set[str]:
        return set().union(*self._beneath.get(folder, {}).values())


def _beneath(roots: dict[str, str]) -> dict[str, dict[str, set[str]]]:
    found: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path, root in roots.items():
        folder, name = os.path.split(path)
        found[folder][name].add(path)
        while folder != root and len(folder) > len(root):
            folder, name = os.path.split(folder)
            found[folder][name].add(path)
    return {folder: dict(names) for folder, names in found.items()}
