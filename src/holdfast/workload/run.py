"""Run: a Process's state, written from its spec and read back as typed values.

`process` writes, the process engine reads. A field that says no more than its default is left out of the state, so that a Holdfast that
knows more fields does not roll what did not change. Law: `read(write(spec, …)).spec == spec`, with environment values as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.declare.hint import Hint, bare, element, entries, is_spec, scalar, shape, shapes, spec_fields, union
from holdfast.declare.schema import encode
from holdfast.kit.canonical import Json
from holdfast.workload.process_spec import ProcessSpec, SecretRef, SocketSpec
from holdfast.workload.replicated import DEADLINE_S

NOT_STATE = ("needs", "prepare", "prepareTimeout", "network")
"""What a person writes about a process that makes no difference to what runs, or stands in the state by what comes of it."""
BIND, CONNECT, NETWORK = "bindPorts", "connectPorts", "networkNamespace"
"""State fields that come of `network` and of what is needed (`private.together`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to run. `spec.env` holds text and SecretRefs; `spec.progress_deadline` is set."""

    spec: ProcessSpec
    release: str | None
    """Release id of the files it runs from; None: it runs in the Application's data folder."""
    replica: int | None
    bind_ports: tuple[int, ...] | None = None
    """TCP ports that the kernel lets it bind; None: any."""
    connect_ports: tuple[int, ...] | None = None
    """TCP ports that the kernel lets it connect to; None: any."""
    network: str | None = None
    """`namespace/name` of the Network whose network namespace it runs in; None: the host's."""

    @property
    def progress_deadline_s(self) -> float:
        return DEADLINE_S if self.spec.progress_deadline is None else self.spec.progress_deadline


def is_shared(socket: SocketSpec) -> bool:
    """Say whether all replicas serve the same socket; else each slot has one of its own."""
    return socket.port is not None or socket.path is not None


def write(spec: ProcessSpec, *, release: str | None, deadline_s: float, fingerprints: Mapping[str, str]) -> dict[str, Json]:
    """Return the fields of the state. A secret that was not fingerprinted yet reads `fingerprint: null` (known after apply)."""
    fields: Any = encode(ProcessSpec, replace(spec, env={}, progress_deadline=deadline_s))
    for name in NOT_STATE:
        fields.pop(name, None)
    if spec.env:
        fields["env"] = {name: _written(value, fingerprints) for name, value in sorted(spec.env.items())}
    if release is not None:
        fields["release"] = release
    result: dict[str, Json] = fields
    return result


def _written(value: str | int | bool | SecretRef, fingerprints: Mapping[str, str]) -> Json:
    if isinstance(value, SecretRef):
        return {"secret": value.secret, "fingerprint": fingerprints.get(value.secret)}
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(fields: Mapping[str, Json]) -> Run:
    """Return what the fields of a state say; fields that an observation added are passed over."""
    known = {name: value for name, value in fields.items() if name in spec_fields(ProcessSpec) and name != "env"}
    spec: ProcessSpec = _value(ProcessSpec, known)
    env: Any = fields.get("env") or {}
    values = {name: SecretRef(secret=value["secret"]) if isinstance(value, dict) else str(value) for name, value in env.items()}
    release, replica, network = fields.get("release"), fields.get("replica"), fields.get(NETWORK)
    return Run(
        spec=replace(spec, env=values),
        release=release if isinstance(release, str) else None,
        replica=replica if isinstance(replica, int) else None,
        bind_ports=_ports(fields.get(BIND)),
        connect_ports=_ports(fields.get(CONNECT)),
        network=network if isinstance(network, str) else None,
    )


def _ports(value: Json) -> tuple[int, ...] | None:
    return tuple(port for port in value if isinstance(port, int)) if isinstance(value, list) else None


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
