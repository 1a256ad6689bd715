"""A life of the daemon: from its start until it is killed, at a boundary that its fate names.

Every effect has a boundary before and after it (a step of an engine, a write to the store). Whoever calls `boundary` in a life that is
over is cancelled on the spot: what a killed process would have done next never happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from holdfast.kit.tasks import Wakeup


@dataclass(slots=True)
class Fate:
    """Counts boundaries over all lives, and says at which the daemon dies."""

    deaths: Collection[int] = ()
    count: int = 0
    bell: Wakeup = field(default_factory=Wakeup)
    """Rings when a life ends."""


@dataclass(slots=True)
class Life:
    fate: Fate
    is_over: bool = False

    def boundary(self) -> None:
        """Pass a boundary, or die at it."""
        if self.is_over:
            raise asyncio.CancelledError
        fate = self.fate
        fate.count += 1
        if fate.count in fate.deaths:
            self.end()
            raise asyncio.CancelledError

    def end(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.fate.bell.wake()
