"""A deterministic asyncio loop: virtual time, and a seeded choice of which ready task step runs next.

The same reconciler code that runs on the real loop runs on this one. Equal seeds give equal traces; other seeds give other, legal
interleavings. A task that is ready may run now or later, as on a loaded machine; plain callbacks keep their order, as call_soon promises.
Time jumps to the next timer when nothing is ready, so a day costs milliseconds.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Any, TypeVar

T = TypeVar("T")


class _NoFiles(selectors.BaseSelector):
    """A selector with nothing to wait for; the loop never asks it."""

    def select(self, timeout: float | None = None) -> list[Any]:
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, -1, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, -1, 0, None)

    def get_map(self) -> dict[Any, Any]:
        return {}


class _Task(asyncio.Task[Any]):
    """A task whose hash is its number: asyncio keeps tasks in sets, and ordered by address they would be cancelled in any order."""

    _number = 0

    def __init__(self, coroutine: Any, *, loop: SimulatedLoop, **options: Any) -> None:
        loop.tasks += 1
        self._number = loop.tasks
        super().__init__(coroutine, loop=loop, **options)

    def __hash__(self) -> int:
        return self._number


class _Handle:
    """What `call_soon` returns: asyncio.Handle without what a simulation does not look at. A third of what a loop does is making these."""

    __slots__ = ("args", "callback", "context", "is_cancelled")

    def __init__(self, callback: Any, args: Any, context: Context) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True
        self.callback = self.args = None  # what was not to be called is not to be kept alive either

    def cancelled(self) -> bool:
        return self.is_cancelled


class _Timer(_Handle):
    __slots__ = ("_when",)

    def __init__(self, when: float, callback: Any, args: tuple[Any, ...], context: Context) -> None:
        super().__init__(callback, args, context)
        self._when = when

    def when(self) -> float:
        return self._when


class SimulatedLoop(asyncio.SelectorEventLoop):
    """`tasks` counts the tasks that were made; `now` is its time, in virtual seconds."""

    def __init__(self, seed: int) -> None:
        self.tasks = 0
        self.now = 0.0
        super().__init__(_NoFiles())
        self._dice = random.Random(seed)
        self._context = copy_context()
        """Of callbacks that bring none: nothing here depends on context variables."""
        self._timers: list[tuple[float, int, _Timer]] = []
        """A heap; what is due at one instant comes in the order in which it was set."""
        self._set = 0
        self.set_task_factory(_task)

    def time(self) -> float:
        return self.now

    def _make_self_pipe(self) -> None:
        """Nobody calls from another thread or from a signal, so the pair of sockets that every loop opens is spared."""

    def _close_self_pipe(self) -> None:
        pass

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        handle = _Handle(callback, args, context or self._context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        """How an asynchronous generator that nobody reads to its end is closed; there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        timer = _Timer(when, callback, args, context or self._context)
        self._set += 1
        heappush(self._timers, (when, self._set, timer))
        return timer

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        """Run until somebody says stop: task steps in an order that the dice choose; where nothing is ready, jump to the next timer.

        Takes the place of the base class's: the same, without files, debug mode and the real clock.
        """
        ready, timers = self._ready, self._timers  # type: ignore[attr-defined]
        while True:
            while timers and timers[0][2].is_cancelled:
                heappop(timers)
            if not ready and not self._stopping:  # type: ignore[attr-defined]
                if not timers:
                    raise RuntimeError("deadlock: every task waits and no timer is set")
                self.now = max(self.now, timers[0][0])
            now = self.now
            while timers and timers[0][0] <= now:
                ready.append(heappop(timers)[2])
            count = len(ready)
            if count > 1:
                self._shuffle(ready)
            for _ in range(count):
                handle = ready.popleft()
                if not handle.is_cancelled:
                    self._call(handle)
            if self._stopping:  # type: ignore[attr-defined]
                return

    def _call(self, handle: _Handle) -> None:
        try:
            handle.context.run(handle.callback, *handle.args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001
            self.call_exception_handler({"message": f"Exception in callback {handle.callback}", "exception": error})

    def _shuffle(self, ready: Any) -> None:
        """Let ready task steps change places among themselves."""
        at = [n for n, handle in enumerate(ready) if type(getattr(handle.callback, "__self__", None)) is _Task]
        if len(at) > 1:
            steps = [ready[n] for n in at]
            self._dice.shuffle(steps)
            for n, handle in zip(at, steps, strict=True):
                ready[n] = handle


def _task(loop: Any, coroutine: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
    return _Task(coroutine, loop=loop, **options)


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
        self._loop: Any = None

    def now(self) -> float:
        return self._offset + self.monotonic()

    def monotonic(self) -> float:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        seconds: float = self._loop.now
        return seconds

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
