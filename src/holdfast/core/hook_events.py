"""Events of hooks, as `events` has them of changes; in its table too."""

from __future__ import annotations

from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation


def hook_ended(*, at: Instant, operation: Operation, id: ResourceId, phase: str, seconds: float, failure: str) -> Event:
    return Event(
        type="hook.ended",
        subject=str(id),
        at=at,
        operation=operation.id,
        revision=operation.revision,
        severity=Severity.ERROR if failure else Severity.INFO,
        data={
            "application": operation.application,
            "id": str(id),
            "destination": id.destination,
            "phase": phase,
            "seconds": seconds,
            "failure": failure or None,
        },
    )
