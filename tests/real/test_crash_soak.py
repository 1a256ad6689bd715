"""A thousand deaths of the real daemon and the real keeper; `make soak` runs it."""

from __future__ import annotations

import random

import pytest
from tests.real.siege import besiege, chosen

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.needs("git")]

RUNS = 250
SEED = chosen(random.SystemRandom().randrange(1_000_000))


@pytest.mark.parametrize("part", range(4))
def test_a_house_survives_hundreds_of_deaths(part: int) -> None:
    told = besiege(SEED + part, RUNS)
    assert told.runs == RUNS
    assert told.answered > RUNS
