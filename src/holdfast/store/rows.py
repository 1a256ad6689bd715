"""Values ↔ rows: every statement that the store runs, for the daemon's thread and for whoever only reads.

A body is JSON in ASCII, so that no text that a program ever wrote can fail to be stored. What cannot be read back raises `Unreadable`.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.codec import decode, encode
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Append, DropOwned, DropRecord, PutOperation, PutOwned, PutRecord, PutSnapshot, Snapshot, Write
from holdfast.store.failure import Unreadable

S = TypeVar("S")
T = TypeVar("T")

DAY_S = 86_400.0
THIN_AFTER_S = 2 * DAY_S
"""Older than this, one snapshot a day is enough: whoever asks for a moment of then folds a day at most."""
COLUMNS = "seq, at, body"

_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def do(connection: sqlite3.Connection, writes: Sequence[Write]) -> tuple[Event, ...]:
    """Do `writes` in order, inside the caller's transaction; return the appended events with their `seq`."""
    appended = []
    for write in writes:
        if isinstance(write, Append):
            appended.append(_append(connection, write.event))
        else:
            _DO[type(write)](connection, write)
    return tuple(appended)


def _append(connection: sqlite3.Connection, event: Event) -> Event:
    body = event.to_json()
    del body["seq"], body["at"]
    application = event.data.get("application")
    row = connection.execute("INSERT INTO event (at, application, body) VALUES (?, ?, ?)", (event.at, application, text(body)))
    return replace(event, seq=row.lastrowid or 0)


def _put_owned(connection: sqlite3.Connection, write: PutOwned) -> None:
    values = (*write.owned.resource.id, text(encode(write.owned)))
    connection.execute("INSERT OR REPLACE INTO owned (destination, kind, namespace, name, body) VALUES (?, ?, ?, ?, ?)", values)


def _drop_owned(connection: sqlite3.Connection, write: DropOwned) -> None:
    connection.execute("DELETE FROM owned WHERE destination = ? AND kind = ? AND namespace = ? AND name = ?", write.id)


def _put_operation(connection: sqlite3.Connection, write: PutOperation) -> None:
    it = write.operation
    connection.execute(
        "INSERT INTO operation (id, application, is_running, finished_at, body) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET is_running = excluded.is_running, finished_at = excluded.finished_at, body = excluded.body",
        (it.id, it.application, it.phase is Phase.RUNNING, it.finished_at, text(encode(it))),
    )


def _put_record(connection: sqlite3.Connection, write: PutRecord) -> None:
    connection.execute("INSERT OR REPLACE INTO record (space, key, value) VALUES (?, ?, ?)", (write.space, write.key, text(write.value)))


def _drop_record(connection: sqlite3.Connection, write: DropRecord) -> None:
    connection.execute("DELETE FROM record WHERE space = ? AND key = ?", (write.space, write.key))


def _put_snapshot(connection: sqlite3.Connection, write: PutSnapshot) -> None:
    it = write.snapshot
    view = zlib.compress(text(it.view).encode(), 1)
    connection.execute("INSERT OR REPLACE INTO snapshot (seq, at, view) VALUES (?, ?, ?)", (it.seq, it.at, view))


_DO: Mapping[type, Callable[[sqlite3.Connection, Any], None]] = MappingProxyType(
    {
        PutOwned: _put_owned,
        DropOwned: _drop_owned,
        PutOperation: _put_operation,
        PutRecord: _put_record,
        DropRecord: _drop_record,
        PutSnapshot: _put_snapshot,
    }
)


def events(
    connection: sqlite3.Connection,
    *,
    after: int = 0,
    until: Instant | None = None,
    application: str | None = None,
    limit: int | None = None,
    newest: bool = False,
) -> tuple[Event, ...]:
    """Answer as `Store.events`. Clocks jump, so `at` may fall while `seq` grows: the last event that is old enough bounds the search."""
    conditions: list[str] = ["seq > ?"]
    values: list[Any] = [after]
    if until is not None:
        conditions += ["seq <= (SELECT max(seq) FROM event INDEXED BY event_at WHERE at <= ?)", "+at <= ?"]
        values += [until, until]
    if application is not None:
        conditions.append("application = ?")
        values.append(application)
    is_backward = newest and limit is not None
    order = "DESC" if is_backward else "ASC"
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM event WHERE {' AND '.join(conditions)} ORDER BY seq {order} LIMIT ?",
        (*values, -1 if limit is None else limit),
    ).fetchall()
    return tuple(_event(*row) for row in (reversed(rows) if is_backward else rows))


