"""Locations: one path of a Site as nginx's own, with everything that holds for it said in place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from holdfast.edge import render_guard, render_header
from holdfast.edge.part import Path, besides
from holdfast.edge.pieces import Pieces
from holdfast.edge.render_header import PREFIX
from holdfast.edge.render_upstream import TRIES, canary, checked, chosen, spare_tries, upstream
from holdfast.edge.route_spec import Backend, Route, UpstreamSpec
from holdfast.edge.tree import Directive
from holdfast.edge.world import key, literal, seconds

SILENT_S = 3_600.0
"""How long an event stream may say nothing."""
FASTCGI = (
    ("QUERY_STRING", "$query_string"),
    ("REQUEST_METHOD", "$request_method"),
    ("CONTENT_TYPE", "$content_type"),
    ("CONTENT_LENGTH", "$content_length"),
    ("REQUEST_URI", "$request_uri"),
    ("DOCUMENT_URI", "$document_uri"),
    ("SERVER_PROTOCOL", "$server_protocol"),
    ("REQUEST_SCHEME", "$holdfast_scheme"),
    ("GATEWAY_INTERFACE", "CGI/1.1"),
    ("SERVER_SOFTWARE", "nginx"),
    ("REMOTE_ADDR", "$remote_addr"),
    ("REMOTE_PORT", "$remote_port"),
    ("SERVER_ADDR", "$server_addr"),
    ("SERVER_PORT", "$holdfast_port"),
    ("SERVER_NAME", "$host"),
    ("REDIRECT_STATUS", "200"),
)


def locations(pieces: Pieces, path: Path) -> tuple[Directive, ...]:
    """Return the locations of a path. A prefix stands for whole segments: `/api` is `/api` and `/api/…`, never `/apis`."""
    body = tuple(_body(pieces, path))
    match path.match:
        case "exact":
            return (Directive("location", ("=", path.path), body),)
        case "regex":
            return (Directive("location", ("~", path.path), body),)
    if path.path == "/":
        return (Directive("location", ("/",), body),)
    below = Directive("location", ("^~", path.path if path.path.endswith("/") else f"{path.path}/"), body)
    if path.path.endswith("/"):
        return (below,)
    if path.route.static is not None:
        to_folder = (*render_guard.maintenance(pieces), Directive("return", ("308", f"{literal(path.path)}/$is_args$args")))
        return (Directive("location", ("=", path.path), to_folder), below)
    return (Directive("location", ("=", path.path), body), below)


def _body(pieces: Pieces, path: Path) -> Iterator[Directive]:
    route = path.route
    yield Directive("set", ("$holdfast_route", literal(path.name)))
    yield from render_guard.maintenance(pieces)
    yield from render_guard.breaker(pieces, path)
    yield from render_guard.error_pages(pieces, route)
    if route.redirect is not None:
        yield from _redirect(pieces, route)
        return
    if route.respond is not None:
        yield from _response(pieces, route)
        return
    yield from render_guard.access(pieces, route)
    yield from _asked_first(pieces, path)
    yield from render_guard.limits(pieces, path)
    if route.max_body is not None:
        yield Directive("client_max_body_size", (str(route.max_body),))
    if route.compress is not None and route.compress is not pieces.world.edge.defaults.compress and not route.sse:
        yield Directive("gzip", ("on" if route.compress else "off",))
    if route.static is not None:
        yield from _files(pieces, path)
    else:
        yield from _passed_on(pieces, path)
    yield from (Directive(raw.directive, raw.args) for raw in route.raw)


def _redirect(pieces: Pieces, route: Route) -> Iterator[Directive]:
    spec = route.redirect
    assert spec is not None
    yield from render_header.answers(route, pieces, is_passed_on=False)
    to = literal(spec.to)
    yield Directive("return", (str(spec.status), f"{to.rstrip('/')}$request_uri" if spec.keep_path else to))


def _response(pieces: Pieces, route: Route) -> Iterator[Directive]:
    spec = route.respond
    assert spec is not None
    yield from render_header.answers(route, pieces, is_passed_on=False)
    yield Directive("default_type", (spec.type,))
    yield Directive("return", (str(spec.status), *(() if spec.body is None else (literal(spec.body),))))


def _files(pieces: Pieces, path: Path) -> Iterator[Directive]:
    """Yield what serves a folder at a path: the folder's files stand directly below the path."""
    spec, places = path.route.static, pieces.world.places
    assert spec is not None
    application = pieces.part.application
    base = f"{places.releases}/{application}/current" if spec.from_ == "release" else f"{places.data}/{application}"
    folder = literal("/".join((base, *(step for step in spec.root.split("/") if step not in {"", "."}))))
    yield from render_header.answers(path.route, pieces, is_passed_on=False)
    if spec.max_age is not None:
        name = f"$holdfast_age_{round(spec.max_age)}"
        # A page names the files it needs by their new names, so it must be asked for anew.
        ages = (Directive("~^text/html", ("no-cache",)), Directive("default", (f"public, max-age={round(spec.max_age)}",)))
        pieces.http[f"map {name}"] = Directive("map", ("$sent_http_content_type", name), ages)
        yield Directive("add_header", ("Cache-Control", name))
    yield render_guard.branch("$holdfast_hidden", returns="404")
    yield Directive("index", (literal(spec.index),))
    yield Directive("disable_symlinks", ("if_not_owner", f"from={folder}"))
    if path.match == "exact":
        yield Directive("alias", (f"{folder}/{literal(path.path.rpartition('/')[2])}",))
        return
    if path.match == "regex" or path.path == "/":
        yield Directive("root", (folder,))
    else:
        yield Directive("alias", (f"{folder}/",))
    top = "/" if path.match == "regex" else f"{path.path.rstrip('/')}/"
    fallback = f"{literal(top)}{literal(spec.index)}" if spec.spa else "=404"
    yield Directive("try_files", ("$uri", "$uri/", fallback))


