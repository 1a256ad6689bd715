"""What had just been applied was taken back, since its entry was cut off while it was written.

Found by the crash campaign; mutation.toml brings it back.
"""

from __future__ import annotations

import pytest

from holdfast.testing.play import play
from holdfast.testing.scenario import SCENARIOS

pytestmark = pytest.mark.simulation
STORY = SCENARIOS["many are entered and the store's answers are lost"]


def test_it_is_mended() -> None:
    """The daemon is killed at each of these boundaries, one in each play."""
    for death in range(80, 92):
        assert play(STORY, deaths=(death,)).violations == ()
