"""What happened while the watch was broken was never seen (Sieve: unobserved state).

An engine's watch broke off, which ended all healing; and where it was only taken up again, what had happened meanwhile waited for the
next sweep, minutes later.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.controllers.heal import HealController
from holdfast.controllers.sync.lane import Managed
from holdfast.errors import EngineError
from holdfast.model.ports import Engine
from holdfast.testing.fault import Fault
from holdfast.testing.house import REAL, Parts
from holdfast.testing.scenario import AUTOMATED
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, unit, wanted

pytestmark = pytest.mark.simulation


class OnlyListensAgain(HealController):
    async def _watch(self, engine: Engine) -> None:
        while True:
            try:
                async for id in engine.watch():
                    self.mark(id)
            except EngineError:
                await self._clock.sleep(0.2)


def healed_within(parts: Parts, seconds: float) -> bool:
    """Kill something while the watch is broken; say whether it is back `seconds` after the watch could be taken up again."""
    web = unit("web")

    async def story() -> bool:
        async with Stage([Managed(name="shop", settings=AUTOMATED)], parts=parts) as stage:
            stage.commit("shop", wanted(web))
            await stage.start()
            await stage.rest()
            stage.weather["units"].begin(Fault.WATCH_GAP, 1.0)
            stage.world.take(web, None)
            await stage.clock.sleep(5.0)
            stage.weather["units"].end(Fault.WATCH_GAP)
            await stage.clock.sleep(seconds)
            return web in stage.world.things

    return run(0, story())


def test_it_is_still_caught() -> None:
    assert not healed_within(replace(REAL, heal=OnlyListensAgain), 30.0)


def test_it_is_mended() -> None:
    assert healed_within(REAL, 30.0)
