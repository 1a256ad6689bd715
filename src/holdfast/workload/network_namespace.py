"""NetworkNamespace: a Network of this host for Processes: a network namespace with a loopback of its own and nothing else. Derived only.

Whoever is in it reaches the others in it at 127.0.0.1, and nobody else reaches them or is reached: no interface leads out. A held socket is
the host's and handed in, so a web program in it is served all the same.
"""

from __future__ import annotations

from holdfast.model.derived_kind import DerivedKind
from holdfast.model.state import State
from holdfast.workload.container_spec import NetworkSpec

KIND = "NetworkNamespace"


class NetworkNamespaceKind(DerivedKind):
    """The kind `NetworkNamespace` of `model.declaration.Kind`: derived only."""

    name = KIND
    spec_type = NetworkSpec
    code, made_of, instead = "HF3087", "a Network", "kind: Network"


def state_of(network: str, *, is_up: bool = True) -> State:
    """Return the state of the namespace of a Network `namespace/name`."""
    return State.of({"network": network, "loopback": "up" if is_up else "down"})
