"""Sockets of instances: what is held for them, under which keys, and where one is asked.

A public socket (a port or a unix path) is held once for a declared resource and handed to every replica; any other is one replica's own,
on a loopback port that the kernel chooses, and its next instance serves the same one. More such ports are kept than there are replicas:
they refuse until a replica comes, so that whoever was told all of them (the edge) need not be told of each. A private trial gets sockets of
its own in place of all. A key holds its address, so that a changed port is another socket, and the old one goes when nobody needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.engines.process.instance import Instance
from holdfast.host.files import Root
from holdfast.host.keeper_client import KeeperClient
from holdfast.host.keeper_state import HeldSocket
from holdfast.host.users import RunUser
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.workload.process import LOOPBACK
from holdfast.workload.process_spec import SocketSpec
from holdfast.workload.run import is_shared

FEWEST = 4
"""Ports that are kept for a service whose replicas have one each; of more replicas the next power of two."""
HOST = "127.0.0.1"
"""Where a replica's own socket is."""
MODE = 0o666
"""Of a unix socket: its folder, 0700 and the run user's, says who may come near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A socket that an instance is to be handed."""

    name: str
    key: str
    backlog: int
    host: str = ""
    port: int = 0
    path: str | None = None


def prefix(declared: ResourceId) -> str:
    """Return what the keys of all sockets of a declared resource begin with."""
    return f"{declared}#"


def wanted(instance: Instance, declared: ResourceId, data_dir: Path) -> tuple[Wanted, ...]:
    """Return the sockets of an instance, in the order of its spec."""
    return tuple(_wanted(instance, spec, prefix(declared), data_dir) for spec in instance.run.spec.sockets)


def _wanted(instance: Instance, spec: SocketSpec, start: str, data_dir: Path) -> Wanted:
    path = str(data_dir / spec.path) if spec.path is not None else None
    if instance.is_private:
        key = f"{start}trial{instance.slot}:{spec.name}"
        trial = f"{path}.{instance.slot}" if path is not None else None
        return Wanted(name=spec.name, key=key, backlog=spec.backlog, host=HOST, path=trial)
    if not is_shared(spec):
        return Wanted(name=spec.name, key=_own(start, instance.run.replica or 0, spec.name), backlog=spec.backlog, host=HOST)
    if path is not None:
        return Wanted(name=spec.name, key=f"{start}unix:{path}", backlog=spec.backlog, path=path)
    port = spec.port or 0
    return Wanted(name=spec.name, key=f"{start}tcp:{spec.host}:{port}", backlog=spec.backlog, host=spec.host, port=port)


async def hold(client: KeeperClient, one: Wanted, data_dir: Path, user: RunUser) -> HeldSocket:
    """Return the held socket, made now if need be; raises Conflict naming who has the port."""
    if one.path is None:
        return await client.hold_tcp(one.key, one.host, one.port, backlog=one.backlog)
    folder = Path(one.path).parent
    if folder != data_dir:
        with Root(data_dir) as root:
            root.make_folders(str(folder.relative_to(data_dir)), mode=0o700, uid=user.uid, gid=user.gid)
    return await client.hold_unix(one.key, one.path, mode=MODE, backlog=one.backlog)


def spares(instance: Instance, declared: ResourceId) -> tuple[str, ...]:
    """Return the keys of the ports that are kept beside those of an instance: so many that its replica is one of `FEWEST`, 8, 16 …"""
    most = max(FEWEST, 1 << (instance.run.replica or 0).bit_length())
    names = [] if instance.is_private else [spec.name for spec in instance.run.spec.sockets if not is_shared(spec)]
    return tuple(_own(prefix(declared), at, name) for name in names for at in range(most))


def kept(held: Iterable[str], declared: ResourceId, name: str) -> tuple[str, ...]:
    """Return the keys of all ports of that name that are kept for a declared resource, by replica."""
    found = [(at, key) for key in held if (at := _replica(key, declared, name)) is not None]
    return tuple(key for _, key in sorted(found))


def _own(start: str, replica: int, name: str) -> str:
    return f"{start}replica{replica}:{name}"


def _replica(key: str, declared: ResourceId, name: str) -> int | None:
    """Return whose own socket a key is; None where it is no replica's own of that name."""
    start, end = f"{prefix(declared)}replica", f":{name}"
    number = key[len(start) : -len(end)] if key.startswith(start) and key.endswith(end) else ""
    return int(number) if number.isdecimal() else None


def unneeded(held: Iterable[str], declared: ResourceId, every: Collection[Wanted]) -> tuple[str, ...]:
    """Return the keys that are held for a declared resource and that none of its instances wants (`every`: what they all want).

    A port is kept, also where it has no replica, while any instance of the resource has one of that name.
    """
    return tuple(key for key in _unwanted(held, declared, every) if not _is_kept(key, declared, every))


def resting(held: Iterable[str], declared: ResourceId, every: Collection[Wanted]) -> tuple[str, ...]:
    """Return the keys that are kept for a declared resource, and have no replica now."""
    return tuple(key for key in _unwanted(held, declared, every) if _is_kept(key, declared, every))


def _unwanted(held: Iterable[str], declared: ResourceId, every: Collection[Wanted]) -> Iterator[str]:
    keys = {one.key for one in every}
    yield from (key for key in held if key.startswith(prefix(declared)) and key not in keys)


def _is_kept(key: str, declared: ResourceId, every: Collection[Wanted]) -> bool:
    names = {one.name for one in every if _replica(one.key, declared, one.name) is not None}
    return any(_replica(key, declared, name) is not None for name in names)


def target(held: HeldSocket) -> dict[str, Json]:
    """Return where a held socket is asked, as the port Net takes it."""
    if held.path is not None:
        return {"path": held.path}
    host = held.host or "127.0.0.1"
    return {"host": LOOPBACK.get(host, host), "port": held.port}


def shown(held: HeldSocket) -> dict[str, Json]:
    """Return a held socket for people."""
    return {"path": held.path} if held.path is not None else {"host": held.host, "port": held.port}


def addresses(instance: Instance, declared: ResourceId, name: str, held: Mapping[str, HeldSocket]) -> tuple[str, ...]:
    """Return where an instance is asked, as nginx writes it: its socket of that name, without a name its first one, else its port.

    Of a socket that each replica has for itself: all that are kept for the resource, whoever serves them.
    """
    specs = {spec.name: spec for spec in instance.run.spec.sockets}
    chosen = name or next(iter(specs), "")
    if (spec := specs.get(chosen)) is not None and not is_shared(spec):
        return tuple(address(held[key]) for key in kept(held, declared, chosen))
    if (own := instance.sockets.get(chosen)) is not None:
        return (address(own),)
    port = instance.run.spec.port
    return (f"127.0.0.1:{port}",) if port is not None and not name else ()


def address(held: HeldSocket) -> str:
    """Return where a held socket is asked, as nginx writes it."""
    at = target(held)
    return f"unix:{at['path']}" if "path" in at else f"{_bracketed(str(at['host']))}:{at['port']}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
