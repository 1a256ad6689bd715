"""Import reach: the ports and networks of a container → those of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.workload.compose.import_seen import SERVICE, Seen, labels_of, port_key

DEFAULT_NETWORKS = frozenset({"", "default", "bridge"})


def ports(seen: Seen) -> dict[str, Any]:
    found: list[Json] = []
    for port, bindings in sorted((seen.host.get("PortBindings") or {}).items(), key=lambda item: port_key(item[0])):
        target, _, protocol = str(port).partition("/")
        for each in bindings or ():
            entry: dict[str, Json] = {"target": int(target)}
            if each.get("HostPort"):
                entry["published"] = str(each["HostPort"])
            if each.get("HostIp") not in (None, "", "0.0.0.0"):
                entry["host_ip"] = str(each["HostIp"])
            if protocol not in ("", "tcp"):
                entry["protocol"] = protocol
            if entry not in found:
                found.append(entry)
    if seen.host.get("PublishAllPorts"):
        seen.left("it publishes all ports of its image on free ports (-P): name those that are needed in ports")
    published = {f"{each['target']}/{each.get('protocol', 'tcp')}" for each in found if isinstance(each, dict)}
    exposed = set(seen.config.get("ExposedPorts") or ()) - set(seen.built.get("ExposedPorts") or ()) - published
    made: dict[str, Any] = {"ports": found} if found else {}
    return made | ({"expose": [each.removesuffix("/tcp") for each in sorted(exposed, key=port_key)]} if exposed else {})


def network(seen: Seen) -> dict[str, Any]:
    mode = str(seen.host.get("NetworkMode", ""))
    if mode.startswith("container:"):
        other = mode.removeprefix("container:")
        service = seen.around.services.get(other)
        return {"network_mode": f"service:{service}" if service else f"container:{other}"}
    if mode in ("host", "none"):
        return {"network_mode": mode}
    joined: Mapping[str, Any] = (seen.container.get("NetworkSettings") or {}).get("Networks") or {}
    own = {name: each for name, each in joined.items() if name not in DEFAULT_NETWORKS}
    if mode in DEFAULT_NETWORKS and not own:
        return {"network_mode": "bridge"}
    if "bridge" in joined:
        seen.left("it is on Docker's own bridge network beside others, which a compose file cannot say")
    made = {seen.around.networks.get(name, name): _attachment(seen, each or {}) for name, each in sorted(own.items())}
    if made == {"default": {}}:
        return {}
    if not any(made.values()):
        return {"networks": list(made)}
    return {"networks": {key: each or None for key, each in made.items()}}


def _attachment(seen: Seen, each: Mapping[str, Any]) -> dict[str, Json]:
    known = {seen.name, labels_of(seen.container).get(SERVICE), str(seen.container.get("Id", ""))[:12]}
    made: dict[str, Json] = {}
    if aliases := sorted({str(alias) for alias in each.get("Aliases") or ()} - {str(name) for name in known if name}):
        made["aliases"] = list[Json](aliases)
    fixed = each.get("IPAMConfig") or {}
    for name, key in (("IPv4Address", "ipv4_address"), ("IPv6Address", "ipv6_address"), ("LinkLocalIPs", "link_local_ips")):
        if fixed.get(name):
            made[key] = fixed[name]
    if each.get("DriverOpts"):
        made["driver_opts"] = each["DriverOpts"]
    if each.get("GwPriority"):
        made["gw_priority"] = each["GwPriority"]
    return made
