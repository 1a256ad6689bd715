"""The failed content, said once more, stopped the rollback from it.

A refresh of the source offered what Git asked for again. It was another digest than the one that the rollback walked to, so the gates of
the rollback were ended; and a commit ended a removal the same way.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Managed
from holdfast.model.operation import Phase, Trigger
from holdfast.model.resource import Desired
from holdfast.testing.house import REAL, Parts
from holdfast.testing.scenario import AUTOMATED
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, unit, wanted

pytestmark = pytest.mark.simulation


class StopsEverything(SyncController):
    def offer(self, desired: Desired, *, is_rewound: bool = False) -> None:
        super().offer(desired, is_rewound=is_rewound)
        lane = self._lanes[desired.application]
        if lane.interrupt and lane.following != desired.digest:
            lane.interrupt.set()


def rollbacks(parts: Parts) -> list[Phase]:
    """Return how the rollbacks ended of a bad commit that is said again while one is under way."""
    web, api = unit("web"), unit("api")
    bad = (wanted(web, 2), wanted(api, 2, web, bad="dies"))

    async def story() -> list[Phase]:
        async with Stage([Managed(name="shop", settings=AUTOMATED)], parts=parts) as stage:
            stage.commit("shop", wanted(web), wanted(api))
            await stage.start()
            await stage.rest()
            stage.commit("shop", *bad)
            while not stage.events("rollback.started"):
                await stage.clock.sleep(0.01)
            stage.commit("shop", *bad)
            await stage.rest()
            return [it.phase for it in stage.disk.walks.values() if it.trigger is Trigger.ROLLBACK]

    return run(0, story())


def test_it_is_still_caught() -> None:
    assert Phase.SUPERSEDED in rollbacks(replace(REAL, sync=StopsEverything))


def test_it_is_mended() -> None:
    assert rollbacks(REAL) == [Phase.SUCCEEDED]
