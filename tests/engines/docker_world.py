"""Worlds for the laws of the docker engine: the same house on a simulated Docker Engine, or on a real one with moods."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.engines.docker_stage import SMALL
from tests.real.docker_house import WELL_BEHAVED, DockerHouse

from holdfast.engines.docker.engine import DockerEngine
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.moody_docker import MoodyDocker
from holdfast.testing.simulated_docker import SimulatedDocker
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom
from holdfast.workload.container_spec import ContainerSpec, UpdateSpec

QUIET = "unix:///simulated.sock"


@dataclass
class World:
    """Implements DockerWorld. `is_alone`: changes go stop-first, unless a spec says otherwise."""

    house: DockerHouse
    moods: MoodyDocker
    is_alone: bool = False
    image: str = SMALL
    command: tuple[str, ...] = WELL_BEHAVED

    @property
    def engine(self) -> DockerEngine:
        return self.house.engine

    @property
    def clock(self) -> Clock:
        return self.house.clock

    def resource(self, name: str, version: int) -> Resource:
        update = UpdateSpec(order="stop-first" if self.is_alone else None)
        found = self.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED, env={"VERSION": str(version)}, update=update), name)
        self.applied(found)
        return found

    def container(self, spec: ContainerSpec, name: str) -> Resource:
        return self.house.container(spec, name)

    def applied(self, resource: Resource) -> None:
        self.house.inventory[resource.id] = resource

    def network(self, name: str) -> Resource:
        return self.house.network(name)

    def bad(self) -> ContainerSpec:
        return ContainerSpec(image=SMALL, command=("sh", "-c", "echo no luck; exit 7"), env={"BAD": "dies"})

    def style(self, before: State, after: State) -> RolloutStyle:
        return self.house.style(before, after, "Container" if "image" in after.fields else "Network")

    async def standing(self, id: ResourceId) -> int:
        return len(self._ours(id, running=True))

    async def containers(self, id: ResourceId) -> int:
        return len(self._ours(id, running=False))

    def _ours(self, id: ResourceId, *, running: bool) -> list[Any]:
        every = self.house.dockerd.ask("GET", f"/containers/json?all={0 if running else 1}")
        return [each for each in every if any(name.startswith(f"/{id.namespace}-{id.name}") for name in each["Names"])]

    async def by_hand(self, name: str, act: str, body: Json = None) -> None:
        whole = f"{self.house.namespace}-{name}"
        if act == "remove":
            self.house.dockerd.ask("DELETE", f"/containers/{whole}?force=1")
        else:
            query = {"rename": f"?name={whole}-other", "stop": "?t=2"}.get(act, "")
            self.house.dockerd.ask("POST", f"/containers/{whole}/{act}{query}", body)

    async def on_network(self, name: str, network: str, act: str) -> None:
        whole = network if network == "bridge" else f"{self.house.namespace}-{network}"
        self.house.dockerd.ask("POST", f"/networks/{whole}/{act}", {"Container": f"{self.house.namespace}-{name}"})

    async def restart(self) -> None:
        await self.house.restart()

    async def disturb(self, id: ResourceId) -> None:
        await self.by_hand(id.name, "kill")

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        assert isinstance(self.house.dockerd, AskedSimulated)
        self.house.dockerd.behind.is_silent = True
        try:
            yield
        finally:
            self.house.dockerd.behind.is_silent = False


class AskedSimulated:
    """A simulated Docker Engine, asked at once and past its clock, as somebody else would."""

    address = QUIET

    def __init__(self, behind: SimulatedDocker) -> None:
        self.behind = behind

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        plain, _, query = path.partition("?")
        answering = self.behind.do(method, plain, dict(parse_qsl(query)), body)
        try:
            answering.send(None)
        except StopIteration as done:
            found = done.value
        else:
            raise AssertionError("a simulated engine waits for nobody")
        if plain == "/containers/json" and "all=0" in query:
            return [each for each in found if each["State"] in {"running", "paused"}]
        return found


def simulated(seed: int, folder: Path, *, is_alone: bool = False) -> World:
    """Return a world on a simulated engine; it must run on the simulated loop."""
    clock, random = SimulatedClock(), SimulatedRandom(seed)
    behind = SimulatedDocker(clock=clock, random=random)
    behind.have(SMALL, Cmd=["sleep", "1000000"], Env=["PATH=/bin"])
    moods = MoodyDocker(behind, clock)
    house = DockerHouse(AskedSimulated(behind), folder, "shop")
    house.clock, house.random, house.connect = clock, random, lambda destination: moods
    house.engine = house.made()
    return World(house, moods, is_alone)
