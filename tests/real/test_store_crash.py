"""The store against the real world: killed while it writes, on a disk that is full, and on one that cannot be written."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.errors import StoreError
from holdfast.host.clock import RealClock
from holdfast.kit.secret import Redactor
from holdfast.model.ports import Append, PutOwned
from holdfast.store.journal import StoreJournal
from holdfast.store.reader import StoreReader
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.contracts.store import event, owned

pytestmark = pytest.mark.real

RUNS = 10
WRITE_FOREVER = """
import asyncio, itertools, os, sys
from pathlib import Path
from holdfast.host.clock import RealClock
from holdfast.kit.tasks import all_of
from holdfast.model.ports import Append, PutRecord
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.contracts.store import event

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), clock=RealClock())
    async def commit(n):
        told = await store.commit(Append(event(n)), PutRecord("one", str(n), n), Append(event(n)))
        os.write(1, b"%d %d\\n" % (n, told[-1].seq))
    for n in itertools.count(int(sys.argv[2]), 25):
        await all_of(*(commit(n + i) for i in range(25)))

asyncio.run(main())
"""
FILL_UP = """
import asyncio, json, os, resource, sys
from contextlib import suppress
from pathlib import Path
from holdfast.errors import StoreError
from holdfast.host.clock import RealClock
from holdfast.kit.secret import Redactor
from holdfast.model.ports import Append, PutRecord
from holdfast.store.journal import StoreJournal
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.contracts.store import event

async def main():
    path = Path(sys.argv[1])
    store = await SqliteStore.open(path, clock=RealClock())
    journal = StoreJournal(store, RealClock(), Redactor())
    await journal.load()
    await journal.emit(event(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
    told = {"acknowledged": []}
    for n in range(2, 1000):
        try:
            told["acknowledged"] += [it.seq for it in await journal.commit(Append(event(n)), PutRecord("big", str(n), "x" * 5000))]
        except StoreError as error:
            told["code"] = error.code
            break
    await journal.emit(event(1000), event(1001))
    told["shown"] = journal.view.applications["shop"].suspended
    told["is_down"] = journal.view.store_error is not None
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await journal.commit(Append(event(1002)))
    told["is_down_after"] = journal.view.store_error is not None
    told["last"] = [it.data.get("reason", it.type) for it in await store.events(limit=5, newest=True)]
    told["records"] = len(await store.records("big"))
    await store.close()
    print(json.dumps(told))

asyncio.run(main())
"""


def sound(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return connection


def written_until_killed(path: Path, first: int, lines: int) -> list[tuple[int, int]]:
    """Let a process write from number `first` on, kill it after so many answers, and return all answers that it gave."""
    command = [sys.executable, "-c", WRITE_FOREVER, str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        told += writer.stdout.readlines()
    pairs = (line.split() for line in told if line.endswith("\n"))
    return [(int(n), int(seq)) for n, seq in pairs]


def test_what_was_acknowledged_survives_a_kill_at_any_moment(tmp_path: Path) -> None:
    path, dice = tmp_path / "store.sqlite", random.Random(7)
    acknowledged: list[tuple[int, int]] = []
    for turn in range(RUNS):
        acknowledged += written_until_killed(path, turn * 1_000_000, dice.randrange(1, 400))
        with contextlib.closing(sound(path)) as connection:
            stored = connection.execute("SELECT seq, at FROM event ORDER BY seq").fetchall()
            records = {int(value) for (value,) in connection.execute("SELECT value FROM record WHERE space = 'one'")}
        assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1))
        numbers = [int(at) for _, at in stored]
        assert numbers[::2] == numbers[1::2], "a commit was torn"
        assert set(numbers) == records
        at = dict(stored)
        assert all(int(at[seq]) == n for n, seq in acknowledged)
    assert len(acknowledged) > RUNS


def test_a_file_that_may_not_grow_stops_writing_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    done = subprocess.run([sys.executable, "-c", FILL_UP, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["code"] == "HF5002"
    assert told["shown"] == "suspended by ann: number 1001"
    assert (told["is_down"], told["is_down_after"]) == (True, False)
    assert told["last"] == ["store.failed", "number 1000", "number 1001", "store.recovered", "number 1002"]
    assert told["records"] == len(told["acknowledged"]) > 0
    with contextlib.closing(sound(path)) as connection:
        assert connection.execute("SELECT count(*) FROM record").fetchone() == (told["records"],)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "holdfast-test", str(place)], check=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def fill(journal: StoreJournal) -> None:
    for n in range(100):
        await journal.commit(Append(event(n)), PutOwned(owned(f"{n} " + "x" * 10_000)))


@pytest.mark.needs("root", "mount", "umount")
def test_a_full_disk_is_survived_and_left_by_itself(small_disk: Path) -> None:
    path, filler = small_disk / "store.sqlite", small_disk / "filler"

    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        journal = StoreJournal(store, RealClock(), Redactor())
        await journal.load()
        await journal.commit(Append(event(1)), PutOwned(owned("a")))
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StoreError) as caught:
            await fill(journal)
        assert caught.value.code == "HF5001"
        assert "disk is full" in caught.value.message
        written = await store.events()
        assert len(await store.inventory()) == len(written)
        await journal.emit(event(1_000))
        assert journal.view.store_error is not None
        filler.unlink()
        await journal.commit(Append(event(1_001)))
        last = (await store.events(limit=4, newest=True))[-4:]
        assert [it.data.get("reason", it.type) for it in last] == ["store.failed", "number 1000", "store.recovered", "number 1001"]
        await store.close()
        sound(path).close()

    asyncio.run(main())


@pytest.mark.needs("root", "mount", "umount")
def test_a_disk_that_cannot_be_written_is_told(small_disk: Path) -> None:
    path = small_disk / "store.sqlite"

    async def write() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        await store.commit(Append(event(1)))
        await store.close()

    asyncio.run(write())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError) as caught:
        asyncio.run(write())
    assert caught.value.code == "HF5002"
    with StoreReader.open(path) as reader:
        assert [it.seq for it in reader.events()] == [1]
