"""The roster: what was applied, and in which version it was last seen serving. Remembered, so that a new daemon serves on what it finds.

A version that failed is never written: its Application is told, and the one before stays. So what is here is what should be served.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.part import KIND, Part, part_of
from holdfast.edge.typed import read
from holdfast.errors import StoreError
from holdfast.kit.canonical import Json, digest
from holdfast.model.codec import decode, encode
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Records
from holdfast.model.resource import Resource

EDGE = "Edge"
SPARE = "spare"
SPACE = "resource:"
"""Before the ids in the records."""
Changes = Mapping[ResourceId, Resource | None]
"""Id → as it should be; None: gone."""


class Roster:
    """`resources`: everything that was applied and taken, by id."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.resources: dict[ResourceId, Resource] = {}
        self.good: dict[ResourceId, Part] = {}
        """Each part as it was last seen serving."""
        self.spare: frozenset[str] = frozenset()
        """Addresses that refused when nginx last read (`edge.world.World.spare`)."""
        self._unwritten: set[ResourceId] = set()
        self._is_spare_unwritten = False

    def load(self) -> None:
        for key, value in self._records.all().items():
            if key.startswith(SPACE):
                resource = decode(Resource, value)
                self.resources[resource.id] = resource
        self.good = {part.id: part for part in parts(self.resources.values())}
        spare = self._records.get(SPARE)
        self.spare = frozenset(map(str, spare)) if isinstance(spare, list) else frozenset()

    def with_changes(self, changes: Changes) -> dict[ResourceId, Resource]:
        """Return everything as it is to be."""
        found: dict[ResourceId, Resource | None] = {**self.resources, **changes}
        return {id: resource for id, resource in found.items() if resource is not None}

    async def settle(self, changes: Changes, served: Mapping[ResourceId, Part], spare: frozenset[str]) -> None:
        """Take in what was taken, what is served now, and which addresses refused when nginx read."""
        for id, resource in changes.items():
            if self.resources.get(id) != resource:
                self._unwritten.add(id)
            if resource is None:
                self.resources.pop(id, None)
            else:
                self.resources[id] = resource
        self.good = dict(served)
        self._is_spare_unwritten |= self.spare != spare
        self.spare = spare
        await self.save()

    async def save(self) -> None:
        """Write what was not written yet; what the store does not take now is left for the next time."""
        for id in sorted(self._unwritten):
            resource = self.resources.get(id)
            try:
                await (self._records.drop(_key(id)) if resource is None else self._records.put(_key(id), encode(resource)))
            except StoreError:
                return
            self._unwritten.discard(id)
        if self._is_spare_unwritten:
            with suppress(StoreError):
                await self._records.put(SPARE, [*sorted(self.spare)])
                self._is_spare_unwritten = False


def parts(resources: Iterable[Resource]) -> tuple[Part, ...]:
    """Return the parts as they are rendered. Whether a Site is closed is a flag beside the configuration, and no part of it."""
    return tuple(as_rendered(resource) for resource in resources if resource.id.kind == KIND)


def as_rendered(resource: Resource) -> Part:
    """Return a part as it is rendered."""
    return replace(part_of(resource), digest=_without_flag(resource.state.fields))


def _without_flag(fields: Mapping[str, Json]) -> str:
    told = dict(fields)
    for name in ("maintenance", "pause"):
        said = told.pop(name, None)
        if isinstance(said, dict) and (rest := {key: value for key, value in said.items() if key != "enabled"}):
            told[name] = rest
    return digest(told)


def edge_of(resources: Iterable[Resource]) -> EdgeSpec:
    """Return how the Edge is declared; where it is not, its defaults."""
    found = edge_resource(resources)
    return EdgeSpec() if found is None else read(EdgeSpec, found.state.fields)


def edge_resource(resources: Iterable[Resource]) -> Resource | None:
    """Return the Edge; at most one is declared on a host, and of several the first by id counts."""
    return min((each for each in resources if each.id.kind == EDGE), key=lambda each: each.id, default=None)


def _key(id: ResourceId) -> str:
    return f"{SPACE}{id.destination}/{id}"
