"""The daemon's answers about the edge: `api.service.EdgeService`, from the nginx engine and what is told of resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from holdfast.api.service import Data
from holdfast.edge.part import Part
from holdfast.engines.nginx.closing import GIT, Closed, How
from holdfast.errors import Refused, UsageError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant
from holdfast.kit.suggest import did_you_mean
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource


class Serving(Protocol):
    """The nginx engine, as far as it is asked here."""

    def parts(self) -> Mapping[ResourceId, Part]: ...

    def shown(self) -> dict[str, Any]: ...

    def closed(self, part: Part) -> Closed | None: ...

    async def forecast(self, changes: Mapping[ResourceId, Resource | None]) -> dict[str, Json]: ...

    async def looked(self) -> Mapping[ResourceId, tuple[tuple[str, str | None], ...]]: ...

    async def close(self, part: Part, closed: Closed) -> None: ...

    async def open(self, part: Part, person: str) -> bool: ...


class EdgeAnswers:
    """`resources` gives what is told of each resource, by id; `certificates` what is told of each certificate."""

    def __init__(
        self,
        nginx: Serving,
        resources: Callable[[], Mapping[str, Mapping[str, Any]]],
        certificates: Callable[[], Sequence[Mapping[str, Any]]],
        clock: Clock,
    ) -> None:
        self._nginx = nginx
        self._resources = resources
        self._certificates = certificates
        self._clock = clock

    async def shown(self) -> Data:
        told, resources = self._nginx.shown(), self._resources()
        shown = {str(each["id"]).removeprefix("Certificate/"): certificate_of(each) for each in self._certificates()}
        return {**told, "sites": [with_resource(each, resources, shown.get(each["certificate"])) for each in told["sites"]]}

    async def forecast(self, changes: Mapping[ResourceId, Resource | None]) -> Data | None:
        return await self._nginx.forecast(changes)

    async def looked(self) -> Data:
        parts = self._nginx.parts()
        looks: list[Json] = [
            {"site": str(parts[id].declared) if id in parts else str(id), "url": url, "message": why}
            for id, seen in (await self._nginx.looked()).items()
            for url, why in seen
        ]
        return {"looks": looks}

    async def close(self, site: str, how: str, person: str, message: str, until: Instant | None) -> Data:
        part = named(site, tuple(self._nginx.parts().values()))
        now = self._clock.now()
        if until is not None and until <= now:
            raise UsageError("HF7005", f"cannot close {part.title}: its end is not yet to come", hint="name a moment that is yet to come")
        closed = Closed(how=How(how), by=person, at=now, until=until, message=message)
        await self._nginx.close(part, closed)
        return {"site": str(part.declared), "closed": closed.to_json()}

    async def open(self, site: str, how: str, person: str) -> Data:
        nginx, part = self._nginx, named(site, tuple(self._nginx.parts().values()))
        closed = nginx.closed(part)
        if closed is None or closed.how.value != how:
            words = "is open" if closed is None else f"is closed otherwise: {closed.how.value}"
            raise Refused(
                "HF7011", f"cannot end the {how} of {part.title}: it {words}", hint="`holdfast edge status` shows how each stands"
            )
        if closed.by == GIT:
            where = f" ({part.origin.path}:{part.origin.line})" if part.origin is not None else ""
            hint = f"take {how}.enabled out of the Site{where} and commit"
            raise Refused("HF7011", f"cannot end the {how} of {part.title}: Git says it", hint=hint)
        await nginx.open(part, person)
        left = nginx.closed(part)
        return {"site": str(part.declared), "closed": None if left is None else left.to_json()}


def named(name: str, parts: Sequence[Part]) -> Part:
    """Return the Site that a name means. Raises UsageError (HF7010)."""
    kinds = ("Site/", "NginxFile/")
    found = [part for part in parts if name in (str(part.declared), part.label, part.id.name) or name in part.spec.hosts]
    exact = [part for part in found if name in (str(part.declared), part.label)]
    if len(exact or found) == 1:
        return (exact or found)[0]
    names = sorted(str(part.declared) for part in found or parts)
    if found:
        raise UsageError("HF7010", f"cannot find Site {name}: it may be {' or '.join(names)}", hint="write the whole id")
    known = [each for part in parts for each in (part.id.name, *part.spec.hosts)]
    guess = did_you_mean(next((name.removeprefix(kind) for kind in kinds if name.startswith(kind)), name), known)
    have = f"there are {', '.join(names)}" if names else "there is none"
    raise UsageError("HF7010", f"cannot find Site {name}: it is not served here", hint=f"did you mean {guess}?" if guess else have)


def with_resource(site: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]], certificate: Data | None) -> dict[str, Any]:
    """Return what is told of a Site, with what is told of its part (sync, health, proofs), and its certificate."""
    part = resources.get(str(site["id"]).replace("Site/", "SitePart/", 1)) or resources.get(str(site["id"])) or {}
    about = {name: part.get(name) for name in ("sync", "health")}
    name = site["certificate"]
    return {
        **site,
        **about,
        "proofs": part.get("proofs", []),
        "certificate": None if name is None else {"name": name, **(certificate or {})},
    }


def certificate_of(it: Mapping[str, Any]) -> dict[str, Any]:
    return {name: it.get(name) for name in ("issuer", "source", "serial", "not_after", "names")}
