"""Contained: a Container's state, read back as typed values. `container` writes, the docker engine reads.

Law: `read(write(spec, …)).spec == spec`, with environment values as text, and but for what makes no difference to what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from holdfast.declare.hint import Hint, bare, element, entries, is_spec, scalar, shape, shapes, spec_fields, union
from holdfast.kit.canonical import Json
from holdfast.workload.container_spec import ContainerSpec, NetworkSpec, VolumeSpec
from holdfast.workload.process_spec import SecretRef

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
    spec: ContainerSpec = _value(ContainerSpec, known)
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
    result: T = _value(spec_type, {key: value for key, value in fields.items() if key in spec_fields(spec_type)})
    return result


def _mount(mount: Any) -> Any:
    secret = mount.get("secret")
    return {**mount, "secret": secret["secret"]} if isinstance(secret, dict) else mount


def _value(hint: Hint, value: Any) -> Any:
    if (mark := scalar(hint)) is not None:
        return mark.parse(value)
    plain = bare(hint)
    if members := union(plain):
        return _value(next(member for member in members if shape(value) in shapes(member)), value)
    if is_spec(plain):
        return plain(**{item.name: _value(item.hint, value[key]) for key, item in spec_fields(plain).items() if key in value})
    if (item := element(plain)) is not None:
        return tuple(_value(item, each) for each in value)
    if (pair := entries(plain)) is not None:
        return {key: _value(pair[1], each) for key, each in value.items()}
    return float(value) if plain is float else value
