"""Object types: how fields of an object merge. The words of Kubernetes' structured-merge-diff and of OpenAPI's `x-kubernetes-list-type`.

A list is atomic (whole), a set, or a map whose items are known by keys; a map is granular or atomic. What nobody described is deduced from
the value: maps are granular, lists atomic. Used by structured_merge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import Step, item, value


@dataclass(frozen=True, slots=True, kw_only=True)
class ListType:
    element: TypeRef
    is_atomic: bool = False
    keys: tuple[str, ...] = ()
    """Empty: a set, its items known by their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapType:
    fields: Mapping[str, TypeRef] = field(default_factory=dict)
    element: TypeRef | None = None
    """Of keys that `fields` does not name; None: such keys are deduced."""
    is_atomic: bool = False
    defaults: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Atom:
    """What a value may be: of each form at most one."""

    list: ListType | None = None
    map: MapType | None = None
    is_scalar: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRef:
    """A type by name, or inline; `is_atomic` overrides what the named type says."""

    name: str | None = None
    inline: Atom | None = None
    is_atomic: bool | None = None


Types: TypeAlias = Mapping[str, Atom]

_DEDUCED = TypeRef(name=None)
DEDUCED = Atom(list=ListType(element=_DEDUCED, is_atomic=True), map=MapType(element=_DEDUCED), is_scalar=True)


@dataclass(frozen=True, slots=True)
class Schema:
    types: Types = field(default_factory=dict)

    def resolve(self, ref: TypeRef | None) -> Atom:
        """Return what `ref` stands for; the deduced type where nobody said."""
        if ref is None:
            return DEDUCED
        atom = ref.inline or (self.types.get(ref.name, DEDUCED) if ref.name is not None else DEDUCED)
        if ref.is_atomic is None:
            return atom
        return replace(
            atom,
            list=replace(atom.list, is_atomic=ref.is_atomic) if atom.list else None,
            map=replace(atom.map, is_atomic=ref.is_atomic) if atom.map else None,
        )

    def member(self, type: MapType, name: str) -> TypeRef | None:
        return type.fields.get(name, type.element)

    def step(self, type: ListType, each: Json) -> Step:
        """Return by what an item is known. ValueError where it lacks all keys, or is no scalar of a set."""
        if not type.keys:
            if isinstance(each, list | dict):
                raise ValueError("an item of a set is a list or a map")
            return value(each)
        if not isinstance(each, dict):
            raise ValueError("an item that should have keys is no map")
        inner = self.resolve(type.element).map
        defaults = inner.defaults if inner else {}
        keys = {key: each.get(key, defaults.get(key)) for key in type.keys if key in each or defaults.get(key) is not None}
        if not keys:
            raise ValueError(f"an item omits all keys {', '.join(type.keys)}")
        return item(keys)


def read_schema(document: Json) -> Schema:
    """Return a schema as structured-merge-diff writes it: `{types: [{name, map: {fields: […]}}]}`. ValueError where it is none."""
    types = document.get("types") if isinstance(document, dict) else None
    if not isinstance(types, list):
        raise ValueError("expected a list of types")
    return Schema({str(each["name"]): _atom(each) for each in types if isinstance(each, dict)})


def _atom(of: Mapping[str, Json]) -> Atom:
    listed, mapped = of.get("list"), of.get("map")
    return Atom(
        list=_list(listed) if isinstance(listed, dict) else None,
        map=_map(mapped) if isinstance(mapped, dict) else None,
        is_scalar="scalar" in of,
    )


def _list(of: Mapping[str, Json]) -> ListType:
    keys = of.get("keys")
    return ListType(
        element=_ref(of.get("elementType")),
        is_atomic=of.get("elementRelationship") == "atomic",
        keys=tuple(str(key) for key in keys) if isinstance(keys, list) else (),
    )


def _map(of: Mapping[str, Json]) -> MapType:
    listed = of.get("fields")
    fields = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return MapType(
        fields={str(each["name"]): _ref(each.get("type")) for each in fields},
        element=_ref(of["elementType"]) if "elementType" in of else None,
        is_atomic=of.get("elementRelationship") == "atomic",
        defaults={str(each["name"]): each["default"] for each in fields if "default" in each},
    )


def _ref(of: Json) -> TypeRef:
    if not isinstance(of, dict):
        return _DEDUCED
    relation = of.get("elementRelationship")
    overriding = None if relation is None else relation == "atomic"
    named = of.get("namedType")
    if isinstance(named, str):
        return TypeRef(name=named, is_atomic=overriding)
    return TypeRef(inline=_atom(of), is_atomic=overriding)
