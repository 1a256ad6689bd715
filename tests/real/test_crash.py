"""`kill -9` of the real daemon, the real keeper and both, at random moments, under load: nothing lost, nothing doubled, store intact."""

from __future__ import annotations

import random

import pytest
from tests.real.siege import besiege, chosen

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

RUNS = 50


def test_a_house_survives_the_death_of_daemon_and_keeper_at_any_moment() -> None:
    told = besiege(chosen(random.SystemRandom().randrange(1_000_000)), RUNS)
    assert told.runs == RUNS
    assert told.answered > RUNS
