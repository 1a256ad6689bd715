"""A need was deleted while what needed it was being taken back to the state that needs it.

Found by seed 1014 of the simulator; mutation.toml brings it back.
"""

from __future__ import annotations

import pytest

from holdfast.testing.generate import story_of
from holdfast.testing.play import play
from holdfast.testing.shrink import Cut

pytestmark = pytest.mark.simulation


def test_it_is_mended() -> None:
    story = story_of(1014)
    assert play(Cut(acts=tuple(range(7))).of(story)).violations == ()
    assert play(story).violations == ()
