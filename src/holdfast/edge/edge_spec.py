"""What a person may write about the Edge: the one nginx of this host, its ports, and what holds for all Sites.

Where none is declared the defaults hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from holdfast.edge.issuer_spec import IssuerSpec
from holdfast.edge.route_spec import HeadersSpec, SecretFile, TimeoutsSpec
from holdfast.edge.scalar import CookieName, Count, Ip, Network, Percent, Resolver, StatusCode, at_least
from holdfast.model.scalars import Duration, NonEmptyStr, Port, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeTls:
    """What is offered on the wire."""

    profile: Literal["modern", "intermediate"] = "intermediate"
    """Mozilla's profile: `modern` is TLS 1.3 only."""
    guideline: Literal["6.0"] = "6.0"
    """Version of Mozilla's guideline."""
    issuers: tuple[IssuerSpec, ...] = ()
    """Who signs what Sites ask for with `certificate: auto`, the first wish first; without any, certificates sign themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeDefaults:
    """What holds where a Site says nothing."""

    timeouts: TimeoutsSpec = TimeoutsSpec()  # noqa: RUF009 - frozen
    """How long to wait for an application."""
    max_body: Size = 10 << 20
    """Largest body of a request."""
    headers: HeadersSpec = HeadersSpec(preset="standard")  # noqa: RUF009 - frozen
    """Headers of answers."""
    compress: bool = True
    """Whether text is compressed."""
    client_header: Duration = 10.0
    """How long a client may take to send its headers."""
    client_body: Duration = 15.0
    """How long it may stay silent within a body."""
    send: Duration = 15.0
    """How long it may take nothing of an answer."""
    keepalive: Duration = 65.0
    """How long an idle connection is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSpec:
    """The access log, one JSON object a line."""

    enabled: bool = True
    """Whether it is written."""
    buffer: Size = 64 << 10
    """Bytes that are gathered before they are written."""
    flush: Duration = 1.0
    """How long they wait at most; what a crash loses."""
    sample: Percent = 100
    """Share of the sound answers that are logged; errors always are."""
    redact: tuple[CookieName, ...] = ("access_token", "api_key", "code", "password", "secret", "token")
    """Parameters that keep a query out of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownHost:
    """A page for hosts that no Site has."""

    page: NonEmptyStr
    """HTML of the page."""
    status: StatusCode = 404
    """Its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSpec:
    """The nginx of this host. At most one is declared."""

    http: Port | None = None
    """Port of plain HTTP; 80 as root, else 8080."""
    https: Port | None = None
    """Port of HTTPS; 443 as root, else 8443."""
    bind: tuple[Ip, ...] = ()
    """Addresses to listen on; all of them without."""
    ipv6: bool = True
    """Whether IPv6 is listened on too, where `bind` names nothing."""
    workers: Count | Literal["auto"] = "auto"
    """Worker processes; one for each processor."""
    connections: Annotated[int, at_least(64)] = 4096
    """Connections of one worker; a proxied request takes two."""
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies in front whose word on the client's address is believed. Nobody's is without."""
    proxy_protocol: bool = False
    """Whether those proxies speak the PROXY protocol."""
    tls: EdgeTls = EdgeTls()
    """What is offered on the wire."""
    client_ca: SecretFile | None = None
    """Who signs clients' certificates where a Site asks for one and names nobody."""
    http3: bool = False
    """Whether HTTP/3 is offered, where this nginx can."""
    resolvers: tuple[Resolver, ...] = ()
    """Name servers for targets that are names; nginx follows them from 1.27.3 on."""
    defaults: EdgeDefaults = EdgeDefaults()
    """What holds where a Site says nothing."""
    log: LogSpec = LogSpec()
    """The access log."""
    shutdown_timeout: Duration = 30.0
    """How long old workers may finish after a reload."""
    reload_window: Duration = 1.0
    """Time between two reloads at least; the first is at once."""
    unknown_host: Literal["reject"] | UnknownHost = "reject"
    """What hosts get that no Site has: no handshake and no answer, or a page."""
