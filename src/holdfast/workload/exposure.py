"""Exposure: what Git may not open by itself: databases on public addresses, and ways out of a container into the host.

Rules look at specs, so they hold for containers from compose and for those written by hand, whatever the syntax was. A reviewed waiver in
Git lets one through, where the local configuration allows waivers, until the day it names. Sources: OWASP Docker Security cheat sheet,
moby#22054 (published ports pass by the host's firewall), moby `oci/caps`. Law: a refusal names the file and line of the field.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.errors import DeclarationError, RefusedDeclaration
from holdfast.kit.path import tidy
from holdfast.kit.suggest import did_you_mean
from holdfast.model.declaration import Ask, Declaration, Scope
from holdfast.model.ids import HOST
from holdfast.model.resource import Warning
from holdfast.workload.container_spec import ContainerSpec, MountSpec, PortSpec, VolumeSpec, WaiverSpec

Path = tuple[str | int, ...]
TODAY = Ask(what="today", path="")
WAIVERS = "waivers"
"""What the local configuration must allow for waivers to count."""

DATABASES: frozenset[str] = frozenset(
    "postgres postgresql postgis pgvector timescaledb timescaledb-ha pgbouncer pgpool mysql mysql-server mariadb percona "
    "percona-server percona-xtradb-cluster mongo mongodb mongodb-community-server percona-server-mongodb ferretdb redis "
    "redis-stack redis-stack-server valkey keydb dragonfly memcached cassandra scylla couchdb couchbase elasticsearch "
    "opensearch solr influxdb clickhouse clickhouse-server neo4j cockroach cockroachdb mssql-server mssql azure-sql-edge "
    "oracle oracle-xe oracle-free rethinkdb arangodb etcd tidb tikv yugabyte questdb surrealdb orientdb ravendb firebird db2 "
    "hbase aerospike-server crate rqlite libsql-server edgedb gel qdrant weaviate milvus meilisearch typesense immudb kvrocks "
    "garnet supabase-postgres pgvecto-rs denokv".split()
)
"""Last words of the names of images that hold data and ask little of who connects."""
DATABASE_PORTS: Mapping[int, str] = {
    1433: "Microsoft SQL Server",
    1521: "Oracle",
    2379: "etcd",
    3306: "MySQL",
    5432: "PostgreSQL",
    5984: "CouchDB",
    6379: "Redis",
    7687: "Neo4j",
    8529: "ArangoDB",
    9042: "Cassandra",
    9200: "Elasticsearch",
    9300: "Elasticsearch",
    11211: "Memcached",
    26257: "CockroachDB",
    27017: "MongoDB",
    27018: "MongoDB",
    27019: "MongoDB",
    28015: "RethinkDB",
    33060: "MySQL",
    50000: "Db2",
}
_SOCKETS = re.compile(r"(?:docker|podman|containerd|crio|cri-dockerd|buildkitd|nerdctl)(?:-\w+)?\.sock|docker_engine")
_SOCKET_FOLDERS = frozenset(
    {"/run", "/var/run", "/var", "/", "/run/docker", "/var/run/docker", "/run/containerd", "/run/podman", "/run/user"}
)
_HARMLESS = frozenset({"/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo", "/dev/null", "/dev/shm", "/etc/ssl/certs"})
_NAMESPACES: Mapping[str, str] = {
    "network_mode": "network",
    "pid": "process",
    "ipc": "IPC",
    "uts": "host name",
    "userns": "user",
    "cgroup": "cgroup",
}
_CAPABILITIES = frozenset("ALL SYS_ADMIN SYS_MODULE SYS_RAWIO SYS_PTRACE SYS_BOOT DAC_READ_SEARCH BPF MAC_ADMIN MAC_OVERRIDE".split())
_UNCONFINED = re.compile(r"(?:seccomp|apparmor|systempaths)[=:]unconfined|label[=:]disable")
_DISKS = re.compile(r"/dev/(?:mem|kmem|port|sd|hd|vd|xvd|nvme|dm-|mapper|mmcblk|md|disk|root|kmsg|fuse-host)")
_EVERY_DEVICE = re.compile(r"[abc]\s+\*:\*\s+\w*[wm]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule refuses. `code` names the rule, `path` the field."""

    code: str
    path: Path
    reason: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One exposure rule of containers."""

    code: str
    find: Callable[[ContainerSpec, tuple[str, ...]], Iterator[Finding]]


def database_of(image: str) -> str | None:
    """Return the word of an image's name that says it is a database; None where none does."""
    repository = image.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    words = [last.partition(":")[0], *reversed(head.split("/"))] if slash else [repository.partition(":")[0]]
    return next((word for word in words[:2] if word.lower() in DATABASES), None)


