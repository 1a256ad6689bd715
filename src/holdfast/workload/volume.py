"""Volume: a volume of a Docker host. Derived from compose volumes, or written by hand.

It holds data, so it is never pruned, and replacing or deleting it needs a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.declare.hint import spec_fields
from holdfast.declare.schema import encode
from holdfast.errors import DeclarationError
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Ask, Declaration, Scope
from holdfast.model.ids import DOCKER, HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State
from holdfast.workload.container import LOCAL, adopts
from holdfast.workload.container_spec import VolumeSpec
from holdfast.workload.exposure import TODAY, judged, no_engine, volume_refusals
from holdfast.workload.network import policy

_DEADLINE_S = 30.0


class VolumeKind:
    """The kind `Volume` of `model.declaration.Kind`."""

    name = "Volume"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = VolumeSpec

    def __init__(self, *, is_reached: bool, host_roots: tuple[str, ...] = ()) -> None:
        self._is_reached = is_reached
        self._host_roots = host_roots

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: VolumeSpec = declaration.spec
        errors = [*volume_refusals(declaration, scope, self._host_roots)]
        if not self._is_reached and spec.project is None and not scope.destination.startswith(DOCKER):
            errors.insert(0, no_engine(declaration, scope))
        if errors:
            return tuple(errors)
        encoded = encode(VolumeSpec, spec)
        assert isinstance(encoded, dict), "a spec is a mapping"
        fields = {key: value for key, value in encoded.items() if key != "waivers"}
        name = spec.volume_name or declaration.name
        is_local = scope.destination == HOST or scope.destination.startswith(LOCAL)
        return Resource(
            id=ResourceId(scope.destination, self.name, declaration.namespace or scope.namespace, declaration.name),
            state=State.of({**fields, "volumeName": name}),
            policy=policy(is_external=spec.external, replace_on=frozenset(spec_fields(VolumeSpec)), protect=True, adopt=adopts(scope)),
            origin=declaration.origin,
            labels={
                **declaration.labels,
                APPLICATION: scope.application,
                **({EXCLUSIVE: f"volume:{name}"} if is_local and not spec.external else {}),
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

    def asks(self, declaration: Declaration) -> tuple[Ask, ...]:
        return (TODAY,) if declaration.spec.waivers else ()

    def answered(self, declaration: Declaration, answers: Mapping[Ask, bytes | None]) -> Declaration | DeclarationError:
        return judged(declaration, answers[TODAY])
