"""Everything of a resource that may differ between Git and the world, sealed once with its digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.kit.canonical import Json, digest


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Two states are equal when their digests are: the SHA-256 of canonical JSON, whatever the order of keys.

    A secret stands in `fields` as `{"secret": reference, "fingerprint": keyed hash}`, never as its value.
    """

    fields: Mapping[str, Json]
    digest: str

    @classmethod
    def of(cls, fields: Mapping[str, Json]) -> State:
        return cls(fields, digest(dict(fields)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What Holdfast itself allocated and stored, or fingerprinted; never an observation. Absent ones print as `known after apply`."""

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Secret reference → fingerprint keyed with the installation's key."""
    values: Mapping[str, Json] = field(default_factory=dict)
