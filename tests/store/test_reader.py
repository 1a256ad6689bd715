"""The reader: answers from the file alone, beside a daemon that writes and without one, light and without a trace."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.core.view import to_json
from holdfast.errors import StoreError
from holdfast.host.clock import RealClock
from holdfast.kit.secret import Redactor
from holdfast.model.ports import Append, PutOperation, PutOwned, PutRecord, PutSnapshot, Snapshot
from holdfast.store.journal import StoreJournal
from holdfast.store.reader import StoreReader
from holdfast.store.schema import STEPS, create
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.contracts.store import event, operation, owned


def test_a_reader_sees_what_a_writing_daemon_committed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        journal = StoreJournal(store, RealClock(), Redactor())
        await journal.load()
        with StoreReader.open(path) as reader:
            for n in range(1, 4):
                await journal.commit(Append(event(n)), PutOwned(owned(f"p{n}")))
                assert [it.seq for it in reader.events()] == list(range(1, n + 1))
                assert len(reader.inventory()) == n
                assert to_json(reader.view()) == to_json(journal.view)
        await store.close()

    asyncio.run(main())


def test_a_reader_answers_without_a_daemon_and_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        await store.commit(
            Append(event(1)), Append(event(2)), PutOwned(owned("a")), PutOperation(operation("1")), PutRecord("space", "key", 7)
        )
        await store.close()

    asyncio.run(main())
    before = path.read_bytes()
    with StoreReader.open(path) as reader:
        assert [it.seq for it in reader.events(after=1)] == [2]
        assert list(reader.inventory().values()) == [owned("a")]
        assert reader.operations(unfinished=True) == (operation("1"),)
        assert reader.records("space") == {"key": 7}
        assert reader.snapshot() is None
        assert reader.damage() == ()
        assert reader.view_at(1.5).seq == 1
        assert reader.view().seq == 2
    assert path.read_bytes() == before


def test_a_moment_that_is_no_longer_kept_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        journal = StoreJournal(store, RealClock(), Redactor())
        await journal.load()
        await journal.emit(event(1), event(2))
        await journal.snapshot_now()
        await journal.emit(event(3))
        assert await journal.prune(2.5) == 2
        await store.close()

    asyncio.run(main())
    with StoreReader.open(path) as reader:
        assert reader.view_at(2.0).seq == 2
        assert reader.view().seq == 3
        with pytest.raises(StoreError, match="1970-01-01 00:00:01Z") as caught:
            reader.view_at(1.0)
        assert caught.value.code == "HF5007"


def test_a_snapshot_that_is_no_view_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        await store.commit(Append(event(1)), PutSnapshot(Snapshot(seq=1, at=1.0, view={"what": "is this"})))
        await store.close()

    asyncio.run(main())
    with StoreReader.open(path) as reader, pytest.raises(StoreError) as caught:
        reader.view()
    assert caught.value.code == "HF5003"


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"

    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        await store._writer.write(lambda connection: connection.execute("INSERT INTO event (at, body) VALUES (1, '{')"))
        with pytest.raises(StoreError) as caught:
            await store.events()
        assert caught.value.code == "HF5003"
        assert "event 1" in str(caught.value.__cause__)
        await store.close()

    asyncio.run(main())


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        StoreReader.open(path)
    return caught.value.code


def test_stores_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing.sqlite") == "HF5009"
    create(tmp_path / "older.sqlite", ())
    assert refusal(tmp_path / "older.sqlite") == "HF5008"
    create(tmp_path / "newer.sqlite", (*STEPS, ("CREATE TABLE later (n)",)))
    assert refusal(tmp_path / "newer.sqlite") == "HF5004"
    (tmp_path / "text.sqlite").write_text("no database\n" * 1_000)
    assert refusal(tmp_path / "text.sqlite") == "HF5003"
    assert not (tmp_path / "missing.sqlite").exists()


def test_a_reader_is_light() -> None:
    heavy = "{'asyncio', 'aiohttp', 'pydantic', 'yaml', 'click', 'rich', 'orjson', 'subprocess', 'threading'}"
    script = f"import sys, holdfast.store.reader; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
