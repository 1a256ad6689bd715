"""Sweep: the safety net. Now and then, with jitter, everything owned is looked at, and what has grown old is cleared away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from holdfast.errors import HoldfastError
from holdfast.kit.clock import Clock, Random
from holdfast.model.ids import ResourceId

EVERY_S = 300.0


class SweepController:
    """`mark` is told every id of `owned`; `chores` are awaited once a sweep, each for itself: snapshots, retention, old releases."""

    def __init__(
        self,
        *,
        owned: Callable[[], Iterable[ResourceId]],
        mark: Callable[[ResourceId], None],
        chores: Iterable[Callable[[], Awaitable[object]]],
        clock: Clock,
        random: Random,
        every_s: float = EVERY_S,
    ) -> None:
        self._owned = owned
        self._mark = mark
        self._chores = tuple(chores)
        self._clock = clock
        self._random = random
        self._every_s = every_s

    async def run(self) -> None:
        while True:
            await self._clock.sleep(self._every_s * (0.75 + self._random.random() / 2))
            await self.sweep()

    async def sweep(self) -> None:
        for id in sorted(self._owned()):
            self._mark(id)
        for chore in self._chores:
            try:
                await chore()
            except HoldfastError:
                continue  # told where it was raised; the next sweep tries again
