"""The real clock and the real dice. Everything that waits or chooses takes them by the protocols of `kit.clock`."""

from __future__ import annotations

import asyncio
import random
import secrets
import time

from holdfast.kit.clock import Instant


class RealClock:
    def now(self) -> Instant:
        return time.time()

    def monotonic(self) -> float:
        """Return the clock of the running loop, so that its deadlines and ours are the same numbers."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RealRandom:
    def random(self) -> float:
        """Return a number for jitter; nothing secret depends on it."""
        return random.random()

    def token(self, nbytes: int) -> str:
        return secrets.token_hex(nbytes)
