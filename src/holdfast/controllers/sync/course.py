"""The course of an Application: forward to what Git asks for, or back to its pin, and what follows from how an operation ends.

Used by the controller, a turn at a time. What a turn leaves undone because the world was in the way is looked at again, ever more seldom.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from holdfast.controllers.sync.lane import Lane, Others, Releases
from holdfast.core import events
from holdfast.core.policy import GIT_IN_DOUBT, Decision, Kind, decide_automated, policy
from holdfast.core.retry import failed
from holdfast.core.rollback import Healthy, Pin, on_failure, resumes
from holdfast.core.world import find
from holdfast.errors import Retry, StoreError, TimedOut
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random
from holdfast.model.hook import HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.live import Status
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.plan import Plan, Reason, Verb
from holdfast.model.ports import Journal, Records
from holdfast.model.resource import Desired
from holdfast.walk.ledger import Ledger
from holdfast.walk.look import Look, Looker
from holdfast.walk.operations import Operations
from holdfast.walk.walk import Interrupt, Walk
from holdfast.walk.walker import Stale, Walker

LOOK_AGAIN = Backoff(first_s=2.0, cap_s=60.0)
AWAY_AGAIN = Backoff(first_s=2.0, cap_s=10.0)
"""While an engine does not answer: nobody says when it is back, and its Application stands still meanwhile."""
"""Between two looks while the world is in the way."""
GATE_AGAIN_S = 1.0
READ_AGAIN_S, READ_LOOKS = 0.1, 100
"""How often, and how often at most, it is looked whether others have read a revision."""


class Course:
    """Neighbours as the controller's; `operations` and `looker` are shared with what persons ask for."""

    def __init__(
        self,
        *,
        walker: Walker,
        ledger: Ledger,
        journal: Journal,
        records: Records,
        releases: Releases,
        render: Callable[[str, str], Awaitable[Desired]],
        clock: Clock,
        random: Random,
        settled: Callable[[str, tuple[ResourceId, ...]], None],
        others: Others,
    ) -> None:
        self.looker = Looker(walker=walker, ledger=ledger, journal=journal, clock=clock, claimed=others.claimed)
        self._others = others
        self.operations = Operations(walker=walker, journal=journal, clock=clock, random=random)
        self._walker = walker
        self._ledger = ledger
        self._journal = journal
        self._records = records
        self._releases = releases
        self._render = render
        self._clock = clock
        self._random = random
        self._settled = settled

    async def follow(self, lane: Lane, desired: Desired) -> None:
        memory = lane.memory
        if memory.pin and resumes(memory.pin, desired.digest):
            await self.unpin(lane, "Git asks for something else")
        if memory.pin:
            await self._keep_pinned(lane, memory.pin)
            await self._hold(lane, desired, self._decide(lane, desired))
            return
        await self.others_read(desired)
        look = await self.looker.look(desired, lane.allowed(desired))
        self._hand_over(lane, look)
        await self._note_hooks(desired, look)
        if self._is_unproven(lane, look) and not (_is_free(look) and self._decide(lane, desired, look.plan)):
            await self._gate(lane, look)
        elif not (look.plan or self._are_hooks_due(look)):
            await self._in_sync(lane, look)
        elif decision := self._decide(lane, desired, look.plan):
            await self.go_forward(lane, look, Trigger.COMMIT)
        else:
            await self._hold(lane, desired, decision)

    async def _note_hooks(self, desired: Desired, look: Look) -> None:
        if self._walker.book is not None:
            await self._walker.book.note(desired, stands=look.stands)

    def _are_hooks_due(self, look: Look, *, is_rollback: bool = False) -> bool:
        book = self._walker.book
        return book is not None and book.is_due(look.desired, look.plan, is_rollback=is_rollback)

    async def others_read(self, desired: Desired) -> None:
        """Wait, not for ever, until those who follow the same repository have read this revision, where something is no longer declared
        here: it may have moved to one of them, and must not go before that is known."""
        name = desired.application
        for _ in range(READ_LOOKS):
            if not self._others.are_behind(name, desired.revision):
                return
            if all(find(desired, owned.resource.id) is not None for owned in self._ledger.of(name)):
                return
            await self._clock.sleep(READ_AGAIN_S)

    def _hand_over(self, lane: Lane, look: Look) -> None:
        """Have heal look at what went astray while nobody watched, and that no operation may touch."""
        lane.doubted = look.desired.digest, frozenset(id for id, it in look.plan.blocked.items() if it.code in GIT_IN_DOUBT)
        if look.astray != lane.astray:
            lane.astray = look.astray
            self._settled(lane.managed.name, tuple(sorted(look.astray)))

    def _decide(self, lane: Lane, desired: Desired, found: Plan | None = None) -> Decision:
        """Say whether an operation to what Git asks for may start by itself now."""
        now = self._clock.now()
        decision = decide_automated(
            now=now,
            desired_digest=desired.digest,
            is_automated=lane.managed.settings.automated,
            suspended=lane.memory.suspended,
            pin=lane.memory.pin,
            window=lane.managed.window(now, False),
            retrying=lane.memory.retrying,
        )
        return self._unless_drift(lane, found, decision) if decision and found else decision

    def _unless_drift(self, lane: Lane, found: Plan, decision: Decision) -> Decision:
        is_drift = all(change.reason is Reason.DRIFTED for change in found)
        if is_drift and not lane.managed.settings.self_heal:
            return Decision(kind=Kind.NOT_AUTOMATED, reason="it drifted, and self-heal is off")
        return decision

    async def _hold(self, lane: Lane, desired: Desired, decision: Decision) -> None:
        lane.due_at = lane.due_at or decision.until
        news = (decision.kind, desired.digest)
        if lane.held != news:
            lane.held = news
            await self._journal.emit(
                events.operation_held(at=self._clock.now(), application=lane.managed.name, revision=desired.revision, decision=decision)
            )

    def _is_unproven(self, lane: Lane, look: Look) -> bool:
        """Say whether the health gate of what this revision brought is still open: the daemon ended, or a need failed, in the middle."""
        is_known = any(healthy.digest == look.desired.digest for healthy in lane.memory.healthy)
        if look.unproven and not is_known and self._decide(lane, look.desired):
            return True
        lane.gating = None
        return False

    async def _gate(self, lane: Lane, look: Look) -> None:
        """Wait until what this revision brought is healthy; at its deadline, go back."""
        now, digest = self._clock.monotonic(), look.desired.digest
        if lane.gating is None or lane.gating[0] != digest:
            lane.gating = (digest, now)
        lane.due_at = self._clock.now() + GATE_AGAIN_S
        id = min(look.unproven)
        deadline_s = self._walker.deadline_s(id, look.desired)
        if now - lane.gating[1] < deadline_s:
            return
        health = look.unproven[id]
        words = f"it is {health.status}{f': {health.message}' if health.message else ''} after {deadline_s:g} s"
        walk = self.begin(lane, replace(look, plan=Plan()), Trigger.COMMIT)
        walk.gated.add(id)
        walk.problem = TimedOut("HF6002", f"cannot bring up {id}: {words}")
        lane.gating, lane.interrupt, lane.due_at = None, None, None
        await self._after_failure(lane, walk, await self.operations.finish(walk))

    async def _in_sync(self, lane: Lane, look: Look) -> None:
        """Nothing to do: where all stands and is healthy it is a revision to go back to, else it is looked at again."""
        if look.stands:
            is_news = lane.memory.newest != Healthy(revision=look.desired.revision, digest=look.desired.digest)
            if is_news and not look.plan.blocked:  # what may not go yet is still more than Git asks for
                await self._journal.emit(events.revision_reached(at=self._clock.now(), desired=look.desired))
            await self._now_healthy(lane, look.desired)
        if look.waits or look.health is Status.PROGRESSING:
            self.look_again(lane, is_away=look.is_disturbed)

    async def _now_healthy(self, lane: Lane, desired: Desired) -> None:
        memory = lane.memory
        if memory.healthy[-1:] == [Healthy(revision=desired.revision, digest=desired.digest)] and not (memory.retrying or memory.created):
            return
        memory.now_healthy(desired)
        memory.retrying, memory.created = None, []
        await self.remember(lane)

    # Acting

    async def go_forward(self, lane: Lane, look: Look, trigger: Trigger) -> Operation:
        """Walk to what Git asks for, and see to what follows from how it ends."""
        walk = self.begin(lane, look, trigger)
        lane.following = look.desired.digest
        done = await self.run(lane, walk)
        if done.phase is Phase.FAILED:
            await self._after_failure(lane, walk, done)
        elif done.phase is Phase.SUPERSEDED:
            lane.memory.created = list(done.created)
            await self.remember(lane)
            lane.bell.wake()
        else:
            await self._succeeded(lane, look, done)
        return done

    async def go_selected(self, lane: Lane, look: Look) -> Operation:
        """Walk to a part of what Git asks for: without hooks, and neither its end nor its failure says anything of the revision.

        It is not rolled back: the whole did not move.
        """
        walk = self.begin(lane, look, Trigger.MANUAL, is_selective=True)
        lane.following = look.desired.digest
        done = await self.run(lane, walk)
        if lane.memory.created != list(done.created):
            await self.remember(lane, created=list(done.created))
        await self._releases.keep(lane.managed.name)
        return done

    async def _succeeded(self, lane: Lane, look: Look, done: Operation) -> None:
        if look.unproven:
            lane.bell.wake()
        elif look.is_whole:
            await self._now_healthy(lane, look.desired)
        if not look.is_whole and lane.memory.created != list(done.created):
            await self.remember(lane, created=list(done.created))  # not all is there yet: a rollback may still delete these
        if look.plan.blocked or look.is_disturbed:
            self.look_again(lane, is_away=look.is_disturbed)  # may be free by then; and what an approval names now is another plan
        await self._releases.keep(lane.managed.name)

    def begin(self, lane: Lane, look: Look, trigger: Trigger, *, is_selective: bool = False) -> Walk:
        inventory = self._ledger.inventory
        created = {change.id for change in look.plan if change.verb is Verb.CREATE and change.id not in inventory}
        lane.interrupt, lane.held = Interrupt(), None
        walk = self.operations.begin(
            trigger, look.desired, look.plan, look.as_of, interrupt=lane.interrupt, created=created.union(lane.memory.created)
        )
        if is_selective:
            walk.operation = replace(walk.operation, is_selective=True)
        elif trigger is Trigger.MANUAL or self._are_hooks_due(look, is_rollback=trigger is Trigger.ROLLBACK):
            walk.hooks = self._walker.hook_run(walk)
        return walk

    async def run(self, lane: Lane, walk: Walk) -> Operation:
        try:
            return await self.operations.run(walk, prepare=lambda: self._releases.ensure(walk.desired))
        except StoreError:
            lane.memory.created = list(walk.operation.created)
            raise
        finally:
            lane.interrupt = lane.following = None
            self._settled(lane.managed.name, tuple(sorted({change.id for change in walk.plan})))

    async def _after_failure(self, lane: Lane, walk: Walk, done: Operation) -> None:
        """Try again later where an engine merely did not answer, else go back to the last healthy revision."""
        now, memory = self._clock.now(), lane.memory
        memory.retrying = failed(memory.retrying, done.desired_digest, lane.managed.retry, now)
        memory.created = list(done.created)
        is_retriable = (walk.is_retriable and not walk.gated) or (walk.problem is not None and walk.problem.retry is Retry.BACKOFF)
        may_wait = is_retriable and memory.retrying.next_at is not None
        back = on_failure(done, memory.healthy_before(done.desired_digest), lane.managed.rollback, done.message, now)
        if back.pin is None or may_wait:
            lane.due_at = now if memory.retrying.next_at is None else memory.retrying.next_at  # now: to say that it is exhausted
            await self.remember(lane)
        else:
            lane.bell.wake()  # to say that Git is held
            await self.pin(lane, back.pin, done.id)

    # Going back

    async def pin(self, lane: Lane, pin: Pin, failed_operation: str | None) -> Operation | None:
        """Hold the Application at `pin`, and walk there."""
        now, name = self._clock.now(), lane.managed.name
        await self.remember(lane, pin=pin, retrying=None)
        await self._journal.emit(events.rollback_started(at=now, application=name, pin=pin, operation=failed_operation))
        lane.is_pin_told = False
        while True:
            try:
                return await self._keep_pinned(lane, pin)
            except Stale:
                continue

    async def _keep_pinned(self, lane: Lane, pin: Pin) -> Operation | None:
        """Go to the pinned revision where something is missing from it: at first, and again where that was cut off or failed.

        Only what the failed operation created may be deleted on the way without a person.
        """
        name, memory = lane.managed.name, lane.memory
        if not lane.is_pin_told:
            lane.is_pin_told = True  # once a life: it may have ended between remembering and telling
            await self._journal.emit(events.revision_pinned(at=self._clock.now(), application=name, pin=pin))
        desired = await self._render(name, pin.revision)
        look = await self.looker.look(desired, policy(lane.managed.settings, rolling_back=memory.created), lane.desired)
        self._hand_over(lane, look)
        if not look.plan:
            await self._stands_pinned(lane, look)
            return None
        now = self._clock.now()
        decision = decide_automated(
            now=now, desired_digest=desired.digest, is_automated=True, suspended=memory.suspended, retrying=memory.retrying
        )
        if not self._unless_drift(lane, look.plan, decision):
            lane.due_at = decision.until
            return None
        done = await self.run(lane, self.begin(lane, look, Trigger.ROLLBACK))
        if done.phase is Phase.FAILED:
            memory.retrying = failed(memory.retrying, desired.digest, lane.managed.retry, now)
            lane.due_at = memory.retrying.next_at
            await self.remember(lane)
        else:
            lane.bell.wake()
        return done

    async def _stands_pinned(self, lane: Lane, look: Look) -> None:
        memory = lane.memory
        if look.waits:
            self.look_again(lane, is_away=look.is_disturbed)
        elif memory.created or memory.retrying:
            await self.remember(lane, created=[], retrying=None)

    async def unpin(self, lane: Lane, reason: str) -> None:
        await self._journal.emit(events.revision_unpinned(at=self._clock.now(), application=lane.managed.name, reason=reason))
        await self.remember(lane, pin=None)
        lane.is_pin_told = False

    # Shared

    def look_again(self, lane: Lane, *, is_away: bool = False) -> None:
        """Come back after a while that grows; `is_away`: something could not be seen."""
        lane.looks += 1
        lane.due_at = self._clock.now() + (AWAY_AGAIN if is_away else LOOK_AGAIN).equal_jitter(lane.looks, self._random.random())

    async def remember(self, lane: Lane, **changes: Any) -> None:
        """Write the memory down with `changes`; raises StoreError, and then it is as it was."""
        changed = replace(lane.memory, **changes)
        await self._records.put(lane.managed.name, changed.to_json())
        for name in changes:
            setattr(lane.memory, name, getattr(changed, name))


def _is_free(look: Look) -> bool:
    """Say whether what there is to do need not wait for the health of what is unproven: a new commit goes on beside it.

    It waits where it needs that, comes in a later wave, or goes away: what replaces it may be what is not healthy yet.
    """
    desired, wave = look.desired, min(resource.wave for resource in look.desired if resource.id in look.unproven)
    if any(hook.phase in (HookPhase.SYNC, HookPhase.POST_SYNC) for hook in desired.hooks):
        return False
    edge = {change.id for change in look.plan}
    if any(change.verb is Verb.DELETE for change in look.plan) or any(each.wave > wave for each in desired if each.id in edge):
        return False
    needed: set[ResourceId] = set()
    while edge:
        found = {need for id in edge if (resource := find(desired, id)) is not None for need in resource.needs}
        edge = found - needed
        needed |= found
    return bool(look.plan) and needed.isdisjoint(look.unproven)
