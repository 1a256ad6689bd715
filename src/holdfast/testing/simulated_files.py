"""Simulated files: a tree in memory behind the port `Files`, with a full disk, answers that are lost, and a daemon that dies in between.

Tests change the world (`put`, `link`, `folder`, `take`) behind everybody's back and read it (`entries`). Passes the contract of
`contracts.files`, as the real one does; which paths are plain is judged by the same code.
"""

from __future__ import annotations

import stat
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import NoReturn, Self

from holdfast.errors import Rejected, Unavailable
from holdfast.host.files import parts
from holdfast.kit.tasks import Wakeup
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.life import Life

TEMPORARY = ".holdfast-"
"""How the name of what is not yet renamed begins; a death may leave one behind."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """Implements ports.FileStatus. `data` is a file's content or where a link leads; a folder has none."""

    st_mode: int
    data: bytes = b""
    st_uid: int = 0
    st_gid: int = 0

    @property
    def st_size(self) -> int:
        return len(self.data)


@dataclass(slots=True, kw_only=True)
class SimulatedFiles:
    """The tree, by absolute path. `weather`: DISK_FULL, LOST_REPLY, BLIND and MISSED_NEWS strike here."""

    weather: Weather
    entries: dict[str, Entry] = field(default_factory=lambda: {"/": Entry(st_mode=stat.S_IFDIR | 0o755)})
    heard: list[Callable[[str], None]] = field(default_factory=list)
    """Told of every path that changed."""

    # The world

    def put(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Let somebody write a file."""
        self._set(path, Entry(st_mode=stat.S_IFREG | mode, data=data))

    def link(self, path: str, target: str) -> None:
        self._set(path, Entry(st_mode=stat.S_IFLNK | 0o777, data=target.encode()))

    def folder(self, path: str, *, mode: int = 0o755) -> None:
        """Make a folder and those above it, where they are not there."""
        for above in _line(path):
            if above not in self.entries:
                self._set(above, Entry(st_mode=stat.S_IFDIR | mode))

    def take(self, path: str) -> None:
        """Take away what is at a path, and all beneath it."""
        for gone in [other for other in self.entries if other == path or other.startswith(f"{path}/")]:
            del self.entries[gone]
            self._tell(gone)

    def _set(self, path: str, entry: Entry) -> None:
        self.entries[path] = entry
        self._tell(path)

    def _tell(self, path: str) -> None:
        for hear in self.heard:
            if not self.weather.strikes(Fault.MISSED_NEWS):
                hear(path)

    # The port

    def mounted(self, life: Life) -> MountedFiles:
        """Return the files as one life uses them."""
        return MountedFiles(files=self, life=life)


@dataclass(slots=True, kw_only=True)
class MountedFiles:
    """Implements ports.Files, with a boundary before, within and after each write: there the daemon may be killed."""

    files: SimulatedFiles
    life: Life

    def is_there(self, path: str) -> bool:
        return path in self.files.entries

    def open(self, path: str) -> SimulatedFolder:
        entry = self.files.entries.get(path)
        if entry is None or not stat.S_ISDIR(entry.st_mode):
            _absent("open", path) if entry is None else _in_the_way("open", path)
        return SimulatedFolder(files=self.files, life=self.life, path=path)


@dataclass(slots=True, kw_only=True)
class SimulatedFolder:
    """Implements ports.Folder."""

    files: SimulatedFiles
    life: Life
    path: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def stat(self, relative: str) -> Entry | None:
        path = self._path(relative) if relative else self.path
        self._look("look at", path)
        return self.files.entries.get(path) if self._has_folder("look at", path) else None

    def read(self, relative: str, *, limit: int) -> bytes:
        path = self._path(relative)
        self._look("read", path)
        entry = self.files.entries.get(path) if self._has_folder("read", path) else None
        if entry is None:
            _absent("read", path)
        if stat.S_ISLNK(entry.st_mode):
            _in_the_way("read", path)
        if not stat.S_ISREG(entry.st_mode) or entry.st_size > limit:
            raise Rejected("HF3103", f"cannot read {path}: it is no plain file of at most {limit} bytes")
        return entry.data

    def write(self, relative: str, data: bytes, *, mode: int = 0o644, uid: int = -1, gid: int = -1) -> None:
        path, files = self._path(relative), self.files
        if mode & ~0o777:
            raise Rejected("HF3102", f"cannot write {path}: mode {mode:04o} asks for set-user-id, set-group-id or sticky")
        self.life.boundary()
        if not self._has_folder("write", path):
            _absent("write", path)
        if files.weather.strikes(Fault.DISK_FULL):
            raise Unavailable("HF3104", f"cannot write {path}: No space left on device")
        old = files.entries.get(path)
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise Unavailable("HF3104", f"cannot write {path}: Is a directory")
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/{TEMPORARY}{name}"
        files.entries[temporary] = Entry(st_mode=stat.S_IFREG | mode, data=data, st_uid=max(uid, 0), st_gid=max(gid, 0))
        self.life.boundary()
        files._set(path, files.entries.pop(temporary))
        self.life.boundary()
        self._answer("write", path)

    def make_folders(self, relative: str, *, mode: int = 0o755, uid: int = -1, gid: int = -1) -> None:
        path = self._path(relative)
        for above in _line(path):
            if len(above) <= len(self.path):
                continue
            entry = self.files.entries.get(above)
            if entry is None:
                self.life.boundary()
                self.files._set(above, Entry(st_mode=stat.S_IFDIR | mode, st_uid=max(uid, 0), st_gid=max(gid, 0)))
            elif not stat.S_ISDIR(entry.st_mode):
                _in_the_way("make folder", above)

    def remove(self, relative: str) -> bool:
        path = self._path(relative)
        self.life.boundary()
        entry = self.files.entries.get(path) if self._has_folder("remove", path) else None
        if entry is None:
            return False
        if stat.S_ISDIR(entry.st_mode):
            raise Unavailable("HF3104", f"cannot remove {path}: Is a directory")
        self.files.take(path)
        self.life.boundary()
        self._answer("remove", path)
        return True

    def _path(self, relative: str) -> str:
        return "/".join((self.path.rstrip("/"), *parts(relative)))

    def _has_folder(self, verb: str, path: str) -> bool:
        """Say whether the folder of `path` is there; refuse a link or a file that stands in its place."""
        if path == self.path:
            return True
        for above in list(_line(path))[:-1]:
            entry = self.files.entries.get(above)
            if entry is None:
                return False
            if not stat.S_ISDIR(entry.st_mode):
                _in_the_way(verb, path)
        return True

    def _look(self, verb: str, path: str) -> None:
        if self.files.weather.strikes(Fault.BLIND):
            raise Unavailable("HF3104", f"cannot {verb} {path}: Input/output error")

    def _answer(self, verb: str, path: str) -> None:
        if self.files.weather.strikes(Fault.LOST_REPLY):
            raise Unavailable("HF3104", f"cannot {verb} {path}: Input/output error")


@dataclass(slots=True, kw_only=True)
class SimulatedFileWatch:
    """Names each watched file that changed, as `host.file_watch` does: every file once at first."""

    files: SimulatedFiles
    _watched: set[str] = field(default_factory=set)
    _news: dict[str, None] = field(default_factory=dict)
    _bell: Wakeup = field(default_factory=Wakeup)

    def add(self, root: str, path: str) -> None:
        if path not in self._watched:
            self._watched.add(path)
            self._hear(path)

    def drop(self, path: str) -> None:
        self._watched.discard(path)

    async def changes(self) -> AsyncGenerator[str, None]:
        self._news = dict.fromkeys(sorted(self._watched))
        self.files.heard.append(self._hear)
        try:
            while True:
                while self._news:
                    path = next(iter(self._news))
                    del self._news[path]
                    if path in self._watched:
                        yield path
                await self._bell.wait()
        finally:
            self.files.heard.remove(self._hear)

    def _hear(self, path: str) -> None:
        """A folder that comes, goes or turns into something else is news of all beneath it."""
        for watched in sorted(self._watched):
            if watched == path or watched.startswith(f"{path}/"):
                self._news[watched] = None
                self._bell.wake()


def _line(path: str) -> Iterator[str]:
    """Yield each folder above an absolute path but the root of all, outermost first, then the path itself."""
    names = path.strip("/").split("/")
    return ("/" + "/".join(names[: depth + 1]) for depth in range(len(names)))


def _absent(verb: str, path: str) -> NoReturn:
    raise Unavailable("HF3104", f"cannot {verb} {path}: No such file or directory")


def _in_the_way(verb: str, path: str) -> NoReturn:
    raise Rejected("HF3101", f"cannot {verb} {path}: a link or a file stands where a folder is expected")
