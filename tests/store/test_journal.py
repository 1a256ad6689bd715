"""The journal: stored, folded, told; in order, once, and through a store that is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from holdfast.core import events as say
from holdfast.core.fold import fold
from holdfast.core.view import View, to_json
from holdfast.errors import StoreError
from holdfast.host.clock import RealClock
from holdfast.kit.secret import Redactor, Secret
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.operation import Phase
from holdfast.model.ports import Append, PutOperation, PutOwned, Store
from holdfast.store.journal import LONG, RECENT, StoreJournal
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.contracts.store import event, operation, owned
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.simulated_store import SimulatedStore, StoreFaults

DEADLINE_S = 20.0


class House:
    """A simulated store and a journal on it."""

    def __init__(self, seed: int = 1, *, ring: int = 100, secrets: tuple[str, ...] = ()) -> None:
        self.clock = SimulatedClock(start=1_000.0)
        self.store = SimulatedStore(clock=self.clock, random=SimulatedRandom(seed))
        self.redactor = Redactor(Secret(text) for text in secrets)
        self.ring = ring

    async def journal(self) -> StoreJournal:
        journal = StoreJournal(self.store, self.clock, self.redactor, ring=self.ring)
        await journal.load()
        return journal


def types(events: tuple[Event, ...]) -> list[str]:
    return [str(it.data.get("reason", it.type)) for it in events]


async def is_what_the_log_says(journal: StoreJournal, store: Store) -> bool:
    return to_json(journal.view) == to_json(fold(View(), await store.events()))


def test_an_event_is_stored_folded_and_told() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        await journal.emit(event(1), event(2))
        (third,) = await journal.commit(PutOwned(owned("a")), Append(event(3)))
        assert (third.seq, journal.newest) == (3, 3)
        assert journal.view.applications["shop"].suspended == "suspended by ann: number 3"
        assert [it.seq for it in await house.store.events()] == [1, 2, 3]
        assert len(await house.store.inventory()) == 1

    run(1, main())


@pytest.mark.parametrize("seed", range(20))
def test_the_view_follows_the_log_in_whatever_order_commits_are_answered(seed: int) -> None:
    async def main() -> None:
        house = House(seed)
        journal = await house.journal()
        async with Tasks() as tasks:
            for n in range(30):
                tasks.start(f"emit {n}", journal.emit(event(n, application="ab"[n % 2]), event(n + 100)))
        assert journal.newest == 60
        assert await is_what_the_log_says(journal, house.store)

    run(seed, main())


def test_a_new_journal_goes_on_where_the_last_one_ended() -> None:
    async def main() -> None:
        house = House()
        first = await house.journal()
        await first.emit(event(1), event(2))
        await first.snapshot_now()
        await first.emit(event(3))
        second = await house.journal()
        assert second.newest == 3
        assert to_json(second.view) == to_json(first.view)
        assert await is_what_the_log_says(second, house.store)

    run(1, main())


# While the store is down


def is_down(journal: StoreJournal) -> bool:
    """Say whether people are shown that the store fails."""
    return journal.view.store_error is not None


def test_events_wait_while_the_disk_is_full_and_are_told_once_there_is_room() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        await journal.emit(event(1))
        house.store.is_full = True
        await journal.emit(event(2))
        await journal.emit(event(3))
        with pytest.raises(StoreError):
            await journal.commit(PutOwned(owned("a")), Append(event(4)))
        assert is_down(journal)
        assert journal.view.applications["shop"].suspended == "suspended by ann: number 3"
        assert journal.newest == 1
        house.store.is_full = False
        await house.clock.sleep(2.0)
        await journal.emit(event(5))
        told = await house.store.events()
        assert types(told) == ["number 1", "store.failed", "number 2", "number 3", "number 5", "store.recovered"]
        assert told[-1].data == {"waited": 3, "dropped": 0}
        assert not is_down(journal)
        assert await house.store.inventory() == {}
        assert await is_what_the_log_says(journal, house.store)

    run(1, main())


def test_a_commit_after_an_outage_writes_what_waited_first() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        house.store.is_full = True
        await journal.emit(event(1))
        house.store.is_full = False
        await journal.commit(Append(event(2)))
        assert types(await house.store.events()) == ["store.failed", "number 1", "store.recovered", "number 2"]

    run(1, main())


def test_a_failed_commit_alone_is_an_outage_too() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        house.store.is_full = True
        with pytest.raises(StoreError):
            await journal.commit(Append(event(1)))
        assert is_down(journal)
        house.store.is_full = False
        await journal.commit(Append(event(2)))
        assert types(await house.store.events()) == ["store.failed", "store.recovered", "number 2"]

    run(1, main())


def test_the_ring_is_bounded_and_says_what_it_dropped() -> None:
    async def main() -> None:
        house = House(ring=3)
        journal = await house.journal()
        house.store.is_full = True
        for n in range(10):
            await journal.emit(event(n))
        assert journal.dropped == 7
        house.store.is_full = False
        await journal.commit()
        told = await house.store.events()
        assert types(told) == ["store.failed", "number 7", "number 8", "number 9", "store.recovered"]
        assert told[-1].data == {"waited": 3, "dropped": 7}
        assert journal.dropped == 0

    run(1, main())


def test_the_store_is_tried_again_by_itself() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        house.store.is_full = True
        async with Tasks() as tasks:
            tasks.start("journal", journal.run())
            await journal.emit(event(1))
            await house.clock.sleep(10.0)
            assert journal.newest == 0
            house.store.is_full = False
            assert await heard(journal, 0, 3) == [1, 2, 3]
            await tasks.stop()
        assert types(await house.store.events()) == ["store.failed", "number 1", "store.recovered"]

    run(1, main())


def test_a_lost_answer_neither_loses_nor_doubles_an_event() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        house.store.loses_reply = True
        await journal.emit(event(1))
        assert types(await house.store.events()) == ["number 1"]
        house.store.loses_reply = True
        with pytest.raises(StoreError):
            await journal.commit()  # the ring is written, and that answer is lost as well
        await journal.commit(Append(event(2)))
        assert types(await house.store.events()) == ["number 1", "store.failed", "store.recovered", "number 2"]
        assert await is_what_the_log_says(journal, house.store)

    run(1, main())


@pytest.mark.parametrize("seed", range(30))
def test_a_store_that_fails_now_and_then_keeps_every_event_once_and_in_order(seed: int) -> None:
    async def main() -> None:
        house = House(seed, ring=1_000)
        house.store.faults = StoreFaults(failed=0.2, lost_reply=0.2)
        journal = await house.journal()
        committed: list[str] = []

        async def speaker(name: str) -> None:
            for n in range(20):
                await journal.emit(say.application_suspended(at=1.0, application=name, by="ann", reason=str(n)))
                await house.clock.sleep(0.3)

        async def committer() -> None:
            for n in range(20):
                with suppress(StoreError):
                    await journal.commit(Append(say.application_suspended(at=1.0, application="c", by="ann", reason=str(n))))
                    committed.append(str(n))
                await house.clock.sleep(0.2)

        async with Tasks() as tasks:
            for name in ("a", "b"):
                tasks.start(name, speaker(name))
            tasks.start("c", committer())
        house.store.faults = StoreFaults()
        await journal.commit()
        told = await house.store.events()
        for name in ("a", "b"):
            assert [it.data["reason"] for it in told if it.data.get("application") == name] == [str(n) for n in range(20)]
        kept = [it.data["reason"] for it in told if it.data.get("application") == "c"]
        assert set(committed) <= set(kept)
        assert len(kept) == len(set(kept))
        assert await is_what_the_log_says(journal, house.store)
        assert not is_down(journal)

    run(seed, main())


# Following


async def heard(journal: StoreJournal, after: int, until: int) -> list[int]:
    seqs = []
    async with aclosing(journal.follow(after)) as events:
        async for told in events:
            seqs.append(told.seq)
            if told.seq >= until:
                break
    return seqs


@asynccontextmanager
async def on_disk(tmp_path: Path) -> AsyncIterator[tuple[SqliteStore, StoreJournal]]:
    store = await SqliteStore.open(tmp_path / "store.sqlite", clock=RealClock())
    try:
        journal = StoreJournal(store, RealClock(), Redactor())
        await journal.load()
        async with asyncio.timeout(DEADLINE_S):
            yield store, journal
    finally:
        await store.close()


def test_followers_hear_everything_once_and_in_order_while_many_write(tmp_path: Path) -> None:
    before, during = RECENT + 500, 1_000

    async def main() -> None:
        async with on_disk(tmp_path) as (_, journal):
            await journal.emit(*(event(n) for n in range(before)))
            last = before + during
            results: dict[int, list[int]] = {}

            async def follow(after: int) -> None:
                results[after] = await heard(journal, after, last)

            async with Tasks() as tasks:
                for after in (0, 7, before - 1, before, before + 10):
                    tasks.start(f"follow {after}", follow(after))
                for n in range(during):
                    tasks.start(f"emit {n}", journal.emit(event(n)))
            assert results == {after: list(range(after + 1, last + 1)) for after in results}
            assert len(results) == 5

    asyncio.run(main())


def long(n: int) -> Event:
    told = event(n)
    return replace(told, data={**told.data, "resources": [*range(LONG + 1)]})


def test_long_events_are_heard_like_others_and_at_most_one_is_kept_in_memory() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        told = [long(n) if n % 3 == 0 else event(n) for n in range(1, 31)]
        results: dict[int, list[int]] = {}

        async def follow(after: int) -> None:
            results[after] = await heard(journal, after, len(told))

        async with Tasks() as tasks:
            for after in (0, 2, 3, 17):
                tasks.start(f"follow {after}", follow(after))
            for each in told[:10]:
                await journal.emit(each)
            await journal.emit(*told[10:])
        assert results == {after: list(range(after + 1, len(told) + 1)) for after in (0, 2, 3, 17)}
        assert [each.seq for each in journal._recent] == [28, 29, 30], "27 was long, and went when 28 came"
        again = await house.journal()
        assert [each.seq for each in again._recent] == [28, 29, 30]

    run(1, main())


def test_a_follower_of_what_was_pruned_hears_what_is_kept_and_what_comes() -> None:
    async def main() -> None:
        house = House()
        first = await house.journal()
        await first.emit(*(event(n) for n in range(1, 6)))
        await first.snapshot_now()
        await first.prune(100.0)
        journal = await house.journal()
        async with Tasks() as tasks:
            tasks.start("later", journal.emit(event(6), event(7)))
            assert await heard(journal, 2, 7) == [6, 7]

    run(1, main())


def test_a_follower_that_leaves_is_forgotten() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        async with Tasks() as tasks:
            tasks.start("follow", heard(journal, 0, 100))
            await house.clock.sleep(1.0)
            assert len(journal._bells) == 1
            await tasks.stop()
        assert journal._bells == set()
        await journal.emit(event(1))
        assert journal.newest == 1

    run(1, main())


# The past


def test_a_moment_is_told_from_the_snapshot_before_it_and_what_followed() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()
        for n in range(1, 10):
            await journal.emit(event(n))
            if n % 3 == 0:
                await journal.snapshot_now()
        await journal.prune(5.0)
        assert [it.seq for it in await house.store.events()] == [4, 5, 6, 7, 8, 9]
        for n in range(3, 10):
            assert (await journal.view_at(n + 0.5)).applications["shop"].suspended == f"suspended by ann: number {n}"
        with pytest.raises(StoreError) as caught:
            await journal.view_at(2.0)
        assert caught.value.code == "HF5007"

    run(1, main())


def test_before_the_first_event_there_was_nothing() -> None:
    async def main() -> None:
        journal = await House().journal()
        await journal.emit(event(5))
        assert (await journal.view_at(1.0)).applications == {}

    run(1, main())


def test_a_snapshot_is_due_each_hour_in_which_something_happened() -> None:
    async def main() -> None:
        house = House()
        journal = await house.journal()

        async def newest() -> int:
            await journal.tend()
            snapshot = await house.store.snapshot()
            return snapshot.seq if snapshot else 0

        await journal.emit(event(1, at=house.clock.now()))
        await house.clock.sleep(3_600.0)
        assert await newest() == 1
        await house.clock.sleep(3_700.0)
        assert await newest() == 1
        await journal.emit(event(2, at=house.clock.now()))
        assert await newest() == 2
        await journal.emit(event(3, at=house.clock.now()))
        await house.clock.sleep(600.0)
        assert await newest() == 2

    run(1, main())


def test_tending_forgets_what_is_older_than_events_are_kept() -> None:
    async def main() -> None:
        house = House()
        journal = StoreJournal(house.store, house.clock, Redactor(), keep_s=7_200.0)
        await journal.load()
        for n in range(6):
            await journal.emit(event(n, at=house.clock.now()))
            await journal.tend()
            await house.clock.sleep(3_700.0)
        kept = await house.store.events()
        assert 0 < len(kept) < 6
        assert kept[-1].seq == 6
        assert to_json((await house.journal()).view) == to_json(journal.view)

    run(1, main())


# Secrets


def test_secrets_are_redacted_before_anything_is_stored_or_waits(tmp_path: Path) -> None:
    async def main() -> None:
        house = House(secrets=("hunter2hunter2",))
        journal = await house.journal()
        spoken = say.process_crash_looping(
            at=1.0,
            application="shop",
            id=owned("a").resource.id,
            restarts=3,
            next_at=None,
            log=["login with hunter2hunter2", "aHVudGVyMmh1bnRlcjI="],
        )
        await journal.emit(spoken)
        house.store.is_full = True
        await journal.emit(spoken)
        house.store.is_full = False
        failed = operation("1", phase=Phase.FAILED)
        await journal.commit(PutOperation(failed), Append(spoken))
        told = await house.store.events()
        logs = [it.data["log"] for it in told if it.type == "process.crash_looping"]
        assert logs == [["login with [redacted]", "[redacted]"]] * 3
        assert await house.store.operations() == (failed,)

    run(1, main())


Opened = Callable[[], AbstractAsyncContextManager[Any]]


def test_a_journal_keeps_its_word_on_either_store(opened: Opened) -> None:
    async def main() -> None:
        async with opened() as store:
            journal = StoreJournal(store, RealClock(), Redactor())
            await journal.load()
            async with Tasks() as tasks:
                for n in range(200):
                    tasks.start(f"emit {n}", journal.emit(event(n)))
            assert journal.newest == 200
            assert await is_what_the_log_says(journal, store)

    asyncio.run(main())
