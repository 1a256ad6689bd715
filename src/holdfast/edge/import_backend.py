"""What a `…_pass` leads to, as targets and the way they are spoken to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.edge.import_value import accepted, key_of, seconds_of
from holdfast.edge.route_spec import HashSpec, TargetSpec
from holdfast.edge.scalar import Address, HashKey
from holdfast.edge.tree import Directive

_TARGET = re.compile(r"(?:(?P<scheme>https?|grpcs?)://)?(?P<host>unix:[^:]+|[^/]*?)(?::?(?P<uri>/.*))?", re.DOTALL)
_PORTS: Mapping[str, str] = {"http": "80", "https": "443", "grpc": "80", "grpcs": "443"}
_IGNORED = frozenset({"max_fails", "fail_timeout", "slow_start", "route", "service", "resolve"})
"""Parameters of a server: the edge looks after targets, and their names, in its own way."""

Say = Callable[[Directive, str], None]
"""Told what no field says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What answers behind a location."""

    targets: tuple[str | TargetSpec, ...]
    authority: str
    """What applications get as Host where nothing else is said."""
    is_tls: bool
    uri: str | None
    """What takes the place of the location's path."""
    balance: Any = None
    upstream: Mapping[str, Any] = field(default_factory=dict)
    """Fields of UpstreamSpec."""


def behind(directive: Directive, target: str, groups: Mapping[str, Directive], say: Say) -> Behind | None:
    """Return what a target of `…_pass` is; None where no field says it, and `say` was told why."""
    found = _TARGET.fullmatch(target)
    if found is None or "$" in target or not found["host"]:
        say(directive, f"where requests go is made of the request: {target}")
        return None
    scheme = found["scheme"] or ("grpc" if directive.name == "grpc_pass" else "http")
    host = found["host"]
    is_tls, uri = scheme in {"https", "grpcs"}, found["uri"]
    if host in groups:
        return _group(groups[host], say, authority=host, port=_PORTS[scheme], is_tls=is_tls, uri=uri)
    address = _address(host, _PORTS[scheme])
    if address is None:
        say(directive, f"{host} is no address")
        return None
    usual = f":{_PORTS[scheme]}"
    authority = "localhost" if address.startswith("unix:") else address.removesuffix(usual)
    return Behind(targets=(address,), authority=authority, is_tls=is_tls, uri=uri)


def _address(host: str, port: str) -> str | None:
    if host.startswith("unix:"):
        return accepted(Address, host)
    has_port = host.rpartition("]")[2].startswith(":") if host.startswith("[") else ":" in host
    return accepted(Address, host if has_port else f"{host}:{port}")


def _group(group: Directive, say: Say, *, authority: str, port: str, is_tls: bool, uri: str | None) -> Behind | None:
    reader = _Group(say, port)
    for each in group.block or ():
        reader.take(each)
    if not reader.targets:
        say(group, "the group has no server that is up")
        return None
    if len(set(reader.most.values())) == 1 and next(iter(reader.most.values())):
        reader.upstream["max_conns"] = next(iter(reader.most.values()))
    elif any(reader.most.values()):
        say(group, "max_conns differs from server to server")
    return Behind(
        targets=tuple(reader.targets), authority=authority, is_tls=is_tls, uri=uri, balance=reader.balance, upstream=reader.upstream
    )


class _Group:
    """An upstream in reading."""

    def __init__(self, say: Say, port: str) -> None:
        self.say = say
        self.port = port
        self.targets: list[str | TargetSpec] = []
        self.most: dict[str, int] = {}
        self.balance: Any = None
        self.upstream: dict[str, Any] = {}

    def take(self, it: Directive) -> None:
        match it.name:
            case "server":
                self.server(it)
            case "least_conn":
                self.balance = "leastConn"
            case "random":
                self.balance = "random"
            case "ip_hash":
                self.balance = HashSpec(hash="ip")
            case "hash":
                key = key_of(it.args[0]) if it.args else None
                if key is None or accepted(HashKey, key) is None:
                    self.say(it, f"requests are spread by {' '.join(it.args)}")
                else:
                    self.balance = HashSpec(hash=key)
            case "keepalive" if it.args and it.args[0].isdigit():
                self.upstream["keepalive"] = int(it.args[0])
            case "keepalive_timeout":
                self.upstream["keepalive_timeout"] = seconds_of(it.args[0]) if it.args else None
            case "zone" | "keepalive_requests" | "keepalive_time" | "resolver" | "resolver_timeout":
                pass
            case _:
                self.say(it, f"{it.name} of an upstream")

    def server(self, it: Directive) -> None:
        address = _address(it.args[0], self.port) if it.args else None
        if address is None:
            self.say(it, f"{' '.join(it.args[:1])} is no address")
            return
        weight, is_backup = 1, False
        self.most[address] = 0
        for word in it.args[1:]:
            name, _, value = word.partition("=")
            match name:
                case "weight" if value.isdigit():
                    weight = int(value)
                case "backup":
                    is_backup = True
                case "down":
                    del self.most[address]
                    return
                case "max_conns" if value.isdigit():
                    self.most[address] = int(value)
                case _ if name not in _IGNORED:
                    self.say(it, f"{word} of a server")
        self.targets.append(address if weight == 1 and not is_backup else TargetSpec(address=address, weight=weight, backup=is_backup))
