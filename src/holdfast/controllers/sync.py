"""Sync: moves an Application from what is live to what Git asks for, one operation at a time.

Each Application has a lane. A turn of it looks, plans, decides whether it may act, and walks. What wakes a lane: a new Desired (`offer`), a
person (`request`), or the time that a hold named. A turn that fails pins and goes back to the last healthy revision: just another plan.

Journal before effect: the operation is stored before its first step. On start, unfinished operations are superseded and planned anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from holdfast.core import events
from holdfast.core.memory import Memory
from holdfast.core.planner import gone, plan, unrecorded
from holdfast.core.policy import Decision, Kind, Settings, WindowVerdict, decide_automated, policy, refusals, removal
from holdfast.core.recovery import recover
from holdfast.core.retry import RetryPolicy, failed
from holdfast.core.rollback import Healthy, Pin, by_hand, on_failure, resumes
from holdfast.core.world import subjects
from holdfast.errors import HoldfastError, Refused, Retry, StoreError
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.operation import Applied, Operation, Phase, Trigger
from holdfast.model.plan import Owned, Plan, Policy, Reason, Verb
from holdfast.model.ports import Append, Journal, PutOperation, Records, Store
from holdfast.model.resource import Desired
from holdfast.walk.ledger import Ledger
from holdfast.walk.walker import Interrupt, Walk, Walker, failure_of

STORE_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """What an Application's own file says of how it is synced, plain."""

    name: str
    settings: Settings
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    rollback: str | None = None
    """The annotation `holdfast.dev/rollback`."""
    window: Callable[[Instant, bool], WindowVerdict] = lambda now, manual: WindowVerdict()
    """The verdict of the sync windows at an instant, for a manual operation or an automated one."""


