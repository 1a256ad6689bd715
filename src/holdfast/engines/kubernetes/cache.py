"""Watch cache of one kind: what stands in the cluster, kept by a watch that can prove that it missed nothing.

A streaming list (or pages, where a server has no streaming lists) and then a watch from where it ended; bookmarks move the place where it
would go on; a version that is too old (410) begins a new list, which replaces what was known. Two things are not believed: that a watch
misses nothing, so `verify` compares versions with a list of names now and then; and that an older event is newer than the answer to our own
write. Of objects that nobody here manages only name, uid and version are kept.

Laws: what is not synced is unknown, never absent; versions of one object only grow; every change rings, coalesced by object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from holdfast.engines.kubernetes.answer import Gone
from holdfast.engines.kubernetes.client import MANAGER, Client, Object
from holdfast.errors import EngineError, Rejected, TimedOut, Unavailable
from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import sharing
from holdfast.kit.clock import Clock, Random
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.drift import field_owners, owned
from holdfast.kubernetes.field_set import FieldSet, Path
from holdfast.kubernetes.ignore import fields_of
from holdfast.kubernetes.projection import project, taken
from holdfast.kubernetes.takeover import is_shared
from holdfast.model.live import Observation
from holdfast.model.state import State

Key = tuple[str, str]
"""Namespace (empty: none) and name."""

AGAIN = Backoff(first_s=0.05, factor=2.0, cap_s=10.0)
INITIAL_END = "k8s.io/initial-events-end"
PROOF_S = 10.0
"""How long a proof waits for the watch to reach the version of its list."""


_NONE: Mapping[Any, Any] = MappingProxyType({})
"""One for all: a cluster has thousands of objects that are nobody's here."""


@dataclass(slots=True)
class Seen:
    """One object, as it was last heard of. Read, never changed, but for `plain`."""

    uid: str
    version: int
    state: State | None = None
    """What is ours of it, in the form of a manifest; None where we never applied it."""
    ours: FieldSet = frozenset()
    live: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    """The object without its record of owners; empty where it is not ours and the cache is not whole."""
    taken: Mapping[Path, str] = field(default_factory=lambda: _NONE)
    """Fields that were ours, and who has them."""
    theirs: Mapping[str, FieldSet] = field(default_factory=lambda: _NONE)
    """The fields of those other managers that rules of `ignoreDifferences` name."""
    is_shared: bool = False
    """Whether a takeover has not been finished: fields of ours are those of Argo CD or kubectl too."""
    plain: Observation | None = None
    """What an object that only has to be there, as it was applied, was observed as: it is that until one of the two changes."""

    @property
    def finalizers(self) -> tuple[str, ...]:
        return tuple((self.live.get("metadata") or {}).get("finalizers") or ())


