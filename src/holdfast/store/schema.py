"""The store's file: its tables, its versions, and how an older file becomes a newer one.

`PRAGMA user_version` counts the steps that a file has seen. A step never changes once it was released; a change of the tables, or of the
written form of a value (`model.codec`), is a new step at the end. Each runs in one transaction, after a copy of the file was made.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

APPLICATION_ID = 0x48465354
"""`HFST` in the header of the file (PRAGMA application_id): it is a store of ours."""

Step: TypeAlias = tuple[str, ...]
"""SQL statements."""

STEPS: Sequence[Step] = (
    (
        # AUTOINCREMENT: a sequence number is never given twice, even after all events were pruned, and a rolled back one leaves no gap.
        "CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, application TEXT, body TEXT NOT NULL)",
        "CREATE INDEX event_at ON event (at)",
        "CREATE INDEX event_application ON event (application, seq)",
        """CREATE TABLE owned (destination TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
            body TEXT NOT NULL, PRIMARY KEY (destination, kind, namespace, name)) WITHOUT ROWID""",
        """CREATE TABLE operation (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, application TEXT NOT NULL,
            is_running INTEGER NOT NULL, finished_at REAL, body TEXT NOT NULL)""",
        "CREATE INDEX operation_application ON operation (application, number)",
        "CREATE INDEX operation_running ON operation (number) WHERE is_running",
        "CREATE TABLE record (space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (space, key)) WITHOUT ROWID",
        "CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, at REAL NOT NULL, view BLOB NOT NULL)",
    ),
)


def version(connection: sqlite3.Connection) -> int:
    """Return how many steps the file has seen."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_ours(connection: sqlite3.Connection) -> bool:
    return int(connection.execute("PRAGMA application_id").fetchone()[0]) == APPLICATION_ID


def create(path: Path, steps: Sequence[Step]) -> None:
    """Make a new store at `path`, whole or not at all: half of one would be taken for a corrupt store by the next start."""
    unfinished = path.with_name(f"{path.name}.new")
    for leftover in (unfinished, journal_of(unfinished)):
        leftover.unlink(missing_ok=True)
    touch(unfinished)
    connection = sqlite3.connect(unfinished, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        upgrade(connection, steps)
    finally:
        connection.close()
    unfinished.rename(path)
    sync_folder(path.parent)


def upgrade(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Bring the file to the newest version, one transaction a step."""
    for number, step in enumerate(steps[version(connection) :], start=version(connection) + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in step:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def copy(connection: sqlite3.Connection, path: Path) -> Path:
    """Copy the file as it is now beside `path`, named after its version; return where."""
    kept = path.with_name(f"{path.stem}.v{version(connection)}{path.suffix}")
    unfinished = kept.with_name(f"{kept.name}.new")
    unfinished.unlink(missing_ok=True)
    touch(unfinished)
    connection.execute("VACUUM INTO ?", (str(unfinished),))
    unfinished.replace(kept)
    sync_folder(path.parent)
    return kept


def touch(path: Path) -> None:
    """Create an empty file that only its owner reads; SQLite gives its companions the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def log_of(path: Path) -> Path:
    """Return the write-ahead log beside the store at `path`."""
    return path.with_name(f"{path.name}-wal")


def journal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
