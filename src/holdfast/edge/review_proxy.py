"""Rules on what stands between a client and the application: who it is said to be, where it is sent, what happens when that fails."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from holdfast.edge.review_header import is_tls
from holdfast.edge.review_subject import (
    Above,
    Edit,
    Severity,
    Subject,
    Suspicion,
    after,
    before,
    location_of,
    removal,
    server_of,
    variables,
    words,
)
from holdfast.edge.review_variable import chosen_by_client
from holdfast.edge.tree import Directive

IDENTITIES = frozenset({"request_id", "http_x_request_id", "http_traceparent", "opentelemetry_trace_id", "otel_trace_id"})
PASSES = ("proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass")
_TARGET = re.compile(
    r"(?:(?P<scheme>[a-z$][\w${}]*)://)?(?P<host>\[[^\]]*\]|unix:[^:]*|[^/:?]*)(?::(?P<port>[^/?]*))?(?P<uri>[/?$].*)?", re.DOTALL
)


def host_of(target: str) -> str:
    """Return the host of a `proxy_pass`, with its variables; one that begins the path is no part of it."""
    found = _TARGET.match(target)
    host = found["host"] if found is not None else ""
    for name in ("$request_uri", "$uri", "$document_uri", "${request_uri}", "${uri}"):
        host = host.partition(name)[0]
    return host


def forged_requests(subject: Subject) -> Iterator[Suspicion]:
    for directive, above in subject.each("proxy_pass"):
        location = location_of(above)
        if not directive.args or (location is not None and location.all("internal")):
            continue
        host = host_of(directive.args[0])
        name = chosen_by_client(host, directive, above, subject) if "$" in host else None
        if name is not None:
            yield Suspicion(
                rule="ssrf",
                severity=Severity.HIGH,
                directive=directive,
                message=f"${name} comes from the request and says where it is sent: a client reaches any host that this one reaches",
            )


def host_spoofing(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("proxy_set_header"):
        if len(directive.args) == 2 and directive.args[0].lower() == "host" and "http_host" in variables(directive.args[1]):
            yield Suspicion(
                rule="host-spoofing",
                severity=Severity.MEDIUM,
                directive=directive,
                message="$http_host is whatever the client wrote, even where the request line says otherwise; $host is what nginx chose by",
                edits=(words(directive, directive.args[0], directive.args[1].replace("$http_host", "$host")),),
            )


def forwarded_for(subject: Subject) -> Iterator[Suspicion]:
    for directive, above in subject.each("proxy_set_header"):
        if len(directive.args) != 2 or "proxy_add_x_forwarded_for" not in variables(directive.args[1]):
            continue
        if subject.in_force("set_real_ip_from", above):
            continue
        yield Suspicion(
            rule="forwarded-for",
            severity=Severity.MEDIUM,
            directive=directive,
            message="what a client writes into X-Forwarded-For is passed on in front of its address: limits and logs can be misled",
            edits=(words(directive, directive.args[0], "$remote_addr"),),
        )


def trusted_anybody(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("set_real_ip_from"):
        if directive.args and directive.args[0] in {"0.0.0.0/0", "::/0"}:
            yield Suspicion(
                rule="trusts-anybody",
                severity=Severity.HIGH,
                directive=directive,
                message="everybody may say which address a request comes from; name the proxies in front only",
                edits=(removal(directive),),
            )


def resolved_once(subject: Subject) -> Iterator[Suspicion]:
    """nginx resolves a literal name when it reads the configuration, and never again."""
    groups = subject.upstreams
    for directive, above in subject.each(*PASSES):
        host = host_of(directive.args[0]) if directive.args else ""
        if _is_name(host) and host not in groups:
            yield _looked_up(directive, host, *_asked_again(subject, directive, above))
    for server, above in subject.each("server"):
        if above and above[-1].name == "upstream" and server.args and "resolve" not in server.args:
            host = host_of(server.args[0])
            if _is_name(host):
                yield _looked_up(server, host, *_followed(subject, server, above))


def _asked_again(subject: Subject, directive: Directive, above: Above) -> Iterator[Edit]:
    """Yield what has a name looked up anew: a variable. Nothing where nobody says whom to ask, or the path would change with it."""
    found = _TARGET.match(directive.args[0])
    if (
        directive.name != "proxy_pass"
        or found is None
        or found["scheme"] is None
        or found["uri"]
        or not subject.in_force("resolver", above)
    ):
        return
    variable = "$upstream_" + re.sub(r"[^a-z0-9]+", "_", found["host"].lower())
    yield before(directive, Directive("set", (variable, found["host"])))
    yield words(directive, f"{found['scheme']}://{variable}" + (f":{found['port']}" if found["port"] else ""))


def _followed(subject: Subject, server: Directive, above: Above) -> Iterator[Edit]:
    """Yield what has a server of a group follow its name, where nginx can and somebody says whom to ask."""
    group = above[-1]
    if not subject.is_at_least("1.27.3") or not subject.in_force("resolver", above):
        return
    if not group.all("zone"):
        yield before(server, Directive("zone", (group.args[0], "64k")))
    yield words(server, *server.args, "resolve")


def _looked_up(directive: Directive, host: str, *edits: Edit) -> Suspicion:
    return Suspicion(
        rule="resolved-once",
        severity=Severity.MEDIUM,
        directive=directive,
        message=f"{host} is looked up once: nginx does not start where it is unknown, and keeps the old address when it changes",
        edits=edits,
    )


def _is_name(host: str) -> bool:
    if not host or "$" in host or host.startswith("unix") or host == "localhost":
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


def variable_without_resolver(subject: Subject) -> Iterator[Suspicion]:
    groups = subject.upstreams
    for directive, above in subject.each("proxy_pass"):
        host = host_of(directive.args[0]) if directive.args else ""
        if "$" not in host or not subject.is_whole or subject.in_force("resolver", above):
            continue
        if not groups:
            yield Suspicion(
                rule="no-resolver",
                severity=Severity.MEDIUM,
                directive=directive,
                message="the host is a variable, and no resolver says whom to ask for its address: every request fails with 502",
            )


def _with_headers(subject: Subject, directive: Directive, above: Above, *new: Directive) -> tuple[Directive, ...]:
    """Return what may stand before a pass: `new`, and first the headers of further out, which end where a place has one of its own."""
    block = above[-1] if above else None
    further = () if subject.said(block, "proxy_set_header") else subject.in_force("proxy_set_header", above)
    named = {each.args[:1] for each in new if each.name == "proxy_set_header"}
    return (*(Directive(each.name, each.args) for each in further if each.args[:1] not in named), *new)


def keepalive(subject: Subject) -> Iterator[Suspicion]:
    """One connection per request costs about three times the processor time (HTTP/1.0 to upstreams was the default before 1.29.7)."""
    if subject.is_at_least("1.29.7"):
        return
    groups = subject.upstreams
    for directive, above in subject.each("proxy_pass"):
        if not directive.args or "$" in (host := host_of(directive.args[0])):
            continue
        group = groups.get(host)
        version = subject.in_force("proxy_http_version", above)
        is_kept = group is not None and bool(group.all("keepalive")) and any(each.args[:1] in {("1.1",), ("2",)} for each in version)
        if is_kept or (group is None and not _is_local(host) and not _is_name(host)):
            continue
        yield Suspicion(
            rule="upstream-keepalive",
            severity=Severity.LOW,
            directive=directive,
            message="each request opens a connection of its own to the application, without a second try elsewhere"
            if group is None
            else "each request opens a connection of its own to the application",
            edits=tuple(_kept(subject, directive, above, group)),
        )


KEEP = Directive("keepalive", ("32",))
"""Connections to the application that each worker keeps open."""


def _kept(subject: Subject, directive: Directive, above: Above, group: Directive | None) -> Iterator[Edit]:
    """Yield what keeps connections: a group of servers that does, made where there is none yet; nothing where it would change more."""
    headers = {each.args[0].lower(): each.args for each in subject.in_force("proxy_set_header", above) if each.args}
    said = subject.said(above[-1] if above else None, "proxy_http_version")
    lacking: tuple[Directive, ...] = () if said else (Directive("proxy_http_version", ("1.1",)),)
    lacking += () if "connection" in headers else (Directive("proxy_set_header", ("Connection", "")),)
    new = _with_headers(subject, directive, above, *lacking) if lacking else ()
    if group is not None:
        yield before(directive, *new)
        if not group.all("keepalive"):
            yield after((group.block or (group,))[-1], KEEP)
    else:
        # Told no host of its own, an application is told the name of the group; and TLS is for that name: then the address stays as it is.
        found = _TARGET.match(directive.args[0])
        first = next((server for server, _ in subject.servers), None)
        if found is None or found["scheme"] != "http" or first is None or "host" not in headers or "proxy_host" in _named(headers):
            return
        address = f"{found['host']}:{found['port'] or 80}"
        name = re.sub(r"[^a-z0-9]+", "_", address.lower()).strip("_")
        there = subject.upstreams.get(name)
        if there is not None and [each.args for each in there.all("server")] != [(address,)]:
            return
        yield Edit(directive, (*new, Directive(directive.name, (f"http://{name}{found['uri'] or ''}",))))
        if there is None:
            yield before(first, Directive("upstream", (name,), (Directive("server", (address,)), KEEP)))
    yield from (words(each, "1.1") for each in said if each.args not in {("1.1",), ("2",)})


def _named(headers: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Return the variables in the values of headers."""
    return {name for args in headers.values() for word in args[1:] for name in variables(word)}


