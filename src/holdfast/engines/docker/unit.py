"""Units and instances: what the engine remembers of each Container, and the records from which a new daemon knows it again.

A unit is one resource; an instance is one container of it. An instance is written down before its container is made, by a token that the
container carries as a label: where the answer to the creation was lost, the container is found again by it. What a container looked like
right after it was made is learnt with it (`view`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.state import State


@dataclass(slots=True, kw_only=True)
class Instance:
    """One container of ours. `container` is None until its creation was answered."""

    token: str
    state: State
    """As applied."""
    operation: str
    container: str | None = None
    learnt: Mapping[str, Json] = field(default_factory=dict)
    """Empty until it was started; then what was live."""
    is_stopped: bool = False
    """Whether we stopped it, so that it is no drift that it stands still."""
    is_found: bool = False
    """Whether an earlier daemon made it and no step has touched it since; of this daemon's life only."""

    def to_json(self) -> dict[str, Json]:
        return {
            "token": self.token,
            "state": dict(self.state.fields),
            "operation": self.operation,
            "container": self.container,
            "learnt": dict(self.learnt),
            "is_stopped": self.is_stopped,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Instance:
        return cls(**{**data, "state": State.of(data["state"])}, is_found=True)


@dataclass(slots=True, kw_only=True)
class Unit:
    """One Container resource. `leaving`: what served before; `failed`: the newcomer that was kept for inspection."""

    id: ResourceId
    declared: ResourceId
    application: str
    name: str = ""
    """Of its container while it serves."""
    serving: Instance | None = None
    candidate: Instance | None = None
    failed: Instance | None = None
    leaving: list[Instance] = field(default_factory=list)
    suspended: State | None = None
    """Where Git wants no replicas: that state."""

    def __iter__(self) -> Iterator[Instance]:
        yield from (each for each in (self.serving, self.candidate, self.failed) if each is not None)
        yield from self.leaving

    @property
    def is_empty(self) -> bool:
        return self.suspended is None and not any(True for _ in self)

    def to_json(self) -> dict[str, Json]:
        def of(instance: Instance | None) -> Json:
            return instance.to_json() if instance is not None else None

        return {
            "id": list(self.id),
            "declared": list(self.declared),
            "application": self.application,
            "name": self.name,
            "serving": of(self.serving),
            "candidate": of(self.candidate),
            "failed": of(self.failed),
            "leaving": [each.to_json() for each in self.leaving],
            "suspended": dict(self.suspended.fields) if self.suspended is not None else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Unit:
        def of(found: Mapping[str, Any] | None) -> Instance | None:
            return Instance.from_json(found) if found is not None else None

        return cls(
            id=ResourceId(*data["id"]),
            declared=ResourceId(*data["declared"]),
            application=data["application"],
            name=data["name"],
            serving=of(data["serving"]),
            candidate=of(data["candidate"]),
            failed=of(data["failed"]),
            leaving=[Instance.from_json(each) for each in data["leaving"]],
            suspended=State.of(data["suspended"]) if data["suspended"] is not None else None,
        )


def key(id: ResourceId) -> str:
    """Return the key of a unit's record: ids of two Docker hosts may read the same."""
    return "\n".join(id)
