"""PortGuard: the TCP ports of a private Process, and the users of this host that may connect to them. Derived only.

Applied by engines.guard as rules of nftables, by the uid of who connects; it is in place before the Process starts and goes after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, ResourcePolicy, Warning
from holdfast.model.state import Facts, State
from holdfast.workload.process_spec import ProcessSpec

KIND = "PortGuard"
_DEADLINE_S = 30.0


class PortGuardKind:
    """The kind `PortGuard` of `model.declaration.Kind`: derived only; its spec type is the Process's."""

    name = KIND
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = ProcessSpec

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        return (
            DeclarationError(
                "HF3087",
                f"cannot declare PortGuard {declaration.name}: it is made of a private Process",
                where=[declaration.place(("kind",))],
                hint="write kind: Process, with network.level: private",
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


def guard(process: ResourceId, ports: Iterable[int], users: Iterable[str], leaf: Resource) -> Resource:
    """Return the guard of the ports of a Process, with the labels and wave of one of its leaves."""
    return Resource(
        id=process._replace(kind=KIND),
        state=State.of({"ports": list[Json](sorted(set(ports))), "users": list[Json](sorted(set(users)))}),
        wave=leaf.wave,
        policy=ResourcePolicy(prune=leaf.policy.prune, heal=leaf.policy.heal, protect=leaf.policy.protect),
        labels={name: text for name, text in leaf.labels.items() if name != "holdfast.dev/exclusive"},
    )
