"""Sites of every shape, for laws: each field is said now and then, in values that try to get out of their place."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from holdfast.edge.edge_spec import EdgeDefaults, EdgeSpec, EdgeTls, LogSpec, UnknownHost
from holdfast.edge.route_spec import (
    AuthSpec,
    Backend,
    BasicAuth,
    BreakerSpec,
    CacheSpec,
    CanaryCookie,
    CanaryHeader,
    CanarySpec,
    ConcurrencySpec,
    ErrorPageSpec,
    ForwardAuth,
    HashSpec,
    HeadersSpec,
    HealthSpec,
    MaintenanceSpec,
    MirrorSpec,
    MtlsAuth,
    PauseSpec,
    RateLimitSpec,
    RawSpec,
    RedirectSpec,
    RequestHeadersSpec,
    RespondSpec,
    RetrySpec,
    SecretRef,
    StaticSpec,
    StickySpec,
    TargetSpec,
    TimeoutsSpec,
    UpstreamSpec,
    UpstreamTls,
)
from holdfast.edge.site_spec import PathSpec, SiteSpec

HOSTILE = st.text(st.sampled_from("ab1 ;{}\"'\\$#~=/-é€|()*<>"), min_size=1, max_size=12) | st.sampled_from(
    ["default", "include", "volatile", "hostnames", "~x", "\\y", "$host", "${uri}", "a;} }", 'x" always', "*", "off", "none"]
)
ADDRESSES = st.sampled_from(["127.0.0.1:3000", "[::1]:3000", "unix:/run/app.sock", "10.0.0.9:80"])
NETWORKS = st.lists(st.sampled_from(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]), unique=True, max_size=3).map(tuple)
HEADERS = st.dictionaries(st.sampled_from(["X-One", "x-two", "Host", "Cache-Control", "X-Frame-Options"]), HOSTILE, max_size=3)
SECRETS = st.sampled_from([SecretRef(secret="one"), SecretRef(secret="t$wo;")])
TIMES = st.sampled_from([0.25, 1.0, 90.0])
KEYS = st.sampled_from(["ip", "ip64", "header:X-Api-Key"])


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def plain_backends(kind: type[Any] = Backend, **more: Any) -> st.SearchStrategy[Any]:
    by_service = st.builds(kind, service=st.sampled_from(["web", "api", "nobody"]), **more)
    return by_service | st.builds(kind, targets=st.lists(ADDRESSES, min_size=1, max_size=3, unique=True).map(tuple), **more)


def paths_of_urls() -> st.SearchStrategy[str]:
    letters = st.text(st.sampled_from("ab1 ;{}\"'\\$~=-é()*<>"), min_size=1, max_size=8).filter(lambda text: text not in {".", ".."})
    return st.builds(lambda parts, end: "/" + "/".join(parts) + end, st.lists(letters, min_size=1, max_size=3), st.sampled_from(["", "/"]))


UPSTREAMS = st.builds(
    UpstreamSpec,
    protocol=st.just("http1"),
    tls=maybe(st.builds(UpstreamTls, verify=st.booleans(), ca=maybe(SECRETS), server_name=maybe(HOSTILE))),
    host=maybe(HOSTILE),
    keepalive=st.sampled_from([0, 8]),
    max_conns=st.sampled_from([0, 5]),
)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "max_body": maybe(st.sampled_from([0, 1 << 20])),
    "rate_limit": maybe(
        st.lists(st.builds(RateLimitSpec, rate=st.sampled_from(["5r/s", "90r/m"]), key=KEYS, burst=st.integers(0, 9)), max_size=2).map(
            tuple
        )
    ),
    "concurrency": maybe(st.builds(ConcurrencySpec, limit=st.integers(1, 9), key=KEYS)),
    "allow": maybe(NETWORKS),
    "deny": maybe(NETWORKS),
    "auth": maybe(
        st.builds(
            AuthSpec,
            basic=maybe(st.builds(BasicAuth, users=SECRETS, realm=HOSTILE)),
            mtls=maybe(st.just(MtlsAuth(ca=SecretRef(secret="ca")))),
            forward=maybe(
                plain_backends(
                    ForwardAuth, path=paths_of_urls(), headers=st.just(("X-User",)), sign_in=st.just("https://login.example/?to=")
                )
            ),
        )
    ),
    "headers": maybe(
        st.builds(
            HeadersSpec, preset=st.sampled_from([None, "strict", "standard", "none"]), set=HEADERS, remove=st.just(("X-Old",)) | st.just(())
        )
    ),
    "error_pages": maybe(st.just((ErrorPageSpec(statuses=(404, 502), page="<p>\nno $x"),))),
    "compress": maybe(st.booleans()),
    "request_id": maybe(st.booleans()),
    "trace": maybe(st.booleans()),
}
ASKED: dict[str, st.SearchStrategy[Any]] = {
    "upstream": maybe(UPSTREAMS),
    "retry": maybe(
        st.builds(RetrySpec, tries=st.integers(1, 4), non_idempotent=st.booleans(), on=st.just(("error", "invalidHeader", "502")))
    ),
    "health": maybe(st.builds(HealthSpec, path=st.sampled_from(["/", "/ready"]))),
    "breaker": maybe(st.builds(BreakerSpec, fallback=maybe(plain_backends()))),
    "timeouts": maybe(st.builds(TimeoutsSpec, connect=maybe(TIMES), read=maybe(TIMES), send=maybe(TIMES))),
    "buffering": maybe(st.booleans()),
    "request_buffering": maybe(st.booleans()),
    "websocket": maybe(st.booleans()),
    "sse": maybe(st.booleans()),
    "request_headers": maybe(st.builds(RequestHeadersSpec, set=HEADERS, remove=st.just(("Cookie",)))),
    "canary": maybe(
        plain_backends(
            CanarySpec,
            percent=st.sampled_from([0, 0.5, 12.345, 100]),
            header=maybe(st.builds(CanaryHeader, value=HOSTILE)),
            cookie=maybe(st.builds(CanaryCookie, name=st.just("canary"), value=HOSTILE)),
        )
    ),
    "mirror": maybe(plain_backends(MirrorSpec, percent=st.sampled_from([0, 33.3, 100]), body=st.booleans())),
    "cache": maybe(st.builds(CacheSpec, valid=st.just({"200": 60.0, "any": 1.0}), stale=st.booleans(), bypass_cookies=st.just(("sid",)))),
    "raw": st.just(())
    | st.builds(
        lambda value: (RawSpec(directive="proxy_cookie_path", args=("/", value)),), HOSTILE.map(lambda text: f"/{text}".replace("$", ""))
    ),
}
BALANCED: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"balance": st.sampled_from(["roundRobin", "leastConn", "random", HashSpec(hash="cookie:sid"), HashSpec(hash="ip64")])}
    ),
    st.fixed_dictionaries({"sticky": st.just(StickySpec(cookie="lb", max_age=60.0))}),
)
SAFE_REGEX = st.sampled_from(["^/x/[0-9]+$", "\\.(?:png|jpg)$", "^/[^;{}]+;$"])


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the fields of a route whose answer is its own."""
    fields = {name: draw(strategy) for name, strategy in COMMON.items()}
    kind = draw(st.sampled_from(["service", "targets", "static", "redirect", "respond"]))
    if kind == "static":
        root = draw(st.sampled_from([".", "public", "a b/c$d"]))
        return {**fields, "static": StaticSpec(root=root, spa=draw(st.booleans()), max_age=draw(maybe(TIMES)))}
    if kind in {"redirect", "respond"}:
        for guard in ("rate_limit", "concurrency", "allow", "deny", "auth"):
            del fields[guard]
    if kind == "respond":
        return {**fields, "respond": RespondSpec(status=draw(st.sampled_from([200, 404, 444])), body=draw(maybe(HOSTILE)))}
    if kind == "redirect":
        to = draw(st.sampled_from(["https://example.com/", "/new$x;{}", "http://example.com:8080/a'b"]))
        return {**fields, "redirect": RedirectSpec(to=to, keep_path=draw(st.booleans()))}
    fields |= {name: draw(strategy) for name, strategy in ASKED.items()} | draw(BALANCED)
    if kind == "service":
        return {**fields, "service": draw(st.sampled_from(["web", "api", "nobody"]))}
    targets = draw(st.lists(ADDRESSES | st.builds(TargetSpec, address=ADDRESSES, weight=st.integers(1, 3)), min_size=1, max_size=3))
    return {**fields, "targets": tuple(targets)}


