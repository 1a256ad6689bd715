"""What the tests of the docker engine stand on: an engine on a real dockerd, and ways to disturb what stands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tests.engines.docker_stage import SMALL, Dockerd
from tests.real.process_house import FixedSecrets, Folders, MemoryRecords, Ourselves

from holdfast.core.rollout import steps
from holdfast.declare.schema import encode
from holdfast.engines.docker.address import read_address
from holdfast.engines.docker.building import Commits
from holdfast.engines.docker.client import Client
from holdfast.engines.docker.engine import DockerEngine, ImageNeeds
from holdfast.engines.docker.grounding import Grounding
from holdfast.engines.docker.image import Credentials, Nobody
from holdfast.engines.docker.port import Api
from holdfast.engines.docker.way import way_to
from holdfast.host.clock import RealClock, RealRandom
from holdfast.kit.canonical import digest_bytes
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Health, Observation
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.model.source import Tree
from holdfast.model.state import State
from holdfast.workload.container import ContainerKind, write
from holdfast.workload.container_spec import ContainerSpec, NetworkSpec, VolumeSpec

T = TypeVar("T")
DEADLINE_S = 60.0
LOOK_AGAIN_S = 0.05
WELL_BEHAVED = ("sh", "-c", 'trap "exit 0" TERM; while :; do sleep 0.1; done')
"""Ends at once at SIGTERM."""


class Asked(Protocol):
    """A Docker Engine that can be asked past ours."""

    @property
    def address(self) -> str: ...

    def ask(self, method: str, path: str, body: Any = None) -> Any: ...


class DockerHouse:
    """What outlives a daemon; `namespace` keeps the containers of tests apart. Everything that it made ends with the block."""

    def __init__(self, dockerd: Asked, folder: Path, namespace: str) -> None:
        self.dockerd = dockerd
        self.folder = folder
        self.namespace = namespace
        self.records = MemoryRecords()
        self.pins = MemoryRecords()
        self.kept = MemoryRecords()
        self.forecasts = MemoryRecords()
        self.trees: list[Tree] = []
        """Commits that images are built from, the newest last."""
        self.blobs: dict[str, bytes] = {}
        self.keeps = 5
        self.secrets = FixedSecrets()
        self.known: dict[ResourceId, Resource] = {}
        """As Git says."""
        self.inventory: dict[ResourceId, Resource] = {}
        """As last applied."""
        self.told: list[Event] = []
        self.left: list[str] = []
        self.crashes: list[BaseException] = []
        self.credentials: Credentials = Nobody()
        self.connect: Callable[[str], Api] = self.client
        self.clock: Clock = RealClock()
        self.random: Random = RealRandom()
        self.installation = f"test-{namespace}"
        self._bell = Wakeup()
        self._operation = 0
        self._life = contextlib.AsyncExitStack()
        self.engine = self.made()

    def client(self, destination: str) -> Client:
        where = read_address(destination)
        return Client(where, way_to(where))

    def _described(self, id: ResourceId) -> Iterator[Resource]:
        for found in (self.inventory, self.known):
            if id in found:
                yield found[id]

    async def _read(self, repository: str, ids: Collection[str]) -> Mapping[str, bytes]:
        return {id: self.blobs[id] for id in ids}

    async def _tell(self, event: Event) -> None:
        self.told.append(event)
        self._bell.wake()

    async def _left(self, service: str) -> None:
        self.left.append(service)

    def made(self) -> DockerEngine:
        return DockerEngine(
            connect=self.connect,
            installation=self.installation,
            records=self.records,
            images=ImageNeeds(
                pins=self.pins,
                kept=self.kept,
                forecasts=self.forecasts,
                credentials=self.credentials,
                commits=Commits(trees=lambda application: reversed(self.trees), read=self._read),
                most=lambda: self.keeps,
            ),
            grounding=Grounding(
                described=self._described,
                secrets=self.secrets,
                users=Ourselves(),
                places=Folders(self.folder),
                data=self.folder / "data",
            ),
            described=self._described,
            applied=self.inventory.get,
            mark=lambda text: digest_bytes(text.encode())[:16],
            emit=self._tell,
            clock=self.clock,
            random=self.random,
            left=self._left,
            moved=self._bell.wake,
            crashed=lambda name, error: self.crashes.append(error),
        )

    # Lives

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[None]:
        engine = self.engine
        async with Tasks() as tasks:
            await engine.start()
            tasks.start("engine", engine.run())
            tasks.start("listen", self._listen(engine))
            try:
                yield
            finally:
                await tasks.stop()
                await engine.aclose()

    async def _listen(self, engine: DockerEngine) -> None:
        async for _ in engine.watch():
            self._bell.wake()

    async def begin(self) -> None:
        await self._life.enter_async_context(self.daemon())

    async def restart(self) -> None:
        await self._life.aclose()
        self.engine = self.made()
        await self.begin()

    async def end(self) -> None:
        await self._life.aclose()
        assert self.crashes == []

    # What there is

    def id(self, kind: str, name: str) -> ResourceId:
        return ResourceId(self.dockerd.address, kind, self.namespace, name)

    def container(self, spec: ContainerSpec | None = None, name: str = "web") -> Resource:
        """Return a Container, which Git says from now on."""
        spec = spec or ContainerSpec(image=SMALL, command=WELL_BEHAVED)
        fields = write(spec, deadline_s=20.0, release=None, fingerprints={})
        found = Resource(id=self.id("Container", name), state=State.of(fields), labels={APPLICATION: self.namespace})
        self.known[found.id] = found
        return found

    def network(self, name: str, spec: NetworkSpec | None = None) -> Resource:
        return self._part("Network", name, encode(NetworkSpec, spec or NetworkSpec()), "networkName")

    def volume(self, name: str, spec: VolumeSpec | None = None) -> Resource:
        return self._part("Volume", name, encode(VolumeSpec, spec or VolumeSpec()), "volumeName")

    def _part(self, kind: str, name: str, fields: Any, key: str) -> Resource:
        state = State.of({**fields, key: f"{self.namespace}-{name}"})
        found = Resource(id=self.id(kind, name), state=state, labels={APPLICATION: self.namespace})
        self.known[found.id] = found
        return found

    async def see(self, resource: Resource) -> Observation:
        return (await self.engine.observe([resource.id])).observed[resource.id]

    async def state(self, resource: Resource) -> State | None:
        return (await self.see(resource)).state

    async def drift(self, resource: Resource) -> list[str]:
        handle = (await self.see(resource)).handle or {}
        found: Any = handle.get("drift")
        return list(found)

    async def health(self, resource: Resource) -> Health:
        return ContainerKind(is_reached=True).health(resource, await self.see(resource), 0.0)

    def ours(self, running: bool = True) -> list[dict[str, Any]]:
        """Return the containers of this namespace, asked without the engine."""
        every = self.dockerd.ask("GET", f"/containers/json?all={0 if running else 1}")
        return [each for each in every if any(name.startswith(f"/{self.namespace}-") for name in each["Names"])]

    def named(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.dockerd.ask("GET", f"/containers/{self.namespace}-{name}/json")
        return found

    def do(self, name: str, verb: str, query: str = "", body: Any = None) -> None:
        """Do something to a container as somebody else would."""
        self.dockerd.ask("POST", f"/containers/{self.namespace}-{name}/{verb}{query}", body)

    # Rollouts, as the walker does them

    def operation(self) -> str:
        self._operation += 1
        return f"op-{self._operation}-{id(self)}"

    def steps(self, before: State | None, resource: Resource, deadline_s: float = 20.0) -> tuple[Step, ...]:
        verb = Verb.CREATE if before is None else Verb.UPDATE
        change = Change(id=resource.id, verb=verb, reason=Reason.DECLARED, before=before, after=resource.state)
        return steps(change, resource, self.style(before or State.of({}), resource.state, resource.id.kind), self.operation(), deadline_s)

    @staticmethod
    def style(before: State, after: State, kind: str = "Container") -> RolloutStyle:
        return ContainerKind(is_reached=True).style(before, after) if kind == "Container" else RolloutStyle.IN_PLACE

    async def roll(self, resource: Resource, deadline_s: float = 20.0) -> tuple[StepVerb, ...]:
        """Bring a resource up, or to its state, through the steps of its style; return their verbs."""
        before = (await self.see(resource)).state
        done = self.steps(before, resource, deadline_s)
        for step in done:
            await self.engine.apply(step)
        self.inventory[resource.id] = resource
        return tuple(step.verb for step in done)

    async def delete(self, resource: Resource) -> None:
        change = Change(id=resource.id, verb=Verb.DELETE, reason=Reason.PRUNED, before=resource.state, after=None)
        await self.engine.apply(Step(operation=self.operation(), verb=StepVerb.DELETE, change=change, resource=None))
        self.inventory.pop(resource.id, None)

    async def until(self, condition: Callable[[], Awaitable[T | None]]) -> T:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await condition()):
                await self._bell.wait_until(loop.time() + LOOK_AGAIN_S)
        return found

    async def until_told(self, type: str, count: int = 1) -> list[Event]:
        async def look() -> list[Event] | None:
            found = [event for event in self.told if event.type == type]
            return found if len(found) >= count else None

        return await self.until(look)

    def clear(self) -> None:
        """Remove whatever a test left at the host."""
        for each in self.ours(running=False):
            self.dockerd.ask("DELETE", f"/containers/{each['Id']}?force=1&v=1")
        for each in self.dockerd.ask("GET", "/networks"):
            if each["Name"].startswith(f"{self.namespace}-"):
                self.dockerd.ask("DELETE", f"/networks/{each['Id']}")
        for each in self.dockerd.ask("GET", "/volumes")["Volumes"] or ():
            if each["Name"].startswith(f"{self.namespace}-"):
                self.dockerd.ask("DELETE", f"/volumes/{each['Name']}")


def play(
    dockerd: Dockerd,
    folder: Path,
    script: Callable[[DockerHouse], Coroutine[Any, Any, T]],
    *,
    prepare: Callable[[DockerHouse], None] = lambda house: None,
    limit_s: float = DEADLINE_S * 3,
) -> T:
    """Run a script on an engine of its own, in a namespace of its own."""

    async def main() -> T:
        house = DockerHouse(dockerd, folder, f"t{folder.name[-8:].replace('_', '').lower()}x")
        prepare(house)
        house.engine = house.made()
        await house.begin()
        try:
            async with asyncio.timeout(limit_s):
                return await script(house)
        finally:
            try:
                await house.end()
            finally:
                house.clear()

    return asyncio.run(main())


def with_env(spec: ContainerSpec, **env: str) -> ContainerSpec:
    values: Mapping[str, Any] = {**spec.env, **env}
    return replace(spec, env=values)
