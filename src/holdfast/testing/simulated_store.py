"""A simulated store: passes the contract of the real one, in memory, and fails as disks do.

Faults, each drawn per commit with the probability that `StoreFaults` gives: the commit undone, or done and its answer lost. While
`is_full` every commit fails. What was committed outlives whoever used the store, so a test crashes by dropping everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from holdfast.errors import StoreError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Append, DropOwned, DropRecord, PutOperation, PutOwned, PutRecord, PutSnapshot, Snapshot, Write


@dataclass(kw_only=True)
class StoreFaults:
    """Probabilities per commit."""

    failed: float = 0.0
    lost_reply: float = 0.0


@dataclass
class SimulatedStore:
    """Implements ports.Store. `commits` counts what really happened."""

    clock: Clock
    random: Random
    faults: StoreFaults = field(default_factory=StoreFaults)
    commit_s: float = 0.001
    is_full: bool = False
    loses_reply: bool = False
    """Whether the next commit is done and its answer lost."""
    commits: int = 0
    _seq: int = 0
    _events: list[Event] = field(default_factory=list)
    _owned: dict[ResourceId, Owned] = field(default_factory=dict)
    _operations: dict[str, Operation] = field(default_factory=dict)
    _records: dict[str, dict[str, Json]] = field(default_factory=dict)
    _snapshots: dict[int, Snapshot] = field(default_factory=dict)

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        if self.is_full or self._strikes(self.faults.failed):
            await self.clock.sleep(self.commit_s)
            raise StoreError("HF5001", "cannot use the store: the simulated disk is full")
        is_lost = self.loses_reply or self._strikes(self.faults.lost_reply)
        self.loses_reply = False
        appended = self._do(writes)
        self.commits += 1
        # Done in the order in which it was asked for; who waits is told later, in any order.
        await self.clock.sleep(self.commit_s)
        if is_lost:
            raise StoreError("HF5002", "cannot use the store: the simulated answer was lost")
        return appended

    def _do(self, writes: Sequence[Write]) -> tuple[Event, ...]:
        """Do all; nothing here can fail half-way."""
        before = self._seq
        for write in writes:
            match write:
                case Append(event):
                    self._seq += 1
                    self._events.append(replace(event, seq=self._seq))
                case PutOwned(owned):
                    self._owned[owned.resource.id] = owned
                case DropOwned(id):
                    self._owned.pop(id, None)
                case PutOperation(operation):
                    self._operations[operation.id] = operation
                case PutRecord(space, key, value):
                    self._records.setdefault(space, {})[key] = value
                case DropRecord(space, key):
                    self._records.get(space, {}).pop(key, None)
                case PutSnapshot(snapshot):
                    self._snapshots[snapshot.seq] = snapshot
        return tuple(self._events[len(self._events) - (self._seq - before) :])

    async def events(
        self,
        *,
        after: int = 0,
        until: Instant | None = None,
        application: str | None = None,
        limit: int | None = None,
        newest: bool = False,
    ) -> tuple[Event, ...]:
        found = [
            event
            for event in self._events[self._index(after) :]
            if (until is None or event.at <= until) and (application is None or event.data.get("application") == application)
        ]
        if limit is None:
            return tuple(found)
        return tuple(found[max(0, len(found) - limit) :] if newest else found[:limit])

    def _index(self, after: int) -> int:
        """Return where the events with a greater seq begin; what is kept has no gap but for what was pruned."""
        return next((at for at, event in enumerate(self._events) if event.seq > after), len(self._events))

    async def inventory(self) -> Inventory:
        return dict(sorted(self._owned.items()))

    async def operations(
        self, *, application: str | None = None, limit: int | None = None, unfinished: bool = False
    ) -> tuple[Operation, ...]:
        found = [
            operation
            for operation in reversed(self._operations.values())
            if (application is None or operation.application == application) and (not unfinished or operation.phase is Phase.RUNNING)
        ]
        return tuple(found if limit is None else found[:limit])

    async def records(self, space: str) -> Mapping[str, Json]:
        return dict(sorted(self._records.get(space, {}).items()))

    async def snapshot(self, *, until: Instant | None = None) -> Snapshot | None:
        seqs = [seq for seq, snapshot in self._snapshots.items() if until is None or snapshot.at <= until]
        return self._snapshots[max(seqs)] if seqs else None

    async def prune_events(self, *, before: Instant) -> int:
        base = max((seq for seq, snapshot in self._snapshots.items() if snapshot.at < before), default=0)
        kept = [event for event in self._events if event.seq > base or event.at >= before]
        pruned, self._events = len(self._events) - len(kept), kept
        self._snapshots = {seq: snapshot for seq, snapshot in self._snapshots.items() if seq >= base}
        ended = [it.id for it in self._operations.values() if it.finished_at is not None and it.finished_at < before]
        for id in ended:
            del self._operations[id]
        return pruned

    def _strikes(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability
