"""A heal brought up what had never stood.

What is about to be created is entered in the inventory first, so that a crash leaves nothing without an owner. When the creation failed,
the heal saw an entry and nothing in the world, and went on creating it: bad content, again and again, while the rollback took it away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from holdfast.controllers.heal import HealController
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Owned
from holdfast.testing.house import REAL
from holdfast.testing.play import play
from holdfast.testing.scenario import SCENARIOS

pytestmark = pytest.mark.simulation


class BelievesTheEntry(HealController):
    async def _look(self, owned: Owned, together: Sequence[ResourceId]) -> float | None:
        return await super()._look(replace(owned, is_applied=True), together)


STORY = SCENARIOS["no rollback, then mended"]
FIRST = SCENARIOS["a bad first commit, then a good one"]


def test_it_is_still_caught() -> None:
    violations = [words for story in (STORY, FIRST) for words in play(story, parts=replace(REAL, heal=BelievesTheEntry)).violations]
    assert any("to what was not last applied" in words for words in violations)


def test_it_is_mended() -> None:
    assert play(STORY).violations == play(FIRST).violations == ()
