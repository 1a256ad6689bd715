"""Plan: what will be done, in which order, and why the rest will not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.kit.canonical import Json
from holdfast.kit.diff import Difference, diff
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Origin, Resource
from holdfast.model.state import State

SECRET = "Secret"
"""The kind of the Kubernetes API whose data nobody is shown."""
MASKED = "++++++++"


def masked(state: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of a Secret of a cluster with its values masked."""
    return {key: _mask(value) if key in ("data", "stringData") else value for key, value in state.items()}


def _masked(it: Difference) -> Difference:
    if it.path.split(".")[0] not in ("data", "stringData"):
        return it
    return Difference(path=it.path, before=_mask(it.before), after=_mask(it.after, "++++"))


def _mask(value: Json, more: str = "") -> Json:
    if isinstance(value, dict):
        return {key: _mask(each, more) for key, each in value.items()}
    return None if value is None else MASKED + more


class Verb(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class Reason(StrEnum):
    DECLARED = "declared"
    """Git says something new."""
    DRIFTED = "drifted"
    """Git says what it said; the world moved."""
    PRUNED = "pruned"
    """Git no longer says it."""
    ROLLED_BACK = "rolled-back"
    """An operation failed; the last healthy revision is wanted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What the inventory remembers of a resource that was applied: enough to heal it, and to delete it when Git has forgotten it."""

    application: str
    resource: Resource
    """As last applied."""
    revision: str
    operation: str
    is_applied: bool = True
    """False: entered before its first effect, and not seen standing yet. It is ours to delete, but nothing to heal back to."""


Inventory = Mapping[ResourceId, Owned]
"""Across all Applications: an id has one owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The atom of work: what will be done to one resource, and why."""

    id: ResourceId
    verb: Verb
    reason: Reason
    before: State | None
    after: State | None
    origin: Origin | None = None

    def fields(self) -> tuple[Difference, ...]:
        """Return what differs, field by field, in path order; of a Secret of a cluster that its values differ, never the values."""
        found = diff(dict(self.before.fields) if self.before else {}, dict(self.after.fields) if self.after else {})
        return tuple(map(_masked, found)) if self.id.kind == SECRET else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an Application, a person and the moment allow a plan to do."""

    prune: bool = True
    allow_empty: bool = False
    """Whether a tree that declares nothing may empty what we own."""
    prune_share: float = 0.5
    """A plan that would delete more than this share of the declared resources that are owned, and more than `prune_free`, is refused."""
    prune_free: int = 5
    complete: bool = True
    """Whether the source rendered without errors: where it did not, nothing is ever pruned."""
    rewound: bool = False
    """Whether Git went back to before what stood healthy: then a person must confirm each prune."""
    approved: str | None = None
    """Digest of the plan that a person approved; it lifts the prune limit, `protect` and `allow_empty` for that very plan."""
    rolling_back: frozenset[ResourceId] | None = None
    """Ids that the failed operation created: a rollback may delete these, and only these, without confirmation."""
    removing: bool = False
    """Whether the Application goes: then what says so stays (`Delete=false`) or asks (`Delete=confirm`)."""
    only: frozenset[ResourceId] | None = None
    """Selective: a plan of these ids alone (heal)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Why a change may not be done now. `refused`: policy said no (exit code 5); `unknown`: an engine did not say (75)."""

    reason: str
    refused: bool = False
    unknown: bool = False
    origin: Origin | None = None
    code: str = ""
    """What `holdfast explain` says more about."""

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Changes in waves: all of one wave may run at once; the next begins when the last is applied and healthy."""

    waves: tuple[tuple[Change, ...], ...] = ()
    blocked: Mapping[ResourceId, Blocked] = field(default_factory=dict)
    orphans: tuple[ResourceId, ...] = ()
    """Owned, no longer declared, and to stay (`Prune=false`, pruning off)."""
    unchanged: int = 0
    digest: str = ""
    """Over the changes that the plan has and those that only a person's approval is missing for: what an approval approves."""

    def __bool__(self) -> bool:
        return bool(self.waves)

    def __iter__(self) -> Iterator[Change]:
        return (change for wave in self.waves for change in wave)