def is_public(port: PortSpec) -> bool:
    """Say whether a port is published on an address that others can reach."""
    return port.host_ip is None or not is_loopback(port.host_ip)


def is_loopback(host: str) -> bool:
    """Say whether only this host reaches an address; what is no address is taken for one that others reach, but for localhost."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _published(spec: ContainerSpec, roots: tuple[str, ...]) -> Iterator[Finding]:
    database = database_of(spec.image)
    for at, port in enumerate(spec.ports):
        if not is_public(port):
            continue
        known = next((name for number, name in DATABASE_PORTS.items() if number == port.target or _covers(port.published, number)), None)
        what = f"the database {database}" if database else f"the port of {known}" if known else None
        if what is not None:
            where = port.published or "a free port"
            yield Finding(
                code="HF1440",
                path=("ports", at),
                reason=f"{what} is published on {_address(port)}:{where}, where everybody who reaches the host reaches it",
                hint=f"remove it: containers reach it over their network; or publish it on 127.0.0.1:{where} alone",
            )


def _address(port: PortSpec) -> str:
    return port.host_ip or "every address"


def _covers(published: str | None, number: int) -> bool:
    first, dash, last = (published or "").partition("-")
    return first.isdigit() and int(first) <= number <= int(last if dash else first)


def _privileged(spec: ContainerSpec, roots: tuple[str, ...]) -> Iterator[Finding]:
    if spec.privileged:
        hint = "name what it needs with capAdd (cap_add) and devices"
        yield Finding(code="HF1441", path=("privileged",), reason="a privileged container is root on the host", hint=hint)


def _engine_socket(spec: ContainerSpec, roots: tuple[str, ...]) -> Iterator[Finding]:
    for at, mount in enumerate(spec.mounts):
        if mount.source is not None and is_engine_socket(mount):
            yield Finding(
                code="HF1442",
                path=("mounts", at),
                reason=f"{mount.source} holds the socket of the container engine: who has it is root on the host",
                hint="give the container what it needs by a proxy that lets only reading through, or leave the mount out",
            )


def is_engine_socket(mount: MountSpec) -> bool:
    if mount.type not in {"bind", "npipe"} or mount.within != "host" or mount.source is None:
        return False
    path = tidy(mount.source)
    return _SOCKETS.fullmatch(re.split(r"[/\\]", path)[-1]) is not None or path in _SOCKET_FOLDERS


def _namespaces(spec: ContainerSpec, roots: tuple[str, ...]) -> Iterator[Finding]:
    for name, what in _NAMESPACES.items():
        if getattr(spec, name) == "host":
            hint = "publish the ports that it needs" if name == "network_mode" else "leave it out"
            yield Finding(code="HF1443", path=(name,), reason=f"it would share the {what} namespace of the host", hint=hint)


def _host_paths(spec: ContainerSpec, roots: tuple[str, ...]) -> Iterator[Finding]:
    for at, mount in enumerate(spec.mounts):
        is_host = mount.type == "bind" and mount.within == "host" and not is_engine_socket(mount)
        reason = host_path_reason(mount.source, roots) if is_host and mount.source is not None else None
        if reason is not None:
            hint = "use a named volume, or a path in the repository; or add the folder to file_roots in the local configuration"
            yield Finding(code="HF1444", path=("mounts", at), reason=reason, hint=hint)


def host_path_reason(source: str, roots: tuple[str, ...]) -> str | None:
    """Return why a container may not see this path of the host; None where it may."""
    path = tidy(source)
    if path in _HARMLESS or any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in map(tidy, roots)):
        return None
    return f"it would see {source} of the host, which the local configuration does not allow"


def _powers(spec: ContainerSpec, roots: tuple[str, ...]) -> Iterator[Finding]:
    for at, capability in enumerate(spec.cap_add):
        if capability.upper().removeprefix("CAP_") in _CAPABILITIES:
            hint = "name a smaller capability, or leave it out"
            yield Finding(
                code="HF1445", path=("capAdd", at), reason=f"the capability {capability} is as good as root on the host", hint=hint
            )
    for at, option in enumerate(spec.security_opt):
        if _UNCONFINED.fullmatch(option.strip().lower()):
            hint = "write a profile that allows what it needs"
            yield Finding(code="HF1445", path=("securityOpt", at), reason=f"{option} takes a protection of the host away", hint=hint)
    for at, device in enumerate(spec.devices):
        if _DISKS.match(tidy(device.source)) or tidy(device.source) == "/dev":
            hint = "use a volume"
            yield Finding(code="HF1445", path=("devices", at), reason=f"{device.source} is memory or a disk of the host", hint=hint)
    for at, rule in enumerate(spec.device_cgroup_rules):
        if _EVERY_DEVICE.fullmatch(rule.strip()):
            hint = "name the devices that it needs"
            yield Finding(code="HF1445", path=("deviceCgroupRules", at), reason=f"{rule!r} is every device of the host", hint=hint)


RULES: tuple[Rule, ...] = (
    Rule(code="HF1440", find=_published),
    Rule(code="HF1441", find=_privileged),
    Rule(code="HF1442", find=_engine_socket),
    Rule(code="HF1443", find=_namespaces),
    Rule(code="HF1444", find=_host_paths),
    Rule(code="HF1445", find=_powers),
)


def findings(spec: ContainerSpec, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """Return everything that the rules refuse of a container, waived or not. `roots`: folders of the host that it may see."""
    return tuple(finding for rule in RULES for finding in rule.find(spec, roots))


def container_refusals(declaration: Declaration, scope: Scope, roots: tuple[str, ...] = ()) -> Iterator[DeclarationError]:
    spec: ContainerSpec = declaration.spec
    yield from _refusals(declaration, scope, findings(spec, roots), spec.waivers)


def volume_findings(spec: VolumeSpec, roots: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """Return what is refused of a volume: one of the local driver can be a bind of a path or a disk of the host."""
    device, options = spec.driver_opts.get("device"), spec.driver_opts.get("o", "").split(",")
    if spec.external or spec.driver not in {None, "local", "default"} or device is None:
        return ()
    is_bind = "bind" in options or "rbind" in options or spec.driver_opts.get("type") in {"none", "bind"}
    if not device.startswith("/") and not is_bind:
        return ()
    path = ("driverOpts", "device")
    if is_engine_socket(MountSpec(type="bind", source=device, target="/")):
        reason = f"{device} holds the socket of the container engine: who has it is root on the host"
        return (Finding(code="HF1442", path=path, reason=reason, hint="leave the volume out"),)
    reason = host_path_reason(device, roots) or ""
    hint = "use a volume without a device; or add the folder to file_roots in the local configuration"
    return (Finding(code="HF1444", path=path, reason=reason, hint=hint),) if reason else ()


def volume_refusals(declaration: Declaration, scope: Scope, roots: tuple[str, ...] = ()) -> Iterator[DeclarationError]:
    spec: VolumeSpec = declaration.spec
    yield from _refusals(declaration, scope, volume_findings(spec, roots), spec.waivers)


def network_refusals(declaration: Declaration) -> Iterator[DeclarationError]:
    """Refuse the host's own network under the guise of a declared one."""
    spec = declaration.spec
    if spec.network_name == "host" or (spec.network_name is None and declaration.name == "host" and spec.external) or spec.driver == "host":
        yield RefusedDeclaration(
            "HF1443",
            f"cannot declare Network {declaration.name}: it is the network namespace of the host",
            where=[declaration.place(("spec", "networkName"))],
            hint="publish the ports that the containers need",
        )


