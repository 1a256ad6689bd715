"""A remote is asked now and then, with jitter, and less and less while it fails; a hint comes only where something is new."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from itertools import pairwise
from typing import TypeAlias

from holdfast.errors import SourceError
from holdfast.source.remote import EARLIER, remote_hints
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run

EVERY_S = 30.0
Answer: TypeAlias = Mapping[str, str] | SourceError
ONE = {"refs/heads/main": "1"}
TWO = {"refs/heads/main": "2"}
DOWN = SourceError("HF4013", "cannot read shop: the server did not answer")


def follow(changes: Mapping[float, Answer], until: float) -> tuple[list[float], list[float]]:
    """Return when hints came and when the remote was asked, where its answer changes at the times that are given."""
    hinted: list[float] = []
    asked: list[float] = []

    async def story() -> None:
        clock = SimulatedClock()

        async def ask() -> Mapping[str, str]:
            asked.append(clock.monotonic())
            answer = [answer for at, answer in changes.items() if clock.monotonic() >= at][-1]
            if isinstance(answer, SourceError):
                raise answer
            return answer

        async with aclosing(remote_hints(ask, clock=clock, random=SimulatedRandom(3), every_s=EVERY_S)) as hints:
            with suppress(TimeoutError):
                async with asyncio.timeout(until):
                    while True:
                        await anext(hints)
                        hinted.append(clock.monotonic())

    run(1, story())
    return hinted, asked


def test_pauses_are_the_interval_or_somewhat_less() -> None:
    _, asked = follow({0.0: ONE}, 3000.0)
    pauses = [after - before for before, after in pairwise(asked)]
    assert all(EVERY_S * (1 - EARLIER) <= pause <= EVERY_S for pause in pauses)
    assert len(set(pauses)) > 50


def test_a_hint_comes_at_once_after_the_first_answer_and_where_it_changes() -> None:
    hints, asked = follow({0.0: ONE, 500.0: TWO}, 1000.0)
    first_after = next(at for at in asked if at >= 500.0)
    assert hints == [0.0, asked[0], first_after]


def test_a_failure_is_told_when_it_begins_and_when_it_ends_and_asked_less_and_less() -> None:
    hints, asked = follow({0.0: ONE, 500.0: DOWN, 3000.0: ONE}, 3700.0)
    began = next(at for at in asked if at >= 500.0)
    ended = next(at for at in asked if at >= 3000.0)
    assert hints == [0.0, asked[0], began, ended]
    during = [at for at in asked if began <= at < ended]
    assert len(during) < 12
    assert all(pause <= 600.0 for pause in (after - before for before, after in pairwise(during)))
