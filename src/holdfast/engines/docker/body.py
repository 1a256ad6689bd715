"""Body: what a Container's state says → what the engine is asked to create. Pure.

Field names and units are the Docker Engine API's (ContainerCreate): nanoseconds, bytes, billionths of a CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.engines.docker import entrypoint
from holdfast.engines.docker.showing import owned, shown
from holdfast.errors import Rejected
from holdfast.kit.canonical import Json
from holdfast.workload.container_spec import (
    AttachmentSpec,
    BlkioRate,
    BlkioSpec,
    ContainerLimits,
    ContainerRestart,
    ContainerSpec,
    HealthcheckSpec,
    MountSpec,
)
from holdfast.workload.process_spec import SecretRef

CONTAINER = "container:"
LIMITS: Mapping[str, tuple[str, float]] = {
    "cpus": ("NanoCpus", 1e9),
    "memory": ("Memory", 1),
    "memory_reservation": ("MemoryReservation", 1),
    "memory_swap": ("MemorySwap", 1),
    "memory_swappiness": ("MemorySwappiness", 1),
    "pids": ("PidsLimit", 1),
    "cpu_shares": ("CpuShares", 1),
    "cpu_period": ("CpuPeriod", 1),
    "cpu_quota": ("CpuQuota", 1),
    "cpu_rt_period": ("CpuRealtimePeriod", 1),
    "cpu_rt_runtime": ("CpuRealtimeRuntime", 1),
    "oom_score_adj": ("OomScoreAdj", 1),
}
"""Field of ContainerLimits → key of HostConfig and its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the names in a spec mean at one Docker host."""

    networks: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)
    """Name of a Container → the name that its container has."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Name of a File → its path on the host."""
    release: str | None = None
    """Folder of the release that mounts show."""
    data: str | None = None
    """The Application's data folder."""
    secrets: Mapping[str, str] = field(default_factory=dict)