def _passed_on(pieces: Pieces, path: Path) -> Iterator[Directive]:
    found = checked(pieces, path)
    yield from render_header.answers(path.route, pieces, is_passed_on=True)
    if found is None:
        pieces.note(f"{path.name}: nobody answers yet")
        yield Directive("return", ("503",))
        return
    stable, switch = found
    group = canary(pieces, path, stable)
    if switch is not None:
        group = chosen(pieces, path, group, stable, switch)
        yield from switch.steps
    yield from _asked(pieces, path.route)
    if any(page.intercept for page in path.route.error_pages or ()):
        yield Directive(f"{_prefix(path.route)}_intercept_errors", ("on",))
    yield from _mirrored(pieces, path)
    if path.route.cache is not None:
        yield from _cached(pieces, path, group)
    if path.route.breaker is not None and path.route.breaker.fallback is not None:
        _fallback(pieces, path, path.route.breaker.fallback)
    yield from _pass(path, path.route, group, strip=path.strip_prefix)


def _prefix(route: Route) -> str:
    return PREFIX[_spec(route).protocol]


def _spec(route: Route) -> UpstreamSpec:
    return route.upstream or UpstreamSpec()


def _asked(pieces: Pieces, route: Route, *, is_alone: bool = False) -> Iterator[Directive]:
    """Yield how the application is spoken to: version, headers, TLS, retries, times, buffers.

    `is_alone`: where more headers follow, which take away what `http` says, all are said.
    """
    spec, prefix = _spec(route), _prefix(route)
    headers = tuple(render_header.requests(route, pieces, host=spec.host))
    if prefix == "fastcgi":
        yield from _fastcgi(spec, headers)
    else:
        if prefix == "proxy":
            yield from _version(pieces, spec)
        if prefix == "grpc":
            headers = tuple(pair for pair in headers if pair[0] not in {"Upgrade", "Connection"})
        if is_alone or prefix == "grpc" or dict(headers) != render_header.USUAL:
            yield from (Directive(f"{prefix}_set_header", pair) for pair in headers)
        yield from _encrypted(pieces, spec, prefix)
    retry = route.retry
    more_tries = max(spare_tries(pieces, backend, route) for backend in (route, *(backend for _, backend in besides(route))))
    if retry is not None:
        on = tuple(f"http_{each}" if each.isdigit() else _snake(each) for each in retry.on)
        more = ("non_idempotent",) if retry.non_idempotent else ()
        yield Directive(f"{prefix}_next_upstream", ("off",) if retry.tries == 1 or not on else (*on, *more))
        yield Directive(f"{prefix}_next_upstream_tries", (str(retry.tries + more_tries),))
        yield Directive(f"{prefix}_next_upstream_timeout", (seconds(retry.timeout),))
    elif more_tries > 0:
        yield Directive(f"{prefix}_next_upstream_tries", (str(TRIES + more_tries),))
    yield from _times(pieces, route, prefix)
    if prefix == "grpc":
        return
    if route.sse or route.buffering is False:
        yield Directive(f"{prefix}_buffering", ("off",))
    if route.sse:
        yield Directive("gzip", ("off",))
    if route.request_buffering is False:
        yield Directive(f"{prefix}_request_buffering", ("off",))


