"""The store had written, only its answer was lost, and memory went on with the old entry.

A heal then brought back the revision before, although the new one stood, was applied, and was what the store remembered.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.testing.campaign import crash_everywhere
from holdfast.testing.house import REAL
from holdfast.walk.ledger import Ledger

pytestmark = pytest.mark.simulation


class NeverReadsAgain(Ledger):
    async def refresh(self) -> None:
        pass


NAME = "the store's answers are lost"


def test_it_is_still_caught() -> None:
    tally = crash_everywhere(NAME, replace(REAL, ledger=NeverReadsAgain))
    assert any("to what was not last applied" in words for failure in tally.failures for words in failure.violations)


def test_it_is_mended() -> None:
    assert crash_everywhere(NAME, every=3).failures == []
