"""StoreJournal: the one door through which events go. Stored first, then folded into the live view, then told to whoever follows.

The view is a fold of the log in the order of `seq`, exactly; answers of concurrent commits may come in any order, and one may be lost, so
where a number is missing the log itself is read. While the store is down, what happens waits in a ring and is shown as it would be folded;
it is written, with how long the store was away and what did not fit, before anything else is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence

from holdfast.core import events as say
from holdfast.core.fold import Folding, fold
from holdfast.core.view import View, to_json
from holdfast.errors import StoreError
from holdfast.kit.clock import Clock, Instant
from holdfast.kit.secret import Redactor
from holdfast.kit.tasks import Wakeup
from holdfast.model.event import Event
from holdfast.model.ports import Append, PutSnapshot, Snapshot, Store, Write
from holdfast.store import past
from holdfast.store.outage import RING, Outage
from holdfast.store.redaction import redacted, redacted_event

RETRY_S = 1.0
"""While the store is down it is tried again so often, and at each commit."""
RECENT = 1_024
"""Events kept in memory, so that followers who keep up cost no read."""
LONG = 500
"""Entries of a list in an event that is kept until the next one only: what thousands of resources were rendered to has megabytes."""
SNAPSHOT_EVERY_S = 3_600.0
SNAPSHOT_EVERY = 20_000
"""Events; whichever comes first."""
KEEP_S = 90 * 86_400.0


class StoreJournal:
    """Implements `model.ports.Journal`. `load` it before anything else; `run` it beside the controllers; `tend` it now and then."""

    def __init__(self, store: Store, clock: Clock, redactor: Redactor, *, ring: int = RING, keep_s: float = KEEP_S) -> None:
        self._store = store
        self._clock = clock
        self._redactor = redactor
        self._ring = ring
        self._keep_s = keep_s
        self._folding = Folding()
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._is_long = False
        """Whether the newest of the recent events is a long one."""
        self._strays: deque[Event] = deque(maxlen=RECENT)
        self._bells: set[Wakeup] = set()
        self._outage: Outage | None = None
        self._shown: Folding | None = None
        self._draining = asyncio.Lock()
        self._down = Wakeup()
        self._snapshot: tuple[int, Instant] = (0, 0.0)

    async def load(self) -> None:
        """Fold what is stored: the newest snapshot and all that came after it. Raises StoreError."""
        snapshot = await self._store.snapshot()
        if snapshot is None:
            past.must_reach(await self._store.events(limit=1), None)
        else:
            self._snapshot = (snapshot.seq, snapshot.at)
        self._folding = past.begin(snapshot)
        await self._catch_up()
        self._strays.clear()

    @property
    def view(self) -> View:
        """Return what people see: the live fold, changed in place by each event. Read it, never keep it over an await."""
        if self._outage is None:
            return self._folding.view
        if self._shown is None:
            self._shown = Folding(fold(self._folding.view, self._outage.pending))
        return self._shown.view

    @property
    def newest(self) -> int:
        """Return the `seq` of the newest event that is stored and folded, 0 where there is none."""
        return self._folding.view.seq

    @property
    def dropped(self) -> int:
        """Return how many events the present outage has cost."""
        return self._outage.dropped if self._outage else 0

    # Writing

    async def emit(self, *events: Event) -> None:
        told = tuple(redacted_event(self._redactor, event) for event in events)
        if self._outage is None:
            try:
                await self._write([Append(event) for event in told])
            except StoreError as error:
                self._fails(error, told)
            return
        self._keep(self._outage, told)
        if self._clock.monotonic() - self._outage.tried_at >= RETRY_S and not self._draining.locked():
            with contextlib.suppress(StoreError):
                await self._drain()

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        clean = [redacted(self._redactor, write) for write in writes]
        if self._outage is not None:
            await self._drain()
        try:
            return await self._write(clean)
        except StoreError as error:
            self._fails(error, ())
            raise

    async def run(self) -> None:
        """Try the store again while it is down, until cancelled."""
        while True:
            await self._down.wait()
            while self._outage is not None:
                await self._clock.sleep(RETRY_S)
                with contextlib.suppress(StoreError):
                    await self._drain()

    async def _write(self, writes: Sequence[Write]) -> tuple[Event, ...]:
        appended = await self._store.commit(*writes)
        if appended and appended[0].seq > self.newest + 1:
            with contextlib.suppress(StoreError):  # it is stored; the view follows with the next event
                await self._catch_up()
        else:
            self._take(appended)
        self._claim(appended)
        return appended

    def _take(self, events: Iterable[Event]) -> None:
        """Fold events that follow on what is folded; those that are folded already change nothing."""
        news = [event for event in events if event.seq > self.newest]
        if not news:
            return
        for event in news:
            self._folding.apply(event)
            if self._is_long:
                self._recent.clear()  # who has not followed so far reads it from the store
            self._recent.append(event)
            self._is_long = _is_long(event)
        self._shown = None
        for bell in self._bells:
            bell.wake()

    async def _catch_up(self) -> None:
        """Fold what the store has beyond what is folded. Whose answer is still to come will claim it; the rest are strays."""
        while page := await self._store.events(after=self.newest, limit=past.PAGE):
            self._strays.extend(event for event in page if event.seq > self.newest)
            self._take(page)

    def _claim(self, appended: Sequence[Event]) -> None:
        if self._strays:
            own = {event.seq for event in appended}
            self._strays = deque((event for event in self._strays if event.seq not in own), maxlen=RECENT)

    # While the store is down

    def _fails(self, error: StoreError, events: Sequence[Event]) -> None:
        if self._outage is None:
            self._outage = Outage(opening=self._failure(error), tried_at=self._clock.monotonic(), room=self._ring)
            self._shown = None
            self._down.wake()
        self._keep(self._outage, events)

    def _failure(self, error: StoreError) -> Event:
        return redacted_event(self._redactor, say.store_failed(at=self._clock.now(), error=error))

    def _keep(self, outage: Outage, events: Sequence[Event]) -> None:
        outage.keep(events)
        if self._shown is not None:
            for event in events:
                self._shown.apply(event)

    async def _drain(self) -> None:
        """Write what waits, oldest first, until nothing does; raises StoreError where the store is still down."""
        async with self._draining:
            while (outage := self._outage) is not None:
                try:
                    await self._settle(outage)
                except StoreError as error:
                    self._shown = self._shown if outage.opening else None
                    outage.failed(self._failure(error), self._clock.monotonic())
                    raise
                if outage.is_over:
                    self._outage = self._shown = None

    async def _settle(self, outage: Outage) -> None:
        await self._catch_up()
        outage.forget(self._strays)
        batch = outage.take()
        if not batch:
            return
        closing = []
        if outage.opening is not None:
            closing = [say.store_recovered(at=self._clock.now(), waited=len(batch) - 1, dropped=outage.dropped)]
        appended = await self._store.commit(*(Append(event) for event in (*batch, *closing)))
        outage.stored()
        self._take(appended)
        self._claim(appended)

    # Reading

    async def follow(self, after: int) -> AsyncGenerator[Event, None]:
        """Yield every event with seq > `after` that is kept, then those that come, each once and in order. Raises StoreError.

        Whoever leaves before the end closes it (`contextlib.aclosing`).
        """
        bell = Wakeup()
        self._bells.add(bell)
        try:
            while True:
                page = await self._since(after)
                for event in page:
                    yield event
                    after = event.seq
                if not page:
                    await bell.wait()
        finally:
            self._bells.discard(bell)

    async def _since(self, after: int) -> tuple[Event, ...]:
        if after >= self.newest:
            return ()
        if self._recent and self._recent[0].seq <= after + 1:
            return tuple(itertools.islice(self._recent, after + 1 - self._recent[0].seq, None))
        return await self._store.events(after=after, limit=past.PAGE)

    async def view_at(self, instant: Instant) -> View:
        """Return how things stood: the fold of all events up to `instant`. Raises StoreError, HF5007 where they are no longer kept."""
        snapshot = await self._store.snapshot(until=instant)
        if snapshot is None:
            past.must_reach(await self._store.events(limit=1), instant, await self._store.snapshot())
        folding = past.begin(snapshot)
        after = folding.view.seq
        while page := await self._store.events(after=after, until=instant, limit=past.PAGE):
            for event in page:
                folding.apply(event)
            after = page[-1].seq
        return folding.view

    # Keeping it small

    async def tend(self) -> None:
        """Take a snapshot where one is due, and forget what is older than events are kept. A chore for the sweep; raises StoreError."""
        await self.snapshot()
        await self.prune(self._clock.now() - self._keep_s)

    async def snapshot(self) -> None:
        """Take a snapshot where the last is an hour old, or many events ago, and something happened since; raises StoreError."""
        seq, at = self._snapshot
        is_due = self._clock.now() - at >= SNAPSHOT_EVERY_S or self.newest - seq >= SNAPSHOT_EVERY
        if is_due and self.newest > seq:
            await self.snapshot_now()

    async def snapshot_now(self) -> None:
        # `at` is the latest instant of all events folded, so whoever asks for a later one needs this snapshot and what came after it.
        view = self._folding.view
        taken = Snapshot(seq=view.seq, at=view.at, view=to_json(view))
        await self.commit(PutSnapshot(taken))
        self._snapshot = (taken.seq, taken.at)

    async def prune(self, before: Instant) -> int:
        """Forget events older than `before` that a snapshot covers, and return how many; raises StoreError."""
        return await self._store.prune_events(before=before)


def _is_long(event: Event) -> bool:
    return any(isinstance(value, list) and len(value) > LONG for value in event.data.values())
