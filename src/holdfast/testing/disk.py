"""What survives a crash: a store of plain values, and the port through which one life writes to it.

A commit is atomic and has a boundary before and after it. While the disk is full nothing is written; an answer can be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.errors import StoreError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Append, DropOwned, DropRecord, PutOperation, PutOwned, PutRecord, PutSnapshot, Snapshot, Write
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.life import Life

YIELDS = 0.25
"""How often others get a turn while a commit is written; a disk that is always slow finds no more and costs twice the time."""


@dataclass(slots=True)
class Disk:
    """Plain values. `wrote` hears of every commit once it is done."""

    weather: Weather
    dice: Random
    wrote: Callable[[tuple[Write, ...]], None] = lambda writes: None
    log: list[Event] = field(default_factory=list)
    owned: dict[ResourceId, Owned] = field(default_factory=dict)
    walks: dict[str, Operation] = field(default_factory=dict)
    spaces: dict[str, dict[str, Json]] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)
    commits: int = 0

    def write(self, writes: tuple[Write, ...]) -> tuple[Event, ...]:
        """Do all of a commit; return the appended events with their number."""
        assert writes, "a commit of nothing"
        before = len(self.log)
        numbered = tuple(self._write(write) for write in writes)
        self.commits += 1
        self.wrote(numbered)
        return tuple(self.log[before:])

    def _write(self, write: Write) -> Write:
        match write:
            case Append(event):
                event = _numbered(event, len(self.log) + 1)
                self.log.append(event)
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


@dataclass(slots=True)
class Mounted:
    """The disk as one life uses it: implements ports.Store with a boundary before and after every commit."""

    disk: Disk
    life: Life
    clock: Clock

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        self.life.boundary()
        if self.disk.weather.now and self.disk.weather.strikes(Fault.DISK_FULL):
            await self.clock.sleep(0.001)
            raise StoreError("HF5001", "cannot write: no space is left on the device")
        told = self.disk.write(writes)
        self.life.boundary()
        if self.disk.dice.random() < YIELDS:
            await asyncio.sleep(0)
        if self.disk.weather.now and self.disk.weather.strikes(Fault.LOST_REPLY):
            raise StoreError("HF5002", "cannot write: the answer was lost")
        return told

    async def events(
        self,
        *,
        after: int = 0,
        until: Instant | None = None,
        application: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> tuple[Event, ...]:
        found: Sequence[Event] = self.disk.log[after:]
        if until is not None or application is not None:
            found = [
                it
                for it in found
                if (until is None or it.at <= until) and (application is None or it.data.get("application") == application)
            ]
        return tuple(found if limit is None else found[max(0, len(found) - limit) :] if newest else found[:limit])

    async def inventory(self) -> Inventory:
        return dict(self.disk.owned)

    async def operations(
        self, *, application: str | None = None, limit: int | None = None, unfinished: bool = False
    ) -> tuple[Operation, ...]:
        found = [it for it in reversed(self.disk.walks.values()) if application in (None, it.application)]
        return tuple([it for it in found if not unfinished or it.phase is Phase.RUNNING][:limit])

    async def records(self, space: str) -> Mapping[str, Json]:
        return dict(self.disk.spaces.get(space, {}))

    async def snapshot(self, *, until: Instant | None = None) -> Snapshot | None:
        return next((it for it in reversed(self.disk.snapshots) if until is None or it.at <= until), None)

    async def prune_events(self, *, before: Instant) -> int:
        """Keep them all: a story is short."""
        return 0


def _numbered(event: Event, seq: int) -> Event:
    """`dataclasses.replace` with less ado."""
    return Event(
        type=event.type,
        subject=event.subject,
        at=event.at,
        seq=seq,
        operation=event.operation,
        revision=event.revision,
        severity=event.severity,
        key=event.key,
        data=event.data,
    )
