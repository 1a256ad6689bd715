"""Networks and volumes: looked at as a list, made by name, removed only where nothing uses them.

Nothing of either is changed in place. What is external is looked at and never touched. A volume holds data: whether it may go was decided
before a step ever comes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from holdfast.engines.docker import label
from holdfast.engines.docker.client import segment
from holdfast.engines.docker.failure import Missing, plain
from holdfast.engines.docker.host import DockerHost
from holdfast.errors import Bug, Conflict
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Verb
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.workload.contained import read_network, read_volume
from holdfast.workload.container_spec import SubnetSpec

NAMES: Mapping[str, str] = {"Network": "networkName", "Volume": "volumeName"}


def name_of(resource: Resource) -> str:
    """Return how a Network or Volume is called at its host."""
    return str(resource.state.fields[NAMES[resource.id.kind]])


def observation(id: ResourceId, known: Iterable[Resource], live: Iterable[Mapping[str, Any]], installation: str, now: float) -> Observation:
    """Return what is at a host for a Network or Volume: the first of the known states that it is like, else the first with what differs."""
    described = tuple(known)
    if not described:
        return Observation(state=None, observed_at=now)
    by_name = {str(each["Name"]): each for each in live}
    found = by_name.get(name_of(described[0]))
    if found is None:
        return Observation(state=None, observed_at=now)
    house = (found.get("Labels") or {}).get(label.HOUSE)
    judge = _network_differs if id.kind == "Network" else _volume_differs
    fields = described[0].state.fields
    over = judge(fields, found)
    for each in described[1:]:
        if over and not judge(each.state.fields, found):
            fields, over = each.state.fields, {}
    handle: dict[str, Json] = {"name": found["Name"], "id": str(found.get("Id") or "")[:12], "driver": found.get("Driver")}
    return Observation(
        state=State.of({key: value for key, value in {**fields, **over}.items() if value is not None}),
        owned=None if house is None else house == installation,
        handle=handle,
        observed_at=now,
    )


def _network_differs(fields: Mapping[str, Json], live: Mapping[str, Any]) -> dict[str, Json]:
    """Return the fields in which a network is otherwise; what the engine fills in by itself is none."""
    if fields.get("external"):
        return {}
    spec = read_network(fields)
    over: dict[str, Json] = {}
    driver = str(live.get("Driver") or "bridge")
    if driver != (spec.driver or "bridge"):
        over["driver"] = driver
    switches = (
        ("internal", spec.internal, bool(live.get("Internal"))),
        ("attachable", spec.attachable, bool(live.get("Attachable"))),
        ("enableIpv6", bool(spec.enable_ipv6), bool(live.get("EnableIPv6"))),
    )
    over |= {key: seen for key, wanted, seen in switches if wanted != seen}
    options = live.get("Options") or {}
    if any(options.get(key) != value for key, value in spec.driver_opts.items()):
        over["driverOpts"] = {key: str(value) for key, value in options.items()}
    seen_labels = {key: value for key, value in (live.get("Labels") or {}).items() if not label.is_ours(key)}
    if seen_labels != dict(spec.labels):
        over["labels"] = seen_labels or None
    pools = (live.get("IPAM") or {}).get("Config") or ()
    if spec.subnets and not all(any(_is_pool(each, pool) for pool in pools) for each in spec.subnets):
        over["subnets"] = [{"subnet": pool.get("Subnet")} for pool in pools]
    return over


def _is_pool(spec: SubnetSpec, pool: Mapping[str, Any]) -> bool:
    pairs = ((spec.subnet, "Subnet"), (spec.ip_range, "IPRange"), (spec.gateway, "Gateway"))
    return all(wanted is None or wanted == pool.get(key) for wanted, key in pairs)


def _volume_differs(fields: Mapping[str, Json], live: Mapping[str, Any]) -> dict[str, Json]:
    if fields.get("external"):
        return {}
    spec = read_volume(fields)
    over: dict[str, Json] = {}
    driver = str(live.get("Driver") or "local")
    if driver != (spec.driver or "local"):
        over["driver"] = driver
    options = live.get("Options") or {}
    if options != dict(spec.driver_opts):
        over["driverOpts"] = {key: str(value) for key, value in options.items()} or None
    return over


class Parts:
    def __init__(self, installation: str) -> None:
        self._installation = installation

    async def apply(self, host: DockerHost, step: Step, known: Iterable[Resource]) -> None:
        if step.verb is StepVerb.DELETE:
            resource = next(iter(known), None)
            before = step.change.before
            name = before.fields.get(NAMES[step.id.kind]) if before is not None else None
            if name is None and resource is not None:
                name = name_of(resource)
            if isinstance(name, str):
                await self._remove(host, step.id, name)
        elif step.resource is not None and step.verb is StepVerb.APPLY:
            await self._make(host, step, step.resource)
        else:
            raise Bug("HF9001", f"cannot {step.verb} {step.id}: a {step.id.kind} is only applied and deleted")

    async def _make(self, host: DockerHost, step: Step, resource: Resource) -> None:
        if resource.state.fields.get("external"):
            raise Missing(
                "HF3205", f"cannot use {resource.id}: it is external, and the host has none", hint=f"make {name_of(resource)} there first"
            )
        if step.change.verb is Verb.UPDATE:
            return  # labels of ours and the like: nothing of it is changed in place
        body = _network_body(resource) if resource.id.kind == "Network" else _volume_body(resource)
        body["Labels"] = {
            **(body.get("Labels") or {}),
            label.ID: str(resource.id),
            label.HOUSE: self._installation,
            label.APPLICATION: resource.labels.get(APPLICATION, resource.id.namespace),
            label.STATE: resource.state.digest,
        }
        word = resource.id.kind.lower()
        if resource.id.kind == "Network" and await self._is_there(host, resource, str(body["Name"])):
            return
        await host.api.post(f"create {word} {body['Name']}", f"/{word}s/create", None, body)

    async def _is_there(self, host: DockerHost, resource: Resource, name: str) -> bool:
        """Say whether our own first try made it. Raises Conflict where it is somebody else's."""
        found = next((each for each in await host.networks() if each["Name"] == name), None)
        if found is None:
            return False
        labels = found.get("Labels") or {}
        if labels.get(label.STATE) == resource.state.digest and labels.get(label.HOUSE) == self._installation:
            return True
        raise Conflict(
            "HF3211", f"cannot create network {name}: one of that name is there already", hint="remove it, or name yours otherwise"
        )

    async def _remove(self, host: DockerHost, id: ResourceId, name: str) -> None:
        word = id.kind.lower()
        try:
            await host.api.delete(f"remove {word} {name}", f"/{word}s/{segment(name)}")
        except Missing:
            return
        except Conflict as error:
            users = await self._users(host, id.kind, name)
            who = f"; it is used by {', '.join(users)}" if users else ""
            raise Conflict(error.code, f"{error.message}{who}", hint=error.hint) from error

    async def _users(self, host: DockerHost, kind: str, name: str) -> list[str]:
        """Return the names of the containers that use a network or volume."""
        found = []
        for each in (await host.containers()).values():
            networks = ((each.get("NetworkSettings") or {}).get("Networks") or {}).keys()
            volumes = {mount.get("Name") for mount in each.get("Mounts") or ()}
            if name in (networks if kind == "Network" else volumes):
                found.append(plain(str((each.get("Names") or ["?"])[0]).lstrip("/")))
        return sorted(found)


