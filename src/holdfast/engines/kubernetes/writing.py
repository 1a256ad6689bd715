"""Writing one object as its options say: applied, replaced whole, and its namespace made where the Application asks for it.

An apply on the server's side is what makes fields ours, so that one follows on every replacement; those that Argo CD or kubectl had are
made ours alone then. What cannot be changed in place is said
by the server alone, in words of its own; whoever called then decides whether the object is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.engines.kubernetes.client import MANAGER, Client, Object
from holdfast.errors import Conflict, Rejected
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.object_id import namespace_of
from holdfast.kubernetes.sync_option import CREATE_NAMESPACE, REPLACE
from holdfast.kubernetes.takeover import takeover
from holdfast.model.ids import ResourceId

IMMUTABLE = "HF3320"
NO_NAMESPACE = "HF3321"
TRIES = 5
"""Of a takeover that meets a newer version of the object: controllers write its status at the same time."""
FORCE_HINT = (
    "rename the object, or annotate it with argocd.argoproj.io/sync-options: Force=true to have it deleted and created anew: "
    "what it runs or holds goes with it"
)


async def write(client: Client, resource: ApiResource, id: ResourceId, manifest: Mapping[str, Any], options: Mapping[str, str]) -> Object:
    """Return what the server made of `manifest`."""
    try:
        return await _written(client, resource, id, manifest, options)
    except Rejected as error:
        if error.code != NO_NAMESPACE or options.get(CREATE_NAMESPACE) != "true":
            raise
    await _make_namespace(client, namespace_of(id))
    return await _written(client, resource, id, manifest, options)


async def _written(
    client: Client, resource: ApiResource, id: ResourceId, manifest: Mapping[str, Any], options: Mapping[str, str]
) -> Object:
    namespace = namespace_of(id)
    live = await client.get(resource, namespace, id.name) if options.get(REPLACE) == "true" else None
    if live is None:
        return await take_over(client, resource, namespace, await client.apply(resource, namespace, id.name, manifest))
    metadata = {**manifest["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
    await client.replace(resource, namespace, id.name, {**manifest, "metadata": metadata})
    item = await client.apply(resource, namespace, id.name, manifest)
    return await take_over(client, resource, namespace, await _ours_by_apply_alone(client, resource, namespace, item))


async def take_over(client: Client, resource: ApiResource, namespace: str, item: Object) -> Object:
    """Make what we applied of `item` ours alone; return it as it is then. No request where it is so already.

    What cannot be done while others write all the time is left for the next apply.
    """
    for _ in range(TRIES):
        if not (patch := takeover(item, MANAGER)):
            break
        try:
            return await client.patch(resource, namespace, item["metadata"]["name"], patch)
        except Conflict:
            newer = await client.get(resource, namespace, item["metadata"]["name"])
            if newer is None or newer["metadata"]["uid"] != item["metadata"]["uid"]:
                break  # the watch tells
            item = newer
    return item


async def _ours_by_apply_alone(client: Client, resource: ApiResource, namespace: str, item: Object) -> Object:
    """Take what the replacement made ours a second time out of the record of owners: else a field that Git forgets would never go."""
    metadata = item["metadata"]
    entries = metadata.get("managedFields") or []
    doubled = [at for at, each in enumerate(entries) if (each.get("manager"), each.get("operation")) == (MANAGER, "Update")]
    if not doubled:
        return item
    patch = [{"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]}]
    patch += [{"op": "remove", "path": f"/metadata/managedFields/{at}"} for at in reversed(doubled)]
    return await client.patch(resource, namespace, metadata["name"], patch)


async def _make_namespace(client: Client, name: str) -> None:
    kind = await client.kind("Namespace")
    if kind is None:
        return
    try:
        await client.create(kind, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    except Conflict:
        return  # somebody else was faster
