"""Releases: the files of an Application at a revision, written out for its processes, prepared once, sealed, and kept while needed.

    STATE/releases/<application>/<release id>/       what runs, read-only
    STATE/releases/<application>/<release id>.json   written last: this release is whole
    STATE/releases/<application>/.new-<release id>/  being written; a crash leaves it, the next export removes it
    STATE/data/<application>/                        the Application's own, writable, 0700

A release without its marker is half and is made again. Nothing is followed through a link: content from Git, and whatever `prepare` left,
is written, sealed and removed through descriptors. How a command is run is the caller's (`Run`); which files a tree may hold was decided
when it was read. Used by the release port of `controllers.sync`; one store for a state directory.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from holdfast.errors import EngineError, Rejected, TimedOut, Where
from holdfast.host import folders
from holdfast.host.files import FOLDER, Root, told
from holdfast.host.thread import in_thread
from holdfast.model.resource import Prepare
from holdfast.model.source import EXECUTABLE, LINK, Blob, Tree

LOG_LINES = 50
KEPT = 5
PASSABLE = 0o711
"""STATE and the folders above releases: whoever knows a name may pass, nobody may look around."""
PRIVATE = 0o700
SHARED_WITH_GROUP = 0o550
NEW = ".new-"
OLD = ".old-"
BATCH_FILES = 64
BATCH_BYTES = 4 << 20
"""Between two batches the event loop runs; one large blob is a batch of its own."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_RELEASE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a `prepare` command ended: its exit code, None where it was stopped at its time limit, and the last lines it wrote."""

    code: int | None
    lines: tuple[str, ...] = ()


Read: TypeAlias = Callable[[Collection[str]], Awaitable[Mapping[str, bytes]]]
"""Blob ids → contents (`Git.read` of one repository)."""
Run: TypeAlias = Callable[[Prepare, str], Awaitable[Ran]]
"""Run a command in an absolute folder as the run user, within `timeout_s`; raises `HoldfastError` where it cannot even start."""


