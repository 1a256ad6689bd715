"""What plans of tests are made from: short makers of resources, of what is owned, and of what stands."""

from __future__ import annotations

from typing import Any

from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Inventory, Owned, Policy
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import State

A, B, C, D = (ResourceId("host", "Process", "shop", name) for name in "abcd")
ONE, TWO = State.of({"version": 1}), State.of({"version": 2})
PRUNES = Policy(prune=True)


def resource(id: ResourceId, state: State = ONE, **more: Any) -> Resource:
    return Resource(id=id, state=state, **more)


def owned(it: Resource, application: str = "shop", **more: Any) -> Owned:
    return Owned(application=application, resource=it, revision="r1", operation="op", **more)


def desired(*resources: Resource) -> Desired:
    return Desired.of("shop", "r2", resources)


def inventory(*its: Owned) -> Inventory:
    return {it.resource.id: it for it in its}


def stands(*ids: ResourceId, state: State = ONE, **more: Any) -> Live:
    return Live(observed={id: Observation(state=state, **more) for id in ids})
