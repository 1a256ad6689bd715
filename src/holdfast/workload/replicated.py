"""What Process and Container have in common: replicas, and how long a change of one may take."""

from __future__ import annotations

from dataclasses import replace

from holdfast.kit.duration import parse_duration
from holdfast.model.declaration import Scope
from holdfast.model.labels import PROGRESS_DEADLINE
from holdfast.model.resource import Derived, Resource
from holdfast.model.state import State

DEADLINE_S = 60.0


def replicas(resource: Resource) -> tuple[Resource, ...]:
    """Return a resource for each of several replicas, nothing for one or none; each state is free of their number: scaling rolls nobody."""
    count = resource.state.fields.get("replicas", 1)
    if not isinstance(count, int) or count < 2:
        return ()
    parents = resource.owner.parents if isinstance(resource.owner, Derived) else ()
    fields = {name: value for name, value in resource.state.fields.items() if name != "replicas"}
    return tuple(
        replace(
            resource,
            id=resource.id._replace(name=f"{resource.id.name}.{at}"),
            state=State.of({**fields, "replica": at}),
            owner=Derived((*parents, resource.id)),
        )
        for at in range(count)
    )


def progress_deadline_s(own: float | None, scope: Scope) -> float:
    """Return what the spec says, else the Application's annotation, else the default; ValueError where the annotation is no duration."""
    if own is not None:
        return own
    text = scope.annotations.get(PROGRESS_DEADLINE)
    return DEADLINE_S if text is None else parse_duration(text)