@st.composite
def sites(draw: st.DrawFn, host: str = "shop.example.com") -> SiteSpec:
    """Draw a Site that is well declared."""
    hosts = (host, *draw(st.sampled_from([(), (f"www.{host}",), (f"*.{host}",)])))
    urls = draw(st.lists(paths_of_urls(), max_size=3, unique_by=lambda path: path.rstrip("/")))
    paths = [PathSpec(path=url, match=draw(st.sampled_from(["prefix", "exact"])), **draw(answers())) for url in urls]
    patterns = draw(st.lists(SAFE_REGEX, max_size=1))
    paths += [PathSpec(path=pattern, match="regex", **draw(answers())) for pattern in patterns]
    return SiteSpec(
        hosts=hosts,
        canonical_host=draw(st.sampled_from([None, host])),
        redirect_http=draw(st.booleans()),
        certificate="auto",
        maintenance=draw(st.builds(MaintenanceSpec, enabled=st.booleans(), page=maybe(HOSTILE), allow=NETWORKS)),
        pause=draw(st.builds(PauseSpec, enabled=st.booleans())),
        paths=tuple(paths),
        **draw(answers()),
    )


EDGES = st.builds(
    EdgeSpec,
    bind=st.sampled_from([(), ("127.0.0.1",)]),
    ipv6=st.booleans(),
    connections=st.sampled_from([64, 4096]),
    trusted_proxies=st.sampled_from([(), ("10.0.0.0/8", "2001:db8::/32")]),
    tls=st.builds(EdgeTls, profile=st.sampled_from(["modern", "intermediate"])),
    defaults=st.builds(EdgeDefaults, compress=st.booleans(), headers=st.builds(HeadersSpec, preset=st.sampled_from(["strict", "none"]))),
    log=st.builds(LogSpec, enabled=st.booleans(), sample=st.sampled_from([0, 10, 100])),
    unknown_host=st.sampled_from(["reject", UnknownHost(page="<p>who?")]),
)