def create_body(spec: ContainerSpec, ground: Ground, image: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of ContainerCreate; networks beyond the first are joined afterwards (`attachments`). Raises Rejected (HF3217)."""
    body: dict[str, Any] = {
        "Image": image,
        "Env": [f"{name}={value}" for name, value in sorted(env(spec, ground).items())],
        "Labels": {**spec.labels, **labels},
        "ExposedPorts": {port: {} for port in exposed(spec)},
        "Tty": spec.tty,
        "OpenStdin": spec.stdin_open,
        "StopTimeout": round(spec.stop.timeout),
        "HostConfig": host_config(spec, ground),
    }
    named = {
        "Cmd": list(spec.command) if spec.command is not None else None,
        "Entrypoint": list(spec.entrypoint) or [""] if spec.entrypoint is not None else None,
        "WorkingDir": spec.working_dir,
        "User": spec.user,
        "Hostname": spec.hostname,
        "Domainname": spec.domainname,
        "MacAddress": spec.mac_address,
        "StopSignal": spec.stop.signal,
        "Healthcheck": health(spec.healthcheck) if spec.healthcheck is not None else None,
    }
    if spec.supervised:
        named |= {"Entrypoint": [*entrypoint.command()], "Cmd": []}
    body |= {key: value for key, value in named.items() if value is not None}
    first = next(iter(attachments(spec, ground)), None)
    if first is not None:
        body["NetworkingConfig"] = {"EndpointsConfig": {first[0]: first[1]}}
    return body


def env(spec: ContainerSpec, ground: Ground) -> dict[str, str]:
    return {name: ground.secrets[value.secret] if isinstance(value, SecretRef) else str(value) for name, value in spec.env.items()}


def exposed(spec: ContainerSpec) -> tuple[str, ...]:
    """Return the ports that it exposes, as `8080/tcp`; a range is all of its ports."""
    found = {f"{port.target}/{port.protocol}" for port in spec.ports}
    for text in spec.expose:
        ports, _, protocol = text.partition("/")
        first, _, last = ports.partition("-")
        found |= {f"{port}/{protocol or 'tcp'}" for port in range(int(first), int(last or first) + 1)}
    return tuple(sorted(found))


def attachments(spec: ContainerSpec, ground: Ground) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the networks that it is on by their names at the host, with their endpoints; the one of the highest priority first."""
    if spec.network_mode is not None:
        return
    for each in sorted(spec.networks, key=lambda it: (-it.priority, it.network)):
        yield _known("Network", each.network, ground.networks), _endpoint(spec, each, ground)


def _endpoint(spec: ContainerSpec, each: AttachmentSpec, ground: Ground) -> dict[str, Any]:
    own = (spec.service,) if spec.service not in (None, spec.container_name) else ()  # to its own name it answers by itself
    ipam = {"IPv4Address": each.ipv4_address, "IPv6Address": each.ipv6_address, "LinkLocalIPs": list(each.link_local_ips) or None}
    endpoint = {
        "Aliases": sorted({*own, *each.aliases}) or None,
        "IPAMConfig": {key: value for key, value in ipam.items() if value is not None} or None,
        "Links": [f"{ground.containers.get(one, one)}:{alias}" for one, _, alias in (link.partition(":") for link in spec.links)] or None,
        "DriverOpts": dict(each.driver_opts) or None,
        "MacAddress": each.mac_address,
        "GwPriority": round(each.gw_priority) or None,
    }
    return {key: value for key, value in endpoint.items() if value is not None}


def host_config(spec: ContainerSpec, ground: Ground) -> dict[str, Any]:
    mounts = [*_mounts(spec, ground)]
    found: dict[str, Any] = {
        "NetworkMode": network_mode(spec, ground),
        "RestartPolicy": restart(spec.restart),
        "PortBindings": _bindings(spec),
        "Mounts": [mount for mount in mounts if isinstance(mount, dict)] or None,
        "Binds": [mount for mount in mounts if isinstance(mount, str)] or None,
        "CapAdd": list(spec.cap_add) or None,
        "CapDrop": list(spec.cap_drop) or None,
        "SecurityOpt": list(spec.security_opt) or None,
        "Privileged": spec.privileged or None,
        "ReadonlyRootfs": spec.read_only or None,
        "Init": spec.init,
        "Dns": list(spec.dns) or None,
        "DnsOptions": list(spec.dns_options) or None,
        "DnsSearch": list(spec.dns_search) or None,
        "ExtraHosts": [each.replace("=", ":", 1) for each in spec.extra_hosts] or None,
        "GroupAdd": list(spec.groups) or None,
        "IpcMode": _namespace(spec.ipc, ground),
        "PidMode": _namespace(spec.pid, ground),
        "UTSMode": spec.uts,
        "UsernsMode": spec.userns,
        "CgroupnsMode": spec.cgroup,
        "CgroupParent": spec.cgroup_parent,
        "Runtime": spec.runtime,
        "ShmSize": spec.shm_size,
        "Sysctls": dict(spec.sysctls) or None,
        "StorageOpt": dict(spec.storage_opt) or None,
        "Annotations": dict(spec.annotations) or None,
        "Ulimits": [{"Name": name, "Soft": it.soft, "Hard": it.hard} for name, it in sorted(spec.ulimits.items())] or None,
        "Devices": [
            {"PathOnHost": it.source, "PathInContainer": it.target or it.source, "CgroupPermissions": it.permissions} for it in spec.devices
        ]
        or None,
        "DeviceCgroupRules": list(spec.device_cgroup_rules) or None,
        "DeviceRequests": [
            {
                "Driver": it.driver or "",
                "Count": it.count or 0,
                "DeviceIDs": list(it.device_ids) or None,
                "Capabilities": [list(it.capabilities)] if it.capabilities else None,
                "Options": dict(it.options),
            }
            for it in spec.device_requests
        ]
        or None,
        **limits(spec.limits),
    }
    if spec.logging.driver is not None or spec.logging.options:
        found["LogConfig"] = {"Type": spec.logging.driver or "json-file", "Config": dict(spec.logging.options)}
    return {key: value for key, value in found.items() if value is not None}


def limits(spec: ContainerLimits) -> dict[str, Any]:
    """Return the keys of HostConfig that are limits; what is not limited is left out."""
    found: dict[str, Any] = {}
    for name, (key, unit) in LIMITS.items():
        if (value := getattr(spec, name)) not in {None, 0} or (name == "memory_swappiness" and value is not None):
            found[key] = round(value * unit)
    if spec.cpuset is not None:
        found["CpusetCpus"] = spec.cpuset
    if spec.oom_kill_disable:
        found["OomKillDisable"] = True
    return found | _blkio(spec.blkio)


def _blkio(spec: BlkioSpec) -> dict[str, Any]:
    def rates(each: tuple[BlkioRate, ...], word: str = "Rate") -> list[dict[str, Json]] | None:
        return [{"Path": it.path, word: it.rate} for it in each] or None

    found = {
        "BlkioWeight": spec.weight,
        "BlkioWeightDevice": rates(spec.weight_device, "Weight"),
        "BlkioDeviceReadBps": rates(spec.device_read_bps),
        "BlkioDeviceReadIOps": rates(spec.device_read_iops),
        "BlkioDeviceWriteBps": rates(spec.device_write_bps),
        "BlkioDeviceWriteIOps": rates(spec.device_write_iops),
    }
    return {key: value for key, value in found.items() if value is not None}


def restart(spec: ContainerRestart) -> dict[str, Json]:
    return {"Name": spec.policy, "MaximumRetryCount": spec.max_attempts or 0}


def network_mode(spec: ContainerSpec, ground: Ground) -> str:
    if spec.network_mode is not None:
        return _namespace(spec.network_mode, ground) or "default"
    return next((name for name, _ in attachments(spec, ground)), "default")


def _namespace(mode: str | None, ground: Ground) -> str | None:
    """Return a mode in Docker's words: the Container of `container:db` by the name that its container has."""
    if mode is None or not mode.startswith(CONTAINER):
        return mode
    name = mode.removeprefix(CONTAINER)
    return f"{CONTAINER}{ground.containers.get(name, name)}"


def _bindings(spec: ContainerSpec) -> dict[str, Any] | None:
    found: dict[str, list[dict[str, str]]] = {}
    for port in spec.ports:
        published = "" if port.published in {None, "0"} else str(port.published)
        found.setdefault(f"{port.target}/{port.protocol}", []).append({"HostIp": port.host_ip or "", "HostPort": published})
    return found or None


def health(spec: HealthcheckSpec) -> dict[str, Any]:
    """Return a health check in nanoseconds; what it leaves out the image says."""
    found = {
        "Test": list(spec.test) or None,
        "Interval": _nanoseconds(spec.interval),
        "Timeout": _nanoseconds(spec.timeout),
        "Retries": spec.retries,
        "StartPeriod": _nanoseconds(spec.start_period),
        "StartInterval": _nanoseconds(spec.start_interval),
    }
    return {key: value for key, value in found.items() if value is not None}


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)


