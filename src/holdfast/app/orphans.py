"""Orphans of clusters, for the composition root: who looks for them, and what is known to be somebody's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.app.applications import Applications
from holdfast.controllers.orphan import Monitored, OrphanController
from holdfast.engines.kubernetes.client import Client
from holdfast.engines.kubernetes.orphans import look_for_orphans
from holdfast.kit.clock import Clock, Random
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Desired
from holdfast.model.terms import Orphans
from holdfast.store.journal import StoreJournal
from holdfast.walk.hook import HookBook
from holdfast.walk.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanNeeds:
    """Whom it asks; `desired` is what Git asks of an Application now, `after` is waited for before the first look."""

    applications: Applications
    clients: Mapping[str, Client]
    ledger: Ledger
    book: HookBook | None
    desired: Callable[[str], Desired | None]
    journal: StoreJournal
    clock: Clock
    random: Random
    after: Callable[[], Awaitable[None]]


def orphan_controller(it: OrphanNeeds) -> OrphanController:
    """Return who looks for orphans."""

    async def look(monitored: Monitored) -> Orphans:
        return await look_for_orphans(
            it.clients[monitored.destination],
            monitored.destination,
            monitored.namespace,
            terms=monitored.terms,
            permits=monitored.permits,
            known=lambda: frozenset(_known(it)),
        )

    return OrphanController(
        monitored=it.applications.monitored,
        look=look,
        last=lambda: {name: each.orphans for name, each in it.journal.view.applications.items()},
        journal=it.journal,
        clock=it.clock,
        random=it.random,
        after=it.after,
    )


def _known(it: OrphanNeeds) -> Iterator[ResourceId]:
    """Yield all that an Application has, or that Git says, or that hooks have left."""
    yield from it.ledger.inventory
    for name in it.applications.names:
        desired = it.desired(name)
        yield from (each.id for each in desired or ())
        yield from (hook.resource.id for hook in (desired.hooks if desired else ()))
        yield from it.book.left(name) if it.book is not None else ()