def _snake(name: str) -> str:
    """Return `invalidHeader` as nginx writes it."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _version(pieces: Pieces, spec: UpstreamSpec) -> Iterator[Directive]:
    if spec.protocol == "h2" and not pieces.world.capability.has_h2_upstreams:
        raise pieces.refusal(
            "HF1323", f"{pieces.world.capability} speaks no HTTP/2 to applications", "write protocol: http1, or upgrade nginx"
        )
    yield Directive("proxy_http_version", ("2" if spec.protocol == "h2" else "1.1",))


def _encrypted(pieces: Pieces, spec: UpstreamSpec, prefix: str) -> Iterator[Directive]:
    if spec.tls is None:
        return
    yield Directive(f"{prefix}_ssl_server_name", ("on",))
    if spec.tls.server_name is not None:
        yield Directive(f"{prefix}_ssl_name", (literal(spec.tls.server_name),))
    yield Directive(f"{prefix}_ssl_verify", ("on" if spec.tls.verify else "off",))
    if spec.tls.verify:
        ca = pieces.secret(spec.tls.ca.secret) if spec.tls.ca is not None else pieces.world.places.authorities
        yield Directive(f"{prefix}_ssl_trusted_certificate", (ca,))
        yield Directive(f"{prefix}_ssl_verify_depth", ("3",))
    if spec.tls.certificate is not None and spec.tls.key is not None:
        yield Directive(f"{prefix}_ssl_certificate", (pieces.secret(spec.tls.certificate.secret),))
        yield Directive(f"{prefix}_ssl_certificate_key", (pieces.secret(spec.tls.key.secret),))


def _fastcgi(spec: UpstreamSpec, headers: Sequence[tuple[str, str]]) -> Iterator[Directive]:
    """Yield the parameters of CGI/1.1. Headers that are written anew override those of the client."""
    script = literal(spec.script) if spec.script is not None else "$fastcgi_script_name"
    root = literal(spec.root.rstrip("/")) if spec.root is not None else ""
    for name, value in (*FASTCGI, ("SCRIPT_NAME", script), ("SCRIPT_FILENAME", f"{root}{script}"), ("DOCUMENT_ROOT", root)):
        yield Directive("fastcgi_param", (name, value))
    for name, value in headers:
        if name not in {"Connection", "Upgrade"}:
            yield Directive("fastcgi_param", (f"HTTP_{name.upper().replace('-', '_')}", value))
    if spec.keepalive:
        yield Directive("fastcgi_keep_conn", ("on",))


def _times(pieces: Pieces, route: Route, prefix: str) -> Iterator[Directive]:
    """Yield times that differ from the Edge's; other protocols than HTTP have all of theirs said."""
    said, default = route.timeouts, pieces.world.edge.defaults.timeouts
    for name, usual in (("connect", 2.0), ("read", 30.0), ("send", 15.0)):
        own: float | None = getattr(said, name) if said is not None else None
        time = own if own is not None else getattr(default, name) or usual
        if name == "read":
            time = max(time, SILENT_S if route.sse and own is None else 0.0)
        if time != (getattr(default, name) or usual) or prefix != "proxy":
            yield Directive(f"{prefix}_{name}_timeout", (seconds(time),))


