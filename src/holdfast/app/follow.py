"""Follow: makes what follows the Application objects of a cluster, for the composition root. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.app.application_files import ApplicationFiles
from holdfast.app.applications import Applications
from holdfast.app.cluster_applications import ClusterApplications, ClusterApplicationsNeeds
from holdfast.app.object_asking import AskingNeeds, ObjectAsking
from holdfast.app.object_statuses import ObjectStatuses, StatusNeeds
from holdfast.app.service import HouseService
from holdfast.controllers.source.controller import SourceController
from holdfast.controllers.sync.controller import SyncController
from holdfast.engines.application import APPLICATION, ApplicationEngine
from holdfast.engines.kubernetes.engine import KubernetesEngine
from holdfast.kit.clock import Clock, Random
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Records, Store
from holdfast.store.journal import StoreJournal
from holdfast.walk.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowNeeds:
    files: ApplicationFiles | None
    applications: Callable[[], Applications]
    sync: SyncController
    source: SourceController
    service: Callable[[], HouseService]
    kubernetes: KubernetesEngine
    nested: ApplicationEngine
    records: Records
    journal: StoreJournal
    store: Store
    ledger: Ledger
    clock: Clock
    random: Random
    crashed: Callable[[str, BaseException], None]


def follow(it: FollowNeeds) -> ClusterApplications | None:
    """Return what follows the objects of the place that an operator named; None where none was named."""
    place = it.files.place if it.files is not None else None
    if it.files is None or place is None:
        return None

    def manifests(name: str) -> Mapping[ResourceId, Mapping[str, Any]]:
        desired = it.source.desired(name)
        found = {owned.resource.id: owned.resource.state.fields for owned in it.ledger.of(name)}
        return {**found, **({each.id: each.state.fields for each in desired} if desired is not None else {})}

    followed = ClusterApplications(
        ClusterApplicationsNeeds(
            place=place,
            files=it.files,
            host=it.applications,
            client=it.kubernetes.watches.clients[place.destination],
            records=it.records,
            journal=it.journal,
            children=frozenset(each.id.name for each in it.nested.children() if each.id.kind == APPLICATION),
            clock=it.clock,
            random=it.random,
            crashed=it.crashed,
        )
    )
    asking = ObjectAsking(
        AskingNeeds(
            objects=lambda: followed.objects,
            host=it.applications,
            sync=lambda: it.sync,
            refresh=it.source.refresh,
            desired=it.source.desired,
            plan=lambda name, revision, resources: it.service().plan(name, revision, resources),
            clock=it.clock,
            crashed=it.crashed,
        )
    )
    followed.heard_by = ObjectStatuses(
        StatusNeeds(
            followed=followed,
            asking=asking,
            journal=it.journal,
            store=it.store,
            manifests=manifests,
            desired=it.source.desired,
            trees=it.source.trees,
            clock=it.clock,
            crashed=it.crashed,
        )
    )
    return followed
