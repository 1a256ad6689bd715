"""Upstreams: what stands behind a path, as nginx groups it.

A service is its held slots: a replica comes and goes on them without a reload. nginx leaves out a peer that failed, never retries the only
one, and answers 502 while all are left out. A held socket outlives its program, so it is worth asking again: each stands in the group a
second time, by another path, where nothing is left out. A slot without a replica refuses, and is asked again every few seconds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from holdfast.edge.part import Path, service_id
from holdfast.edge.pieces import Pieces
from holdfast.edge.render_health import Switch, check_of, is_checked, switch, written_out
from holdfast.edge.route_spec import Backend, HashSpec, Route, TargetSpec, UpstreamSpec
from holdfast.edge.tree import Directive
from holdfast.edge.world import key, seconds
from holdfast.kit.canonical import Json

TRIES = 3
"""Peers that are asked where nobody says it."""
ONCE = ("max_fails=1", "fail_timeout=1s")
"""One refused connection takes a peer out for a second: one that ended is not asked again before others were."""
SPARE = ("max_fails=1", "fail_timeout=5s")
"""Who refused is asked again after so long: until then a new replica is not noticed."""
ALWAYS = ("max_fails=0",)
CLIENTS: Mapping[str, str] = {"ip": "$binary_remote_addr", "ip64": "$holdfast_client"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    address: str
    weight: int = 1
    is_backup: bool = False
    follows: bool = False
    """Whether nginx looks the name up again and again."""
    is_spare: bool = False
    """Whether it refused when nginx was last told to read."""


def key_variable(text: str) -> str:
    """Return the variable of a key such as `ip64` or `header:X-User`."""
    if text in CLIENTS:
        return CLIENTS[text]
    kind, _, name = text.partition(":")
    match kind:
        case "header":
            return f"$http_{name.lower().replace('-', '_')}"
        case "cookie":
            return f"$cookie_{name}"
        case "query":
            return f"$arg_{name}"
    return "$request_uri"


def peers(pieces: Pieces, backend: Backend, route: Route) -> tuple[Peer, ...]:
    """Return who answers now; empty where nothing is held or known yet.

    Where nginx asks another peer when one refuses, all slots of a service stand, whoever serves them; else those that are served now.
    """
    service, world = service_id(backend, pieces.part.id), pieces.world
    if service is not None:
        held = world.slots.get(service) or pieces.part.slots.get(service, ())
        if finds_out(route):
            return tuple(Peer(address=address, is_spare=address in world.spare) for address in held)
        return tuple(Peer(address=address) for address in held if address not in world.resting)
    return tuple(peer for target in backend.targets for peer in _target(pieces, target))


def finds_out(route: Route) -> bool:
    """Say whether nginx finds out by asking which slots are served: it balances plainly, and asks another where one refuses."""
    is_plain = route.sticky is None and route.health is None and route.balance in {None, "roundRobin", "leastConn"}
    return is_plain and (route.retry is None or (route.retry.tries > 1 and "error" in route.retry.on))


def spare_tries(pieces: Pieces, backend: Backend, route: Route) -> int:
    """Return how many more peers than said a request may be passed to: a slot that refused was not asked anything."""
    return len(peers(pieces, backend, route)) - 1 if backend.service is not None and finds_out(route) else 0


def _target(pieces: Pieces, target: str | TargetSpec) -> Iterator[Peer]:
    spec = target if isinstance(target, TargetSpec) else TargetSpec(address=target)
    host, _, port = spec.address.rpartition(":")
    if port in {str(pieces.world.http_port), str(pieces.world.https_port)}:
        _check_loop(pieces, host, spec.address)
    if spec.address.startswith("unix:") or _is_ip(host):
        yield Peer(address=spec.address, weight=spec.weight, is_backup=spec.backup)
    elif pieces.world.capability.has_resolve and pieces.world.edge.resolvers:
        yield Peer(address=spec.address, weight=spec.weight, is_backup=spec.backup, follows=True)
    else:
        found = pieces.world.resolved.get(host, ())
        if not found:
            pieces.note(f"{host} has no address yet")
        for address in found:
            shown = f"[{address}]" if ":" in address else address
            yield Peer(address=f"{shown}:{port}", weight=spec.weight, is_backup=spec.backup)


def _check_loop(pieces: Pieces, host: str, address: str) -> None:
    """Refuse a target that is the edge itself, by a port of its own on an address that it listens on."""
    bound = pieces.world.edge.bind
    is_own = host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host.strip("[]")).is_loopback)
    if (is_own and (not bound or any(ipaddress.ip_address(each).is_loopback for each in bound))) or host.strip("[]") in bound:
        hint = "write the address that the application listens on"
        raise pieces.refusal("HF1325", f"{address} is the edge itself, so a request would go in a circle", hint)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def upstream(pieces: Pieces, backend: Backend, route: Route) -> str | None:
    """Add the group of a backend, asked as `route` says; return its name, None where nobody is in it."""
    found = peers(pieces, backend, route)
    if not found:
        return None
    name = _name(pieces, backend, route)
    pieces.http[f"upstream {name}"] = _group(pieces, name, backend, route, found)
    return name


def checked(pieces: Pieces, path: Path) -> tuple[str, Switch | None] | None:
    """Add the group of a path whose targets are asked whether they are well; return its name, and what chooses who of them is left out.

    None where nobody is in it. Where nginx follows a name by itself, nobody else knows who answers, so there is nobody to leave out.
    """
    route = path.route
    found = peers(pieces, route, route)
    name = upstream(pieces, route, route)
    if name is None or route.health is None or not is_checked(route):
        return None if name is None else (name, None)
    if any(peer.follows for peer in found):
        pieces.note(f"{path.name}: targets whose names nginx follows are not checked")
        return name, None
    targets = tuple(dict.fromkeys(peer.address for peer in found))
    pieces.checks[name] = check_of(pieces, path, name, targets, route.health)
    out = written_out(pieces, name, targets)
    if out:
        pieces.http[f"upstream {name}"] = _group(pieces, name, route, route, _but(found, out))
    asked = tuple(target for target in targets if target not in out)

    def make(group: str, missing: frozenset[str]) -> Directive:
        return _group(pieces, group, route, route, _but(found, out | missing))

    return name, switch(pieces, name, asked, make)


def _but(found: tuple[Peer, ...], out: frozenset[str]) -> tuple[Peer, ...]:
    """Return who is left; where those are backups, they are asked as the others were (nginx takes no group of backups alone)."""
    left = tuple(peer for peer in found if peer.address not in out)
    return left if any(not peer.is_backup for peer in left) else tuple(replace(peer, is_backup=False) for peer in left)


def _name(pieces: Pieces, backend: Backend, route: Route) -> str:
    spec = route.upstream or UpstreamSpec()
    what = service_id(backend, pieces.part.id) or str(
        backend.targets[0] if isinstance(backend.targets[0], str) else backend.targets[0].address
    )
    balance = tuple(_balance(pieces, route))
    options: list[Json] = [spec.keepalive, spec.keepalive_timeout, spec.max_conns, [[each.name, *each.args] for each in balance]]
    asked = [backend.service, backend.socket, backend.targets]
    if backend is route and is_checked(route):
        options.append(repr(route.health))
    return key(f"{pieces.part.label} {what}", repr(asked), repr(options))


def _group(pieces: Pieces, name: str, backend: Backend, route: Route, found: tuple[Peer, ...]) -> Directive:
    spec = route.upstream or UpstreamSpec()
    return Directive(
        "upstream",
        (name,),
        (
            Directive("zone", (name, f"{64 * (1 + len(found) // 64)}k")),
            *_balance(pieces, route),
            *(_held(found, spec, route) if backend.service is not None else _servers(found, spec)),
            *_resolver(pieces, found),
            *_keepalive(spec),
        ),
    )


def _servers(found: tuple[Peer, ...], spec: UpstreamSpec) -> Iterator[Directive]:
    for peer in found:
        arguments = [peer.address, *ONCE, *_most(spec)]
        if peer.weight != 1:
            arguments.append(f"weight={peer.weight}")
        if peer.is_backup:
            arguments.append("backup")
        if peer.follows:
            arguments.append("resolve")
        yield Directive("server", tuple(arguments))


def _held(found: tuple[Peer, ...], spec: UpstreamSpec, route: Route) -> Iterator[Directive]:
    """Yield the slots of a service. Only plain balancing knows backups; the others never leave a slot out."""
    has_backups = len(found) > 1 and route.sticky is None and route.balance in {None, "roundRobin", "leastConn"}
    for peer in found:
        left_out = SPARE if peer.is_spare else ONCE
        yield Directive("server", (peer.address, *(left_out if has_backups else ALWAYS), *_most(spec)))
    if has_backups or len(found) == 1:
        for peer in (peer for peer in found if not peer.is_spare):
            backup = ("backup",) if has_backups else ()
            yield Directive("server", (_second(peer.address), *ALWAYS, *_most(spec), *backup))


def _most(spec: UpstreamSpec) -> tuple[str, ...]:
    return (f"max_conns={spec.max_conns}",) if spec.max_conns else ()


def _second(address: str) -> str:
    """Return another way to write the address of a held socket."""
    if not address.startswith("unix:"):
        return address
    folder, _, name = address.rpartition("/")
    return f"{folder}/./{name}"


def _balance(pieces: Pieces, route: Route) -> Iterator[Directive]:
    if route.sticky is not None:
        name, age = route.sticky.cookie, route.sticky.max_age
        if pieces.world.capability.has_sticky:
            expires = () if age is None else (f"expires={seconds(age)}",)
            secure = ("secure",) if pieces.is_tls else ()
            yield Directive("sticky", ("cookie", name, *expires, "path=/", "httponly", *secure, "samesite=lax"))
        else:
            yield Directive("hash", (f"$holdfast_sticky_{name}", "consistent"))
        return
    match route.balance:
        case "leastConn":
            yield Directive("least_conn")
        case "random":
            yield Directive("random", ("two", "least_conn"))
        case HashSpec(hash=by):
            yield Directive("hash", (key_variable(by), "consistent"))


def _resolver(pieces: Pieces, found: tuple[Peer, ...]) -> Iterator[Directive]:
    if any(peer.follows for peer in found):
        yield Directive("resolver", (*pieces.world.edge.resolvers, "valid=5s"))


def _keepalive(spec: UpstreamSpec) -> Iterator[Directive]:
    if spec.keepalive:
        yield Directive("keepalive", (str(spec.keepalive),))
        yield Directive("keepalive_timeout", (seconds(spec.keepalive_timeout),))


def sticky(pieces: Pieces, route: Route) -> Directive | None:
    """Add what remembers a client where nginx has no `sticky`; return the header that sets the cookie."""
    if route.sticky is None or pieces.world.capability.has_sticky:
        return None
    name, age = route.sticky.cookie, route.sticky.max_age
    chosen = Directive("", ("$request_id",)), Directive("default", (f"$cookie_{name}",))
    pieces.http[f"map sticky {name}"] = Directive("map", (f"$cookie_{name}", f"$holdfast_sticky_{name}"), chosen)
    lasting = "" if age is None else f"; Max-Age={round(age)}"
    cookie = f"{name}=$request_id; Path=/; HttpOnly; SameSite=Lax{lasting}{'; Secure' if pieces.is_tls else ''}"
    variable = f"$holdfast_set_{key(name, cookie)}"
    pieces.http[f"map {variable}"] = Directive(
        "map", (f"$cookie_{name}", variable), (Directive("", (cookie,)), Directive("default", ("",)))
    )
    return Directive("add_header", ("Set-Cookie", variable, "always"))


def chosen(pieces: Pieces, path: Path, group: str, stable: str, switched: Switch) -> str:
    """Return the variable that names the group, where `group` is the stable one or a canary's choice, and the stable one has a switch."""
    if group == stable:
        return switched.variable
    variable = f"$holdfast_asked_{pieces.path_key(path)}"
    entries = (Directive(stable, (switched.variable,)), Directive("default", (group,)))
    pieces.http[f"map {variable}"] = Directive("map", (group, variable), entries)
    return variable


