"""The scribe: writes down what happened, after the fact and in order, so that no restart waits for a disk.

Events first, then the records that changed, then the keeper may forget the exits that were told: a crash in between tells an exit twice,
never not at all. What must be written before an effect goes through `save`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.engines.process.link import Link
from holdfast.engines.process.roster import Roster
from holdfast.errors import StoreError
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Wakeup
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Emit, Records

AGAIN_S = 2.0
"""While the store is down: how long until a record is written again."""


@dataclass(frozen=True, slots=True)
class _Note:
    make: Callable[[], Event | None] | None
    forget: str | None


class Scribe:
    """`run` is a task of the engine; notes wait for it."""

    def __init__(self, *, records: Records, roster: Roster, link: Link, emit: Emit, clock: Clock) -> None:
        self._records = records
        self._roster = roster
        self._link = link
        self._emit = emit
        self._clock = clock
        self._notes: deque[_Note] = deque()
        self._changed: dict[ResourceId, None] = {}
        self._told: deque[str] = deque()
        self._bell = Wakeup()
        self._turn = asyncio.Lock()

    def tell(self, make: Callable[[], Event | None]) -> None:
        """Note an event; it is made when it is written, since it may want log lines. None: there was only something to look at."""
        self._notes.append(_Note(make, None))
        self._bell.wake()

    def forget(self, spawn_id: str) -> None:
        """Note that the exit of a child needs to be remembered no longer once all that was noted before is written."""
        self._notes.append(_Note(None, spawn_id))
        self._bell.wake()

    def mark(self, id: ResourceId) -> None:
        """Note that the record of a unit changed."""
        self._changed[id] = None
        self._bell.wake()

    async def save(self, id: ResourceId) -> None:
        """Write the record of a unit now: as it is, or that it is no more. Raises StoreError; then it stays marked.

        What was noted before goes first: a record that no longer names an instance says that its exit was told.
        """
        self._changed[id] = None
        async with self._turn:
            await self._write_notes()
            self._changed.pop(id, None)  # what changes from here on marks it again
            try:
                await self._write_record(id)
            except BaseException:
                self.mark(id)
                raise

    async def _write_record(self, id: ResourceId) -> None:
        unit, known = self._roster.get(id), self._records.get(str(id))
        if unit is None and known is not None:
            await self._records.drop(str(id))
        elif unit is not None and (value := unit.to_json()) != known:
            await self._records.put(str(id), value)

    async def run(self) -> None:
        while True:
            await self._bell.wait()
            await self._clock.sleep(0.0)  # a start that is asked for in the same breath goes first
            while self._notes or self._changed:
                await self._write()

    async def flush(self) -> None:
        """Write what is noted, once: the last word of a daemon."""
        await self._write()

    async def _write_notes(self) -> None:
        while self._notes:
            note = self._notes[0]
            if note.make is not None and (event := note.make()) is not None:
                await self._emit(event)
            if note.forget is not None:
                self._told.append(note.forget)
            self._notes.popleft()

    async def _write(self) -> None:
        async with self._turn:
            await self._write_notes()
        for id in tuple(self._changed):
            try:
                await self.save(id)
            except StoreError:  # told by the journal; until it is written the keeper remembers
                await self._clock.sleep(AGAIN_S)
                return
        while self._told:
            await self._link.forget(self._told.popleft())
