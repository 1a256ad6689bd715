"""Vantage: from where a port is looked at, and what was seen from there. Proofs of what is closed are made of these."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Sight(StrEnum):
    """What was seen of one target. `forbidden`: the kernel let nobody look there; `silent`: nobody answered in time; `unmade`: no look."""

    OPEN = "open"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    ELSEWHERE = "elsewhere"
    """The address is another one's there; see `Vantage.home`."""
    SILENT = "silent"
    UNMADE = "unmade"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """host and port, or the path of a unix socket."""

    host: str = "127.0.0.1"
    port: int = 0
    path: str | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """From where to look. Without `network` from our own; without `uid` as ourselves; without `connect_ports` under no rules."""

    name: str
    """Who looks, for people: `uid 65534`."""
    targets: tuple[Target, ...]
    network: str | None = None
    """Path of a network namespace."""
    uid: int | None = None
    gid: int | None = None
    connect_ports: tuple[int, ...] | None = None
    home: tuple[str, ...] | None = None
    """Of a foreign network: the addresses of this host. An address that is the network's own, or that it reaches by anybody else than this
    host, is another one's there, and is not looked at. IPv4 alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one target from one vantage."""

    target: Target
    sight: Sight
    detail: str = ""


class LookFrom(Protocol):
    """Looks from each vantage at each of its targets, all at once. Raises `EngineError` where nothing could be looked at."""

    def __call__(self, vantages: Sequence[Vantage], *, timeout_s: float) -> Awaitable[tuple[tuple[Seen, ...], ...]]: ...