class KindCache:
    """Of one kind in one cluster. `run` until cancelled; `changed` is told the key of whatever may be otherwise."""

    def __init__(
        self,
        client: Client,
        resource: ApiResource,
        *,
        clock: Clock,
        random: Random,
        changed: Callable[[ApiResource, Key], None],
        managers: frozenset[str] = frozenset(),
        namespace: str = "",
        is_whole: bool = False,
    ) -> None:
        """`namespace`: of that one alone. `is_whole`: every object is kept as it stands, ours or not."""
        self.resource = resource
        self.failure: EngineError | None = None
        """Why nothing is known at the moment."""
        self.lists = 0
        self.other_version = ""
        """Version in which we applied an object, where that is not the one that is watched."""
        self._client = client
        self._clock = clock
        self._random = random
        self._changed = changed
        self._namespace = namespace
        self._is_whole = is_whole
        self.managers = managers
        """Other managers whose fields are kept too."""
        self._seen: dict[Key, Seen] = {}
        self._is_streaming = True
        self._version = ""
        self._synced = asyncio.Event()
        self._moved = asyncio.Event()

    @property
    def is_synced(self) -> bool:
        return self._synced.is_set() and self.failure is None

    def get(self, key: Key) -> Seen | None:
        return self._seen.get(key)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    async def synced(self, timeout_s: float) -> None:
        """Wait until it is known what stands. Raises the failure in the way, or `TimedOut` (HF3301)."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self.is_synced:
                    if self.failure is not None and isinstance(self.failure, Rejected):
                        raise self.failure
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError as error:
            if self.failure is not None:
                raise self.failure from error
            message = f"cannot look at {self.resource.name}: {self._client.server} did not list it within {timeout_s:g} s"
            raise TimedOut("HF3301", message) from error

    async def run(self) -> None:
        """List, watch, and begin again wherever it breaks."""
        attempt = 0
        while True:
            try:
                if not self._version:
                    await self._list()
                    attempt = 0
                await self._watch()
                attempt = 0
            except Gone:
                self._version = ""
            except EngineError as error:
                attempt += 1
                if attempt > 1 or not self._synced.is_set():  # one broken connection may be a server's way to say goodbye
                    self._tell(error)
                await self._clock.sleep(AGAIN.equal_jitter(attempt, self._random.random()))

    def _tell(self, failure: EngineError | None) -> None:
        if (self.failure is None) != (failure is None):
            self.failure = failure
            for key in self._seen:  # known again, or not any more: both are news
                self._changed(self.resource, key)
        self.failure = failure
        self._moved.set()

    async def _list(self) -> None:
        self.lists += 1
        before = set(self._seen)
        found: set[Key] = set()
        if self._is_streaming:
            try:
                await self._stream(found)
            except Rejected:
                self._is_streaming = False  # before Kubernetes 1.32, or switched off there
                found.clear()
        if not self._is_streaming:
            await self._pages(found)
        for key in before - found:
            self._drop(key, int(self._version))  # a list that is older than our own write knows nothing of it
        self._synced.set()
        self._tell(None)

    async def _stream(self, found: set[Key]) -> None:
        async with self._client.watch(self.resource, namespace=self._namespace, initial=True) as events:
            async for verb, item in events:
                if verb == "BOOKMARK":
                    self._version = item["metadata"]["resourceVersion"]
                    if (item["metadata"].get("annotations") or {}).get(INITIAL_END) == "true":
                        return
                elif verb != "DELETED":
                    found.add(self._put(item))
                else:
                    found.discard(_key(item))
        self._version = ""
        raise Unavailable("HF3308", f"cannot list {self.resource.name}: the server ended the list before it was whole")

    async def _pages(self, found: set[Key]) -> None:
        page = await self._client.page(self.resource, namespace=self._namespace)
        version = page.version
        found.update(self._put(item) for item in page.items)
        while page.next:
            page = await self._client.page(self.resource, namespace=self._namespace, after=page.next)
            found.update(self._put(item) for item in page.items)
        self._version = version

    async def _watch(self) -> None:
        async with self._client.watch(self.resource, namespace=self._namespace, version=self._version) as events:
            self._tell(None)
            async for verb, item in events:
                self._version = item["metadata"]["resourceVersion"]
                if verb == "DELETED":
                    self._drop(_key(item), int(self._version))
                elif verb != "BOOKMARK":
                    self._put(item)
                self._moved.set()

    def put(self, item: Object) -> None:
        """Take the answer to a write of ours, which is newer than what the watch has told so far."""
        self._put(item)

    def _put(self, item: Object) -> Key:
        key, known = _key(item), self._seen.get(_key(item))
        version = int(item["metadata"]["resourceVersion"])
        if known is not None and known.uid == item["metadata"]["uid"] and known.version >= version:
            return key
        applied = applied_in(item)
        if applied and applied != item["apiVersion"]:
            self.other_version = applied.rpartition("/")[2]
        self._seen[key] = whole(item) if self._is_whole else seen(item, known, self.managers)
        self._changed(self.resource, key)
        return key

    def share(self, key: Key, known: Seen, state: State) -> None:
        """Keep `state` in place of the equal one of `known`: what Git says, what was applied and what stands are one value then."""
        if self._seen.get(key) is known:
            live: Any = sharing({**known.live}, {**state.fields})
            self._seen[key] = replace(known, state=state, live=live, plain=None)

    def _drop(self, key: Key, version: int) -> None:
        known = self._seen.get(key)
        if known is not None and version >= known.version:
            del self._seen[key]
            self._changed(self.resource, key)

    async def verify(self) -> tuple[Key, ...]:
        """Prove the cache against a list of names: return what it has wrong.

        Only what had its version before the list was made can be judged; the watch is waited for until it has come so far.
        """
        there: dict[Key, int] = {}
        page = await self._client.page(self.resource, namespace=self._namespace, metadata_only=True)
        version = int(page.version)
        while True:
            there |= {_key(item): int(item["metadata"]["resourceVersion"]) for item in page.items}
            if not page.next:
                break
            page = await self._client.page(self.resource, namespace=self._namespace, after=page.next, metadata_only=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(PROOF_S):
                while not self._version or int(self._version) < version:
                    self._moved.clear()
                    await self._moved.wait()
        wrong = [key for key, at in there.items() if (known := self._seen.get(key)) is None or known.version < at]
        wrong += [key for key, known in self._seen.items() if key not in there and known.version <= version]
        return tuple(sorted(wrong))

    async def prove(self) -> tuple[Key, ...]:
        """Return what is wrong, nothing where that cannot be told now. Where something is, `run` must begin anew: with a list.

        Raises the EngineError in the way.
        """
        try:
            wrong = await self.verify() if self.is_synced else ()
        except Gone:
            return ()  # the list was too slow for its server; another time
        if wrong:
            self._version = ""
        return wrong


def applied_in(item: Object) -> str:
    """Return the apiVersion in which our manager applied an object; empty where it never did."""
    entries = item["metadata"].get("managedFields") or ()
    return next((entry["apiVersion"] for entry in entries if (entry.get("manager"), entry.get("operation")) == (MANAGER, "Apply")), "")


def seen(item: Object, before: Seen | None = None, managers: Collection[str] = ()) -> Seen:
    """Return what is kept of an object."""
    metadata = item["metadata"]
    ours = owned(item, MANAGER)
    uid, version = str(metadata["uid"]), int(metadata["resourceVersion"])
    if ours is None and not (before is not None and before.uid == uid and before.state is not None):
        return Seen(uid, version)
    ours = ours or frozenset()
    earlier = before.ours | frozenset(before.taken) if before is not None and before.uid == uid else frozenset()
    live = whole(item).live
    lost = taken(ours, earlier, field_owners(item)) if earlier - ours else {}
    theirs = {name: fields_of(item, [name]) for name in managers}
    return Seen(uid, version, State.of(project(item, ours)), _one(ours), live, lost or _NONE, theirs or _NONE, is_shared(item, MANAGER))


@lru_cache(maxsize=256)
def _one(fields: FieldSet) -> FieldSet:
    """Return one object for all sets that are equal: most objects of a kind have the same fields."""
    return fields


def whole(item: Object) -> Seen:
    """Return an object that is kept as it stands, but for its record of owners."""
    metadata = item["metadata"]
    live = {**item, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
    return Seen(str(metadata["uid"]), int(metadata["resourceVersion"]), live=live)


def _key(item: Object) -> Key:
    metadata = item["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata["name"])
