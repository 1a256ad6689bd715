"""Container: one container of a Docker host, in one or more replicas.

Derived from compose services, or written by hand; applied by the engine of its destination. Says what may differ and how it is judged.
Laws: what has no order has none in the state; two ways to write one meaning give one state; a secret stands in it by name and fingerprint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from holdfast.declare.schema import encode
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kit.duration import parse_duration
from holdfast.model.declaration import Ask, Declaration, Peer, Scope
from holdfast.model.ids import DOCKER, HOST, ResourceId
from holdfast.model.labels import ADOPT, APPLICATION, EXCLUSIVE, PROGRESS_DEADLINE
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.proof import Claim
from holdfast.model.resource import Prepare, Resource, ResourcePolicy, Warning
from holdfast.model.state import Facts, State
from holdfast.workload import build, private_container
from holdfast.workload.container_spec import ContainerSpec, PortSpec
from holdfast.workload.exposure import TODAY, container_refusals, container_warnings, judged, no_engine
from holdfast.workload.ground import Ground
from holdfast.workload.process_spec import SecretRef
from holdfast.workload.replicated import DEADLINE_S, progress_deadline_s, replicas

T = TypeVar("T")
NOT_STATE = ("needs", "restartWith", "waivers", "update", "env")
"""What makes no difference to what runs; env is written by itself."""
HOT = frozenset({"restart", "progressDeadline"})
HOT_LIMITS = frozenset("cpus memory memoryReservation memorySwap pids cpuShares cpuPeriod cpuQuota cpuRtPeriod cpuRtRuntime cpuset".split())
"""What Docker changes without a new container (`docker update`)."""
MENDED = frozenset({"stopped", "paused", "renamed", "network"})
"""Fields that a look lays over a state, one for each class of drift, where it is mended without a new container."""
UNSET = frozenset({"pids", "memorySwap"})
"""Limits that Docker takes away again without a new container; others it only changes."""
LOCAL = "unix://"
"""How the destination of a Docker on this host begins."""
_ADDRESSES: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class ContainerKind:
    """The kind `Container` of `model.declaration.Kind`.

    `is_reached`: whether containers may stand at any destination, since nothing is applied; else at a Docker host, and a compose file
    refuses itself.
    `host_roots`: folders of the host that containers may see. `ground`: what this host can do to look at networks.
    """

    name = "Container"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = ContainerSpec

    def __init__(self, *, is_reached: bool, host_roots: tuple[str, ...] = (), ground: Ground | None = None) -> None:
        self._is_reached = is_reached
        self._host_roots = host_roots
        self._ground = ground

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: ContainerSpec = declaration.spec
        errors = [*container_refusals(declaration, scope, self._host_roots)]
        if not self._is_reached and spec.project is None and not scope.destination.startswith(DOCKER):
            errors.insert(0, no_engine(declaration, scope))
        deadline_s = DEADLINE_S
        try:
            deadline_s = progress_deadline_s(spec.progress_deadline, scope)
        except ValueError as error:
            where = [declaration.place(())]
            errors.append(DeclarationError("HF1431", f"cannot read annotation {PROGRESS_DEADLINE}: {error}", where=where))
        if errors:
            return tuple(errors)
        namespace = declaration.namespace or scope.namespace
        labels = {**declaration.labels, APPLICATION: scope.application}
        if tokens := sorted(_tokens(spec, scope.destination)):
            labels[EXCLUSIVE] = ",".join(tokens)
        return Resource(
            id=ResourceId(scope.destination, self.name, namespace, declaration.name),
            state=State.of(write(spec, deadline_s=deadline_s, release=scope.release, fingerprints=facts.fingerprints)),
            policy=ResourcePolicy(restart_with=frozenset(_ids(spec.restart_with, scope.destination, namespace)), adopt=adopts(scope)),
            origin=declaration.origin,
            labels=labels,
            claims=tuple(_claims(spec)) if spec.replicas and scope.destination.startswith(LOCAL) else (),
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        spec: ContainerSpec = declaration.spec
        return tuple((need, ("spec", "needs", at)) for at, need in enumerate(spec.needs))

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return replicas(resource)

    def joined(
        self, own: Peer, leaves: tuple[Resource, ...], needs: tuple[Peer, ...], dependants: tuple[Peer, ...]
    ) -> tuple[Resource, ...]:
        """Return what it is among those that need it: `model.declaration.Joining`."""
        return private_container.joined(leaves, own, dependants, self._ground)

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        spec: ContainerSpec = declaration.spec
        return (
            *container_warnings(declaration),
            *private_container.warnings(declaration, self._ground),
            *(build.warnings(declaration, spec.build) if spec.build is not None else ()),
        )

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        if resource.state.fields.get("replicas") == 0:
            return Health(Status.SUSPENDED, "no replicas in Git")
        if observation.state is None:
            return Health(Status.MISSING)
        return _health(resource.state.fields, observation.handle or {})

    def style(self, before: State, after: State) -> RolloutStyle:
        if after.fields.get("replicas") == 0 or _is_hot(before.fields, after.fields):
            return RolloutStyle.IN_PLACE
        order = after.fields.get("order")
        if order is not None:
            return RolloutStyle.START_FIRST if order == "start-first" else RolloutStyle.STOP_FIRST
        return RolloutStyle.STOP_FIRST if _is_alone(after.fields) else RolloutStyle.START_FIRST

    def progress_deadline_s(self, state: State) -> float:
        found = state.fields.get("progressDeadline")
        return parse_duration(found) if isinstance(found, str) else DEADLINE_S

    def prepare(self, declaration: Declaration) -> Prepare | None:
        """Return nothing: a mount may show files of the release, and nothing is run in it (`model.declaration.Released`)."""
        return None

    def asks(self, declaration: Declaration) -> tuple[Ask, ...]:
        """Return what day it is, where a waiver must be judged, and what an image is built from: `model.declaration.Asking`."""
        spec: ContainerSpec = declaration.spec
        return (*((TODAY,) if spec.waivers else ()), *(build.asks(spec.build) if spec.build is not None else ()))

    def answered(self, declaration: Declaration, answers: Mapping[Ask, bytes | None]) -> Declaration | DeclarationError:
        spec: ContainerSpec = declaration.spec
        if spec.build is not None and spec.build.files is None:
            built = build.answered(declaration, spec.build, answers)
            if isinstance(built, DeclarationError):
                return built
            declaration = replace(declaration, spec=replace(spec, build=built))
        return judged(declaration, answers[TODAY]) if spec.waivers else declaration


def adopts(scope: Scope) -> bool:
    """Say whether what stands at the host already may be taken over: containers, networks and volumes of this Application's names."""
    return scope.annotations.get(ADOPT) in {"true", "on"}


