"""What stands around the Sites: the main file, what all servers share, and the servers that refuse or watch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from holdfast.edge.breaker import FORMAT
from holdfast.edge.directive import is_there
from holdfast.edge.edge_spec import UnknownHost
from holdfast.edge.render_guard import GUARDED, shares
from holdfast.edge.render_header import preset_maps, usual
from holdfast.edge.render_upstream import TRIES
from holdfast.edge.tls import policy, tls_directives
from holdfast.edge.tree import Directive
from holdfast.edge.world import DOLLAR, World, seconds
from holdfast.kit.canonical import digest

ACME = "/.well-known/acme-challenge/"
ANSWERS = "answers.log"
"""Beneath `logs`: what breakers are judged by."""
DESCRIPTORS = 512
"""For logs, caches and files, beside two for each connection."""
TYPES: Mapping[str, str] = {
    "application/atom+xml": "atom",
    "application/gzip": "gz",
    "application/javascript": "js mjs",
    "application/json": "json map",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/pdf": "pdf",
    "application/rss+xml": "rss",
    "application/wasm": "wasm",
    "application/xhtml+xml": "xhtml",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/jpeg": "jpg jpeg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/webp": "webp",
    "image/x-icon": "ico",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html htm",
    "text/markdown": "md",
    "text/plain": "txt",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
COMPRESSED = (
    "application/atom+xml application/javascript application/json application/ld+json application/manifest+json application/rss+xml "
    "application/wasm application/xhtml+xml application/xml font/otf font/ttf image/svg+xml image/x-icon text/calendar text/css text/csv "
    "text/markdown text/plain"
).split()
LOG: Mapping[str, str] = {
    "time": '"$time_iso8601"',
    "at": "$msec",
    "client": '"$remote_addr"',
    "host": '"$host"',
    "method": '"$request_method"',
    "path": '"$uri"',
    "query": '"$holdfast_query"',
    "protocol": '"$server_protocol"',
    "status": '"$status"',
    "sent": "$bytes_sent",
    "received": "$request_length",
    "duration": "$request_time",
    "upstream": '"$upstream_addr"',
    "upstream_status": '"$upstream_status"',
    "upstream_duration": '"$upstream_response_time"',
    "route": '"$holdfast_route"',
    "revision": '"$holdfast_revision"',
    "request_id": '"$request_id"',
    "trace": '"$holdfast_traceparent"',
    "agent": '"$http_user_agent"',
    "referer": '"$http_referer"',
    "tls": '"$ssl_protocol"',
    "limited": '"$limit_req_status"',
}
"""Key → value of one line. `status` is text, since nginx writes 000 where it never came to one."""


def main(world: World) -> Iterator[Directive]:
    """Yield what stands before `http`."""
    edge, places = world.edge, world.places
    if places.user is not None:
        yield Directive("user", (places.user,))
    yield Directive("worker_processes", (str(edge.workers),))
    yield Directive("worker_rlimit_nofile", (str(2 * edge.connections + DESCRIPTORS),))
    yield Directive("worker_shutdown_timeout", (seconds(edge.shutdown_timeout),))
    yield Directive("pid", (places.beneath("run", "nginx.pid"),))
    yield Directive("error_log", (places.beneath("logs", "error.log"), "warn"))
    yield Directive("pcre_jit", ("on",))
    yield Directive("events", (), (Directive("worker_connections", (str(edge.connections),)),))


def shared(world: World, longest_host: int, *, has_breakers: bool = False) -> Iterator[Directive]:
    """Yield what `http` says for all servers."""
    edge, places = world.edge, world.places
    for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        if is_there(f"{name}_temp_path", world.capability):
            yield Directive(f"{name}_temp_path", (places.beneath("temp", name),))
    yield Directive("types", (), tuple(Directive(name, tuple(ends.split())) for name, ends in TYPES.items()))
    yield Directive("default_type", ("application/octet-stream",))
    yield Directive("charset", ("utf-8",))
    yield Directive("server_tokens", ("off",))
    yield Directive("absolute_redirect", ("off",))
    yield Directive("reset_timedout_connection", ("on",))
    yield Directive("sendfile", ("on",))
    yield Directive("tcp_nopush", ("on",))
    yield Directive("server_names_hash_bucket_size", ("512" if longest_host > 100 else "128",))
    yield Directive("server_names_hash_max_size", ("16384",))
    yield Directive("variables_hash_bucket_size", ("256",))
    yield Directive("variables_hash_max_size", ("8192",))
    yield Directive("map_hash_bucket_size", ("256",))
    yield Directive("proxy_headers_hash_bucket_size", ("128",))
    yield Directive("proxy_headers_hash_max_size", ("2048",))
    yield Directive("uninitialized_variable_warn", ("off",))
    yield from _times(world)
    yield Directive("proxy_buffer_size", ("16k",))
    yield Directive("proxy_buffers", ("8", "16k"))
    yield from _compression(world)
    if world.capability.has_tls:
        yield from tls_directives(policy(edge.tls.profile, world.capability))
    yield from _client(world)
    yield from _identity()
    yield from usual(world)
    yield from preset_maps()
    yield Directive("map", ("$uri", "$holdfast_hidden"), (Directive("~/\\.(?!well-known/)", ("1",)), Directive("default", ("",))))
    yield from _log(world, has_breakers=has_breakers)


def _times(world: World) -> Iterator[Directive]:
    default = world.edge.defaults
    yield Directive("client_max_body_size", (str(default.max_body),))
    yield Directive("client_header_timeout", (seconds(default.client_header),))
    yield Directive("client_body_timeout", (seconds(default.client_body),))
    yield Directive("send_timeout", (seconds(default.send),))
    yield Directive("keepalive_timeout", (seconds(default.keepalive),))
    if world.capability.has_polite_reload:
        yield Directive("keepalive_min_timeout", ("5s",))
    yield Directive("proxy_connect_timeout", (seconds(default.timeouts.connect or 2.0),))
    yield Directive("proxy_read_timeout", (seconds(default.timeouts.read or 30.0),))
    yield Directive("proxy_send_timeout", (seconds(default.timeouts.send or 15.0),))
    yield Directive("proxy_next_upstream", ("error", "timeout"))
    yield Directive("proxy_next_upstream_tries", (str(TRIES),))
    yield Directive("proxy_next_upstream_timeout", ("5s",))


def _compression(world: World) -> Iterator[Directive]:
    if is_there("gzip", world.capability):
        yield Directive("gzip", ("on" if world.edge.defaults.compress else "off",))
        yield Directive("gzip_vary", ("on",))
        yield Directive("gzip_proxied", ("any",))
        yield Directive("gzip_min_length", ("1024",))
        yield Directive("gzip_types", tuple(COMPRESSED))


def _client(world: World) -> Iterator[Directive]:
    """Yield who the client is: the other end of the connection, unless a proxy that is trusted says who is behind it."""
    trusted = world.edge.trusted_proxies
    if not trusted:
        yield _map("$scheme", "$holdfast_scheme", default="$scheme")
        yield _map("$server_port", "$holdfast_port", default="$server_port")
        yield _map("$server_port", "$holdfast_host", {"80": "$host", "443": "$host"}, default="$host:$server_port")
        return
    for network in trusted:
        yield Directive("set_real_ip_from", (network,))
    yield Directive("real_ip_header", ("proxy_protocol" if world.edge.proxy_protocol else "X-Forwarded-For",))
    yield Directive("real_ip_recursive", ("on",))
    networks = (Directive("default", ("0",)), *(Directive(network, ("1",)) for network in trusted))
    yield Directive("geo", ("$realip_remote_addr", "$holdfast_trusted"), networks)
    said = {"1:http": "http", "1:https": "https"}
    yield _map("$holdfast_trusted:$http_x_forwarded_proto", "$holdfast_scheme", said, default="$scheme")
    ports = {"1:http": "80", "1:https": "443"}
    yield _map("$holdfast_trusted:$http_x_forwarded_proto", "$holdfast_port", ports, default="$server_port")
    hosts = {"~^1:": "$host", "0:80": "$host", "0:443": "$host"}
    yield _map("$holdfast_trusted:$server_port", "$holdfast_host", hosts, default="$host:$server_port")


def _map(source: str, variable: str, entries: Mapping[str, str] | None = None, *, default: str) -> Directive:
    pairs = (Directive(name, (value,)) for name, value in (entries or {}).items())
    return Directive("map", (source, variable), (*pairs, Directive("default", (default,))))


def _identity() -> Iterator[Directive]:
    """Yield what names clients and requests. A trace identity that a client sends is passed on only in W3C's form."""
    yield Directive("geo", (f"${DOLLAR}",), (Directive("default", ("$",)),))
    yield _map("$http_upgrade", "$holdfast_connection", {"": ""}, default="upgrade")
    # One client has all of a network of 64 bits, so of IPv6 the first four groups count (RFC 6177).
    yield _map("$remote_addr", "$holdfast_client", {"~^(?<holdfast_net>(?:[0-9a-f]+:){1,4})": "$holdfast_net"}, default="$remote_addr")
    yield _map("$request_id", "$holdfast_span", {"~^(?<holdfast_half>[0-9a-f]{16})": "$holdfast_half"}, default="$request_id")
    sound = "~^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$"
    yield _map("$http_traceparent", "$holdfast_traceparent", {sound: "$http_traceparent"}, default="00-$request_id-$holdfast_span-01")


