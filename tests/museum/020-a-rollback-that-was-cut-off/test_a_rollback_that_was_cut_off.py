"""A rollback that was cut off stayed half done (Sieve: intermediate state).

The pin was remembered before the walk back began, and a pinned Application was only held. So a daemon that was killed on the way back, or
an engine that failed it, left one half at the new revision and one at the old, until a person came.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.course import Course
from holdfast.controllers.sync.lane import Lane
from holdfast.model.resource import Desired
from holdfast.testing.campaign import crash_everywhere
from holdfast.testing.house import REAL

pytestmark = pytest.mark.simulation


class OnlyHolds(Course):
    """What is pinned is held, whatever of it is missing."""

    async def follow(self, lane: Lane, desired: Desired) -> None:
        if lane.memory.pin is not None and lane.memory.pin.failed_digest == desired.digest:
            await self._hold(lane, desired, self._decide(lane, desired))
        else:
            await super().follow(lane, desired)


class Halfway(SyncController):
    def __init__(self, **neighbours: Any) -> None:
        super().__init__(**neighbours)
        self._course.__class__ = OnlyHolds


def test_it_is_still_caught() -> None:
    tally = crash_everywhere("a bad commit dies", replace(REAL, sync=Halfway))
    assert any("without a kill there is" in words for failure in tally.failures for words in failure.violations)


def test_it_is_mended() -> None:
    assert crash_everywhere("a bad commit dies").failures == []
