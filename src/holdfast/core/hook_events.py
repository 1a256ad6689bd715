"""Events of hooks, as `events` has them of changes; in its table too."""

from __future__ import annotations

from holdfast.core.event_of import of_resource
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation


def hook_ended(*, at: Instant, operation: Operation, id: ResourceId, phase: str, seconds: float, failure: str) -> Event:
    return of_resource(
        "hook.ended",
        at,
        operation.application,
        id,
        severity=Severity.ERROR if failure else Severity.INFO,
        operation=operation.id,
        revision=operation.revision,
        phase=phase,
        seconds=seconds,
        failure=failure or None,
    )
