"""Records: read from memory, written through, and never ahead of what is stored."""

from __future__ import annotations

import pytest

from holdfast.errors import StoreError
from holdfast.kit.secret import Redactor
from holdfast.kit.tasks import Tasks
from holdfast.store.journal import StoreJournal
from holdfast.store.records import StoreRecords
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.simulated_store import SimulatedStore


async def stand() -> tuple[SimulatedStore, StoreJournal]:
    clock = SimulatedClock()
    store = SimulatedStore(clock=clock, random=SimulatedRandom(1))
    journal = StoreJournal(store, clock, Redactor())
    await journal.load()
    return store, journal


def test_what_is_put_is_read_now_and_after_a_restart() -> None:
    async def main() -> None:
        store, journal = await stand()
        records = await StoreRecords.load(journal, store, "process")
        await records.put("a", {"pid": 1})
        await records.put("b", 2)
        await records.put("a", {"pid": 3})
        await records.drop("b")
        await records.drop("never")
        for one in (records, await StoreRecords.load(journal, store, "process")):
            assert dict(one.all()) == {"a": {"pid": 3}}
            assert (one.get("a"), one.get("b")) == ({"pid": 3}, None)
        assert dict((await StoreRecords.load(journal, store, "file")).all()) == {}

    run(1, main())


def test_a_put_that_cannot_be_stored_is_not_shown() -> None:
    async def main() -> None:
        store, journal = await stand()
        records = await StoreRecords.load(journal, store, "process")
        await records.put("a", 1)
        store.is_full = True
        with pytest.raises(StoreError):
            await records.put("a", 2)
        with pytest.raises(StoreError):
            await records.drop("a")
        assert records.get("a") == 1

    run(1, main())


@pytest.mark.parametrize("seed", range(20))
def test_memory_agrees_with_the_store_whoever_is_answered_first(seed: int) -> None:
    async def main() -> None:
        store, journal = await stand()
        records = await StoreRecords.load(journal, store, "process")
        async with Tasks() as tasks:
            for n in range(10):
                tasks.start(f"put {n}", records.put("a", n))
                tasks.start(f"drop {n}", records.drop("a") if n % 3 else records.put("b", n))
        assert dict(records.all()) == await store.records("process")

    run(seed, main())


def test_what_is_shown_cannot_be_written_past_the_store() -> None:
    async def main() -> None:
        store, journal = await stand()
        records = await StoreRecords.load(journal, store, "process")
        with pytest.raises(TypeError):
            records.all()["a"] = 1  # type: ignore[index]

    run(1, main())
