"""Network: a network of a Docker host. Derived from compose networks, or written by hand.

Nothing of a network can be changed in place: a change is delete, then create, and the containers on it go down first.
"""

from __future__ import annotations

from typing import Any

from holdfast.declare.hint import spec_fields
from holdfast.declare.schema import encode
from holdfast.errors import DeclarationError
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, ResourcePolicy, Warning
from holdfast.model.state import Facts, State
from holdfast.workload.container import LOCAL
from holdfast.workload.container_spec import NetworkSpec
from holdfast.workload.exposure import network_refusals, no_engine

_DEADLINE_S = 30.0


class NetworkKind:
    """The kind `Network` of `model.declaration.Kind`."""

    name = "Network"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = NetworkSpec

    def __init__(self, *, is_reached: bool) -> None:
        self._is_reached = is_reached

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: NetworkSpec = declaration.spec
        errors = [*network_refusals(declaration)]
        if not self._is_reached and spec.project is None:
            errors.insert(0, no_engine(declaration, scope))
        if errors:
            return tuple(errors)
        fields = encode(NetworkSpec, spec)
        assert isinstance(fields, dict), "a spec is a mapping"
        name = spec.network_name or declaration.name
        is_local = scope.destination == HOST or scope.destination.startswith(LOCAL)
        return Resource(
            id=ResourceId(scope.destination, self.name, declaration.namespace or scope.namespace, declaration.name),
            state=State.of({**fields, "networkName": name}),
            policy=policy(is_external=spec.external, replace_on=frozenset(spec_fields(NetworkSpec))),
            origin=declaration.origin,
            labels={
                **declaration.labels,
                APPLICATION: scope.application,
                **({EXCLUSIVE: f"network:{name}"} if is_local and not spec.external else {}),
            },
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        if observation.state is None:
            return Health(Status.MISSING, "it is external and not there" if resource.state.fields.get("external") else "")
        return Health(Status.HEALTHY)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return _DEADLINE_S


def policy(*, is_external: bool, replace_on: frozenset[str], protect: bool = False) -> ResourcePolicy:
    """Return the policy of what may be somebody else's: that is looked at, and never changed or removed."""
    if is_external:
        return ResourcePolicy(prune=False, heal=False, adopt=True)
    return ResourcePolicy(prune=not protect, protect=protect, replace_on=replace_on)
