"""Watching: looks for what somebody else did to what serves, says so once, and names whose it is. Whoever is told puts it right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from holdfast.edge.fold import Folded
from holdfast.edge.part import Part
from holdfast.engines.nginx import error_log, telling
from holdfast.engines.nginx.drift import Drift
from holdfast.engines.nginx.folding import Wanted
from holdfast.engines.nginx.port import Nginx
from holdfast.engines.nginx.proving import Look, Proving, looks
from holdfast.engines.nginx.turns import Turns
from holdfast.host.news import News
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Wakeup
from holdfast.model.ports import Emit

MEMORY_S = 5.0
"""Between looks at what the workers hold."""
WIRE_S, WIRE_LEAST_S = 10.0, 1.0
"""Each host is visited so often, and no two visits are closer than the second: of more than ten hosts each waits longer."""
DOUBT_S = 0.5
"""Between two visits that must agree: one that fails may have met a busy moment."""


class Watching:
    """`turning` is held while a configuration is brought to serve: what is seen meanwhile means nothing. `ended`: nginx must be started."""

    def __init__(
        self,
        *,
        nginx: Nginx,
        turns: Turns,
        drift: Drift,
        proving: Proving,
        news: News,
        turning: asyncio.Lock,
        ended: Callable[[], None],
        emit: Emit,
        clock: Clock,
    ) -> None:
        self._nginx = nginx
        self._turns = turns
        self._drift = drift
        self._proving = proving
        self._news = news
        self._turning = turning
        self._ended = ended
        self._emit = emit
        self._clock = clock
        self._bell = Wakeup()

    def notice(self) -> None:
        """Say that files may have changed, or that nginx may have ended."""
        self._bell.wake()

    async def look_after(self) -> None:
        """Look at files and memory when something is noticed, and now and then."""
        while True:
            await self._bell.wait_until(asyncio.get_running_loop().time() + MEMORY_S)
            async with self._turning:
                if (wanted := self._turns.wanted) is not None:
                    await self._look(wanted.folded)
            await self._nginx.rotate()

    async def tell_edits(self) -> None:
        """Tell what somebody changed on disk and was not told yet; before it is written over, at the latest."""
        folded = self._turns.wanted.folded if self._turns.wanted is not None else None
        for edit in self._drift.news():
            owners = self._drift.owners(edit, folded)
            parts = tuple(part for id in owners if folded is not None and (part := folded.served.get(id)) is not None)
            await self._emit(telling.edited(at=self._clock.now(), edit=edit, parts=parts))

    async def _look(self, folded: Folded) -> None:
        await self.tell_edits()
        before = self._drift.memory
        await self._look_at_memory()
        if self._drift.memory is not None and before is None:
            await self._emit(telling.drifted(at=self._clock.now(), what=self._drift.memory, parts=folded.served.values()))
        self._news.tell_all(self._drift.all(folded))

    async def _look_at_memory(self) -> None:
        turns, master = self._turns, self._nginx.master()
        if turns.serving is None:
            return
        if master is None:
            await self._emit(telling.exited(at=self._clock.now(), log=error_log.fatal(self._nginx.said())))
            turns.ended()
            self._ended()
            return
        answer = await self._nginx.answer()
        if master.accepting and master.accepting.isdisjoint(turns.workers):
            self._drift.memory = "nginx was told by somebody else to read its configuration"
        elif answer is not None and answer != turns.serving:
            self._drift.memory = "nginx serves a configuration of somebody else"
        elif master.accepting:
            turns.workers = master.accepting  # a worker that crashed has a successor

    async def visit_hosts(self) -> None:
        """Visit each host in turn, as long as nginx serves the same."""
        while True:
            await self._clock.sleep(WIRE_LEAST_S)
            if (wanted := self._turns.wanted) is not None:
                await self._round(wanted)

    async def _round(self, wanted: Wanted) -> None:
        hosts = sorted({host for part in wanted.folded.served.values() for host in part.spec.hosts})
        for host in hosts:
            await self._clock.sleep(max(WIRE_LEAST_S, WIRE_S / len(hosts)))
            if self._turns.wanted is not wanted or self._nginx.master() is None:
                return
            await self._visit(wanted, host)

    async def _visit(self, wanted: Wanted, host: str) -> None:
        reloads = self._turns.reloads
        parts = tuple(part for part in wanted.folded.served.values() if host in part.spec.hosts)
        found, wrong = await self._seen(parts, wanted, host)
        if wrong:
            await self._clock.sleep(DOUBT_S)
            found, wrong = await self._seen(parts, wanted, host)
        if self._turning.locked() or self._turns.reloads != reloads:
            return
        changed = self._drift.seen(found, wrong, wanted.folded)
        if changed:
            for look, why in wrong:
                await self._emit(telling.drifted(at=self._clock.now(), what=f"{look.visit.url}: {why}", parts=parts))
            self._news.tell_all(changed)

    async def _seen(self, parts: tuple[Part, ...], wanted: Wanted, host: str) -> tuple[tuple[Look, ...], tuple[tuple[Look, str], ...]]:
        found = looks(parts, wanted.world, self._nginx, with_redirects=False)
        mine = tuple(look for look in found if look.host == host)
        return mine, await self._proving.refuted(mine)
