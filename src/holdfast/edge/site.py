"""Site: a web site as a team declares it; SitePart: what it says to the nginx of the host.

Written by hand. A Site becomes a Certificate and a SitePart; the part is applied by engines.nginx, which joins those of all Applications
(`fold`). Knows nothing of files and reloads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.part import KIND, besides, fields_of, says
from holdfast.edge.route_spec import Route
from holdfast.edge.site_check import errors, warnings
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.typed import write
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.derived_kind import DerivedKind
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.live import Health, Observation, Status, worst
from holdfast.model.operation import RolloutStyle
from holdfast.model.proof import Claim
from holdfast.model.resource import Prepare, Resource, Warning
from holdfast.model.state import Facts, State

DEADLINE_S = 60.0
VISIT = "visit"
"""Method of the claims: a handshake and a look at the certificate, at the port where the edge listens."""


class SiteKind:
    """The kind `Site` of `model.declaration.Kind`."""

    name = "Site"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = SiteSpec

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: SiteSpec = declaration.spec
        if found := tuple(errors(declaration)):
            return found
        id = ResourceId(HOST, self.name, declaration.namespace or scope.namespace, declaration.name)
        release = scope.release if _serves_files(spec) else None
        return Resource(
            id=id,
            state=State.of(fields_of(spec, facts, id, scope.application, release)),
            origin=declaration.origin,
            labels={**declaration.labels, APPLICATION: scope.application, EXCLUSIVE: ",".join(_tokens(spec))},
            claims=tuple(claims_of(spec)),
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        """Return the services that it passes requests on to, and the Certificate that it names."""
        spec: SiteSpec = declaration.spec
        found = tuple(_services(spec))
        if spec.certificate in {"auto", "selfSigned", "none"}:
            return found
        return (*found, (f"Certificate/{spec.certificate}", ("spec", "certificate")))

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        """Return its certificate, unless it names one or none, and its part of the configuration."""
        fields = resource.state.fields
        part = replace(resource, id=resource.id._replace(kind=KIND))
        how = fields.get("certificate", "auto")
        if how not in {"auto", "selfSigned"}:
            return (part,)
        hosts = fields.get("hosts")
        spec = CertificateSpec(
            hosts=tuple(map(str, hosts if isinstance(hosts, list) else ())), issuer="auto" if how == "auto" else "selfSigned"
        )
        id = resource.id._replace(kind="Certificate")
        certificate = replace(
            resource,
            id=id,
            state=State.of(write(CertificateSpec, spec, facts.fingerprints)),
            claims=(),
            labels={**resource.labels, EXCLUSIVE: ""},  # the part holds the hosts; a child would take the label over from its Site
        )
        return (certificate, replace(part, needs=part.needs | {id}))

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return tuple(warnings(declaration))

    def prepare(self, declaration: Declaration) -> Prepare | None:
        """Nothing: files are served as the release holds them. That it is here makes the Application have a release."""
        return None

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        return SitePartKind().health(resource, observation, now)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return DEADLINE_S


class SitePartKind(DerivedKind):
    """The kind `SitePart` of `model.declaration.Kind`: derived only."""

    name = KIND
    spec_type = SiteSpec
    code, made_of, instead = "HF1316", "a Site", "kind: Site"
    deadline_s = DEADLINE_S

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        """Judge by the handle: `phase` serving, waiting, kept (an older version serves) or refused, `message`, `maintenance`,
        `paused`; and of the applications behind it `failing`, `targets`, `left_out`, `broken`: a Site is as well as the worst of them."""
        if observation.state is None:
            return Health(Status.MISSING)
        handle = observation.handle or {}
        message = str(handle.get("message") or "")
        match handle.get("phase"):
            case "serving":
                closed = "in maintenance" if handle.get("maintenance") else "paused: requests wait" if handle.get("paused") else None
                return worst((Health(Status.SUSPENDED, closed) if closed else Health(Status.HEALTHY), *_behind(handle)))
            case "kept" | "refused":
                return Health(Status.DEGRADED, message)
        return Health(Status.PROGRESSING, message)


def _behind(handle: Mapping[str, Json]) -> Iterator[Health]:
    """Yield what is wrong with the applications that requests are passed on to."""
    broken, failing = handle.get("broken"), handle.get("failing")
    if isinstance(broken, list) and broken:
        yield Health(Status.DEGRADED, f"the breaker is open: {'; '.join(map(str, broken))}")
    if isinstance(failing, list) and failing:
        fate = "left out" if handle.get("left_out") else "asked all the same, since no other passes"
        yield Health(Status.DEGRADED, f"{len(failing)} of {handle.get('targets')} targets failing, {fate}: {'; '.join(map(str, failing))}")


def _serves_files(spec: SiteSpec) -> bool:
    return any(route.static is not None and route.static.from_ == "release" for route in (spec, *spec.paths))


def claims_of(spec: SiteSpec) -> Iterator[Claim]:
    """Yield what visitors see of each encrypted host; a wildcard is visited under a name of it. Where they come in, the edge knows."""
    if spec.certificate != "none":
        for host in spec.hosts:
            yield Claim(text=f"serves a sound certificate for {host}", method=VISIT, target={"server_name": host}, valid_for_s=900.0)


def _tokens(spec: SiteSpec) -> Iterator[str]:
    """Yield what only one Site can hold: each path of each host. A comma would end a token."""
    keys = [(path.match, path.path) for path in spec.paths]
    if says(spec) and ("prefix", "/") not in keys:
        keys.append(("prefix", "/"))
    for host in spec.hosts:
        for match, path in keys:
            mark = {"exact": " = ", "regex": " ~ "}.get(match, "")
            yield f"site:{host}{mark}{path}".replace(",", "%2C")


def _services(spec: SiteSpec) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield each service once, as a need: `Process/web`, with the place where it is first named."""
    seen: set[str] = set()
    routes: list[tuple[tuple[str | int, ...], Route]] = [(("spec",), spec)]
    routes += [(("spec", "paths", index), path) for index, path in enumerate(spec.paths)]
    for at, route in routes:
        for below, backend in (((), route), *besides(route)):
            if backend.service is not None:
                need = backend.service if "/" in backend.service else f"Process/{backend.service}"
                if need not in seen:
                    seen.add(need)
                    yield need, (*at, *below, "service")
