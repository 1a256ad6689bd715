"""Seats: where a service of containers is asked, as nginx writes it: a container's own address, else a published port."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.engines.docker.address import read_address
from holdfast.model.ids import ResourceId

ANY = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where one container is asked: `ip` on its first network, `ports` of it, and those that the host publishes."""

    declared: ResourceId
    ip: str
    ports: tuple[int, ...]
    published: Mapping[int, str]


class Seats:
    """`moved` is told whenever what is known changes."""

    def __init__(self, moved: Callable[[], None]) -> None:
        self._moved = moved
        self._seats: dict[ResourceId, Seat] = {}

    def seen(self, id: ResourceId, declared: ResourceId, inspected: Mapping[str, Any]) -> None:
        """Take note of where a container is. One that does not run keeps its seat: it is on its way back.

        While it waits to be started again Docker calls it running too, and tells no address.
        """
        state = inspected.get("State") or {}
        if not state.get("Running") or state.get("Restarting"):
            return
        seat = _seat(id, declared, inspected)
        if self._seats.get(id) != seat:
            self._seats[id] = seat
            self._moved()

    def gone(self, id: ResourceId) -> None:
        if self._seats.pop(id, None) is not None:
            self._moved()

    def of(self, service: str, without: Collection[ResourceId]) -> tuple[str, ...]:
        """Return the addresses of `Container/shop/web`, or of one of its ports, `…#8080`; those of `without` are left out."""
        declared, _, port = service.partition("#")
        seats = (seat for id, seat in self._seats.items() if id not in without and declared in {str(seat.declared), str(id)})
        found = (_address(seat, int(port) if port.isdecimal() else None) for seat in seats)
        return tuple(sorted({each for each in found if each is not None}))


def _seat(id: ResourceId, declared: ResourceId, inspected: Mapping[str, Any]) -> Seat:
    settings, config = inspected.get("NetworkSettings") or {}, inspected.get("Config") or {}
    networks = settings.get("Networks") or {}
    ips = [str(each["IPAddress"]) for _, each in sorted(networks.items()) if (each or {}).get("IPAddress")]
    is_host = (inspected.get("HostConfig") or {}).get("NetworkMode") == "host"
    far = read_address(id.destination)
    ports = sorted(int(port.partition("/")[0]) for port in config.get("ExposedPorts") or {} if port.endswith("/tcp"))
    published: dict[int, str] = {}
    for port, bindings in (settings.get("Ports") or {}).items():
        for each in bindings or ():
            if port.endswith("/tcp"):
                host = each.get("HostIp") or ""
                reached = ("127.0.0.1" if far.scheme == "unix" else far.host) if host in ANY else host
                published.setdefault(int(port.partition("/")[0]), f"{reached}:{each.get('HostPort')}")
    ip = "127.0.0.1" if is_host else ips[0] if ips and far.scheme == "unix" else ""
    return Seat(declared=declared, ip=ip, ports=tuple(ports), published=published)


def _address(seat: Seat, port: int | None) -> str | None:
    wanted = port or next(iter(seat.ports), None)
    if wanted is None:
        return None
    return f"{seat.ip}:{wanted}" if seat.ip else seat.published.get(wanted)
