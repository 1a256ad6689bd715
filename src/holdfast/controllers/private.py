"""Private: looks from elsewhere whether private ports are closed to strangers and open to those that need them.

The two ways to look that claims of the methods `closed` and `open` ask for; `prove` says when. Strangers are another user, at loopback and
at every address of this host; ourselves, at every address but loopback, since what listens there is reached by whoever gets a packet
through; and the other network namespaces of this host. Of a container, strangers are all network namespaces but those of its networks, and
whoever comes by a port that it publishes. What is seen is judged by workload.closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.proof import Claim
from holdfast.model.vantage import LookFrom, Seen, Sight, Target, Vantage
from holdfast.workload.closed import Judgement, Look, judge_closed, judge_open

LOOPBACK = ("127.0.0.1", "::1")
ANY = frozenset({"", "0.0.0.0", "::"})
TIMEOUT_S = 2.0
GONE = ("No such file or directory", "No such process")
STRANGERS = range(65534, 65000, -1)
"""Uids to look as, the first that may not come: nobody's, else one that no user has."""


class RunUser(Protocol):
    """uid and gid -1: ourselves, who are not root."""

    @property
    def uid(self) -> int: ...

    @property
    def gid(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A container that runs: its main process here, its addresses, and what it publishes: address and port of the host, port of its own."""

    pid: int
    addresses: tuple[str, ...] = ()
    published: tuple[tuple[str, int, int], ...] = ()


class PrivateController:
    """`user_of` gives the run user of an Application and a named user; `uid_of` the uid of a client's name, None where there is none.

    `network_of` gives the path of the namespace of a Network; `networks` name and path of all namespaces of this host but its own and those
    of some processes; `addresses` are where others reach this host. `container` tells of one that runs, `kin` the ids of those that share a
    network with it.
    """

    def __init__(
        self,
        *,
        look_from: LookFrom,
        is_root: bool,
        user_of: Callable[[str, str | None], Awaitable[RunUser]],
        uid_of: Callable[[str], int | None],
        network_of: Callable[[str], str],
        networks: Callable[[Collection[int]], Sequence[tuple[str, str]]],
        addresses: Callable[[], Sequence[str]],
        container: Callable[[ResourceId], Awaitable[Running | None]],
        kin: Callable[[ResourceId], Collection[ResourceId]],
    ) -> None:
        self._look_from = look_from
        self._is_root = is_root
        self._user_of = user_of
        self._uid_of = uid_of
        self._network_of = network_of
        self._networks = networks
        self._addresses = addresses
        self._container = container
        self._kin = kin

    async def closed(self, claim: Claim, target: Mapping[str, Json]) -> Judgement:
        """Look whether nobody but those that may come gets in. Raises `EngineError` where nothing could be looked at."""
        if (id := _container_of(target)) is not None:
            return await self._closed_container(id, target)
        network = target.get("network")
        home = self._network_of(network) if isinstance(network, str) else None
        within = Vantage(name="inside", targets=_targets(target, LOOPBACK), network=home)
        outside = list(self._outside(target, home))
        within_seen, *outside_seen = await self._look_from([within, *outside], timeout_s=TIMEOUT_S)
        return judge_closed(Look(vantage=within, seen=within_seen), _looks(outside, outside_seen))

    async def _closed_container(self, id: ResourceId, target: Mapping[str, Json]) -> Judgement:
        """Packets between networks of Docker are dropped, so that silence is an answer to them."""
        own = await self._container(id)
        if own is None:
            return None, "it does not run, so that it is closed to others proves nothing"
        ports, home_addresses = target.get("ports"), tuple(self._addresses())
        kin = [found for other in self._kin(id) if (found := await self._container(other)) is not None]
        within = Vantage(name="inside", targets=_targets(target, (*LOOPBACK, *own.addresses)), network=_network_of(own.pid))
        published = tuple(
            Target(host=host, port=port)
            for bound, port, inner in own.published
            if isinstance(ports, list) and inner in ports
            for host in (self._addresses() if bound in ANY else (bound,))
            if host not in LOOPBACK
        )
        outside = [Vantage(name="this host", targets=published)] if published else []
        if own.addresses:
            outside += [
                Vantage(name=name, targets=_targets(target, own.addresses), network=path, home=home_addresses)
                for name, path in self._networks([own.pid, *(each.pid for each in kin)])
            ]
        is_alone = not outside
        if is_alone:
            outside = [Vantage(name="this host", targets=_targets(target, self._addresses()))]
        within_seen, *outside_seen = await self._look_from([within, *outside], timeout_s=TIMEOUT_S)
        looks = _looks(outside, outside_seen)
        if is_alone and any(seen.sight is Sight.OPEN for look in looks for seen in look.seen):
            return None, "another program answers at that port of this host, and there is nowhere else to look from"
        return judge_closed(Look(vantage=within, seen=within_seen), looks)

    def _outside(self, target: Mapping[str, Json], home: str | None) -> Sequence[Vantage]:
        everywhere = home_addresses = tuple(self._addresses())
        beyond = Vantage(name="this host", targets=_targets(target, everywhere))
        if "path" in target:
            return [self._stranger(target, ())] if self._is_root else []
        if home is not None:
            return [Vantage(name="this host", targets=_targets(target, (*LOOPBACK, *everywhere))), self._stranger(target, everywhere)]
        found = [beyond]
        if target.get("guarded") and self._is_root:
            found.append(self._stranger(target, everywhere))
        if self._is_root:
            found += [
                Vantage(name=name, targets=_targets(target, everywhere), network=path, home=home_addresses)
                for name, path in self._networks(())
            ]
        return found

    def _stranger(self, target: Mapping[str, Json], everywhere: Sequence[str]) -> Vantage:
        """Return the vantage of a user that may not come."""
        names = target.get("users")
        may_come = {self._uid_of(str(name)) for name in names} if isinstance(names, list) else set()
        uid = next(uid for uid in STRANGERS if uid not in may_come)
        return Vantage(name=f"uid {uid}", targets=_targets(target, (*LOOPBACK, *everywhere)), uid=uid, gid=uid)

    async def open(self, claim: Claim, target: Mapping[str, Json]) -> Judgement:
        """Look whether who needs it gets in: as its user, in its network, under its port rules."""
        if (id := _container_of(target)) is not None:
            return await self._open_container(id, target)
        application, user, network, connect = (target.get(key) for key in ("application", "user", "network", "connect"))
        who = await self._user_of(str(application), user if isinstance(user, str) else None)
        vantage = Vantage(
            name=f"uid {who.uid}" if who.uid >= 0 else "this user",
            targets=_targets(target, LOOPBACK),
            network=self._network_of(network) if isinstance(network, str) else None,
            uid=who.uid if who.uid >= 0 else None,
            gid=who.gid if who.uid >= 0 else None,
            connect_ports=tuple(port for port in connect if isinstance(port, int)) if isinstance(connect, list) else None,
        )
        (seen,) = await self._look_from([vantage], timeout_s=TIMEOUT_S)
        return judge_open(Look(vantage=vantage, seen=seen))

    async def _open_container(self, id: ResourceId, target: Mapping[str, Json]) -> Judgement:
        client = _id_of(target.get("client"))
        own, comer = await self._container(id), None if client is None else await self._container(client)
        if own is None or comer is None:
            return None, f"{id if own is None else client} does not run"
        # Both may be in several networks; they meet in those that they share.
        vantage = Vantage(name=str(client), targets=_targets(target, own.addresses), network=_network_of(comer.pid))
        (seen,) = await self._look_from([vantage], timeout_s=TIMEOUT_S)
        return judge_open(Look(vantage=vantage, seen=seen))


def _looks(vantages: Sequence[Vantage], seen: Sequence[Sequence[Seen]]) -> list[Look]:
    """Return what was seen, but from networks that lead elsewhere, or that ended meanwhile: nobody is there to come from them."""
    looks = []
    for vantage, found in zip(vantages, seen, strict=True):
        is_gone = vantage.home is not None and all(each.sight is Sight.UNMADE and each.detail.endswith(GONE) for each in found)
        if here := [each for each in found if each.sight is not Sight.ELSEWHERE and not is_gone]:
            looks.append(Look(vantage=vantage, seen=here, may_drop=vantage.home is not None))
    return looks


def _network_of(pid: int) -> str:
    return f"/proc/{pid}/ns/net"


def _container_of(target: Mapping[str, Json]) -> ResourceId | None:
    return _id_of(target.get("container"))


def _id_of(value: Json) -> ResourceId | None:
    return ResourceId(*map(str, value)) if isinstance(value, list) and len(value) == len(ResourceId._fields) else None


def _targets(target: Mapping[str, Json], hosts: Sequence[str]) -> tuple[Target, ...]:
    """Return the socket of a claim, or each of its ports at each of `hosts`."""
    if isinstance(path := target.get("path"), str):
        return (Target(path=path),)
    ports = target.get("ports")
    return tuple(
        Target(host=host, port=port) for host in hosts for port in (ports if isinstance(ports, list) else ()) if isinstance(port, int)
    )
