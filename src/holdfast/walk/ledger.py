"""The inventory in memory, written through: what sync, heal and prove all read, and only applying changes.

A resource is entered before it is created (what crashed half-way is still ours) and again, with its new state, once that was observed.
Where the store fails, nobody knows whether it wrote: those entries are read again (`refresh`) before anything is decided by them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Append, DropOwned, Journal, PutOwned, Store, Write
from holdfast.model.resource import Resource


class Ledger:
    """`inventory` is a live view: read it, never keep it over an await that applies."""

    def __init__(self, journal: Journal, inventory: Inventory, store: Store | None = None) -> None:
        self._journal = journal
        self._store = store
        self._inventory: dict[ResourceId, Owned] = {}
        self._by_application: defaultdict[str, dict[ResourceId, Owned]] = defaultdict(dict)
        self._restarting: dict[ResourceId, Owned] = {}
        self._doubtful: set[ResourceId] = set()
        for owned in inventory.values():
            self._remember(owned)

    @classmethod
    async def load(cls, journal: Journal, store: Store) -> Ledger:
        return cls(journal, await store.inventory(), store)

    @property
    def inventory(self) -> Inventory:
        return self._inventory

    @property
    def restarting(self) -> Inventory:
        """Of the inventory what goes down with others: few, if any, so that who asks for one id need not look at all."""
        return self._restarting

    def of(self, application: str) -> tuple[Owned, ...]:
        return tuple(self._by_application[application].values()) if application in self._by_application else ()

    async def put(self, owned: Owned, *events: Event) -> None:
        """Enter `owned`, together with `events`; raises StoreError."""
        await self._commit(owned.resource.id, PutOwned(owned), events)
        self._remember(owned)

    async def enter(self, fresh: Sequence[Owned]) -> None:
        """Enter many in one go, or none; raises StoreError."""
        try:
            await self._journal.commit(*(PutOwned(owned) for owned in fresh))
        except BaseException:  # what was cut off may have been written too
            self._doubtful.update(owned.resource.id for owned in fresh)
            raise
        for owned in fresh:
            self._remember(owned)

    async def drop(self, id: ResourceId, *events: Event) -> None:
        await self._commit(id, DropOwned(id), events)
        self._forget(id)

    def share(self, resources: Iterable[Resource]) -> None:
        """Keep `resources` in place of what was applied where they are equal: after a start there are two of each, one from the store.

        Where they are one again, comparing them costs nothing.
        """
        for resource in resources:
            owned = self._inventory.get(resource.id)
            if owned is None or owned.resource is resource:
                continue
            if owned.resource == resource:
                self._remember(replace(owned, resource=resource))
            elif owned.resource.state is not resource.state and owned.resource.state == resource.state:
                self._remember(replace(owned, resource=replace(owned.resource, state=resource.state)))

    async def refresh(self) -> None:
        """Read again what the store may or may not have written when it failed; raises StoreError while it still does."""
        if not self._doubtful or self._store is None:
            return
        doubtful, self._doubtful = self._doubtful, set()  # what becomes doubtful while the store is read is not in what it says
        try:
            stored = await self._store.inventory()
        except BaseException:
            self._doubtful |= doubtful
            raise
        for id in doubtful - self._doubtful:
            if id in stored:
                self._remember(stored[id])
            else:
                self._forget(id)

    def _remember(self, owned: Owned) -> None:
        id = owned.resource.id
        before = self._inventory.get(id)
        if before is not None and before.application != owned.application:
            self._by_application[before.application].pop(id, None)
        self._inventory[id] = self._by_application[owned.application][id] = owned
        if owned.resource.policy.restart_with:
            self._restarting[id] = owned
        else:
            self._restarting.pop(id, None)

    def _forget(self, id: ResourceId) -> None:
        if (before := self._inventory.pop(id, None)) is not None:
            self._by_application[before.application].pop(id, None)
            self._restarting.pop(id, None)

    async def _commit(self, id: ResourceId, write: Write, events: tuple[Event, ...]) -> None:
        try:
            await self._journal.commit(write, *(Append(event) for event in events))
        except BaseException:  # what was cut off may have been written too
            self._doubtful.add(id)
            raise
