"""Private: who may come to the ports of a Process and where it may go, at three levels, and what is claimed of it.

`open` closes nothing. `private`, the default of databases, keeps the ports on loopback or a unix socket, has the kernel let the program
bind no others (Landlock), and, as root, lets only the users of what needs it connect (nftables, by a PortGuard). `strict` puts it into the
network namespace of a Network. Every level but open makes claims that are looked at from outside; none of this counts as proven before.

Laws: nothing is derived that this host cannot do, and what it cannot is a warning; a Process that says nothing of its network and is no
database stays exactly as it was. Figures and reasons: decision 0018.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from holdfast.errors import DeclarationError, RefusedDeclaration
from holdfast.kit.canonical import Json
from holdfast.model.declaration import Declaration, Peer, Scope
from holdfast.model.labels import APPLICATION
from holdfast.model.proof import Claim
from holdfast.model.resource import Derived, Resource, Warning
from holdfast.model.state import State
from holdfast.workload.exposure import DATABASE_PORTS, DATABASES, WAIVERS, is_loopback
from holdfast.workload.ground import Ground
from holdfast.workload.port_guard import guard
from holdfast.workload.process_spec import ProcessSpec
from holdfast.workload.run import BIND, CONNECT, NETWORK

CLOSED, OPEN = "closed", "open"
"""Methods of the claims: how they are looked at."""
VALID_S = 120.0
SERVERS: frozenset[str] = DATABASES | frozenset(
    "postmaster mongod mongos mysqld mysqld_safe mariadbd mariadbd-safe redis-server redis-sentinel valkey-server keydb-server clickhouse "
    "influxd arangod rethinkdb cockroach beam.smp surreal qdrant".split()
)
"""Names of programs that hold data and ask little of who connects."""
PORTS: Mapping[int, str] = {port: name for port, name in DATABASE_PORTS.items() if port < 50_000}
_VERSION = re.compile(r"[-@]?\d+(\.\d+)*$")
_LISTENS = re.compile(r"--?(?:bind[_-](?:ip|address|addr)|bind|listen[_-]addresses|listen|http[_-]addr|host)")
"""Options of database servers that name addresses to listen on (postgres, redis, mongod, mysqld, cockroach)."""
_SHORT: Mapping[str, str] = {"postgres": "-h", "postmaster": "-h", "memcached": "-l"}
_EVERYWHERE = frozenset({"--bind_ip_all"})
_Say = Callable[[str, str, tuple[str | int, ...], str | None], DeclarationError]


def is_database(spec: ProcessSpec) -> bool:
    """Say whether it is a database, by its program or by its port."""
    program = spec.command[0].rpartition("/")[2] if spec.command else ""
    return spec.port in PORTS or _VERSION.sub("", program).lower() in SERVERS or program.lower() in SERVERS


def level_of(spec: ProcessSpec) -> str:
    return spec.network.level or ("private" if is_database(spec) else "open")


def ports_of(spec: ProcessSpec) -> tuple[int, ...]:
    """Return every TCP port that others are to find it at."""
    held = (socket.port for socket in spec.sockets)
    return tuple(sorted({port for port in (spec.port, *spec.network.listen, *held) if port is not None}))


def network_of(spec: ProcessSpec, namespace: str) -> str | None:
    """Return `namespace/name` of the Network that it is in."""
    return f"{namespace}/{spec.network.name}" if level_of(spec) == "strict" and spec.network.name else None


# What may not be said


def errors(declaration: Declaration, scope: Scope, ground: Ground | None) -> Iterator[DeclarationError]:
    spec: ProcessSpec = declaration.spec
    network, level = spec.network, level_of(spec)

    def say(code: str, reason: str, path: tuple[str | int, ...], hint: str | None) -> DeclarationError:
        where = [declaration.place(("spec", *path))]
        return DeclarationError(code, f"cannot run Process {declaration.name}: {reason}", where=where, hint=hint)

    if level == "strict":
        if network.name is None:
            yield say(
                "HF3087", "level strict needs a network to be in", ("network", "level"), "write network.name, and declare that Network"
            )
        if ground is not None and ground.namespaces is not None:
            hint = "run Holdfast as root, or write level: private"
            yield say("HF3088", f"a network namespace cannot be had: {ground.namespaces}", ("network", "level"), hint)
        yield from _unseen_probes(spec, say)
    elif network.name is not None:
        yield say("HF3087", f"it names a network and its level is {level}", ("network", "name"), "write level: strict, or leave name out")
    if network.clients and level != "private":
        yield say("HF3087", f"it names clients and its level is {level}: nobody is kept out by user", ("network", "clients"), None)
    if network.socket is not None and network.socket == ".":
        yield say("HF3087", "its socket is the data folder itself", ("network", "socket"), "name a file in it")
    yield from _public_sockets(declaration, level, scope, say)
    yield from _public_options(declaration, level, scope)


def _unseen_probes(spec: ProcessSpec, say: _Say) -> Iterator[DeclarationError]:
    """Yield probes of a port that only those in its network reach."""
    held = bool(spec.sockets)
    for kind in ("startup", "liveness", "readiness"):
        probe = getattr(spec.probes, kind)
        look = None if probe is None else probe.http or probe.tcp
        if look is not None and look.socket is None and (look.port is not None or not held):
            hint = "probe a held socket, or run a command in its network with an exec probe"
            yield say("HF3087", f"its {kind} probe asks a port that only its network reaches", ("probes", kind), hint)


def _public_sockets(declaration: Declaration, level: str, scope: Scope, say: _Say) -> Iterator[DeclarationError]:
    spec: ProcessSpec = declaration.spec
    for at, socket in enumerate(spec.sockets):
        if socket.port is None or is_loopback(socket.host):
            continue
        path = ("sockets", at, "host")
        if is_database(spec) and not _is_let(level, scope):
            yield _exposed(declaration, f"is held on {socket.host}:{socket.port}", path)
        elif level == "private":
            yield say("HF3087", f"it is private, and socket {socket.name} listens on {socket.host}", path, "leave host out: loopback")


def _public_options(declaration: Declaration, level: str, scope: Scope) -> Iterator[DeclarationError]:
    """Yield what its command says of listening beyond loopback. What a configuration file says is seen by the look from outside."""
    spec: ProcessSpec = declaration.spec
    if not is_database(spec) or level == "strict" or _is_let(level, scope):
        return
    for at, address in listening(spec.command):
        if not is_loopback(address):
            yield _exposed(declaration, f"listens on {address or 'every address'} by its command", ("command", at))


def _is_let(level: str, scope: Scope) -> bool:
    """Say whether Git may open a database: it says so, and the local configuration lets such words count."""
    return level == "open" and WAIVERS in scope.allowed


def _exposed(declaration: Declaration, how: str, path: tuple[str | int, ...]) -> RefusedDeclaration:
    return RefusedDeclaration(
        "HF1440",
        f"cannot run Process {declaration.name}: the database {how}, where everybody who reaches the host reaches it",
        where=[declaration.place(("spec", *path))],
        hint="listen on 127.0.0.1 or a unix socket; `level: open` counts only where the local configuration allows waivers",
    )


def listening(command: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the place in a command and the text of each address that a database server is told to listen on; `*` is every one."""
    program = command[0].rpartition("/")[2] if command else ""
    short = _SHORT.get(program)
    for at, word in enumerate(command[1:], 1):
        name, equals, value = word.partition("=")
        if word in _EVERYWHERE:
            yield at, "*"
        elif equals and (name == "listen_addresses" or _LISTENS.fullmatch(name)):  # postgres -c listen_addresses=…
            yield from ((at, each) for each in _addresses(value))
        elif _LISTENS.fullmatch(word) or word == short:
            for place, following in enumerate(command[at + 1 :], at + 1):
                if following.startswith("-") and not following.startswith("-:"):
                    break
                yield from ((place, each) for each in _addresses(following))
                if program != "redis-server":  # which takes several words
                    break
        elif short is not None and word.startswith(short) and not word.startswith("--"):
            yield from ((at, each) for each in _addresses(word[len(short) :]))


