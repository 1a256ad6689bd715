"""The Kubernetes engine: observe from watch caches, apply on the server's side, say what changed.

One for all clusters; an id's destination says which. A kind is watched from the first time that somebody asks for it. Observed is what
is ours of an object (projection): where a server keeps what we applied in other words than ours (a default within a list, a webhook), its
answer to our apply is remembered and stands for what we said, so that it is no drift. Decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any

from holdfast.engines.kubernetes.cache import KindCache, Seen
from holdfast.engines.kubernetes.client import Client, Object
from holdfast.engines.kubernetes.custom import CustomHealth
from holdfast.engines.kubernetes.ignoring import Ignoring
from holdfast.engines.kubernetes.watches import SYNC_S, Watches, key_of
from holdfast.engines.kubernetes.writing import FORCE_HINT, IMMUTABLE, take_over, write
from holdfast.errors import EngineError, Rejected, TimedOut, Unavailable, Where
from holdfast.host.jq import Jq
from holdfast.kit.canonical import Json, digest
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import all_of
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.field_set import shown
from holdfast.kubernetes.health import HealthRules
from holdfast.kubernetes.hook import is_at_work
from holdfast.kubernetes.ignore import fields_of
from holdfast.kubernetes.object_id import CLUSTER, CLUSTER_SCOPED, namespace_of, propagation_of
from holdfast.kubernetes.sync_option import FORCE, PROPAGATION, RESPECT
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.ports import Records
from holdfast.model.resource import Origin, Resource, ResourcePolicy
from holdfast.model.state import State

LEARN_S = 5.0
"""How long a render waits for a cluster to say what it serves."""
_WIDE = "cluster-scoped"
_SERVED = "served "


class Others(frozenset[str]):
    """Every kind but those that it holds: what no other engine applies is a cluster's."""

    def __contains__(self, kind: object) -> bool:
        return not super().__contains__(kind)


