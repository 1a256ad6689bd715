"""A need was deleted while a skipped replica still stood on it.

One replica failed, so the others were left out; but what waited for them was not held up, and the need that only the new revision can do
without was taken away under the old one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.model.plan import Change
from holdfast.testing.house import REAL
from holdfast.testing.play import play
from holdfast.testing.scenario import CONF, replica, told
from holdfast.testing.stage import wanted
from holdfast.walk.walk import Walk
from holdfast.walk.walker import Walker

pytestmark = pytest.mark.simulation


class ForgetsTheSkipped(Walker):
    async def _lane(self, walk: Walk, lane: tuple[Change, ...]) -> None:
        for change in lane:
            resource = self._resource(walk, change.id)
            declared = resource.declared_id if resource else change.id
            if declared in walk.broken:
                await self._skip(walk, change, "another replica failed")
            else:
                await self._change(walk, change, declared)


STORY = told(
    commits=(
        (replica(0, 1), replace(replica(1, 1), needs=frozenset({CONF})), wanted(CONF)),
        (replica(0, 2, bad="dies"), replica(1, 2)),
    ),
    rollback="off",
)


def test_it_is_still_caught() -> None:
    violations = play(STORY, parts=replace(REAL, walker=ForgetsTheSkipped)).violations
    assert any("which needs it" in words for words in violations)


def test_it_is_mended() -> None:
    assert play(STORY).violations == ()
