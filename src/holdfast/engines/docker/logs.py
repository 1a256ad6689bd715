"""What containers write, for people: the last lines, and what follows, through restarts, replacements and an engine that goes away.

A stream that breaks is taken up again from the time of the last line that was told, so that nothing is told twice and nothing is left out;
a replacement is read from its first line. Implements `model.ports.Logs` for the kind Container.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Protocol

from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.reading import read
from holdfast.errors import EngineError
from holdfast.kit.clock import Instant
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId

OF_ONE_TIME = 20
"""More lines are not written within one nanosecond."""
LOOK_AGAIN_S = 5.0
"""A safety net: news say when there is more to read."""
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z ?")


class Containers(Protocol):
    """The engine, as far as logs need it."""

    def container_of(self, id: ResourceId) -> tuple[DockerHost, str] | None: ...

    def watch(self) -> AsyncIterator[ResourceId]: ...

    async def tail(self, id: ResourceId, lines: int) -> tuple[str, ...]: ...


class Position:
    """How far one container's lines were told: the time of the last, and how many of that very time."""

    def __init__(self) -> None:
        self._at = ""
        self._told = 0
        self._skipped = 0

    def query(self, *, follow: bool) -> dict[str, str | int | bool]:
        """Begin to read again, and return what to ask for: what was told of the last time comes once more, and is passed over."""
        self._skipped = 0
        found = _STAMP.match(self._at)
        asked: dict[str, str | int | bool] = {"follow": follow, "timestamps": True}
        if found is not None:  # as the engine wants it: seconds since 1970
            asked["since"] = f"{int(datetime.fromisoformat(found[1] + '+00:00').timestamp())}.{found[2]}"
        return asked

    def take(self, line: str) -> str | None:
        """Return the text of a line that comes with its time, None where it was told before."""
        found = _STAMP.match(line)
        if found is None:
            return line  # cut at its beginning, since it is very long
        at = found[0].strip()
        if at < self._at:
            return None
        if at == self._at:
            if self._skipped < self._told:
                self._skipped += 1
                return None
            self._told += 1
            self._skipped = self._told
        else:
            self._at, self._told, self._skipped = at, 1, 1
        return line[found.end() :]


class ContainerLogs:
    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    async def tail(self, id: ResourceId, lines: int, since: Instant | None = None) -> tuple[str, ...]:
        if since is None or not lines:
            return await self._containers.tail(id, lines) if lines else ()
        found = self._containers.container_of(id)
        with suppress(EngineError, ValueError):
            if found is not None:
                return tuple([line async for line in read(*found, {"tail": lines, "since": f"{since:.9f}"})])
        return ()

    async def follow(self, id: ResourceId) -> AsyncGenerator[str, None]:
        """Yield what is written from now on. Close it when done."""
        bell, loop = Wakeup(), asyncio.get_running_loop()
        serving, position = await self._here(id)
        async with Tasks() as tasks:
            tasks.start("news", self._ring(id, bell))
            try:
                while True:
                    found = self._containers.container_of(id)
                    if found is not None:
                        if found[1] != serving:
                            serving, position = found[1], Position()
                        with suppress(EngineError, ValueError):
                            async with aclosing(read(*found, position.query(follow=True))) as lines:
                                async for line in lines:
                                    if (text := position.take(line)) is not None:
                                        yield text
                    await bell.wait_until(loop.time() + LOOK_AGAIN_S)
            finally:
                await tasks.stop()

    async def _here(self, id: ResourceId) -> tuple[str | None, Position]:
        """Return what serves now, and the position behind its last line."""
        found, position = self._containers.container_of(id), Position()
        if found is None:
            return None, position
        with suppress(EngineError, ValueError):
            async with aclosing(read(*found, {"tail": OF_ONE_TIME, "timestamps": True})) as lines:
                async for line in lines:
                    position.take(line)
        return found[1], position

    async def _ring(self, id: ResourceId, bell: Wakeup) -> None:
        async for changed in self._containers.watch():
            if changed == id:
                bell.wake()