def _addresses(text: str) -> Iterator[str]:
    """Yield the addresses of `127.0.0.1, ::1`; redis writes `-::1` for one that may be missing; a path is a unix socket's."""
    for word in re.split(r"[\s,]+", text.strip().strip("'\"")):
        address = word.removeprefix("-")
        host, colon, port = address.rpartition(":")
        if colon and port.isdigit() and host.count(":") == 0:
            address = host
        if address and not address.startswith("/"):
            yield address


def warnings(declaration: Declaration, ground: Ground | None) -> Iterator[Warning]:
    """Yield what this host cannot close, and what nobody can look at."""
    spec: ProcessSpec = declaration.spec
    level, ports = level_of(spec), ports_of(spec)

    def warn(reason: str, message: str) -> Warning:
        return Warning(reason=reason, message=f"Process {declaration.name} {message}", origin=declaration.origin)

    if is_database(spec) and spec.network.level == "open":
        yield warn("OpenDatabase", "is a database at level open: nobody looks whether it is closed")
    if is_database(spec) and level != "open" and not ports and spec.network.socket is None:
        yield warn("NothingToProve", "is a database and names no port or network.socket: whether it is closed cannot be looked at")
    if ground is None:
        return
    if level == "private" and ports and ground.user_rules is not None:
        words = f"is on loopback, where every user of this host comes to {named(ports)}: {ground.user_rules}"
        yield warn("NoUserRules", f"{words}; a unix socket (network.socket) is closed to them")
    if ground.port_rules is not None and any(rules is not None for rules in _rules(spec, (), Ground())):
        yield warn("NoPortRules", f"may bind and connect to any port: {ground.port_rules}")


