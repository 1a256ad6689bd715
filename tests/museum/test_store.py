"""Stores as older versions wrote them: each is upgraded, kept beside, and read in full by this version."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.core.fold import fold
from holdfast.core.view import View, to_json
from holdfast.host.clock import RealClock
from holdfast.kit.secret import Redactor
from holdfast.model.operation import Phase
from holdfast.store.journal import StoreJournal
from holdfast.store.schema import APPLICATION_ID, STEPS
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.contracts.store import event, operation, owned

HERE = Path(__file__).parent
DUMPS = sorted(HERE.glob("store-v*.sql"))


def restored(dump: Path, path: Path) -> int:
    """Make the store that `dump` holds, and return its version."""
    found = re.fullmatch(r"store-v(\d+)\.sql", dump.name)
    assert found
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {found[1]}")
    return int(found[1])


def test_every_version_is_kept_here() -> None:
    assert [dump.name for dump in DUMPS] == [f"store-v{number}.sql" for number in range(1, len(STEPS) + 1)]


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
def test_what_an_older_version_stored_is_read(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    version = restored(dump, path)

    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        journal = StoreJournal(store, RealClock(), Redactor())
        await journal.load()
        told = await store.events()
        assert [(it.seq, it.type, it.at) for it in told] == [(n, event(n).type, float(n)) for n in (1, 2)]
        assert to_json(journal.view) == to_json(fold(View(), told))
        assert list((await store.inventory()).values()) == [owned("a")]
        assert await store.operations() == (operation("2"), operation("1", phase=Phase.FAILED))
        assert await store.records("process") == {"a": {"pid": 7}}
        await journal.emit(event(3))
        assert journal.newest == 3
        await store.close()

    asyncio.run(main())
    assert (tmp_path / f"store.v{version}.sqlite").exists() == (version < len(STEPS))