def _cached(pieces: Pieces, path: Path, group: str) -> Iterator[Directive]:
    spec, prefix = path.route.cache, _prefix(path.route)
    assert spec is not None
    zone = key(f"cache {path.name}", path.match, spec.size)
    folder = pieces.world.places.beneath("cache", zone)
    pieces.caches.add(zone)
    sizes = (f"keys_zone={zone}:10m", f"max_size={spec.size}", f"inactive={seconds(spec.inactive)}", "use_temp_path=off")
    pieces.http[f"cache {zone}"] = Directive(f"{prefix}_cache_path", (folder, "levels=1:2", *sizes))
    chosen = group if group.startswith("$") else ""
    personal = ("$http_authorization", *(f"$cookie_{name}" for name in spec.bypass_cookies))
    yield Directive(f"{prefix}_cache", (zone,))
    yield Directive(f"{prefix}_cache_key", (f"$scheme://$host$request_uri{chosen}",))
    yield Directive(f"{prefix}_cache_lock", ("on",))
    yield Directive(f"{prefix}_cache_revalidate", ("on",))
    yield Directive(f"{prefix}_cache_bypass", personal)
    yield Directive(f"{prefix}_no_cache", personal)
    for status, time in sorted(spec.valid.items()):
        yield Directive(f"{prefix}_cache_valid", (status, seconds(time)))
    if spec.stale:
        failures = ("error", "timeout", "updating", "http_500", "http_503")
        yield Directive(f"{prefix}_cache_use_stale", failures)
        yield Directive(f"{prefix}_cache_background_update", ("on",))


def _mirrored(pieces: Pieces, path: Path) -> Iterator[Directive]:
    spec = path.route.mirror
    group = upstream(pieces, spec, path.route) if spec is not None else None
    if spec is None or group is None or spec.percent == 0:
        return
    pieces.require("mirror", "mirror")
    name = pieces.path_key(path)
    inner: list[Directive] = [Directive("internal"), Directive("access_log", ("off",))]
    if spec.percent < 100:
        variable = f"$holdfast_mirror_{name}"
        split = (Directive(f"{round(spec.percent, 2):g}%", ("1",)), Directive("*", ("",)))
        pieces.http[f"split mirror {name}"] = Directive("split_clients", ("$request_id", variable), split)
        inner.append(render_guard.branch(variable, "=", "", returns="204"))
    if not spec.body:
        inner += [Directive("proxy_pass_request_body", ("off",)), Directive("proxy_set_header", ("Content-Length", ""))]
    inner += _asked(pieces, path.route, is_alone=not spec.body)
    scheme = "https" if _spec(path.route).tls is not None else "http"
    inner.append(Directive("proxy_pass", (f"{scheme}://{group}$request_uri",)))
    pieces.inner[f"mirror {name}"] = Directive("location", ("=", f"/.holdfast/mirror/{name}"), tuple(inner))
    yield Directive("mirror", (f"/.holdfast/mirror/{name}",))
    if not spec.body:
        yield Directive("mirror_request_body", ("off",))


