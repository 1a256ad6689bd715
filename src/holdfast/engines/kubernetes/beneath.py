"""Looking beneath objects of a cluster: lists of what they may own, and of the warnings in their namespaces, each asked for once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

from holdfast.engines.kubernetes.client import Client, Object
from holdfast.kit.canonical import Json
from holdfast.kubernetes.beneath import Judge, trees
from holdfast.kubernetes.discovery import ApiResource, Discovery
from holdfast.kubernetes.object_id import namespace_of
from holdfast.model.ids import ResourceId

OWNED = ("apps/ReplicaSet", "batch/Job", "Pod")
"""What the built-in workloads own."""
API = frozenset({"", "apps", "batch", "autoscaling", "policy"})
"""Groups of the API itself: their kinds that own something own `OWNED`."""
SERVED_BY_API = ".k8s.io"
MOST = 5_000
"""Objects of one list; what is beyond is not shown."""
EVENT = ApiResource(group="", version="v1", kind="Event", plural="events", is_namespaced=True, verbs=frozenset())


Roots: TypeAlias = Mapping[ResourceId, tuple[str, Mapping[str, Any] | None]]


async def look_beneath(client: Client, roots: Roots, judge: Judge) -> dict[ResourceId, dict[str, Json]]:
    """Return for each object (id → uid and, where it is known, the object) what stands beneath it. Of one cluster. Raises EngineError."""
    discovery = await client.discover()
    found: dict[ResourceId, dict[str, Json]] = {}
    for namespace in sorted({namespace_of(id) for id in roots} - {""}):
        here = {id: root for id, root in roots.items() if namespace_of(id) == namespace}
        items: list[Object] = []
        for resource in _kinds(discovery, here):
            items += await _list(client, resource, namespace)
        warnings = await _list(client, EVENT, namespace, "type=Warning")
        said = trees(dict(here.values()), items, warnings, judge)
        found |= {id: said[uid] for id, (uid, _) in here.items()}
    return found


def _kinds(discovery: Discovery, ids: Collection[ResourceId]) -> list[ApiResource]:
    """Return the kinds that may be owned: the built-in ones, and for a custom kind all of its group."""
    groups = {id.kind.rpartition("/")[0] for id in ids}
    names = [*OWNED, *(name for name in discovery.kinds if name.rpartition("/")[0] in groups and _is_custom(name))]
    resources = [resource for name in dict.fromkeys(names) if (resource := discovery.find(name)) is not None]
    return [resource for resource in resources if resource.is_namespaced and "list" in resource.verbs]


def _is_custom(name: str) -> bool:
    group = name.rpartition("/")[0]
    return group not in API and not group.endswith(SERVED_BY_API)


async def _list(client: Client, resource: ApiResource, namespace: str, fields: str = "") -> list[Object]:
    items: list[Object] = []
    after = ""
    while True:
        page = await client.page(resource, namespace=namespace, fields=fields, after=after)
        items += page.items
        after = page.next
        if not after or len(items) >= MOST:
            return items
