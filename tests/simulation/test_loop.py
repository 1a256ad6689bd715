"""The seeded loop: equal seeds give equal traces, other seeds other legal ones, and virtual time costs none."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run

pytestmark = pytest.mark.simulation


async def story(seed: int) -> list[str]:
    clock, dice = SimulatedClock(), SimulatedRandom(seed)
    trace: list[str] = []

    async def walker(name: str) -> None:
        for _ in range(5):
            await clock.sleep(dice.random() if name == "a" else 0.5)
            trace.append(f"{clock.monotonic():.3f} {name}")

    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(walker(name))
    return trace


def test_equal_seeds_give_equal_traces() -> None:
    assert run(7, story(7)) == run(7, story(7))


def test_seeds_differ() -> None:
    assert len({tuple(run(seed, story(seed))) for seed in range(20)}) > 1


def test_a_day_costs_nothing() -> None:
    async def day() -> float:
        clock = SimulatedClock()
        began = clock.now()
        await clock.sleep(86_400)
        return clock.now() - began

    assert run(0, day()) == 86_400


def test_a_deadlock_is_said() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="deadlock"):
        run(0, waits())
