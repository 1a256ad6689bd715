"""Configuration: which fields hold names, labels, images and so on: kustomize's own, and what `configurations` and `crds` add.

Law: `merge` keeps what is known and sorts by kind, as kustomize does, because the order in which references are mended is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import NamedTuple

from holdfast.kit.canonical import Json
from holdfast.kubernetes.kustomize.field import FieldSpec, Specs, merged, ordered
from holdfast.kubernetes.kustomize.field_table import FIELDS, NAME_REFERENCES
from holdfast.kubernetes.kustomize.identity import Gvk, rank


class Referred(NamedTuple):
    """A kind whose name stands in fields of others."""

    gvk: Gvk
    referrers: Specs


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Fields by what they hold; the keys are those of a configuration file."""

    name_prefix: Specs = ()
    name_suffix: Specs = ()
    namespace: Specs = ()
    common_labels: Specs = ()
    labels: Specs = ()
    template_labels: Specs = ()
    volume_claim_template_labels: Specs = ()
    common_annotations: Specs = ()
    var_reference: Specs = ()
    images: Specs = ()
    replicas: Specs = ()
    name_reference: tuple[Referred, ...] = ()

    def merge(self, more: Configuration) -> Configuration:
        """Return both together. Raises Trouble where they disagree."""
        plain = {
            each.name: ordered(merged(getattr(self, each.name), getattr(more, each.name)))
            for each in fields(self)
            if each.name != "name_reference"
        }
        return Configuration(**plain, name_reference=_references(self.name_reference, more.name_reference))


def _references(known: tuple[Referred, ...], more: Iterable[Referred]) -> tuple[Referred, ...]:
    found = list(known)
    for each in more:
        same = [index for index, old in enumerate(found) if old.gvk == each.gvk]
        for index in same:
            found[index] = Referred(each.gvk, merged(found[index].referrers, each.referrers))
        if not same:
            found.append(each)
    return tuple(sorted(found, key=lambda each: rank(each.gvk)))


@cache
def built_in() -> Configuration:
    plain = {_snake(name): ordered(tuple(map(_spec, table.split("\n")))) for name, table in FIELDS.items()}
    return Configuration(**plain, name_reference=tuple(sorted(_referred(NAME_REFERENCES.strip("\n")), key=lambda each: rank(each.gvk))))


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _referred(table: str) -> Iterator[Referred]:
    kind, referrers = "", list[FieldSpec]()
    for line in table.split("\n"):
        if line.startswith(" "):
            referrers.append(_spec(line[1:]))
            continue
        if kind:
            yield Referred(_gvk(kind), tuple(referrers))
        kind, referrers = line, []
    yield Referred(_gvk(kind), tuple(referrers))


def _spec(line: str) -> FieldSpec:
    kind, path = line.split(" ", 1)
    return FieldSpec(_gvk(kind), path.removesuffix("+"), path.endswith("+"))


def _gvk(kind: str) -> Gvk:
    group_and_version, _, name = kind.rpartition("/")
    group, _, version = group_and_version.rpartition("/")
    return Gvk(group, version, "" if name == "*" else name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecFile:
    """A field spec as people write it."""

    path: str = ""
    create: bool = False
    group: str = ""
    version: str = ""
    kind: str = ""

    def spec(self) -> FieldSpec:
        return FieldSpec(Gvk(self.group, self.version, self.kind), self.path, self.create)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferredFile:
    """One entry of `nameReference`."""

    group: str = ""
    version: str = ""
    kind: str = ""
    field_specs: tuple[SpecFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFile:
    """A file of `configurations`."""

    name_prefix: tuple[SpecFile, ...] = ()
    name_suffix: tuple[SpecFile, ...] = ()
    namespace: tuple[SpecFile, ...] = ()
    common_labels: tuple[SpecFile, ...] = ()
    labels: tuple[SpecFile, ...] = ()
    template_labels: tuple[SpecFile, ...] = ()
    volume_claim_template_labels: tuple[SpecFile, ...] = ()
    common_annotations: tuple[SpecFile, ...] = ()
    var_reference: tuple[SpecFile, ...] = ()
    images: tuple[SpecFile, ...] = ()
    replicas: tuple[SpecFile, ...] = ()
    name_reference: tuple[ReferredFile, ...] = field(default=())

    def configuration(self) -> Configuration:
        plain = {
            each.name: ordered(tuple(item.spec() for item in getattr(self, each.name)))
            for each in fields(self)
            if each.name != "name_reference"
        }
        references = (
            Referred(Gvk(each.group, each.version, each.kind), tuple(item.spec() for item in each.field_specs))
            for each in self.name_reference
        )
        return Configuration(**plain, name_reference=tuple(sorted(references, key=lambda each: rank(each.gvk))))


def of_definitions(document: Json) -> Configuration:
    """Return what the OpenAPI definitions of a file of `crds` say of their fields (x-kubernetes-annotation and its like)."""
    known = document if isinstance(document, dict) else {}
    found = Configuration()
    for name, each in sorted(known.items()):
        properties = _properties(each)
        if {"kind", "apiVersion", "metadata"} <= properties.keys():
            found = found.merge(_of_type(Gvk("", "", name.rpartition(".")[2]), known, name, (), frozenset()))
    return found


def _properties(definition: Json) -> Mapping[str, Json]:
    schema = definition.get("Schema", definition.get("schema")) if isinstance(definition, dict) else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _of_type(gvk: Gvk, known: Mapping[str, Json], name: str, path: tuple[str, ...], seen: frozenset[str]) -> Configuration:
    found = Configuration()
    for key, each in _properties(known.get(name)).items():
        if not isinstance(each, dict):
            continue
        here = (*path, key)
        spec = FieldSpec(gvk, "/".join(here))
        if "x-kubernetes-annotation" in each:
            found = replace(found, common_annotations=merged(found.common_annotations, [spec]))
        if "x-kubernetes-label-selector" in each:
            found = replace(found, common_labels=merged(found.common_labels, [spec]))
        if "x-kubernetes-identity" in each:
            found = replace(found, name_prefix=merged(found.name_prefix, [spec]))
        version, kind = each.get("x-kubernetes-object-ref-api-version"), each.get("x-kubernetes-object-ref-kind")
        if isinstance(version, str) and isinstance(kind, str):
            name_key = str(each.get("x-kubernetes-object-ref-name-key") or "name")
            referred = Referred(Gvk("", version, kind), (FieldSpec(gvk, "/".join((*here, name_key))),))
            found = replace(found, name_reference=_references(found.name_reference, [referred]))
        target = each.get("$ref")
        if isinstance(target, str) and target not in seen:
            found = found.merge(_of_type(gvk, known, target, here, seen | {target}))
    return found
