"""Server-side apply: what an API server would make of an apply or an update, and whose fields are in the way.

The rules of sigs.k8s.io/structured-merge-diff `merge`, on plain values: the simulated API answers with it, and a plan without a cluster
says who would be overruled. Laws: an apply with conflicts changes nothing; a manager owns exactly what it last applied; what nobody owns
any more, and its last owner no longer says, goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import EMPTY, FieldSet, Path, shown, without_tree
from holdfast.kubernetes.object_type import Schema, TypeRef
from holdfast.kubernetes.structured_merge import (
    Comparison,
    compare,
    duplicates,
    extract,
    field_set,
    merge,
    remove,
    with_named_fields,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What one manager owns, and in which version of the object it said so."""

    fields: FieldSet
    version: str
    is_applied: bool


@dataclass(frozen=True, slots=True)
class Contested:
    """A field that an apply would change, and who owns it."""

    manager: str
    path: Path

    def __str__(self) -> str:
        return f"{self.manager} owns {shown(self.path)}"


class FieldConflict(Exception):
    """An apply without force met fields of others with other values."""

    def __init__(self, contested: tuple[Contested, ...]) -> None:
        super().__init__(", ".join(map(str, contested)))
        self.contested = contested


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """A live object with its owners."""

    live: Json = field(default_factory=dict)
    managers: Mapping[str, Ownership] = field(default_factory=dict)
    schema: Schema = field(default_factory=Schema)
    type: TypeRef | None = None
    ignored: Mapping[str, FieldSet] = field(default_factory=dict)
    """Version → fields that nobody owns (`status` of what has a status of its own)."""

    def apply(self, manager: str, version: str, config: Json, *, force: bool = False) -> Managed:
        """Return what an apply makes of it. FieldConflict without `force`; ValueError where `config` says an item twice."""
        if (twice := next(duplicates(self.schema, self.type, config), None)) is not None:
            raise ValueError(f"{shown(twice[:-1])}: duplicate entries for key {shown(twice[-1:])}")
        merged = merge(self.schema, self.type, self.live, config)
        ours = without_tree(field_set(self.schema, self.type, config), self.ignored.get(version, EMPTY))
        last = self.managers.get(manager)
        managers = {**self.managers, manager: Ownership(fields=ours, version=version, is_applied=True)}
        pruned = self._prune(merged, managers, last)
        managers, _ = self._disown(managers, pruned, version, manager, force=force)
        return replace(self, live=pruned, managers=managers)

    def extract_apply(self, manager: str, version: str, config: Json) -> Managed:
        """Return what comes of taking the fields that `manager` owns, laying `config` over them, and applying that by force."""
        owned = self.managers.get(manager)
        base = extract(self.schema, self.type, self.live, owned.fields) if owned else None
        merged = merge(self.schema, self.type, base if base is not None else {}, config)
        return self.apply(manager, version, merged, force=True)

    def update(self, manager: str, version: str, new: Json) -> Managed:
        """Return what an update makes of it: its writer owns what it changed."""
        managers, found = self._disown(self.managers, new, version, manager, force=True)
        held = managers[manager].fields if manager in managers else EMPTY
        mine = without_tree((held - found.removed) | found.modified | found.added, self.ignored.get(version, EMPTY))
        if mine:
            managers[manager] = Ownership(fields=mine, version=version, is_applied=False)
        else:
            managers.pop(manager, None)
        return replace(self, live=new, managers=managers)

    def _disown(
        self, managers: Mapping[str, Ownership], new: Json, version: str, manager: str, *, force: bool
    ) -> tuple[dict[str, Ownership], Comparison]:
        """Return the owners after a change to `new`: others lose what changed under them, all lose what went."""
        found = compare(self.schema, self.type, self.live, new).without(self.ignored.get(version, EMPTY))
        changed = frozenset(found.modified | found.added)
        contested = {name: own.fields & changed for name, own in managers.items() if name != manager}
        conflicts = tuple(Contested(name, path) for name in sorted(contested) for path in sorted(contested[name]))
        if conflicts and not force:
            raise FieldConflict(conflicts)
        left: dict[str, Ownership] = {}
        for name, own in managers.items():
            fields = own.fields - contested[name] - found.removed if name != manager else own.fields
            if fields or name == manager:
                left[name] = replace(own, fields=fields)
        return {name: own for name, own in left.items() if own.fields}, found

    def _prune(self, merged: Json, managers: Mapping[str, Ownership], last: Ownership | None) -> Json:
        """Return `merged` without what the applier owned, no longer says, and nobody else owns."""
        if last is None or not last.fields:
            return merged
        schema, type = self.schema, self.type
        wide = with_named_fields(schema, type, last.fields)
        pruned = remove(schema, type, merged, wide)
        everything = with_named_fields(schema, type, field_set(schema, type, merged))
        owned = frozenset[Path]().union(*(own.fields for own in managers.values()))
        kept = _fields(schema, type, pruned) | with_named_fields(schema, type, owned)
        pruned = remove(schema, type, merged, everything - kept)
        # What hangs on something that stays, and never was the applier's, stays too.
        dangling = (everything - _fields(schema, type, pruned)) & wide
        return remove(schema, type, merged, dangling)


def _fields(schema: Schema, type: TypeRef | None, value: Json) -> FieldSet:
    return with_named_fields(schema, type, field_set(schema, type, value if value is not None else {}))
