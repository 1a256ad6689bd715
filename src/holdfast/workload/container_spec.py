"""What a person may write about a Container. Field docstrings are the help text, the reference page and the schema's description.

Derived from compose services, or written by hand. The words are Docker's. Knows nothing of compose; `container.py` says what may differ
and how it is judged, `exposure.py` what is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from holdfast.kit.canonical import Json
from holdfast.model.scalars import Check, Duration, NonEmptyStr, Port, Scalar, Size
from holdfast.workload.build_spec import BuildSpec
from holdfast.workload.process_spec import SecretRef
from holdfast.workload.supervised import SupervisedSpec

_PUBLISHED = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


def parse_published(value: Json) -> str:
    """Return a port or a range of the host; ValueError with the reason, which may be empty."""
    match = _PUBLISHED.fullmatch(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if match is None or not all(0 <= int(part) <= 65535 for part in match.groups() if part):
        raise ValueError
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError("it runs backwards")
    return str(first) if first == last else f"{first}-{last}"


def parse_day(value: Json) -> str:
    """Return a day such as 2026-12-31; ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError from None


def _size_or_all(value: Json) -> int:
    if value == -1 or value == "-1":
        return -1
    parsed: int = Size.__metadata__[0].parse(value)  # type: ignore[attr-defined]
    return parsed


Published = Annotated[
    str,
    Scalar(expected="a port or a range such as 8000-8010", parse=parse_published, schema={"type": ["string", "integer"]}),
]
Day = Annotated[str, Scalar(expected='a day such as "2026-12-31"', parse=parse_day)]
SizeOrUnlimited = Annotated[int, Scalar(expected="a size such as 512Mi, or -1", parse=_size_or_all, schema={"type": ["string", "integer"]})]


def _octal(value: Json) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"0?[0-7]{3,4}", value):
        raise ValueError
    return f"{int(value, 8):04o}"


