"""The certificate engine: observes, serves and heals Certificates, and gets new ones from whom it is told to ask.

Applying makes nginx able to start: a self-signed pair where there is none yet, what was kept where somebody changed what is served. It
never waits for an issuer, which may want to be answered by that very nginx; `controllers.renew` asks those, through `obtain`. What stands
is served until something better is there, whatever fails.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from holdfast.edge.certificate_drift import Note, Served, handle, seen
from holdfast.edge.certificate_life import SELF_SIGNED, Course, Failed, Held, Leaf, Obtained, Order, Rehearsal, RenewalInfo, Source
from holdfast.edge.certificate_spec import CertificateFiles, CertificateSpec
from holdfast.edge.issuer import Means, candidates
from holdfast.edge.issuer_spec import IssuerSpec
from holdfast.edge.typed import read
from holdfast.engines.acme.answering import Challenges
from holdfast.engines.acme.issuers import Issuers
from holdfast.engines.acme.ordering import Request
from holdfast.engines.acme.pair import Pair, belongs, certificate_id, checked, key_kind, make_key, read_leaf, self_signed
from holdfast.engines.acme.problem import failure
from holdfast.engines.acme.vault import Vault
from holdfast.errors import Bug, Conflict, EngineError, Rejected, StoreError
from holdfast.host.file_watch import FileWatch
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.secret import Secret
from holdfast.model.codec import decode, encode
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Verb
from holdfast.model.ports import Records, Secrets
from holdfast.model.resource import Resource
from holdfast.model.state import State

BOOTSTRAP_S = 398 * 86_400.0
"""How long a bootstrap is valid: nobody believes it anyway, and an issuer that stays away must not take nginx down."""
BOOTSTRAP_NAME = "Holdfast bootstrap"


class AcmeEngine:
    """Implements ports.Engine, and `controllers.renew.Certificates`. Call `start` before anything else.

    `folder` is where nginx reads (`<namespace>/<name>/{fullchain,key}.pem`), `state` where accounts and authorities are kept. `declared`
    answers with the issuers of the Edge, in order; `means` is what the local configuration lends them. `described` answers with what is
    known of an id, as for the file engine. `changed` is told the id whenever other files are served: nginx must read them again.
    """

    name = "acme"
    kinds = frozenset({"Certificate"})

    def __init__(
        self,
        *,
        folder: Path,
        state: Path,
        records: Records,
        secrets: Secrets,
        declared: Callable[[], Sequence[IssuerSpec]],
        means: Means,
        challenges: Challenges | None,
        described: Callable[[ResourceId], Iterable[Resource]],
        search_path: str,
        clock: Clock,
        changed: Callable[[ResourceId], None] = lambda id: None,
        watch: FileWatch | None = None,
    ) -> None:
        self._vault = Vault(folder)
        self._records = records
        self._secrets = secrets
        self._described = described
        self._clock = clock
        self._changed = changed
        self._issuers = Issuers(
            declared=declared,
            means=means,
            folder=state,
            secrets=secrets,
            challenges=challenges,
            search_path=search_path,
            clock=clock,
        )
        self._held: dict[ResourceId, Held] = {}
        self._notes: dict[ResourceId, Note] = {}
        self._watch = watch or FileWatch()
        self._watched: dict[str, ResourceId] = {}
        self._wake: Callable[[ResourceId], None] = lambda id: None

    def start(self) -> None:
        """Read what is remembered. What cannot be read is forgotten: what lies on disk is then judged by itself."""
        for key, value in self._records.all().items():
            try:
                self._held[ResourceId.parse(key, HOST)] = decode(Held, value)
            except ValueError:
                continue

    async def aclose(self) -> None:
        await self._issuers.aclose()

    # Looking

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        observed: dict[ResourceId, Observation] = {}
        unreachable: dict[ResourceId, str] = {}
        for id in ids:
            try:
                observed[id] = self._observation(id)
            except EngineError as error:
                unreachable[id] = error.message
        return Live(observed=observed, unreachable=unreachable)

    def _observation(self, id: ResourceId) -> Observation:
        now = self._clock.now()
        served = self._served(id)
        self._watch_paths(id)
        if served is None:
            return Observation(state=None, observed_at=now)
        held = self._held.get(id)
        fields = held.fields if held is not None else self._wanted(id)
        return Observation(
            state=State.of(seen(served, held, fields)),
            handle=handle(served, held, fields, self._notes.get(id, Note()), now),
            observed_at=now,
        )

    def _served(self, id: ResourceId) -> Served | None:
        """Return what lies where nginx reads; None where either file is gone."""
        files = self._vault.served(id)
        if files is None or files.chain is None or files.key is None:
            return None
        return Served(leaf=read_leaf(files.chain), key_matches=belongs(files.chain, files.key))

    def _wanted(self, id: ResourceId) -> Mapping[str, Json]:
        """Return what is asked for of an id that nothing is remembered of."""
        return next((resource.state.fields for resource in self._described(id)), {"hosts": []})

    async def watch(self) -> AsyncGenerator[ResourceId, None]:
        for id in self._held:
            self._watch_paths(id)
        async for path in self._watch.changes():
            if (whose := self._watched.get(path)) is not None:
                yield whose

    def _watch_paths(self, id: ResourceId) -> None:
        wanted = {str(path) for path in self._vault.paths(id)}
        for path in [path for path, whose in self._watched.items() if whose == id and path not in wanted]:
            self._watch.drop(path)
            del self._watched[path]
        for path in wanted - self._watched.keys():
            self._watched[path] = id
            self._watch.add(str(self._vault.folder), path)

    def _unwatch(self, id: ResourceId) -> None:
        for path in [path for path, whose in self._watched.items() if whose == id]:
            self._watch.drop(path)
            del self._watched[path]

    # Applying

    async def apply(self, step: Step) -> None:
        if step.verb is StepVerb.DELETE:
            await self._delete(step.id)
        elif step.verb is StepVerb.APPLY and step.resource is not None:
            await self._apply(step, step.resource)
        else:
            raise Bug("HF9001", f"cannot {step.verb} {step.id}: a Certificate is only applied and deleted")

    async def _apply(self, step: Step, resource: Resource) -> None:
        id, spec = step.id, read(CertificateSpec, resource.state.fields)
        held = self._held.get(id) or self._found(step, resource)
        wanted = replace(held, application=resource.labels.get(APPLICATION, ""), fields=resource.state.fields)
        if held.order is not None and held.spec.hosts != spec.hosts:
            wanted = replace(wanted, order=None)
        if spec.files is not None:
            await self._use_files(id, wanted, spec.files)
        elif spec.issuer == SELF_SIGNED:
            await self._sign_self(id, wanted, spec)
        else:
            await self._stand(id, wanted, spec)
        self._wake(step.id)

    def _found(self, step: Step, resource: Resource) -> Held:
        """Return what is there of an id that nothing is remembered of: nothing, or what may be taken over."""
        held = Held(application="", fields=resource.state.fields)
        files = self._vault.served(step.id)
        if files is None:
            return held
        if step.change.verb in (Verb.CREATE, Verb.REPLACE) and not resource.policy.adopt:
            raise Conflict(
                "HF3159",
                f"cannot make {step.id}: something is there already that is not ours, at {self._vault.paths(step.id)[0]}",
                hint='move it away, or let it be taken over with the annotation holdfast.dev/adopt: "true"',
            )
        if files.chain is None or files.key is None or not belongs(files.chain, files.key):
            return held
        pair, leaf = Pair(files.chain, files.key), read_leaf(files.chain)
        if leaf is None:
            return held
        version = self._vault.keep(step.id, pair, self._clock.now(), leaf.serial)
        return replace(held, version=version, leaf=leaf, source=Source.FILES)

    async def _use_files(self, id: ResourceId, wanted: Held, files: CertificateFiles) -> None:
        chain, key = (self._secrets.resolve(reference.secret) for reference in (files.certificate, files.key))
        pair = Pair(chain.reveal().encode(), key)
        leaf = checked(pair, wanted.spec.hosts, now=self._clock.now(), code="HF3148", verb=f"use the files of {id}")
        kept = self._vault.kept(id, wanted.version)
        if kept is None or kept.chain != pair.chain or kept.key != pair.key:
            await self._take(id, wanted, pair, leaf, Source.FILES, "")
        else:
            await self._serve(id, replace(wanted, leaf=leaf, source=Source.FILES, issuer=""), pair)

    async def _sign_self(self, id: ResourceId, wanted: Held, spec: CertificateSpec) -> None:
        before = self._held.get(id)
        is_same = before is not None and before.source is Source.ISSUED and before.issuer == SELF_SIGNED and before.spec == spec
        pair = self._vault.kept(id, wanted.version) if is_same else None
        if pair is not None and belongs(pair.chain, pair.key):
            await self._serve(id, wanted, pair)
            return
        outcome = await self._issued(id, wanted, SELF_SIGNED)
        await self._take(id, wanted, *outcome, Source.ISSUED, SELF_SIGNED)

    async def _stand(self, id: ResourceId, wanted: Held, spec: CertificateSpec) -> None:
        """Serve the best that is there until an issuer has given what is wanted."""
        version, pair = self._best(id, wanted)
        if pair is None or (wanted.source is Source.BOOTSTRAP and not _is_for(pair, spec.hosts)):
            key = await make_key("ecdsa-p256")
            fresh = self_signed(key, spec.hosts, now=self._clock.now(), lifetime_s=BOOTSTRAP_S, common_name=BOOTSTRAP_NAME)
            leaf = checked(fresh, spec.hosts, now=self._clock.now(), code="HF3147", verb=f"serve {id}")
            await self._take(id, wanted, fresh, leaf, Source.BOOTSTRAP, "")
        elif version == wanted.version:
            await self._serve(id, wanted, pair)
        else:  # what counted is damaged, the one before is whole: it serves until there is a new one
            await self._serve(id, replace(wanted, version=version, leaf=read_leaf(pair.chain), source=Source.FILES, issuer=""), pair)

    def _best(self, id: ResourceId, wanted: Held) -> tuple[str, Pair | None]:
        """Return the kept pair that counts, else the newest other one that is whole and for any of the hosts."""
        for version in (wanted.version, *self._vault.versions(id)):
            pair = self._vault.kept(id, version)
            if pair is None or not belongs(pair.chain, pair.key):
                continue
            if version == wanted.version or _is_for(pair, wanted.spec.hosts):
                return version, pair
        return "", None

    async def _take(self, id: ResourceId, wanted: Held, pair: Pair, leaf: Leaf, source: Source, issuer: str) -> None:
        """Keep a pair, remember it, then serve it: a crash in between is healed forward."""
        version = self._vault.keep(id, pair, self._clock.now(), leaf.serial)
        order = None if source is not Source.BOOTSTRAP else wanted.order
        await self._serve(id, replace(wanted, version=version, leaf=leaf, source=source, issuer=issuer, order=order), pair)
        if source is Source.ISSUED:
            self._vault.drop_pending_key(id)

    async def _serve(self, id: ResourceId, held: Held, pair: Pair) -> None:
        await self._remember(id, held)
        if self._held.get(id) != held:
            return  # while that was written another has come, or it was deleted
        files = self._vault.served(id)
        if files is None or files.chain != pair.chain or files.key != pair.key:
            self._vault.serve(id, held.version, pair)
            self._watch_paths(id)
            self._changed(id)

    async def _remember(self, id: ResourceId, held: Held) -> None:
        before = self._held.get(id)
        if before == held:
            return
        self._held[id] = held
        try:
            await self._records.put(str(id), encode(held))
        except BaseException:
            if self._held.get(id) is held:  # so that the next try writes it
                self._held.pop(id)
                if before is not None:
                    self._held[id] = before
            raise

    async def _delete(self, id: ResourceId) -> None:
        self._unwatch(id)
        self._vault.remove(id)
        self._notes.pop(id, None)
        if self._held.pop(id, None) is not None:
            await self._records.drop(str(id))
        self._wake(id)

    # What the nginx engine asks for

    async def ensure(self, wanted: Collection[tuple[str, str]]) -> None:
        """Make sure that each pair (namespace, name) lies where nginx reads it: self-signed where nobody has issued one yet."""
        for namespace, name in wanted:
            id = ResourceId(HOST, "Certificate", namespace, name)
            if id in self._held or self._vault.served(id) is not None:
                continue
            if (resource := next(iter(self._described(id)), None)) is not None:
                held = Held(application=resource.labels.get(APPLICATION, ""), fields=resource.state.fields)
                await self._stand(id, held, held.spec)
                self._wake(id)

    def hosts(self) -> Mapping[str, tuple[str, ...]]:
        """Return `namespace/name` of each certificate → the hosts that it is for."""
        return {f"{id.namespace}/{id.name}": held.spec.hosts for id, held in self._held.items()}

    # What the controller of renewals asks for

    def held(self) -> Mapping[ResourceId, Held]:
        """Return what is there of every certificate that was applied."""
        return self._held

    def candidates(self, id: ResourceId, course: Course) -> tuple[str, ...]:
        """Return who may give it now, the first wish first."""
        return candidates(self._held[id], course, self._issuers.specs)

    def on_due(self, wake: Callable[[ResourceId], None]) -> None:
        """Call `wake` whenever a certificate may be wanted, or is wanted no longer."""
        self._wake = wake

    def note(self, id: ResourceId, note: Note) -> None:
        """Say how its renewal goes, for people."""
        self._notes[id] = note

    async def obtain(self, id: ResourceId, issuer: str) -> Obtained | Failed:
        """Get a new certificate from an issuer and serve it; what was served before stays where that fails."""
        held = self._held.get(id)
        if held is None:
            return failure(Rejected("HF3158", f"cannot renew {id}: nothing is remembered of it"))
        try:
            pair, leaf = await self._issued(id, held, issuer)
            current = self._held.get(id)
            if current is None or current.fields != held.fields:
                return Obtained(leaf=leaf, issuer=issuer, is_news=False)  # something else is wanted by now
            source = self._issuers.get(issuer).source
            if held.leaf is not None and held.leaf.digest == leaf.digest:
                return await self._same(id, replace(current, issuer=issuer, source=source, order=None), leaf)
            await self._take(id, current, pair, leaf, source, issuer)
        except (EngineError, StoreError) as error:
            return failure(error)
        return Obtained(leaf=leaf, issuer=issuer)

    async def _same(self, id: ResourceId, held: Held, leaf: Leaf) -> Obtained:
        """Take what is there already: no news of a folder that is looked at now and then, and no good of who was asked for another."""
        if held.source is not Source.ADOPTED:
            raise Rejected("HF3147", f"cannot use what issuer {held.issuer} gave for {id}: it is the certificate that is there already")
        await self._remember(id, held)
        return Obtained(leaf=leaf, issuer=held.issuer, is_news=False)

    async def _issued(self, id: ResourceId, held: Held, issuer: str) -> tuple[Pair, Leaf]:
        """Have a certificate signed, and make sure that it is what was asked for."""

        async def remember(order: Order | None) -> None:
            if (current := self._held.get(id)) is not None and current.fields == held.fields:
                await self._remember(id, replace(current, order=order))

        spec, signer = held.spec, self._issuers.get(issuer)
        kept = self._vault.kept(id, held.version) if held.source is Source.ISSUED and held.issuer == issuer else None
        request = Request(
            name=str(id),
            hosts=spec.hosts,
            key=await self._key(id, spec.key),
            lifetime_s=spec.lifetime,
            replaces=certificate_id(kept.chain) if kept is not None else None,
            order=held.order,
            remember=remember,
        )
        pair = await signer.issue(request)
        return pair, checked(pair, spec.hosts, now=self._clock.now(), code="HF3147", verb=f"use what issuer {issuer} gave for {id}")

    async def _key(self, id: ResourceId, kind: str) -> Secret:
        """Return the key of a certificate to come: written before anybody hears of it, and the same one after a crash."""
        pending = self._vault.pending_key(id)
        if pending is None or key_kind(pending) != kind:
            pending = await make_key(kind)
            self._vault.put_pending_key(id, pending)
        return pending

    async def renewal_info(self, id: ResourceId) -> RenewalInfo | None:
        """Return when its issuer wants it to be renewed; None where it does not say such things."""
        held = self._held[id]
        pair = self._vault.kept(id, held.version)
        spec = next((each for each in self._issuers.specs if each.name == held.issuer), None)
        if pair is None or spec is None or spec.acme is None:
            return None
        return await self._issuers.acme(held.issuer, "ask").renewal_info(pair.chain)

    def revokes(self, id: ResourceId, issuer: str) -> None:
        """Raise `Rejected` (HF3157) where an issuer cannot be asked to revoke."""
        self._issuers.acme(issuer, f"revoke the certificate of {id}")

    async def revoke(self, id: ResourceId, version: str, issuer: str, reason: int) -> None:
        """Revoke a kept certificate at the issuer that gave it; `reason` as RFC 5280 §5.3.1 numbers them."""
        pair = self._vault.kept(id, version)
        if pair is None:
            raise Rejected("HF3157", f"cannot revoke the certificate of {id}: it is kept no longer")
        await self._issuers.acme(issuer, f"revoke the certificate of {id}").revoke(pair, reason)

    async def rehearse(self, id: ResourceId, issuer: str) -> Rehearsal:
        """Try everything but the signing itself."""
        return await self._issuers.acme(issuer, f"rehearse {id}").rehearse(self._held[id].spec.hosts)

    async def roll_key(self, issuer: str) -> None:
        """Change the key of our account at an issuer."""
        await self._issuers.acme(issuer, "change the key").roll_key()

    def authorities(self) -> Mapping[str, Path]:
        """Return the issuers that are local authorities, and where the root of each lies, for whoever installs it."""
        found = {spec.name: self._issuers.authority(spec.name) for spec in self._issuers.specs if spec.authority is not None}
        return {name: authority.path for name, authority in found.items() if authority is not None}


def _is_for(pair: Pair, hosts: Sequence[str]) -> bool:
    leaf = read_leaf(pair.chain)
    return leaf is not None and leaf.is_for(hosts)
