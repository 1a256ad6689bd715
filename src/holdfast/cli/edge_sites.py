"""The Sites of Application files or of a folder of a repository, as the one configuration that the fold makes of them, without a daemon.

What only a running daemon knows stands by its name: the addresses that it holds for a service, those of a host name.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from holdfast.cli.call import Call
from holdfast.edge.capability import Capability
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.fold import Folded, fold
from holdfast.edge.part import KIND, Part, backends, part_of, service_id
from holdfast.edge.route_spec import TargetSpec
from holdfast.edge.typed import read
from holdfast.edge.world import Places, World
from holdfast.errors import UsageError, declaration_errors
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.resource import Origin, Resource
from holdfast.model.state import State

DECLARING = (".yaml", ".yml")
LATER = "unix:/known-after-apply/"
"""In place of addresses that a daemon holds."""
PORTS: Mapping[bool, tuple[int, int]] = MappingProxyType({True: (80, 443), False: (8080, 8443)})
"""Where an Edge names none, by whether it runs as root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """What was rendered, and the warnings of it."""

    folded: Folded
    world: World
    warnings: tuple[str, ...]


def is_application(folder: str, name: str) -> bool:
    """Say whether a name is an Application file, or a folder that declares something, not a file or folder of nginx."""
    if name.endswith(DECLARING):
        return True
    path = os.path.join(folder, name)
    there = os.listdir(path) if os.path.isdir(path) else ["nginx.conf"]
    return any(each.endswith(DECLARING) for each in there) or not any(each.endswith(".conf") for each in there)


def fold_sites(
    call: Call, names: Sequence[str], revision: str | None, able: Capability | None, *, is_usual: bool, trial: str | None = None
) -> Sites:
    """Return the configuration of the Sites that files declare; `is_usual`: on the ports of the web, whoever asks.

    `trial`: the folder that nginx is to test it in: names are looked up then, since nginx asks for them too.

    Raises UsageError (HF8034) where there is none, DeclarationError with all that cannot be served.
    """
    from holdfast.app.entry import render

    call.terminal.tell(f"rendering {', '.join(names)}{f' at {revision}' if revision else ''} …")
    data = render(tuple(names), state_dir=call.state_dir, config=call.config, revision=revision)
    resources = [_resource(each) for each in data["resources"]]
    parts = [part_of(each) for each in resources if each.id.kind == KIND]
    if not parts:
        raise UsageError(
            "HF8034", f"cannot render the edge of {', '.join(names)}: no Site is declared there", hint="`holdfast explain Site` shows one"
        )
    world = _world(call.state_dir, parts, resources, able or Capability(version=(1, 22, 1)), is_usual=is_usual, trial=trial)
    folded = fold(parts, world)
    failures = [error for each in folded.failed.values() for error in each.errors]
    if failures:
        raise declaration_errors(failures)
    return Sites(folded=folded, world=world, warnings=tuple(_warnings(data, folded, world)))


def _resource(it: Mapping[str, Any]) -> Resource:
    path, _, line = str(it["origin"] or "").rpartition(":")
    return Resource(
        id=ResourceId.parse(it["id"], it["destination"]),
        state=State.of(it["state"]),
        origin=Origin(path=path, line=int(line), revision="") if line.isdigit() else None,
        labels={APPLICATION: it["application"]},
    )


def _world(
    state: str, parts: Sequence[Part], resources: Sequence[Resource], able: Capability, *, is_usual: bool, trial: str | None
) -> World:
    edge = next((read(EdgeSpec, each.state.fields) for each in resources if each.id.kind == "Edge"), EdgeSpec())
    http, https = PORTS[is_usual or os.geteuid() == 0]
    root = os.path.join(state, "edge") if trial is None else trial
    places = Places(root=root, releases=f"{root}/releases", data=os.path.join(state, "data"), http=http, https=https)
    services = {service for part in parts for each in backends(part.spec) if (service := service_id(each, part.id)) is not None}
    held = {service: (LATER + service.replace("#", "."),) for service in services if not any(part.slots.get(service) for part in parts)}
    return World(
        capability=able,
        places=places,
        edge=edge,
        slots=held,
        resolved={name: (name,) if trial is None else _addresses(name) for name in _hosts(parts)},
        certificates={
            f"{each.id.namespace}/{each.id.name}": read(CertificateSpec, each.state.fields).hosts
            for each in resources
            if each.id.kind == "Certificate"
        },
    )


def _hosts(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        for backend in backends(part.spec):
            for target in backend.targets:
                address = target.address if isinstance(target, TargetSpec) else target
                yield address.rpartition(":")[0]


def _addresses(name: str) -> tuple[str, ...]:
    try:
        return tuple(sorted({str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}))
    except OSError:
        return ()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.startswith("unix:") or name == "unix"
    return True


def _warnings(data: Mapping[str, Any], folded: Folded, world: World) -> Iterator[str]:
    yield from (str(it["message"]) for it in data["warnings"])
    if later := (*sorted(world.slots), *sorted(name for name in world.resolved if name and not _is_address(name))):
        yield f"the addresses of {', '.join(later)} are known after apply"
    for notes in folded.notes.values():
        yield from notes
