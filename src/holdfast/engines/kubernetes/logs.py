"""What the pods of an object write: the last lines of each container, and what follows, through restarts and replaced pods.

A stream that breaks is taken up again from the time of the last line that was told; a pod that comes later is read from its first line.
Each line comes with its source (`kubernetes.pod.source_of`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from holdfast.engines.kubernetes.answer import Gone, NotFound
from holdfast.engines.kubernetes.client import Client, Object
from holdfast.engines.kubernetes.pods import Pods
from holdfast.errors import EngineError
from holdfast.kit.clock import Clock
from holdfast.kit.log_position import LogPosition
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.kubernetes.pod import run_of, source_of, started
from holdfast.model.ids import ResourceId

QUEUE = 256
AGAIN_S = 1.0
"""After a watch or a stream that broke."""
LOOK_AGAIN_S = 5.0
LONGEST_LINE = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """`lines`: how many of each container to begin with; `since`: only what was written from that instant on."""

    lines: int | None
    since: float | None = None


class PodLogs:
    def __init__(self, clients: Callable[[ResourceId], Client], *, clock: Clock, crashed: Callable[[str, BaseException], None]) -> None:
        self._clients = clients
        self._clock = clock
        self._crashed = crashed

    async def tail(self, id: ResourceId, extent: Extent) -> AsyncGenerator[tuple[str, str], None]:
        """Yield source and text of what is there, one container after another."""
        client = self._clients(id)
        for pod in await Pods(client, id).found():
            for container in started(pod):
                async with aclosing(_read(client, pod, container, LogPosition(), extent, follow=False)) as lines:
                    async for line in lines:
                        yield line

    async def follow(self, id: ResourceId, extent: Extent) -> AsyncGenerator[tuple[str, str], None]:
        """Yield what `tail` yields and then what comes, as it comes. Close it when done."""
        following = _Following(self._clients(id), id, extent, self._clock)
        async with Tasks(on_crash=self._crashed) as tasks:
            following.tasks = tasks
            await following.begin()
            tasks.start(f"pods of {id}", following.watch(), guard=True)
            try:
                while True:
                    yield await following.queue.get()
            finally:
                await tasks.stop()


@dataclass(slots=True)
class _Following:
    client: Client
    id: ResourceId
    extent: Extent
    clock: Clock
    tasks: Tasks = field(init=False)
    queue: asyncio.Queue[tuple[str, str]] = field(default_factory=lambda: asyncio.Queue(QUEUE))
    _pods: dict[str, Object] = field(default_factory=dict)
    """By uid, as last seen."""
    _bells: dict[str, Wakeup] = field(default_factory=dict)
    _version: str = ""
    _source: Pods = field(init=False)

    async def begin(self) -> None:
        """Look once, and raise what is wrong with the question."""
        self._source = Pods(self.client, self.id)
        await self._look(self.extent)

    async def watch(self) -> None:
        """Keep up with the pods; a watch that breaks is begun again by a look."""
        while True:
            with suppress(EngineError, Gone):
                async with self._source.watch(self._version) as events:
                    async for verb, pod in events:
                        if verb != "BOOKMARK" and await self._source.accepts(pod):
                            self._news(pod, Extent(lines=None), is_gone=verb == "DELETED")
            await self.clock.sleep(AGAIN_S)
            with suppress(EngineError):
                await self._look(Extent(lines=None))

    async def _look(self, extent: Extent) -> None:
        pods = await self._source.found()
        self._version = self._source.version
        for pod in pods:
            self._news(pod, extent)
        here = {pod["metadata"]["uid"] for pod in pods}
        for uid in self._pods.keys() - here:
            self._news(self._pods[uid], extent, is_gone=True)

    def _news(self, pod: Object, extent: Extent, *, is_gone: bool = False) -> None:
        uid = str(pod["metadata"]["uid"])
        if is_gone:
            self._pods.pop(uid, None)
        else:
            self._pods[uid] = pod
            for container in started(pod):
                name = f"log of {uid} {container}"
                if name not in self._bells:
                    self._bells[name] = Wakeup()
                    self.tasks.start(name, self._stream(uid, pod, container, extent, self._bells[name]), guard=True)
        for name, bell in self._bells.items():
            if name.startswith(f"log of {uid} "):
                bell.wake()

    async def _stream(self, uid: str, pod: Object, container: str, extent: Extent, bell: Wakeup) -> None:
        """Tell the lines of one container until its pod is gone, through its restarts."""
        position = LogPosition()
        while True:
            run, _ = run_of(self._pods.get(uid, pod), container)
            is_broken = False
            try:
                async with aclosing(_read(self.client, pod, container, position, extent, follow=True)) as lines:
                    async for line in lines:
                        await self.queue.put(line)
            except NotFound:
                return
            except EngineError:
                is_broken = True
            extent = Extent(lines=None, since=extent.since)
            while True:
                if uid not in self._pods:
                    return
                now, is_running = run_of(self._pods[uid], container)
                if now != run or (is_broken and is_running):
                    break
                await bell.wait_until(asyncio.get_running_loop().time() + LOOK_AGAIN_S)
                is_broken = is_broken or is_running
            if is_broken:
                await self.clock.sleep(AGAIN_S)


async def _read(
    client: Client, pod: Object, container: str, position: LogPosition, extent: Extent, *, follow: bool
) -> AsyncGenerator[tuple[str, str], None]:
    metadata, source = pod["metadata"], source_of(pod, container)
    at = position.begin()[:19]  # the server can be asked for lines since a second, no finer
    since = f"{at}Z" if at else _instant(extent.since) if extent.since is not None else None
    async with client.log(metadata["namespace"], metadata["name"], container, follow=follow, tail=extent.lines, since=since) as lines:
        async for line in lines:
            text = position.take(line[:LONGEST_LINE].decode(errors="replace").rstrip("\r"))
            if text is not None:
                yield source, text


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
