"""An engine that did not answer the first look was never looked at again.

The plan was empty, since all of it was blocked as unknown; that read as "in sync", so nothing was due, and the revision was even
remembered as healthy: a later rollback could have gone back to something that never stood.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.course import Course
from holdfast.controllers.sync.lane import Lane
from holdfast.testing.house import REAL
from holdfast.testing.play import play
from holdfast.testing.scenario import SCENARIOS
from holdfast.walk.look import Look

pytestmark = pytest.mark.simulation


class TakesBlockedForDone(Course):
    async def _in_sync(self, lane: Lane, look: Look) -> None:
        await self._now_healthy(lane, look.desired)


class Content(SyncController):
    def __init__(self, **neighbours: Any) -> None:
        super().__init__(**neighbours)
        self._course.__class__ = TakesBlockedForDone


def test_it_is_still_caught() -> None:
    violations = play(SCENARIOS["blind at first"], parts=replace(REAL, sync=Content)).violations
    assert any("is not there" in words for words in violations)


def test_it_is_mended() -> None:
    assert play(SCENARIOS["blind at first"]).violations == ()