Mode = Annotated[str, Scalar(expected='a mode such as "0440"', parse=_octal)]
_Count = Annotated[int, Check(expected="a whole number from 0", reason=lambda value: "it is less" if value < 0 else None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSpec:
    """A port of the container that the host publishes."""

    target: Port
    """Port in the container."""
    published: Published | None = None
    """Port of the host, or a range of which a free one is taken. Without it the engine picks one."""
    host_ip: NonEmptyStr | None = None
    """Address it is published on. Without it, every address, IPv6 too."""
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    """Transport protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountSpec:
    """Something that is seen in the container at `target`."""

    type: Literal["bind", "volume", "tmpfs", "image", "file", "npipe", "cluster"]
    """`bind`: a path of the host; `volume`: a Volume; `file`: a File of this Application; `tmpfs`: memory; `image`: an image's files."""
    target: NonEmptyStr
    """Path in the container."""
    source: NonEmptyStr | None = None
    """Path, name of a Volume or File, or image. Without it, a volume of the container's own."""
    within: Literal["host", "release", "data"] = "host"
    """What the path of a bind is relative to: the host, the release, or the Application's data folder."""
    read_only: bool = False
    """Whether the container may only read it."""
    propagation: NonEmptyStr | None = None
    """Mount propagation of a bind."""
    recursive: NonEmptyStr | None = None
    """How mounts below a bind are taken along."""
    selinux: Literal["z", "Z"] | None = None
    """SELinux relabelling of a bind."""
    create_host_path: bool = True
    """Whether a bind's missing source is made, as a folder."""
    no_copy: bool = False
    """Whether what the image holds there stays out of an empty volume."""
    subpath: NonEmptyStr | None = None
    """Path within the volume or image."""
    size: Size | None = None
    """Largest size of a tmpfs."""
    mode: Mode | None = None
    """Permission bits of a tmpfs or file."""
    uid: NonEmptyStr | None = None
    """Owner of a file."""
    gid: NonEmptyStr | None = None
    """Group of a file."""
    content: NonEmptyStr | None = None
    """Digest of a file's content: another content is another container."""
    secret: NonEmptyStr | None = None
    """Name of the secret that a file holds: another value is another container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentSpec:
    """How it is on one network."""

    network: NonEmptyStr
    """Name of the Network."""
    aliases: tuple[NonEmptyStr, ...] = ()
    """Further names that it answers to there."""
    ipv4_address: NonEmptyStr | None = None
    """Fixed IPv4 address."""
    ipv6_address: NonEmptyStr | None = None
    """Fixed IPv6 address."""
    link_local_ips: tuple[NonEmptyStr, ...] = ()
    """Link-local addresses."""
    mac_address: NonEmptyStr | None = None
    """Fixed MAC address."""
    interface_name: NonEmptyStr | None = None
    """Name of the interface in the container."""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    """Options of the network's driver."""
    priority: float = 0.0
    """In which order networks are joined, the highest first."""
    gw_priority: float = 0.0
    """Which network is the default gateway, the highest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthcheckSpec:
    """How the engine asks whether it is healthy."""

    test: tuple[str, ...] = ()
    """`[CMD, program, …]`, `[CMD-SHELL, line]`, `[NONE]`; empty: the image's own."""
    interval: Duration | None = None
    """Time between looks; 30 s without it."""
    timeout: Duration | None = None
    """Time after which a look has failed; 30 s without it."""
    retries: int | None = None
    """Failures in a row that make it unhealthy; 3 without it."""
    start_period: Duration | None = None
    """Time after the start in which failures do not count."""
    start_interval: Duration | None = None
    """Time between looks during that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequestSpec:
    """Devices such as GPUs, by what they can do."""

    capabilities: tuple[str, ...] = ()
    """What they must be able to do."""
    driver: NonEmptyStr | None = None
    """Who provides them."""
    count: int | None = None
    """How many; -1 for all."""
    device_ids: tuple[str, ...] = ()
    """Which ones."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """A device of the host."""

    source: NonEmptyStr
    """Path on the host."""
    target: NonEmptyStr | None = None
    """Path in the container; as on the host without it."""
    permissions: NonEmptyStr = "rwm"
    """Of r, w and m: read, write, make nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UlimitSpec:
    """One resource limit of its processes."""

    soft: int
    """What it starts with."""
    hard: int
    """What it may raise it to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlkioRate:
    """A limit of one device."""

    path: NonEmptyStr
    """The device."""
    rate: int
    """Bytes or operations per second; of a weight, 10 to 1000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlkioSpec:
    """Limits of block devices."""

    weight: int | None = None
    """Share, 10 to 1000."""
    weight_device: tuple[BlkioRate, ...] = ()
    """Share of one device."""
    device_read_bps: tuple[BlkioRate, ...] = ()
    """Bytes read per second."""
    device_read_iops: tuple[BlkioRate, ...] = ()
    """Reads per second."""
    device_write_bps: tuple[BlkioRate, ...] = ()
    """Bytes written per second."""
    device_write_iops: tuple[BlkioRate, ...] = ()
    """Writes per second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerLimits:
    """What it may use."""

    cpus: float | None = None
    """CPUs, 0.5 for half of one."""
    memory: Size | None = None
    """Memory; above it the kernel ends it."""
    memory_reservation: Size | None = None
    """Memory that it keeps when the host runs short."""
    memory_swap: SizeOrUnlimited | None = None
    """Memory and swap together; -1 for any."""
    memory_swappiness: int | None = None
    """How gladly it is swapped out, 0 to 100."""
    pids: int | None = None
    """Processes."""
    cpu_shares: int | None = None
    """Share of CPU where it is short."""
    cpu_period: int | None = None
    """Microseconds of a scheduler period."""
    cpu_quota: int | None = None
    """Microseconds of CPU in a period."""
    cpu_rt_period: int | None = None
    """Microseconds of a real-time period."""
    cpu_rt_runtime: int | None = None
    """Microseconds of real-time CPU in a period."""
    cpuset: NonEmptyStr | None = None
    """Which CPUs, as 0-3 or 0,1."""
    oom_kill_disable: bool = False
    """Whether it waits instead of being ended where memory is short."""
    oom_score_adj: int = 0
    """How soon the kernel ends it, -1000 to 1000."""
    blkio: BlkioSpec = BlkioSpec()
    """Limits of block devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRestart:
    """What the engine does when it exits."""

    policy: Literal["no", "on-failure", "always", "unless-stopped"] = "no"
    """As in Docker."""
    max_attempts: int | None = None
    """Of `on-failure`: how often in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStop:
    """How it is asked to end."""

    signal: NonEmptyStr | None = None
    """Signal; the image's, else SIGTERM, without it."""
    timeout: Duration = 10.0
    """Between the signal and SIGKILL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerLogging:
    """Where its output goes."""

    driver: NonEmptyStr | None = None
    """Logging driver; the engine's default without it."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSpec:
    """How a change goes through."""

    order: Literal["start-first", "stop-first"] | None = None
    """Whether the new one starts before the old one stops. Without it: start-first, but stop-first where something cannot be shared."""
    parallelism: int = 1
    """How many replicas at once; 0 for all."""
    delay: Duration = 0.0
    """Between them."""
    monitor: Duration = 5.0
    """How long a new one must stay up to count, where it has no health check."""
    failure_action: NonEmptyStr | None = None
    """`pause`, `continue` or `rollback`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverSpec:
    """A reviewed exception to an exposure rule. Counts only where the local configuration allows waivers, until the day it names."""

    rule: NonEmptyStr
    """Code of the rule, such as HF1440."""
    reason: NonEmptyStr
    """Why it must be so."""
    owner: NonEmptyStr
    """Who answers for it."""
    expires: Day
    """Last day on which it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One container of a Docker host, in one or more replicas."""

    image: NonEmptyStr
    """Image to run."""
    build: BuildSpec | None = None
    """How the image is built from the repository; then `image` is what it is called, and nothing is fetched."""
    entrypoint: tuple[str, ...] | None = None
    """Program, over the image's own; empty takes it away."""
    command: tuple[str, ...] | None = None
    """Arguments, over the image's own."""
    supervised: tuple[SupervisedSpec, ...] = ()
    """Programs that an entrypoint of Holdfast's runs and supervises in it, by the image's Python; then nothing else is its program."""
    env: Mapping[NonEmptyStr, str | int | bool | SecretRef] = field(default_factory=dict)
    """Environment."""
    working_dir: NonEmptyStr | None = None
    """Folder it runs in."""
    user: NonEmptyStr | None = None
    """User, or `user:group`."""
    groups: tuple[NonEmptyStr, ...] = ()
    """Further groups."""
    hostname: NonEmptyStr | None = None
    """Its own name for itself."""
    domainname: NonEmptyStr | None = None
    """Its domain."""
    container_name: NonEmptyStr | None = None
    """Its name on the host; without it one is made of project, service and number."""
    project: NonEmptyStr | None = None
    """Compose project that it belongs to."""
    service: NonEmptyStr | None = None
    """Compose service that it is."""
    replicas: _Count = 1
    """How many run at once. Of several, replica i is `Container/<namespace>/<name>.<i>`."""
    ports: tuple[PortSpec, ...] = ()
    """Ports that the host publishes."""
    expose: tuple[NonEmptyStr, ...] = ()
    """Ports that other containers use, as 8080 or 53/udp."""
    networks: tuple[AttachmentSpec, ...] = ()
    """Networks it is on."""
    links: tuple[NonEmptyStr, ...] = ()
    """Further names for Containers on its networks, as db:database."""
    network_mode: NonEmptyStr | None = None
    """`none`, `bridge`, `host`, or `container:` with the name of a Container whose network it shares."""
    mounts: tuple[MountSpec, ...] = ()
    """What is seen in its file system."""
    healthcheck: HealthcheckSpec | None = None
    """How the engine asks whether it is healthy."""
    restart: ContainerRestart = ContainerRestart()
    """What happens when it exits."""
    stop: ContainerStop = ContainerStop()
    """How it is stopped."""
    limits: ContainerLimits = ContainerLimits()
    """What it may use."""
    ulimits: Mapping[str, UlimitSpec] = field(default_factory=dict)
    """Resource limits of its processes."""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    """Kernel parameters of its namespaces."""
    shm_size: Size | None = None
    """Size of /dev/shm."""
    devices: tuple[DeviceSpec, ...] = ()
    """Devices of the host."""
    device_cgroup_rules: tuple[NonEmptyStr, ...] = ()
    """Which devices it may use, as the kernel writes them."""
    device_requests: tuple[DeviceRequestSpec, ...] = ()
    """Devices such as GPUs."""
    cap_add: tuple[NonEmptyStr, ...] = ()
    """Capabilities beyond the usual ones."""
    cap_drop: tuple[NonEmptyStr, ...] = ()
    """Capabilities that it goes without."""
    security_opt: tuple[NonEmptyStr, ...] = ()
    """AppArmor, SELinux and seccomp."""
    privileged: bool = False
    """Whether it may do what root of the host may."""
    read_only: bool = False
    """Whether its own file system cannot be written."""
    init: bool | None = None
    """Whether a small init process reaps its children."""
    tty: bool = False
    """Whether it has a terminal."""
    stdin_open: bool = False
    """Whether its standard input stays open."""
    dns: tuple[NonEmptyStr, ...] = ()
    """Name servers, in order."""
    dns_options: tuple[NonEmptyStr, ...] = ()
    """Options of its resolver."""
    dns_search: tuple[NonEmptyStr, ...] = ()
    """Domains that are searched, in order."""
    extra_hosts: tuple[NonEmptyStr, ...] = ()
    """Lines of /etc/hosts, as name=address."""
    ipc: NonEmptyStr | None = None
    """IPC namespace."""
    pid: NonEmptyStr | None = None
    """PID namespace."""
    uts: NonEmptyStr | None = None
    """UTS namespace."""
    userns: NonEmptyStr | None = None
    """User namespace."""
    cgroup: Literal["host", "private"] | None = None
    """Cgroup namespace."""
    cgroup_parent: NonEmptyStr | None = None
    """Cgroup that it is placed in."""
    runtime: NonEmptyStr | None = None
    """OCI runtime."""
    platform: NonEmptyStr | None = None
    """Platform of the image, such as linux/arm64."""
    mac_address: NonEmptyStr | None = None
    """MAC address of its first network."""
    storage_opt: Mapping[str, str] = field(default_factory=dict)
    """Options of the storage driver."""
    logging: ContainerLogging = ContainerLogging()
    """Where its output goes."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the OCI runtime."""
    pull_policy: NonEmptyStr = "missing"
    """When the image is fetched: missing, always, never."""
    update: UpdateSpec = UpdateSpec()
    """How a change goes through."""
    needs: tuple[NonEmptyStr, ...] = ()
    """What must be ready before it starts: `db`, `Network/back`."""
    restart_with: tuple[NonEmptyStr, ...] = ()
    """Containers whose replacement takes this one down first."""
    progress_deadline: Duration | None = None
    """How long a candidate may take to become ready; without it the annotation `holdfast.dev/progress-deadline`, else 60 s."""
    waivers: tuple[WaiverSpec, ...] = ()
    """Reviewed exceptions to exposure rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubnetSpec:
    """A pool of addresses."""

    subnet: NonEmptyStr | None = None
    """Network and prefix, such as 172.28.0.0/16."""
    ip_range: NonEmptyStr | None = None
    """Part of it that containers get addresses from."""
    gateway: NonEmptyStr | None = None
    """Address of the host in it."""
    aux_addresses: Mapping[str, str] = field(default_factory=dict)
    """Addresses that are taken by others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A network of a Docker host."""

    network_name: NonEmptyStr | None = None
    """Its name on the host; its own name without it."""
    external: bool = False
    """Whether it is there already; then it is never made, changed or removed."""
    driver: NonEmptyStr | None = None
    """Driver; the engine's default, bridge, without it."""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    """Options of the driver."""
    internal: bool = False
    """Whether there is no way out of the host."""
    attachable: bool = False
    """Whether containers of somebody else may join."""
    enable_ipv4: bool | None = None
    """Whether containers get IPv4 addresses."""
    enable_ipv6: bool | None = None
    """Whether containers get IPv6 addresses."""
    ipam_driver: NonEmptyStr | None = None
    """Who gives out addresses."""
    ipam_options: Mapping[str, str] = field(default_factory=dict)
    """Options of that driver."""
    subnets: tuple[SubnetSpec, ...] = ()
    """Pools of addresses."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels."""
    project: NonEmptyStr | None = None
    """Compose project that it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSpec:
    """A volume of a Docker host. It holds data: it is never removed without a person."""

    volume_name: NonEmptyStr | None = None
    """Its name on the host; its own name without it."""
    external: bool = False
    """Whether it is there already; then it is never made, changed or removed."""
    driver: NonEmptyStr | None = None
    """Driver; local without it."""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    """Options of the driver."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels."""
    project: NonEmptyStr | None = None
    """Compose project that it belongs to."""
    waivers: tuple[WaiverSpec, ...] = ()
    """Reviewed exceptions to exposure rules."""
