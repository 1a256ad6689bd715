"""A clock that was set back by a day held a retry for a day.

The time of the next try is told by the wall clock, since it must survive a restart; nobody asked whether that clock still made sense.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Lane
from holdfast.testing.fault import Fault
from holdfast.testing.house import REAL
from holdfast.testing.play import play
from holdfast.testing.scenario import CHAIN, CHAIN_2, told, weather
from holdfast.testing.story import Act, Deed

pytestmark = pytest.mark.simulation


class BelievesTheClock(SyncController):
    async def _wait(self, lane: Lane) -> None:
        while lane.due_at is not None and self._clock.now() < lane.due_at:
            await self._clock.sleep(1.0)
        if lane.due_at is None:
            await lane.bell.wait()
        lane.due_at = None


STORY = told(
    weather(Fault.LOST_CALL, "units", 10.0, 14.0),
    Act(deed=Deed.CLOCK, at=15.0, until=50_000.0, number=-86_400),
    commits=(CHAIN, CHAIN_2),
)


def test_it_is_still_caught() -> None:
    assert play(STORY, parts=replace(REAL, sync=BelievesTheClock)).virtual_s > 0
    slow = play(STORY, parts=replace(REAL, sync=BelievesTheClock), is_traced=True)
    assert seconds_of_the_last_success(slow.trace) > 10_000


def test_it_is_mended() -> None:
    assert seconds_of_the_last_success(play(STORY, is_traced=True).trace) < 100


def seconds_of_the_last_success(trace: tuple[str, ...]) -> float:
    return max(float(line.split()[0]) for line in trace if "operation.succeeded" in line)
