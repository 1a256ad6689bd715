"""Headers: what answers say to browsers, and what the application is told of the client.

`add_header` in a location takes away all that the blocks around it add, so every location says the whole list. Nothing that a client sends
about itself is passed on: each such header is written anew, or emptied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from holdfast.edge.pieces import Pieces
from holdfast.edge.render_upstream import sticky
from holdfast.edge.route_spec import HeadersSpec, Route
from holdfast.edge.tls import PROFILES
from holdfast.edge.tree import Directive
from holdfast.edge.world import World, literal

HSTS = "Strict-Transport-Security"
PRESETS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "standard": {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Frame-Options": "SAMEORIGIN",
    },
    "strict": {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    },
}
HIDDEN = ("X-Powered-By", "X-AspNet-Version", "X-Runtime")
"""What tells strangers which program answers."""
FORWARDED: Mapping[str, str] = {
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$remote_addr",
    "X-Forwarded-Proto": "$holdfast_scheme",
    "X-Forwarded-Host": "$host",
    "X-Forwarded-Port": "$holdfast_port",
    "Forwarded": "",
    "Proxy": "",
}
"""Who the client is. `Proxy` would become HTTP_PROXY in CGI programs (httpoxy, CVE-2016-5385)."""
USUALLY_HIDDEN = frozenset({*HIDDEN, "X-Request-ID", HSTS})
USUAL: Mapping[str, str] = {
    "Host": "$holdfast_host",
    **FORWARDED,
    "Upgrade": "$http_upgrade",
    "Connection": "$holdfast_connection",
    "X-Request-ID": "$request_id",
    "traceparent": "$holdfast_traceparent",
}
"""What the application gets of a request where its Site says nothing else."""
PREFIX: Mapping[str, str] = {"http1": "proxy", "h2": "proxy", "grpc": "grpc", "fastcgi": "fastcgi"}


def preset_variable(preset: str, name: str) -> str:
    return f"$holdfast_{preset}_{name.lower().replace('-', '_')}"


def auth_variable(header: str) -> str:
    """Return the variable that holds a header of the answer of who was asked first."""
    return f"$holdfast_auth_{header.lower().replace('-', '_')}"


def usual(world: World) -> Iterator[Directive]:
    """Yield what `http` says for all locations that say nothing of it."""
    direct = dict(_direct(world))
    yield from (Directive("proxy_set_header", (name, direct.get(value, value))) for name, value in sorted(USUAL.items()))
    yield from (Directive("proxy_hide_header", (name,)) for name in sorted(USUALLY_HIDDEN))


def _direct(world: World) -> Iterator[tuple[str, str]]:
    """Yield variables that a map makes of others, with what they are where nobody else speaks for a client: each map costs a request 800
    instructions of some 50,000."""
    if world.edge.trusted_proxies:
        return
    yield "$holdfast_scheme", "$scheme"
    yield "$holdfast_port", "$server_port"
    are_plain = {port in {80, 443} for port in (world.http_port, world.https_port)}
    if len(are_plain) == 1:
        yield "$holdfast_host", "$host" if are_plain == {True} else "$host:$server_port"


def preset_maps() -> Iterator[Directive]:
    """Yield the maps of `http` by which a preset gives way to a header that the application says itself."""
    for preset, headers in PRESETS.items():
        for name, value in headers.items():
            source = f"$upstream_http_{name.lower().replace('-', '_')}"
            entries = (Directive("", (value,)), Directive("default", ("",)))
            yield Directive("map", (source, preset_variable(preset, name)), entries)


def headers_of(route: Route, pieces: Pieces) -> HeadersSpec:
    """Return what holds for a route: its own preset, else the Edge's."""
    default = pieces.world.edge.defaults.headers
    said = route.headers or default
    return said if said.preset is not None else replace(said, preset=default.preset or "none")


def answers(route: Route, pieces: Pieces, *, is_passed_on: bool) -> Iterator[Directive]:
    """Yield the headers of answers, complete, and what of the application's is left out."""
    spec = headers_of(route, pieces)
    own = {name.lower() for name in spec.set}
    prefix = PREFIX[route.upstream.protocol if route.upstream is not None else "http1"]
    if pieces.is_tls and spec.preset != "none" and HSTS.lower() not in own:
        yield Directive("add_header", (HSTS, f"max-age={PROFILES['intermediate'].hsts_s}", "always"))
    for name, value in PRESETS[spec.preset or "none"].items():
        if name.lower() not in own:
            shown = preset_variable(spec.preset or "none", name) if is_passed_on else value
            yield Directive("add_header", (name, shown, "always"))
    for name, value in sorted(spec.set.items()):
        yield Directive("add_header", (name, literal(value), "always"))
    if route.request_id is not False:
        yield Directive("add_header", ("X-Request-ID", "$request_id", "always"))
    if pieces.is_tls and pieces.world.edge.http3 and pieces.world.capability.has_http3:
        yield Directive("add_header", ("Alt-Svc", f'h3=":{pieces.world.https_port}"; ma=86400', "always"))
    if (cookie := sticky(pieces, route)) is not None and is_passed_on:
        yield cookie
    if route.cache is not None and is_passed_on:
        yield Directive("add_header", ("X-Cache", "$upstream_cache_status", "always"))
    if is_passed_on:
        yield from _hidden(route, spec, prefix, pieces.is_tls)


def _hidden(route: Route, spec: HeadersSpec, prefix: str, is_tls: bool) -> Iterator[Directive]:
    """Yield what of the application's headers is left out; nothing where that is what `http` says for all."""
    hidden = {*spec.set, *spec.remove, *(HIDDEN if spec.preset != "none" else ())}
    if route.request_id is not False:
        hidden.add("X-Request-ID")
    if is_tls and spec.preset != "none":
        hidden.add(HSTS)
    if prefix != "proxy" or hidden != USUALLY_HIDDEN:
        yield from (Directive(f"{prefix}_hide_header", (name,)) for name in sorted(hidden) or ["X-Accel-Redirect"])


def requests(route: Route, pieces: Pieces, *, host: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield the headers that the application gets: name and value, empty for none."""
    said = dict(USUAL)
    if host is not None:
        said["Host"] = literal(host)
    if route.websocket is False:
        said |= {"Upgrade": "", "Connection": ""}
    if route.request_id is False:
        said.pop("X-Request-ID")
    if route.trace is False:
        said.pop("traceparent")
    if any(each.auth is not None and each.auth.mtls is not None for each in (pieces.part.spec, *pieces.part.spec.paths)):
        said |= {"X-Client-Subject": "$ssl_client_s_dn", "X-Client-Fingerprint": "$ssl_client_fingerprint"}
    if route.auth is not None and route.auth.forward is not None:
        said |= {name: auth_variable(name) for name in route.auth.forward.headers}
    if route.request_headers is not None:
        own = {name.lower(): name for name in said}
        for name in route.request_headers.remove:
            said[own.get(name.lower(), name)] = ""
        for name, value in route.request_headers.set.items():
            said[own.get(name.lower(), name)] = literal(value)
    yield from sorted(said.items())
