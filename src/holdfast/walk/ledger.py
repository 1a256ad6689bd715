"""The inventory in memory, written through: what sync, heal and prove all read, and only applying changes.

A resource is entered before it is created (what crashed half-way is still ours) and again, with its new state, once that was observed.
"""

from __future__ import annotations

from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Append, DropOwned, Journal, PutOwned, Store


class Ledger:
    """`inventory` is a live view: read it, never keep it over an await that applies."""

    def __init__(self, journal: Journal, inventory: Inventory) -> None:
        self._journal = journal
        self._inventory = dict(inventory)

    @classmethod
    async def load(cls, journal: Journal, store: Store) -> Ledger:
        return cls(journal, await store.inventory())

    @property
    def inventory(self) -> Inventory:
        return self._inventory

    def of(self, application: str) -> tuple[Owned, ...]:
        return tuple(owned for owned in self._inventory.values() if owned.application == application)

    async def put(self, owned: Owned, *events: Event) -> None:
        """Enter `owned`, together with `events`; raises StoreError, and then nothing is entered."""
        await self._journal.commit(PutOwned(owned), *(Append(event) for event in events))
        self._inventory[owned.resource.id] = owned

    async def drop(self, id: ResourceId, *events: Event) -> None:
        await self._journal.commit(DropOwned(id), *(Append(event) for event in events))
        self._inventory.pop(id, None)
