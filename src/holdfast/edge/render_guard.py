"""Guards of a path: who may ask, how often, and what is answered while it is closed.

Everything here is said in the location itself. `limit_req` and `deny` come after the rewrite phase, so a location that only returns is
never guarded by them: `site_check` refuses that.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.edge.breaker import REST, SUFFIX, TRIAL, TRIAL_PERCENT, Guarded
from holdfast.edge.directive import is_there
from holdfast.edge.part import Path
from holdfast.edge.pieces import Pieces
from holdfast.edge.render_upstream import key_variable
from holdfast.edge.route_spec import Route
from holdfast.edge.tree import Directive
from holdfast.edge.world import key, literal, seconds

CLOSED, OPEN, TURNED_AWAY = "598", "597", "596"
"""Statuses of our own within nginx: the Site is closed, the breaker is open, and who does not wait. Clients see 503."""
MAINTENANCE, PAUSED, MESSAGE = ".maintenance", ".paused", ".message.html"
"""Ends of files beneath `flags`: the Site is closed; who comes waits; what the page says instead of what Git says."""
ALTERED = "^[^?]*(?:%2f|%3f|//)"
GATE = "holdfast_gate"
GATE_S = 10.0
"""How much longer nginx waits for the gate than the gate lets a request wait."""
SHARE, GUARDED = "$holdfast_share", "$holdfast_guarded"
"""Into which share a request falls, and whose breaker judges its answer."""
PLAIN_PAGE = "<!doctype html><meta charset=utf-8><title>503</title><h1>Back soon</h1><p>This site is being worked on.\n"


def branch(*condition: str, returns: str) -> Directive:
    """Return an `if` that does nothing but return, the only kind that is sure to work."""
    first, *rest = condition
    return Directive("if", (f"({first}", *rest, ")"), (Directive("return", (returns,)),))


def maintenance(pieces: Pieces) -> Iterator[Directive]:
    """Yield what turns requests away while the flag is there; nobody reloads for that. A look at one file a request is all it costs."""
    spec, name = pieces.part.spec.maintenance, pieces.site_key
    bypass = f"$holdfast_bypass_{name}" if spec.allow else ""
    if spec.allow:
        entries = (Directive("default", ("",)), *(Directive(network, (".bypassed",)) for network in sorted(spec.allow)))
        pieces.http[f"geo {name}"] = Directive("geo", (bypass,), entries)
    yield branch("-f", f"{pieces.world.places.flag(f'{name}.maintenance')}{bypass}", returns=CLOSED)
    yield Directive("error_page", (CLOSED, "=", _closed(pieces)))


def _closed(pieces: Pieces) -> str:
    """Add where requests go that are turned away: they get the page or, while the Site is paused, wait until it goes on, and go on.

    Whoever waits is asked for at the gate, by a request beside it (ngx_http_auth_request_module); then nginx looks for its place anew, by
    the address as it read it. One that it would write otherwise than the client did (`%2F`, `//`, `?`) is not asked to wait.
    """
    spec, places, name = pieces.part.spec, pieces.world.places, pieces.site_key
    where = f"@holdfast_closed_{name}"
    if f"closed {name}" in pieces.inner:
        return where  # another path of the Site did it
    page = _page(pieces, spec.maintenance.page or PLAIN_PAGE, round(spec.maintenance.retry_after), site=name)
    turned_away = Directive("error_page", (TURNED_AWAY, "=503", page))
    if not is_there("auth_request", pieces.world.capability):
        pieces.inner[f"closed {name}"] = Directive("location", (where,), (turned_away, Directive("return", (TURNED_AWAY,))))
        return where
    group = (Directive("server", (f"unix:{places.gate}", "max_fails=0")), Directive("keepalive", ("32",)))
    pieces.http[f"upstream {GATE}"] = Directive("upstream", (GATE,), group)
    gate = f"/.holdfast/wait/{name}"
    pieces.inner[f"closed {name}"] = Directive(
        "location",
        (where,),
        (
            Directive("error_page", (TURNED_AWAY, "403", "500", "502", "504", "=503", page)),  # also who waited too long, or meets nobody
            branch("!-f", places.flag(f"{name}{PAUSED}"), returns=TURNED_AWAY),
            branch("$request_uri", "~*", ALTERED, returns=TURNED_AWAY),
            Directive("auth_request", (gate,)),
            Directive("try_files", ("/.holdfast/none", "$uri$is_args$args")),
        ),
    )
    pieces.inner[f"wait {name}"] = Directive(
        "location",
        ("=", gate),
        (
            Directive("internal"),
            Directive("access_log", ("off",)),
            Directive("proxy_http_version", ("1.1",)),
            Directive("proxy_pass_request_headers", ("off",)),
            Directive("proxy_pass_request_body", ("off",)),
            Directive("proxy_read_timeout", (seconds(spec.pause.max + GATE_S),)),
            Directive("proxy_pass", (f"http://{GATE}/{seconds(spec.pause.max)}/{name}",)),
        ),
    )
    return where


def _page(pieces: Pieces, html: str, retry_after: int | None, *, site: str | None = None) -> str:
    """Add a page that only nginx itself goes to; return its path. `site`: whose message stands in its place while there is one."""
    name = pieces.page(html)
    path = f"/.holdfast/{'-'.join(word for word in (site, None if retry_after is None else str(retry_after), name) if word)}"
    retry = (Directive("add_header", ("Retry-After", str(retry_after), "always")),) if retry_after is not None else ()
    places = pieces.world.places
    message = (Directive("root", (places.root,)), Directive("try_files", (f"/flags/{site}{MESSAGE}", f"/pages/{name}", "=503")))
    pieces.inner[f"page {path}"] = Directive(
        "location",
        ("=", path),
        (
            Directive("internal"),
            *(message if site is not None else (Directive("alias", (places.beneath("pages", name),)),)),
            Directive("default_type", ("text/html",)),
            Directive("add_header", ("Cache-Control", "no-store", "always")),
            Directive("add_header", ("X-Content-Type-Options", "nosniff", "always")),
            *retry,
        ),
    )
    return path


def breaker(pieces: Pieces, path: Path) -> Iterator[Directive]:
    """Yield what answers while the application rests; whoever is named as fallback is asked by `error_page`'s named location."""
    spec = path.route.breaker
    if spec is None:
        return
    name = pieces.path_key(path)
    pieces.guarded.append(Guarded(site=pieces.part.id, path=path.name, key=name, spec=spec))
    yield branch("-f", pieces.world.places.flag(f"{name}{SHARE}{SUFFIX}"), returns=OPEN)
    yield Directive("set", (GUARDED, name))  # what was turned away above is nobody's answer
    if spec.fallback is not None:
        yield Directive("error_page", (OPEN, "=", f"@holdfast_fallback_{name}"))
    else:
        yield Directive("error_page", (OPEN, "=503", _page(pieces, PLAIN_PAGE, max(round(spec.open), 1))))


