"""The addresses of this host that others may reach it at, as the kernel lists them: none of loopback, none that are link-local."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path


def addresses() -> tuple[str, ...]:
    """Return the IPv4 and IPv6 addresses of our network namespace, in order, without loopback and link-local ones."""
    found = {*_ipv4(_read("/proc/net/fib_trie")), *_ipv6(_read("/proc/net/if_inet6"))}
    return tuple(str(address) for address in sorted(found, key=lambda address: (address.version, int(address))))


def _ipv4(table: str) -> Iterator[ipaddress.IPv4Address]:
    """Yield the local addresses of /proc/net/fib_trie: a leaf `|-- address` that `/32 host LOCAL` follows."""
    leaf = ""
    for line in table.splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            leaf = words[1]
        elif words == ["/32", "host", "LOCAL"]:
            address = ipaddress.IPv4Address(leaf)
            if not address.is_loopback and not address.is_link_local:
                yield address


def _ipv6(table: str) -> Iterator[ipaddress.IPv6Address]:
    for line in table.splitlines():
        address = ipaddress.IPv6Address(bytes.fromhex(line.split()[0]))
        if not address.is_loopback and not address.is_link_local:
            yield address


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
