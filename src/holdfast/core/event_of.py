"""What events of one thing have in common: of an Application, a resource, an operation, a change. `events` says what happened to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Outcome
from holdfast.model.plan import Change
from holdfast.model.resource import Origin, Warning

APPLICATION = "Application/"
"""What the subject of an Application's events begins with."""
HOLDFAST = "Holdfast"
"""The subject of what concerns the whole daemon."""


def of_application(
    type: str,
    at: Instant,
    application: str,
    *,
    severity: Severity = Severity.INFO,
    operation: str | None = None,
    revision: str | None = None,
    key: str | None = None,
    **data: Json,
) -> Event:
    return Event(
        type=type,
        subject=f"{APPLICATION}{application}",
        at=at,
        operation=operation,
        revision=revision,
        severity=severity,
        key=key,
        data={"application": application, **data},
    )


def of_resource(
    type: str,
    at: Instant,
    application: str,
    id: ResourceId,
    *,
    severity: Severity = Severity.INFO,
    operation: str | None = None,
    revision: str | None = None,
    key: str | None = None,
    **data: Json,
) -> Event:
    return Event(
        type=type,
        subject=str(id),
        at=at,
        operation=operation,
        revision=revision,
        severity=severity,
        key=key,
        data={"application": application, "id": str(id), "destination": id.destination, **data},
    )


def of_operation(type: str, at: Instant, operation: Operation, severity: Severity = Severity.INFO, **data: Any) -> Event:
    return of_application(
        type,
        at,
        operation.application,
        severity=severity,
        operation=operation.id,
        revision=operation.revision,
        trigger=operation.trigger.value,
        phase=operation.phase.value,
        desired_digest=operation.desired_digest,
        started_at=operation.started_at,
        message=operation.message,
        **data,
    )


def of_finished(type: str, at: Instant, operation: Operation, severity: Severity) -> Event:
    outcomes = counted(outcome.status.value for outcome in operation.outcomes)
    return of_operation(type, at, operation, severity, outcomes=outcomes, selective=operation.is_selective)


def of_changed(type: str, at: Instant, operation: Operation, change: Change, outcome: Outcome, severity: Severity) -> Event:
    failure = outcome.failure
    return of_resource(
        type,
        at,
        operation.application,
        change.id,
        severity=severity,
        operation=operation.id,
        revision=operation.revision,
        verb=change.verb.value,
        reason=change.reason.value,
        before=change.before.digest if change.before else None,
        after=change.after.digest if change.after else None,
        attempts=outcome.attempts,
        started_at=outcome.started_at,
        failure=None
        if failure is None
        else {"code": failure.code, "message": failure.message, "hint": failure.hint, "log": list(failure.log), "dead": failure.dead},
    )


def counted(words: Iterable[str]) -> dict[str, Json]:
    return dict(sorted(Counter(words).items()))


def told_warnings(warnings: Iterable[Warning]) -> list[Json]:
    return [{"reason": it.reason, "message": it.message, "origin": place_of(it.origin)} for it in warnings]


def place_of(origin: Origin | None) -> str | None:
    return str(origin) if origin else None
