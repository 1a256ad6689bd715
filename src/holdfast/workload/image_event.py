"""What happens to images that policies follow, as events; `core.events` lists their shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast.errors import HoldfastError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.ids import ResourceId
from holdfast.workload.image_marker import MarkerProblem, Rewrite


def chosen(id: ResourceId, application: str, *, image: str, before: str | None, at: Instant) -> Event:
    """A policy chooses another image than before."""
    return _event("image.chosen", id, application, at, {"image": image, "before": before})


def failed(id: ResourceId, application: str, code: str, message: str, hint: str | None, *, at: Instant) -> Event:
    """The registry gave no answer, or none of its tags fits; what was chosen before stays chosen."""
    data: dict[str, Json] = {"code": code, "message": message, "hint": hint}
    return _event("image.failed", id, application, at, data, severity=Severity.WARNING, key=f"image:{id}")


def recovered(id: ResourceId, application: str, *, at: Instant) -> Event:
    return _event("image.recovered", id, application, at, {}, key=f"image:{id}")


def committed(application: str, commit: str, branch: str, rewrites: Sequence[Rewrite], *, at: Instant) -> Event:
    """Chosen images were written into Git."""
    changes: list[Json] = [{"path": each.path, "line": each.line, "before": each.old, "after": each.new} for each in rewrites]
    data: dict[str, Json] = {"application": application, "branch": branch, "changes": changes}
    return Event(type="image.committed", subject=f"Application/{application}", at=at, revision=commit, data=data)


def commit_failed(application: str, error: HoldfastError, *, at: Instant) -> Event:
    """Chosen images could not be written into Git."""
    data: dict[str, Json] = {"application": application, "code": error.code, "message": error.message, "hint": error.hint}
    subject = f"Application/{application}"
    return Event(type="image.commit_failed", subject=subject, at=at, severity=Severity.WARNING, key=f"commit:{application}", data=data)


def unmarked(application: str, problems: Sequence[MarkerProblem], *, at: Instant) -> Event:
    """Markers that nothing is made of; with an empty list: no more."""
    listed: list[Json] = [{"message": each.message, "where": str(each.where)} for each in problems]
    data: dict[str, Json] = {"application": application, "problems": listed}
    severity = Severity.WARNING if problems else Severity.INFO
    return Event(
        type="image.unmarked", subject=f"Application/{application}", at=at, severity=severity, key=f"marker:{application}", data=data
    )


def _event(
    type: str,
    id: ResourceId,
    application: str,
    at: Instant,
    data: Mapping[str, Json],
    *,
    severity: Severity = Severity.INFO,
    key: str | None = None,
) -> Event:
    whose: dict[str, Json] = {"application": application, "id": str(id), "destination": id.destination}
    return Event(type=type, subject=str(id), at=at, severity=severity, key=key, data={**whose, **data})