def write(spec: ContainerSpec, *, deadline_s: float, release: str | None, fingerprints: Mapping[str, str]) -> dict[str, Json]:
    """Return the fields of the state; the release stands in it where a mount shows its files."""
    ordered = _ordered(spec)
    deadline = None if deadline_s == DEADLINE_S else deadline_s
    encoded = encode(ContainerSpec, replace(ordered, env={}, waivers=(), progress_deadline=deadline))
    assert isinstance(encoded, dict), "a spec is a mapping"
    fields = {key: value for key, value in encoded.items() if key not in NOT_STATE}
    if spec.env:
        fields["env"] = {name: _written(value, fingerprints) for name, value in spec.env.items()}
    if spec.update.order is not None:
        fields["order"] = spec.update.order
    for mount in _listed(fields, "mounts"):
        if isinstance(mount, dict) and isinstance(secret := mount.get("secret"), str):
            mount["secret"] = {"secret": secret, "fingerprint": fingerprints.get(secret)}
    if release is not None and any(mount.within == "release" for mount in spec.mounts):
        fields["release"] = release
    return fields


def _written(value: str | int | bool | SecretRef, fingerprints: Mapping[str, str]) -> Json:
    if isinstance(value, SecretRef):
        return {"secret": value.secret, "fingerprint": fingerprints.get(value.secret)}
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ordered(spec: ContainerSpec) -> ContainerSpec:
    """Return `spec` with what has no order in one order, each thing once."""
    return replace(
        spec,
        groups=_set(spec.groups),
        ports=_set(spec.ports, key=_port_key),
        expose=_set(spec.expose),
        links=_set(spec.links),
        networks=tuple(
            replace(each, aliases=_set(each.aliases), link_local_ips=_set(each.link_local_ips))
            for each in sorted(spec.networks, key=lambda each: each.network)
        ),
        mounts=tuple(sorted(spec.mounts, key=lambda mount: mount.target)),
        devices=_set(spec.devices, key=lambda device: (device.source, device.target or "")),
        device_cgroup_rules=_set(spec.device_cgroup_rules),
        cap_add=_set(spec.cap_add),
        cap_drop=_set(spec.cap_drop),
        security_opt=_set(spec.security_opt),
        extra_hosts=_set(spec.extra_hosts),
    )


