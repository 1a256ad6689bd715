"""Internal: the networks of a compose file that nobody needs as a way out of the host, so that they are made without one.

Law: nobody who had a way out loses the last one, but for databases that publish nothing. What a file says of `internal` counts before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from holdfast.workload.compose.node import Node
from holdfast.workload.exposure import database_of


def members_of(services: Mapping[str, Node]) -> Mapping[str, list[str]]:
    """Return the services of each network that one is in."""
    found: dict[str, list[str]] = {}
    for name, each in services.items():
        for key in (each.get("networks") or each.holding({})).fields:
            found.setdefault(key, []).append(name)
    return found


def internal(services: Mapping[str, Node], networks: Mapping[str, Node], members: Mapping[str, list[str]]) -> frozenset[str]:
    """Return the networks to make internal: a database is in them and in no other, and all the rest there have another way out."""
    ways: Mapping[str, set[str]] = {name: {key for key, those in members.items() if name in those} for name in services}
    guests = {host for each in services.values() if (host := _host_of(each)) is not None}
    shut = frozenset(name for name, each in services.items() if name not in guests and _is_shut(each))
    plain = (key for key in members if key in networks and _is_open(networks[key]))
    inner = {key for key in plain if any(ways[name] == {key} for name in shut.intersection(members[key]))}
    return frozenset(_settled(inner, members, ways, shut))


def _settled(inner: set[str], members: Mapping[str, list[str]], ways: Mapping[str, set[str]], shut: frozenset[str]) -> Iterator[str]:
    for key in sorted(inner):
        if all(name in shut or ways[name] - inner for name in members[key]):
            yield key


def _is_shut(service: Node) -> bool:
    """Say whether a service is a database that publishes nothing, and so needs no way out."""
    ports = service.get("ports")
    return database_of(service.text("image") or "") is not None and (ports is None or not ports.items)


def _host_of(service: Node) -> str | None:
    """Return the service whose network another one uses, and so its ways out."""
    mode = service.text("network_mode") or ""
    return mode.removeprefix("service:") if mode.startswith("service:") else None


def _is_open(network: Node) -> bool:
    """Say whether a network is ours to make, of the usual kind, and its file leaves open whether it leads out."""
    external = network.fields.get("external")
    is_external = external is not None and external.value is True
    return "internal" not in network.fields and not is_external and network.text("driver") in (None, "", "bridge", "default")
