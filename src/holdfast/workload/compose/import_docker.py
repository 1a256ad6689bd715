"""Import docker: containers as Docker says them → compose files, one for each project.

Pure. Networks and volumes that compose made for the project are declared; any other is `external`, so that it is joined and never changed.
Whatever a compose file cannot say is told, and what looks like a secret is flagged.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.workload.compose.import_reach import DEFAULT_NETWORKS
from holdfast.workload.compose.import_seen import (
    NUMBER,
    ONE_OFF,
    PROJECT,
    SERVICE,
    Surroundings,
    Telling,
    escaped,
    labels_of,
    name_of,
)
from holdfast.workload.compose.import_service import service_of
from holdfast.workload.slug import slug

NETWORK, VOLUME = "com.docker.compose.network", "com.docker.compose.volume"
MANAGED = ("com.docker.swarm.service.id", "io.kubernetes.pod.uid", "io.kubernetes.container.name")
"""Labels of containers that an orchestrator makes and removes."""
POOLS = ("172.17.0.0/12", "192.168.0.0/16")
"""Where Docker takes subnets from that nobody chose (libnetwork ipamutils)."""
STANDARD = frozenset({"bridge", "host", "none"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What a Docker host says: containers and the images, networks and volumes that they name, each as its inspect document."""

    containers: Sequence[Mapping[str, Any]]
    images: Mapping[str, Mapping[str, Any]]
    """By id."""
    networks: Mapping[str, Mapping[str, Any]]
    """By name, as `volumes`."""
    volumes: Mapping[str, Mapping[str, Any]]
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedProject:
    """One compose file to be: its model, whose values may be `Noted`, and what is told of it."""

    project: str
    model: Mapping[str, Any]
    containers: tuple[str, ...]
    left: tuple[str, ...]
    flagged: tuple[str, ...]


