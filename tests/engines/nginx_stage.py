"""An nginx engine on a simulated nginx, under virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from tests.real.process_house import FixedSecrets, MemoryRecords

from holdfast.engines.nginx.engine import NginxEngine
from holdfast.errors import EngineError
from holdfast.host.wire import Visit
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.testing.contracts.nginx import edge
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.simulated_nginx import SimulatedNginx

LIMIT_S = 120.0


def step(id: ResourceId, resource: Resource | None, number: int = 1) -> Step:
    verb = Verb.DELETE if resource is None else Verb.UPDATE
    change = Change(id=id, verb=verb, reason=Reason.DECLARED, before=None, after=resource.state if resource else None)
    operation = f"op{number}"
    return Step(operation=operation, verb=StepVerb.DELETE if resource is None else StepVerb.APPLY, change=change, resource=resource)


@dataclass
class Stage:
    """Implements the contract's NginxWorld on the simulated nginx."""

    nginx: SimulatedNginx
    records: MemoryRecords = field(default_factory=MemoryRecords)
    secrets: FixedSecrets = field(default_factory=FixedSecrets)
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bell = Wakeup()
        self._life = AsyncExitStack()
        self._operation = 0
        self.engine = self._made()

    def _made(self) -> NginxEngine:
        async def resolved(name: str) -> tuple[str, ...]:
            return self.names.get(name, ())

        return NginxEngine(
            nginx=self.nginx,
            wire=self.nginx,
            records=self.records,
            secrets=self.secrets,
            certificates=self.nginx,
            services=lambda service: self.held.get(service, ()),
            resolve=resolved,
            emit=self._tell,
            clock=self.nginx.clock,
            random=self.nginx.random,
        )

    async def _tell(self, event: Event) -> None:
        self.told.append(event)
        self._bell.wake()

    async def _listen(self) -> None:
        async for _ in self.engine.watch():
            self._bell.wake()

    async def begin(self) -> None:
        await self._life.enter_async_context(self.daemon())

    async def end(self) -> None:
        await self._life.aclose()

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[None]:
        self.engine = self._made()
        await self.engine.start()
        async with Tasks() as tasks:
            tasks.start("engine", self.engine.run())
            tasks.start("listen", self._listen())
            await asyncio.sleep(0)
            try:
                yield
            finally:
                await tasks.stop()

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator[None]:
        await self.end()
        await self.begin()
        yield

    async def apply(self, resource: Resource) -> None:
        self._operation += 1
        await self.engine.apply(step(resource.id, resource, self._operation))

    async def delete(self, id: ResourceId) -> None:
        self._operation += 1
        await self.engine.apply(step(id, None, self._operation))

    async def seen(self, id: ResourceId) -> Observation:
        return (await self.engine.observe([id])).observed[id]

    async def until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + LIMIT_S
        while not await holds():
            assert asyncio.get_running_loop().time() < deadline, f"never: {what}; told {[event.type for event in self.told]}"
            await self._bell.wait_until(asyncio.get_running_loop().time() + 0.5)

    async def until_seen(self, id: ResourceId, holds: Callable[[Observation], bool], what: str) -> Observation:
        async def look() -> bool:
            return holds(await self.seen(id))

        await self.until(look, what)
        return await self.seen(id)

    async def until_told(self, type: str, count: int = 1) -> Event:
        async def told() -> bool:
            return len(self.events(type)) >= count

        await self.until(told, f"{count} events {type}")
        return self.events(type)[count - 1]

    def events(self, type: str) -> list[Event]:
        return [event for event in self.told if event.type == type]

    async def status(self, host: str) -> int | None:
        try:
            return (await self.nginx.visit(Visit(address="127.0.0.1", port=443, host=host, is_tls=True), timeout_s=5)).status
        except EngineError:
            return None

    def edit(self, old: str, new: str) -> None:
        self.nginx.edit(old, new)

    def reload_by_hand(self) -> None:
        self.nginx.reload_by_hand()

    def kill_master(self) -> None:
        self.nginx.kill_master()

    def take_port(self) -> int:
        self.nginx.taken.add(8099)
        return 8099


def play(story: Callable[[Stage], Awaitable[None]], *, seed: int = 0, has_edge: bool = True) -> None:
    """Run a story on a stage where, unless said otherwise, an Edge is applied."""

    async def whole() -> None:
        stage = Stage(SimulatedNginx(clock=SimulatedClock(), random=SimulatedRandom(seed)))
        await stage.begin()
        try:
            if has_edge:
                await stage.apply(edge())
            await story(stage)
        finally:
            await stage.end()

    run(seed, whole())