def _log(world: World, *, has_breakers: bool) -> Iterator[Directive]:
    log = world.edge.log
    names = "|".join(log.redact)
    entries = {f"~*(?:^|&)(?:{names})=": "redacted"} if names else {}
    yield _map("$args", "$holdfast_query", entries, default="$args")
    fields = {name: value for name, value in LOG.items() if name != "limited" or world.capability.is_at_least("1.17.6")}
    text = ",".join(f'"{name}":{value}' for name, value in fields.items())
    yield Directive("log_format", ("holdfast", "escape=json", f"{{{text}}}"))
    if has_breakers:
        # A log of its own: the other may be off, hold a share only, and is flushed too late for who has to decide.
        judged = (world.places.beneath("logs", ANSWERS), "holdfast_answers", "buffer=16k", "flush=200ms", f"if={GUARDED}")
        yield shares()
        yield Directive("log_format", ("holdfast_answers", FORMAT))
        yield Directive("access_log", judged)
    if not log.enabled:
        if not has_breakers:
            yield Directive("access_log", ("off",))
        return
    arguments = [world.places.beneath("logs", "access.log"), "holdfast", f"buffer={log.buffer}", f"flush={seconds(log.flush)}"]
    if log.sample < 100:
        share = [Directive(f"{round(log.sample, 2):g}%", ("1",))] if log.sample > 0 else []
        yield Directive("split_clients", ("$request_id", "$holdfast_sample"), (*share, Directive("*", ("0",))))
        yield _map("$status", "$holdfast_logged", {"~^[45]": "1"}, default="$holdfast_sample")
        arguments.append("if=$holdfast_logged")
    yield Directive("access_log", tuple(arguments))


