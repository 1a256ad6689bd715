"""Folding: from what was applied to the one configuration that it becomes here and now, with everything that it needs beside it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from holdfast.edge.capability import Capability
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.fold import Folded, fold
from holdfast.edge.memo import Memo
from holdfast.edge.part import KIND, Part, backends, service_id
from holdfast.edge.render_server import certificate_of
from holdfast.edge.route_spec import TargetSpec
from holdfast.edge.typed import secrets
from holdfast.edge.world import World
from holdfast.engines.nginx.closing import Closing
from holdfast.engines.nginx.port import Certificates, Generation, Ground, Nginx
from holdfast.engines.nginx.roster import as_rendered, edge_of
from holdfast.errors import DeclarationError, EngineError, Where
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Secrets
from holdfast.model.resource import Resource

DEFAULT_CERTIFICATE = ("holdfast", "default")
"""Shown to visitors of hosts that no Site has, where such are answered at all."""

Services = Callable[[str], tuple[str, ...]]
"""A service (`Process/shop/web`, `…#socket`) → the addresses that are held for it now; none where nobody holds any."""
Resting = Callable[[], frozenset[str]]
"""The addresses that are held for services, and refuse: nobody serves them now."""
Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""A host name → its addresses now; none where nobody knows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One configuration to be served."""

    folded: Folded
    world: World
    resources: Mapping[ResourceId, Resource]
    ground: Ground
    held: Callable[[str], tuple[str, ...]]
    """What is held for a service by now."""
    names: frozenset[str] = field(default_factory=frozenset)
    """Names of targets that were looked up."""

    @property
    def generation(self) -> Generation:
        return Generation(digest=self.folded.generation, text=self.folded.text, pages=self.folded.pages)

    def names_other(self, service: str) -> bool:
        """Say whether other addresses stand in it for a service, or one of its sockets, than are held by now."""
        asked = {each for each in _services_of(self.folded.served.values()) if each.partition("#")[0] == service}
        return any(self.world.slots.get(each, ()) != self.held(each) for each in asked)

    def owners(self, line: int | None, words: str) -> tuple[Part, ...]:
        """Return whose it is that nginx complains of: of a line of the text, else of a certificate or secret that its words name."""
        served = self.folded.served
        ids = self.folded.owners(line) if line is not None else ()
        if ids:
            return tuple(served[id] for id in ids if id in served)
        root = self.world.places.root
        pairs = {(namespace, name) for namespace, name in re.findall(rf"{re.escape(root)}/certificates/([^/\"]+)/([^/\"]+)/", words)}
        names = set(re.findall(rf"{re.escape(root)}/secrets/([^/\"]+)", words))
        return tuple(
            part
            for id, part in sorted(served.items())
            if certificate_of(part) in pairs or not names.isdisjoint(secrets(dict(self.resources[id].state.fields)))
        )

    def changed_since(self, served: Mapping[ResourceId, Part]) -> tuple[Part, ...]:
        return tuple(
            part for id, part in sorted(self.folded.served.items()) if (old := served.get(id)) is None or old.digest != part.digest
        )


