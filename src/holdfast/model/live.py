"""Live: what engines saw. Unknown is not absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.model.state import State


class Status(StrEnum):
    """Health in Argo CD's words and worst-of order (gitops-engine `pkg/health`)."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


_ORDER = tuple(Status)


@dataclass(frozen=True, slots=True)
class Health:
    status: Status
    message: str = ""


def worst(healths: Iterable[Health]) -> Health:
    """Return the worst health; of equals the first; Healthy where there is none."""
    return max(healths, key=lambda health: _ORDER.index(health.status), default=Health(Status.HEALTHY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Ready, Reconciling, Stalled and warnings, in Kubernetes' shape."""

    type: str
    status: bool
    reason: str
    message: str = ""
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What an engine saw of one resource. `state` None means: looked, and it is not there."""

    state: State | None
    owned: bool | None = None
    """Whether the engine itself knows that it is ours; None: only the inventory can tell."""
    handle: Mapping[str, Json] | None = None
    """How the system calls it, for people: pid, slot, restarts, ready … `live` in `status`."""
    observed_at: Instant = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """An id in neither mapping was not looked at; an unreachable one was, without an answer."""

    observed: Mapping[ResourceId, Observation] = field(default_factory=dict)
    unreachable: Mapping[ResourceId, str] = field(default_factory=dict)

    def unknown(self, id: ResourceId) -> str | None:
        """Return why nothing is known of `id`, or None where it was seen (absent counts as seen)."""
        if id in self.unreachable:
            return f"unknown: {self.unreachable[id]}"
        return None if id in self.observed else "unknown: not looked at"

    def joined(self, other: Live) -> Live:
        return Live(observed={**self.observed, **other.observed}, unreachable={**self.unreachable, **other.unreachable})

    def without(self, ids: Mapping[ResourceId, str]) -> Live:
        """Return it with `ids` unknown instead, each for its reason."""
        return Live(
            observed={id: seen for id, seen in self.observed.items() if id not in ids} if ids else self.observed,
            unreachable={**self.unreachable, **ids},
        )
