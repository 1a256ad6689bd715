"""The ledger: what is in memory is what the store has, even where the store fails in the middle."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from holdfast.errors import StoreError
from holdfast.kit.secret import Redactor
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Inventory, Owned
from holdfast.model.resource import Origin
from holdfast.store.journal import StoreJournal
from holdfast.testing.disk import Disk, Mounted
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.life import Fate, Life
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.stage import unit, wanted
from holdfast.walk.ledger import Ledger

WEB = unit("web")


def owned(version: int) -> Owned:
    return Owned(application="shop", resource=wanted(WEB, version), revision=f"r{version}", operation="op")


async def opened() -> tuple[Ledger, Disk]:
    dice, clock = SimulatedRandom(0), SimulatedClock()
    disk = Disk(Weather(dice), dice)
    store = Mounted(disk, Life(Fate()), clock)
    journal = StoreJournal(store, clock, Redactor())
    await journal.load()
    return await Ledger.load(journal, store), disk


def test_what_is_put_is_there_and_stored() -> None:
    async def story() -> None:
        ledger, disk = await opened()
        await ledger.put(owned(1))
        assert ledger.inventory == disk.owned == {WEB: owned(1)}
        assert ledger.of("shop") == (owned(1),)
        assert ledger.of("other") == ()
        await ledger.drop(WEB)
        assert ledger.inventory == disk.owned == {}

    run(0, story())


@pytest.mark.parametrize("fault", [Fault.DISK_FULL, Fault.LOST_REPLY])
def test_what_the_store_may_have_written_is_read_again(fault: Fault) -> None:
    async def story() -> None:
        ledger, disk = await opened()
        await ledger.put(owned(1))
        disk.weather.begin(fault, 1.0)
        with pytest.raises(StoreError):
            await ledger.put(owned(2))
        with pytest.raises(StoreError):
            await ledger.drop(ResourceId("host", "Unit", "shop", "never"))
        disk.weather.end(fault)
        await ledger.refresh()
        assert ledger.inventory == disk.owned
        assert ledger.inventory[WEB] == owned(1 if fault is Fault.DISK_FULL else 2)

    run(0, story())


def test_a_deletion_whose_answer_was_lost_is_no_longer_there() -> None:
    async def story() -> None:
        ledger, disk = await opened()
        await ledger.put(owned(1))
        disk.weather.begin(Fault.LOST_REPLY, 1.0)
        with pytest.raises(StoreError):
            await ledger.drop(WEB)
        assert WEB in ledger.inventory
        disk.weather.end(Fault.LOST_REPLY)
        await ledger.refresh()
        assert WEB not in ledger.inventory

    run(0, story())


def test_refreshing_what_is_sure_reads_nothing() -> None:
    async def story() -> None:
        ledger, disk = await opened()
        await ledger.put(owned(1))
        disk.owned.clear()
        await ledger.refresh()
        await asyncio.sleep(0)
        assert ledger.inventory == {WEB: owned(1)}

    run(0, story())


def test_what_becomes_doubtful_while_the_store_is_read_stays_so() -> None:
    """The read was before the write: what it says of that is old."""

    async def story() -> None:
        dice, clock = SimulatedRandom(0), SimulatedClock()
        disk = Disk(Weather(dice), dice)

        class Between(Mounted):
            async def inventory(self) -> Inventory:
                found = await super().inventory()
                if disk.weather.now:
                    disk.weather.end(Fault.LOST_REPLY)
                    await ledger.put(owned(1))  # the store is well again
                    disk.weather.begin(Fault.LOST_REPLY, 1.0)
                    with pytest.raises(StoreError):
                        await ledger.put(owned(2))
                    disk.weather.end(Fault.LOST_REPLY)
                return found

        store = Between(disk, Life(Fate()), clock)
        journal = StoreJournal(store, clock, Redactor())
        await journal.load()
        ledger = await Ledger.load(journal, store)
        await ledger.put(owned(1))
        disk.weather.begin(Fault.LOST_REPLY, 1.0)
        with pytest.raises(StoreError):
            await ledger.drop(ResourceId("host", "Unit", "shop", "never"))
        await ledger.refresh()
        assert disk.owned == {WEB: owned(2)}
        await ledger.refresh()
        assert ledger.inventory == disk.owned

    run(0, story())


def test_what_git_says_takes_the_place_of_what_was_read_where_they_are_equal() -> None:
    async def story() -> None:
        ledger, disk = await opened()
        await ledger.put(owned(1))
        said = owned(1).resource
        moved = replace(said, origin=Origin(path="elsewhere.yaml", line=7, revision="r2"))
        other = owned(2).resource

        ledger.share([other])
        assert ledger.inventory[WEB].resource == said
        ledger.share([moved])  # equal but for its place, of which what was applied is remembered
        assert ledger.inventory[WEB].resource.state is moved.state
        assert ledger.inventory[WEB].resource.origin == said.origin
        ledger.share([said])
        assert ledger.inventory[WEB].resource is said
        assert ledger.of("shop") == (ledger.inventory[WEB],)
        assert ledger.inventory == disk.owned

    run(0, story())
