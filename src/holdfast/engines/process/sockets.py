"""Sockets of instances: what is held for them, under which keys, and where one is asked.

A public socket (a port or a unix path) is held once for a declared resource and handed to every replica; any other is one slot's own, on a
loopback port that the kernel chooses. A private trial gets sockets of its own in place of the public ones. A key holds its address, so
that a changed port is another socket, and the old one goes when nobody needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
    if not is_shared(spec):
        return Wanted(name=spec.name, key=f"{start}slot{instance.slot}:{spec.name}", backlog=spec.backlog, host="127.0.0.1")
    path = str(data_dir / spec.path) if spec.path is not None else None
    if instance.is_private:
        key = f"{start}trial{instance.slot}:{spec.name}"
        trial = f"{path}.{instance.slot}" if path is not None else None
        return Wanted(name=spec.name, key=key, backlog=spec.backlog, host="127.0.0.1", path=trial)
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


def unneeded(held: Iterable[str], declared: ResourceId, every: Collection[Wanted]) -> tuple[str, ...]:
    """Return the keys that are held for a declared resource and that none of its instances wants (`every`: what they all want).

    A free slot keeps its own socket, and with it its port, while any instance of the resource has one of that name.
    """
    keys = {one.key for one in every}
    names = {one.name for one in every if _is_slots(one.key, declared)}
    return tuple(
        key
        for key in held
        if key.startswith(prefix(declared)) and key not in keys and not (_is_slots(key, declared) and key.rpartition(":")[2] in names)
    )


def _is_slots(key: str, declared: ResourceId) -> bool:
    return key.startswith(f"{prefix(declared)}slot")


def target(held: HeldSocket) -> dict[str, Json]:
    """Return where a held socket is asked, as the port Net takes it."""
    if held.path is not None:
        return {"path": held.path}
    host = held.host or "127.0.0.1"
    return {"host": LOOPBACK.get(host, host), "port": held.port}


def shown(held: HeldSocket) -> dict[str, Json]:
    """Return a held socket for people."""
    return {"path": held.path} if held.path is not None else {"host": held.host, "port": held.port}


def addresses(instance: Instance, name: str) -> tuple[str, ...]:
    """Return where an instance is asked, as nginx writes it: its socket of that name, without a name its first one, else its port."""
    names = [spec.name for spec in instance.run.spec.sockets]
    chosen = name or (names[0] if names else "")
    if held := instance.sockets.get(chosen):
        at = target(held)
        return (f"unix:{at['path']}",) if "path" in at else (f"{_bracketed(str(at['host']))}:{at['port']}",)
    port = instance.run.spec.port
    return (f"127.0.0.1:{port}",) if port is not None and not name else ()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
