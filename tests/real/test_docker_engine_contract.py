"""The docker engine on a real Docker Engine keeps the contract that every engine keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.docker_house import WELL_BEHAVED, DockerHouse, play

from holdfast.engines.docker.client import Client
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.operation import RolloutStyle
from holdfast.model.ports import Engine
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.contracts import engine
from holdfast.workload.container_spec import ContainerSpec, UpdateSpec

pytestmark = [pytest.mark.real, pytest.mark.needs(*NEEDS)]


@dataclass
class Town:
    """Implements EngineWorld: Containers of one house, started first or stopped first."""

    house: DockerHouse
    is_alone: bool

    @property
    def engine(self) -> Engine:
        return self.house.engine

    @property
    def clock(self) -> Clock:
        return self.house.clock

    def resource(self, name: str, version: int) -> Resource:
        update = UpdateSpec(order="stop-first" if self.is_alone else None)
        spec = ContainerSpec(image=SMALL, command=WELL_BEHAVED, env={"VERSION": str(version)}, update=update)
        found = self.house.container(spec, name)
        self.house.inventory[found.id] = found
        return found

    def style(self, before: State, after: State) -> RolloutStyle:
        return self.house.style(before, after)

    async def standing(self, id: ResourceId) -> int:
        return sum(1 for each in self.house.ours() if any(name.startswith(f"/{id.namespace}-{id.name}") for name in each["Names"]))

    async def restart(self) -> None:
        await self.house.restart()

    async def disturb(self, id: ResourceId) -> None:
        self.house.do(id.name, "kill")

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        hidden = self.house.dockerd.path.with_suffix(".hidden")
        host = self.house.engine.host(id.destination)
        self.house.dockerd.path.rename(hidden)
        assert isinstance(host.api, Client)
        await host.api.aclose()
        try:
            yield
        finally:
            hidden.rename(self.house.dockerd.path)


@pytest.mark.parametrize("is_alone", [False, True], ids=["start-first", "stop-first"])
@pytest.mark.parametrize("law", engine.LAWS)
def test_the_docker_engine_keeps_the_contract(dockerd: Dockerd, tmp_path: Path, law: str, is_alone: bool) -> None:
    found: Callable[[engine.EngineWorld], Awaitable[None]] = engine.LAWS[law]

    async def script(house: DockerHouse) -> None:
        await found(Town(house, is_alone))

    play(dockerd, tmp_path, script)
