"""Rules on TLS: what is offered, what is out of date, and the way from http to https."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from holdfast.edge.directive import check
from holdfast.edge.review_header import is_tls
from holdfast.edge.review_subject import Edit, Severity, Subject, Suspicion, after, before, removal, words
from holdfast.edge.tls import PROFILES
from holdfast.edge.tree import Directive

OLD = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"})
WEAK = ("RC4", "DES", "MD5", "NULL", "EXP", "aNULL", "eNULL", "LOW", "SEED", "IDEA", "CBC")
OBSOLETE: Mapping[str, tuple[str, str]] = {
    "ssl": ("1.15.0", "listen … ssl says the same"),
    "spdy_headers_comp": ("1.9.5", "HTTP/2 took its place"),
    "http2_push": ("1.25.1", "server push is gone"),
    "http2_push_preload": ("1.25.1", "server push is gone"),
    "http2_max_concurrent_pushes": ("1.25.1", "server push is gone"),
    "http2_idle_timeout": ("1.19.7", "keepalive_timeout is used"),
    "http2_max_field_size": ("1.19.7", "large_client_header_buffers is used"),
    "http2_max_header_size": ("1.19.7", "large_client_header_buffers is used"),
    "http2_max_requests": ("1.19.7", "keepalive_requests is used"),
    "http2_recv_timeout": ("1.19.7", "client_header_timeout is used"),
    "limit_zone": ("1.1.8", "limit_conn_zone took its place"),
}
"""Directive → since when it is deprecated or gone, and why."""


def protocols(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("ssl_protocols"):
        if old := [name for name in directive.args if name in OLD]:
            kept = tuple(name for name in directive.args if name not in OLD) or PROFILES["intermediate"].protocols
            yield Suspicion(
                rule="tls-protocols",
                severity=Severity.HIGH if {"SSLv2", "SSLv3"} & set(old) else Severity.MEDIUM,
                directive=directive,
                message=f"{' and '.join(old)} {'is' if len(old) == 1 else 'are'} broken and refused by every browser",
                edits=(words(directive, *kept),),
            )
    for server, above in subject.servers:
        if not is_tls(server) or subject.in_force("ssl_protocols", (*above, server)) or _refuses(server) or subject.is_at_least("1.27.3"):
            continue
        reason = "TLS 1.0 and 1.1 are offered" if subject.is_at_least("1.23.4") else "TLS 1.0 and 1.1 are offered, and TLS 1.3 is not"
        yield Suspicion(
            rule="tls-protocols",
            severity=Severity.MEDIUM,
            directive=_listen(server),
            message=f"no ssl_protocols: {reason}"
            if subject.capability is not None
            else "no ssl_protocols: before nginx 1.27.3 TLS 1.0 and 1.1 are offered, and before 1.23.4 TLS 1.3 is not",
            edits=(after(_listen(server), Directive("ssl_protocols", PROFILES["intermediate"].protocols)),),
        )


def ciphers(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("ssl_ciphers"):
        names = directive.args[0].replace(",", ":").replace(" ", ":").split(":") if directive.args else []
        weak = [name for name in names if name and name[0] not in "!-" and any(word in name.upper().split("-") for word in WEAK)]
        if weak:
            yield Suspicion(
                rule="tls-ciphers",
                severity=Severity.MEDIUM,
                directive=directive,
                message=f"weak ciphers are offered: {', '.join(weak[:4])}",
                edits=(words(directive, ":".join(PROFILES["intermediate"].ciphers)),),
            )
    for server, above in subject.servers:
        if not is_tls(server) or _refuses(server) or subject.in_force("ssl_ciphers", (*above, server)):
            continue
        said = [name for each in subject.in_force("ssl_protocols", (*above, server)) for name in each.args]
        if said and set(said) <= {"TLSv1.3"}:
            continue
        yield Suspicion(
            rule="tls-ciphers",
            severity=Severity.LOW,
            directive=_listen(server),
            message="no ssl_ciphers: nginx's own list (HIGH) holds ciphers without forward secrecy",
            edits=(after(_listen(server), Directive("ssl_ciphers", (":".join(PROFILES["intermediate"].ciphers),))),),
        )


def stapling(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("ssl_stapling"):
        if directive.args == ("on",):
            yield Suspicion(
                rule="stapling",
                severity=Severity.LOW,
                directive=directive,
                message="Let's Encrypt answers no OCSP since August 2025: each reload warns, and nothing is stapled",
                edits=(removal(directive),),
            )


def http2(subject: Subject) -> Iterator[Suspicion]:
    """`listen … http2` is the only form before 1.25.1 and deprecated from then on."""
    if not subject.is_at_least("1.25.1"):
        return
    for directive, above in subject.each("listen"):
        if "http2" in directive.args and above:
            is_first = not above[-1].all("http2") and above[-1].all("listen")[0] is directive
            new = (Directive("http2", ("on",)),) if is_first else ()
            edit = words(directive, *(word for word in directive.args if word != "http2"))
            yield Suspicion(
                rule="http2",
                severity=Severity.LOW,
                directive=directive,
                message="http2 as a parameter of listen is deprecated since nginx 1.25.1",
                edits=(type(edit)(directive, (*edit.new, *new)),),
            )


def unencrypted(subject: Subject) -> Iterator[Suspicion]:
    """A TLS server whose names nobody redirects from port 80: people who type the name get an error, and http-01 has nobody to ask."""
    plain = {
        name
        for server, _ in subject.servers
        if not is_tls(server)
        for each in server.all("server_name")
        for name in each.args
        if not server.all("listen") or any(_is_80(listen) for listen in server.all("listen"))
    }
    has_default = any(
        {"default_server"} & set(listen.args) and _is_80(listen) and not is_tls(server) and server.all("return")
        for server, _ in subject.servers
        for listen in server.all("listen")
    )
    for server, _ in subject.servers:
        names = [name for each in server.all("server_name") for name in each.args]
        both = any(_is_80(listen) and "ssl" not in listen.args for listen in server.all("listen"))
        if not is_tls(server) or not names or both or _refuses(server) or set(names) & plain or "_" in names or has_default:
            continue
        if not any(each.args and each.args[0].rpartition(":")[2] == "443" for each in server.all("listen")):
            continue
        redirect = Directive(
            "server",
            (),
            (
                Directive("listen", ("80",)),
                Directive("server_name", tuple(names)),
                Directive("return", ("308", "https://$host$request_uri")),
            ),
        )
        yield Suspicion(
            rule="no-redirect",
            severity=Severity.LOW,
            directive=server,
            message="nothing listens on port 80 for these names: no redirect to https, and no answer to an ACME http-01 challenge",
            edits=(before(server, redirect),),
        )


def outside_certificates(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("ssl_certificate"):
        if directive.args and directive.args[0].startswith("/etc/letsencrypt/live/"):
            yield Suspicion(
                rule="outside-certificate",
                severity=Severity.INFO,
                directive=directive,
                message="the file is certbot's: where it is missing nginx does not start, and a renewal shows only after a reload",
            )


def obsolete(subject: Subject) -> Iterator[Suspicion]:
    for name, (version, why) in OBSOLETE.items():
        for directive, above in subject.each(name):
            if name == "ssl" and directive.args not in {("on",), ("off",)}:
                continue
            if subject.is_older_than(version):
                continue
            edits = [removal(directive)]
            if name == "ssl" and directive.args == ("on",) and above:
                edits += [words(each, *each.args, "ssl") for each in above[-1].all("listen") if "ssl" not in each.args]
            yield Suspicion(
                rule="obsolete",
                severity=Severity.LOW,
                directive=directive,
                message=f"{name} is out of date since nginx {version}: {why}",
                edits=tuple(edits),
            )


def invalid(subject: Subject) -> Iterator[Suspicion]:
    """What this nginx would refuse."""
    for fault in check(subject.directives, subject.capability):
        if fault.directive.name in OBSOLETE:
            continue
        yield Suspicion(
            rule=f"invalid-{fault.what}",
            severity=Severity.HIGH,
            directive=fault.directive,
            message=f"nginx does not start with this: {fault.reason}; {fault.hint}",
            edits=tuple(_older(subject, fault.directive)),
        )


def _older(subject: Subject, directive: Directive) -> Iterator[Edit]:
    """Yield how an older nginx says it: `http2 on` is a word of `listen` there."""
    server = next((above[-1] for each, above in subject.each("http2") if each is directive and above), None)
    if server is None or server.name != "server" or not subject.is_older_than("1.25.1"):
        return
    yield removal(directive)
    if directive.args == ("on",):
        yield from (words(each, *each.args, "http2") for each in server.all("listen") if "ssl" in each.args and "http2" not in each.args)


def _refuses(server: Directive) -> bool:
    return any(each.args == ("on",) for each in server.all("ssl_reject_handshake"))


def _listen(server: Directive) -> Directive:
    return next((each for each in server.all("listen") if "ssl" in each.args), server)


def _is_80(listen: Directive) -> bool:
    address = listen.args[0] if listen.args else "80"
    port = address.rpartition(":")[2]
    return (port if port.isdigit() else "80") == "80"