def _refusals(
    declaration: Declaration, scope: Scope, found: tuple[Finding, ...], waivers: tuple[WaiverSpec, ...]
) -> Iterator[DeclarationError]:
    for at, waiver in enumerate(waivers):
        known = [rule.code for rule in RULES]
        if waiver.rule not in known:
            guess = did_you_mean(waiver.rule, known)
            yield DeclarationError(
                "HF1447",
                f"cannot waive {waiver.rule!r}: there is no such rule",
                where=[declaration.place(("spec", "waivers", at))],
                hint=f"did you mean {guess}?" if guess else f"rules are {', '.join(known)}",
            )
    waived = {waiver.rule for waiver in waivers}
    for finding in found:
        if finding.code in waived and WAIVERS in scope.allowed:
            continue
        hint = finding.hint
        if finding.code in waived:
            hint = "its waiver does not count: the local configuration does not allow waivers (allow.waivers)"
        yield RefusedDeclaration(
            finding.code,
            f"cannot run {declaration.kind} {declaration.name}: {finding.reason}",
            where=[declaration.place(("spec", *finding.path))],
            hint=hint,
        )


def container_warnings(declaration: Declaration) -> Iterator[Warning]:
    """Yield what is let through by a waiver, and an image that is another one tomorrow."""
    spec: ContainerSpec = declaration.spec
    for waiver in spec.waivers:
        message = (
            f"{declaration.kind} {declaration.name}: {waiver.rule} is waived until {waiver.expires} by {waiver.owner}: {waiver.reason}"
        )
        yield Warning(reason="Waived", message=message, origin=declaration.origin)
    if moves(spec.image) and spec.build is None:
        message = f"{declaration.kind} {declaration.name}: image {spec.image} can be another one tomorrow: name a version or a digest"
        yield Warning(reason="ImageMoves", message=message, origin=declaration.origin)