class ReleaseStore:
    """All releases and data folders beneath a state directory, which is there and is the operator's."""

    def __init__(self, state: str | os.PathLike[str]) -> None:
        self._state = Path(state)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def path(self, application: str, release_id: str) -> Path:
        """Return where a release is or will be. Raises `Rejected` (HF4050) for names that are no plain ones."""
        return self._state / _folder_of(application) / _release(release_id)

    def is_whole(self, application: str, release_id: str) -> bool:
        """Say whether a release is written, prepared and sealed."""
        return self.path(application, release_id).is_dir() and self._marker(application, release_id).is_file()

    async def export(self, application: str, release_id: str, tree: Tree, exclude: Collection[str], read: Read) -> Path:
        """Write the blobs of `tree` but `exclude`, files 0644 or 0755, and return the folder; a release that is whole is left as it is.

        What is new is writable until `prepare` seals it. Raises `Unavailable` where the disk says no, and what `read` raises.
        """
        path = self.path(application, release_id)
        async with self._locks[application]:
            if self.is_whole(application, release_id):
                os.utime(self._marker(application, release_id))  # in use again: it is among the newest
                return path
            with self._opened(application) as root:
                await self._write_out(root, release_id, [blob for blob in _sorted(tree) if blob.path not in exclude], read)
        return path

    async def _write_out(self, root: Root, release_id: str, blobs: Sequence[Blob], read: Read) -> None:
        new = f"{NEW}{release_id}"
        await _remove(root, release_id, new)
        root.make_folders(new, mode=0o755)
        with Root(Path(root.path) / new) as release:
            for folder in sorted({blob.path.rpartition("/")[0] for blob in blobs} - {""}):
                release.make_folders(folder)
            for batch in _batches(blobs):
                _write(release, batch, await read({blob.id for blob in batch}))
            await in_thread(release.flush)
        _rename(root, new, release_id)

    async def prepare(
        self, application: str, release_id: str, prepares: Iterable[Prepare], run: Run, *, uid: int = -1, gid: int = -1
    ) -> None:
        """Run what makes an exported release ready, as its run user where one is given, then seal it; a whole release is left as it is.

        Sealed means read-only and nobody's to change: as root it becomes root's, readable by the group `gid` alone. Raises `EngineError`
        with the last 50 lines (HF4052 the command failed, HF4053 `TimedOut`) or `Rejected` (HF4051 not exported, HF4054 no such folder);
        where a step failed, the half release is gone.
        """
        path = self.path(application, release_id)
        async with self._locks[application]:
            if self.is_whole(application, release_id):
                return
            if not path.is_dir():
                raise Rejected("HF4051", f"cannot prepare release {release_id[:12]} of {application}: it was not exported")
            with self._opened(application) as root:
                try:
                    done = await self._prepared(root, application, release_id, prepares, run, uid, gid)
                    await self._seal(root, release_id, uid, gid)
                except BaseException:
                    await _remove(root, release_id)
                    raise
                marker = json.dumps({"release": release_id, "prepared": done}, indent=2).encode()
                root.write(f"{release_id}.json", marker, mode=0o600)

    async def _prepared(
        self, root: Root, application: str, release_id: str, prepares: Iterable[Prepare], run: Run, uid: int, gid: int
    ) -> list[list[str]]:
        done: list[list[str]] = []
        for prepare in prepares:
            if not done and (uid, gid) != (-1, -1):
                with root.folder() as fd:
                    await in_thread(folders.give, fd, release_id, uid=uid, gid=gid)
            folder = _working_dir(root, application, release_id, prepare)
            _judge(application, prepare, await run(prepare, folder))
            done.append(list(prepare.command))
        return done

    async def _seal(self, root: Root, release_id: str, uid: int, gid: int) -> None:
        is_shared = os.geteuid() == 0 and gid != -1
        with root.folder() as fd:
            if is_shared:
                await in_thread(folders.seal, fd, release_id, uid=0, gid=gid, maker=uid)
            else:
                await in_thread(folders.seal, fd, release_id)
        if is_shared:
            with told("seal", release_id), root.folder(release_id) as folder:
                os.fchmod(folder, SHARED_WITH_GROUP)

    async def keep(self, application: str, in_use: Collection[str], last: int = KEPT) -> frozenset[str]:
        """Remove releases that are neither `in_use` nor among the `last` that were exported or asked for most recently; return them."""
        async with self._locks[application]:
            if not (self._state / _folder_of(application)).is_dir():
                return frozenset()
            with self._opened(application) as root:
                whole = sorted(_whole(root), key=lambda found: found[1], reverse=True)
                spared = {release_id for release_id, _ in whole[:last]} | set(in_use)
                gone = [release_id for release_id, _ in whole if release_id not in spared]
                for release_id in gone:
                    await _remove(root, release_id)
                leavings = [name for name in os.listdir(root.path) if name.startswith((NEW, OLD))]
                await _remove(root, *leavings)
                return frozenset(gone)

    def data_dir(self, application: str, uid: int = -1, gid: int = -1) -> Path:
        """Return the Application's own folder, made and given to its run user where needed, 0700."""
        name = _application(application)
        with Root(self._state) as state:
            state.make_folders("data", mode=PASSABLE)
            relative = f"data/{name}"
            state.make_folders(relative, mode=PRIVATE, uid=uid, gid=gid)
            with told("open", relative), state.folder(relative) as fd:
                if (uid, gid) != (-1, -1):
                    os.fchown(fd, uid, gid)
                os.fchmod(fd, PRIVATE)
        return self._state / relative

    def _marker(self, application: str, release_id: str) -> Path:
        return self._state / _folder_of(application) / f"{_release(release_id)}.json"

    def _opened(self, application: str) -> Root:
        """Return the folder of an Application's releases, made where needed; every way to it is passable for run users."""
        folder = _folder_of(application)
        with Root(self._state) as state:
            state.make_folders(folder, mode=PASSABLE)
        return Root(self._state / folder)


