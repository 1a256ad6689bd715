"""Opening the store's file: made where there is none, refused where it is not ours, newer or corrupt, upgraded where it is older.

Synchronous = NORMAL, on purpose. In WAL mode a commit then stands in the page cache when it returns: it survives any end of the process,
`kill -9` included, and the write-ahead log is synced before each checkpoint, so that a power loss cuts off the last commits at most and
never corrupts (sqlite.org/pragma.html#pragma_synchronous). What they told of had its effects on the host that lost power too, and is
observed again. FULL would add a disk flush to every journalled step of every heal (docs/decisions/0006).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from holdfast.errors import StoreError
from holdfast.store import schema
from holdfast.store.schema import STEPS, Step

BUSY_S = 5.0
"""How long to wait for another process that holds the file (a person's `sqlite3`)."""
CHECK_S = 1.0
"""How long to look for damage when opening; a larger file is looked at in part."""
LOG_LIMIT = 64 * 1024 * 1024
"""Bytes that the write-ahead log keeps after it grew longer."""


def create_missing(path: Path, steps: Sequence[Step] = STEPS) -> None:
    """Make the store where there is none; raises StoreError where only a part of one is left, since the inventory was in it."""
    if path.exists():
        return
    log = schema.log_of(path)
    if log.exists() and log.stat().st_size:
        raise corrupt(path, f"the file is gone, and its log {log.name} is still there")
    schema.create(path, steps)


def connect(path: Path, steps: Sequence[Step] = STEPS) -> sqlite3.Connection:
    """Open the store that is at `path` for writing, upgraded to the newest version, with a copy of an older file kept beside it.

    Never makes a new one: a file that was taken away while Holdfast ran is an error. Raises StoreError, sqlite3.Error, OSError.
    """
    connection = _open(path, "rw", BUSY_S)
    try:
        found = judge(connection, path, steps)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        _settle(connection, path)
        check(connection, path)
        if found < len(steps):
            schema.copy(connection, path)
            schema.upgrade(connection, steps)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path, steps: Sequence[Step] = STEPS) -> sqlite3.Connection:
    """Open the store for reading alone, while a daemon writes or without one. Raises StoreError, sqlite3.Error, OSError."""
    if not path.exists():
        raise StoreError("HF5009", f"cannot read the store {path}: there is none", hint="`holdfast up -f application.yaml` makes one")
    connection = _open(path, "ro&immutable=1" if is_still(path) else "ro", BUSY_S)
    try:
        if (found := judge(connection, path, steps)) < len(steps):
            raise StoreError(
                "HF5008",
                f"cannot read the store {path}: it has version {found}, this Holdfast reads version {len(steps)}",
                hint="start the daemon once: `holdfast up` upgrades it and keeps a copy",
            )
    except BaseException:
        connection.close()
        raise
    return connection


def judge(connection: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> int:
    """Return the version of the file; raises StoreError where it is not ours or newer than we are."""
    if not schema.is_ours(connection):
        raise corrupt(path, "it is not a store of Holdfast")
    found = schema.version(connection)
    if found > len(steps):
        raise StoreError(
            "HF5004",
            f"cannot use the store {path}: it has version {found}, this Holdfast knows versions up to {len(steps)}",
            hint="install the newer Holdfast again, or put back the copy beside the store",
        )
    return found


def check(connection: sqlite3.Connection, path: Path, within_s: float = CHECK_S) -> None:
    """Look for damage, for at most `within_s`; raises StoreError naming what was found first."""
    deadline = time.monotonic() + within_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return
    finally:
        connection.set_progress_handler(None, 0)
    if found != ["ok"]:
        raise corrupt(path, found[0].splitlines()[-1] if found else "the check gave no answer")


def is_still(path: Path) -> bool:
    """Say whether nobody can be writing the file, and all is in it: SQLite reads a log with the help of a file that it could not make."""
    log = schema.log_of(path)
    return not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)


def corrupt(path: Path, reason: str) -> StoreError:
    return StoreError("HF5003", f"cannot use the store {path}: {reason}", hint="holdfast explain HF5003")


def _open(path: Path, mode: str, busy_s: float) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, isolation_level=None, timeout=busy_s)


def _settle(connection: sqlite3.Connection, path: Path) -> None:
    """Set what holds for the connection, and for the file that it is a log of writes."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise StoreError("HF5002", f"cannot use the store {path}: its file system bears no write-ahead log", hint="holdfast explain HF5002")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT}")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
