"""Child: how an Application within another Application's content is judged: by its own health, and done when it is well.

An object like any other where it is read and planned; it is served here, not put into the cluster (docs/decisions/0023).
"""

from __future__ import annotations

from holdfast.kit.clock import Instant
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.model.live import Observation
from holdfast.model.resource import Resource
from holdfast.model.state import State

WELL_S = 3600.0
"""How long a child may take to become Healthy before its parent says that it did not; a new commit of the parent waits for none of it."""


class ChildKind(KubernetesKind):
    """A `model.declaration.Serving`."""

    name = "Application of an Application"

    def progress_deadline_s(self, state: State) -> float:
        return WELL_S

    def serves(self, resource: Resource, observation: Observation, now: Instant) -> bool:
        """Say whether it is not waited for: it syncs only when a person says so."""
        return (observation.handle or {}).get("automated") is False
