"""StoreReader: the store's file for who only reads, while a daemon writes or without one. Plain calls that wait for the disk.

What `holdfast status` needs before a daemon answers: imports sqlite3, json and the folds, no asyncio.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from holdfast.core.view import View
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event
from holdfast.model.operation import Operation
from holdfast.model.plan import Inventory
from holdfast.model.ports import Snapshot
from holdfast.store import opening, past, rows
from holdfast.store.failure import FOREIGN, translator

T = TypeVar("T")


class StoreReader:
    """Answers as `model.ports.Store` does, and with views. Close it, or use it as a context. Raises StoreError."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._translate = translator(path)

    @classmethod
    def open(cls, path: Path) -> StoreReader:
        """Open the store at `path`; raises StoreError, HF5009 where there is none, and changes nothing."""
        try:
            return cls(opening.connect_read_only(path), path)
        except FOREIGN as error:
            raise translator(path)(error) from error

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def events(
        self,
        *,
        after: int = 0,
        until: Instant | None = None,
        application: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> tuple[Event, ...]:
        return self._do(partial(rows.events, after=after, until=until, application=application, limit=limit, newest=newest))

    def inventory(self) -> Inventory:
        return self._do(rows.inventory)

    def operations(self, *, application: str | None = None, limit: int | None = None, unfinished: bool = False) -> tuple[Operation, ...]:
        return self._do(partial(rows.operations, application=application, limit=limit, unfinished=unfinished))

    def records(self, space: str) -> Mapping[str, Json]:
        return self._do(lambda connection: rows.records(connection, space))

    def snapshot(self, *, until: Instant | None = None) -> Snapshot | None:
        return self._do(partial(rows.snapshot, until=until))

    def view(self) -> View:
        """Return what the daemon showed last."""
        return self.view_at(None)

    def view_at(self, instant: Instant | None) -> View:
        """Return the fold of all events up to `instant`; HF5007 where they are no longer kept."""
        snapshot = self.snapshot(until=instant)
        if snapshot is None:
            past.must_reach(self.events(limit=1), instant, self.snapshot())
        folding = past.begin(snapshot)
        for event in self.pages(after=folding.view.seq, until=instant):
            folding.apply(event)
        return folding.view

    def damage(self) -> tuple[str, ...]:
        """Return what SQLite's whole integrity check finds, nothing where the file is sound. Reads all of it."""
        found = self._do(lambda connection: connection.execute("PRAGMA integrity_check").fetchall())
        return tuple(str(row[0]) for row in found if row[0] != "ok")

    def pages(self, *, after: int = 0, until: Instant | None = None, application: str | None = None) -> Iterator[Event]:
        """Yield what `events` returns, without holding all of it."""
        while page := self.events(after=after, until=until, application=application, limit=past.PAGE):
            yield from page
            after = page[-1].seq

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._connection)
        except FOREIGN as error:
            raise self._translate(error) from error