def _mounts(spec: ContainerSpec, ground: Ground) -> Iterator[dict[str, Any] | str]:
    """Yield mounts; a path of the host whose folder may be made stands as a bind in the old form, the one that makes it."""
    copied = (*shown(spec), *owned(spec))
    for mount in spec.mounts:
        if mount in copied:
            continue
        match mount.type:
            case "bind" if mount.within == "host" and (mount.create_host_path or mount.selinux):
                words = [each for each in ("ro" if mount.read_only else "rw", mount.selinux, mount.propagation) if each]
                yield f"{mount.source}:{mount.target}:{','.join(words)}"
            case "bind":
                yield _mount("bind", mount, source(mount, ground), {"BindOptions": _bind_options(mount)})
            case "file":
                yield _mount("bind", mount, source(mount, ground), {})
            case "volume":
                options = {"NoCopy": mount.no_copy or None, "Subpath": mount.subpath}
                yield _mount("volume", mount, source(mount, ground), {"VolumeOptions": options})
            case "tmpfs":
                mode = int(mount.mode, 8) if mount.mode is not None else None
                yield _mount("tmpfs", mount, None, {"TmpfsOptions": {"SizeBytes": mount.size, "Mode": mode}})
            case _:
                yield _mount(mount.type, mount, mount.source, {})


def source(mount: MountSpec, ground: Ground) -> str | None:
    """Return what a mount shows, as the host calls it."""
    if mount.type == "volume":
        return None if mount.source is None else _known("Volume", mount.source, ground.volumes)
    if mount.type == "file":
        return _known("File", mount.source or "", ground.files)
    if mount.type != "bind" or mount.within == "host":
        return mount.source
    folder = ground.release if mount.within == "release" else ground.data
    if folder is None:
        raise Rejected(
            "HF3217",
            f"cannot mount {mount.source or '.'} at {mount.target}: files of the {mount.within} lie on the host of Holdfast alone",
            hint="put the files into the image, or run Holdfast on the Docker host",
        )
    inner = (mount.source or ".").removeprefix("./")
    return folder if inner in {"", "."} else f"{folder}/{inner}"


def _mount(type: str, mount: MountSpec, shown: str | None, more: dict[str, Any]) -> dict[str, Any]:
    options = {key: {name: value for name, value in each.items() if value is not None} for key, each in more.items()}
    found: dict[str, Any] = {"Type": type, "Source": shown, "Target": mount.target, "ReadOnly": mount.read_only or None}
    found |= {key: each for key, each in options.items() if each}
    return {key: value for key, value in found.items() if value is not None}


def _bind_options(mount: MountSpec) -> dict[str, Any]:
    return {"Propagation": mount.propagation, "NonRecursive": True if mount.recursive == "disabled" else None}


def _known(kind: str, name: str, names: Mapping[str, str]) -> str:
    if name not in names:
        raise Rejected(
            "HF3218", f"cannot find {kind} {name}: nothing says how it is called at the Docker host", hint=f"declare {kind} {name}"
        )
    return names[name]
