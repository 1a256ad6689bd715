"""Reach: which addresses a server that Git names may have. One that is not public only where the local configuration names it.

Else whoever writes to Git could have this host ask around in its own network: services on loopback, cloud metadata, neighbours. The name
counts by what it resolves to, at the moment of the connection, so that no second answer of a name server passes by; the place of tokens
that a registry names is held to the same. Source: OWASP, Server-Side Request Forgery Prevention.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from aiohttp import ClientConnectorError
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

MayReach = Callable[[str, int], bool]
"""From host and port whether it may be on a private address."""


class PrivateAddress(OSError):
    """A host that nobody allowed is on a private address."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is {address}, an address that is not public" if host != address else f"{host} is not public")


def private_of(error: BaseException) -> PrivateAddress | None:
    """Return the private address that a connection was not made to, out of what aiohttp made of it; None where it failed otherwise."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, PrivateAddress):
        found = found.os_error if isinstance(found, ClientConnectorError) else found.__cause__
    return found


def is_private(address: str) -> bool:
    """Say whether an IP address is none of the public internet: loopback, link-local, private, reserved, multicast; False for a name."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    known = mapped or found
    return not known.is_global or known.is_multicast


def allowed_places(names: Iterable[str]) -> MayReach:
    """Return the answer of a configured list: each name a host, which may be asked on any port, or host:port."""
    allowed = {_place(name) for name in names}
    return lambda host, port: (host, port) in allowed or (host, None) in allowed


def _place(name: str) -> tuple[str, int | None]:
    found = urlsplit(f"//{name}")
    return found.hostname or "", found.port


class GuardedResolver(AbstractResolver):
    """Resolves as the system does, and gives no private address of a host that may have none. Raises PrivateAddress."""

    def __init__(self, may_reach: MayReach) -> None:
        self._may_reach = may_reach
        self._system = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await self._system.resolve(host, port, family)
        if not self._may_reach(host, port):
            for each in found:
                if is_private(each["host"]):
                    raise PrivateAddress(host, each["host"])
        return found

    async def close(self) -> None:
        await self._system.close()
