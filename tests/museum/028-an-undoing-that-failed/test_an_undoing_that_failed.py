"""An undoing that failed was told and forgotten.

The engine did not answer when a candidate was to be discarded, or what had served before was to be ended; nobody came back to it, and a
second instance ran on for good.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.controllers.sync.lane import Managed
from holdfast.model.ids import ResourceId
from holdfast.testing.fault import Fault
from holdfast.testing.house import REAL, Parts
from holdfast.testing.scenario import AUTOMATED
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, unit, wanted
from holdfast.walk.walker import Walker

pytestmark = pytest.mark.simulation


class OwesNothing(Walker):
    async def make_good(self, id: ResourceId) -> None:
        pass


def candidates(parts: Parts) -> set[ResourceId]:
    """Return the candidates that are left when the engine did not answer in the middle of a bad commit, which then was taken back."""
    web = unit("web")

    async def story() -> set[ResourceId]:
        async with Stage([Managed(name="shop", settings=AUTOMATED)], parts=parts) as stage:
            good = stage.commit("shop", wanted(web))
            await stage.start()
            await stage.rest()
            stage.commit("shop", wanted(web, 2, bad="hangs"))
            while web not in stage.world.candidates:
                await stage.clock.sleep(0.01)
            stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
            while not stage.events("step.undo_failed"):
                await stage.clock.sleep(0.1)
            stage.rewind("shop", good)
            await stage.clock.sleep(1.0)
            stage.weather["units"].end(Fault.LOST_CALL)
            await stage.rest()
            return set(stage.world.candidates)

    return run(0, story())


def test_it_is_still_caught() -> None:
    assert candidates(replace(REAL, walker=OwesNothing)) == {unit("web")}


def test_it_is_mended() -> None:
    assert candidates(REAL) == set()
