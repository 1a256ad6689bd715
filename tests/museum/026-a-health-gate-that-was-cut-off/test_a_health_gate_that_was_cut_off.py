"""A bad commit counted as good after a restart.

The daemon was killed while it waited for what it had changed to become healthy. After the start that stood as declared, so there was
nothing to plan for it; its dependants were moved on, and the revision was remembered as one to go back to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.course import Course
from holdfast.controllers.sync.lane import Lane
from holdfast.testing.campaign import crash_everywhere
from holdfast.testing.house import REAL
from holdfast.walk.look import Look

pytestmark = pytest.mark.simulation


class AsksForNoHealth(Course):
    def _is_unproven(self, lane: Lane, look: Look) -> bool:
        object.__setattr__(look, "unproven", {})
        return False


class Trusting(SyncController):
    def __init__(self, **neighbours: Any) -> None:
        super().__init__(**neighbours)
        self._course.__class__ = AsksForNoHealth


NAME = "a bad commit is sick in place"


def test_it_is_still_caught() -> None:
    tally = crash_everywhere(NAME, replace(REAL, sync=Trusting))
    assert any("without a kill there is" in words for failure in tally.failures for words in failure.violations)


def test_it_is_mended() -> None:
    assert crash_everywhere(NAME, every=3).failures == []
