"""Part fields: mappings that stand within a service: builds, deployments, hooks, limits, networks.

Part of the tables that service_fields puts together. Source: the published schema of the compose specification, field by field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from holdfast.kit.canonical import Json
from holdfast.workload.compose import mount_fields as mount
from holdfast.workload.compose.forms import (
    ENVIRONMENT,
    LABELS,
    Command,
    Either,
    Gpus,
    Hosts,
    KeyValues,
    Texts,
    Ulimit,
    is_remote,
    one_by_one,
)
from holdfast.workload.compose.node import Node, Path, made
from holdfast.workload.compose.shape import (
    FILE_PATH,
    FLAG,
    FLAG_TEXT,
    OPTIONS,
    REAL,
    SPAN,
    STRICT_FLAG,
    STRICT_REAL,
    SWARM,
    TEXT,
    TEXT_SIZE,
    TEXTS,
    VALUE,
    WHOLE,
    WHOLE_SIZE,
    WORD,
    Field,
    ListOf,
    MapOf,
    Record,
    Scalar,
    Shape,
    choice,
    never,
    no,
    yes,
)
from holdfast.workload.compose.told import Told


class BuildContext(Shape):
    """A folder, or an address that is left alone."""

    expected = "a path or an address"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        is_address = isinstance(node.value, str) and is_remote(node.value)
        return (TEXT if is_address else FILE_PATH).read(node, path, told)


_ULIMIT = Ulimit(one=WHOLE, both=Record(fields={"soft": yes(WHOLE), "hard": yes(WHOLE)}, required=("soft", "hard")))
ULIMITS = MapOf(item=_ULIMIT, name=re.compile(r"[a-z]+"))


BUILDKIT = "only BuildKit can, and images are built by the engine's own builder"
BUILD = Either(
    short="context",
    fields={
        "context": yes(BuildContext(), "a folder below the Application's path"),
        "dockerfile": yes(TEXT, "relative to the context, or below the Application's path"),
        "dockerfile_inline": yes(TEXT),
        "entitlements": never(TEXTS, BUILDKIT),
        "args": yes(ENVIRONMENT, "the image tells them to everybody: no secrets"),
        "ssh": never(KeyValues(keeps_null=True, is_path=True), BUILDKIT),
        "labels": yes(LABELS),
        "cache_from": yes(TEXTS, "images that the host has or may fetch"),
        "cache_to": no(TEXTS, BUILDKIT),
        "no_cache": yes(FLAG),
        "no_cache_filter": no(Texts(), BUILDKIT),
        "additional_contexts": never(KeyValues(is_path=True), BUILDKIT),
        "network": yes(TEXT),
        "provenance": no(FLAG_TEXT, BUILDKIT),
        "sbom": no(FLAG_TEXT, BUILDKIT),
        "pull": yes(FLAG),
        "target": yes(TEXT),
        "shm_size": yes(WHOLE_SIZE),
        "extra_hosts": yes(Hosts()),
        "isolation": no(TEXT, "of Windows"),
        "privileged": never(FLAG, BUILDKIT),
        "secrets": never(mount.BUILD_SECRETS, BUILDKIT),
        "tags": yes(one_by_one()),
        "ulimits": no(ULIMITS, "builds have the limits of the engine"),
        "platforms": yes(TEXTS, "one; the builder of the engine makes no image for several"),
    },
)


def device_count(value: Json) -> int:
    """Return how many devices are asked for, -1 for all of them."""
    if value == "all":
        return -1
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    raise ValueError


_DEVICE_REQUEST: Mapping[str, Field] = {
    "capabilities": yes(ListOf(item=TEXT, is_set=True)),
    "count": yes(Scalar(types=frozenset({"string", "integer"}), expected="all or a number", cast=device_count)),
    "device_ids": yes(ListOf(item=TEXT, is_set=True)),
    "driver": yes(TEXT),
    "options": yes(LABELS),
}


class DeviceRequests(ListOf):
    """Requests for devices such as GPUs; one that names neither number nor ids asks for all."""

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        found = super().read(node, path, told)
        if found is None or told.is_part:
            return found
        return found.holding(tuple(all_of(each) for each in found.items)).under(found.key_mark)


def all_of(node: Node) -> Node:
    return node if {"count", "device_ids"} & node.fields.keys() else node.with_field("count", made(-1, node))


class GpuRequests(Gpus):
    """As reservations, or `all`."""

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        found = super().read(node, path, told)
        if found is None or told.is_part:
            return found
        return found.holding(tuple(all_of(each) for each in found.items)).under(found.key_mark)


GPUS = GpuRequests(item=Record(fields=_DEVICE_REQUEST))
_ORDER = choice("start-first", "stop-first")


def _rollout(says: str) -> Record:
    return Record(
        fields={
            "parallelism": yes(WHOLE, "how many replicas at once"),
            "delay": yes(SPAN, "between them"),
            "failure_action": yes(TEXT),
            "monitor": yes(SPAN, "how long one must stay up to count"),
            "max_failure_ratio": no(REAL, says),
            "order": yes(_ORDER, "start-first, or stop-first where a port or volume cannot be shared"),
        }
    )


DEPLOY = Record(
    null="dropped",
    fields={
        "mode": yes(TEXT, "`replicated`, or `global`, which is one on a Docker host"),
        "endpoint_mode": no(TEXT, SWARM),
        "replicas": yes(WHOLE, "how many containers"),
        "labels": no(LABELS, "labels of a swarm's service; `labels` are the container's"),
        "update_config": yes(_rollout("one failure stops a rollout"), "how a change rolls"),
        "rollback_config": no(_rollout("one failure stops a rollback"), "a rollback is a rollout: update_config says how"),
        "resources": yes(
            Record(
                fields={
                    "limits": yes(Record(fields={"cpus": yes(REAL), "memory": yes(TEXT_SIZE), "pids": yes(WHOLE)})),
                    "reservations": yes(
                        Record(
                            fields={
                                "cpus": no(REAL, "a Docker host reserves no CPUs"),
                                "memory": yes(TEXT_SIZE),
                                "pids": no(WHOLE, "a Docker host reserves no processes"),
                                "generic_resources": no(
                                    ListOf(
                                        item=Record(
                                            fields={
                                                "discrete_resource_spec": yes(Record(fields={"kind": yes(TEXT), "value": yes(REAL)})),
                                            }
                                        )
                                    ),
                                    SWARM,
                                ),
                                "devices": yes(DeviceRequests(item=Record(fields=_DEVICE_REQUEST, required=("capabilities",)))),
                            }
                        )
                    ),
                }
            )
        ),
        "restart_policy": yes(
            Record(
                fields={
                    "condition": yes(TEXT, "`none`, `on-failure`, `any`"),
                    "delay": no(SPAN, "Docker doubles its own delay, from 100 ms to a minute"),
                    "max_attempts": yes(WHOLE),
                    "window": no(SPAN, "Docker counts a start as good after 10 s"),
                }
            ),
            "counts over `restart`",
        ),
        "placement": no(
            Record(
                fields={
                    "constraints": yes(TEXTS),
                    "preferences": yes(ListOf(item=Record(fields={"spread": yes(TEXT)}))),
                    "max_replicas_per_node": yes(WHOLE),
                }
            ),
            SWARM,
        ),
    },
)

HEALTHCHECK_TIMES: Mapping[str, Field] = {name: yes(SPAN) for name in ("interval", "timeout", "start_period", "start_interval")}


def hook(*more: str) -> Record:
    fields: dict[str, Field] = {
        "command": yes(Command()),
        "user": yes(TEXT),
        "privileged": yes(FLAG),
        "working_dir": yes(TEXT),
        "environment": yes(ENVIRONMENT),
    }
    return Record(fields=fields | {name: yes(TEXT) for name in more}, required=("command",))


DEVELOP = Record(
    null="dropped",
    fields={
        "watch": yes(
            ListOf(
                item=Record(
                    fields={
                        "path": yes(FILE_PATH),
                        "action": yes(choice("rebuild", "sync", "restart", "sync+restart", "sync+exec")),
                        "target": yes(TEXT),
                        "ignore": yes(Texts(is_set=True)),
                        "include": yes(Texts(is_set=True)),
                        "exec": yes(hook()),
                        "initial_sync": yes(STRICT_FLAG),
                    },
                    required=("path", "action"),
                )
            )
        )
    },
)


SERVICE_NETWORK = Record(
    fields={
        "aliases": yes(one_by_one()),
        "interface_name": yes(TEXT),
        "ipv4_address": yes(TEXT),
        "ipv6_address": yes(TEXT),
        "link_local_ips": yes(one_by_one()),
        "mac_address": yes(TEXT),
        "driver_opts": yes(OPTIONS),
        "priority": yes(STRICT_REAL),
        "gw_priority": yes(STRICT_REAL),
    }
)
BLKIO = Record(
    is_open=False,
    fields={
        "weight": yes(WHOLE),
        "weight_device": yes(ListOf(item=Record(fields={"path": yes(TEXT), "weight": yes(WHOLE)}, is_open=False))),
        **{
            f"device_{way}_{unit}": yes(ListOf(item=Record(fields={"path": yes(TEXT), "rate": yes(WHOLE_SIZE)}, is_open=False)))
            for way in ("read", "write")
            for unit in ("bps", "iops")
        },
    },
)
PROVIDER = Record(
    fields={"type": yes(TEXT), "options": yes(MapOf(item=Texts(item=VALUE, one=str | int | float)))},
    required=("type",),
)
LOGGING_OPTIONS = MapOf(item=WORD, keeps_null=True)
