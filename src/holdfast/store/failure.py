"""From what SQLite and the system say to a `StoreError` that a person understands. Other people's exceptions end here."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from holdfast.errors import StoreError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
LEAST_ROOM = 64 * 1024
"""Bytes. SQLite calls some full disks an I/O error; where less than this is left, the disk is full."""

CODES: Mapping[int, str] = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: "HF5001",
        sqlite3.SQLITE_IOERR: "HF5002",
        sqlite3.SQLITE_READONLY: "HF5002",
        sqlite3.SQLITE_CANTOPEN: "HF5002",
        sqlite3.SQLITE_PERM: "HF5002",
        sqlite3.SQLITE_AUTH: "HF5002",
        sqlite3.SQLITE_NOLFS: "HF5002",
        sqlite3.SQLITE_PROTOCOL: "HF5002",
        sqlite3.SQLITE_CORRUPT: "HF5003",
        sqlite3.SQLITE_NOTADB: "HF5003",
        sqlite3.SQLITE_BUSY: "HF5005",
        sqlite3.SQLITE_LOCKED: "HF5005",
    }
)
"""By the primary result code, the low byte of the extended one."""
REASONS: Mapping[str, str] = MappingProxyType(
    {"HF5001": "the disk is full", "HF5003": "it is corrupt", "HF5005": "another process holds it"}
)


class Unreadable(Exception):
    """A row holds something else than what is written there."""


FOREIGN = (sqlite3.Error, OSError, Unreadable)
"""What `translator` knows."""


def translator(path: Path) -> Callable[[Exception], Exception]:
    """Return what turns an error about the store at `path` into a StoreError; a defect of ours comes back as it is."""

    def translate(error: Exception) -> Exception:
        if (code := code_of(error, path)) is None:
            return error
        told = StoreError(code, f"cannot use the store {path}: {REASONS.get(code) or error}", hint=f"holdfast explain {code}")
        told.__cause__ = error
        return told

    return translate


def code_of(error: Exception, path: Path) -> str | None:
    """Return the code for an error that is no fault of the caller's, else None."""
    if isinstance(error, Unreadable):
        return "HF5003"
    if isinstance(error, OSError):
        return "HF5001" if error.errno in NO_ROOM else "HF5002"
    if not isinstance(error, sqlite3.Error):
        return None
    code = CODES.get(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF)
    return "HF5001" if code == "HF5002" and is_full(path) else code


def is_full(path: Path) -> bool:
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < LEAST_ROOM
