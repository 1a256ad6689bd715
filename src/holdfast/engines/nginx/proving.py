"""Proving: each host is visited as a browser would, and what is seen is compared with what was applied.

What the application behind says is its own affair; what nginx says is ours: the handshake, the certificate that it read, the redirect, and
that an answer comes at all. A host that answered before a change and only fails after it was broken by the change.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.edge.part import Part
from holdfast.edge.render_guard import PAUSED
from holdfast.edge.render_server import certificate_of
from holdfast.edge.world import World, key
from holdfast.engines.nginx.port import Nginx, Wire
from holdfast.errors import EngineError, Rejected
from holdfast.host.wire import Seen, Visit
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import all_of

AT_ONCE = 32
TIMEOUT_S = 5.0
PATIENCE_S = 3.0
"""How long a change may take to be seen from outside; an application that is just being replaced is given the same."""
AGAIN_S = 0.05
SHOWN = 3
LOOPBACK: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}
LABEL = "holdfast-look"
"""In place of the `*` of a host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One visit and what must be seen. `certificates`: of those one; `location`: where it must redirect to, None: anywhere or nowhere."""

    host: str
    """As it was declared, with its `*`."""
    visit: Visit
    certificates: frozenset[str] = frozenset()
    location: str | None = None


def looks(parts: Iterable[Part], world: World, nginx: Nginx, *, with_redirects: bool) -> tuple[Look, ...]:
    """Return the visits that show the hosts of some parts, each host once; not of those that are paused, where a visit would wait."""
    owners: defaultdict[str, list[Part]] = defaultdict(list)
    flags = nginx.flags()
    for part in (part for part in parts if f"{key(part.label)}{PAUSED}" not in flags):
        for host in part.spec.hosts:
            owners[host].append(part)
    return tuple(look for host, found in sorted(owners.items()) for look in _of_host(host, found, world, nginx, with_redirects))


def _of_host(host: str, parts: list[Part], world: World, nginx: Nginx, with_redirects: bool) -> Iterator[Look]:
    first = parts[0].spec
    is_tls = first.certificate != "none"
    bound = world.edge.bind[0] if world.edge.bind else "127.0.0.1"
    name = f"{LABEL}{host[1:]}" if host.startswith("*") else host

    def visit(port: int, *, is_tls: bool) -> Visit:
        return Visit(
            address=LOOPBACK.get(bound, bound), port=port, host=name, is_tls=is_tls, path="/", is_proxied=world.edge.proxy_protocol
        )

    if not is_tls:
        yield Look(host=host, visit=visit(world.http_port, is_tls=False))
        return
    shown = frozenset(digest for part in parts if (digest := nginx.certificate(*certificate_of(part))) is not None)
    yield Look(host=host, visit=visit(world.https_port, is_tls=True), certificates=shown)
    if with_redirects and first.redirect_http:
        yield Look(host=host, visit=visit(world.http_port, is_tls=False), location=f"https://{name}")


class Proving:
    def __init__(self, *, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock

    async def statuses(self, wanted: Iterable[Look]) -> Mapping[Visit, int]:
        """Return what each visit is answered with now; those without an answer are left out."""
        found = await self._visited(tuple(wanted))
        return {look.visit: seen.status for look, seen in found if isinstance(seen, Seen)}

    async def prove(self, wanted: Iterable[Look], before: Mapping[Visit, int]) -> None:
        """Return once all is seen; `before`: statuses before the change. Raises Rejected (HF3186) with what is seen instead."""
        left = tuple(wanted)
        deadline = self._clock.monotonic() + PATIENCE_S
        while left:
            found = await self._visited(left)
            wrong = [(look, why) for look, seen in found if (why := fault(look, seen, before.get(look.visit))) is not None]
            if not wrong:
                return
            if self._clock.monotonic() >= deadline:
                raise refuted(wrong)
            left = tuple(look for look, _ in wrong)
            await self._clock.sleep(AGAIN_S)

    async def refuted(self, wanted: Iterable[Look]) -> tuple[tuple[Look, str], ...]:
        """Return what is not as it was applied."""
        found = await self._visited(tuple(wanted))
        return tuple((look, why) for look, seen in found if (why := fault(look, seen, None)) is not None)

    async def _visited(self, wanted: tuple[Look, ...]) -> list[tuple[Look, Seen | EngineError]]:
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(look: Look) -> tuple[Look, Seen | EngineError]:
            async with slots:
                try:
                    return look, await self._wire.visit(look.visit, timeout_s=TIMEOUT_S)
                except EngineError as error:
                    return look, error

        return await all_of(*(one(look) for look in wanted))


def fault(look: Look, seen: Seen | EngineError, before: int | None) -> str | None:
    """Return what is wrong with what was seen; None where it is as it was applied."""
    if isinstance(seen, EngineError):
        return seen.message.removeprefix(f"cannot visit {look.visit.url}: ")
    if look.certificates and seen.certificate not in look.certificates:
        return "another certificate is shown than the one that was applied"
    if look.location is not None and not (seen.status == 308 and seen.headers.get("location", "").startswith(look.location)):
        return f"plain HTTP is not redirected: {seen.status}"
    if before is not None and before < 500 <= seen.status:
        return f"it answers {seen.status}, and {before} before"
    return None


def refuted(wrong: Iterable[tuple[Look, str]]) -> Rejected:
    told = [f"{look.visit.url}: {why}" for look, why in wrong]
    more = f", and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return Rejected(
        "HF3186",
        f"cannot serve this configuration: {'; '.join(told[:SHOWN])}{more}",
        hint="the one before serves again; what the Site passes requests on to, and its certificate, are the first places to look",
        log=told,
    )
