"""The door to the edge: an engine for its kinds that makes the edge when one of them is first wanted, or was there before.

A house without Sites has no nginx, no cryptography and none of their memory (decision 0011).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import Protocol

from holdfast.api.service import Data, EdgeService
from holdfast.app.certificates import Behind
from holdfast.errors import Unavailable, UsageError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.ports import Engine
from holdfast.model.proof import Claim
from holdfast.model.resource import Resource

KINDS: Mapping[str, str] = MappingProxyType({"Certificate": "acme", "SitePart": "nginx", "Edge": "nginx"})
"""Kind → the engine behind the door."""


class Rooms(Behind, Protocol):
    """What is behind the door (`app.edge.Edge`)."""

    engines: tuple[Engine, ...]
    answers: EdgeService

    async def start(self) -> None: ...

    async def run(self) -> None: ...

    async def aclose(self) -> None: ...

    async def look(self, claim: Claim, target: Mapping[str, Json]) -> tuple[bool, str]: ...

    def services_changed(self) -> None: ...

    async def services_served(self, service: str) -> None: ...


class EdgeDoor:
    """`make` makes the edge; `was_there` says whether an earlier daemon had one."""

    def __init__(self, *, make: Callable[[], Awaitable[Rooms]], was_there: Callable[[], bool]) -> None:
        self._make = make
        self._was_there = was_there
        self._rooms: Rooms | None = None
        self._turn = asyncio.Lock()
        self._opened = asyncio.Event()
        self.engines: tuple[BehindDoor, ...] = tuple(BehindDoor(self, name) for name in sorted(set(KINDS.values())))

    @property
    def rooms(self) -> Rooms | None:
        """Return the edge, None while nobody wanted one."""
        return self._rooms

    async def open(self) -> Rooms:
        """Return the edge, made and begun now if need be. Raises what that raises."""
        async with self._turn:
            if self._rooms is None:
                rooms = await self._make()
                await rooms.start()
                self._rooms = rooms
                self._opened.set()
            return self._rooms

    async def opened(self) -> Rooms:
        """Wait until somebody wants an edge."""
        await self._opened.wait()
        assert self._rooms is not None
        return self._rooms

    async def start(self) -> None:
        if self._was_there():
            await self.open()

    async def run(self) -> None:
        """Run the edge from the moment that it is wanted, until cancelled."""
        rooms = await self.opened()
        await rooms.run()

    async def aclose(self) -> None:
        if self._rooms is not None:
            await self._rooms.aclose()

    def services_changed(self) -> None:
        if self._rooms is not None:
            self._rooms.services_changed()

    async def services_served(self, service: str) -> None:
        """Return once requests for a service go to the addresses that are held for it now."""
        if self._rooms is not None:
            await self._rooms.services_served(service)

    async def look(self, claim: Claim, target: Mapping[str, Json]) -> tuple[bool, str]:
        """Look at what a Site claims. Raises `EngineError` where nobody answers."""
        if self._rooms is None:
            raise Unavailable("HF3190", f"cannot visit {target.get('server_name')}: the edge serves nobody")
        return await self._rooms.look(claim, target)


class DoorAnswers:
    """Implements `api.service.EdgeService`: while nobody wanted an edge there is none."""

    def __init__(self, door: EdgeDoor) -> None:
        self._door = door

    async def shown(self) -> Data:
        return {"nginx": None, "sites": []} if (rooms := self._door.rooms) is None else await rooms.answers.shown()

    async def forecast(self, changes: Mapping[ResourceId, Resource | None]) -> Data | None:
        concerned = {id: resource for id, resource in changes.items() if id.kind in KINDS}
        if not any(KINDS[id.kind] == "nginx" for id in concerned):
            return None
        if (rooms := self._door.rooms) is None:
            return {"start": True, "reload": False, "diff": "", "closes": None, "refused": []}
        return await rooms.answers.forecast(concerned)

    async def looked(self) -> Data:
        return {"looks": []} if (rooms := self._door.rooms) is None else await rooms.answers.looked()

    async def close(self, site: str, how: str, person: str, message: str, until: Instant | None) -> Data:
        return await self._rooms(site).answers.close(site, how, person, message, until)

    async def open(self, site: str, how: str, person: str) -> Data:
        return await self._rooms(site).answers.open(site, how, person)

    def _rooms(self, site: str) -> Rooms:
        if (rooms := self._door.rooms) is None:
            raise UsageError("HF7010", f"cannot find Site {site}: it is not served here", hint="there is none")
        return rooms


class BehindDoor:
    """Implements ports.Engine for one engine of the edge: while there is none, all of it is absent."""

    def __init__(self, door: EdgeDoor, name: str) -> None:
        self.name = name
        self.kinds = frozenset(kind for kind, engine in KINDS.items() if engine == name)
        self._door = door

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        if self._door.rooms is None:
            return Live(observed={id: Observation(state=None) for id in ids})
        return await self._engine(self._door.rooms).observe(ids)

    async def apply(self, step: Step) -> None:
        if self._door.rooms is None and step.verb is StepVerb.DELETE:
            return
        await self._engine(await self._door.open()).apply(step)

    async def watch(self) -> AsyncIterator[ResourceId]:
        engine = self._engine(await self._door.opened())
        async for id in engine.watch():
            yield id

    def _engine(self, rooms: Rooms) -> Engine:
        return next(engine for engine in rooms.engines if engine.name == self.name)
