"""Applications and AppProjects that live in a namespace of a cluster, as they stand, and the few of their fields that are written.

A watch each, and one of what may run Argo CD there; nothing is asked for again and again. Decides nothing: what an object says is its
reader's, and what is written its caller's. Every write is a merge patch of one object, whose uid must be the one that was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

from holdfast.engines.kubernetes.answer import NotFound
from holdfast.engines.kubernetes.cache import KindCache
from holdfast.engines.kubernetes.client import Client, Object
from holdfast.errors import Conflict, Unavailable
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks

APPLICATION, PROJECT = "argoproj.io/Application", "argoproj.io/AppProject"
WORKLOADS = ("apps/StatefulSet", "apps/Deployment")
MANAGER = "holdfast-status"
"""Field manager of what is written; `holdfast` is that of what Git says, in the same objects perhaps."""
SYNC_S = 15.0


class ApplicationObjects:
    """`changed` is told kind and name of whatever may be otherwise. `run` until cancelled; `begin` within that."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        *,
        clock: Clock,
        random: Random,
        crashed: Callable[[str, BaseException], None],
        changed: Callable[[str, str], None],
    ) -> None:
        self.namespace = namespace
        self._client = client
        self._clock = clock
        self._random = random
        self._changed = changed
        self._caches: dict[str, KindCache] = {}
        self._tasks = Tasks(crashed)

    async def run(self) -> None:
        async with self._tasks:
            await asyncio.Event().wait()

    async def begin(self) -> None:
        """Return once all is known. Raises the EngineError in the way; then it may be called again."""
        for kind in (*WORKLOADS, PROJECT, APPLICATION):
            if kind not in self._caches:
                resource = await self._client.kind(kind)
                if resource is None:
                    hint = "are Argo CD's definitions there? `kubectl get customresourcedefinitions applications.argoproj.io`"
                    raise Unavailable("HF8063", f"cannot follow {kind}: {self._client.server} does not serve it", hint=hint)
                self._caches[kind] = cache = KindCache(
                    self._client,
                    resource,
                    clock=self._clock,
                    random=self._random,
                    changed=lambda resource, key: self._changed(resource.name, key[1]),
                    namespace=self.namespace,
                    is_whole=True,
                )
                self._tasks.start(f"watch {kind}", cache.run(), guard=True)
            await self._caches[kind].synced(SYNC_S)

    def item(self, kind: str, name: str) -> Object | None:
        """Return an object as it was last heard of."""
        seen = self._caches[kind].get((self.namespace, name)) if kind in self._caches else None
        return dict(seen.live) if seen is not None else None

    def names(self, kind: str) -> Collection[str]:
        return tuple(sorted(name for _, name in self._caches[kind])) if kind in self._caches else ()

    def items(self, kind: str) -> tuple[Object, ...]:
        return tuple(item for name in self.names(kind) if (item := self.item(kind, name)) is not None)

    async def prove(self) -> None:
        """Compare what is known with lists of names; what a watch lost is listed anew. Raises the EngineError in the way."""
        for kind, cache in self._caches.items():
            if await cache.prove():
                self._tasks.cancel(f"watch {kind}")
                await self._tasks.ended(f"watch {kind}")
                self._tasks.start(f"watch {kind}", cache.run(), guard=True)

    # Writing

    async def write_status(self, item: Object, patch: Mapping[str, Any]) -> Object:
        """Change the status of an Application; return the object then. Raises `Conflict` where it is another object by now."""
        resource = self._caches[APPLICATION].resource
        return await self._merge(item, {"status": dict(patch)}, subresource="status" if resource.has_status else "", is_strict=False)

    async def take_operation(self, item: Object) -> Object:
        """Take `operation` away, of that very version: who wrote another meanwhile means that one."""
        return await self._merge(item, {"operation": None}, is_same=True)

    async def take_annotation(self, item: Object, key: str) -> Object:
        return await self._merge(item, {"metadata": {"annotations": {key: None}}})

    async def take_finalizers(self, item: Object, finalizers: Collection[str]) -> None:
        """Take finalizers away, so that a deleted object may go."""
        kept = [each for each in item["metadata"].get("finalizers") or () if each not in finalizers]
        await self._merge(item, {"metadata": {"finalizers": kept or None}}, is_same=True)

    async def _merge(
        self, item: Object, patch: Mapping[str, Any], *, subresource: str = "", is_strict: bool = True, is_same: bool = False
    ) -> Object:
        cache, metadata = self._caches[APPLICATION], item["metadata"]
        same = {"uid": metadata["uid"], **({"resourceVersion": metadata["resourceVersion"]} if is_same else {})}
        body = {**patch, "metadata": {**patch.get("metadata", {}), **same}}
        try:
            found = await self._client.merge(
                cache.resource,
                self.namespace,
                metadata["name"],
                body,
                manager=MANAGER,
                subresource=subresource,
                is_strict=is_strict,
            )
        except NotFound as error:
            raise Conflict("HF3305", f"cannot change Application {metadata['name']}: it is not there any more") from error
        if not found["metadata"].get("deletionTimestamp") or found["metadata"].get("finalizers"):
            cache.put(found)  # what was the last finalizer is gone, and the object with it: the watch tells
        return found
