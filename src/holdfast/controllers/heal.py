"""Heal: brings one resource back to what was last applied, when the world has moved.

Engines say which id may have changed; the id is looked at in its lane; where its state differs from the inventory's, a plan of one is
walked. It never moves anything forward: only an operation does, and ids that an operation holds are its own. Repeated heals of one id are
damped until it is shown as contended. The sweep is the safety net: it marks everything now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from holdfast.core import events
from holdfast.core.damping import Damping
from holdfast.core.inbox import Inbox
from holdfast.core.planner import plan
from holdfast.core.world import subjects
from holdfast.errors import EngineError, StoreError
from holdfast.kit.clock import Clock, Random
from holdfast.kit.diff import diff
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.operation import Applied, Operation, Phase, Trigger
from holdfast.model.plan import Owned, Policy
from holdfast.model.ports import Append, Engine, Journal, PutOperation, Records
from holdfast.model.resource import Desired
from holdfast.model.state import State
from holdfast.walk.ledger import Ledger
from holdfast.walk.walker import Walk, Walker

WORKERS = 16
BUSY_AGAIN_S = 1.0
BLOCKED_AGAIN_S = 2.0
RECORD = "damping"


class HealController:
    """`may_heal` says of an Application whether its drift is healed; `wanted` what Git says of an id now, None where it says nothing."""

    def __init__(
        self,
        *,
        engines: Iterable[Engine],
        walker: Walker,
        ledger: Ledger,
        journal: Journal,
        records: Records,
        clock: Clock,
        random: Random,
        may_heal: Callable[[str], bool],
        wanted: Callable[[ResourceId], State | None],
        crashed: Callable[[str, BaseException], None],
    ) -> None:
        self._engines = tuple(engines)
        self._walker = walker
        self._ledger = ledger
        self._journal = journal
        self._records = records
        self._clock = clock
        self._random = random
        self._may_heal = may_heal
        self._wanted = wanted
        self._crashed = crashed
        self._inbox = Inbox(slots=WORKERS)
        self._damping = Damping()
        self._bell = Wakeup()
        self._drifted: set[ResourceId] = set()

    def mark(self, id: ResourceId) -> None:
        """Say that `id` may need a look."""
        self._walker.noticed(id)
        if id in self._ledger.inventory:
            self._inbox.mark(id, self._clock.monotonic())
            self._bell.wake()

    def forget_failures(self, ids: Iterable[ResourceId]) -> None:
        """Say that `ids` have a new state: what failed or was contended before counts no longer, and they are looked at."""
        for id in ids:
            self._damping.forgive(id)
            if id in self._ledger.inventory:
                self._inbox.forget_failures(id, self._clock.monotonic())
        self._bell.wake()

    async def run(self) -> None:
        self._damping.restore(self._stored())
        async with Tasks(on_crash=self._crashed) as tasks:
            for engine in self._engines:
                tasks.start(f"watch {engine.name}", self._watch(engine))
            turn = 0
            while True:
                while (id := self._inbox.take(self._clock.monotonic())) is not None:
                    turn += 1
                    tasks.start(f"heal {turn} {id}", self._turn(id))
                wake_at = self._inbox.wake_at()
                loop = asyncio.get_running_loop()
                left = None if wake_at is None else loop.time() + max(0.0, wake_at - self._clock.monotonic())
                await self._bell.wait_until(left)

    def _stored(self) -> list[object]:
        stored = self._records.get(RECORD)
        return list(stored) if isinstance(stored, list) else []

    async def _watch(self, engine: Engine) -> None:
        async for id in engine.watch():
            self.mark(id)

    async def _turn(self, id: ResourceId) -> None:
        ok, again_in = False, None
        try:
            again_in = await self.look(id)
            ok = True
        except (EngineError, StoreError):
            pass  # told by whoever raised it; the backoff of the inbox tries again
        finally:
            self._inbox.finished(id, self._clock.monotonic(), ok=ok, unit=self._random.random(), again_in=again_in)
            self._bell.wake()

    async def look(self, id: ResourceId) -> float | None:
        """Look at one id and heal it where it may be healed; return in how many seconds to look again, None: when something says so."""
        owned = self._ledger.inventory.get(id)
        if owned is None:
            return None
        if self._walker.is_held(id):
            return BUSY_AGAIN_S
        desired = Desired.of(owned.application, owned.revision, (owned.resource,))
        live = await self._walker.observe(subjects(desired, self._ledger.inventory, only=[id]))
        if self._ledger.inventory.get(id) is not owned or self._walker.is_held(id):
            return BUSY_AGAIN_S  # an operation moved it on meanwhile
        await self._walker.report(owned.application, owned.resource, live, self._wanted(id), owned.revision)
        seen = live.observed.get(id)
        if seen is None:
            return BLOCKED_AGAIN_S
        if seen.state == owned.resource.state:
            self._drifted.discard(id)
            await self._forgive()
            return None
        await self._tell_drift(owned, seen.state)
        if not owned.resource.policy.heal or not self._may_heal(owned.application):
            return None
        wait_s = self._damping.due_at(id, self._clock.now()) - self._clock.now()
        return wait_s if wait_s > 0 else await self._heal(owned, desired, live)

    async def _tell_drift(self, owned: Owned, seen: State | None) -> None:
        id = owned.resource.id
        if id in self._drifted:
            return
        self._drifted.add(id)
        fields = [it.path for it in diff(dict(owned.resource.state.fields), dict(seen.fields))] if seen else []
        await self._journal.emit(
            events.resource_drifted(at=self._clock.now(), application=owned.application, id=id, fields=fields, revision=owned.revision)
        )

    async def _heal(self, owned: Owned, desired: Desired, live: Live) -> float | None:
        id = owned.resource.id
        found = plan(desired, live, self._ledger.inventory, Policy(only=frozenset([id]), prune=False))
        if not found:
            return BLOCKED_AGAIN_S if found.blocked else None
        began = self._clock.now()
        operation = Operation(
            id=f"heal-{int(began)}-{self._random.token(3)}",
            application=owned.application,
            trigger=Trigger.DRIFT,
            revision=owned.revision,
            desired_digest=desired.digest,
            plan_digest=found.digest,
            phase=Phase.RUNNING,
            started_at=began,
        )
        walk = Walk(operation=operation, plan=found, desired=desired)
        async with self._walker.hold([id]):
            await self._journal.commit(PutOperation(operation))
            await self._walker.walk(walk)
        await self._healed(owned, walk)
        return None

    async def _healed(self, owned: Owned, walk: Walk) -> None:
        id, now = owned.resource.id, self._clock.now()
        ok = all(outcome.status is Applied.APPLIED for outcome in walk.outcomes)
        phase = Phase.SUCCEEDED if ok else Phase.FAILED
        done = replace(walk.operation, phase=phase, finished_at=now, outcomes=tuple(walk.outcomes))
        is_contended = self._damping.healed(id, now, self._random.random())
        said = []
        if ok:
            self._drifted.discard(id)
            said.append(
                events.resource_healed(
                    at=now, application=owned.application, id=id, seconds=now - walk.operation.started_at, operation=done.id
                )
            )
        if is_contended:
            said.append(
                events.resource_contended(
                    at=now, application=owned.application, id=id, heals=self._damping.limit, window_s=self._damping.window_s
                )
            )
        await self._records.put(RECORD, self._damping.to_json())
        await self._journal.commit(PutOperation(done), *(Append(event) for event in said))
        if not ok:
            raise EngineError("HF6009", f"cannot heal {id}")

    async def _forgive(self) -> None:
        for id in self._damping.forgiven(self._clock.now()):
            if owned := self._ledger.inventory.get(id):
                await self._journal.emit(events.resource_forgiven(at=self._clock.now(), application=owned.application, id=id))
