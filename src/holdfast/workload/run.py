"""Run: a Process's state, written from its spec and read back as typed values.

`process` writes, the process engine reads. A field that says no more than its default is left out of the state, so that a Holdfast that
knows more fields does not roll what did not change. Law: `read(write(spec, …)).spec == spec`, with environment values as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.declare.hint import spec_fields
from holdfast.declare.schema import encode
from holdfast.kit.canonical import Json
from holdfast.workload.process_spec import ProcessSpec, SecretRef, SocketSpec
from holdfast.workload.replicated import DEADLINE_S
from holdfast.workload.spec_value import spec_value

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
    spec: ProcessSpec = spec_value(ProcessSpec, known)
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