class Ask(StrEnum):
    SYNC = "sync"
    ROLLBACK = "rollback"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for. `person` is who, for the event."""

    ask: Ask
    person: str
    approve: str | None = None
    """The digest of a plan that is approved."""
    revision: str | None = None
    """Of a rollback: where to; None: the last healthy one before."""


class Releases(Protocol):
    """What processes run from."""

    async def ensure(self, desired: Desired) -> None:
        """Export and prepare the release of `desired`, where it has one and it is not there yet; raises HoldfastError."""
        ...

    async def keep(self, application: str) -> None:
        """Forget releases that are neither in use nor among the newest."""
        ...


@dataclass(slots=True)
class _Lane:
    managed: Managed
    memory: Memory
    desired: Desired | None = None
    is_complete: bool = True
    """False: what Git asks for now does not render; `desired` is older than the world."""
    request: Request | None = None
    answer: asyncio.Future[Operation | None] | None = None
    due_at: Instant | None = None
    bell: Wakeup = field(default_factory=Wakeup)
    interrupt: Interrupt | None = None
    running: str | None = None
    """Digest of the desired state that an operation walks to."""
    held: tuple[str, str] | None = None
    refused: str | None = None
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)


class SyncController:
    """Narrow neighbours: a walker, the ledger, the journal, releases, and `render`: the Desired of an Application at a revision."""

    def __init__(
        self,
        *,
        walker: Walker,
        ledger: Ledger,
        journal: Journal,
        store: Store,
        records: Records,
        releases: Releases,
        render: Callable[[str, str], Awaitable[Desired]],
        clock: Clock,
        random: Random,
        settled: Callable[[str, tuple[ResourceId, ...]], None],
        crashed: Callable[[str, BaseException], None],
    ) -> None:
        self._walker = walker
        self._ledger = ledger
        self._journal = journal
        self._store = store
        self._records = records
        self._releases = releases
        self._render = render
        self._clock = clock
        self._random = random
        self._settled = settled
        self._lanes: dict[str, _Lane] = {}
        self._tasks = Tasks(on_crash=crashed)
        self._ended = asyncio.Event()
        self._started = asyncio.Event()

    # Doors

    async def run(self) -> None:
        """Supersede what the last run left unfinished, then serve lanes until cancelled."""
        await self._recover()
        async with self._tasks:
            self._started.set()
            for name in self._lanes:
                self._tasks.start(f"sync {name}", self._serve(name), guard=True)
            await self._ended.wait()

    def add(self, managed: Managed) -> None:
        """Serve an Application, or change how one is served."""
        if lane := self._lanes.get(managed.name):
            lane.managed = managed
            lane.bell.wake()
            return
        record: Any = self._records.get(managed.name)
        memory = Memory.from_json(record) if record else Memory()
        self._lanes[managed.name] = _Lane(managed, memory)
        if self._started.is_set():
            self._tasks.start(f"sync {managed.name}", self._serve(managed.name), guard=True)

    async def remove(self, name: str) -> None:
        """Serve it no longer; what it has stays. Its memory is forgotten."""
        if self._lanes.pop(name, None):
            self._tasks.cancel(f"sync {name}")
            await self._tasks.ended(f"sync {name}")
            await self._records.drop(name)

    def offer(self, desired: Desired) -> None:
        """Say what Git asks for now. Another digest than the one under way interrupts its gates."""
        lane = self._lanes[desired.application]
        lane.desired, lane.is_complete = desired, True
        lane.is_idle.clear()
        if lane.interrupt and lane.running != desired.digest:
            lane.interrupt.set()
        lane.bell.wake()

    def incomplete(self, name: str) -> None:
        """Say that what Git asks for now cannot be rendered: the last good revision stays in force, and nothing is pruned."""
        self._lanes[name].is_complete = False

    async def request(self, name: str, request: Request) -> Operation | None:
        """Do what a person asked and return the operation, None where nothing was to do. Raises Refused, SourceError, StoreError."""
        lane = self._lanes[name]
        if lane.answer is not None:
            raise Refused(
                "HF6003", f"cannot {request.ask} {name}: another request is under way", hint="wait for it, or look at `holdfast status`"
            )
        lane.request, lane.answer = request, asyncio.get_running_loop().create_future()
        lane.is_idle.clear()
        if request.ask is not Ask.SYNC and lane.interrupt:
            lane.interrupt.set()
        lane.bell.wake()
        try:
            return await lane.answer
        finally:
            lane.answer = lane.request = None

    async def suspend(self, name: str, person: str, reason: str = "") -> None:
        lane = self._lanes[name]
        lane.memory.suspended = f"suspended by {person}{f': {reason}' if reason else ''}"
        await self._remember(lane)
        await self._journal.emit(events.application_suspended(at=self._clock.now(), application=name, by=person, reason=reason))

    async def resume(self, name: str, person: str) -> None:
        """Lift a suspension and a pin, and forget failures."""
        lane = self._lanes[name]
        memory = lane.memory
        had_pin = memory.pin is not None
        memory.suspended = memory.pin = memory.retrying = None
        await self._remember(lane)
        now = self._clock.now()
        if had_pin:
            await self._journal.emit(events.revision_unpinned(at=now, application=name, reason=f"resumed by {person}"))
        await self._journal.emit(events.application_resumed(at=now, application=name, by=person))
        lane.is_idle.clear()
        lane.bell.wake()

    def heals(self, name: str) -> bool:
        """Say whether drift of this Application may be healed now."""
        lane = self._lanes.get(name)
        return lane is not None and lane.managed.settings.self_heal and lane.memory.suspended is None

    async def idle(self, name: str) -> None:
        """Wait until nothing is under way for an Application and its lane has answered all that it was told."""
        await self._lanes[name].is_idle.wait()

    # A lane

    async def _serve(self, name: str) -> None:
        lane = self._lanes[name]
        while True:
            try:
                await self._turn(lane)
            except StoreError as error:
                # The journal has told of it; nothing begins until it can be written down.
                lane.due_at = self._clock.now() + STORE_AGAIN_S
                self._answer(lane, error)
            except HoldfastError as error:
                self._answer(lane, error)
            if not lane.bell.is_rung:
                lane.is_idle.set()
            await self._wait(lane)

    async def _wait(self, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        deadline = None if lane.due_at is None else loop.time() + max(0.0, lane.due_at - self._clock.now())
        await lane.bell.wait_until(deadline)
        lane.due_at = None

    def _answer(self, lane: _Lane, result: Operation | HoldfastError | None) -> None:
        if lane.answer is None or lane.answer.done():
            return
        if isinstance(result, HoldfastError):
            lane.answer.set_exception(result)
        else:
            lane.answer.set_result(result)

    async def _turn(self, lane: _Lane) -> None:
        """Look once and do what follows from it."""
        if (request := lane.request) is not None and lane.answer is not None and not lane.answer.done():
            self._answer(lane, await self._on_request(lane, request))
        elif lane.desired is not None:
            await self._automated(lane, lane.desired)

    async def _automated(self, lane: _Lane, desired: Desired) -> None:
        name, memory = lane.managed.name, lane.memory
        if memory.pin and resumes(memory.pin, desired.digest):
            memory.pin = None
            await self._remember(lane)
            await self._journal.emit(events.revision_unpinned(at=self._clock.now(), application=name, reason="Git asks for something else"))
        found = await self._look(lane, desired, policy(lane.managed.settings, complete=lane.is_complete))
        if not found:
            await self._in_sync(lane, desired)
            return
        decision = self._decide(lane, desired, found)
        if not decision:
            await self._hold(lane, desired, decision)
            return
        await self._operate(lane, desired, found, Trigger.COMMIT)

    def _decide(self, lane: _Lane, desired: Desired, found: Plan) -> Decision:
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
        is_drift = all(change.reason is Reason.DRIFTED for change in found)
        if decision and is_drift and not lane.managed.settings.self_heal:
            return Decision(kind=Kind.NOT_AUTOMATED, reason="it drifted, and self-heal is off")
        return decision

    async def _hold(self, lane: _Lane, desired: Desired, decision: Decision) -> None:
        lane.due_at = decision.until
        news = (decision.kind, desired.digest)
        if lane.held != news:
            lane.held = news
            await self._journal.emit(
                events.operation_held(at=self._clock.now(), application=lane.managed.name, revision=desired.revision, decision=decision)
            )

    async def _in_sync(self, lane: _Lane, desired: Desired) -> None:
        """Nothing to do: what stands is what Git asks for, and where it is healthy too it is a revision to go back to."""
        memory = lane.memory
        if memory.retrying and memory.retrying.digest == desired.digest:
            memory.retrying = None
        if not memory.healthy or memory.healthy[-1] != Healthy(revision=desired.revision, digest=desired.digest):
            memory.now_healthy(desired)
            await self._remember(lane)

    # Looking

    async def _look(self, lane: _Lane, desired: Desired, allowed: Policy) -> Plan:
        """Observe, bring the inventory up to date, say what was seen, and plan."""
        name = lane.managed.name
        live = await self._walker.observe(subjects(desired, self._ledger.inventory))
        for resource in unrecorded(desired, live, self._ledger.inventory):
            await self._ledger.put(Owned(application=name, resource=resource, revision=desired.revision, operation="adopted"))
        for id in gone(desired, live, self._ledger.inventory):
            await self._ledger.drop(id, events.resource_pruned(at=self._clock.now(), application=name, id=id, reason="it is gone already"))
        found = plan(desired, live, self._ledger.inventory, allowed)
        await self._tell(lane, desired, live, found)
        return found

    async def _tell(self, lane: _Lane, desired: Desired, live: Live, found: Plan) -> None:
        name = lane.managed.name
        for resource in desired:
            await self._walker.report(name, resource, live, resource.state, desired.revision)
        declared = {resource.id for resource in desired}
        for owned in self._ledger.of(name):
            if owned.resource.id not in declared:
                await self._walker.report(name, owned.resource, live, None, owned.revision)
        for id in found.orphans:
            await self._journal.emit(
                events.resource_orphaned(at=self._clock.now(), application=name, id=id, reason="no longer declared, and pruning is off")
            )
        refused = refusals(found)
        news = f"{found.digest} {sorted(map(str, refused))}" if refused else None
        if lane.refused != news:
            lane.refused = news
            await self._journal.emit(events.plan_refused(at=self._clock.now(), application=name, revision=desired.revision, plan=found))

    # Acting

    async def _operate(self, lane: _Lane, desired: Desired, found: Plan, trigger: Trigger, *, may_roll_back: bool = True) -> Operation:
        """Walk a plan as one operation, and see to what follows from how it ends."""
        operation = self._operation(lane, desired, found, trigger)
        lane.held = None
        await self._journal.commit(
            PutOperation(operation), Append(events.operation_started(at=operation.started_at, operation=operation, plan=found))
        )
        lane.interrupt, lane.running = Interrupt(), desired.digest
        walk = Walk(operation=operation, plan=found, desired=desired, interrupt=lane.interrupt)
        problem: HoldfastError | None = None
        ids = frozenset(change.id for change in found)
        try:
            async with self._walker.hold(ids):
                try:
                    await self._releases.ensure(desired)
                    await self._walker.walk(walk)
                except StoreError:
                    raise
                except HoldfastError as error:
                    problem = error
        finally:
            lane.interrupt, lane.running = None, None
        done = await self._finish(lane, walk, problem)
        self._settled(lane.managed.name, tuple(sorted(ids)))
        if done.phase is Phase.FAILED and may_roll_back:
            await self._after_failure(lane, walk, done, problem)
        elif done.phase is Phase.SUPERSEDED:
            lane.bell.wake()
        return done

    def _operation(self, lane: _Lane, desired: Desired, found: Plan, trigger: Trigger) -> Operation:
        created = {change.id for change in found if change.verb is Verb.CREATE and change.id not in self._ledger.inventory}
        now = self._clock.now()
        return Operation(
            id=f"{lane.managed.name}-{int(now)}-{self._random.token(3)}",
            application=lane.managed.name,
            trigger=trigger,
            revision=desired.revision,
            desired_digest=desired.digest,
            plan_digest=found.digest,
            phase=Phase.RUNNING,
            started_at=now,
            created=tuple(sorted(created.union(lane.memory.created))),
        )

    async def _finish(self, lane: _Lane, walk: Walk, problem: HoldfastError | None) -> Operation:
        failures = [outcome for outcome in walk.outcomes if outcome.status is Applied.FAILED]
        if problem or failures:
            first = failure_of(problem) if problem else failures[0].failure
            phase, message = Phase.FAILED, first.message if first else "failed"
        elif walk.interrupt.is_set and any(outcome.status is Applied.SKIPPED for outcome in walk.outcomes):
            phase, message = Phase.SUPERSEDED, "a newer desired state took over"
        else:
            phase, message = Phase.SUCCEEDED, f"{len(walk.outcomes)} changes applied"
        done = replace(walk.operation, phase=phase, finished_at=self._clock.now(), message=message, outcomes=tuple(walk.outcomes))
        say = {
            Phase.FAILED: events.operation_failed,
            Phase.SUPERSEDED: events.operation_superseded,
            Phase.SUCCEEDED: events.operation_succeeded,
        }[phase]
        await self._journal.commit(PutOperation(done), Append(say(at=self._clock.now(), operation=done)))
        memory = lane.memory
        if phase is Phase.SUCCEEDED:
            memory.now_healthy(walk.desired)
            memory.retrying, memory.created = None, []
            await self._releases.keep(lane.managed.name)
        elif phase is Phase.SUPERSEDED:
            memory.created = list(done.created)
        await self._remember(lane)
        return done

    async def _after_failure(self, lane: _Lane, walk: Walk, done: Operation, problem: HoldfastError | None) -> None:
        """Try again later where an engine merely did not answer, else go back to the last healthy revision."""
        now, memory = self._clock.now(), lane.memory
        memory.retrying = failed(memory.retrying, done.desired_digest, lane.managed.retry, now)
        is_retriable = (walk.is_retriable and not walk.gated) or (problem is not None and problem.retry is Retry.BACKOFF)
        may_wait = is_retriable and memory.retrying.next_at is not None
        back = on_failure(done, memory.healthy_before(done.desired_digest), lane.managed.rollback, done.message, now)
        if back.pin is None or may_wait:
            lane.due_at = memory.retrying.next_at
            memory.created = list(done.created)
            await self._remember(lane)
            return
        await self._go_back(lane, back.pin, done)

    async def _go_back(self, lane: _Lane, pin: Pin, failed_operation: Operation | None) -> Operation | None:
        """Pin, then walk to the pinned revision. Only what the failed operation created may be deleted on the way without a person."""
        name, memory = lane.managed.name, lane.memory
        memory.pin = pin
        await self._remember(lane)
        now = self._clock.now()
        of = failed_operation.id if failed_operation else None
        await self._journal.emit(
            events.rollback_started(at=now, application=name, pin=pin, operation=of),
            events.revision_pinned(at=now, application=name, pin=pin),
        )
        desired = await self._render(name, pin.revision)
        created = failed_operation.created if failed_operation else ()
        found = await self._look(lane, desired, policy(lane.managed.settings, rolling_back=created))
        done = await self._operate(lane, desired, found, Trigger.ROLLBACK, may_roll_back=False) if found else None
        memory.created = []
        await self._remember(lane)
        if lane.desired is not None:
            # Said once more against Git, so that what is pinned reads OutOfSync.
            live = await self._walker.observe(resource.id for resource in lane.desired)
            for resource in lane.desired:
                await self._walker.report(name, resource, live, resource.state, lane.desired.revision)
        return done

    # Persons

    async def _on_request(self, lane: _Lane, request: Request) -> Operation | None:
        if not (verdict := lane.managed.window(self._clock.now(), True)).allowed:
            raise Refused("HF6004", f"cannot {request.ask} {lane.managed.name}: {verdict.reason}", hint="the window says manualSync: false")
        match request.ask:
            case Ask.ROLLBACK:
                return await self._roll_back(lane, request)
            case Ask.DOWN:
                return await self._down(lane, request)
            case Ask.SYNC:
                return await self._sync(lane, request)

    async def _sync(self, lane: _Lane, request: Request) -> Operation | None:
        name, memory, desired = lane.managed.name, lane.memory, lane.desired
        if desired is None:
            raise Refused("HF6005", f"cannot sync {name}: no revision could be rendered yet", hint=f"holdfast status {name}")
        if request.approve is not None:
            await self._journal.emit(
                events.plan_approved(at=self._clock.now(), application=name, digest=request.approve, by=request.person)
            )
        settings = replace(lane.managed.settings, prune=lane.managed.settings.prune or request.approve is not None)
        allowed = policy(settings, complete=lane.is_complete, approved=request.approve)
        found = await self._look(lane, desired, allowed)
        if request.approve is not None and found.digest != request.approve:
            raise Refused(
                "HF6006",
                f"cannot sync {name}: the plan is another than the one that was approved",
                hint=f"holdfast plan {name}, then approve {found.digest[:12]}",
            )
        if memory.pin is not None:
            memory.pin = None
            await self._journal.emit(events.revision_unpinned(at=self._clock.now(), application=name, reason=f"synced by {request.person}"))
        memory.retrying = None
        await self._remember(lane)
        refused = refusals(found)
        if not found and refused:
            first = refused[min(refused)]
            raise Refused(first.code or "HF6007", f"cannot sync {name}: {min(refused)} {first.reason}", hint=f"holdfast plan {name}")
        return await self._operate(lane, desired, found, Trigger.MANUAL) if found else None

    async def _roll_back(self, lane: _Lane, request: Request) -> Operation | None:
        name, memory, desired = lane.managed.name, lane.memory, lane.desired
        if desired is None:
            raise Refused("HF6005", f"cannot roll back {name}: no revision could be rendered yet", hint=f"holdfast status {name}")
        before = memory.healthy_before(desired.digest)
        to = request.revision or (before.revision if before else None)
        if to is None:
            raise Refused(
                "HF6008", f"cannot roll back {name}: there is no healthy revision before this one", hint=f"holdfast history {name}"
            )
        await self._render(name, to)  # before the pin: a revision that does not render changes nothing
        pin = by_hand(desired.digest, desired.revision, to, request.person, self._clock.now())
        return await self._go_back(lane, pin, None)

    async def _down(self, lane: _Lane, request: Request) -> Operation | None:
        """Take everything of an Application away, in mirrored order, and keep it so until it is resumed."""
        name = lane.managed.name
        await self.suspend(name, request.person, "taken down")
        nothing = Desired.of(name, lane.desired.revision if lane.desired else "", ())
        found = await self._look(lane, nothing, removal(request.approve))
        if refused := refusals(found):
            first = refused[min(refused)]
            raise Refused(
                first.code or "HF6007",
                f"cannot take {name} down: {min(refused)} {first.reason}",
                hint=f"holdfast down {name} --approve {found.digest}",
            )
        return await self._operate(lane, nothing, found, Trigger.MANUAL, may_roll_back=False) if found else None

    # Memory

    async def _remember(self, lane: _Lane) -> None:
        await self._records.put(lane.managed.name, lane.memory.to_json())

    async def _recover(self) -> None:
        recovery = recover(await self._store.operations(unfinished=True), self._clock.now())
        for operation in recovery.superseded:
            await self._journal.commit(
                PutOperation(operation), Append(events.operation_superseded(at=self._clock.now(), operation=operation))
            )
        for again in recovery.again:
            if lane := self._lanes.get(again.application):
                lane.memory.created = sorted({*lane.memory.created, *again.created})
                await self._remember(lane)
