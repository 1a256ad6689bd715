"""The one thread that owns the store's connection, and the group commit.

asyncio never waits for the disk: a job goes to the thread by a queue, its answer comes back by `call_soon_threadsafe`, in the order of the
jobs. Writes that were queued while a transaction ran go into the next one, each behind a savepoint of its own, so that many callers cost
one commit and the failure of one is nobody else's. Reads take their turn between, outside of any transaction: whoever wrote sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from holdfast.errors import StoreError

T = TypeVar("T")

Work: TypeAlias = Callable[[sqlite3.Connection], Any]
"""Must bear to be run again: a group that fails as a whole is tried job by job."""
Connect: TypeAlias = Callable[[], sqlite3.Connection]
Translate: TypeAlias = Callable[[Exception], Exception]
"""From an error of SQLite, of the system or of decoding to what a caller is told; what is none of these comes back as it is."""

LONGEST_GROUP = 512
"""Jobs in one transaction, so that none waits long for those behind it."""
BROKEN = frozenset({"HF5002", "HF5003"})
"""After these errors a connection may be of no more use."""


@dataclass(slots=True)
class Job:
    """One caller's work. All of it is done, or none."""

    work: Work
    is_write: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def deliver(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Writer:
    """A thread and its connection, made by the first job that needs it, and anew after an error that may have broken it."""

    def __init__(self, name: str, connect: Connect, translate: Translate) -> None:
        self._connect = connect
        self._translate = translate
        self._connection: sqlite3.Connection | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._is_closed = False
        # A daemon thread: a crash of the process must not wait for it, and what it had committed is safe.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return what it gives once that is committed; all of it is done or none.

        A caller that is cancelled meanwhile still learns whether its work was done; the cancellation meets it at its next wait.
        Raises what `translate` makes of an error.
        """
        return await self._do(work, is_write=True)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which changes nothing, after all that was asked before it."""
        return await self._do(work, is_write=False)

    async def _do(self, work: Callable[[sqlite3.Connection], T], *, is_write: bool) -> T:
        if self._is_closed:
            raise StoreError("HF5006", "cannot use the store: it is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(Job(work, is_write, loop, future))
        await _whatever_comes(future)
        return future.result()

    async def close(self) -> None:
        """Finish what is queued, close the connection and end the thread. Nothing where that was done."""
        if self._is_closed:
            return
        self._is_closed = True
        loop = asyncio.get_running_loop()
        drained = Job(lambda connection: None, False, loop, loop.create_future())
        self._jobs.put(drained)
        await _whatever_comes(drained.future)
        drained.future.exception()
        self._jobs.put(None)
        self._thread.join()

    # In the thread, which must not end by an error

    def _run(self) -> None:
        while jobs := self._next():
            for is_write, group in itertools.groupby(jobs, key=lambda job: job.is_write):
                self._serve(tuple(group), is_write)
            if any(isinstance(job.error, StoreError) and job.error.code in BROKEN for job in jobs):
                self._drop()
            _deliver(jobs)
        self._drop()

    def _next(self) -> list[Job]:
        """Return all that waits, at least one job; none when it is time to end."""
        jobs: list[Job] = []
        found = self._jobs.get()
        while found is not None:
            jobs.append(found)
            if len(jobs) == LONGEST_GROUP or self._jobs.empty():
                return jobs
            found = self._jobs.get_nowait()
        if jobs:
            self._jobs.put(None)
        return jobs

    def _serve(self, jobs: Sequence[Job], is_write: bool) -> None:
        try:
            if self._connection is None:
                self._connection = self._connect()
        except Exception as error:  # noqa: BLE001 - the caller hears it
            self._fail(jobs, error)
            return
        if is_write:
            self._commit(self._connection, jobs)
        else:
            for job in jobs:
                try:
                    job.result = job.work(self._connection)
                except Exception as error:  # noqa: BLE001 - the caller hears it
                    self._fail([job], error)

    def _commit(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> None:
        """Do all in one transaction; where that fails as a whole, each in one of its own: the error may be of one job alone."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except Exception as error:  # noqa: BLE001 - the caller hears it
            self._fail(jobs, error)
            return
        try:
            for job in jobs:
                self._apart(connection, job)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the caller hears it
            self._undo(connection)
            self._fail(jobs, error)
            if len(jobs) > 1:
                self._one_by_one(jobs)

    def _one_by_one(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.result = job.error = None
            self._serve([job], is_write=True)

    def _apart(self, connection: sqlite3.Connection, job: Job) -> None:
        """Do one job behind a savepoint. Raises where its error undid the whole transaction, as a full disk may."""
        connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(connection)
            connection.execute("RELEASE job")
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            self._fail([job], error)

    def _undo(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()  # closing it rolls back

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        """Give each job an error of its own: one that many callers raise would carry all their traces."""
        for job in jobs:
            job.result, job.error = None, self._translate(error)

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _deliver(jobs: Sequence[Job]) -> None:
    """Tell each loop of its jobs, in order; a loop that has ended has nobody to tell."""

    def tell(own: Sequence[Job]) -> None:
        for job in own:
            job.deliver()

    for loop in dict.fromkeys(job.loop for job in jobs):
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, [job for job in jobs if job.loop is loop])


async def _whatever_comes(future: asyncio.Future[Any]) -> None:
    """Wait for `future` through any cancellation, and pass a cancellation on afterwards: what was written must not go unheard."""
    is_cancelled = False
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            is_cancelled = True
    task = asyncio.current_task()
    if is_cancelled and task is not None:
        task.uncancel()
        task.cancel()
