"""Time and chance as protocols. Implementations live in `host` (real) and `testing` (simulated)."""

from __future__ import annotations

from typing import Protocol, TypeAlias

Instant: TypeAlias = float
"""Seconds since 1970-01-01T00:00:00Z."""


class Clock(Protocol):
    def now(self) -> Instant:
        """Return the wall clock's time, which may jump both ways."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Random(Protocol):
    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def token(self, nbytes: int) -> str:
        """Return `nbytes` random bytes in hexadecimal."""
        ...
