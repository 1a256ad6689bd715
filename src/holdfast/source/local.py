"""A repository of this host: where its references lie, and the kernel's word when they move.

Handles a working tree (`.git` folder), a bare repository, and a linked worktree, whose `.git` is a file that names a folder
(gitrepository-layout(5)). Git renames a lock file over a reference, and that is the notice that counts. Knows nothing of mirrors; the
caller asks Git what really changed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass

from holdfast.errors import Unavailable
from holdfast.host import inotify
from holdfast.host.inotify import Inotify, Notice
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Wakeup

SETTLE_S = 0.004
"""A commit moves several files within about a millisecond; one hint for all of them."""
RETRY_S = 1.0
"""How often a folder that is no repository (yet, or any more) is looked at."""
BLIND_S = 2.0
"""How often a repository is asked where the kernel has no watch left."""
MOST_FOLDERS = 4096
FILES = frozenset({"HEAD", "packed-refs", "refs", "reftable", "commondir"})
"""What in a repository's own folder says that a reference moved; `index`, `logs`, COMMIT_EDITMSG and their like do not."""
GONE = inotify.DELETE_SELF | inotify.MOVE_SELF | inotify.OVERFLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where HEAD is, and where the branches are; the same but for a linked worktree."""

    own: str
    common: str


def folders_of(path: str) -> Folders | None:
    """Return the folders of the repository at `path`; None where there is none."""
    for candidate in (os.path.join(path, ".git"), path):
        own = _pointed(candidate) if os.path.isfile(candidate) else candidate
        if own and os.path.lexists(os.path.join(own, "HEAD")):
            return Folders(own=own, common=_common(own))
    return None


def _pointed(file: str) -> str | None:
    """Return the folder that a `.git` file names."""
    text = _first_line(file)
    if not text.startswith("gitdir: "):
        return None
    return os.path.normpath(os.path.join(os.path.dirname(file), text.removeprefix("gitdir: ")))


def _common(own: str) -> str:
    named = _first_line(os.path.join(own, "commondir"))
    return os.path.normpath(os.path.join(own, named)) if named else own


def _first_line(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            return lines.readline(4096).rstrip("\n").replace("\0", "")
    except OSError:
        return ""


class References:
    """The watched folders of one repository."""

    def __init__(self, notices: Inotify, path: str, folders: Folders) -> None:
        self._notices = notices
        self._paths: dict[int, str] = {}
        self._own = {folders.own, folders.common}
        self._top = path
        self._watch({path, *self._own})
        for folder in sorted(self._own):
            self._watch(_below(os.path.join(folder, "refs")))
            self._watch(_below(os.path.join(folder, "reftable")))

    def _watch(self, paths: Iterable[str]) -> None:
        for path in paths:
            if len(self._paths) < MOST_FOLDERS and (watch := self._notices.add(path)) is not None:
                self._paths[watch] = path

    def is_move(self, notice: Notice) -> bool:
        """Say whether a notice may mean that a reference moved, and follow new folders."""
        folder = self._paths.get(notice.watch)
        if folder is None or not notice.name or notice.name.endswith(".lock"):
            return False
        if (notice.name not in FILES) if folder in self._own else (folder == self._top):
            return False
        if notice.mask & inotify.IS_DIR and notice.mask & (inotify.CREATE | inotify.MOVED_TO):
            self._watch(_below(os.path.join(folder, notice.name)))
        return True

    def is_gone(self, notice: Notice) -> bool:
        """Say whether the repository itself went or is another one now, or notices were lost: then everything is looked for anew."""
        if notice.mask & inotify.OVERFLOW:
            return True
        folder = self._paths.get(notice.watch)
        if folder == self._top and notice.name == ".git":
            return True
        return bool(notice.mask & GONE) and (folder in self._own or folder == self._top)


def _below(folder: str) -> Iterator[str]:
    if os.path.isdir(folder):
        yield folder
        for path, inner, _ in os.walk(folder):
            yield from (os.path.join(path, name) for name in inner)


async def local_hints(path: str, *, clock: Clock, every_s: float) -> AsyncGenerator[None, None]:
    """Yield at once, whenever a reference of the repository at `path` moved, when it comes or goes, and every `every_s` in any case.

    The last is for file systems that send no notices. Where the kernel refuses to watch, the repository is asked every BLIND_S.
    """
    while True:
        found = folders_of(path)
        if found is None:
            yield
            while folders_of(path) is None:
                await clock.sleep(RETRY_S)
            continue
        try:
            with Inotify() as notices:
                references = References(notices, path, found)
                is_there = True
                while is_there:
                    yield
                    is_there = await _moved(notices, references, clock, every_s)
        except Unavailable:  # HF3106: the kernel's limits are used up, which is worth a delay but no outage
            yield
            await clock.sleep(BLIND_S)


async def _moved(notices: Inotify, references: References, clock: Clock, every_s: float) -> bool:
    """Return when there is something to look at; False where the repository must be looked for anew, which it is now and then."""
    bell = Wakeup()
    deadline = asyncio.get_running_loop().time() + every_s
    is_moved = False
    while not is_moved:
        with notices.waking(bell.wake):
            if not await bell.wait_until(deadline):
                return False
        told = notices.drain()
        moves = [references.is_move(notice) for notice in told]  # each is heard: new folders are followed
        if any(moves):
            await clock.sleep(SETTLE_S)
            more = notices.drain()
            moves += [references.is_move(notice) for notice in more]
            told += more
        if any(references.is_gone(notice) for notice in told):
            return False
        is_moved = any(moves)
    return True