def _asked_first(pieces: Pieces, path: Path) -> Iterator[Directive]:
    """Yield what asks another service before a request is let through."""
    spec = path.route.auth.forward if path.route.auth is not None else None
    if spec is None:
        return
    pieces.require("auth_request", "auth.forward")
    name = pieces.path_key(path)
    asking = Route(service=spec.service, socket=spec.socket, targets=spec.targets, trace=path.route.trace, websocket=False)
    group = upstream(pieces, spec, asking)
    if group is None:
        pieces.note(f"{path.name}: nobody answers who may ask, so nobody may")
        yield from (Directive("set", (render_header.auth_variable(header), "")) for header in spec.headers)
        yield Directive("deny", ("all",))
        return
    inner = (
        Directive("internal"),
        *_asked(pieces, asking, is_alone=True),
        Directive("proxy_set_header", ("X-Original-URI", "$request_uri")),
        Directive("proxy_set_header", ("X-Original-Method", "$request_method")),
        Directive("proxy_set_header", ("Content-Length", "")),
        Directive("proxy_pass_request_body", ("off",)),
        Directive("proxy_pass", (f"http://{group}{_uri(spec.path)}",)),
    )
    pieces.inner[f"auth {name}"] = Directive("location", ("=", f"/.holdfast/auth/{name}"), inner)
    yield Directive("auth_request", (f"/.holdfast/auth/{name}",))
    for header in spec.headers:
        yield Directive("auth_request_set", (render_header.auth_variable(header), f"$upstream_http_{header.lower().replace('-', '_')}"))
    if spec.sign_in is not None:
        pieces.inner[f"sign-in {name}"] = Directive(
            "location",
            (f"@holdfast_sign_in_{name}",),
            (Directive("return", ("302", f"{literal(spec.sign_in)}$holdfast_scheme://$host$request_uri")),),
        )
        yield Directive("error_page", ("401", "=", f"@holdfast_sign_in_{name}"))


def _fallback(pieces: Pieces, path: Path, backend: Backend) -> None:
    """Add who answers while a breaker is open. Who may ask, and how often, is said anew: nginx comes here before it has asked that."""
    name = f"@holdfast_fallback_{pieces.path_key(path)}"
    group = upstream(pieces, backend, path.route)
    answer: tuple[Directive, ...] = (Directive("return", ("503",)),)
    if group is not None:
        answer = (*_asked(pieces, path.route), *_pass(path, path.route, group, strip=path.strip_prefix, is_named=True))
    headers = render_header.answers(path.route, pieces, is_passed_on=group is not None)
    guards = (
        Directive("set", (render_guard.GUARDED, "")),
        *render_guard.access(pieces, path.route),
        *_asked_first(pieces, path),
        *render_guard.limits(pieces, path),
    )
    pieces.inner[f"fallback {name}"] = Directive("location", (name,), (*guards, *headers, *answer))


def _pass(path: Path, route: Route, group: str, *, strip: bool, is_named: bool = False) -> Iterator[Directive]:
    """Yield the directive that passes a request on. Only a variable group, or a named location, needs a rewrite to strip a prefix."""
    spec, prefix = _spec(route), _prefix(route)
    must_rewrite = strip and path.path != "/" and (group.startswith("$") or is_named or prefix != "proxy")
    if must_rewrite:
        yield Directive("rewrite", (f"^{re.escape(path.path.rstrip('/'))}(?:/(.*))?$", "/$1", "break"))
    if prefix == "fastcgi":
        yield Directive("fastcgi_pass", (group,))
        return
    scheme = {"proxy": "http", "grpc": "grpc"}[prefix] + ("s" if spec.tls is not None else "")
    yield Directive(f"{prefix}_pass", (f"{scheme}://{group}{'/' if strip and path.path != '/' and not must_rewrite else ''}",))


def _uri(path: str) -> str:
    """Return a path as it goes into the address of a `proxy_pass`, which is sent as it stands."""
    return literal(quote(path, safe="/:@!&'()*+,;=~$"))
