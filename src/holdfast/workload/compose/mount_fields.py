"""Mount fields: ports, volumes, devices, secrets, configs and env files of a service, which all have a short syntax.

Part of the tables that service_fields puts together. Source: the published schema of the compose specification, field by field.
"""

from __future__ import annotations

from holdfast.kit.path import tidy
from holdfast.workload.compose import short
from holdfast.workload.compose.forms import (
    LABELS,
    EnvFiles,
    Several,
    device_index,
    mount_index,
    path_index,
    port_index,
    volume_index,
)
from holdfast.workload.compose.node import Node, made
from holdfast.workload.compose.shape import (
    FILE_PATH,
    FLAG,
    MODE,
    TEXT,
    WHOLE,
    Record,
    Scalar,
    between,
    choice,
    no,
    yes,
)
from holdfast.workload.compose.told import Told


def _mounts(folder: str) -> Several:
    """Return how secrets and configs are mounted; a secret without a target goes below `folder`."""

    def finish(node: Node, told: Told) -> Node:
        source = node.get("source")
        if not folder or source is None or "target" in node.fields:
            return node
        return node.with_field("target", made(f"{folder}/{source.value}", source))

    fields = {
        "source": yes(TEXT, "which one"),
        "target": yes(TEXT, "where it is seen"),
        "uid": yes(TEXT, "owner, as a number; then it is copied into the container, readable by whom `mode` says"),
        "gid": yes(TEXT, "group, as a number"),
        "mode": yes(MODE, "permission bits; 0444 where only an owner or a group is said"),
    }
    return Several(
        item=Record(fields=fields, expected="a name or a mapping"),
        expand=lambda text: ({"source": text},),
        index=mount_index(folder),
        long_index=mount_index(folder),
        finish=finish,
    )


SECRET_MOUNTS = _mounts("/run/secrets")
CONFIG_MOUNTS = _mounts("")
BUILD_SECRETS = _mounts("")


def _port(node: Node, told: Told) -> Node:
    filled = {key: made(value, node) for key, value in {"mode": "ingress", "protocol": "tcp"}.items() if key not in node.fields}
    return node.holding({**node.fields, **filled}).under(node.key_mark)


PORTS = Several(
    item=Record(
        expected="a port such as 8080:80 or a mapping",
        fields={
            "name": yes(TEXT, "for people"),
            "mode": yes(TEXT, "one node: `ingress` and `host` are the same"),
            "host_ip": yes(TEXT, "address it is published on; every address without it"),
            "target": yes(WHOLE, "port in the container"),
            "published": yes(Scalar(types=frozenset({"string", "integer"}), expected="a port or a range", cast=str)),
            "protocol": yes(TEXT, "tcp, udp or sctp"),
            "app_protocol": no(TEXT, "nothing routes by it"),
        },
    ),
    expand=lambda text: tuple(short.ports(text)),
    types=frozenset({"string", "number"}),
    index=port_index,
    long_index=port_index,
    is_set=True,
    finish=_port,
)


def _volume(node: Node, told: Told) -> Node:
    """Return a mount with its source resolved and its target plain."""
    source, target = node.get("source"), node.get("target")
    fields = dict(node.fields)
    if source is not None and node.text("type") == "bind" and isinstance(source.value, str):
        try:
            fields["source"] = source.holding(told.resolve(source, source.value)).under(source.key_mark)
        except ValueError as error:
            told.expected(source, ("volumes", source.value), "a path", str(error))
    if target is not None and isinstance(target.value, str):
        fields["target"] = target.holding(plain(target.value)).under(target.key_mark)
    return node.holding(fields).under(node.key_mark)


def plain(path: str) -> str:
    """Return a path of a container without empty and dot parts; a Windows path as it is."""
    if "\\" in path or short.is_windows_path(path) or not path:
        return path
    return tidy(path)


VOLUMES = Several(
    item=Record(
        expected="a volume such as data:/data or a mapping",
        fields={
            "type": yes(choice("bind", "volume", "tmpfs", "cluster", "npipe", "image")),
            "source": yes(TEXT, "a path in the repository, a path of the host, or the name of a volume"),
            "target": yes(TEXT, "where it is seen"),
            "read_only": yes(FLAG),
            "consistency": no(TEXT, "about Docker Desktop"),
            "bind": yes(
                Record(
                    fields={
                        "propagation": yes(TEXT),
                        "create_host_path": yes(FLAG),
                        "recursive": yes(choice("enabled", "disabled", "writable", "readonly")),
                        "selinux": yes(choice("z", "Z")),
                    }
                )
            ),
            "volume": yes(
                Record(fields={"labels": no(LABELS, "write them at the volume itself"), "nocopy": yes(FLAG), "subpath": yes(TEXT)})
            ),
            "tmpfs": yes(Record(fields={"size": yes(between(0, None, is_size=True)), "mode": yes(MODE)})),
            "image": yes(Record(fields={"subpath": yes(TEXT)})),
        },
        required=("type",),
    ),
    expand=lambda text: (short.volume(text),),
    index=volume_index,
    long_index=volume_index,
    is_set=True,
    finish=_volume,
)

DEVICES = Several(
    item=Record(
        expected="a device such as /dev/ttyUSB0:/dev/ttyUSB0:rwm or a mapping",
        fields={"source": yes(TEXT), "target": yes(TEXT), "permissions": yes(TEXT)},
        required=("source",),
    ),
    expand=lambda text: (short.device(text),),
    index=device_index,
    long_index=device_index,
)

ENV_FILES = EnvFiles(
    item=Record(
        expected="a path or a mapping",
        fields={"path": yes(FILE_PATH), "format": yes(TEXT, "`raw`: values as they stand"), "required": yes(FLAG)},
        required=("path",),
        is_open=False,
    ),
    expand=lambda text: ({"path": text},),
    index=path_index,
    long_index=path_index,
    finish=lambda node, told: node if "required" in node.fields else node.with_field("required", made(True, node)),
)
