"""Opening: what is not ours, newer, damaged or gone is refused with its own code, and nothing of it is changed."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.errors import StoreError
from holdfast.host.clock import RealClock
from holdfast.model.ports import Append
from holdfast.store.opening import check, connect
from holdfast.store.schema import APPLICATION_ID, STEPS, create
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.contracts.store import event

PAGE = 4096


def filled(path: Path, events: int = 2_000) -> None:
    async def main() -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        await store.commit(*(Append(event(n)) for n in range(events)))
        await store.close()

    asyncio.run(main())


def refusal(path: Path) -> StoreError:
    """Return why `path` cannot be opened; its bytes are as before."""
    before = path.read_bytes() if path.exists() else None

    async def main() -> StoreError:
        with pytest.raises(StoreError) as caught:
            await SqliteStore.open(path, clock=RealClock())
        return caught.value

    error = asyncio.run(main())
    assert (path.read_bytes() if path.exists() else None) == before
    assert str(path) in error.message
    assert error.message.startswith("cannot ")
    return error


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    create(path, (*STEPS, ("CREATE TABLE later (n)",)))
    error = refusal(path)
    assert error.code == "HF5004"
    assert f"version {len(STEPS) + 1}" in error.message


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (n)")
    assert refusal(path).code == "HF5003"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_text("remember the milk\n" * 500)
    assert refusal(path).code == "HF5003"


def test_an_emptied_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"")
    assert refusal(path).code == "HF5003"


def test_damaged_pages_are_found(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    filled(path)
    whole = path.read_bytes()
    assert len(whole) > 40 * PAGE
    path.write_bytes(whole[: 10 * PAGE] + b"\xa5" * (20 * PAGE) + whole[30 * PAGE :])
    assert refusal(path).code == "HF5003"


def test_a_truncated_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    filled(path)
    path.write_bytes(path.read_bytes()[: 20 * PAGE])
    assert refusal(path).code == "HF5003"


def test_a_store_whose_file_is_gone_but_not_its_log_is_not_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    (tmp_path / "store.sqlite-wal").write_bytes(b"x" * 100)
    error = refusal(path)
    assert error.code == "HF5003"
    assert "store.sqlite-wal" in error.message


def test_a_missing_folder_is_no_access(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing" / "store.sqlite").code == "HF5002"


def test_a_file_taken_away_while_it_is_used_is_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    filled(path, 1)
    path.unlink()
    with pytest.raises(sqlite3.OperationalError):
        connect(path)
    assert not path.exists()


def test_a_file_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    filled(path, 1)
    path.chmod(0o644)
    connect(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_look_for_damage_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    filled(path)
    with closing(connect(path)) as connection:
        connection.execute("DELETE FROM event WHERE seq % 2")
        check(connection, path, within_s=0.0)
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (1_000,)


def test_a_store_is_a_file_that_others_can_name(tmp_path: Path) -> None:
    path = tmp_path / "store ?#%.sqlite"
    filled(path, 1)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
