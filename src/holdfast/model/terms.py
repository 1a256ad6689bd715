"""Terms: what an Application says of how its resources are applied and compared, for those kinds that have a use for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.model.ids import ResourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredFields:
    """Fields of one resource whose differences are none (Argo CD's `ignoreDifferences`)."""

    json_pointers: tuple[str, ...] = ()
    """RFC 6901."""
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()
    """Field managers whose fields are theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRule(IgnoredFields):
    """One entry of `spec.ignoreDifferences`: `*` stands in group, kind, name and namespace for any; an empty name or namespace too."""

    kind: str
    group: str = ""
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Of one Application."""

    options: Mapping[str, str] = field(default_factory=dict)
    """`spec.syncPolicy.syncOptions`, by name."""
    ignored: tuple[IgnoreRule, ...] = ()
    """`spec.ignoreDifferences`."""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    """`managedNamespaceMetadata`: what the namespace of the Application is given."""
    namespace_annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanPattern:
    """Objects that are no orphans: globs of API group, kind and name; an empty kind or name is any, an empty group the core one."""

    group: str = ""
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanTerms:
    """That a project wants orphans told: objects of its Applications' namespaces that no Application has."""

    warn: bool = True
    """Whether they are a condition of the Application."""
    ignored: tuple[OrphanPattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans:
    """What a look for orphans found in one namespace."""

    found: tuple[ResourceId, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Kind → why it could not be listed, or not whole; `*` is every kind."""
