"""Each operation made a contended resource as good as new.

Somebody else wrote to it every two seconds. Operations that failed, or left it out, were told as its new state, so the damping of its
heals began from nothing after each of them, and the fight went on at full speed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from holdfast.controllers.heal import HealController
from holdfast.core.rollback import OFF
from holdfast.model.ids import ResourceId
from holdfast.testing.house import REAL
from holdfast.testing.play import play
from holdfast.testing.scenario import API, MOTD, meddle, person, told
from holdfast.testing.stage import wanted
from holdfast.testing.story import Deed

pytestmark = pytest.mark.simulation


class ForgivesAlways(HealController):
    def forget_failures(self, ids: Iterable[ResourceId]) -> None:
        known = tuple(ids)
        for id in known:
            self._damping.forgive(id)
        super().forget_failures(known)


STORY = told(
    meddle(Deed.RIVAL, MOTD, 1.0, 60.0),
    *(person(Deed.SYNC, at) for at in range(12, 60, 3)),
    commits=((wanted(MOTD),), (wanted(MOTD), wanted(API, 2, bad="dies"))),
    rollback=OFF,
)


def test_it_is_still_caught() -> None:
    violations = play(STORY, parts=replace(REAL, heal=ForgivesAlways)).violations
    assert any("times in a minute" in words for words in violations)


def test_it_is_mended() -> None:
    assert play(STORY).violations == ()
