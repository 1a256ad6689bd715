"""Documents: values of the model as the JSON of product.md §5. Pure; `app` answers with these, with a daemon and without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from holdfast.model.hook import HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Outcome
from holdfast.model.plan import SECRET, Blocked, Change, Plan, masked
from holdfast.model.resource import Desired, Hook, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan of one Application, and the hooks that Git says."""

    desired: Desired
    plan: Plan
    are_hooks_due: bool
    """Whether an operation that does this plan runs hooks."""


PHASES: Mapping[HookPhase, int] = MappingProxyType({phase: at for at, phase in enumerate(HookPhase)})
RUN_BY_SYNC = frozenset({HookPhase.PRE_SYNC, HookPhase.SYNC, HookPhase.POST_SYNC})


def plan_data(plans: Iterable[Planned], told: Mapping[ResourceId, str]) -> dict[str, Any]:
    """Return the data of a `Plan` document from plans and what engines tell of changes beyond their states.

    What it means for the edge, only its daemon knows.
    """
    return {"applications": [_plan(it, told) for it in plans], "edge": None}


def _plan(it: Planned, told: Mapping[ResourceId, str]) -> dict[str, Any]:
    plan = it.plan
    hooks = sorted(it.desired.hooks, key=lambda hook: (PHASES[hook.phase], hook.wave, hook.key))
    return {
        "name": it.desired.application,
        "revision": it.desired.revision,
        "digest": plan.digest,
        "changes": [_change(change, wave, told.get(change.id)) for wave, changes in enumerate(plan.waves) for change in changes],
        "blocked": [_blocked(id, it) for id, it in sorted(plan.blocked.items())],
        "hooks": [_hook(hook, is_due=it.are_hooks_due) for hook in hooks],
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


def _hook(hook: Hook, *, is_due: bool) -> dict[str, Any]:
    """Return a hook; `runs` says whether the operation runs it where nothing fails."""
    resource = hook.resource
    return {
        "id": str(resource.id),
        "destination": resource.id.destination,
        "phase": hook.phase.value,
        "wave": hook.wave,
        "runs": is_due and hook.phase in RUN_BY_SYNC,
        "delete": sorted(policy.value for policy in hook.policies),
        "generated": hook.is_generated,
        "origin": str(resource.origin) if resource.origin else None,
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