class KubernetesEngine:
    """`clusters` by destination; `known` are the kinds of other engines; `described` says what is known of an id: first as it was applied
    last, then as Git says. `run` watches until cancelled; `aclose` ends the connections."""

    name = "kubernetes"

    def __init__(
        self,
        clusters: Mapping[str, Client],
        *,
        known: Collection[str],
        rules: HealthRules,
        records: Records,
        clock: Clock,
        random: Random,
        crashed: Callable[[str, BaseException], None],
        described: Callable[[ResourceId], Iterable[Resource]] = lambda id: (),
        custom: CustomHealth | None = None,
    ) -> None:
        self.kinds: frozenset[str] = Others(known)
        self.watches = Watches(clusters, clock=clock, random=random, crashed=crashed)
        self._rules = rules
        self._custom = custom
        self._ignoring = Ignoring(Jq(), clock)
        self._records = records
        self._described = described
        self._clock = clock

    async def run(self) -> None:
        await self.watches.run()

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        observed: dict[ResourceId, Observation] = {}
        unreachable: dict[ResourceId, str] = {}
        places = sorted({(id.destination, id.kind) for id in ids})
        # At once: what cannot be seen is waited for, and a cluster that is away has many kinds.
        for (name, kind), cache in zip(places, await all_of(*(self._looked_at(*place) for place in places)), strict=True):
            asked = [id for id in ids if (id.destination, id.kind) == (name, kind)]
            if isinstance(cache, EngineError):
                unreachable |= dict.fromkeys(asked, cache.message)
                continue
            # A kind that is not served has no objects: its definition is applied first, and then it is looked for again.
            custom = self._custom if self._custom is not None and self._custom.speaks_of(kind) else None
            found = await self._observations(asked, cache, custom)
            if cache is not None and self.watches.managers - cache.managers:
                cache = await self.watches.begin(name, kind, cache.resource)
                found = await self._observations(asked, cache, custom)
            for id, seen in found.items():
                if isinstance(seen, Observation):
                    observed[id] = seen
                else:
                    unreachable[id] = seen
        return Live(observed=observed, unreachable=unreachable)

    async def _looked_at(self, name: str, kind: str) -> KindCache | EngineError | None:
        """Return the cache of a kind once all of it is known, or why that is not."""
        try:
            return await self.watches.looked_at(name, kind)
        except EngineError as error:
            return error

    async def _observations(
        self, ids: Iterable[ResourceId], cache: KindCache | None, custom: CustomHealth | None
    ) -> dict[ResourceId, Observation | str]:
        """Return what is seen of objects of one kind."""
        return {id: (self._plain(id, cache) if custom is None else None) or await self._observation(id, cache, custom) for id in ids}

    def _plain(self, id: ResourceId, cache: KindCache | None) -> Observation | None:
        """Return what an object was observed as, where nothing has changed since: neither it, nor what was applied."""
        seen = cache.get(key_of(id)) if cache is not None else None
        if seen is None or seen.plain is None or (known := next(iter(self._described(id)), None)) is None:
            return None
        return seen.plain if known.state is seen.plain.state else None

    async def _observation(self, id: ResourceId, cache: KindCache | None, custom: CustomHealth | None) -> Observation | str:
        """Return what is seen of an object, or why that cannot be told: a rule of `ignoreDifferences` cannot be followed."""
        at = self._clock.now()
        seen = cache.get(key_of(id)) if cache is not None else None
        if seen is None or cache is None:
            return Observation(state=None, observed_at=at)
        if seen.state is None:
            # Nothing of it is ours: all that a manifest can say and have here is that it should be (a Namespace without labels).
            named: dict[str, Json] = {"name": id.name, **({"namespace": namespace} if (namespace := namespace_of(id)) else {})}
            identity: dict[str, Json] = {"apiVersion": cache.resource.api_version, "kind": cache.resource.kind, "metadata": named}
            return Observation(state=State.of(identity), observed_at=at, handle={"uid": seen.uid})
        handle: dict[str, Json] = {"uid": seen.uid}
        verdict = await custom.judge(seen.live) if custom is not None else None
        verdict = verdict or self._rules.judge(seen.live, at)
        if verdict is not None:
            handle |= {"health": verdict.status.value, "message": verdict.message}
        if is_at_work(seen.live):
            handle["at_work"] = True
        if seen.taken:
            handle["taken"] = {shown(path): manager for path, manager in sorted(seen.taken.items())}
        if seen.live["metadata"].get("deletionTimestamp"):
            handle["finalizers"] = [*seen.finalizers]
        try:
            state = await self._known(id, seen, seen.state)
        except ValueError as error:
            return f"ignoreDifferences cannot be followed (HF3322): {error}"
        observation = Observation(state=state, observed_at=at, handle=handle)
        if state is not seen.state and state == seen.state:
            cache.share(key_of(id), seen, state)
        elif state is seen.state and custom is None and len(handle) == 1:
            seen.plain = observation
        return observation

    async def _known(self, id: ResourceId, seen: Seen, state: State) -> State:
        """Return what was observed, as what is known of it where that is the same, or counts as the same."""
        if (known := next((each.state for each in self._described(id) if each.state == state), None)) is not None:
            return known
        return await self._unless_ignored(id, self._said(id, state), seen)

    async def _unless_ignored(self, id: ResourceId, state: State, seen: Seen) -> State:
        """Return what was observed; where it differs from what is known of it only in fields that do not count, what is known."""
        for known in self._described(id):
            if known.state == state:
                return known.state
            if known.policy.ignored:
                self.watches.managers |= {name for each in known.policy.ignored for name in each.managed_fields_managers}
                if await self._ignoring.is_same_but(known.policy.ignored, known.state, state, seen.theirs):
                    return known.state
        return state

    def _said(self, id: ResourceId, state: State) -> State:
        """Return what was observed, in the words of the manifest where the server answered just so to it."""
        record: Any = self._records.get(_record_of(id))
        if isinstance(record, dict) and record.get("answer") == state.digest:
            return State.of(record["said"])
        return state

    async def learn(self, destination: str) -> None:
        """Ask a cluster what it serves, and remember which kinds lie in no namespace. What does not answer is asked again next time."""
        client = self.watches.clients.get(destination)
        if client is None:
            return
        try:
            async with asyncio.timeout(LEARN_S):
                served = await client.discover()
        except (EngineError, TimeoutError):
            return
        wide = {kind for kind, versions in served.kinds.items() if not versions[0].is_namespaced} - CLUSTER_SCOPED
        if not wide <= set(self.wide):
            await self._records.put(_WIDE, [*sorted(wide.union(self.wide))])

    async def served(self, destination: str) -> tuple[str, tuple[str, ...]]:
        """Return the version of a cluster (`v1.34.1`) and the API versions that it serves, as charts ask for them, each also with its kinds
        (`apps/v1/Deployment`); as it was last where it does not answer, empty where that is not known or it is none of ours."""
        client = self.watches.clients.get(destination)
        if client is None:
            return "", ()
        key = f"{_SERVED}{destination}"
        known: Any = self._records.get(key)
        try:
            async with asyncio.timeout(LEARN_S):
                found = [await client.version(), *(await client.discover()).api_versions]
        except (EngineError, TimeoutError):
            return (str(known[0]), tuple(map(str, known[1:]))) if isinstance(known, list) else ("", ())
        if found != known:
            await self._records.put(key, [*found])
        return found[0], tuple(found[1:])

    @property
    def wide(self) -> tuple[str, ...]:
        """Kinds that lie in no namespace, beside those that everybody knows; remembered, since a cluster may be away."""
        known = self._records.get(_WIDE)
        return tuple(map(str, known)) if isinstance(known, list) else ()

    async def apply(self, step: Step) -> None:
        match step.verb:
            case StepVerb.APPLY if step.resource is not None:
                try:
                    await self._apply(step.id, step.resource, step.deadline_s)
                except Rejected as error:
                    raise _placed(error, step.resource.origin) from error
            case StepVerb.DELETE:
                await self._delete(step.id, step.deadline_s)
            case verb:
                raise Rejected("HF3306", f"cannot {verb} {step.id}: an object of a cluster is applied or deleted")

    async def _apply(self, id: ResourceId, wanted: Resource, deadline_s: float) -> None:
        state = wanted.state
        manifest = dict(state.fields)
        version = str(manifest.get("apiVersion") or "").rpartition("/")[2]
        client = self.watches.client_of(id)
        resource = await client.kind(id.kind, version)
        if resource is None or resource.version != version:
            served = f"it serves {resource.api_version}" if resource is not None else "its definition is not there"
            raise Unavailable(
                "HF3304", f"cannot apply {id}: {client.server} does not serve {manifest.get('apiVersion')} {id.kind}; {served}"
            )
        if resource.is_namespaced == (id.namespace == CLUSTER):
            await self.learn(id.destination)
            raise _misplaced(id, resource)
        if RESPECT in wanted.policy.options and wanted.policy.ignored:
            manifest = await self._respecting(client, resource, wanted, manifest)
        await self._finish_takeover(client, resource, id)
        item = await self._written(client, resource, wanted, manifest, deadline_s)
        cache = await self.watches.of(id.destination, id.kind)
        if cache is None:
            return
        if item["apiVersion"] != cache.resource.api_version:
            cache = await self.watches.begin(id.destination, id.kind, resource)
        cache.put(item)
        seen = cache.get(key_of(id))
        await self._remember(id, state, seen.state if seen is not None and seen.state is not None else state)

    async def _finish_takeover(self, client: Client, resource: ApiResource, id: ResourceId) -> None:
        """End a takeover that ended in the middle: what the manifest has lost since would stay after an apply, as theirs."""
        seen = self.watches.seen(id)
        if seen is not None and seen.is_shared and (live := await client.get(resource, namespace_of(id), id.name)) is not None:
            await take_over(client, resource, namespace_of(id), live)

    async def _respecting(self, client: Client, resource: ApiResource, wanted: Resource, manifest: dict[str, Json]) -> dict[str, Json]:
        """Return the manifest with the live values of what is ignored, where the object is there."""
        live = await client.get(resource, namespace_of(wanted.id), wanted.id.name)
        if live is None:
            return manifest
        names = {name for each in wanted.policy.ignored for name in each.managed_fields_managers}
        try:
            theirs = {name: fields_of(live, [name]) for name in names}
            return await self._ignoring.respecting(wanted.policy.ignored, manifest, live, theirs)
        except ValueError as error:
            raise Rejected("HF3322", f"cannot apply {wanted.id}: ignoreDifferences cannot be followed: {error}") from error

    async def _written(
        self, client: Client, resource: ApiResource, wanted: Resource, manifest: Mapping[str, Any], deadline_s: float
    ) -> Object:
        """Write it; what cannot be changed in place is deleted and created anew where `Force` says so."""
        id, options = wanted.id, wanted.policy.options
        try:
            return await write(client, resource, id, manifest, options)
        except Rejected as error:
            if error.code != IMMUTABLE:
                raise
            if options.get(FORCE) != "true":
                hint = f"{error.hint}; {FORCE_HINT}" if error.hint else FORCE_HINT
                raise Rejected(error.code, error.message, hint=hint) from error
            if wanted.policy.protect:
                hint = "take Prune=confirm off the object in the commit that changes it, if it may be deleted"
                raise Rejected(error.code, f"{error.message}; and it is protected from being deleted", hint=hint) from error
        await self._delete(id, deadline_s, wanted.policy)
        return await write(client, resource, id, manifest, options)

    async def _remember(self, id: ResourceId, said: State, answered: State) -> None:
        key = _record_of(id)
        if said != answered:
            await self._records.put(key, {"answer": answered.digest, "said": dict(said.fields)})
        elif self._records.get(key) is not None:
            await self._records.drop(key)

    async def _delete(self, id: ResourceId, deadline_s: float, policy: ResourcePolicy | None = None) -> None:
        """Ask for it to go, and wait until it has gone and the watch says so: a look must not see it once more.

        `policy`: its own; else that of what is known of it.
        """
        client = self.watches.client_of(id)
        policy = policy or next((each.policy for each in self._described(id)), ResourcePolicy())
        propagation = policy.options[PROPAGATION].capitalize() if PROPAGATION in policy.options else propagation_of(id.kind)
        cache = await self.watches.of(id.destination, id.kind)
        if cache is None:
            return
        await cache.synced(SYNC_S)
        deadline = asyncio.get_running_loop().time() + deadline_s
        uid, is_asked, is_gone = "", False, False
        while (seen := cache.get(key_of(id))) is not None and (not uid or seen.uid == uid):
            uid = uid or seen.uid
            if not is_asked:
                is_asked = True
                is_gone = not await client.delete(cache.resource, namespace_of(id), id.name, propagation=propagation, uid=uid)
            if asyncio.get_running_loop().time() >= deadline:
                if is_gone:
                    break
                held = ", ".join(seen.finalizers)
                reason = f"its finalizers {held} are not done" if held else "it is still there"
                hint = "the controller of the finalizer must take it away; look whether it runs" if held else None
                raise TimedOut("HF3312", f"cannot delete {id}: {reason} after {deadline_s:g} s", hint=hint)
            await self.watches.heard(id, deadline)
        await self._records.drop(_record_of(id))

    def watch(self) -> AsyncIterator[ResourceId]:
        return self.watches.news.watch()

    def live(self, id: ResourceId) -> tuple[str, Mapping[str, Any] | None] | None:
        """Return uid and live object of an id as they were seen last, without asking; the object only where something of it is ours."""
        seen = self.watches.seen(id)
        return (seen.uid, seen.live or None) if seen is not None else None

    def judge(self, live: Mapping[str, Any]) -> Health | None:
        """Return what the rules say of a live object; users' scripts are not asked."""
        return self._rules.judge(live, self._clock.now())

    async def aclose(self) -> None:
        await self.watches.aclose()
        await self._ignoring.aclose()
        if self._custom is not None:
            await self._custom.aclose()


def _placed(error: Rejected, origin: Origin | None) -> Rejected:
    """Return the error with the place in Git that a person must edit."""
    if origin is None:
        return error
    where = [Where(path=origin.path, line=origin.line)]
    return Rejected(error.code, f"{error.message} (declared at {origin})", where=where, hint=error.hint)


def _misplaced(id: ResourceId, resource: ApiResource) -> Rejected:
    """Say that an object lies where its kind cannot: it would stand elsewhere than where it was looked for, and permitted."""
    if resource.is_namespaced:
        return Rejected("HF3314", f"cannot apply {id}: objects of {resource.name} lie in a namespace", hint="write metadata.namespace")
    hint = "the next commit puts it right, or `holdfast sync` now"
    return Rejected("HF3314", f"cannot apply {id}: objects of {resource.name} lie in no namespace, which was not known yet", hint=hint)


@lru_cache(maxsize=1024)
def _record_of(id: ResourceId) -> str:
    return digest([*id])
