"""NetworkNamespace: a Network of this host for Processes: a network namespace with a loopback of its own and nothing else. Derived only.

Whoever is in it reaches the others in it at 127.0.0.1, and nobody else reaches them or is reached: no interface leads out. A held socket is
the host's and handed in, so a web program in it is served all the same.
"""

from __future__ import annotations

from typing import Any

from holdfast.errors import DeclarationError
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State
from holdfast.workload.container_spec import NetworkSpec

KIND = "NetworkNamespace"
_DEADLINE_S = 30.0


class NetworkNamespaceKind:
    """The kind `NetworkNamespace` of `model.declaration.Kind`: derived only; its spec type is the Network's."""

    name = KIND
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = NetworkSpec

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        return (
            DeclarationError(
                "HF3087",
                f"cannot declare NetworkNamespace {declaration.name}: it is made of a Network",
                where=[declaration.place(("kind",))],
                hint="write kind: Network",
            ),
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        return Health(Status.MISSING) if observation.state is None else Health(Status.HEALTHY)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return _DEADLINE_S


def state_of(network: str, *, is_up: bool = True) -> State:
    """Return the state of the namespace of a Network `namespace/name`."""
    return State.of({"network": network, "loopback": "up" if is_up else "down"})
