"""What survives a crash: a store of plain values, and the journal and records of one life on it.

A commit is atomic and has a boundary before and after it. While the disk is full nothing is written, and what `emit` is told waits in a
bounded ring that dies with its life.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from holdfast.errors import StoreError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Append, DropOwned, DropRecord, PutOperation, PutOwned, PutRecord, PutSnapshot, Snapshot, Write
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.life import Life

RING = 500


@dataclass(slots=True)
class Disk:
    """Implements ports.Store on plain values. `wrote` hears of every commit once it is done."""

    weather: Weather
    wrote: Callable[[tuple[Write, ...]], None] = lambda writes: None
    log: list[Event] = field(default_factory=list)
    owned: dict[ResourceId, Owned] = field(default_factory=dict)
    walks: dict[str, Operation] = field(default_factory=dict)
    spaces: dict[str, dict[str, Json]] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)
    commits: int = 0

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        if self.weather.strikes(Fault.DISK_FULL):
            raise StoreError("HF5001", "cannot write: no space is left on the device")
        told: list[Event] = []
        numbered = tuple(self._write(write, told) for write in writes)
        self.commits += 1
        self.wrote(numbered)
        return tuple(told)

    def _write(self, write: Write, told: list[Event]) -> Write:
        match write:
            case Append(event):
                event = replace(event, seq=len(self.log) + 1)
                self.log.append(event)
                told.append(event)
                return Append(event)
            case PutOwned(owned):
                self.owned[owned.resource.id] = owned
            case DropOwned(id):
                self.owned.pop(id, None)
            case PutOperation(operation):
                self.walks[operation.id] = operation
            case PutRecord(space, key, value):
                self.spaces.setdefault(space, {})[key] = value
            case DropRecord(space, key):
                self.spaces.get(space, {}).pop(key, None)
            case PutSnapshot(snapshot):
                self.snapshots.append(snapshot)
        return write

    async def events(
        self,
        *,
        after: int = 0,
        until: Instant | None = None,
        application: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> tuple[Event, ...]:
        found = [it for it in self.log if it.seq > after and (until is None or it.at <= until)]
        if application is not None:
            found = [it for it in found if it.data.get("application") == application]
        return tuple(found if limit is None else found[-limit:] if newest else found[:limit])

    async def inventory(self) -> Inventory:
        return dict(self.owned)

    async def operations(
        self, *, application: str | None = None, limit: int | None = None, unfinished: bool = False
    ) -> tuple[Operation, ...]:
        found = [it for it in reversed(self.walks.values()) if application in (None, it.application)]
        return tuple([it for it in found if not unfinished or it.phase is Phase.RUNNING][:limit])

    async def records(self, space: str) -> Mapping[str, Json]:
        return dict(self.spaces.get(space, {}))

    async def snapshot(self, *, until: Instant | None = None) -> Snapshot | None:
        return next((it for it in reversed(self.snapshots) if until is None or it.at <= until), None)

    async def prune_events(self, *, before: Instant) -> int:
        covered = self.snapshots[-1].seq if self.snapshots else 0
        kept = [it for it in self.log if it.at >= before or it.seq > covered]
        gone, self.log = len(self.log) - len(kept), kept
        return gone


class DiskJournal:
    """Implements ports.Journal for one life."""

    def __init__(self, disk: Disk, life: Life) -> None:
        self._disk = disk
        self._life = life
        self._ring: deque[Event] = deque(maxlen=RING)

    async def emit(self, *events: Event) -> None:
        self._ring.extend(events)
        try:
            await self.commit()
        except StoreError:
            return  # they wait in the ring

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        self._life.boundary()
        waiting = len(self._ring)
        told = await self._disk.commit(*(Append(event) for event in self._ring), *writes)
        self._ring.clear()
        self._life.boundary()
        await asyncio.sleep(0)
        return told[waiting:]


class DiskRecords:
    """Implements ports.Records for one life: one space, read from memory, written through."""

    def __init__(self, disk: Disk, journal: DiskJournal, space: str) -> None:
        self._journal = journal
        self._space = space
        self._values = dict(disk.spaces.get(space, {}))

    def get(self, key: str) -> Json:
        return self._values.get(key)

    def all(self) -> Mapping[str, Json]:
        return dict(self._values)

    async def put(self, key: str, value: Json) -> None:
        await self._journal.commit(PutRecord(self._space, key, value))
        self._values[key] = value

    async def drop(self, key: str) -> None:
        await self._journal.commit(DropRecord(self._space, key))
        self._values.pop(key, None)
