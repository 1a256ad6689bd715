"""What every Clock and every Random keeps, the real ones and the simulated ones: one law each.

Use: `for name, law in CLOCK.items(): await law(clock)`, each on a loop of the clock's own kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import all_of

EARLY_S = 0.001
"""By how much a loop may wake a sleeper too early: the resolution of its clock."""
DRAWS = 1_000


async def it_is_the_time_of_the_running_loop(clock: Clock) -> None:
    loop = asyncio.get_running_loop()
    before, seen, after = loop.time(), clock.monotonic(), loop.time()
    assert before <= seen <= after


async def it_never_goes_back(clock: Clock) -> None:
    seen = [clock.monotonic()]
    for _ in range(20):
        await clock.sleep(0.0)
        seen.append(clock.monotonic())
    assert seen == sorted(seen)


async def a_sleep_takes_its_time(clock: Clock) -> None:
    began = clock.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() - began >= 0.02 - EARLY_S


async def sleepers_wake_in_the_order_of_their_times(clock: Clock) -> None:
    woken: list[int] = []

    async def sleep(turn: int) -> None:
        await clock.sleep(0.01 * turn)
        woken.append(turn)

    await all_of(*(sleep(turn) for turn in (3, 1, 2)))
    assert woken == [1, 2, 3]


async def a_sleeper_can_be_cancelled(clock: Clock) -> None:
    began = clock.monotonic()
    try:
        async with asyncio.timeout(0.01):
            await clock.sleep(10_000.0)
    except TimeoutError:
        assert clock.monotonic() - began < 10_000.0
    else:
        raise AssertionError("it slept on")


async def the_wall_clock_tells_a_date(clock: Clock) -> None:
    assert clock.now() > 1_600_000_000.0


CLOCK: Mapping[str, Callable[[Clock], Awaitable[None]]] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            it_is_the_time_of_the_running_loop,
            it_never_goes_back,
            a_sleep_takes_its_time,
            sleepers_wake_in_the_order_of_their_times,
            a_sleeper_can_be_cancelled,
            the_wall_clock_tells_a_date,
        )
    }
)


def a_number_is_in_the_half_open_unit(dice: Random) -> None:
    drawn = [dice.random() for _ in range(DRAWS)]
    assert all(0.0 <= number < 1.0 for number in drawn)
    assert len(set(drawn)) > DRAWS / 2


def a_token_is_its_bytes_in_hexadecimal(dice: Random) -> None:
    for size in (0, 1, 5, 32):
        assert len(bytes.fromhex(dice.token(size))) == size


def no_token_comes_twice(dice: Random) -> None:
    assert len({dice.token(8) for _ in range(DRAWS)}) == DRAWS


RANDOM: Mapping[str, Callable[[Random], None]] = MappingProxyType(
    {law.__name__: law for law in (a_number_is_in_the_half_open_unit, a_token_is_its_bytes_in_hexadecimal, no_token_comes_twice)}
)
