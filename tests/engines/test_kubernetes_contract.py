"""The Kubernetes engine on a simulated API server keeps the laws that it keeps on a real one (tests/real/test_kubernetes_contract.py)."""

from __future__ import annotations

import pytest
from tests.engines.cluster_world import SimulatedWorld

from holdfast.testing.contracts import engine, kubernetes
from holdfast.testing.simulated_loop import run

SEEDS = range(6)


@pytest.mark.parametrize("law", engine.LAWS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_kubernetes_engine_keeps_what_every_engine_keeps(seed: int, law: str) -> None:
    async def story() -> None:
        world = SimulatedWorld(seed)
        await world.begin()
        try:
            await engine.LAWS[law](world)
        finally:
            await world.end()

    run(seed, story())


@pytest.mark.parametrize("law", kubernetes.LAWS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_kubernetes_engine_keeps_its_own_laws(seed: int, law: str) -> None:
    async def story() -> None:
        world = SimulatedWorld(seed)
        await world.begin()
        try:
            await kubernetes.LAWS[law](world)
        finally:
            await world.end()

    run(seed, story())