def _event(seq: int, at: Instant, body: str) -> Event:
    return _read(f"event {seq}", lambda text: Event.from_json({**json.loads(text), "seq": seq, "at": at}), body)


def inventory(connection: sqlite3.Connection) -> Inventory:
    rows = connection.execute("SELECT destination, kind, namespace, name, body FROM owned ORDER BY 1, 2, 3, 4")
    found = {}
    for *parts, body in rows:
        id = ResourceId.of(parts)
        found[id] = _read(f"{id} in the inventory", _owned, body)
    return found


def operations(
    connection: sqlite3.Connection, *, application: str | None = None, limit: int | None = None, unfinished: bool = False
) -> tuple[Operation, ...]:
    conditions, values = ["TRUE"], list[Any]()
    if application is not None:
        conditions.append("application = ?")
        values.append(application)
    if unfinished:
        conditions.append("is_running")
    rows = connection.execute(
        f"SELECT id, body FROM operation WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?",
        (*values, -1 if limit is None else limit),
    )
    return tuple(_read(f"operation {id}", _operation, body) for id, body in rows)


def records(connection: sqlite3.Connection, space: str) -> Mapping[str, Json]:
    rows = connection.execute("SELECT key, value FROM record WHERE space = ? ORDER BY key", (space,))
    return {key: _read(f"record {space}/{key}", json.loads, value) for key, value in rows}


def snapshot(connection: sqlite3.Connection, *, until: Instant | None = None) -> Snapshot | None:
    condition, values = ("WHERE at <= ?", (until,)) if until is not None else ("", ())
    row = connection.execute(f"SELECT seq, at, view FROM snapshot {condition} ORDER BY seq DESC LIMIT 1", values).fetchone()
    if row is None:
        return None
    seq, at, view = row
    return Snapshot(seq=seq, at=at, view=_read(f"snapshot {seq}", lambda packed: json.loads(zlib.decompress(packed)), view))


def prune_events(connection: sqlite3.Connection, before: Instant, at_most: int) -> int:
    """Forget at most so many events older than `before`; return how many.

    Only those that a snapshot older than `before` covers: from that one on every moment can still be told.
    """
    row = connection.execute("SELECT max(seq) FROM snapshot WHERE at < ?", (before,)).fetchone()
    doomed = "SELECT seq FROM event WHERE seq <= ? AND +at < ? ORDER BY seq LIMIT ?"
    return connection.execute(f"DELETE FROM event WHERE seq IN ({doomed})", (row[0] or 0, before, at_most)).rowcount


def prune_others(connection: sqlite3.Connection, before: Instant, now: Instant) -> None:
    """Forget operations that ended before `before`, and snapshots that no moment needs any more."""
    connection.execute("DELETE FROM operation WHERE NOT is_running AND finished_at < ?", (before,))
    taken = connection.execute("SELECT seq, at FROM snapshot ORDER BY seq").fetchall()
    connection.executemany("DELETE FROM snapshot WHERE seq = ?", [(seq,) for seq in superfluous(taken, before, now)])


def superfluous(taken: Sequence[tuple[int, Instant]], before: Instant, now: Instant) -> list[int]:
    """Return which snapshots (seq, at; ascending) may go: those behind the last one older than `before`, and all but the last of each day
    that is long past."""
    base = max((seq for seq, at in taken if at < before), default=0)
    last_of_day = {at // DAY_S: seq for seq, at in taken}
    return [seq for seq, at in taken if seq < base or (at < now - THIN_AFTER_S and seq != base and last_of_day[at // DAY_S] != seq)]


def text(value: Json) -> str:
    return _ENCODER.encode(value)


def _owned(body: str) -> Owned:
    return decode(Owned, json.loads(body))


def _operation(body: str) -> Operation:
    return decode(Operation, json.loads(body))


def _read(what: str, reading: Callable[[S], T], stored: S) -> T:
    try:
        return reading(stored)
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise Unreadable(f"{what} cannot be read: {error}") from error
