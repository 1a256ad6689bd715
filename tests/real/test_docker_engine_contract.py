"""The docker engine on a real Docker Engine keeps the laws that it keeps on a simulated one (tests/engines/test_docker_contract.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.engines.docker_stage import NEEDS, Dockerd
from tests.engines.docker_world import World
from tests.real.docker_house import DockerHouse, play

from holdfast.model.ids import ResourceId
from holdfast.testing.contracts import docker, engine
from holdfast.testing.moody_docker import MoodyDocker

pytestmark = [pytest.mark.real, pytest.mark.needs(*NEEDS)]


class Town(World):
    """On a real engine, which is out of reach while its socket is away."""

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        dockerd = self.house.dockerd
        assert isinstance(dockerd, Dockerd)
        hidden = dockerd.path.with_suffix(".hidden")
        dockerd.path.rename(hidden)
        await self.engine.host(id.destination).api.aclose()
        try:
            yield
        finally:
            hidden.rename(dockerd.path)


def town(house: DockerHouse, *, is_alone: bool = False) -> Town:
    found: list[MoodyDocker] = []

    def connect(destination: str) -> MoodyDocker:
        found.append(MoodyDocker(house.client(destination), house.clock))
        return found[-1]

    class Latest(Town):
        @property
        def moods(self) -> MoodyDocker:  # that of the newest life
            self.engine.host(house.dockerd.address)
            return found[-1]

        @moods.setter
        def moods(self, value: MoodyDocker) -> None:
            pass

    house.connect = connect
    return Latest(house, MoodyDocker(house.client(house.dockerd.address), house.clock), is_alone)


@pytest.mark.parametrize("is_alone", [False, True], ids=["start-first", "stop-first"])
@pytest.mark.parametrize("law", engine.LAWS)
def test_the_docker_engine_keeps_what_every_engine_keeps(dockerd: Dockerd, tmp_path: Path, law: str, is_alone: bool) -> None:
    towns: list[Town] = []

    async def script(house: DockerHouse) -> None:
        await engine.LAWS[law](towns[0])

    play(dockerd, tmp_path, script, prepare=lambda house: towns.append(town(house, is_alone=is_alone)))


@pytest.mark.parametrize("law", docker.LAWS)
def test_the_docker_engine_keeps_its_own_laws(dockerd: Dockerd, tmp_path: Path, law: str) -> None:
    towns: list[Town] = []

    async def script(house: DockerHouse) -> None:
        await docker.LAWS[law](towns[0])

    play(dockerd, tmp_path, script, prepare=lambda house: towns.append(town(house)))
