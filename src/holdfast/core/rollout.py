"""Rollout: through which steps a change goes, what to undo when one fails, and which changes of a wave may run at once.

Used by sync, the one actor that joins workload and edge: it executes and journals the steps, each told to the engine of its kind.

| style | create | update |
|---|---|---|
| in-place | apply | apply |
| start-first | start, gate, switch | start, gate, switch, drain, stop |
| start-first-private | start and gate privately, discard, then as start-first | the same, then drain, stop |
| stop-first | start, gate, switch | stop, start, gate, switch |

Replace is delete, then create. A replace in two waves (see order) brings one half each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from holdfast.model.ids import ResourceId
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.plan import Change, Verb
from holdfast.model.resource import Resource

UP = (StepVerb.START, StepVerb.GATE, StepVerb.SWITCH)
DOWN = (StepVerb.DRAIN, StepVerb.STOP)
TRIAL = (StepVerb.START, StepVerb.GATE, StepVerb.DISCARD)
"""On a private socket: a candidate that fails here never met a visitor."""

CREATE: Mapping[RolloutStyle, tuple[StepVerb, ...]] = MappingProxyType(
    {
        RolloutStyle.IN_PLACE: (StepVerb.APPLY,),
        RolloutStyle.START_FIRST: UP,
        RolloutStyle.START_FIRST_PRIVATE: TRIAL + UP,
        RolloutStyle.STOP_FIRST: UP,
    }
)
UPDATE: Mapping[RolloutStyle, tuple[StepVerb, ...]] = MappingProxyType(
    {
        RolloutStyle.IN_PLACE: (StepVerb.APPLY,),
        RolloutStyle.START_FIRST: UP + DOWN,
        RolloutStyle.START_FIRST_PRIVATE: TRIAL + UP + DOWN,
        RolloutStyle.STOP_FIRST: (StepVerb.STOP, *UP),
    }
)


def steps(change: Change, resource: Resource | None, style: RolloutStyle, operation: str, deadline_s: float) -> tuple[Step, ...]:
    """Return what engines are asked to do, in order. `resource` is the desired one; it may be None where nothing comes up."""
    verbs = _verbs(change, style)
    trial_end = verbs.index(StepVerb.DISCARD) + 1 if StepVerb.DISCARD in verbs else 0
    return tuple(
        Step(
            operation=operation,
            verb=verb,
            change=change,
            resource=None if verb is StepVerb.DELETE else resource,
            private=at < trial_end and verb in TRIAL,
            deadline_s=deadline_s,
        )
        for at, verb in enumerate(verbs)
    )


def _verbs(change: Change, style: RolloutStyle) -> tuple[StepVerb, ...]:
    if change.after is None:
        return (StepVerb.DELETE,)
    if change.verb is Verb.UPDATE:
        return UPDATE[style]
    return (*((StepVerb.DELETE,) if change.before is not None else ()), *CREATE[style])


def compensation(failed: Step, done: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return what to do when `failed` fails after `done` of the same change, so that what serves goes on serving.

    A candidate that does not serve yet is discarded. Once it serves, what served before must still end: a drain or a stop that fails is
    followed by the stop. Where what served was stopped or deleted first, nothing serves until a rollback or a retry brings it up again.
    """
    if any(step.verb is StepVerb.SWITCH for step in done):
        return (_as(failed, StepVerb.STOP),)
    has_candidate = False
    for step in done:
        has_candidate = step.verb is StepVerb.START or (has_candidate and step.verb is not StepVerb.DISCARD)
    return (_as(failed, StepVerb.DISCARD),) if has_candidate or failed.verb is StepVerb.START else ()


def _as(step: Step, verb: StepVerb) -> Step:
    return replace(step, verb=verb)


def lanes(wave: tuple[Change, ...], resource_of: Callable[[ResourceId], Resource | None]) -> tuple[tuple[Change, ...], ...]:
    """Return the lanes of a wave: they run at once, the changes of one lane one after another, and a failure ends its lane.

    Replicas of one declared resource share as many lanes as its `surge` (a state field, 1 where it says nothing), since each change
    takes one serving replica out at its switch. Where all of them only come, or only go, nothing that serves is touched: all at once.
    `resource_of` gives the resource as desired, or as last applied of what goes.
    """
    groups: defaultdict[ResourceId, list[Change]] = defaultdict(list)
    for change in wave:
        resource = resource_of(change.id)
        groups[resource.declared_id if resource else change.id].append(change)
    return tuple(lane for group in groups.values() for lane in _lanes(group, resource_of))


def _lanes(group: list[Change], resource_of: Callable[[ResourceId], Resource | None]) -> list[tuple[Change, ...]]:
    if len({change.verb for change in group}) == 1 and group[0].verb in (Verb.CREATE, Verb.DELETE):
        return [(change,) for change in group]
    ordered = sorted(group, key=lambda change: (_TURN[change.verb], change.id))
    surge = max(_surge(resource_of(change.id)) for change in group)
    return [tuple(ordered[at::surge]) for at in range(min(surge, len(ordered)))]


_TURN: Mapping[Verb, int] = MappingProxyType({Verb.CREATE: 0, Verb.UPDATE: 1, Verb.REPLACE: 1, Verb.DELETE: 2})
"""New replicas first, so that there is never less to serve with than before."""


def _surge(resource: Resource | None) -> int:
    surge = resource.state.fields.get("surge") if resource else None
    return max(1, surge) if isinstance(surge, int) else 1
