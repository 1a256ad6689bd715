"""Objects by id, through one long-lived `git cat-file --batch` for each mirror.

Serialised: one request at a time owns the pipe. Whatever goes wrong (a deadline, a cancellation, nonsense) ends the process, because the
pipe is then out of step; the next request starts another. Every object is hashed again: what is returned has the id that was asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import islice

from holdfast.errors import SourceError
from holdfast.source.command import Runner, last_words
from holdfast.source.failure import ANEW
from holdfast.source.limits import Limits

_NAME = re.compile(r"(?:[0-9a-f]{40}|refs/holdfast/[a-z]+/[0-9A-Za-z][0-9A-Za-z._-]*)(?:\^\{commit\})?")
_HEAD = re.compile(rb"([0-9a-f]{40}) (blob|tree|commit|tag) (\d{1,15})\n")
TOGETHER = 64
"""Names written before the answers are read: few enough that they fit the pipe's buffer, so that neither side waits for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    id: str
    kind: str
    data: bytes


class Objects:
    """Reads the objects of one mirror."""

    def __init__(self, runner: Runner, limits: Limits) -> None:
        self._runner = runner
        self._limits = limits
        self._lock = asyncio.Lock()
        self._running: tuple[asyncio.subprocess.Process, AbstractAsyncContextManager[asyncio.subprocess.Process], int] | None = None

    async def read(self, names: Sequence[str], *, limit: int) -> dict[str, Object]:
        """Return what is there of the named objects: an id or one of our own references, peeled with `^{commit}` where asked.

        Raises `SourceError`: HF4034 larger than `limit` bytes (it is not read), HF4017 out of time, HF4031 damaged.
        """
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"not an object's name: {name!r}")
        found: dict[str, Object] = {}
        async with self._lock:
            is_done = False
            try:
                async with asyncio.timeout(self._limits.read_s):
                    for batch in _batches(names, TOGETHER):
                        found.update(await self._twice(batch, limit))
                is_done = True
            except TimeoutError as error:
                raise SourceError(
                    "HF4017", f"cannot read {self._runner.subject}: git cat-file did not answer within {self._limits.read_s:.0f} s"
                ) from error
            finally:
                if not is_done:
                    await self._end()
        return found

    async def close(self) -> None:
        """End the process; a later read starts another."""
        async with self._lock:
            await self._end()

    async def _twice(self, names: Sequence[str], limit: int) -> dict[str, Object]:
        """Ask, and once more where the process had died since: somebody may have killed it while it was idle."""
        try:
            return await self._batch(names, limit)
        except (ConnectionError, asyncio.IncompleteReadError):
            await self._end()
        try:
            return await self._batch(names, limit)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise self._damaged("git cat-file ended early") from error

    async def _batch(self, names: Sequence[str], limit: int) -> dict[str, Object]:
        process = await self._process()
        assert process.stdin is not None
        process.stdin.write("".join(f"{name}\n" for name in names).encode())
        await process.stdin.drain()
        answers = {name: await self._answer(process, name, limit) for name in names}
        return {name: answer for name, answer in answers.items() if answer is not None}

    async def _answer(self, process: asyncio.subprocess.Process, name: str, limit: int) -> Object | None:
        assert process.stdout is not None
        line = await process.stdout.readuntil(b"\n")
        if line == f"{name} missing\n".encode():
            return None
        head = _HEAD.fullmatch(line)
        if head is None:
            raise self._damaged(f"git cat-file answered {line[:100]!r}")
        id, kind, size = head[1].decode(), head[2].decode(), int(head[3])
        if size > limit:
            raise SourceError("HF4034", f"cannot read {self._runner.subject}: {kind} {id} has {size} bytes, more than the limit of {limit}")
        data = (await process.stdout.readexactly(size + 1))[:-1]
        if object_id(kind, data) != id:
            raise self._damaged(f"object {id} has other content than its id says")
        return Object(id=id, kind=kind, data=data)

    def _damaged(self, what: str) -> SourceError:
        words = last_words(self._running[2]) if self._running else ""
        return SourceError(
            "HF4031",
            f"cannot read {self._runner.subject}: the mirror on this host is damaged ({what}{': ' + words if words else ''})",
            hint=ANEW,
        )

    async def _process(self) -> asyncio.subprocess.Process:
        if self._running and self._running[0].returncode is None:
            return self._running[0]
        await self._end()
        words = os.memfd_create("git-words", os.MFD_CLOEXEC)
        lent = self._runner.started("cat-file", "--batch", words=words, stdin=asyncio.subprocess.PIPE)
        try:
            process = await lent.__aenter__()
        except BaseException:
            os.close(words)
            raise
        self._running = (process, lent, words)
        return process

    async def _end(self) -> None:
        if self._running is None:
            return
        process, lent, words = self._running
        self._running = None
        if process.stdin is not None:
            process.stdin.close()
        try:
            await lent.__aexit__(None, None, None)
        finally:
            os.close(words)


def object_id(kind: str, data: bytes) -> str:
    """Return the id Git gives to an object (gitformat: SHA-1 over `kind size NUL content`)."""
    digest = hashlib.sha1(f"{kind} {len(data)}\0".encode(), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def _batches(names: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(names)
    while batch := list(islice(rest, size)):
        yield batch
