"""Events of Applications that live as objects in a cluster; in the table of `room_events`."""

from __future__ import annotations

from holdfast.core.event_of import HOLDFAST, of_application
from holdfast.errors import HoldfastError
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity


def followed(*, at: Instant, place: str, count: int) -> Event:
    """The Applications of a cluster are followed; `count`: how many there are."""
    return Event(type="objects.followed", subject=HOLDFAST, at=at, data={"place": place, "applications": count})


def held(*, at: Instant, place: str, error: HoldfastError) -> Event:
    """They are not, and why."""
    return Event(
        type="objects.held",
        subject=HOLDFAST,
        at=at,
        severity=Severity.WARNING,
        key=f"objects:{place}",
        data={"place": place, "error": error.to_json()},
    )


def status_failed(*, at: Instant, application: str, error: HoldfastError) -> Event:
    """The status of its object cannot be written; told once for each reason."""
    return of_application(
        "objects.status_failed", at, application, severity=Severity.WARNING, key=f"objects.status:{application}", error=error.to_json()
    )
