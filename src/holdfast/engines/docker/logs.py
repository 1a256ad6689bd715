"""What containers write, for people: the last lines, and what follows, through restarts, replacements and an engine that goes away.

A stream that breaks is taken up again from the time of the last line that was told, so that nothing is told twice and nothing is left out;
a replacement is read from its first line. Implements `model.ports.Logs` for the kind Container.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Protocol

from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.reading import read
from holdfast.errors import EngineError
from holdfast.kit.clock import Instant
from holdfast.kit.log_position import LogPosition
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId

OF_ONE_TIME = 20
"""More lines are not written within one nanosecond."""
LOOK_AGAIN_S = 5.0
"""A safety net: news say when there is more to read."""


class Containers(Protocol):
    """The engine, as far as logs need it."""

    def container_of(self, id: ResourceId) -> tuple[DockerHost, str] | None: ...

    def watch(self) -> AsyncIterator[ResourceId]: ...

    async def tail(self, id: ResourceId, lines: int) -> tuple[str, ...]: ...


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
                            serving, position = found[1], LogPosition()
                        with suppress(EngineError, ValueError):
                            async with aclosing(read(*found, _asked(position))) as lines:
                                async for line in lines:
                                    if (text := position.take(line)) is not None:
                                        yield text
                    await bell.wait_until(loop.time() + LOOK_AGAIN_S)
            finally:
                await tasks.stop()

    async def _here(self, id: ResourceId) -> tuple[str | None, LogPosition]:
        """Return what serves now, and the position behind its last line."""
        found, position = self._containers.container_of(id), LogPosition()
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


def _asked(position: LogPosition) -> dict[str, str | int | bool]:
    """Return what to ask for to go on from there: the engine wants seconds since 1970, and what was told of the last time comes again."""
    asked: dict[str, str | int | bool] = {"follow": True, "timestamps": True}
    if at := position.begin():
        second, _, nanoseconds = at.partition(".")
        asked["since"] = f"{int(datetime.fromisoformat(second + '+00:00').timestamp())}.{nanoseconds}"
    return asked
