"""The watch caches of all clusters: which kinds are watched, in which version, and who is told.

A kind is watched from the first time that somebody asks for it, in the version that its server prefers, or in the one in which we applied.
Used by engine, which says what is to be known; a cache of one kind is `cache`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from holdfast.engines.kubernetes.cache import Key, KindCache, Seen
from holdfast.engines.kubernetes.client import Client
from holdfast.errors import Unavailable
from holdfast.host.news import News
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.object_id import namespace_of, object_id
from holdfast.model.ids import ResourceId

SYNC_S = 15.0
"""How long the first look at a kind may take."""


class Watches:
    """`clients` by destination. `run` watches until cancelled; `aclose` ends the connections."""

    def __init__(
        self, clients: Mapping[str, Client], *, clock: Clock, random: Random, crashed: Callable[[str, BaseException], None]
    ) -> None:
        self.clients = dict(clients)
        self.news = News()
        self.managers: frozenset[str] = frozenset()
        """Field managers whose fields caches that are begun from now on keep, beside ours."""
        self._caches: dict[tuple[str, str], KindCache] = {}
        """By destination and kind."""
        self._pinned: set[tuple[str, str]] = set()
        """Those that are watched in a version which the server does not prefer."""
        self._clock = clock
        self._random = random
        self._tasks = Tasks(crashed)
        self._is_running = asyncio.Event()
        self._bells: dict[ResourceId, Wakeup] = {}
        self._sampled = ("", "")

    async def run(self) -> None:
        async with self._tasks:
            self._is_running.set()
            await asyncio.Event().wait()

    def client_of(self, id: ResourceId) -> Client:
        """Return the client of an object's cluster. Raises `Unavailable` (HF3313) where there is none."""
        if id.destination not in self.clients:
            raise Unavailable("HF3313", f"cannot reach {id}: no cluster of this installation is {id.destination}")
        return self.clients[id.destination]

    def seen(self, id: ResourceId) -> Seen | None:
        """Return an object as it was heard of last, without asking."""
        cache = self._caches.get((id.destination, id.kind))
        return cache.get(key_of(id)) if cache is not None else None

    async def of(self, name: str, kind: str) -> KindCache | None:
        """Return the cache of a kind, begun now where nobody asked before; None where the cluster does not serve the kind."""
        if name not in self.clients:
            raise Unavailable("HF3313", f"cannot reach {name}: no cluster of this installation is called so")
        if (name, kind) not in self._caches:
            resource = await self.clients[name].kind(kind)
            if resource is None:
                return None
            if (name, kind) not in self._caches:
                await self._begin(name, kind, resource)
        return self._caches[name, kind]

    async def looked_at(self, name: str, kind: str) -> KindCache | None:
        """Return the same once all is known, in the version in which we applied: who owns what is told in that version's fields
        (`autoscaling/v1`). Raises the error in the way."""
        cache = await self.of(name, kind)
        if cache is None:
            return None
        await cache.synced(SYNC_S)
        if not cache.other_version or (name, kind) in self._pinned:
            return cache
        self._pinned.add((name, kind))
        resource = await self.clients[name].kind(kind, cache.other_version)
        is_served = resource is not None and resource.version == cache.other_version
        return await self.begin(name, kind, resource) if is_served and resource is not None else cache

    async def begin(self, name: str, kind: str, resource: ApiResource) -> KindCache:
        """Return the cache of a kind begun anew, once all is known."""
        cache = await self._begin(name, kind, resource)
        await cache.synced(SYNC_S)
        return cache

    async def _begin(self, name: str, kind: str, resource: ApiResource) -> KindCache:
        cache = KindCache(
            self.clients[name], resource, clock=self._clock, random=self._random, changed=self._telling(name), managers=self.managers
        )
        self._caches[name, kind] = cache
        await self._restart(name, kind, cache)
        return cache

    async def _restart(self, name: str, kind: str, cache: KindCache) -> None:
        task = f"watch {kind} at {name}"
        await self._is_running.wait()
        if self._tasks.cancel(task):
            await self._tasks.ended(task)
        self._tasks.start(task, cache.run(), guard=True)

    def _telling(self, destination: str) -> Callable[[ApiResource, Key], None]:
        def news(resource: ApiResource, key: Key) -> None:
            id = object_id(destination, resource.name, *key)
            self.news.tell(id)
            if id in self._bells:
                self._bells[id].wake()

        return news

    async def heard(self, id: ResourceId, deadline: float) -> None:
        """Wait for news of `id`, a second at most: a watch may have been replaced meanwhile."""
        bell = self._bells.setdefault(id, Wakeup())
        try:
            await bell.wait_until(min(deadline, asyncio.get_running_loop().time() + 1.0))
        finally:
            self._bells.pop(id, None)

    def has(self, id: ResourceId) -> bool:
        """Say whether an id is an object of a cluster that is reached."""
        return id.destination in self.clients

    async def verify(self) -> Mapping[str, tuple[Key, ...]]:
        """Prove every cache; return by kind what was wrong, which is listed anew. Raises the EngineError in the way."""
        return {kind: wrong for name, kind in sorted(self._caches) if (wrong := await self._verify(name, kind))}

    async def sample(self) -> None:
        """Prove one cache, the next in turn: what a watch lost is found sooner or later, and nothing is listed again and again."""
        if self._caches:
            at = self._sampled = next((at for at in sorted(self._caches) if at > self._sampled), min(self._caches))
            await self._verify(*at)

    async def _verify(self, name: str, kind: str) -> tuple[Key, ...]:
        cache = self._caches[name, kind]
        wrong = await cache.prove()
        if wrong:
            await self._restart(name, kind, cache)
        return wrong

    async def aclose(self) -> None:
        await self._tasks.stop()
        for client in self.clients.values():
            await client.aclose()


def key_of(id: ResourceId) -> Key:
    return namespace_of(id), id.name
