"""The docker engine on a simulated Docker Engine keeps the laws that it keeps on a real one (tests/real/test_docker_engine_contract.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engines.docker_world import simulated

from holdfast.testing.contracts import docker, engine
from holdfast.testing.simulated_loop import run

SEEDS = range(4)


@pytest.mark.parametrize("is_alone", [False, True], ids=["start-first", "stop-first"])
@pytest.mark.parametrize("law", engine.LAWS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_docker_engine_keeps_what_every_engine_keeps(tmp_path: Path, seed: int, law: str, is_alone: bool) -> None:
    async def story() -> None:
        world = simulated(seed, tmp_path, is_alone=is_alone)
        await world.house.begin()
        try:
            await engine.LAWS[law](world)
        finally:
            await world.house.end()

    run(seed, story())


@pytest.mark.parametrize("law", docker.LAWS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_docker_engine_keeps_its_own_laws(tmp_path: Path, seed: int, law: str) -> None:
    async def story() -> None:
        world = simulated(seed, tmp_path)
        await world.house.begin()
        try:
            await docker.LAWS[law](world)
        finally:
            await world.house.end()

    run(seed, story())