def shares() -> Directive:
    """Return what gives each request its share: a half-open breaker lets those of one share through."""
    parts = (Directive(f"{TRIAL_PERCENT}%", (TRIAL,)), Directive("*", (REST,)))
    return Directive("split_clients", ("$request_id", SHARE), parts)


def error_pages(pieces: Pieces, route: Route) -> Iterator[Directive]:
    for spec in route.error_pages or ():
        yield Directive("error_page", (*map(str, spec.statuses), _page(pieces, spec.page, None)))


def access(pieces: Pieces, route: Route) -> Iterator[Directive]:
    """Yield who may ask by address, name and certificate."""
    for network in route.deny or ():
        yield Directive("deny", (network,))
    for network in route.allow or ():
        yield Directive("allow", (network,))
    if route.allow:
        yield Directive("deny", ("all",))
    if route.auth is None:
        return
    if route.auth.basic is not None:
        yield Directive("auth_basic", (literal(route.auth.basic.realm),))
        yield Directive("auth_basic_user_file", (pieces.secret(route.auth.basic.users.secret),))
    if route.auth.mtls is not None:
        yield from _client_certificate(pieces, route)


def _client_certificate(pieces: Pieces, route: Route) -> Iterator[Directive]:
    """Ask every client of the host for a certificate, and demand it here."""
    assert route.auth is not None
    assert route.auth.mtls is not None
    ca = route.auth.mtls.ca or pieces.world.edge.client_ca
    if not pieces.is_tls:
        raise pieces.refusal("HF1319", "clients show certificates over TLS only", "leave out certificate: none")
    if ca is None:
        raise pieces.refusal("HF1319", "nobody says who signs the clients' certificates", "write auth.mtls.ca, or clientCa of the Edge")
    wanted = (
        Directive("ssl_client_certificate", (pieces.secret(ca.secret),)),
        Directive("ssl_verify_client", ("optional",)),
        Directive("ssl_verify_depth", (str(route.auth.mtls.depth),)),
    )
    for directive in wanted:
        if pieces.server.setdefault(directive.name, directive) != directive:
            raise pieces.refusal("HF1319", "two of its paths ask for certificates of different authorities", "TLS knows one for a host")
    yield branch("$ssl_client_verify", "!=", "SUCCESS", returns="403")


def limits(pieces: Pieces, path: Path) -> Iterator[Directive]:
    """Yield how often and how many at a time. What the Site says is counted over all its paths."""
    route, site = path.route, pieces.part.spec
    for at, limit in enumerate(route.rate_limit or ()):
        scope = pieces.part.label if route.rate_limit == site.rate_limit else path.name
        # nginx refuses, at a reload and only in its log, to change the key of a zone that is there: key and rate are in its name.
        zone = key(f"rate {scope}", at, limit.key, limit.rate)
        variable = key_variable(limit.key)
        pieces.http[f"rate {zone}"] = Directive("limit_req_zone", (variable, f"zone={zone}:10m", f"rate={limit.rate}"))
        burst = (f"burst={limit.burst}",) if limit.burst else ()
        yield Directive("limit_req", (f"zone={zone}", *burst, *(("nodelay",) if limit.burst and not limit.delay else ())))
    if route.rate_limit:
        yield Directive("limit_req_status", ("429",))
        if any(limit.dry_run for limit in route.rate_limit):
            yield Directive("limit_req_dry_run", ("on",))
    if route.concurrency is not None:
        scope = pieces.part.label if route.concurrency == site.concurrency else path.name
        zone = key(f"conn {scope}", route.concurrency.key)
        pieces.http[f"conn {zone}"] = Directive("limit_conn_zone", (key_variable(route.concurrency.key), f"zone={zone}:10m"))
        yield Directive("limit_conn", (zone, str(route.concurrency.limit)))
        yield Directive("limit_conn_status", ("429",))