def _is_local(host: str) -> bool:
    return host.startswith(("127.", "unix:")) or host in {"localhost", "[::1]"}


def websocket(subject: Subject) -> Iterator[Suspicion]:
    for directive, above in subject.each("proxy_pass"):
        headers = {each.args[0].lower() for each in subject.in_force("proxy_set_header", above) if each.args}
        location = location_of(above)
        if "upgrade" in headers or location is None or location.args != ("/",) or location.all("internal"):
            continue
        yield Suspicion(
            rule="websocket",
            severity=Severity.INFO,
            directive=directive,
            message="WebSockets are refused: Upgrade and Connection are not passed on",
            edits=tuple(_upgraded(subject, directive, above)),
        )


UPGRADE = Directive("proxy_set_header", ("Upgrade", "$http_upgrade"))
UPGRADED = "$connection_upgrade"
MAP = Directive("map", ("$http_upgrade", UPGRADED), (Directive("default", ("upgrade",)), Directive("", ("",))))
"""What nginx's own page on WebSockets writes; kept connections go on where nothing is upgraded."""


def _upgraded(subject: Subject, directive: Directive, above: Above) -> Iterator[Edit]:
    """Yield what passes an upgrade on; nothing where the file says something else of connections."""
    said = {each.args[0].lower(): each for each in subject.in_force("proxy_set_header", above) if len(each.args) == 2}
    version, connection = subject.in_force("proxy_http_version", above), said.get("connection")
    if connection is None and not version:
        new = (Directive("proxy_http_version", ("1.1",)), UPGRADE, Directive("proxy_set_header", ("Connection", "$http_connection")))
        yield before(directive, *_with_headers(subject, directive, above, *new))
        return
    first = next((server for server, _ in subject.servers), None)
    is_kept = connection is not None and connection.args[1] == "" and connection in subject.said(above[-1], "proxy_set_header")
    if connection is None or not is_kept or first is None or not any(each.args == ("1.1",) for each in version):
        return
    yield before(directive, UPGRADE)
    yield words(connection, connection.args[0], UPGRADED)
    if not any(each.args[1:] == (UPGRADED,) for each, _ in subject.each("map")):
        yield before(first, MAP)


