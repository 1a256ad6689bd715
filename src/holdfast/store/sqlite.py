"""SqliteStore: the store of one host, a file in WAL mode that one thread of the daemon writes and reads.

Commits of many callers go to the disk together (`writer`); the file is judged when it is opened (`opening`); statements are in `rows`.
Without a daemon the file is read by `reader`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant
from holdfast.model.event import Event
from holdfast.model.operation import Operation
from holdfast.model.plan import Inventory
from holdfast.model.ports import Snapshot, Write
from holdfast.store import opening, rows, schema
from holdfast.store.failure import FOREIGN, translator
from holdfast.store.schema import STEPS, Step
from holdfast.store.writer import Writer

PRUNED_AT_ONCE = 5_000
"""Events forgotten in one transaction, so that no commit waits long behind it."""


class SqliteStore:
    """Implements `model.ports.Store`."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, steps: Sequence[Step] = STEPS) -> SqliteStore:
        """Open the store at `path`, made where there is none; its folder must be there.

        Raises StoreError: HF5001 no room, HF5002 no access, HF5003 corrupt or not ours, HF5004 newer than we are, HF5005 held.
        """
        translate = translator(path)
        try:
            opening.create_missing(path, steps)
        except FOREIGN as error:
            raise translate(error) from error
        store = cls(Writer("store", partial(opening.connect, path, steps), translate), clock)
        try:
            await store._writer.read(schema.version)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Finish what was begun and close the file. Afterwards everything raises HF5006."""
        await self._writer.close()

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        return await self._writer.write(lambda connection: rows.do(connection, writes))

    async def events(
        self,
        *,
        after: int = 0,
        until: Instant | None = None,
        application: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> tuple[Event, ...]:
        return await self._writer.read(partial(rows.events, after=after, until=until, application=application, limit=limit, newest=newest))

    async def inventory(self) -> Inventory:
        return await self._writer.read(rows.inventory)

    async def operations(
        self, *, application: str | None = None, limit: int | None = None, unfinished: bool = False
    ) -> tuple[Operation, ...]:
        return await self._writer.read(partial(rows.operations, application=application, limit=limit, unfinished=unfinished))

    async def records(self, space: str) -> Mapping[str, Json]:
        return await self._writer.read(lambda connection: rows.records(connection, space))

    async def snapshot(self, *, until: Instant | None = None) -> Snapshot | None:
        return await self._writer.read(partial(rows.snapshot, until=until))

    async def prune_events(self, *, before: Instant) -> int:
        """Forget what `before` allows: events behind a snapshot, and with them ended operations and superfluous snapshots."""
        total = 0
        while pruned := await self._writer.write(lambda connection: rows.prune_events(connection, before, PRUNED_AT_ONCE)):
            total += pruned
        now = self._clock.now()
        await self._writer.write(lambda connection: rows.prune_others(connection, before, now))
        return total
