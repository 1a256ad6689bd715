"""Expiry: looks at the certificates that visitors get, and raises the alarm where less than a third of one's life is left.

A renewed certificate that nginx does not serve is as bad as none, so what counts is what comes over the wire. `look` is the proof of claims
with the method `tls`: target {host, port, server_name}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from holdfast.edge import certificate_event as events
from holdfast.edge.certificate import covers
from holdfast.edge.certificate_life import Held, Leaf, is_late
from holdfast.errors import EngineError
from holdfast.host.tls import Handshake
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.duration import format_duration
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Journal
from holdfast.model.proof import Claim

EVERY_S, ALARMED_S = 3_600.0, 60.0
"""Between two looks at everything, and at what is late."""
TIMEOUT_S = 5.0
METHOD = "tls"


class Served(Protocol):
    """Shakes hands as a visitor does. Raises `Unavailable` or `TimedOut`."""

    async def __call__(self, host: str, port: int, *, server_name: str, timeout_s: float) -> Handshake: ...


@dataclass(frozen=True, slots=True)
class _Alarm:
    """Who was told, and of which certificate."""

    id: ResourceId
    serial: str


class ExpiryController:
    """`held` answers with all certificates, `edge` with address and port where visitors come in; None while nobody is served."""

    def __init__(
        self,
        *,
        held: Callable[[], Mapping[ResourceId, Held]],
        edge: Callable[[], tuple[str, int] | None],
        served: Served,
        journal: Journal,
        clock: Clock,
        random: Random,
    ) -> None:
        self._held = held
        self._edge = edge
        self._served = served
        self._journal = journal
        self._clock = clock
        self._random = random
        self._alarms: dict[str, _Alarm] = {}
        """By host."""

    async def run(self) -> None:
        while True:
            await self.look_around()
            every_s = ALARMED_S if self._alarms else EVERY_S
            await self._clock.sleep(every_s * (0.75 + self._random.random() / 2))

    async def look_around(self) -> None:
        """Look at every host of every certificate once."""
        where = self._edge()
        for id, held in sorted(self._held().items()) if where is not None else ():
            for host in held.spec.hosts:
                try:
                    shown = await self._served(*(where or ("", 0)), server_name=visited(host), timeout_s=TIMEOUT_S)
                except EngineError:
                    continue  # that nobody answers is for others to tell
                await self._judge(id, held, host, shown.leaf)
        for host, alarm in tuple(self._alarms.items()):
            if alarm.id not in self._held():
                del self._alarms[host]

    async def look(self, claim: Claim, target: Mapping[str, Json]) -> tuple[bool, str]:
        """Return whether a visitor gets a sound certificate, and what was seen: one that is for the name and not in its last third."""
        host, port, name = str(target.get("host") or "127.0.0.1"), target.get("port"), str(target.get("server_name") or "")
        if not isinstance(port, int):
            return False, f"no port in the target of {claim.text!r}"
        shown = await self._served(host, port, server_name=visited(name), timeout_s=TIMEOUT_S)
        now = self._clock.now()
        for id, held in self._held().items():
            if any(covers((own,), name) for own in held.spec.hosts):
                await self._judge(id, held, name, shown.leaf)
        is_for = shown.leaf.is_for((name,))
        return is_for and not is_late(shown.leaf, now), _seen(shown, name, now)

    async def _judge(self, id: ResourceId, held: Held, host: str, leaf: Leaf) -> None:
        """Tell once that a certificate is late, and once that a fresh one has taken its place."""
        now, alarm = self._clock.now(), self._alarms.get(host)
        if is_late(leaf, now):
            if alarm is None or alarm.serial != leaf.serial:
                self._alarms[host] = _Alarm(id, leaf.serial)
                await self._journal.emit(events.expiring(id, held, host, leaf, at=now))
        elif alarm is not None:
            del self._alarms[host]
            await self._journal.emit(events.fresh(id, held, host, leaf, at=now))


def claim(host: str, *, address: str, port: int) -> Claim:
    """Return the claim that visitors of `host` get a sound certificate; `address` and `port` are where the edge listens."""
    target: dict[str, Json] = {"host": address, "port": port, "server_name": host}
    return Claim(text=f"serves a fresh certificate for {host} on port {port}", method=METHOD, target=target, valid_for_s=900.0)


def visited(host: str) -> str:
    """Return a name that a visitor may ask for: of a wildcard one of its hosts."""
    return host.replace("*", "holdfast-look", 1)


def _seen(shown: Handshake, name: str, now: Instant) -> str:
    leaf = shown.leaf
    left_s = leaf.not_after - now
    age = f"{format_duration(round(left_s))} of {format_duration(round(leaf.life_s))} left" if left_s > 0 else "expired"
    whose = "" if leaf.is_for((name,)) else f", for {', '.join(leaf.names) or 'nobody'}"
    return f"serial {leaf.serial}, {age}{whose}, by {leaf.issuer}, {shown.protocol}"