def canary(pieces: Pieces, path: Path, stable: str) -> str:
    """Add what chooses between stable and canary; return the variable that names the group, or the stable group alone."""
    spec = path.route.canary
    other = upstream(pieces, spec, path.route) if spec is not None else None
    if spec is None or other is None:
        return stable
    name = pieces.path_key(path)
    share = round(spec.percent * 100) / 100
    split = f"$holdfast_split_{name}"
    parts = [Directive(f"{share:g}%", (other,))] if 0 < share < 100 else []
    rest = other if share >= 100 else stable
    pieces.http[f"split {name}"] = Directive("split_clients", ("$holdfast_client", split), (*parts, Directive("*", (rest,))))
    asked = split
    asks = (("cookie", spec.cookie and (f"$cookie_{spec.cookie.name}", spec.cookie.value)), ("header", _asked_by_header(path.route)))
    for kind, asking in asks:
        if asking:
            source, value = asking
            chosen = f"$holdfast_{kind}_{name}"
            entries = (Directive(f"\\{value}", (other,)), Directive("\\never", (stable,)), Directive("default", (asked,)))
            pieces.http[f"canary {kind} {name}"] = Directive("map", (source, chosen), entries)
            asked = chosen
    return asked


def _asked_by_header(route: Route) -> tuple[str, str] | None:
    header = route.canary.header if route.canary is not None else None
    return None if header is None else (f"$http_{header.name.lower().replace('-', '_')}", header.value)
