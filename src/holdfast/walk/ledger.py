"""The inventory in memory, written through: what sync, heal and prove all read, and only applying changes.

A resource is entered before it is created (what crashed half-way is still ours) and again, with its new state, once that was observed.
Where the store fails, nobody knows whether it wrote: those entries are read again (`refresh`) before anything is decided by them.
"""

from __future__ import annotations

from holdfast.errors import StoreError
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Append, DropOwned, Journal, PutOwned, Store, Write


class Ledger:
    """`inventory` is a live view: read it, never keep it over an await that applies."""

    def __init__(self, journal: Journal, inventory: Inventory, store: Store | None = None) -> None:
        self._journal = journal
        self._store = store
        self._inventory = dict(inventory)
        self._doubtful: set[ResourceId] = set()

    @classmethod
    async def load(cls, journal: Journal, store: Store) -> Ledger:
        return cls(journal, await store.inventory(), store)

    @property
    def inventory(self) -> Inventory:
        return self._inventory

    def of(self, application: str) -> tuple[Owned, ...]:
        return tuple(owned for owned in self._inventory.values() if owned.application == application)

    async def put(self, owned: Owned, *events: Event) -> None:
        """Enter `owned`, together with `events`; raises StoreError."""
        await self._commit(owned.resource.id, PutOwned(owned), events)
        self._inventory[owned.resource.id] = owned

    async def drop(self, id: ResourceId, *events: Event) -> None:
        await self._commit(id, DropOwned(id), events)
        self._inventory.pop(id, None)

    async def refresh(self) -> None:
        """Read again what the store may or may not have written when it failed; raises StoreError while it still does."""
        if self._doubtful and self._store is not None:
            stored = await self._store.inventory()
            for id in self._doubtful:
                if id in stored:
                    self._inventory[id] = stored[id]
                else:
                    self._inventory.pop(id, None)
            self._doubtful.clear()

    async def _commit(self, id: ResourceId, write: Write, events: tuple[Event, ...]) -> None:
        try:
            await self._journal.commit(write, *(Append(event) for event in events))
        except StoreError:
            self._doubtful.add(id)
            raise