def limits(subject: Subject) -> Iterator[Suspicion]:
    """A public server whose limits are nginx's own: 60 s of waiting, 1 MB of body, and any number of requests."""
    for server, above in subject.servers:
        if not subject.inside(server, "proxy_pass"):
            continue
        wanted = {
            "proxy_read_timeout": "how long an answer may take (60 s)",
            "client_max_body_size": "how large a request may be (1 MB)",
            "limit_req": "how often a client may ask (always)",
        }
        lacking = [words_ for name, words_ in wanted.items() if not _is_said(subject, name, server, above)]
        if lacking:
            yield Suspicion(
                rule="limits",
                severity=Severity.INFO,
                directive=server,
                message=f"it is left to nginx's defaults {'; '.join(lacking)}",
            )


def _is_said(subject: Subject, name: str, server: Directive, above: Above) -> bool:
    return bool(subject.in_force(name, (*above, server))) or bool(subject.inside(server, name))


def unlinked(subject: Subject) -> Iterator[Suspicion]:
    """Without an identity that both sides log, a request cannot be followed from the edge to the application."""
    is_used = any(
        not IDENTITIES.isdisjoint(variables(word))
        for each, _ in subject.each("proxy_set_header", "log_format", "map")
        for word in each.args
    )
    header = Directive("proxy_set_header", ("X-Request-ID", "$request_id"))
    for server, _ in subject.servers if not is_used else ():
        for passed, above in subject.each("proxy_pass"):
            if server_of(above) is server:
                yield Suspicion(
                    rule="request-id",
                    severity=Severity.INFO,
                    directive=passed,
                    message="neither the log nor the application is told an identity of the request, so the two cannot be joined",
                    edits=(before(passed, *_with_headers(subject, passed, above, header)),),
                )
                break


