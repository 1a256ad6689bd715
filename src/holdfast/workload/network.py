"""Network: a network of a Docker host, or of this host for its Processes. Derived from compose networks, or written by hand.

At this host it becomes a NetworkNamespace. Nothing of a network can be changed in place: a change is delete, then create, and the
containers on it go down first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from holdfast.declare.hint import spec_fields
from holdfast.declare.schema import encode
from holdfast.errors import DeclarationError
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import DOCKER, HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, ResourcePolicy, Warning
from holdfast.model.state import Facts, State
from holdfast.workload.container import LOCAL, adopts
from holdfast.workload.container_spec import NetworkSpec
from holdfast.workload.exposure import network_refusals, no_engine
from holdfast.workload.ground import Ground
from holdfast.workload.network_namespace import KIND, state_of

_DEADLINE_S = 30.0


class NetworkKind:
    """The kind `Network` of `model.declaration.Kind`."""

    name = "Network"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = NetworkSpec

    def __init__(self, *, is_reached: bool, ground: Ground | None = None) -> None:
        self._is_reached = is_reached
        self._ground = ground

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: NetworkSpec = declaration.spec
        if scope.destination == HOST and spec.project is None:
            return self._of_host(declaration, scope)
        errors = [*network_refusals(declaration)]
        if not self._is_reached and spec.project is None and not scope.destination.startswith(DOCKER):
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
            policy=policy(is_external=spec.external, replace_on=frozenset(spec_fields(NetworkSpec)), adopt=adopts(scope)),
            origin=declaration.origin,
            labels={
                **declaration.labels,
                APPLICATION: scope.application,
                **({EXCLUSIVE: f"network:{name}"} if is_local and not spec.external else {}),
            },
        )

    def _of_host(self, declaration: Declaration, scope: Scope) -> Resource | tuple[DeclarationError, ...]:
        """Return a network of Processes; all that one of Docker may say is meaningless there."""
        errors = []
        plain = NetworkSpec()
        for name, item in spec_fields(NetworkSpec).items():
            if item.name != "internal" and getattr(declaration.spec, item.name) != getattr(plain, item.name):
                reason = f"cannot declare Network {declaration.name} at this host: {name} is for networks of Docker"
                hint = "leave it out: it has a loopback and no way out, which is all"
                errors.append(DeclarationError("HF3087", reason, where=[declaration.place(("spec", name))], hint=hint))
        if self._ground is not None and self._ground.namespaces is not None:
            reason = f"cannot declare Network {declaration.name} at this host: {self._ground.namespaces}"
            hint = "run Holdfast as root, or write level: private in the Processes"
            errors.append(DeclarationError("HF3088", reason, where=[declaration.place(())], hint=hint))
        if errors:
            return tuple(errors)
        namespace = declaration.namespace or scope.namespace
        return Resource(
            id=ResourceId(scope.destination, self.name, namespace, declaration.name),
            state=state_of(f"{namespace}/{declaration.name}"),
            origin=declaration.origin,
            labels={**declaration.labels, APPLICATION: scope.application},
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        if "network" not in resource.state.fields:
            return ()
        return (replace(resource, id=resource.id._replace(kind=KIND)),)

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


def policy(*, is_external: bool, replace_on: frozenset[str], protect: bool = False, adopt: bool = False) -> ResourcePolicy:
    """Return the policy of what may be somebody else's: that is looked at, and never changed or removed."""
    if is_external:
        return ResourcePolicy(prune=False, heal=False, adopt=True)
    return ResourcePolicy(prune=not protect, protect=protect, replace_on=replace_on, adopt=adopt)
