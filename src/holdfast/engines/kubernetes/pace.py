"""Pace: how many requests are in flight at once. No fixed rate: the server says when it is too much.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681): each answer in good time lets a little more in flight, a 429 or a
slow answer halves it. A 429 with Retry-After also closes the door for that long. Used by transport for everything but watches.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LEAST, FIRST, MOST = 2.0, 16.0, 64.0
SLOW_S = 2.0
"""An answer that takes longer is a sign of a server that has too much to do."""


class Pace:
    """One for each server."""

    def __init__(self) -> None:
        self.limit = FIRST
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place in flight; first come, first served."""
        loop = asyncio.get_running_loop()
        if self.in_flight >= int(self.limit) or self._waiting:
            future = loop.create_future()
            self._waiting.append(future)
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self.in_flight -= 1  # a place was given and is not taken
                    self._admit()
                else:
                    self._waiting.remove(future)
                raise
        else:
            self.in_flight += 1
        try:
            if (pause := self._closed_until - loop.time()) > 0:
                await asyncio.sleep(pause)
            yield
        finally:
            self.in_flight -= 1
            self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            future = self._waiting.popleft()
            if not future.done():
                self.in_flight += 1
                future.set_result(None)

    def went_well(self, took_s: float) -> None:
        if took_s > SLOW_S:
            self._slower()
        else:
            self.limit = min(MOST, self.limit + 1.0 / self.limit)

    def was_too_much(self, retry_after_s: float | None) -> None:
        self._slower()
        if retry_after_s is not None:
            self._closed_until = max(self._closed_until, asyncio.get_running_loop().time() + retry_after_s)

    def _slower(self) -> None:
        self.limit = max(LEAST, self.limit / 2)