def _network_body(resource: Resource) -> dict[str, Any]:
    spec = read_network(resource.state.fields)
    pools = [
        {
            key: value
            for key, value in (
                ("Subnet", each.subnet),
                ("IPRange", each.ip_range),
                ("Gateway", each.gateway),
                ("AuxiliaryAddresses", dict(each.aux_addresses) or None),
            )
            if value is not None
        }
        for each in spec.subnets
    ]
    found: dict[str, Any] = {
        "Name": name_of(resource),
        "CheckDuplicate": True,
        "Driver": spec.driver or "bridge",
        "Internal": spec.internal,
        "Attachable": spec.attachable,
        "EnableIPv6": bool(spec.enable_ipv6),
        "Options": dict(spec.driver_opts),
        "Labels": {**spec.labels, **label.of_part("network", resource.id.name, spec.project)},
    }
    if spec.enable_ipv4 is not None:
        found["EnableIPv4"] = spec.enable_ipv4
    if pools or spec.ipam_driver is not None or spec.ipam_options:
        found["IPAM"] = {"Driver": spec.ipam_driver or "default", "Config": pools, "Options": dict(spec.ipam_options)}
    return found


def _volume_body(resource: Resource) -> dict[str, Any]:
    spec = read_volume(resource.state.fields)
    return {
        "Name": name_of(resource),
        "Driver": spec.driver or "local",
        "DriverOpts": dict(spec.driver_opts),
        "Labels": {**spec.labels, **label.of_part("volume", resource.id.name, spec.project)},
    }
