"""Contained: a Container's state, read back as typed values. `container` writes, the docker engine reads.

Law: `read(write(spec, …)).spec == spec`, with environment values as text, and but for what makes no difference to what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from holdfast.declare.hint import spec_fields
from holdfast.kit.canonical import Json
from holdfast.workload.container_spec import ContainerSpec, NetworkSpec, VolumeSpec
from holdfast.workload.process_spec import SecretRef
from holdfast.workload.spec_value import spec_value

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """What is to run. `spec.env` holds text and SecretRefs."""

    spec: ContainerSpec
    release: str | None
    """Release id of the files that its mounts show."""
    replica: int | None


def read(fields: Mapping[str, Json]) -> Contained:
    """Return what the fields of a state say; fields that an observation added are passed over."""
    known: dict[str, Any] = {key: value for key, value in fields.items() if key in spec_fields(ContainerSpec) and key != "env"}
    if "mounts" in known:
        known["mounts"] = [_mount(each) for each in known["mounts"]]
    spec: ContainerSpec = spec_value(ContainerSpec, known)
    env: Any = fields.get("env") or {}
    values = {name: SecretRef(secret=value["secret"]) if isinstance(value, dict) else str(value) for name, value in env.items()}
    release, replica = fields.get("release"), fields.get("replica")
    return Contained(
        spec=replace(spec, env=values),
        release=release if isinstance(release, str) else None,
        replica=replica if isinstance(replica, int) else None,
    )


def read_network(fields: Mapping[str, Json]) -> NetworkSpec:
    return _read(NetworkSpec, fields)


def read_volume(fields: Mapping[str, Json]) -> VolumeSpec:
    return _read(VolumeSpec, fields)


def _read(spec_type: type[T], fields: Mapping[str, Json]) -> T:
    result: T = spec_value(spec_type, {key: value for key, value in fields.items() if key in spec_fields(spec_type)})
    return result


def _mount(mount: Any) -> Any:
    secret = mount.get("secret")
    return {**mount, "secret": secret["secret"]} if isinstance(secret, dict) else mount