def listens(world: World, *, is_tls: bool, is_default: bool = False) -> Iterator[Directive]:
    """Yield the `listen`s of one port on every address."""
    edge = world.edge
    port = world.https_port if is_tls else world.http_port
    addresses = [f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in edge.bind]
    if not addresses:
        addresses = [str(port), *([f"[::]:{port}"] if edge.ipv6 else [])]
    more = ["ssl"] if is_tls else []
    if is_tls and world.capability.has_http2 and not world.capability.has_http2_directive:
        more.append("http2")
    if edge.proxy_protocol:
        more.append("proxy_protocol")
    if is_default:
        more.append("default_server")
    for address in addresses:
        yield Directive("listen", (address, *more))
    if is_tls and edge.http3 and world.capability.has_http3:
        for address in addresses:
            yield Directive("listen", (address, "quic", *(("reuseport", "default_server") if is_default else ())))
    if is_tls and world.capability.has_http2_directive:
        yield Directive("http2", ("on",))


def challenge(world: World) -> Directive:
    """Return the location that answers http-01 challenges from files, without a reload."""
    folder = world.places.beneath("challenges")
    inside = (Directive("alias", (f"{folder}/",)), Directive("default_type", ("text/plain",)), Directive("try_files", ("$uri", "=404")))
    return Directive("location", ("^~", ACME), inside)


