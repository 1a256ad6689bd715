"""What happened to containers of ours, as the events that the house writes: whose it was, which container, and what it wrote last.

The shapes of `container.*` are those of core.events, which an engine may not import.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.engines.docker.unit import Unit
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity


def made(
    type: str, unit: Unit, at: Instant, data: Mapping[str, Json], *, severity: Severity = Severity.INFO, key: str | None = None
) -> Event:
    whose = {"application": unit.application, "id": str(unit.id), "destination": unit.id.destination}
    return Event(type=type, subject=str(unit.id), at=at, severity=severity, key=key, data={**whose, **data})
