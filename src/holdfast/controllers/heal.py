"""Heal: brings one resource back to what was last applied, when the world has moved.

Engines say which id may have changed; the id is looked at in its lane; where its state differs from the inventory's, a plan of one is
walked. It never moves anything forward: only an operation does, and ids that an operation holds are its own. Repeated heals of one id are
damped until it is shown as contended. What is gone and Git is known not to declare is not made again: a deletion that hung has ended. A
watch that breaks off is taken up again, and all that it may have missed is looked at. The sweep is the safety net: it marks everything now
and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from holdfast.core import events
from holdfast.core.damping import Damping
from holdfast.core.inbox import Inbox
from holdfast.core.planner import plan
from holdfast.core.world import restarts, subjects
from holdfast.errors import EngineError, StoreError
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random
from holdfast.kit.diff import diff
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.plan import Owned, Policy
from holdfast.model.ports import Engine, Journal, Records
from holdfast.model.resource import Desired
from holdfast.model.state import State
from holdfast.walk.ledger import Ledger
from holdfast.walk.operations import Operations
from holdfast.walk.walker import Walker

WORKERS = 16
BUSY_AGAIN_S = 1.0
BLOCKED_AGAIN_S = 2.0
WATCH_AGAIN = Backoff(first_s=0.2, cap_s=10.0)
RECORD = "damping"


class HealController:
    """`may_heal` says of an Application whether its drift is healed; `wanted` what Git says of an id now, None where it says nothing.

    `undeclared` says whether Git is known not to declare an id of an Application, which is more than that it says nothing; `gone` hears of
    an Application that such an id of it is no longer there.

    `after` is waited for before the first look: what a crash cut off on its way forward is sync's to finish, and no drift.
    """

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
        undeclared: Callable[[str, ResourceId], bool],
        gone: Callable[[str], None],
        crashed: Callable[[str, BaseException], None],
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._engines = tuple(engines)
        self._walker = walker
        self._operations = Operations(walker=walker, journal=journal, clock=clock, random=random)
        self._ledger = ledger
        self._journal = journal
        self._records = records
        self._clock = clock
        self._random = random
        self._may_heal = may_heal
        self._wanted = wanted
        self._undeclared = undeclared
        self._gone = gone
        self._crashed = crashed
        self._after = after
        self._inbox = Inbox(slots=WORKERS)
        self._damping = Damping()
        self._bell = Wakeup()
        self._drifted: set[ResourceId] = set()
        self._forgiven: set[ResourceId] = set()
        """Contended until something new was wanted; still to be told."""

    def mark(self, id: ResourceId) -> None:
        """Say that `id` may need a look."""
        self._walker.noticed(id)
        if id in self._ledger.inventory:
            self._inbox.mark(id, self._clock.monotonic())
            self._bell.wake()

    def forget_failures(self, ids: Iterable[ResourceId]) -> None:
        """Say that an operation had `ids` in hand: they are looked at, and where it gave them a new state old fights count no longer."""
        for id in ids:
            owned = self._ledger.inventory.get(id)
            was_contended = self._damping.forgive(id, owned.resource.state.digest if owned is not None else None)
            if owned is None:
                self._forgiven.discard(id)
                self._drifted.discard(id)
            else:
                self._forgiven.update([id] if was_contended else ())
                self._inbox.forget_failures(id, self._clock.monotonic())
        self._bell.wake()

    def contended(self) -> tuple[ResourceId, ...]:
        """Return what is healed only slowly now, in id order."""
        now = self._clock.now()
        return tuple(sorted(id for id in self._ledger.inventory if self._damping.is_contended(id, now)))

    @property
    def is_at_rest(self) -> bool:
        """Whether no id is in hand, due, or waited for."""
        return not len(self._inbox)

    async def run(self) -> None:
        self._damping.restore(self._stored())
        for known, owned in self._ledger.inventory.items():
            # What an operation gave a new state was forgiven in the memory of a daemon that died before its next heal wrote that down.
            if self._damping.forgive(known, owned.resource.state.digest):
                self._forgiven.add(known)
        async with Tasks(on_crash=self._crashed) as tasks:
            for engine in self._engines:
                tasks.start(f"watch {engine.name}", self._watch(engine))
            if self._after is not None:
                await self._after()
            turn = 0
            while True:
                while (id := self._inbox.take(self._clock.monotonic())) is not None:
                    if self._walker.is_held(id):
                        self._inbox.finished(id, self._clock.monotonic(), ok=True, again_in=BUSY_AGAIN_S)
                        continue
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
        failures = 0
        while True:
            try:
                async for id in engine.watch():
                    failures = 0
                    self.mark(id)
            except EngineError:
                failures += 1
            await self._clock.sleep(WATCH_AGAIN.full_jitter(failures, self._random.random()))
            for id in sorted(id for id in self._ledger.inventory if id.kind in engine.kinds):
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
        if id not in self._ledger.inventory:
            return None
        together = sorted(self._together(id))
        taken = [other for other in together if self._walker.take(other)]
        try:
            if taken != together:
                return BUSY_AGAIN_S
            await self._ledger.refresh()
            owned = self._ledger.inventory.get(id)
            return await self._look(owned, together) if owned is not None else None
        finally:
            await self._walker.give_back(taken)

    def _together(self, id: ResourceId) -> set[ResourceId]:
        """Return `id` and what would go down with it if it must be replaced."""
        inventory = self._ledger.inventory
        application, found, edge = inventory[id].application, {id}, {id}
        while edge := {other for other in restarts(edge, self._ledger.restarting) if inventory[other].application == application} - found:
            found |= edge
        return found

    async def _look(self, owned: Owned, together: Sequence[ResourceId]) -> float | None:
        """Look at what is in hand."""
        id = owned.resource.id
        await self._operations.close_cut()
        await self._walker.make_good(id)
        inventory = self._ledger.inventory
        desired = Desired.of(
            owned.application, owned.revision, tuple(inventory[other].resource for other in together if other in inventory)
        )
        live = await self._walker.observe(subjects(desired, inventory, only=[id]))
        await self._walker.report(owned.application, owned.resource, live, self._wanted(id), owned.revision)
        seen = live.observed.get(id)
        if seen is None:
            return BLOCKED_AGAIN_S
        if seen.state == owned.resource.state:
            self._drifted.discard(id)
            await self._forgive()
            return None
        if not owned.is_applied:
            return None  # it never stood: there is nothing to go back to
        if seen.state is None and self._undeclared(owned.application, id):
            self._gone(owned.application)
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
        self._walker.untold(id)
        fields = [it.path for it in diff(dict(owned.resource.state.fields), dict(seen.fields))] if seen else []
        await self._journal.emit(
            events.resource_drifted(at=self._clock.now(), application=owned.application, id=id, fields=fields, revision=owned.revision)
        )

    async def _heal(self, owned: Owned, desired: Desired, live: Live) -> float | None:
        id = owned.resource.id
        together = frozenset(resource.id for resource in desired) if owned.resource.policy.replace_on else frozenset([id])
        if len(together) > 1:
            live = await self._walker.observe(subjects(desired, self._ledger.inventory))
        desired = self._without_gone(desired, live)
        found = plan(desired, live, self._ledger.inventory, Policy(only=together, prune=False))
        if not found:
            return BLOCKED_AGAIN_S if any(not it.refused for it in found.blocked.values()) else None
        walk = self._operations.begin(Trigger.DRIFT, desired, found, self._walker.moves)
        done = await self._operations.run(walk)
        await self._healed(owned, done)
        return None

    def _without_gone(self, desired: Desired, live: Live) -> Desired:
        """Return `desired` without what Git is known not to declare and is gone: what is replaced does not bring it back."""
        application = desired.application
        kept = tuple(
            each
            for each in desired
            if (seen := live.observed.get(each.id)) is None or seen.state is not None or not self._undeclared(application, each.id)
        )
        return desired if len(kept) == len(desired.resources) else Desired.of(application, desired.revision, kept)

    async def _healed(self, owned: Owned, done: Operation) -> None:
        id, now, application = owned.resource.id, self._clock.now(), owned.application
        if done.phase is Phase.SUPERSEDED:
            return  # an operation has it now
        is_contended = self._damping.healed(id, now, self._random.random(), owned.resource.state.digest)
        if done.phase is Phase.SUCCEEDED:
            self._drifted.discard(id)
            await self._journal.emit(
                events.resource_healed(at=now, application=application, id=id, seconds=now - done.started_at, operation=done.id)
            )
        if is_contended:
            damping = self._damping
            await self._journal.emit(
                events.resource_contended(at=now, application=application, id=id, heals=damping.limit, window_s=damping.window_s)
            )
        await self._records.put(RECORD, self._damping.to_json())
        if done.phase is not Phase.SUCCEEDED:
            raise EngineError("HF6009", f"cannot heal {id}")

    async def _forgive(self) -> None:
        self._forgiven.update(self._damping.forgiven(self._clock.now()))
        told = [self._ledger.inventory[id] for id in sorted(self._forgiven) if id in self._ledger.inventory]
        self._forgiven.clear()
        for owned in told:
            at, id = self._clock.now(), owned.resource.id
            await self._journal.emit(events.resource_forgiven(at=at, application=owned.application, id=id))
        if told:
            await self._records.put(RECORD, self._damping.to_json())
