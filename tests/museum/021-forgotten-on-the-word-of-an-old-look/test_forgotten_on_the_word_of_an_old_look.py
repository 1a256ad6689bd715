"""What is ours was forgotten on the word of an old look (Sieve: stale state).

A daemon created something, was killed, started again, and its first look showed what stood before: nothing. Git no longer declared it by
then, so the inventory forgot it as gone, and it ran on with nobody to own it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Managed
from holdfast.core.planner import gone
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.resource import Desired
from holdfast.testing.fault import Fault
from holdfast.testing.house import REAL, Parts
from holdfast.testing.scenario import AUTOMATED
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, item, unit, wanted
from holdfast.walk.look import Looker

pytestmark = pytest.mark.simulation


class ForgetsAtOnce(Looker):
    async def _forget(self, desired: Desired, said: Desired, doubtful: Any) -> tuple[int, Live]:
        as_of, live = await self._observe(desired, said)
        for id in gone(desired, live, self._ledger.inventory):
            await self._ledger.drop(id)
        return as_of, live


class Hasty(SyncController):
    def __init__(self, **neighbours: Any) -> None:
        super().__init__(**neighbours)
        self._course.looker.__class__ = ForgetsAtOnce


def left_over(parts: Parts) -> set[ResourceId]:
    """Return what stands and nobody owns after a kill, a look that lags, and a commit that no longer declares it."""
    made = item("made")

    async def story() -> set[ResourceId]:
        async with Stage([Managed(name="shop", settings=AUTOMATED)], parts=parts) as stage:
            stage.commit("shop", wanted(unit("web")))
            await stage.start()
            await stage.rest()
            stage.commit("shop", wanted(unit("web")), wanted(made))
            while made not in stage.world.things:
                await stage.clock.sleep(0.001)
            await stage.die()
            stage.weather["items"].begin(Fault.LAG, 1.0)
            stage.commit("shop", wanted(unit("web"), 2))
            await stage.start()
            await stage.rest()
            return set(stage.world.things) - set(stage.disk.owned)

    found = [run(seed, story()) for seed in range(8)]
    return set().union(*found)


def test_it_is_still_caught() -> None:
    assert left_over(replace(REAL, sync=Hasty)) == {item("made")}


def test_it_is_mended() -> None:
    assert left_over(REAL) == set()