# What comes of it


def joined(
    own: Peer, leaves: tuple[Resource, ...], needs: tuple[Peer, ...], dependants: tuple[Peer, ...], ground: Ground | None
) -> tuple[Resource, ...]:
    """Return the leaves of a Process as they stand among others, and the guard of its ports: `model.declaration.Joining`."""
    spec: ProcessSpec = own.declaration.spec
    level = level_of(spec)
    if ground is None or not leaves:
        return leaves
    bind, connect = _rules(spec, needs, ground)
    fields: dict[str, Json] = {}
    if bind is not None:
        fields[BIND] = list[Json](bind)
    if connect is not None:
        fields[CONNECT] = list[Json](connect)
    if (network := network_of(spec, own.id.namespace)) is not None:
        fields[NETWORK] = network
    if level == "open":
        return _with(leaves, fields)
    clients = tuple(peer for peer in dependants if isinstance(peer.declaration.spec, ProcessSpec))
    ports, application = ports_of(spec), leaves[0].labels.get(APPLICATION, own.id.namespace)
    users = sorted({_user(spec, application), *(_user(peer.declaration.spec, application) for peer in clients), *spec.network.clients})
    is_guarded = level == "private" and bool(ports) and ground.user_rules is None
    claims = () if spec.suspended else tuple(_claims(own, clients, ground, application, users, is_guarded=is_guarded))
    found = _with(leaves, fields)
    first = replace(found[0], claims=(*found[0].claims, *claims))
    if not is_guarded:
        return (first, *found[1:])
    closing = guard(own.id, ports, users, first)
    closing = replace(closing, owner=Derived((own.id,)), origin=own.declaration.origin)
    return (*(replace(leaf, needs=leaf.needs | {closing.id}) for leaf in (first, *found[1:])), closing)


def _with(leaves: tuple[Resource, ...], fields: Mapping[str, Json]) -> tuple[Resource, ...]:
    if not fields:
        return leaves
    return tuple(replace(leaf, state=State.of({**leaf.state.fields, **fields})) for leaf in leaves)


def _rules(spec: ProcessSpec, needs: tuple[Peer, ...], ground: Ground) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Return the ports that it may bind and connect to; None where that is left open.

    A database at its default level may connect anywhere: it archives and replicates. What a program may bind is what it declares.
    """
    if ground.port_rules is not None:
        return None, None
    is_asked = spec.network.level in {"private", "strict"}
    own = tuple(sorted({port for port in (spec.port, *spec.network.listen) if port is not None}))
    bind = own if is_asked or (own and level_of(spec) == "private") else None
    if spec.network.connect is None and not is_asked:
        return bind, None
    needed = {port for peer in needs if isinstance(peer.declaration.spec, ProcessSpec) for port in ports_of(peer.declaration.spec)}
    return bind, tuple(sorted(needed | set(own) | set(spec.network.connect or ())))


def _user(spec: ProcessSpec, application: str) -> str:
    return spec.user or f"holdfast-{application}"


def _claims(
    own: Peer, clients: tuple[Peer, ...], ground: Ground, application: str, users: list[str], *, is_guarded: bool
) -> Iterator[Claim]:
    """Yield that its ports are closed to strangers and open to each of those that need it."""
    spec: ProcessSpec = own.declaration.spec
    ports, network = ports_of(spec), network_of(spec, own.id.namespace)
    places: list[tuple[str, dict[str, Json]]] = []
    if ports:
        places.append((named(ports), {"ports": list[Json](ports)}))
    if spec.network.socket is not None:
        places.append((f"socket {spec.network.socket}", {"path": spec.network.socket}))
    for name, place in places:
        is_beyond = "ports" in place and not is_guarded and network is None
        verb = "are" if "ports" in place and len(ports) > 1 else "is"
        whom = "beyond this host" if is_beyond else "to everybody else"
        target: dict[str, Json] = {
            **place,
            "application": application,
            "user": spec.user,
            "network": network,
            "guarded": is_guarded,
            "users": list[Json](users),
        }
        yield Claim(text=f"{name} {verb} closed {whom}", method=CLOSED, target=target, valid_for_s=VALID_S)
        for peer in clients:
            client: ProcessSpec = peer.declaration.spec
            if client.suspended:
                continue
            _, connect = _rules(client, (own,), ground)
            asked: dict[str, Json] = {
                **place,
                "application": application,
                "user": client.user,
                "network": network_of(client, peer.id.namespace),
                "connect": None if connect is None else list[Json](connect),
            }
            yield Claim(text=f"{name} {verb} open to {peer.id}", method=OPEN, target=asked, valid_for_s=VALID_S)


def named(ports: tuple[int, ...]) -> str:
    return f"port{'s' if len(ports) > 1 else ''} {', '.join(map(str, ports))}"