def descriptors(subject: Subject) -> Iterator[Suspicion]:
    """A proxied request takes two descriptors of its worker."""
    connections, above = next(((each, above) for each, above in subject.each("worker_connections")), (None, ()))
    limit = next((each for each, _ in subject.each("worker_rlimit_nofile")), None)
    if connections is None or not _number(connections) or not subject.is_whole:
        return
    wanted = 2 * _number(connections)
    if limit is None and wanted <= 1024:
        return
    if limit is None or 0 < _number(limit) < wanted:
        yield Suspicion(
            rule="descriptors",
            severity=Severity.LOW,
            directive=limit or connections,
            message=f"{_number(connections)} connections need {wanted} descriptors, two for each proxied request"
            + ("" if limit is None else f", and {_number(limit)} are allowed"),
            edits=(words(limit, str(wanted)),)
            if limit is not None
            else (before(above[0], Directive("worker_rlimit_nofile", (str(wanted),))),)
            if above
            else (),
        )


def _number(directive: Directive) -> int:
    return int(directive.args[0]) if directive.args and directive.args[0].isdigit() else 0


def unknown_hosts(subject: Subject) -> Iterator[Suspicion]:
    """The first server of an address answers for names that nobody declared."""
    seen: set[str] = set()
    servers = subject.servers
    has_default = {
        _port(listen.args[0])
        for server, _ in servers
        for listen in server.all("listen")
        if {"default_server", "default"} & set(listen.args)
    }
    for server, _ in servers:
        named = [name for each in server.all("server_name") for name in each.args]
        if not named or {"_", ""} & set(named):
            seen |= {_port(listen.args[0]) for listen in server.all("listen") if listen.args}
            continue
        ports: dict[str, bool] = {}
        for listen in server.all("listen"):
            port = _port(listen.args[0]) if listen.args else ""
            if port and port not in seen | has_default:
                ports[port] = is_tls(server) and "ssl" in listen.args
        seen |= ports.keys()
        if ports:
            yield Suspicion(
                rule="unknown-hosts",
                severity=Severity.LOW,
                directive=server,
                message=f"it also answers on port {', '.join(ports)} for hosts that nobody declared: no default server refuses them",
                edits=(before(server, *_refusals(ports, subject)),),
            )


def _refusals(ports: Mapping[str, bool], subject: Subject) -> Iterator[Directive]:
    """Yield default servers that refuse; `ports`: whether TLS is spoken there."""
    rejects = not subject.is_older_than("1.19.4")
    if plain := [port for port, is_encrypted in ports.items() if not (is_encrypted and rejects)]:
        listens = (Directive("listen", (port, "default_server")) for port in plain)
        yield Directive("server", (), (*listens, Directive("return", ("444",))))
    if encrypted := [port for port in ports if port not in plain]:
        listens = (Directive("listen", (port, "ssl", "default_server")) for port in encrypted)
        yield Directive("server", (), (*listens, Directive("ssl_reject_handshake", ("on",))))


def _port(address: str) -> str:
    if address.startswith("unix:"):
        return ""
    port = address.rpartition(":")[2]
    return port if port.isdigit() else "80"
