"""The roster: every unit by its id, whose each container is, and the records that outlive a daemon."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.engines.docker.unit import Instance, Unit, key
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.ports import Records
from holdfast.model.resource import Resource


class Roster:
    """Units are saved before an effect that must not happen unwritten."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._units: dict[ResourceId, Unit] = {}
        self._owners: dict[str, ResourceId] = {}
        self._names: dict[tuple[str, str], ResourceId] = {}

    def load(self) -> None:
        """Take back what an earlier daemon wrote."""
        for value in self._records.all().values():
            if isinstance(value, dict):
                unit = Unit.from_json(value)
                self._units[unit.id] = unit
                self._index(unit)

    def __iter__(self) -> Iterator[Unit]:
        return iter(tuple(self._units.values()))

    def get(self, id: ResourceId) -> Unit | None:
        return self._units.get(id)

    def unit_of(self, resource: Resource, name: str) -> Unit:
        """Return the unit of a resource, made now if need be; `name` is its container's while it serves."""
        unit = self._units.get(resource.id)
        if unit is None:
            application = resource.labels.get(APPLICATION, resource.id.namespace)
            unit = self._units[resource.id] = Unit(id=resource.id, declared=resource.declared_id, application=application)
        unit.name = name
        self.call(resource.id, name)
        return unit

    def call(self, id: ResourceId, name: str) -> None:
        """Remember by which name an id goes at its host: what somebody else makes by that name is news of it."""
        self._names[id.destination, name] = id

    def owner_of(self, destination: str, container: str, name: str) -> ResourceId | None:
        """Return whose a container is, by its id or by its name."""
        return self._owners.get(container) or self._names.get((destination, name))

    def instance_of(self, container: str) -> tuple[Unit, Instance] | None:
        id = self._owners.get(container)
        unit = self._units.get(id) if id is not None else None
        if unit is None:
            return None
        return next(((unit, each) for each in unit if each.container == container), None)

    async def save(self, unit: Unit) -> None:
        """Write a unit down, or that it is no more. Raises StoreError."""
        self._index(unit)
        if unit.is_empty:
            self._units.pop(unit.id, None)
            if self._records.get(key(unit.id)) is not None:
                await self._records.drop(key(unit.id))
        elif (value := unit.to_json()) != self._records.get(key(unit.id)):
            self._units[unit.id] = unit
            await self._records.put(key(unit.id), value)

    def _index(self, unit: Unit) -> None:
        held = {each.container for each in unit if each.container is not None}
        for container in [container for container, id in self._owners.items() if id == unit.id and container not in held]:
            del self._owners[container]
        self._owners |= dict.fromkeys(held, unit.id)
        if unit.name:
            self.call(unit.id, unit.name)