def import_docker(host: Host, *, name: str, with_secrets: bool = False) -> tuple[ImportedProject, ...]:
    """Return a compose file for each project; containers that compose did not make are in the one called `name`."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for container in sorted(host.containers, key=name_of):
        groups.setdefault(labels_of(container).get(PROJECT) or name, []).append(container)
    return tuple(_Group(project, groups[project], host, with_secrets).imported() for project in sorted(groups))


def is_managed(container: Mapping[str, Any]) -> bool:
    """Say whether somebody else makes and removes a container: an orchestrator, or `docker compose run`."""
    labels = labels_of(container)
    return any(label in labels for label in MANAGED) or labels.get(ONE_OFF) == "True"


class _Group:
    """The containers of one project."""

    def __init__(self, project: str, containers: Sequence[Mapping[str, Any]], host: Host, with_secrets: bool) -> None:
        self.project = project
        self.host = host
        self.telling = Telling()
        self.replicas = self.by_service(containers)
        self.networks = self.keys("network", NETWORK, host.networks, self.joined())
        self.volumes = self.keys("volume", VOLUME, host.volumes, self.mounted())
        ids = {str(each.get("Id", "")): service for service, found in self.replicas.items() for each in found}
        names = {name_of(each): service for service, found in self.replicas.items() for each in found}
        self.around = Surroundings(
            project=project,
            services={**names, **ids},
            networks=self.networks,
            volumes=self.volumes,
            info=host.info,
            with_secrets=with_secrets,
        )

    def by_service(self, containers: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
        """Return the containers of each service, by their numbers; a name that two would have gets a number."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for each in containers:
            labels = labels_of(each)
            service = labels.get(SERVICE) if labels.get(PROJECT) == self.project else None
            key = service or self.free(slug(name_of(each)) or "service", found)
            found.setdefault(key, []).append(each)
        return {key: sorted(each, key=_number) for key, each in sorted(found.items())}

    @staticmethod
    def free(name: str, taken: Mapping[str, object]) -> str:
        at = 2
        made = name
        while made in taken:
            made, at = f"{name}-{at}", at + 1
        return made

    def members(self) -> Iterator[Mapping[str, Any]]:
        for found in self.replicas.values():
            yield from found

    def joined(self) -> set[str]:
        return {
            str(name)
            for each in self.members()
            for name in ((each.get("NetworkSettings") or {}).get("Networks") or {})
            if name not in DEFAULT_NETWORKS | STANDARD
        }

    def mounted(self) -> set[str]:
        return {
            str(mount["Name"])
            for each in self.members()
            for mount in each.get("Mounts") or ()
            if mount.get("Type") == "volume" and not _is_anonymous(str(mount.get("Name", "")), self.host)
        }

    def keys(self, what: str, label: str, known: Mapping[str, Mapping[str, Any]], names: set[str]) -> dict[str, str]:
        """Return the key in the compose file of each network or volume."""
        found: dict[str, str] = {}
        for name in sorted(names):
            labels = (known.get(name) or {}).get("Labels") or {}
            key = labels.get(label) if labels.get(PROJECT) == self.project else None
            found[name] = key or self.free(slug(name) or what, dict.fromkeys(found.values()))
        return found

    def imported(self) -> ImportedProject:
        services: dict[str, Any] = {}
        for key, found in self.replicas.items():
            services[key] = self.service(found)
        model: dict[str, Any] = {"name": self.project, "services": services}
        networks = {key: self.network(name, key) for name, key in self.networks.items()}
        networks = {key: each for key, each in networks.items() if key != "default" or each}
        volumes = {key: self.volume(name, key) for name, key in self.volumes.items()}
        if networks:
            model["networks"] = {key: each or None for key, each in sorted(networks.items())}
        if volumes:
            model["volumes"] = {key: each or None for key, each in sorted(volumes.items())}
        return ImportedProject(
            project=self.project,
            model=model,
            containers=tuple(name_of(each) for each in self.members()),
            left=tuple(dict.fromkeys(self.telling.left)),
            flagged=tuple(dict.fromkeys(self.telling.flagged)),
        )

    def service(self, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        first, *others = found
        made = service_of(first, self.image(first), self.around, self.telling)
        for other in others:
            if service_of(other, self.image(other), self.around, Telling()) != made:
                self.telling.left.append(f"{name_of(other)}: it differs from {name_of(first)}, of which the service was made")
        return made | ({"scale": len(found)} if others else {})

    def image(self, container: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.host.images.get(str(container.get("Image", "")), {})

    def network(self, name: str, key: str) -> dict[str, Any]:
        found = self.host.networks.get(name, {})
        labels = found.get("Labels") or {}
        if labels.get(PROJECT) != self.project:
            return {"external": True, **({} if key == name else {"name": name})}
        made: dict[str, Any] = {} if name in (f"{self.project}_{key}", f"{self.project}-{key}") else {"name": name}
        if found.get("Driver") not in (None, "", "bridge"):
            made["driver"] = found["Driver"]
        if options := found.get("Options"):
            made["driver_opts"] = {option: escaped(str(value)) for option, value in sorted(options.items())}
        for field, word in (("Internal", "internal"), ("Attachable", "attachable"), ("EnableIPv6", "enable_ipv6")):
            if found.get(field):
                made[word] = True
        return made | self.addresses(found) | _labels(labels)

    def addresses(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the addresses that somebody chose: Docker's own choice is from its pools, unless a container has a fixed one."""
        ipam = found.get("IPAM") or {}
        pools = [str(each.get("Base")) for each in self.host.info.get("DefaultAddressPools") or ()] or list(POOLS)
        is_fixed = any(self.is_fixed(each, str(found.get("Name"))) for each in self.members())
        config: list[Json] = []
        for each in ipam.get("Config") or ():
            if each.get("Subnet") and (is_fixed or each.get("IPRange") or not _is_within(str(each["Subnet"]), pools)):
                words = (("Subnet", "subnet"), ("IPRange", "ip_range"), ("Gateway", "gateway"))
                config.append({word: each[field] for field, word in words if each.get(field)})
        made: dict[str, Any] = {"driver": ipam["Driver"]} if ipam.get("Driver") not in (None, "", "default") else {}
        made |= {"config": config} if config else {}
        made |= {"options": dict(ipam["Options"])} if ipam.get("Options") else {}
        return {"ipam": made} if made else {}

    @staticmethod
    def is_fixed(container: Mapping[str, Any], network: str) -> bool:
        joined = ((container.get("NetworkSettings") or {}).get("Networks") or {}).get(network) or {}
        fixed = joined.get("IPAMConfig") or {}
        return bool(fixed.get("IPv4Address") or fixed.get("IPv6Address"))

    def volume(self, name: str, key: str) -> dict[str, Any]:
        found = self.host.volumes.get(name, {})
        labels = found.get("Labels") or {}
        if labels.get(PROJECT) != self.project:
            return {"external": True, **({} if key == name else {"name": name})}
        made: dict[str, Any] = {} if name in (f"{self.project}_{key}", f"{self.project}-{key}") else {"name": name}
        if found.get("Driver") not in (None, "", "local"):
            made["driver"] = found["Driver"]
        if options := found.get("Options"):
            made["driver_opts"] = {option: escaped(str(value)) for option, value in sorted(options.items())}
        return made | _labels(labels)


def _labels(labels: Mapping[str, str]) -> dict[str, Any]:
    own = {
        key: escaped(str(value))
        for key, value in sorted(labels.items())
        if not key.startswith(("com.docker.", "holdfast.dev/", "dev.holdfast"))
    }
    return {"labels": own} if own else {}


def _number(container: Mapping[str, Any]) -> tuple[int, str]:
    number = labels_of(container).get(NUMBER, "")
    return int(number) if number.isdigit() else 0, name_of(container)


def _is_anonymous(name: str, host: Host) -> bool:
    labels = (host.volumes.get(name) or {}).get("Labels") or {}
    return len(name) == 64 and all(letter in "0123456789abcdef" for letter in name) and VOLUME not in labels


def _is_within(subnet: str, pools: Sequence[str]) -> bool:
    try:
        inner = ipaddress.ip_network(subnet, strict=False)
        outer = [ipaddress.ip_network(pool, strict=False) for pool in pools]
    except ValueError:
        return False
    return any(inner.version == pool.version and inner.subnet_of(pool) for pool in outer)  # type: ignore[arg-type]
