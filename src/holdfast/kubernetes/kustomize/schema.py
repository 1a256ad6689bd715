"""Schema: how the lists below a field are merged, and which kinds have no namespace, as kustomize's compiled OpenAPI has it.

Asked by merge and by ids. A custom document (`openapi.path`) takes the place of the built-in one as far as merging goes, as it does in
kustomize. Law: what is not known is None, and its lists are replaced as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kubernetes.kustomize.schema_table import CLUSTER_SCOPED, DEFINITIONS, KINDS, NAMESPACED, VERSION

_TOKEN = re.compile(r"(?P<field>[^:\[=]+|\*)(?P<form>:|\[\]|=)(?P<target>[^\[]*)(?:\[(?P<keys>[^\]]*)\])?")
BUILT_IN: Final = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What is known of a field: the definition of its value, or of its items."""

    target: str = ""
    items: str = ""
    keys: tuple[str, ...] | None = None
    """What tells the items of a merged list apart, empty where they are plain values; None where the list is not merged."""


Definitions: TypeAlias = Mapping[str, Mapping[str, Field]]


@dataclass(frozen=True, slots=True)
class Schema:
    """All definitions, and which kinds have which (`apps/v1/Deployment`)."""

    definitions: Definitions
    kinds: Mapping[str, str]
    cluster_scoped: frozenset[str] = field(default_factory=frozenset)

    def of(self, api_version: str, kind: str) -> Field | None:
        """Return what is known of a kind."""
        target = self.kinds.get(f"{api_version}/{kind}")
        return Field(target=target) if target is not None else None

    def field(self, parent: Field | None, name: str) -> Field | None:
        if parent is None or not parent.target:
            return None
        fields = self.definitions.get(parent.target, {})
        return fields.get(name, fields.get("*"))

    def item(self, parent: Field | None) -> Field | None:
        """Return what is known of a list's items."""
        return Field(target=parent.items) if parent is not None and parent.items else None

    def is_cluster_scoped(self, api_version: str, kind: str) -> bool:
        return f"{api_version}/{kind}" in self.cluster_scoped


@cache
def built_in() -> Schema:
    definitions = {name: dict(map(_field, tokens)) for name, *tokens in (line.split() for line in _lines(DEFINITIONS))}
    kinds: dict[str, str] = dict(line.split() for line in _lines(KINDS))
    return Schema(definitions, kinds, frozenset(CLUSTER_SCOPED.split()))


def _lines(table: str) -> list[str]:
    return table.replace("\n ", " ").strip().split("\n")


def _field(token: str) -> tuple[str, Field]:
    match = _TOKEN.fullmatch(token)
    assert match is not None, token
    target = match["target"] or ""
    if match["form"] == ":":
        return match["field"], Field(target=target)
    keys = tuple(filter(None, match["keys"].split(","))) if match["form"] == "=" else None
    return match["field"], Field(items=target, keys=keys)


def read_schema(document: Json) -> Schema:
    """Return the schema of an OpenAPI document. Raises ValueError where it is none."""
    found = document.get("definitions") if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise ValueError("it has no definitions")
    definitions: dict[str, Mapping[str, Field]] = {}
    kinds: dict[str, str] = {}
    for name, each in found.items():
        if isinstance(each, dict):
            kinds |= dict.fromkeys(_kinds(each), _read_definition(_short(name), each, definitions))
    return Schema(definitions, kinds, built_in().cluster_scoped)


def _short(name: str) -> str:
    """Return a definition's name as the table has it: that of Kubernetes itself without where it comes from."""
    return ".".join(name.split(".")[-3:]) if name.startswith("io.k8s.") else name


def _kinds(definition: Mapping[str, Json]) -> list[str]:
    said = definition.get("x-kubernetes-group-version-kind")
    found = []
    for each in said if isinstance(said, list) else []:
        if isinstance(each, dict):
            group, version, kind = (str(each.get(key) or "") for key in ("group", "version", "kind"))
            found.append(f"{group}/{version}/{kind}" if group else f"{version}/{kind}")
    return found


def _read_definition(name: str, schema: Mapping[str, Json], definitions: dict[str, Mapping[str, Field]]) -> str:
    """Write a definition, and those that stand within it under names of their own; return its name."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _short(reference.removeprefix("#/definitions/"))
    fields: dict[str, Field] = {}
    definitions[name] = fields
    properties = schema.get("properties")
    for key, each in properties.items() if isinstance(properties, dict) else ():
        if isinstance(each, dict):
            fields[key] = _read_field(f"{name}/{key}", each, definitions)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        fields["*"] = _read_field(f"{name}/*", more, definitions)
    return name


def _read_field(name: str, schema: Mapping[str, Json], definitions: dict[str, Mapping[str, Field]]) -> Field:
    items = schema.get("items")
    if schema.get("type") != "array" or not isinstance(items, dict):
        return Field(target=_read_definition(name, schema, definitions))
    target = _read_definition(name, items, definitions)
    if "merge" not in str(schema.get("x-kubernetes-patch-strategy", "")).split(","):
        return Field(items=target)
    keys, key = schema.get("x-kubernetes-list-map-keys"), schema.get("x-kubernetes-patch-merge-key")
    listed = tuple(map(str, keys)) if isinstance(keys, list) else (key,) if isinstance(key, str) else ()
    return Field(items=target, keys=listed)


class Schemas:
    """The schema of one build: built in until a kustomization names another.

    As in kustomize, the first that is named holds from then on; the built-in one stays with it where it was in use before: behind it, or,
    where it was only about to be read, before it.
    """

    def __init__(self) -> None:
        self._schema = built_in()
        self._is_custom = False
        self._is_read = False
        self._is_due = False

    def set(self, schema: Schema | None, *, is_root: bool) -> None:
        """Take another schema, or with None keep the built-in one for good; the root's counts, else the first."""
        if self._is_custom and not is_root:
            return
        self._is_custom = True
        if schema is None:
            return
        known = self._schema
        if self._is_read:
            schema = _joined(known, schema)
        elif self._is_due:
            schema = _joined(schema, known)
        self._schema = schema

    def of(self, api_version: str, kind: str) -> Field | None:
        self._is_read = True
        return self._schema.of(api_version, kind)

    def field(self, parent: Field | None, name: str) -> Field | None:
        return self._schema.field(parent, name)

    def item(self, parent: Field | None) -> Field | None:
        return self._schema.item(parent)

    def is_cluster_scoped(self, api_version: str, kind: str) -> bool:
        if self._schema.is_cluster_scoped(api_version, kind):
            return True
        if not self._is_due and f"{api_version}/{kind}" not in _namespaced():
            self._is_due = True
        return False


def _joined(first: Schema, second: Schema) -> Schema:
    """Return both, the second's where they have the same definition."""
    return Schema({**first.definitions, **second.definitions}, {**first.kinds, **second.kinds}, first.cluster_scoped)


@cache
def _namespaced() -> frozenset[str]:
    return frozenset(NAMESPACED.split())