class Folding:
    """`out`: the flags of targets that are left out by now."""

    def __init__(
        self,
        *,
        nginx: Nginx,
        secrets: Secrets,
        certificates: Certificates,
        services: Services,
        resting: Resting,
        resolve: Resolve,
        out: Callable[[], frozenset[str]],
        closing: Closing,
    ) -> None:
        self._nginx = nginx
        self._secrets = secrets
        self._certificates = certificates
        self._services = services
        self._resting = resting
        self._resolve = resolve
        self._out = out
        self._memo = Memo()
        self._parts: Mapping[ResourceId, tuple[Resource, Part]] = {}
        self._closing = closing

    async def fold(
        self,
        resources: Mapping[ResourceId, Resource],
        *,
        good: Mapping[ResourceId, Part],
        refused: Mapping[ResourceId, DeclarationError],
        spare: frozenset[str] | None = None,
    ) -> Wanted:
        """Return the configuration of these resources. `spare`: who refused when nginx was last told to read; None: who does now.

        Raises DeclarationError for an Edge that this nginx cannot be, EngineError where nothing is known of the nginx.
        """
        found = self._read(resources)
        world = await self._world(resources, found, spare)
        refused = {**dict(self._without_secret(found, resources)), **refused}
        folded = fold(found, world, good=good, refused=refused, memo=self._memo)
        await self._certificates.ensure(wanted_certificates(folded))
        if bare := {**dict(self._without_certificate(folded)), **refused}:
            folded = fold(found, world, good=good, refused=bare, memo=self._memo)
        return Wanted(
            folded=folded,
            world=world,
            resources=resources,
            ground=self.ground(folded),
            held=self._services,
            names=frozenset(world.resolved),
        )

    async def _world(self, resources: Mapping[ResourceId, Resource], found: tuple[Part, ...], spare: frozenset[str] | None) -> World:
        capability = await self._nginx.capability()
        edge = edge_of(resources.values())
        names = frozenset(self._names(found, edge, capability))
        slots = {service: held for service in _services_of(found) if (held := self._services(service))}
        resting = self._resting()
        return World(
            capability=capability,
            places=self._nginx.places,
            edge=edge,
            slots=slots,
            resting=resting,
            spare=(resting if spare is None else spare) & frozenset(address for held in slots.values() for address in held),
            resolved={name: await self._resolve(name) for name in sorted(names)},
            out=self._out(),
            certificates=self._certificates.hosts(),
        )

    async def preview(
        self,
        resources: Mapping[ResourceId, Resource],
        *,
        good: Mapping[ResourceId, Part],
        spare: frozenset[str],
        certificates: Mapping[str, tuple[str, ...]],
    ) -> Folded:
        """Return the configuration that these resources would be, without making anything for it. Raises as `fold` does.

        `certificates`: hosts of those that are declared with them, by `namespace/name`.
        """
        found = tuple(as_rendered(resource) for resource in resources.values() if resource.id.kind == KIND)
        world = await self._world(resources, found, spare)
        return fold(found, replace(world, certificates={**world.certificates, **certificates}), good=good)

    def _read(self, resources: Mapping[ResourceId, Resource]) -> tuple[Part, ...]:
        """Return the parts; a resource that was read before is not read again."""
        known = self._parts
        self._parts = {
            id: known[id] if id in known and known[id][0] is resource else (resource, as_rendered(resource))
            for id, resource in resources.items()
            if id.kind == KIND
        }
        return tuple(part for _, part in self._parts.values())

    def _names(self, found: Iterable[Part], edge: EdgeSpec, capability: Capability) -> Iterator[str]:
        """Yield the names that nginx cannot follow by itself."""
        if capability.has_resolve and edge.resolvers:
            return
        for part in found:
            for backend in backends(part.spec):
                for target in backend.targets:
                    address = target.address if isinstance(target, TargetSpec) else target
                    if is_name(host := address.rpartition(":")[0]) and not address.startswith("unix:"):
                        yield host

    def _without_secret(
        self, found: Iterable[Part], resources: Mapping[ResourceId, Resource]
    ) -> Iterator[tuple[ResourceId, DeclarationError]]:
        for part in found:
            for name in secrets(dict(resources[part.id].state.fields)):
                try:
                    self._secrets.resolve(name)
                except EngineError as error:
                    yield part.id, blamed(part, error.code, f"{error.message}", error.hint)
                    break

    def _without_certificate(self, folded: Folded) -> Iterator[tuple[ResourceId, DeclarationError]]:
        """Yield the parts whose certificate lies nowhere, though it was asked for: with one of those nginx would take nothing at all."""
        for id, part in folded.served.items():
            if part.spec.certificate != "none" and self._nginx.certificate(*certificate_of(part)) is None:
                name = "/".join(certificate_of(part))
                hint = "look at the Certificate: `holdfast status` says what is wrong with it"
                yield id, blamed(part, "HF3187", f"there is no certificate {name}", hint)

    def ground(self, folded: Folded) -> Ground:
        """Return what a configuration needs beside it now. Raises EngineError for a secret that is gone."""
        found: dict[str, bytes] = {}
        for name in sorted(folded.secrets):
            found[name] = self._secrets.resolve(name).reveal().encode()
        releases = {part.application: part.release for _, part in sorted(folded.served.items()) if part.release is not None}
        return Ground(flags=self._closing.flags(folded), messages=self._closing.messages(folded), secrets=found, releases=releases)


def _services_of(found: Iterable[Part]) -> frozenset[str]:
    return frozenset(service for part in found for backend in backends(part.spec) if (service := service_id(backend, part.id)) is not None)


def wanted_certificates(folded: Folded) -> frozenset[tuple[str, str]]:
    names_default = "/".join(DEFAULT_CERTIFICATE) in folded.text
    return folded.certificates | ({DEFAULT_CERTIFICATE} if names_default else frozenset())


def blamed(part: Part, code: str, reason: str, hint: str | None = None) -> DeclarationError:
    """Return the error of one part, at the place in Git that a person must edit."""
    where = [Where(path=part.origin.path, line=part.origin.line)] if part.origin is not None else []
    return DeclarationError(code, f"cannot serve Site {part.label}: {reason}", where=where, hint=hint)


def is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False
