"""What a person may write about how requests are answered: the fields that a Site and each of its paths share.

Field docstrings are the help text, the reference page and the schema's description. A path takes over from its Site what it does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from holdfast.edge.scalar import (
    Address,
    ClientKey,
    CookieName,
    Count,
    HashKey,
    HeaderName,
    Line,
    Network,
    Percent,
    Rate,
    StatusCode,
    Url,
    UrlPath,
    at_least,
)
from holdfast.model.scalars import Check, Duration, Name, NonEmptyStr, RelativePath, Size, matching


def _secret_reason(reference: SecretRef) -> str | None:
    return "a secret's name has no slash and no leading dot" if "/" in reference.secret or reference.secret.startswith(".") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """A value that is not in Git: the file of this name beneath the local secrets directory."""

    secret: NonEmptyStr
    """Name of the secret."""


SecretFile = Annotated[SecretRef, Check(expected="{secret: name}", reason=_secret_reason)]
ServiceName = Annotated[
    str, matching("name, Kind/name or Kind/namespace/name of a service", r"[A-Za-z0-9][A-Za-z0-9_.-]*(?:/[a-z0-9][a-z0-9_.-]*){0,2}")
]
"""A bare name is a Process of the same namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """One address that answers."""

    address: Address
    """`host:port`, or `unix:/path`."""
    weight: Count = 1
    """Its share among the targets."""
    backup: bool = False
    """Asked only where no other answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What requests are passed on to: a service of this repository, or addresses."""

    service: ServiceName | None = None
    """A Process (`web`) or another kind (`Container/db-admin`) whose replicas answer."""
    socket: Name | None = None
    """Which of its sockets; the first one without."""
    targets: tuple[Address | TargetSpec, ...] = ()
    """Addresses instead of a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticSpec:
    """Files of the release, served by nginx itself. What begins with a dot is not served, but `.well-known`."""

    root: RelativePath = "."
    """Folder of the release (or of the data folder)."""
    from_: Literal["release", "data"] = "release"
    """`data`: the Application's writable folder, for uploads."""
    index: NonEmptyStr = "index.html"
    """File that answers for a folder."""
    spa: bool = False
    """Whether paths that are no file answer with the index (a single-page application)."""
    max_age: Duration | None = None
    """How long browsers may keep files (`Cache-Control`); nothing is said without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectSpec:
    """A redirect instead of an answer."""

    to: Url
    """Where to: an address, or a path of the same host."""
    status: Literal[301, 302, 303, 307, 308] = 308
    """308 and 307 keep the method of the request."""
    keep_path: bool = False
    """Whether path and query of the request are put after `to`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RespondSpec:
    """An answer that the edge gives itself: a word, or a refusal."""

    status: Annotated[
        int,
        Check(
            expected="a status that is no redirect, such as 200 or 404",
            reason=lambda code: None if 200 <= code <= 299 or 400 <= code <= 599 else "it is none, or a redirect's",
        ),
    ]
    """Its status; 444 ends the connection without a word."""
    body: Line | None = None
    """Its text; nginx's own page of the status without."""
    type: Annotated[str, matching("a media type such as text/plain", r"[a-z]+/[A-Za-z0-9.+-]+", longest=100)] = "text/plain"
    """What the text is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSpec:
    """Requests of one key go to one target."""

    hash: HashKey
    """`ip`, `ip64`, `uri`, `header:Name`, `cookie:name` or `query:name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StickySpec:
    """A client stays with the target that answered it first."""

    cookie: CookieName
    """Cookie that remembers; it is set where it is missing."""
    max_age: Duration | None = None
    """How long; until the browser ends without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTls:
    """TLS towards the application."""

    verify: bool = True
    """Whether its certificate must be valid."""
    ca: SecretFile | None = None
    """Who signed it; the system's authorities without."""
    server_name: NonEmptyStr | None = None
    """The name that it must have; the target's without."""
    certificate: SecretFile | None = None
    """Certificate that this side shows."""
    key: SecretFile | None = None
    """Key of that certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSpec:
    """How the application is spoken to."""

    protocol: Literal["http1", "h2", "grpc", "fastcgi"] = "http1"
    """What it speaks."""
    tls: UpstreamTls | None = None
    """Encrypted; `{}` for the defaults."""
    host: NonEmptyStr | None = None
    """Host header that it gets; the one that the client asked for without."""
    keepalive: Annotated[int, at_least(0)] = 32
    """Idle connections that each worker keeps; 0: one connection a request."""
    keepalive_timeout: Duration = 4.0
    """How long an idle connection is kept: less than the application keeps it (Node: 5 s)."""
    max_conns: Annotated[int, at_least(0)] = 0
    """Connections to one target at a time; 0: any number."""
    script: UrlPath | None = None
    """fastcgi: the script that answers every path (a front controller); the path itself without."""
    root: NonEmptyStr | None = None
    """fastcgi: folder of the scripts as the application sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySpec:
    """Asking another target where one does not answer."""

    tries: Annotated[int, at_least(1)] = 3
    """Targets asked in all; 1: none is asked again."""
    timeout: Duration = 5.0
    """After which none is asked again."""
    on: tuple[Literal["error", "timeout", "invalidHeader", "500", "502", "503", "504", "429"], ...] = ("error", "timeout")
    """What counts as no answer."""
    non_idempotent: bool = False
    """Whether a POST that was sent may be sent again: it may then be done twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSpec:
    """Targets are asked, and left out while they do not pass; never all of them."""

    path: UrlPath = "/"
    """Path to ask for."""
    interval: Duration = 5.0
    """Time between two looks."""
    timeout: Duration = 2.0
    """Time after which one look has failed."""
    passes: Count = 2
    """Passes in a row that bring a target back."""
    fails: Count = 3
    """Failures in a row that take it out."""
    expect: tuple[StatusCode | Literal[200, 201, 202, 204], ...] = (200, 204)
    """Statuses that pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSpec:
    """Requests are not passed on for a while where most of them fail. Judged from the access log."""

    error_ratio: Annotated[
        float, Check(expected="a share from 0 to 1", reason=lambda value: None if 0 < value <= 1 else "it is outside")
    ] = 0.5
    """Share of answers of 500 and more that opens it."""
    latency_p99: Duration | None = None
    """Duration of the slowest hundredth that opens it."""
    min_requests: Count = 20
    """Requests below which nothing is judged."""
    open: Duration = 10.0
    """How long it stays open."""
    fallback: Backend | None = None
    """Who answers meanwhile; 503 without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutsSpec:
    """How long to wait for the application."""

    connect: Duration | None = None
    """For a connection; 2 s where nobody says it."""
    read: Duration | None = None
    """Between two reads of its answer; 30 s."""
    send: Duration | None = None
    """Between two writes of the request; 15 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitSpec:
    """How often one client may ask; more is answered with 429."""

    rate: Rate
    """`10r/s` or `300r/m`."""
    key: ClientKey = "ip64"
    """Who is one client: `ip`, `ip64` (of IPv6 the network) or `header:Name`."""
    burst: Annotated[int, at_least(0)] = 0
    """Requests above the rate that are let through for a moment."""
    delay: bool = False
    """Whether those wait their turn; else they are answered at once."""
    dry_run: bool = False
    """Whether it is only counted and logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencySpec:
    """How many requests of one client are answered at a time; more get 429."""

    limit: Count
    """Requests at a time."""
    key: ClientKey = "ip64"
    """Who is one client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """A name and a password, as browsers ask for them."""

    users: SecretFile
    """File of `name:hash` lines as htpasswd(1) writes it."""
    realm: Line = "restricted"
    """What the browser shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MtlsAuth:
    """A client's certificate. It is asked for on every path of the host, and demanded on this one."""

    ca: SecretFile | None = None
    """Who signed the clients' certificates; the Edge's `clientCa` without."""
    depth: Count = 1
    """Certificates between a client's and that one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardAuth(Backend):
    """Another service is asked first: 2xx lets a request through, 401 and 403 refuse it."""

    path: UrlPath = "/"
    """Path to ask for; the request's own stands in X-Original-URI, its method in X-Original-Method."""
    headers: tuple[HeaderName, ...] = ()
    """Headers of its answer that the application gets, such as X-User."""
    sign_in: Url | None = None
    """Where a browser is sent on 401, such as https://login.example.com/?to=; the address it asked for is put after it as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSpec:
    """Who may ask. Several must all be met."""

    basic: BasicAuth | None = None
    """A password."""
    mtls: MtlsAuth | None = None
    """A client's certificate."""
    forward: ForwardAuth | None = None
    """Another service's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadersSpec:
    """Headers of answers. A preset gives way to what the application says itself; `set` does not."""

    preset: Literal["strict", "standard", "none"] | None = None
    """`standard`: HSTS, nosniff, Referrer-Policy, X-Frame-Options; `strict`: a content policy and isolation too."""
    set: Mapping[HeaderName, Line] = field(default_factory=dict)
    """Name → value, in place of the application's."""
    remove: tuple[HeaderName, ...] = ()
    """Headers of the application that are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHeadersSpec:
    """Headers that the application gets."""

    set: Mapping[HeaderName, Line] = field(default_factory=dict)
    """Name → value, in place of the client's."""
    remove: tuple[HeaderName, ...] = ()
    """Headers of the client that are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryHeader:
    """Who asks for it by a header."""

    name: HeaderName = "X-Canary"
    """Name of the header."""
    value: Line = "always"
    """Value that chooses the canary; `never` chooses what is stable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryCookie:
    """Who asks for it by a cookie."""

    name: CookieName
    """Name of the cookie."""
    value: Line = "always"
    """Value that chooses the canary; `never` chooses what is stable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanarySpec(Backend):
    """A share of the clients gets another service."""

    percent: Percent = 0
    """Share of the clients; one stays on its side."""
    header: CanaryHeader | None = None
    """Ask for it by a header."""
    cookie: CanaryCookie | None = None
    """Ask for it by a cookie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSpec(Backend):
    """Requests are sent to another service too; its answers are thrown away."""

    percent: Percent = 100
    """Share of the requests."""
    body: bool = True
    """Whether bodies are sent as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceSpec:
    """A page instead of the application. Turned on and off without a reload."""

    enabled: bool = False
    """Whether it is on."""
    page: str | None = None
    """HTML of the page; a plain one without."""
    retry_after: Duration = 120.0
    """When clients should come back (`Retry-After`)."""
    allow: tuple[Network, ...] = ()
    """Who gets the application all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseSpec:
    """Requests wait instead of failing, while something is changed."""

    enabled: bool = False
    """Whether they wait now."""
    max: Duration = 30.0
    """How long one request waits at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPageSpec:
    """A page of one's own for errors."""

    statuses: tuple[StatusCode, ...]
    """Statuses that it stands for."""
    page: NonEmptyStr
    """HTML of the page."""
    intercept: bool = False
    """Whether it also takes the place of the application's own error answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSpec:
    """Answers are kept and served again. Requests with Authorization, and answers with Set-Cookie, never are."""

    size: Size = 256 << 20
    """Bytes on disk."""
    inactive: Duration = 3600.0
    """What nobody asks for in this time is dropped."""
    valid: Mapping[Annotated[str, matching("a status or any", r"any|[1-5][0-9]{2}")], Duration] = field(default_factory=dict)
    """Status → how long, where the application says nothing."""
    stale: bool = True
    """Whether an old answer is served while it is renewed, or while the application fails."""
    bypass_cookies: tuple[CookieName, ...] = ()
    """Cookies that make an answer personal: with one of them nothing is cached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSpec:
    """One nginx directive that no field says. Only directives that cannot reach beyond the site are allowed, and text is never taken."""

    directive: NonEmptyStr
    """Its name."""
    args: tuple[Line, ...] = ()
    """Its arguments, as values: without quotes and escapes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Backend):
    """How requests are answered. Exactly one of `service`, `targets`, `static`, `redirect` and `respond`."""

    static: StaticSpec | None = None
    """Files of the release."""
    redirect: RedirectSpec | None = None
    """A redirect."""
    respond: RespondSpec | None = None
    """An answer of the edge itself."""
    balance: Literal["roundRobin", "leastConn", "random"] | HashSpec | None = None
    """Which target gets a request; `roundRobin` where nobody says it."""
    sticky: StickySpec | None = None
    """Keep a client with one target."""
    upstream: UpstreamSpec | None = None
    """How the application is spoken to."""
    retry: RetrySpec | None = None
    """When another target is asked."""
    health: HealthSpec | None = None
    """Ask targets whether they are well."""
    breaker: BreakerSpec | None = None
    """Give the application a rest where it fails."""
    timeouts: TimeoutsSpec | None = None
    """How long to wait for it."""
    max_body: Size | None = None
    """Largest body of a request; 0: any. 10Mi where nobody says it."""
    buffering: bool | None = None
    """Whether answers are gathered before they are sent on; true."""
    request_buffering: bool | None = None
    """Whether bodies of requests are gathered before they are passed on; true."""
    websocket: bool | None = None
    """Whether a connection may become a WebSocket; true."""
    sse: bool | None = None
    """Whether answers are event streams: nothing is gathered, and a silent hour is no failure."""
    rate_limit: tuple[RateLimitSpec, ...] | None = None
    """How often one client may ask."""
    concurrency: ConcurrencySpec | None = None
    """How many requests of one client at a time."""
    allow: tuple[Network, ...] | None = None
    """Who may ask; nobody else may."""
    deny: tuple[Network, ...] | None = None
    """Who may not ask."""
    auth: AuthSpec | None = None
    """Who may ask, by password, certificate or another service's word."""
    headers: HeadersSpec | None = None
    """Headers of answers."""
    request_headers: RequestHeadersSpec | None = None
    """Headers that the application gets."""
    canary: CanarySpec | None = None
    """Give a share of the clients another service."""
    mirror: MirrorSpec | None = None
    """Send requests to another service too."""
    error_pages: tuple[ErrorPageSpec, ...] | None = None
    """Pages of one's own for errors."""
    cache: CacheSpec | None = None
    """Keep answers."""
    compress: bool | None = None
    """Whether text is compressed; true."""
    trace: bool | None = None
    """Whether a `traceparent` is passed on, made where a client sent none that is valid; true."""
    request_id: bool | None = None
    """Whether each request gets an identity, in X-Request-ID and in the log; true."""
    slo: Name | None = None
    """The objective that these requests count for."""
    raw: tuple[RawSpec, ...] = ()
    """Directives that no field says."""
