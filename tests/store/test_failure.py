"""What SQLite says in numbers is told in words and codes; a defect of ours is not dressed up as a full disk."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from holdfast.errors import StoreError
from holdfast.store.failure import Unreadable, translator


def told(error: Exception, path: Path) -> Exception:
    return translator(path)(error)


def sqlite_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("words of SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (sqlite_error(sqlite3.SQLITE_FULL), "HF5001"),
        (OSError(errno.ENOSPC, "No space left on device"), "HF5001"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "HF5001"),
        (OSError(errno.EIO, "Input/output error"), "HF5002"),
        (PermissionError(errno.EACCES, "Permission denied"), "HF5002"),
        (sqlite_error(sqlite3.SQLITE_IOERR_WRITE), "HF5002"),
        (sqlite_error(sqlite3.SQLITE_READONLY_DIRECTORY), "HF5002"),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), "HF5002"),
        (sqlite_error(sqlite3.SQLITE_CORRUPT_INDEX), "HF5003"),
        (sqlite_error(sqlite3.SQLITE_NOTADB), "HF5003"),
        (Unreadable("event 7 cannot be read: no"), "HF5003"),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), "HF5005"),
        (sqlite_error(sqlite3.SQLITE_LOCKED), "HF5005"),
    ],
    ids=repr,
)
def test_each_failure_has_its_code(error: Exception, code: str, tmp_path: Path) -> None:
    found = told(error, tmp_path / "store.sqlite")
    assert isinstance(found, StoreError)
    assert found.code == code
    assert found.message.startswith(f"cannot use the store {tmp_path / 'store.sqlite'}: ")
    assert found.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        sqlite_error(sqlite3.SQLITE_CONSTRAINT_UNIQUE),
        sqlite3.ProgrammingError("Incorrect number of bindings"),
        TypeError("Object of type object is not JSON serializable"),
        StoreError("HF5004", "cannot use the store: it is newer"),
    ],
    ids=repr,
)
def test_what_is_no_failure_of_the_store_comes_back_as_it_is(error: Exception, tmp_path: Path) -> None:
    assert told(error, tmp_path / "store.sqlite") is error
