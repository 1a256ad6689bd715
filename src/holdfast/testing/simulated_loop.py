"""A deterministic asyncio loop: virtual time, and a seeded choice of which ready task step runs next.

The same reconciler code that runs on the real loop runs on this one. Equal seeds give equal traces; other seeds give other, legal
interleavings. A task that is ready may run now or later, as on a loaded machine; plain callbacks keep their order, as call_soon promises.
Time jumps to the next timer when nothing is ready, so a day costs milliseconds.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NoFiles(selectors.BaseSelector):
    """A selector with nothing to wait for: it lets the clock jump instead."""

    def __init__(self) -> None:
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("deadlock: every task waits and no timer is set")
        self.skipped_s += max(timeout, 0.0)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, -1, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, -1, 0, None)

    def get_map(self) -> dict[Any, Any]:
        return {}


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self, seed: int) -> None:
        self._files = _NoFiles()
        super().__init__(self._files)
        self._dice = random.Random(seed)

    def time(self) -> float:
        return self._files.skipped_s

    def _run_once(self) -> None:
        """Let ready task steps change places among themselves."""
        ready = self._ready  # type: ignore[attr-defined]
        if len(ready) > 1:
            at = [n for n, handle in enumerate(ready) if isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)]
            for n, handle in zip(at, self._dice.sample([ready[n] for n in at], len(at)), strict=True):
                ready[n] = handle
        super()._run_once()  # type: ignore[misc]


def run(seed: int, main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end under `seed` and return what it returns; tasks that it left are cancelled."""
    loop = SimulatedLoop(seed)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class SimulatedClock:
    """Virtual time of the running simulated loop, starting at a fixed date; `jump` moves the wall clock alone."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._offset = start

    def now(self) -> float:
        return self._offset + asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def jump(self, seconds: float) -> None:
        self._offset += seconds


class SimulatedRandom:
    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def random(self) -> float:
        return self._dice.random()

    def token(self, nbytes: int) -> str:
        return self._dice.randbytes(nbytes).hex()
