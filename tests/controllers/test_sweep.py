"""Sweep: now and then everything owned is marked, and each chore is done for itself."""

from __future__ import annotations

import asyncio

from holdfast.controllers.sweep import SweepController
from holdfast.errors import StoreError
from holdfast.model.ids import ResourceId
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.stage import item, unit

A, F = unit("a"), item("f")


def swept(hours: float, seed: int = 0) -> tuple[list[tuple[float, ResourceId]], list[str]]:
    """Let a sweep with a broken chore and a good one run for a while; return what was marked when, and which chores were done."""
    marked: list[tuple[float, ResourceId]] = []
    done: list[str] = []

    async def main() -> None:
        clock = SimulatedClock()

        async def broken() -> None:
            done.append("broken")
            raise StoreError("HF5001", "cannot write: the disk is full")

        async def good() -> None:
            done.append("good")

        sweep = SweepController(
            owned=lambda: {F, A},
            mark=lambda id: marked.append((clock.monotonic(), id)),
            chores=[broken, good],
            clock=clock,
            random=SimulatedRandom(seed),
        )
        try:
            async with asyncio.timeout(hours * 3600):
                await sweep.run()
        except TimeoutError:
            return

    run(seed, main())
    return marked, done


def test_everything_is_marked_in_order_about_every_five_minutes() -> None:
    marked, _ = swept(1)
    at = [when for when, id in marked if id == A]
    gaps = [after - before for before, after in zip([0.0, *at], at, strict=False)]
    assert [id for _, id in marked[:2]] == [F, A]
    assert all(225 <= gap <= 375 for gap in gaps)
    assert len(set(gaps)) == len(gaps) > 8


def test_a_chore_that_fails_does_not_keep_the_others_from_being_done() -> None:
    _, done = swept(1)
    assert done == ["broken", "good"] * (len(done) // 2)
    assert len(done) > 16


def test_two_houses_do_not_sweep_at_the_same_moments() -> None:
    assert swept(1, seed=1)[0] != swept(1, seed=2)[0]
