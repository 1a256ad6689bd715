"""The roster: every unit and instance by its names, and which slots are taken. Holds; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.engines.process.instance import Instance, Unit
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.resource import Resource


class Roster:
    """Units by id, instances by the base of their spawn ids."""

    def __init__(self) -> None:
        self._units: dict[ResourceId, Unit] = {}
        self._by_base: dict[str, Instance] = {}

    def __iter__(self) -> Iterator[Unit]:
        return iter(tuple(self._units.values()))

    def get(self, id: ResourceId) -> Unit | None:
        return self._units.get(id)

    def instances(self) -> tuple[Instance, ...]:
        return tuple(self._by_base.values())

    def enter(self, unit: Unit) -> None:
        """Take in a unit that a record tells of, with its instances."""
        self._units[unit.id] = unit
        self._by_base |= {instance.base: instance for instance in unit}

    def unit_of(self, resource: Resource) -> Unit:
        """Return the unit of a resource, made now if need be."""
        unit = self._units.get(resource.id)
        if unit is None:
            application = resource.labels.get(APPLICATION, resource.id.namespace)
            unit = self._units[resource.id] = Unit(id=resource.id, declared=resource.declared_id, application=application)
        return unit

    def add(self, instance: Instance) -> None:
        self._by_base[instance.base] = instance

    def remove(self, instance: Instance) -> None:
        """Forget an instance, and its unit where that is empty now."""
        self._by_base.pop(instance.base, None)
        if unit := self._units.get(instance.id):
            unit.remove(instance)
            self.tidy(unit)

    def tidy(self, unit: Unit) -> None:
        if unit.is_empty:
            self._units.pop(unit.id, None)

    def has(self, instance: Instance) -> bool:
        return self._by_base.get(instance.base) is instance

    def named(self, spawn_id: str) -> tuple[Instance, int] | None:
        """Return the instance and attempt that a spawn id names; None for what is not (or no longer) an instance's."""
        base, _, attempt = spawn_id.rpartition("/")
        instance = self._by_base.get(base)
        return (instance, int(attempt)) if instance is not None and attempt.isdecimal() else None

    def group(self, declared: ResourceId) -> tuple[Instance, ...]:
        """Return the instances of all replicas of a declared resource: they share its slots and sockets."""
        return tuple(instance for unit in self._units.values() if unit.declared == declared for instance in unit)

    def free_slot(self, declared: ResourceId) -> int:
        """Return the lowest slot that no instance of any replica is in."""
        taken = {instance.slot for instance in self.group(declared)}
        return next(slot for slot in range(len(taken) + 1) if slot not in taken)
