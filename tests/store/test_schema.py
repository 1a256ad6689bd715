"""The file's versions: made whole, upgraded in steps with a copy kept, and a step that fails changes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from holdfast.store import schema
from holdfast.store.opening import connect, create_missing
from holdfast.store.schema import STEPS, Step

EXTRA: Sequence[Step] = (*STEPS, ("CREATE TABLE extra (n INTEGER)", "INSERT INTO extra VALUES (1)"))
FAILING: Sequence[Step] = (*STEPS, ("CREATE TABLE extra (n INTEGER)", "INSERT INTO nowhere VALUES (1)"))


@contextmanager
def opened(path: Path, steps: Sequence[Step] = STEPS) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, steps)) as connection:
        yield connection


def test_a_new_store_is_ours_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    create_missing(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["store.sqlite"]
    with opened(path) as connection:
        assert schema.is_ours(connection)
        assert schema.version(connection) == len(STEPS)
        connection.execute("INSERT INTO record VALUES ('a', 'b', '1')")
        assert {found.stat().st_mode & 0o777 for found in tmp_path.iterdir()} == {0o600}
        assert {found.name for found in tmp_path.iterdir()} == {"store.sqlite", "store.sqlite-wal", "store.sqlite-shm"}


def test_what_a_crash_left_while_making_one_is_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    (tmp_path / "store.sqlite.new").write_text("half")
    create_missing(path)
    assert [found.name for found in tmp_path.iterdir()] == ["store.sqlite"]


def test_a_file_of_no_version_gets_all_steps(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    schema.create(path, ())
    with opened(path) as connection:
        assert schema.version(connection) == len(STEPS)
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (0,)


def test_an_older_store_is_upgraded_and_kept_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    create_missing(path)
    with opened(path) as connection:
        connection.execute("INSERT INTO record VALUES ('a', 'b', '1')")
    with opened(path, EXTRA) as connection:
        assert schema.version(connection) == len(STEPS) + 1
        assert connection.execute("SELECT n FROM extra").fetchall() == [(1,)]
        assert connection.execute("SELECT * FROM record").fetchall() == [("a", "b", "1")]
    kept = tmp_path / f"store.v{len(STEPS)}.sqlite"
    assert kept.stat().st_mode & 0o777 == 0o600
    with opened(kept) as connection:
        assert schema.version(connection) == len(STEPS)
        assert connection.execute("SELECT * FROM record").fetchall() == [("a", "b", "1")]


def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    create_missing(path)
    with pytest.raises(sqlite3.OperationalError):
        connect(path, FAILING)
    with opened(path) as connection:
        assert schema.version(connection) == len(STEPS)
        assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'extra'").fetchall() == []


def test_a_number_is_never_given_twice_and_leaves_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    create_missing(path)
    insert = "INSERT INTO event (at, body) VALUES (1, '{}')"
    with opened(path) as connection:
        connection.execute(insert)
        connection.execute("BEGIN")
        connection.execute(insert)
        connection.execute("ROLLBACK")
        assert connection.execute(insert).lastrowid == 2
        connection.execute("DELETE FROM event")
        assert connection.execute(insert).lastrowid == 3