def redirect_to_tls(world: World, hosts: tuple[str, ...]) -> Directive:
    port = "" if world.https_port == 443 else f":{world.https_port}"
    to = Directive("location", ("/",), (Directive("return", ("308", f"https://$host{port}$request_uri")),))
    return Directive("server", (), (*listens(world, is_tls=False), Directive("server_name", hosts), challenge(world), to))


def defaults(world: World) -> Iterator[Directive]:
    """Yield the servers that answer for hosts which nobody declared."""
    unknown = world.edge.unknown_host
    answer = (Directive("return", ("444",)),)
    if isinstance(unknown, UnknownHost):
        name = page_name(unknown.page)
        path = f"/.holdfast/{name}"
        file = (
            Directive("internal"),
            Directive("alias", (world.places.beneath("pages", name),)),
            Directive("default_type", ("text/html",)),
        )
        yield from _default(
            world,
            (
                Directive("error_page", (str(unknown.status), path)),
                Directive("location", ("=", path), file),
                Directive("location", ("/",), (Directive("return", (str(unknown.status),)),)),
            ),
        )
        return
    yield Directive("server", (), (*_named(world, is_tls=False), challenge(world), Directive("location", ("/",), answer)))
    if world.capability.has_tls:
        refusal = (
            (Directive("ssl_reject_handshake", ("on",)),) if world.capability.is_at_least("1.19.4") else (*_own_certificate(world), *answer)
        )
        yield Directive("server", (), (*_named(world, is_tls=True), *refusal))


def _default(world: World, answer: tuple[Directive, ...]) -> Iterator[Directive]:
    yield Directive("server", (), (*_named(world, is_tls=False), challenge(world), *answer))
    if world.capability.has_tls:
        yield Directive("server", (), (*_named(world, is_tls=True), *_own_certificate(world), *answer))


def _named(world: World, *, is_tls: bool) -> Iterator[Directive]:
    yield from listens(world, is_tls=is_tls, is_default=True)
    yield Directive("server_name", ("_",))
    yield Directive("set", ("$holdfast_route", "unknown"))
    yield Directive("set", ("$holdfast_revision", ""))  # the log names it, also where no Site sets it


def _own_certificate(world: World) -> tuple[Directive, ...]:
    chain, key = world.places.certificate("holdfast", "default")
    return (Directive("ssl_certificate", (chain,)), Directive("ssl_certificate_key", (key,)))


def page_name(html: str) -> str:
    return f"{digest(html)[:16]}.html"


def status(world: World, generation: str) -> Directive:
    """Return the private server that says which generation the workers serve."""
    inside = [
        Directive("listen", (f"unix:{world.places.socket}",)),
        Directive("server_name", ("status.holdfast",)),
        Directive("access_log", ("off",)),
        Directive("default_type", ("text/plain",)),
        Directive("location", ("=", "/generation"), (Directive("return", ("200", generation)),)),
    ]
    if is_there("stub_status", world.capability):
        inside.append(Directive("location", ("=", "/status"), (Directive("stub_status"),)))
    return Directive("server", (), tuple(inside))
