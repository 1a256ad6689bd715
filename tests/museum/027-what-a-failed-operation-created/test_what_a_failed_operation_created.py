"""A kill between the end of an operation and the next line of memory lost what it had created.

The rollback that came after another failure then did not know that it may delete it, and left it standing until a person confirmed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Lane
from holdfast.testing.campaign import crash_everywhere
from holdfast.testing.house import REAL

pytestmark = pytest.mark.simulation


class RecallsNothing(SyncController):
    async def _recall(self, lane: Lane) -> None:
        lane.is_recalled = True


NAME = "a bad commit that creates"


def test_it_is_still_caught() -> None:
    tally = crash_everywhere(NAME, replace(REAL, sync=RecallsNothing))
    assert any("is left over" in words for failure in tally.failures for words in failure.violations)


def test_it_is_mended() -> None:
    assert crash_everywhere(NAME).failures == []
