"""A full disk at the start ended the daemon.

What the last run had left unfinished could not be closed; the error went through the whole house, and with it went all supervision.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.controllers.sync.controller import SyncController
from holdfast.testing.fault import Fault
from holdfast.testing.house import REAL
from holdfast.testing.play import play
from holdfast.testing.scenario import CHAIN, CHAIN_2, told, weather
from holdfast.testing.story import Act, Deed

pytestmark = pytest.mark.simulation


class TriesOnce(SyncController):
    async def _recover(self) -> None:
        await self._course.operations.recover(await self._store.operations(unfinished=True))


STORY = told(
    weather(Fault.DISK_FULL, "store", 10.05, 25.0),
    Act(deed=Deed.CRASH, at=10.1, number=1, chance=1.0),
    commits=(CHAIN, CHAIN_2),
)


def test_it_is_still_caught() -> None:
    violations = play(STORY, parts=replace(REAL, sync=TriesOnce)).violations
    assert "it does not come to rest" in violations[0]


def test_it_is_mended() -> None:
    assert play(STORY).violations == ()
