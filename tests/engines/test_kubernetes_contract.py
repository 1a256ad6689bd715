"""The Kubernetes engine on a simulated API server keeps the laws that it keeps on a real one (tests/real/test_kubernetes_contract.py)."""

from __future__ import annotations

import pytest
from tests.engines.cluster_world import SimulatedWorld
from tests.real.kubernetes_house import DESTINATION

from holdfast.engines.kubernetes.watches import SYNC_S
from holdfast.kubernetes.object_id import object_id
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


def test_kinds_that_cannot_be_seen_are_waited_for_at_once() -> None:
    async def story() -> None:
        world = SimulatedWorld(1)
        await world.begin()
        try:
            world.moods.hang_up()
            ids = [object_id(DESTINATION, kind, world.namespace, "web") for kind in ("ConfigMap", "Secret")]
            began = world.clock.monotonic()
            live = await world.engine.observe(ids)
            assert live.unreachable.keys() == {*ids}
            assert world.clock.monotonic() - began == pytest.approx(SYNC_S, abs=1.0)
            world.moods.listen_again()
            assert (await world.engine.observe(ids)).observed.keys() == {*ids}
        finally:
            await world.end()

    run(1, story())
