"""The writer: groups cost one commit, one job's failure is its own, and nobody is left without an answer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from holdfast.errors import StoreError
from holdfast.host.thread import in_thread
from holdfast.kit.tasks import Tasks, all_of
from holdfast.store.failure import translator
from holdfast.store.writer import Writer


class Desk:
    """A writer on a table of numbers, and every statement that it ran."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statements: list[str] = []
        self.connections = 0
        self.writer = Writer("test store", self.connect, translator(path))

    def connect(self) -> sqlite3.Connection:
        self.connections += 1
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=0.0)
        connection.execute("CREATE TABLE IF NOT EXISTS number (n BLOB)")
        connection.set_trace_callback(self.statements.append)
        return connection

    async def numbers(self) -> list[int]:
        return await self.writer.read(lambda connection: [row[0] for row in connection.execute("SELECT n FROM number ORDER BY rowid")])

    async def put(self, n: object) -> None:
        await self.writer.write(lambda connection: insert(connection, n))


def insert(connection: sqlite3.Connection, n: object) -> None:
    connection.execute("INSERT INTO number VALUES (?)", (n,))


def put_then_fail(connection: sqlite3.Connection) -> None:
    insert(connection, 100)
    raise LookupError("after half of the work")


def on_a_desk(path: Path, main: Callable[[Desk], Awaitable[None]]) -> Desk:
    async def run() -> Desk:
        desk = Desk(path / "numbers.sqlite")
        try:
            await main(desk)
        finally:
            await desk.writer.close()
        return desk

    return asyncio.run(run())


class Held:
    """A job that keeps the thread busy until it is let go, so that what follows waits together."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.gate = threading.Event()

    def work(self, connection: sqlite3.Connection) -> None:
        self.begun.set()
        assert self.gate.wait(30)

    async def holds(self) -> None:
        """Return when the thread is busy with this job, and with nothing that is asked for later."""
        assert await in_thread(self.begun.wait, 30)


def test_what_waits_goes_into_one_transaction(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        held = Held()
        async with Tasks() as tasks:
            tasks.start("hold", desk.writer.read(held.work))
            await held.holds()
            for n in range(100):
                tasks.start(f"put {n}", desk.put(n))
            await asyncio.sleep(0)
            held.gate.set()
        assert await desk.numbers() == list(range(100))

    desk = on_a_desk(tmp_path, main)
    assert desk.statements.count("COMMIT") == 1


def test_a_failing_job_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        held = Held()
        async with Tasks() as tasks:
            tasks.start("hold", desk.writer.read(held.work))
            await held.holds()
            tasks.start("put 1", desk.put(1))
            failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            async def fail() -> None:
                with pytest.raises(LookupError):
                    await desk.writer.write(put_then_fail)
                failing.set_result(None)

            tasks.start("fail", fail())
            tasks.start("put 2", desk.put(2))
            await asyncio.sleep(0)
            held.gate.set()
        assert failing.done()
        assert await desk.numbers() == [1, 2]

    assert on_a_desk(tmp_path, main).statements.count("COMMIT") == 1


def test_a_job_too_big_for_the_disk_fails_alone_and_nothing_of_it_stays(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        await desk.writer.read(lambda connection: connection.execute("PRAGMA max_page_count = 20").fetchone())
        held = Held()
        failed: list[str] = []

        async def put_big() -> None:
            try:
                await desk.put(b"x" * 1_000_000)
            except StoreError as error:
                failed.append(error.code)

        async with Tasks() as tasks:
            tasks.start("hold", desk.writer.read(held.work))
            await held.holds()
            tasks.start("put 1", desk.put(1))
            tasks.start("big", put_big())
            tasks.start("put 2", desk.put(2))
            await asyncio.sleep(0)
            held.gate.set()
        assert failed == ["HF5001"]
        assert await desk.numbers() == [1, 2]

    on_a_desk(tmp_path, main)


def test_whoever_wrote_reads_it(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        _, numbers, _ = await all_of(desk.put(1), desk.numbers(), desk.put(2))
        assert numbers == [1]

    on_a_desk(tmp_path, main)


def test_a_cancelled_caller_still_learns_what_was_done(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        held, learned = Held(), list[str]()

        async def put() -> None:
            await desk.put(1)
            learned.append("done")
            await asyncio.sleep(30)
            learned.append("went on")

        async with Tasks() as tasks:
            tasks.start("hold", desk.writer.read(held.work))
            await held.holds()
            tasks.start("put", put())
            await asyncio.sleep(0)
            tasks.cancel("put")
            await asyncio.sleep(0)
            held.gate.set()
        assert learned == ["done"]
        assert await desk.numbers() == [1]

    on_a_desk(tmp_path, main)


def test_a_connection_that_may_be_broken_is_made_anew(tmp_path: Path) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        raise OSError(5, "Input/output error")

    async def main(desk: Desk) -> None:
        await desk.put(1)
        with pytest.raises(StoreError) as caught:
            await desk.writer.write(broken)
        assert caught.value.code == "HF5002"
        await desk.put(2)
        assert await desk.numbers() == [1, 2]

    assert on_a_desk(tmp_path, main).connections == 2


def test_a_connection_that_cannot_be_made_is_each_callers_error(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        desk.path = tmp_path / "missing" / "numbers.sqlite"
        for _ in range(2):
            with pytest.raises(StoreError) as caught:
                await desk.put(1)
            assert caught.value.code == "HF5002"

    on_a_desk(tmp_path, main)


def test_a_file_that_another_process_holds_is_told_and_tried_again(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        await desk.put(1)
        other = sqlite3.connect(desk.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            await desk.put(2)
        assert caught.value.code == "HF5005"
        assert await desk.numbers() == [1]
        other.execute("ROLLBACK")
        other.close()
        await desk.put(3)
        assert await desk.numbers() == [1, 3]

    on_a_desk(tmp_path, main)


def test_closing_finishes_what_was_asked_and_then_refuses(tmp_path: Path) -> None:
    async def main(desk: Desk) -> None:
        async with Tasks() as tasks:
            for n in range(50):
                tasks.start(f"put {n}", desk.put(n))
            await asyncio.sleep(0)
            await desk.writer.close()
        await desk.writer.close()
        with pytest.raises(StoreError) as caught:
            await desk.put(1)
        assert caught.value.code == "HF5006"

    desk = on_a_desk(tmp_path, main)
    connection = sqlite3.connect(desk.path)
    assert connection.execute("SELECT count(*) FROM number").fetchone() == (50,)
    connection.close()
    assert "test store" not in {thread.name for thread in threading.enumerate()}
