"""PortGuard: the TCP ports of a private Process, and the users of this host that may connect to them. Derived only.

Applied by engines.port_guard as rules of nftables, by the uid of who connects; it is in place before the Process starts and goes after it.
"""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.kit.canonical import Json
from holdfast.model.derived_kind import DerivedKind
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource, ResourcePolicy
from holdfast.model.state import State
from holdfast.workload.process_spec import ProcessSpec

KIND = "PortGuard"


class PortGuardKind(DerivedKind):
    """The kind `PortGuard` of `model.declaration.Kind`: derived only."""

    name = KIND
    spec_type = ProcessSpec
    code, made_of, instead = "HF3087", "a private Process", "kind: Process, with network.level: private"


def guard(process: ResourceId, ports: Iterable[int], users: Iterable[str], leaf: Resource) -> Resource:
    """Return the guard of the ports of a Process, with the labels and wave of one of its leaves."""
    return Resource(
        id=process._replace(kind=KIND),
        state=State.of({"ports": list[Json](sorted(set(ports))), "users": list[Json](sorted(set(users)))}),
        wave=leaf.wave,
        policy=ResourcePolicy(prune=leaf.policy.prune, heal=leaf.policy.heal, protect=leaf.policy.protect),
        labels={name: text for name, text in leaf.labels.items() if name != "holdfast.dev/exclusive"},
    )