def _write(release: Root, batch: Sequence[Blob], contents: Mapping[str, bytes]) -> None:
    for blob in batch:
        data = contents[blob.id]
        if blob.mode == LINK:
            release.link(blob.path, os.fsdecode(data))
        else:
            release.write(blob.path, data, mode=0o755 if blob.mode == EXECUTABLE else 0o644, sync=False)


def _batches(blobs: Iterable[Blob]) -> Iterator[list[Blob]]:
    batch: list[Blob] = []
    size = 0
    for blob in blobs:
        if batch and (len(batch) == BATCH_FILES or size + blob.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(blob)
        size += blob.size
    if batch:
        yield batch


def _sorted(tree: Tree) -> list[Blob]:
    return [tree.blobs[path] for path in sorted(tree.blobs)]


def _working_dir(root: Root, application: str, release_id: str, prepare: Prepare) -> str:
    relative = os.path.normpath(f"{release_id}/{prepare.working_dir}")
    try:
        if relative.split("/")[0] != release_id:
            raise Rejected("HF4054", "it leaves the release")
        os.close(root.open(relative, FOLDER))
    except (OSError, Rejected) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise Rejected(
            "HF4054",
            f"cannot prepare {application}: no folder {prepare.working_dir!r} in the release: {reason}",
            where=_where(prepare),
            hint="name a folder of the Application's path",
        ) from error
    return os.path.join(root.path, relative)


def _judge(application: str, prepare: Prepare, ran: Ran) -> None:
    """Raise where a command did not end with 0."""
    if ran.code == 0:
        return
    shown = " ".join(prepare.command)[:120]
    log = ran.lines[-LOG_LINES:]
    if ran.code is None:
        raise TimedOut(
            "HF4053",
            f"cannot prepare {application}: `{shown}` did not end within {prepare.timeout_s:g} s",
            where=_where(prepare),
            hint="read its last lines; it is tried again by itself",
            log=log,
        )
    raise EngineError(
        "HF4052",
        f"cannot prepare {application}: `{shown}` {_ending(ran.code)}",
        where=_where(prepare),
        hint="read its last lines, mend it and commit; it is tried again by itself too",
        log=log,
    )


def _ending(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"


def _where(prepare: Prepare) -> tuple[Where, ...]:
    origin = prepare.origin
    return (Where(path=origin.path, line=origin.line),) if origin else ()


def _whole(root: Root) -> Iterator[tuple[str, int]]:
    """Yield each release that has a marker, and when it was last asked for."""
    for name in os.listdir(root.path):
        release_id, dot, kind = name.partition(".")
        if dot and kind == "json" and _RELEASE.fullmatch(release_id) and (look := root.stat(name)) is not None:
            yield release_id, look.st_mtime_ns


async def _remove(root: Root, *names: str) -> None:
    """Remove releases, the marker first, so that no half one ever looks whole."""
    for name in names:
        root.remove(f"{name}.json")
        with root.folder() as fd:
            await in_thread(folders.remove, fd, name)


def _rename(root: Root, before: str, after: str) -> None:
    with told("rename", f"{root.path}/{before}"), root.folder() as fd:
        os.rename(before, after, src_dir_fd=fd, dst_dir_fd=fd)
        os.fsync(fd)


def _folder_of(application: str) -> str:
    return f"releases/{_application(application)}"


def _application(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Rejected("HF4050", f"cannot use Application name {name[:200]!r} as a folder: it is no plain name")
    return name


def _release(release_id: str) -> str:
    if not _RELEASE.fullmatch(release_id):
        raise Rejected("HF4050", f"cannot use release id {release_id[:80]!r}: it is not 64 hexadecimal digits")
    return release_id
