"""Container of: one service in long form → the spec of its Container, and where each of its fields stands.

Called by derive. Quantities, times and ports become numbers here, once. Law: what compose says in two places (`cpus` and
deploy.resources.limits.cpus, `scale` and deploy.replicas) says one thing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.workload.build_spec import BuildSpec
from holdfast.workload.compose import unit
from holdfast.workload.compose.build_of import build_of
from holdfast.workload.compose.mount_of import Mounted
from holdfast.workload.compose.node import Node, Path
from holdfast.workload.compose.normalize import SERVICE
from holdfast.workload.compose.told import Told
from holdfast.workload.container_spec import (
    AttachmentSpec,
    BlkioRate,
    BlkioSpec,
    ContainerLimits,
    ContainerLogging,
    ContainerRestart,
    ContainerSpec,
    ContainerStop,
    DeviceRequestSpec,
    DeviceSpec,
    HealthcheckSpec,
    PortSpec,
    UlimitSpec,
    UpdateSpec,
    WaiverSpec,
    parse_published,
)
from holdfast.workload.slug import slug
from holdfast.workload.supervised import SupervisedSpec

_CONDITIONS: Mapping[str, str] = {"none": "no", "on-failure": "on-failure", "any": "always"}
_POLICIES = frozenset({"no", "always", "on-failure", "unless-stopped"})
_PLACES: Mapping[str, Path] = {
    "env": ("environment",),
    "workingDir": ("working_dir",),
    "groups": ("group_add",),
    "containerName": ("container_name",),
    "networkMode": ("network_mode",),
    "capAdd": ("cap_add",),
    "capDrop": ("cap_drop",),
    "securityOpt": ("security_opt",),
    "deviceCgroupRules": ("device_cgroup_rules",),
    "userns": ("userns_mode",),
    "needs": ("depends_on",),
    "replicas": ("deploy", "replicas"),
    "mounts": ("volumes",),
    "supervised": ("x-holdfast", "supervise"),
}
"""Fields of the spec whose name in compose is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that becomes a Container."""

    name: str
    node: Node
    project: str
    spec: ContainerSpec
    mounts: tuple[Mounted, ...] = ()

    def place(self, path: Path) -> Node:
        """Return the node that a path of the spec comes from: `("spec", "ports", 0)`, the service's name for anything else."""
        if path[:1] != ("spec",) or len(path) < 2:
            return self.node
        head, rest = str(path[1]), path[2:]
        if head == "mounts" and rest and isinstance(rest[0], int) and rest[0] < len(self.mounts):
            return self.mounts[rest[0]].node
        if head == "waivers":
            return self.node.at(("x-holdfast", "waivers", *rest[:1])) or self.node
        return self._nearest((*_PLACES.get(head, (head,)), *rest))

    def _nearest(self, path: Path) -> Node:
        while path:
            if (found := self.node.at(path)) is not None:
                return found
            path = path[:-1]
        return self.node


@dataclass(slots=True)
class Context:
    """What a service is derived with."""

    project: str
    told: Told
    mounted: Mapping[str, tuple[Mounted, ...]]
    waivers: Mapping[str, tuple[WaiverSpec, ...]] = field(default_factory=dict)
    supervised: Mapping[str, tuple[SupervisedSpec, ...]] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    """Services that run."""


def service_of(name: str, node: Node, context: Context) -> Service:
    """Return what a service becomes; what it cannot become is told."""
    return _Reader(name, node, context).service()


