"""An operation from its first line in the journal to its last: written down, held, walked, finished.

Used by sync and heal. Where the store fails half-way the operation is cut: it is closed as superseded before the next one begins, as a
start does with what the last run left behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from types import MappingProxyType

from holdfast.core import events
from holdfast.core.recovery import Recovery, recover
from holdfast.errors import HoldfastError, StoreError
from holdfast.kit.clock import Clock, Random
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Applied, Operation, Phase, Trigger
from holdfast.model.plan import Plan
from holdfast.model.ports import Append, Journal, PutOperation
from holdfast.model.resource import Desired
from holdfast.walk.walk import Interrupt, Walk
from holdfast.walk.walker import Walker, failure_of


class Operations:
    def __init__(self, *, walker: Walker, journal: Journal, clock: Clock, random: Random) -> None:
        self._walker = walker
        self._journal = journal
        self._clock = clock
        self._random = random
        self._cut: dict[str, Operation] = {}

    def begin(
        self,
        trigger: Trigger,
        desired: Desired,
        plan: Plan,
        as_of: int,
        *,
        interrupt: Interrupt | None = None,
        created: Iterable[ResourceId] = (),
    ) -> Walk:
        """Return the walk of a new operation; nothing is written or done yet."""
        now = self._clock.now()
        prefix = "heal" if trigger is Trigger.DRIFT else desired.application
        operation = Operation(
            id=f"{prefix}-{int(now)}-{self._random.token(3)}",
            application=desired.application,
            trigger=trigger,
            revision=desired.revision,
            desired_digest=desired.digest,
            plan_digest=plan.digest,
            phase=Phase.RUNNING,
            started_at=now,
            created=tuple(sorted(created)),
        )
        return Walk(operation=operation, plan=plan, desired=desired, as_of=as_of, interrupt=interrupt or Interrupt())

    async def run(self, walk: Walk, prepare: Callable[[], Awaitable[None]] | None = None) -> Operation:
        """Take its ids in hand, write it down, `prepare`, walk, and return it finished.

        Raises Stale where the plan is old by then, and StoreError where it cannot be written; both before anything is done, the latter
        half-way too.
        A heal has its id in hand already, and is told by its own events, not as an operation.
        """
        is_told = walk.operation.trigger is not Trigger.DRIFT
        wanted = {change.id: change.after for change in walk.plan} if is_told else {}
        await self.close_cut()
        async with self._walker.hold(wanted, wanted):
            with nullcontext() if is_told else self._walker.healing(walk):
                return await self._run(walk, prepare, is_told=is_told)

    async def _run(self, walk: Walk, prepare: Callable[[], Awaitable[None]] | None, *, is_told: bool) -> Operation:
        self._walker.check(walk)
        started = (Append(events.operation_started(at=walk.operation.started_at, operation=walk.operation, plan=walk.plan)),)
        try:
            await self._journal.commit(PutOperation(walk.operation), *(started if is_told else ()))
            await self._go(walk, prepare)
            done = await self.finish(walk)
        except StoreError:
            self._cut[walk.operation.id] = walk.operation  # even the first write may be there, and only its answer lost
            raise
        return done

    async def finish(self, walk: Walk) -> Operation:
        """Write down how it ended, and return it so."""
        done = self._finished(walk)
        told = (Append(_ENDS[done.phase](at=self._clock.now(), operation=done)),)
        await self._journal.commit(PutOperation(done), *(told if done.trigger is not Trigger.DRIFT else ()))
        return done

    async def _go(self, walk: Walk, prepare: Callable[[], Awaitable[None]] | None) -> None:
        try:
            if prepare is not None:
                await prepare()
            await self._walker.walk(walk)
        except StoreError:
            raise
        except HoldfastError as error:
            walk.problem = error

    def _finished(self, walk: Walk) -> Operation:
        failures = [outcome.failure for outcome in walk.outcomes if outcome.status is Applied.FAILED]
        count = len(walk.outcomes)
        if walk.problem or failures:
            first = failure_of(walk.problem) if walk.problem else failures[0]
            phase, message = Phase.FAILED, first.message if first else "failed"
        elif (walk.interrupt.is_set or walk.is_awaited) and (
            self._is_left(walk) or any(outcome.status is Applied.SKIPPED for outcome in walk.outcomes)
        ):
            phase, message = Phase.SUPERSEDED, "a newer desired state took over"
        else:
            phase, message = Phase.SUCCEEDED, f"{count} change{'' if count == 1 else 's'} applied"
        return replace(walk.operation, phase=phase, finished_at=self._clock.now(), message=message, outcomes=tuple(walk.outcomes))

    def _is_left(self, walk: Walk) -> bool:
        return walk.hooks is not None and walk.hooks.is_left

    async def close_cut(self) -> None:
        """Mark superseded what the store did not let finish."""
        if not self._cut:
            return
        cut, self._cut = self._cut, {}
        try:
            await self._supersede(recover(cut.values(), self._clock.now()))
        except StoreError:
            self._cut |= cut
            raise

    async def recover(self, unfinished: Iterable[Operation]) -> Recovery:
        """Mark superseded what the last run left unfinished; return what to plan anew."""
        recovery = recover(unfinished, self._clock.now())
        await self._supersede(recovery)
        return recovery

    async def _supersede(self, recovery: Recovery) -> None:
        for operation in recovery.superseded:
            told = (Append(events.operation_superseded(at=self._clock.now(), operation=operation)),)
            await self._journal.commit(PutOperation(operation), *(told if operation.trigger is not Trigger.DRIFT else ()))


_ENDS: Mapping[Phase, Callable[..., Event]] = MappingProxyType(
    {
        Phase.FAILED: events.operation_failed,
        Phase.SUPERSEDED: events.operation_superseded,
        Phase.SUCCEEDED: events.operation_succeeded,
    }
)
