"""Structured concurrency: the only place that makes asyncio tasks. Every task has a name, an owner and an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Tasks:
    """A group of named tasks that ends with its block.

    A guarded task that crashes is told to `on_crash` and the others go on; a crash of any other, and a guarded one that nobody would be
    told of, ends the group, as in asyncio.TaskGroup. Leaving the block waits for all; `stop` cancels them. The block's own error, where no
    task failed too, comes out as it is.
    """

    def __init__(self, on_crash: Callable[[str, BaseException], None] | None = None) -> None:
        self._group = asyncio.TaskGroup()
        self._on_crash = on_crash
        self._running: dict[str, asyncio.Task[Any]] = {}

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as errors:
            if errors.exceptions != (error,):
                raise

    def start(self, name: str, coroutine: Coroutine[Any, Any, Any], *, guard: bool = False) -> None:
        """Run `coroutine` under `name`; ValueError where a task of that name still runs, RuntimeError where the group has ended."""
        if name in self._running:
            coroutine.close()
            raise ValueError(f"task {name} runs already")
        body = self._guarded(name, coroutine) if guard else coroutine
        try:
            task = self._group.create_task(body, name=name)
        except RuntimeError:
            body.close()
            coroutine.close()
            raise
        self._running[name] = task
        task.add_done_callback(lambda done: self._ended(name, done, coroutine))

    def _ended(self, name: str, task: asyncio.Task[Any], coroutine: Coroutine[Any, Any, Any]) -> None:
        coroutine.close()  # A guarded task that is cancelled before its first step never comes to await it.
        if self._running.get(name) is task:
            del self._running[name]

    async def _guarded(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            await coroutine
        except Exception as error:
            if self._on_crash is None:
                raise
            self._on_crash(name, error)

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._running))

    def cancel(self, name: str) -> bool:
        """Cancel the task of that name; False where none runs."""
        task = self._running.get(name)
        return task.cancel() if task else False

    async def ended(self, name: str) -> None:
        """Wait until no task of that name runs; its result and its crash are not the caller's."""
        if task := self._running.get(name):
            await asyncio.wait([task])

    async def stop(self) -> None:
        """Cancel all tasks but the caller's and wait until they have ended."""
        me = asyncio.current_task()
        tasks = [task for task in self._running.values() if task is not me]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def all_of(*coroutines: Coroutine[Any, Any, T]) -> list[T]:
    """Run all at once and return their results in order; where one fails the others are cancelled and its own error is raised."""
    if len(coroutines) == 1:
        return [await coroutines[0]]  # no task: most walks and looks are of one
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


async def in_turn(coroutines: AsyncIterator[Coroutine[Any, Any, None]]) -> None:
    """Run all, each from the moment that it is given, until they have ended; errors as those of `all_of`."""
    try:
        async with asyncio.TaskGroup() as group:
            async for coroutine in coroutines:
                group.create_task(coroutine)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


class Wakeup:
    """A doorbell: many rings before the answer are one. One waiter at a time."""

    def __init__(self) -> None:
        self._is_rung = False
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        self._is_rung = True
        _end(self._waiter)

    @property
    def is_rung(self) -> bool:
        """Whether a ring still waits for its answer."""
        return self._is_rung

    async def wait(self) -> None:
        """Wait for a ring, one that came before the call included."""
        await self.wait_until(None)

    async def wait_until(self, deadline: float | None) -> bool:
        """Wait for a ring or until the loop's time `deadline`; say whether it rang. For callers on the loop's own clock."""
        if not self._is_rung:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_at(deadline, _end, self._waiter) if deadline is not None else None
            try:
                await self._waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        rang, self._is_rung = self._is_rung, False
        return rang


def _end(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
