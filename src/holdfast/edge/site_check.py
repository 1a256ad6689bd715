"""What is wrong, or not wise, about a declared Site beyond the shape of its fields. Used by `site`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from holdfast.edge.directive import Context, check
from holdfast.edge.part import besides, inherited, says
from holdfast.edge.regex import is_catastrophic, read_regex
from holdfast.edge.route_spec import HashSpec, Route, TargetSpec
from holdfast.edge.scalar import UrlPath
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.tree import Directive
from holdfast.errors import DeclarationError
from holdfast.kit.suggest import did_you_mean
from holdfast.model.declaration import Declaration
from holdfast.model.resource import Warning

RESERVED = ("/.well-known/acme-challenge", "/.holdfast")
"""Paths that the edge answers itself."""
REPEATED = frozenset("fastcgi_param proxy_cookie_domain proxy_cookie_flags proxy_cookie_path proxy_redirect sub_filter".split())
ONCE = frozenset(
    (
        "chunked_transfer_encoding client_body_buffer_size client_body_in_single_buffer client_body_timeout default_type directio etag "
        "expires fastcgi_buffer_size fastcgi_buffers fastcgi_busy_buffers_size grpc_buffer_size gunzip gzip_comp_level gzip_disable "
        "gzip_min_length if_modified_since keepalive_requests keepalive_timeout limit_rate limit_rate_after log_not_found max_ranges "
        "msie_padding output_buffers postpone_output proxy_buffer_size proxy_buffers proxy_busy_buffers_size proxy_force_ranges "
        "proxy_ignore_client_abort proxy_ignore_headers proxy_limit_rate proxy_max_temp_file_size proxy_temp_file_write_size "
        "sendfile_max_chunk send_lowat sub_filter_last_modified sub_filter_once sub_filter_types tcp_nodelay tcp_nopush"
    ).split()
)
RAW = REPEATED | ONCE
"""Directives of a location that reach nothing beyond it: no file, no other host, no code, and none that the fields write themselves."""
FIELD_OF: Mapping[str, str] = MappingProxyType(
    {
        "add_header": "headers.set",
        "allow": "allow",
        "auth_basic": "auth.basic",
        "auth_request": "auth.forward",
        "client_max_body_size": "maxBody",
        "deny": "deny",
        "error_page": "errorPages",
        "gzip": "compress",
        "limit_conn": "concurrency",
        "limit_req": "rateLimit",
        "mirror": "mirror",
        "proxy_buffering": "buffering",
        "proxy_cache": "cache",
        "proxy_connect_timeout": "timeouts.connect",
        "proxy_hide_header": "headers.remove",
        "proxy_next_upstream": "retry",
        "proxy_pass": "service or targets",
        "proxy_read_timeout": "timeouts.read",
        "proxy_request_buffering": "requestBuffering",
        "proxy_send_timeout": "timeouts.send",
        "proxy_set_header": "requestHeaders.set",
        "return": "redirect or respond",
        "rewrite": "stripPrefix or redirect",
        "root": "static.root",
        "ssl_verify_client": "auth.mtls",
        "try_files": "static.spa",
    }
)
"""What to write instead of a directive that a field says."""
EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})
_URL_PATH = UrlPath.__metadata__[0]  # type: ignore[attr-defined]
_GUARDS: Mapping[str, str] = MappingProxyType(
    {"rate_limit": "rateLimit", "concurrency": "concurrency", "allow": "allow", "deny": "deny", "auth": "auth"}
)

At = tuple[str | int, ...]
_Say = Callable[[str, str, At, str | None], DeclarationError]


def errors(declaration: Declaration) -> Iterator[DeclarationError]:
    """Yield all that a Site may not say."""
    spec: SiteSpec = declaration.spec

    def say(code: str, reason: str, at: At, hint: str | None = None) -> DeclarationError:
        where = [declaration.place(("spec", *at))]
        return DeclarationError(code, f"cannot serve Site {declaration.name}: {reason}", where=where, hint=hint)

    yield from _hosts(spec, say)
    yield from _answer(spec, (), say)
    if not says(spec) and not spec.paths:
        yield say("HF1310", "nothing says what answers", (), "write one of service, targets, static, redirect, respond, or paths")
    yield from _route(spec, spec, (), say)
    yield from _paths(spec, say)
    for at, network in enumerate(spec.maintenance.allow):
        if network in EVERYBODY:
            yield say("HF1313", "maintenance.allow names everybody", ("maintenance", "allow", at), "name the networks that are meant")


def _hosts(spec: SiteSpec, say: _Say) -> Iterator[DeclarationError]:
    if not spec.hosts:
        yield say("HF1312", "it has no host", ("hosts",), "write the names that it answers to")
    for at, host in enumerate(spec.hosts):
        if host in spec.hosts[:at]:
            yield say("HF1312", f"host {host} stands twice", ("hosts", at), None)
    canonical = spec.canonical_host
    if canonical is None:
        return
    if canonical.startswith("*"):
        yield say("HF1312", "the canonical host is not one name", ("canonicalHost",), "write one name")
    elif canonical not in spec.hosts:
        guess = did_you_mean(canonical, spec.hosts)
        yield say(
            "HF1312", f"canonical host {canonical} is none of its hosts", ("canonicalHost",), f"did you mean {guess}?" if guess else None
        )


def _answer(route: Route, at: At, say: _Say) -> Iterator[DeclarationError]:
    if len(found := says(route)) > 1:
        yield say("HF1310", f"{' and '.join(found)} each say what answers", (*at, found[1]), "write one of them")
    for name, backend in besides(route):
        if bool(backend.service) is bool(backend.targets):
            yield say("HF1310", f"{'.'.join(name)} does not name one of service and targets", (*at, *name), "write one of them")


def _paths(spec: SiteSpec, say: _Say) -> Iterator[DeclarationError]:
    seen: set[tuple[str, str]] = set()
    for at, path in enumerate(spec.paths):
        here: At = ("paths", at)
        yield from _path(path, (*here, "path"), say)
        if (path.match, path.path) in seen:
            yield say("HF1311", f"path {path.path} stands twice", (*here, "path"), "rename or remove one of the two")
        seen.add((path.match, path.path))
        yield from _answer(path, here, say)
        route = inherited(path, spec)
        if not says(route):
            yield say("HF1310", f"nothing says what answers {path.path}", here, "write one of service, targets, static, redirect, respond")
        if path.strip_prefix and (path.match != "prefix" or not (route.service or route.targets)):
            yield say("HF1311", f"{path.path} has no prefix to strip", (*here, "stripPrefix"), "only a prefix that is passed on has one")
        yield from _route(path, route, here, say)


def _path(path: PathSpec, at: At, say: _Say) -> Iterator[DeclarationError]:
    if path.match == "regex":
        node = read_regex(path.path)
        if node is not None and is_catastrophic(node):
            hint = "repeat only once: (a+)+ matches what a+ does"
            yield say("HF1311", f"pattern {path.path} can take exponential time on a crafted request", at, hint)
        return
    try:
        _URL_PATH.parse(path.path)
    except ValueError as error:
        yield say("HF1311", f"{path.path!r} is no path: {error}", at, "write a path such as /api, or match: regex")
    if path.path.startswith(RESERVED):
        yield say("HF1311", f"the edge answers {path.path} itself", at, "choose another path")


def _route(written: Route, route: Route, at: At, say: _Say) -> Iterator[DeclarationError]:
    """Yield what does not go together on one path. `route`: `written` with what it takes over."""
    if route.redirect is not None or route.respond is not None:
        what = "a redirect" if route.redirect is not None else "an answer of the edge itself"
        for name, key in _GUARDS.items():
            if getattr(route, name) and getattr(written, name):
                hint = "it gives nothing away; guard the place it leads to, or what answers there"
                yield say("HF1313", f"{key} does nothing before {what}: nginx answers it first", (*at, key), hint)
    if not (route.service or route.targets):
        for name in ("canary", "mirror", "cache", "sticky", "breaker", "health"):
            if getattr(written, name) is not None:
                yield say("HF1314", f"{name} needs an application to pass requests on to", (*at, name), "write service or targets")
    yield from _protocol(written, route, at, say)
    for key, networks in (("allow", route.allow), ("deny", route.deny)):
        if networks and not EVERYBODY.isdisjoint(networks) and getattr(written, key):
            yield say("HF1313", f"{key} names everybody", (*at, key), "leave it out, or name the networks that are meant")
    yield from _raw(written, at, say)


def _raw(written: Route, at: At, say: _Say) -> Iterator[DeclarationError]:
    for index, raw in enumerate(written.raw):
        here: At = (*at, "raw", index)
        name = raw.directive
        if name not in RAW:
            field = FIELD_OF.get(name)
            guess = did_you_mean(name, RAW)
            hint = (
                f"write {field}" if field else f"did you mean {guess}?" if guess else "only what reaches nothing beyond the site is allowed"
            )
            yield say("HF1315", f"directive {name} is not allowed", (*here, "directive"), hint)
            continue
        if name in ONCE and any(other.directive == name for other in written.raw[:index]):
            yield say("HF1315", f"directive {name} stands twice", (*here, "directive"), "nginx takes it once")
        tree = (Directive(name, raw.args),)
        for fault in check(tree, context=Context("location", "http")):
            yield say("HF1315", fault.reason, here, fault.hint)


def _protocol(written: Route, route: Route, at: At, say: _Say) -> Iterator[DeclarationError]:
    protocol = route.upstream.protocol if route.upstream is not None else "http1"
    if protocol in {"grpc", "fastcgi"}:
        names = (
            ("buffering", "request_buffering", "cache", "sse", "health") if protocol == "grpc" else ("mirror", "canary", "sse", "health")
        )
        for name in names:
            if getattr(written, name):
                yield say("HF1314", f"{name} does not go with protocol {protocol}", (*at, _camel(name)), None)
    if route.upstream is not None and written.upstream is not None:
        has_script = route.upstream.script is not None or route.upstream.root is not None
        if has_script and protocol != "fastcgi":
            yield say("HF1314", "script and root are for protocol fastcgi", (*at, "upstream"), None)
        if protocol == "fastcgi" and route.upstream.tls is not None:
            yield say("HF1314", "fastcgi is never encrypted", (*at, "upstream", "tls"), None)
        tls = route.upstream.tls
        if tls is not None and (tls.certificate is None) is not (tls.key is None):
            yield say("HF1314", "a certificate and its key belong together", (*at, "upstream", "tls"), "write both")
    chooses = route.sticky is not None or isinstance(route.balance, HashSpec) or route.balance == "random"
    for index, target in enumerate(written.targets):
        if isinstance(target, TargetSpec) and target.backup and chooses:
            hint = "nginx knows backups with roundRobin and leastConn only"
            yield say("HF1314", "a backup does not go with sticky, hash or random", (*at, "targets", index, "backup"), hint)
    if written.sticky is not None and written.balance is not None:
        yield say("HF1314", "sticky chooses the target itself", (*at, "balance"), "leave balance out")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def warnings(declaration: Declaration) -> Iterator[Warning]:
    """Yield what works, but not as well as it could."""
    spec: SiteSpec = declaration.spec

    def warn(reason: str, message: str) -> Warning:
        return Warning(reason=reason, message=f"Site {declaration.name} {message}", origin=declaration.origin)

    if spec.certificate == "none":
        yield warn("PlainHttp", "is served without encryption: certificate: none")
    for route in (spec, *spec.paths):
        if route.retry is not None and route.retry.non_idempotent:
            yield warn("DoubleSubmit", "may send a POST twice: retry.nonIdempotent")
        tls = route.upstream.tls if route.upstream is not None else None
        if tls is not None and not tls.verify:
            yield warn("UnverifiedUpstream", "does not look at the certificate of its application: upstream.tls.verify")
        if route.auth is not None and route.auth.basic is not None and spec.certificate == "none":
            yield warn("PlainPassword", "asks for a password over an unencrypted connection")
    if spec.pause.enabled and spec.pause.max > 120:
        yield warn("LongPause", "lets requests wait for more than two minutes, which most clients do not")
