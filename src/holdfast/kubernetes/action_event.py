"""The event of an action: who did what to an object, why, and what of it Git declares. Its shape stands in `core.room_events`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.ids import ResourceId


def ran(
    *,
    at: Instant,
    application: str,
    id: ResourceId,
    action: str,
    by: str,
    reason: str,
    params: Mapping[str, str],
    changed: Sequence[str],
    created: Sequence[str],
    drift: Sequence[str],
) -> Event:
    data: dict[str, Json] = {
        "application": application,
        "id": str(id),
        "destination": id.destination,
        "action": action,
        "by": by,
        "reason": reason,
        "params": {**params},
        "changed": [*changed],
        "created": [*created],
        "drift": [*drift],
    }
    return Event(type="action.ran", subject=str(id), at=at, severity=Severity.INFO, data=data)