def _set(items: tuple[T, ...], key: Callable[[T], Any] | None = None) -> tuple[T, ...]:
    return tuple(sorted(dict.fromkeys(items), key=key))  # type: ignore[type-var,arg-type]


def _port_key(port: PortSpec) -> tuple[int, str, str, str]:
    return port.target, port.protocol, port.published or "", port.host_ip or ""


def _ids(names: tuple[str, ...], destination: str, namespace: str) -> Iterator[ResourceId]:
    """Yield the ids of `db` and `Network/back`."""
    for name in names:
        kind, slash, rest = name.partition("/")
        yield ResourceId(destination, kind if slash else ContainerKind.name, namespace, rest if slash else name)


def _tokens(spec: ContainerSpec, destination: str) -> Iterator[str]:
    """Yield what only one container of this host can hold."""
    if destination != HOST and not destination.startswith(LOCAL):
        return
    for port in spec.ports:
        if port.published and "-" not in port.published and port.published != "0":
            yield f"{'udp' if port.protocol == 'udp' else 'tcp'}:{port.host_ip or '*'}:{port.published}"
    if spec.container_name is not None:
        yield f"container:{spec.container_name}"


def _claims(spec: ContainerSpec) -> Iterator[Claim]:
    """Yield what it says to the outside of its host."""
    for port in spec.ports:
        if port.protocol == "tcp" and port.published and "-" not in port.published and port.published != "0":
            address = _ADDRESSES.get(port.host_ip or "0.0.0.0", port.host_ip or "127.0.0.1")
            target: dict[str, Json] = {"host": address, "port": int(port.published)}
            yield Claim(text=f"answers on port {port.published}", method="tcp", target=target)


def _is_hot(before: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    """Say whether only what needs no new container differs."""
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if not before or not differing <= HOT | {"limits"} | MENDED:
        return False
    one, other = before.get("limits") or {}, after.get("limits") or {}
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    changed = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    return changed <= HOT_LIMITS and all(name in other or name in UNSET for name in changed)


def _is_alone(fields: Mapping[str, Json]) -> bool:
    """Say whether two of it cannot run at once: a host port, a name, an address, or data that only one may write."""
    if fields.get("containerName") or fields.get("macAddress") or fields.get("networkMode") == "host":
        return True
    if any(isinstance(port, dict) and port.get("published") for port in _listed(fields, "ports")):
        return True
    fixed = ("ipv4Address", "ipv6Address", "macAddress")
    if any(isinstance(each, dict) and any(each.get(key) for key in fixed) for each in _listed(fields, "networks")):
        return True
    return any(isinstance(each, dict) and _holds_data(each) for each in _listed(fields, "mounts"))


def _holds_data(mount: Mapping[str, Json]) -> bool:
    is_data = mount.get("type") == "volume" or (mount.get("type") == "bind" and mount.get("within") != "release")
    return is_data and bool(mount.get("source")) and not mount.get("readOnly")


def _listed(fields: Mapping[str, Json], key: str) -> list[Json]:
    found = fields.get(key)
    return found if isinstance(found, list) else []


def _health(fields: Mapping[str, Json], handle: Mapping[str, Json]) -> Health:
    """Judge what the engine saw: `status` and `health` in Docker's words, `exit_code`, `restarts`, `message`."""
    status, message = handle.get("status"), str(handle.get("message") or "")
    if status == "running":
        return {
            "unhealthy": Health(Status.DEGRADED, message or "its health check fails"),
            "starting": Health(Status.PROGRESSING, message or "its health check has not passed yet"),
        }.get(str(handle.get("health")), Health(Status.HEALTHY))
    if status in {"created", "pulling", None}:
        return Health(Status.PROGRESSING, message)
    if status == "restarting":
        return Health(Status.DEGRADED, message or f"it restarts again and again, last with exit code {handle.get('exit_code')}")
    if status == "paused":
        return Health(Status.DEGRADED, message or "it is paused")
    return _ended(fields, handle, message)


def _ended(fields: Mapping[str, Json], handle: Mapping[str, Json], message: str) -> Health:
    restart = fields.get("restart")
    policy = restart.get("policy", "no") if isinstance(restart, dict) else "no"
    code = handle.get("exit_code")
    if code == 0 and policy in {"no", "on-failure"}:
        return Health(Status.HEALTHY, message or "completed")
    return Health(Status.DEGRADED, message or f"it ended with exit code {code}")
