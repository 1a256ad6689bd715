"""Private: looks from elsewhere whether the ports of a private Process are closed to strangers and open to those that need it.

The two ways to look that claims of the methods `closed` and `open` ask for; `prove` says when. Strangers are another user, at loopback and
at every address of this host; ourselves, at every address but loopback, since what listens there is reached by whoever gets a packet
through; and the other network namespaces of this host. What is seen is judged by workload.closed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from holdfast.kit.canonical import Json
from holdfast.model.proof import Claim
from holdfast.model.vantage import LookFrom, Target, Vantage
from holdfast.workload.closed import Judgement, Look, judge_closed, judge_open

LOOPBACK = ("127.0.0.1", "::1")
TIMEOUT_S = 2.0
STRANGERS = range(65534, 65000, -1)
"""Uids to look as, the first that may not come: nobody's, else one that no user has."""


class RunUser(Protocol):
    """uid and gid -1: ourselves, who are not root."""

    @property
    def uid(self) -> int: ...

    @property
    def gid(self) -> int: ...


class PrivateController:
    """`user_of` gives the run user of an Application and a named user; `uid_of` the uid of a client's name, None where there is none.

    `network_of` gives the path of the namespace of a Network; `networks` those of all namespaces of this host but its own; `addresses` are
    where others reach this host.
    """

    def __init__(
        self,
        *,
        look_from: LookFrom,
        is_root: bool,
        user_of: Callable[[str, str | None], Awaitable[RunUser]],
        uid_of: Callable[[str], int | None],
        network_of: Callable[[str], str],
        networks: Callable[[], Sequence[str]],
        addresses: Callable[[], Sequence[str]],
    ) -> None:
        self._look_from = look_from
        self._is_root = is_root
        self._user_of = user_of
        self._uid_of = uid_of
        self._network_of = network_of
        self._networks = networks
        self._addresses = addresses

    async def closed(self, claim: Claim, target: Mapping[str, Json]) -> Judgement:
        """Look whether nobody but those that may come gets in. Raises `EngineError` where nothing could be looked at."""
        network = target.get("network")
        home = self._network_of(network) if isinstance(network, str) else None
        within = Vantage(name="inside", targets=_targets(target, LOOPBACK), network=home)
        outside = list(self._outside(target, home))
        within_seen, *outside_seen = await self._look_from([within, *outside], timeout_s=TIMEOUT_S)
        looks = [Look(vantage=vantage, seen=seen) for vantage, seen in zip(outside, outside_seen, strict=True) if seen]
        return judge_closed(Look(vantage=within, seen=within_seen), looks)

    def _outside(self, target: Mapping[str, Json], home: str | None) -> Sequence[Vantage]:
        everywhere = tuple(self._addresses())
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
                Vantage(name=f"network {path.rpartition('/')[2]}", targets=_targets(target, everywhere), network=path)
                for path in self._networks()
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


def _targets(target: Mapping[str, Json], hosts: Sequence[str]) -> tuple[Target, ...]:
    """Return the socket of a claim, or each of its ports at each of `hosts`."""
    if isinstance(path := target.get("path"), str):
        return (Target(path=path),)
    ports = target.get("ports")
    return tuple(
        Target(host=host, port=port) for host in hosts for port in (ports if isinstance(ports, list) else ()) if isinstance(port, int)
    )
