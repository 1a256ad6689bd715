"""Checking: asks the targets of Sites whether they are well, and leaves out those that are not: by a file each, which needs no reload.

Each target has its own jittered beat, one look at a time and so many at once at most. Nothing is written, told or rendered while nobody
changes sides. What no file can say (`target_health.choices`) is told to `refold`, and goes into the configuration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from holdfast.edge.fold import Folded
from holdfast.edge.part import Part
from holdfast.edge.target_health import SUFFIX, Check, Standing, flag_of, is_prepared, judge, left_out
from holdfast.engines.nginx import telling
from holdfast.engines.nginx.port import Nginx, Wire
from holdfast.errors import EngineError, TimedOut
from holdfast.host.wire import Visit
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Emit

AT_ONCE = 32
LEAST_S = 0.1
"""Between two looks at one target, whatever is asked for."""
JITTER = 0.1
"""Of an interval, to both sides, so that many targets are not asked at one moment."""
LONGEST_REASON = 200


@dataclass(slots=True, kw_only=True)
class _Target:
    check: Check
    address: str
    standing: Standing
    due_at: float
    why: str = ""
    """Why it was left out."""
    is_asked: bool = False


@dataclass(slots=True, kw_only=True)
class _Group:
    check: Check
    targets: Mapping[str, _Target]
    out: frozenset[str] = field(default_factory=frozenset)
    """Who is left out by now."""

    @property
    def failing(self) -> tuple[_Target, ...]:
        return tuple(target for target in self.targets.values() if not target.standing.is_in)

    @property
    def written(self) -> frozenset[str]:
        """Return whom the configuration itself leaves out."""
        return frozenset() if is_prepared(len(self.out), len(self.targets)) else self.out


class Checking:
    """`changed` is told of Sites that stand otherwise, `refold` that the configuration must say something else."""

    def __init__(
        self,
        *,
        nginx: Nginx,
        wire: Wire,
        emit: Emit,
        clock: Clock,
        random: Random,
        changed: Callable[[Iterable[ResourceId]], None],
        refold: Callable[[], None],
        crashed: Callable[[str, BaseException], None] | None,
    ) -> None:
        self._nginx = nginx
        self._wire = wire
        self._emit = emit
        self._clock = clock
        self._random = random
        self._changed = changed
        self._refold = refold
        self._crashed = crashed
        self._groups: dict[str, _Group] | None = None
        self._of_site: dict[ResourceId, list[_Group]] = {}
        self._parts: Mapping[ResourceId, Part] = {}
        self._bell = Wakeup()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._looks = 0

    # What others ask

    def out(self) -> frozenset[str]:
        """Return the flags of the targets that are left out; until the first configuration is known, those that an earlier life left."""
        if self._groups is None:
            return frozenset(flag for flag in self._nginx.flags() if flag.endswith(SUFFIX))
        return frozenset(flag_of(name, address) for name, group in self._groups.items() for address in group.out)

    def told(self, site: ResourceId) -> dict[str, Json]:
        """Return what a handle says of the targets of a Site; nothing while all pass."""
        groups = [group for group in self._of_site.get(site, ()) if group.failing]
        if not groups:
            return {}
        failing: list[Json] = [f"{target.address}: {target.why}" for group in groups for target in group.failing]
        return {
            "failing": failing,
            "targets": sum(len(group.targets) for group in groups),
            "left_out": sum(len(group.out) for group in groups),
        }

    def follow(self, folded: Folded | None) -> None:
        """Ask the targets of this configuration from now on; those that are known stand where they stood."""
        now, old = self._clock.monotonic(), self._groups or {}
        flags = self._nginx.flags()
        groups: dict[str, _Group] = {}
        for check in folded.checks if folded is not None else ():
            before = old.get(check.group)
            known = before.targets if before is not None else {}
            targets = {
                address: self._kept(known[address], check) if address in known else self._new(check, address, flags, now)
                for address in check.targets
            }
            groups[check.group] = _Group(check=check, targets=targets)
            groups[check.group].out = left_out([target.address for target in groups[check.group].failing], targets)
        self._groups, self._parts = groups, folded.served if folded is not None else {}
        self._of_site = {}
        for group in groups.values():
            self._of_site.setdefault(group.check.site, []).append(group)
        self._bell.wake()

    def _kept(self, target: _Target, check: Check) -> _Target:
        target.check = check
        return target

    def _new(self, check: Check, address: str, flags: Collection[str], now: float) -> _Target:
        is_in = flag_of(check.group, address) not in flags
        why = "" if is_in else "it did not pass before the daemon was started anew"
        due_at = now + check.spec.interval * self._random.random()
        return _Target(check=check, address=address, standing=Standing(is_in=is_in), due_at=due_at, why=why)

    # Looking

    async def run(self) -> None:
        """Ask whoever is due, until cancelled; those who are left out stay out meanwhile."""
        async with Tasks(on_crash=self._crashed) as tasks:
            while True:
                await self._mark()
                now = self._clock.monotonic()
                waiting = [target for target in self._targets() if not target.is_asked]
                for target in waiting:
                    if target.due_at <= now:
                        target.is_asked = True
                        self._looks += 1
                        tasks.start(f"look {self._looks}", self._look(target), guard=True)
                next_at = min((target.due_at for target in waiting if not target.is_asked), default=None)
                await self._bell.wait_until(None if next_at is None else asyncio.get_running_loop().time() + max(0.0, next_at - now))

    def _targets(self) -> Iterable[_Target]:
        return (target for group in (self._groups or {}).values() for target in group.targets.values())

    async def _mark(self) -> None:
        """Have the flags say who is left out; also those that somebody took away or put there."""
        if self._groups is not None:
            with suppress(EngineError):  # a folder that takes nothing now is tried again at the next look
                await self._nginx.mark(SUFFIX, self.out())

    async def _look(self, target: _Target) -> None:
        try:
            async with self._room:
                why = await self._ask(target)
        finally:
            target.is_asked = False
            spread = 1.0 + JITTER * (2.0 * self._random.random() - 1.0)
            target.due_at = self._clock.monotonic() + max(target.check.spec.interval, LEAST_S) * spread
            self._bell.wake()
        was_in = target.standing.is_in
        target.standing = judge(target.standing, passed=why is None, spec=target.check.spec)
        group = (self._groups or {}).get(target.check.group)
        if target.standing.is_in is not was_in and group is not None and group.targets.get(target.address) is target:
            target.why = (why or "")[:LONGEST_REASON]
            await self._has_changed(group, target)

    async def _ask(self, target: _Target) -> str | None:
        """Return what is wrong with a target; None where it passes."""
        spec = target.check.spec
        try:
            seen = await self._wire.visit(visit_of(target.check, target.address), timeout_s=spec.timeout)
        except TimedOut:
            return f"no answer within {spec.timeout:g} s"
        except EngineError as error:
            return error.message.rpartition(": ")[2]
        return None if seen.status in spec.expect else f"it answers {seen.status}"

    async def _has_changed(self, group: _Group, target: _Target) -> None:
        before = group.written
        group.out = left_out([each.address for each in group.failing], group.targets)
        await self._mark()
        if group.written != before:
            self._refold()
        part = self._parts.get(group.check.site)
        await self._emit(
            telling.target(
                at=self._clock.now(),
                check=group.check,
                target=target.address,
                why=None if target.standing.is_in else target.why,
                failing=len(group.failing),
                left_out=len(group.out),
                parts=() if part is None else (part,),
            )
        )
        self._changed([group.check.site])


def visit_of(check: Check, address: str) -> Visit:
    """Return the visit that asks a target, as nginx would ask it."""
    host, _, port = address.rpartition(":")
    is_unix = address.startswith("unix:")
    return Visit(
        address=address if is_unix else host.strip("[]"),
        port=0 if is_unix else int(port),
        host=check.host,
        is_tls=check.is_tls,
        path=check.spec.path,
        server_name=check.server_name,
        headers=(("X-Forwarded-Proto", check.scheme),),  # else an application that insists on TLS would only ever redirect
    )
