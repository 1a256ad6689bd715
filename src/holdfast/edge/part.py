"""Part: what one Site says to the configuration, as the nginx engine holds it: the state of a SitePart, read.

`site` writes it, `fold` joins the parts of all Applications. It holds what was declared, not what is rendered: another nginx renders the
same part otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from holdfast.edge.route_spec import Backend, Route
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.typed import read, write
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.resource import Origin, Resource
from holdfast.model.state import Facts

KIND = "SitePart"
TEXT = "nginx"
"""Field of its state that holds servers written for nginx."""
ANSWERS = ("service", "targets", "static", "redirect", "respond")
"""Fields of which one says what answers."""
WITH_ANSWER = ("socket", "balance", "sticky", "upstream", "retry", "health", "breaker", "canary", "mirror", "cache", "sse")
"""Fields that say how that is asked: a path with an answer of its own does not take them over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One path of a Site with everything that holds for it. What nobody said is None, and the Edge's."""

    path: str
    match: str
    strip_prefix: bool
    name: str
    """What logs call it: the Site's name and the path's."""
    route: Route

    @property
    def key(self) -> tuple[str, str]:
        """What only one path of a host can be."""
        return self.match, self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one Site says."""

    id: ResourceId
    application: str
    spec: SiteSpec
    digest: str
    """Of its state."""
    release: str | None = None
    """Release id of the files it serves; None where it serves none."""
    text: str | None = None
    """Servers as somebody wrote them for nginx; None: it is a Site, whose fields say all."""
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Service → addresses that were held for it when it was rendered; none is there: known after apply."""
    origin: Origin | None = None

    @property
    def label(self) -> str:
        return f"{self.id.namespace}/{self.id.name}"

    @property
    def declared(self) -> ResourceId:
        """Return the id of what a person declared."""
        return self.id._replace(kind="Site" if self.text is None else "NginxFile")

    @property
    def title(self) -> str:
        """Return what it is and what it is called, for people."""
        return f"{self.declared.kind} {self.label}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return its paths, as written; the Site's own answer stands last, at `/`."""
        found = [self._path(each) for each in self.spec.paths]
        if says(self.spec) and not any(path.key == ("prefix", "/") for path in found):
            found.append(Path(path="/", match="prefix", strip_prefix=False, name=self.label, route=self.spec))
        return tuple(found)

    def _path(self, written: PathSpec) -> Path:
        return Path(
            path=written.path,
            match=written.match,
            strip_prefix=written.strip_prefix,
            name=f"{self.label}:{written.name or written.path}",
            route=inherited(written, self.spec),
        )


def says(route: Route) -> tuple[str, ...]:
    """Return the fields by which it says what answers."""
    return tuple(name for name in ANSWERS if getattr(route, name))


def inherited(path: PathSpec, site: SiteSpec) -> Route:
    """Return a path's route with what it takes over from its Site; timeouts one by one, everything else as a whole."""
    own_answer = bool(says(path))
    skip = {*ANSWERS, *WITH_ANSWER, "raw"} if own_answer else {"raw"}
    unsaid = [name for name in Route.__dataclass_fields__ if name not in skip and getattr(path, name) is None]
    if not path.targets and not own_answer:
        unsaid.append("targets")
    taken = {name: getattr(site, name) for name in unsaid}
    if path.timeouts is not None and site.timeouts is not None:
        said = {name: getattr(path.timeouts, name) for name in ("connect", "read", "send")}
        taken["timeouts"] = replace(site.timeouts, **{name: value for name, value in said.items() if value is not None})
    return replace(path, **taken)


def service_id(backend: Backend, part: ResourceId) -> str | None:
    """Return `Kind/namespace/name` of the service that a backend names, and `#socket` where it names one."""
    if backend.service is None:
        return None
    *kind, name = backend.service.split("/")
    whole = "/".join((*(kind or ["Process"]), *([] if len(kind) > 1 else [part.namespace]), name))
    return f"{whole}#{backend.socket}" if backend.socket is not None else whole


def besides(route: Route) -> Iterator[tuple[tuple[str, ...], Backend]]:
    """Yield what a route passes requests on to besides its own answer, with the path where it says so."""
    if route.canary is not None:
        yield ("canary",), route.canary
    if route.mirror is not None:
        yield ("mirror",), route.mirror
    if route.breaker is not None and route.breaker.fallback is not None:
        yield ("breaker", "fallback"), route.breaker.fallback
    if route.auth is not None and route.auth.forward is not None:
        yield ("auth", "forward"), route.auth.forward


def backends(spec: SiteSpec) -> Iterator[Backend]:
    """Yield everything that a Site passes requests on to."""
    for route in (spec, *spec.paths):
        yield route
        yield from (backend for _, backend in besides(route))


def fields_of(spec: SiteSpec, facts: Facts, id: ResourceId, application: str, release: str | None) -> dict[str, Json]:
    """Return the fields of a part's state."""
    fields = write(SiteSpec, spec, facts.fingerprints)
    fields["application"] = application
    if release is not None:
        fields["release"] = release
    slots = {service: facts.values.get(f"slots:{service}") for each in backends(spec) if (service := service_id(each, id)) is not None}
    if slots:
        known: dict[str, Json] = dict(sorted(slots.items()))
        fields["services"] = known
    return fields


def part_of(resource: Resource) -> Part:
    """Return the part that a resource of kind SitePart is."""
    fields = resource.state.fields
    release, services, text = fields.get("release"), fields.get("services"), fields.get(TEXT)
    held = services if isinstance(services, dict) else {}
    return Part(
        id=resource.id,
        application=str(fields.get("application") or resource.labels.get(APPLICATION, "")),
        spec=read(SiteSpec, fields),
        digest=resource.state.digest,
        release=release if isinstance(release, str) else None,
        text=text if isinstance(text, str) else None,
        slots={name: tuple(map(str, value)) for name, value in held.items() if isinstance(value, list)},
        origin=resource.origin,
    )
