"""Documents: values of the model as the JSON of product.md §5. Pure; `app` answers with these, with a daemon and without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Outcome
from holdfast.model.plan import SECRET, Blocked, Change, Plan, masked
from holdfast.model.resource import Desired, Resource


def plan_data(plans: Iterable[tuple[str, str, Plan]], told: Mapping[ResourceId, str]) -> dict[str, Any]:
    """Return the data of a `Plan` document from (application, revision, plan) and what engines tell of changes beyond their states.

    What it means for the edge, only its daemon knows.
    """
    return {"applications": [_plan(name, revision, plan, told) for name, revision, plan in plans], "edge": None}


def _plan(name: str, revision: str, plan: Plan, told: Mapping[ResourceId, str]) -> dict[str, Any]:
    return {
        "name": name,
        "revision": revision,
        "digest": plan.digest,
        "changes": [_change(change, wave, told.get(change.id)) for wave, changes in enumerate(plan.waves) for change in changes],
        "blocked": [_blocked(id, it) for id, it in sorted(plan.blocked.items())],
        "orphans": [str(id) for id in plan.orphans],
        "unchanged": plan.unchanged,
    }


def _change(change: Change, wave: int, forecast: str | None) -> dict[str, Any]:
    return {
        "id": str(change.id),
        "destination": change.id.destination,
        "verb": change.verb.value,
        "reason": change.reason.value,
        "wave": wave,
        "origin": str(change.origin) if change.origin else None,
        "forecast": forecast,
        "fields": [{"path": each.path, "before": each.before, "after": each.after} for each in change.fields()],
    }


def _blocked(id: ResourceId, it: Blocked) -> dict[str, Any]:
    return {
        "id": str(id),
        "destination": id.destination,
        "reason": it.reason,
        "code": it.code,
        "refused": it.refused,
        "unknown": it.unknown,
        "origin": str(it.origin) if it.origin else None,
    }


def render_data(desired: Iterable[Desired]) -> dict[str, Any]:
    """Return the data of a `Render` document."""
    all_of = tuple(desired)
    return {
        "resources": [_resource(each.application, resource) for each in all_of for resource in each],
        "models": [{"application": each.application, "path": model.path, "model": model.value} for each in all_of for model in each.models],
        "warnings": [
            {"reason": it.reason, "message": it.message, "origin": str(it.origin) if it.origin else None}
            for each in all_of
            for it in each.warnings
        ],
    }


def _resource(application: str, resource: Resource) -> dict[str, Any]:
    return {
        "id": str(resource.id),
        "destination": resource.id.destination,
        "application": application,
        "digest": resource.state.digest,
        "origin": str(resource.origin) if resource.origin else None,
        "wave": resource.wave,
        "needs": sorted(map(str, resource.needs)),
        "state": masked(resource.state.fields) if resource.id.kind == SECRET else dict(resource.state.fields),
    }


def operation_data(operation: Operation | None) -> dict[str, Any]:
    """Return the data of an `Operation` document; None: there was nothing to do."""
    return {"operation": None if operation is None else _operation(operation), "accepted": True}


def _operation(it: Operation) -> dict[str, Any]:
    return {
        "id": it.id,
        "application": it.application,
        "trigger": it.trigger.value,
        "revision": it.revision,
        "phase": it.phase.value,
        "message": it.message,
        "started_at": it.started_at,
        "finished_at": it.finished_at,
        "plan_digest": it.plan_digest,
        "outcomes": [_outcome(outcome) for outcome in it.outcomes],
    }


def _outcome(it: Outcome) -> dict[str, Any]:
    failure = it.failure
    return {
        "id": str(it.id),
        "destination": it.id.destination,
        "status": it.status.value,
        "attempts": it.attempts,
        "started_at": it.started_at,
        "finished_at": it.finished_at,
        "failure": None
        if failure is None
        else {"code": failure.code, "message": failure.message, "hint": failure.hint, "log": list(failure.log)},
    }