class _Reader:
    """One service in reading."""

    def __init__(self, name: str, node: Node, context: Context) -> None:
        self.name = name
        self.node = node
        self.context = context
        self.told = context.told

    def service(self) -> Service:
        node = self.node
        mounts = self.context.mounted.get(self.name, ())
        networks = tuple(self.attachments())
        spec = ContainerSpec(
            image=node.text("image") or f"{self.context.project}-{self.name}",
            build=self.build(),
            entrypoint=self.words("entrypoint"),
            command=self.words("command"),
            supervised=self.context.supervised.get(self.name, ()),
            env=dict(self.env()),
            working_dir=self.text("working_dir"),
            user=self.text("user"),
            groups=self.texts("group_add"),
            hostname=self.text("hostname"),
            domainname=self.text("domainname"),
            container_name=self.text("container_name"),
            project=self.context.project,
            service=self.name,
            replicas=self.replicas(),
            ports=tuple(self.ports()),
            expose=tuple(each.removesuffix("/tcp") for each in self.texts("expose")),
            networks=networks,
            network_mode=self.namespace("network_mode"),
            links=tuple(f"{slug(one)}:{alias or one}" for one, _, alias in (each.partition(":") for each in self.texts("links"))),
            mounts=tuple(each.spec for each in mounts),
            healthcheck=self.healthcheck(),
            restart=self.restart(),
            stop=self.stop(),
            limits=self.limits(),
            ulimits={key: _ulimit(each) for key, each in self.fields("ulimits").items()},
            sysctls=self.mapping("sysctls"),
            shm_size=self.size(("shm_size",)),
            devices=tuple(self.devices()),
            device_cgroup_rules=self.texts("device_cgroup_rules"),
            device_requests=tuple(self.requests()),
            cap_add=tuple(each.upper().removeprefix("CAP_") for each in self.texts("cap_add")),
            cap_drop=tuple(each.upper().removeprefix("CAP_") for each in self.texts("cap_drop")),
            security_opt=self.texts("security_opt"),
            privileged=self.flag("privileged"),
            read_only=self.flag("read_only"),
            init=self.flag("init") if "init" in node.fields else None,
            tty=self.flag("tty"),
            stdin_open=self.flag("stdin_open"),
            dns=self.texts("dns"),
            dns_options=self.texts("dns_opt"),
            dns_search=self.texts("dns_search"),
            extra_hosts=self.texts("extra_hosts"),
            ipc=self.namespace("ipc"),
            pid=self.namespace("pid"),
            uts=self.namespace("uts"),
            userns=self.text("userns_mode"),
            cgroup=self.value("cgroup"),
            cgroup_parent=self.text("cgroup_parent"),
            runtime=self.text("runtime"),
            platform=self.text("platform"),
            mac_address=self.text("mac_address"),
            storage_opt={key: unit.written(each.to_json()) for key, each in self.fields("storage_opt").items()},
            logging=self.logging(),
            labels=self.mapping("labels"),
            annotations=self.mapping("annotations"),
            pull_policy=self.text("pull_policy") or "missing",
            update=self.update(),
            needs=tuple(self.needs(mounts)),
            restart_with=tuple(self.restart_with()),
            waivers=self.context.waivers.get(self.name, ()),
        )
        return Service(name=self.name, node=node, project=self.context.project, spec=spec, mounts=mounts)

    def value(self, *path: str) -> Any:
        found = self.node.at(path)
        return found.value if found is not None else None

    def text(self, key: str) -> str | None:
        return self.node.text(key) or None

    def texts(self, key: str) -> tuple[str, ...]:
        found = self.node.get(key)
        return tuple(str(each.value) for each in found.items if each.value not in {None, ""}) if found is not None else ()

    def words(self, key: str) -> tuple[str, ...] | None:
        found = self.node.get(key)
        return tuple(str(each.value) for each in found.items) if found is not None else None

    def flag(self, key: str) -> bool:
        return self.value(key) is True

    def fields(self, *path: str) -> Mapping[str, Node]:
        found = self.node.at(path)
        return found.fields if found is not None else {}

    def mapping(self, *path: str) -> dict[str, str]:
        return {key: unit.written(_scalar(each)) for key, each in self.fields(*path).items()}

    def seconds(self, path: tuple[str, ...]) -> float | None:
        found = self.node.at(path)
        return unit.nanoseconds(_scalar(found)) / 1e9 if found is not None else None

    def size(self, path: tuple[str, ...]) -> int | None:
        found = self.value(*path)
        return int(found) if isinstance(found, str | int) and not isinstance(found, bool) else None

    def number(self, *path: str) -> int | None:
        found = self.value(*path)
        return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def env(self) -> Iterator[tuple[str, str]]:
        for key, each in self.fields("environment").items():
            if each.value is None:
                message = f"services.{self.name}: variable {key} has no value here and is left out: set it in .env"
                self.told.warn("VariableNotSet", message, each)
            else:
                yield key, unit.written(_scalar(each))

    def build(self) -> BuildSpec | None:
        """Return how the image is built; where another `pull_policy` stands it is fetched, as docker compose does."""
        node, policy = self.node.get("build"), self.text("pull_policy")
        if node is None:
            return None
        if policy not in {None, "build"} and self.text("image") is not None:
            message = f"services.{self.name}: its image is fetched, not built: pull_policy is {policy}"
            self.told.warn("BuildNotUsed", message, node)
            return None
        return build_of(self.name, node, self.text("platform"), self.told)

    def replicas(self) -> int:
        if self.value("deploy", "mode") in {"global", "global-job"}:
            return 1
        for path in (("deploy", "replicas"), ("scale",)):
            if (count := self.number(*path)) is not None:
                self.told.spend(max(count, 0) * 100, self.node.at(path) or self.node)
                if not 0 <= count <= 1_000:
                    self.told.error("HF1410", self.node.at(path) or self.node, f"services.{self.name}: expected 0 to 1,000 replicas")
                return count
        return 1

    def ports(self) -> Iterator[PortSpec]:
        for port in (self.node.get("ports") or self.node.holding(())).items:
            target, published = port.get("target"), port.text("published")
            protocol = str(_scalar(port.get("protocol")) or "tcp").lower()
            try:
                if target is None or not isinstance(target.value, int) or not 1 <= target.value <= 65535:
                    raise ValueError("a port of the container is from 1 to 65535")
                if protocol not in {"tcp", "udp", "sctp"}:
                    raise ValueError(f"unknown protocol {protocol!r}")
                yield PortSpec(
                    target=target.value,
                    published=parse_published(published) if published else None,
                    host_ip=port.text("host_ip") or None,
                    protocol=protocol,  # type: ignore[arg-type]
                )
            except ValueError as error:
                reason = str(error) or f"{published!r} is no port and no range"
                self.told.error("HF1410", port, f"services.{self.name}.ports: {reason}")

    def attachments(self) -> Iterator[AttachmentSpec]:
        for key, each in self.fields("networks").items():
            yield AttachmentSpec(
                network=slug(key),
                aliases=_texts(each, "aliases"),
                ipv4_address=each.text("ipv4_address") or None,
                ipv6_address=each.text("ipv6_address") or None,
                link_local_ips=_texts(each, "link_local_ips"),
                mac_address=each.text("mac_address") or None,
                interface_name=each.text("interface_name") or None,
                driver_opts={
                    name: unit.written(_scalar(value)) for name, value in (each.get("driver_opts") or each.holding({})).fields.items()
                },
                priority=_real(each.get("priority")) or 0.0,
                gw_priority=_real(each.get("gw_priority")) or 0.0,
            )

    def namespace(self, key: str) -> str | None:
        """Return the namespace that it shares: `service:db` is the Container db."""
        found = self.text(key)
        if found is not None and found.startswith(SERVICE):
            return f"container:{slug(found.removeprefix(SERVICE))}"
        return found

    def healthcheck(self) -> HealthcheckSpec | None:
        found = self.node.get("healthcheck")
        if found is None:
            return None
        if found.fields.get("disable") is not None and found.fields["disable"].value is True:
            return HealthcheckSpec(test=("NONE",))
        return HealthcheckSpec(
            test=_texts(found, "test"),
            interval=self.seconds(("healthcheck", "interval")),
            timeout=self.seconds(("healthcheck", "timeout")),
            retries=self.number("healthcheck", "retries"),
            start_period=self.seconds(("healthcheck", "start_period")),
            start_interval=self.seconds(("healthcheck", "start_interval")),
        )

    def stop(self) -> ContainerStop:
        timeout = self.seconds(("stop_grace_period",))
        return ContainerStop(signal=self.text("stop_signal"), timeout=ContainerStop().timeout if timeout is None else timeout)

    def restart(self) -> ContainerRestart:
        """Return deploy.restart_policy where it stands, else `restart`."""
        policy = self.node.at(("deploy", "restart_policy"))
        if policy is not None:
            condition = policy.text("condition") or "any"
            if condition not in _CONDITIONS:
                hint = f"write {', '.join(_CONDITIONS)}"
                self.told.error("HF1410", policy.fields["condition"], f"services.{self.name}: unknown condition {condition!r}", hint)
            attempts = self.number("deploy", "restart_policy", "max_attempts")
            found: Any = _CONDITIONS.get(condition, "no")
            return ContainerRestart(policy=found, max_attempts=attempts if found == "on-failure" else None)
        text = self.text("restart") or "no"
        word, colon, count = text.partition(":")
        if word not in _POLICIES or (colon and not (word == "on-failure" and count.isdigit())):
            hint = "write no, always, on-failure, on-failure:3 or unless-stopped; no in quotes"
            self.told.error("HF1410", self.node.fields["restart"], f"services.{self.name}: unknown restart policy {text!r}", hint)
            return ContainerRestart()
        named: Any = word
        return ContainerRestart(policy=named, max_attempts=int(count) if count else None)

    def limits(self) -> ContainerLimits:
        deploy = ("deploy", "resources")
        cpus = _real(self.node.at((*deploy, "limits", "cpus")) or self.node.get("cpus"))
        swap = self.size(("memswap_limit",))
        swappiness = self.size(("mem_swappiness",))
        return ContainerLimits(
            cpus=cpus or None,
            memory=self.size((*deploy, "limits", "memory")) or self.size(("mem_limit",)) or None,
            memory_reservation=self.size((*deploy, "reservations", "memory")) or self.size(("mem_reservation",)) or None,
            memory_swap=swap or None,
            memory_swappiness=swappiness,
            pids=self.number(*deploy, "limits", "pids") or self.number("pids_limit") or None,
            cpu_shares=self.number("cpu_shares") or None,
            cpu_period=self.number("cpu_period") or None,
            cpu_quota=self.number("cpu_quota") or None,
            cpu_rt_period=self.number("cpu_rt_period") or None,
            cpu_rt_runtime=self.number("cpu_rt_runtime") or None,
            cpuset=self.text("cpuset"),
            oom_kill_disable=self.flag("oom_kill_disable"),
            oom_score_adj=self.number("oom_score_adj") or 0,
            blkio=self.blkio(),
        )

    def blkio(self) -> BlkioSpec:
        found = self.node.get("blkio_config")
        if found is None:
            return BlkioSpec()
        rates = {key: tuple(_rate(each) for each in value.items) for key, value in found.fields.items() if key.startswith("device_")}
        weights = tuple(_rate(each) for each in (found.get("weight_device") or found.holding(())).items)
        return BlkioSpec(weight=self.number("blkio_config", "weight"), weight_device=weights, **rates)

    def devices(self) -> Iterator[DeviceSpec]:
        for each in (self.node.get("devices") or self.node.holding(())).items:
            source, target = each.text("source") or "", each.text("target") or ""
            if "=" in source:
                self.told.warn("FieldNotHonoured", f"services.{self.name}: device {source} is named by CDI, which is not honoured", each)
            elif source:
                same = not target or target == source
                yield DeviceSpec(source=source, target=None if same else target, permissions=each.text("permissions") or "rwm")

    def requests(self) -> Iterator[DeviceRequestSpec]:
        for path, capabilities in ((("gpus",), ("gpu",)), (("deploy", "resources", "reservations", "devices"), ())):
            for each in (self.node.at(path) or self.node.holding(())).items:
                count = each.get("count")
                yield DeviceRequestSpec(
                    capabilities=_texts(each, "capabilities") or capabilities,
                    driver=each.text("driver") or None,
                    count=count.value if count is not None and isinstance(count.value, int) else None,
                    device_ids=_texts(each, "device_ids"),
                    options={key: unit.written(_scalar(value)) for key, value in (each.get("options") or each.holding({})).fields.items()},
                )

    def logging(self) -> ContainerLogging:
        return ContainerLogging(driver=self.value("logging", "driver") or None, options=self.mapping("logging", "options"))

    def update(self) -> UpdateSpec:
        path = ("deploy", "update_config")
        if self.node.at(path) is None:
            return UpdateSpec()
        count = self.number(*path, "parallelism")
        monitor = self.seconds((*path, "monitor"))
        return UpdateSpec(
            order=self.value(*path, "order"),
            parallelism=1 if count is None else count,
            delay=self.seconds((*path, "delay")) or 0.0,
            monitor=5.0 if monitor is None else monitor,
            failure_action=self.value(*path, "failure_action") or None,
        )

    def needs(self, mounts: tuple[Mounted, ...]) -> Iterator[str]:
        """Yield what must be there before it starts, in the words of needs."""
        yield from (f"Network/{slug(key)}" for key in self.fields("networks"))
        yield from dict.fromkeys(each.need for each in mounts if each.need is not None)
        yield from (f"Container/{slug(key)}" for key in self.fields("depends_on") if key in self.context.active)

    def restart_with(self) -> Iterator[str]:
        yield from (f"Network/{slug(key)}" for key in self.fields("networks"))
        for key, each in self.fields("depends_on").items():
            restart = each.get("restart")
            if key in self.context.active and restart is not None and restart.value is True:
                yield f"Container/{slug(key)}"


def _scalar(node: Node | None) -> Json:
    value = node.value if node is not None else None
    return None if isinstance(value, tuple | Mapping) else value


def _texts(node: Node, key: str) -> tuple[str, ...]:
    found = node.get(key)
    return tuple(str(each.value) for each in found.items) if found is not None else ()


def _real(node: Node | None) -> float | None:
    return float(node.value) if node is not None and isinstance(node.value, int | float) else None


def _ulimit(node: Node) -> UlimitSpec:
    if isinstance(node.value, int):
        return UlimitSpec(soft=node.value, hard=node.value)
    soft, hard = node.get("soft"), node.get("hard")
    return UlimitSpec(soft=_whole(soft), hard=_whole(hard))


def _whole(node: Node | None) -> int:
    return node.value if node is not None and isinstance(node.value, int) else 0


def _rate(node: Node) -> BlkioRate:
    rate = node.get("rate") or node.get("weight")
    return BlkioRate(path=node.text("path") or "?", rate=int(str(rate.value)) if rate is not None else 0)