def moves(image: str) -> bool:
    """Say whether an image is named by no tag, or by `latest`."""
    if "@" in image:
        return False
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return not colon or tag == "latest"


def judged(declaration: Declaration, today: bytes | None) -> Declaration | DeclarationError:
    """Return the declaration where its waivers still count on that day, else why one does not."""
    day = today.decode() if today is not None else None
    waivers: tuple[WaiverSpec, ...] = declaration.spec.waivers
    for at, waiver in enumerate(waivers):
        if day is None or waiver.expires < day:
            why = f"it ended on {waiver.expires}" if day is not None else "it is not known what day it is"
            return RefusedDeclaration(
                "HF1446",
                f"cannot run {declaration.kind} {declaration.name}: its waiver of {waiver.rule} does not count: {why}",
                where=[declaration.place(("spec", "waivers", at))],
                hint=f"mend what is waived, or have {waiver.owner} review it again and write a new day",
            )
    return declaration


def no_engine(declaration: Declaration, scope: Scope) -> DeclarationError:
    """Return why nothing can be applied: the destination is no Docker host."""
    at = "this host" if scope.destination == HOST else scope.destination
    return DeclarationError(
        "HF1430",
        f"cannot run {declaration.kind} {declaration.name} at {at}: containers need a Docker host",
        where=[declaration.place(())],
        hint="write server: unix:///var/run/docker.sock in the Application's destination",
    )
