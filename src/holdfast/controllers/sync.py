"""Sync: moves an Application from what is live to what Git asks for, one operation at a time.

Each Application has a lane. A turn of it looks, plans, decides whether it may act, and walks. What wakes a lane: a new Desired (`offer`), a
person (`request`), or the time that a hold named. A turn that fails pins and goes back to the last healthy revision: just another plan.

What a turn leaves undone because the world was in the way (an engine that did not answer, a need that is not there yet) is looked at again,
ever more seldom. A pinned Application is kept at its pin the same way, so that a rollback that was cut off goes on.

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
from holdfast.core.policy import Decision, Kind, Settings, WindowVerdict, decide_automated, policy, refusals, removal
from holdfast.core.retry import RetryPolicy, failed
from holdfast.core.rollback import Healthy, Pin, by_hand, on_failure, resumes
from holdfast.errors import HoldfastError, Refused, Retry, StoreError
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.live import Status
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.plan import Plan, Reason, Verb
from holdfast.model.ports import Journal, Records, Store
from holdfast.model.resource import Desired
from holdfast.walk.ledger import Ledger
from holdfast.walk.look import Look, Looker
from holdfast.walk.operations import Operations
from holdfast.walk.walker import Interrupt, Stale, Walk, Walker

STORE_AGAIN_S = 2.0
LOOK_AGAIN = Backoff(first_s=2.0, cap_s=60.0)
"""Between two looks while the world is in the way."""
PATIENT_LOOKS = 8
"""After so many in a row nothing is expected to come of the next."""
RECALLED = 20
"""How many operations back a start looks for what was created and never stood healthy."""
LONGEST_WAIT_S = 60.0
"""How long a lane waits at most before it reads the wall clock again, which may have been set."""


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
    is_rewound: bool = False
    """Whether what Git asks for now does not follow what stood healthy last."""
    request: Request | None = None
    answer: asyncio.Future[Operation | None] | None = None
    due_at: Instant | None = None
    bell: Wakeup = field(default_factory=Wakeup)
    interrupt: Interrupt | None = None
    following: str | None = None
    """Digest of what Git says that an operation walks to; None: nothing is under way, or it goes elsewhere (a rollback, a removal)."""
    held: tuple[str, str] | None = None
    looks: int = 0
    """In a row that found the world in the way of `desired`."""
    is_pin_told: bool = False
    is_recalled: bool = False
    """Whether what the last run left of it was read."""
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
        self._ledger = ledger
        self._journal = journal
        self._looker = Looker(walker=walker, ledger=ledger, journal=journal, clock=clock)
        self._operations = Operations(walker=walker, journal=journal, clock=clock, random=random)
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

    def offer(self, desired: Desired, *, is_rewound: bool = False) -> None:
        """Say what Git asks for now. Another digest than the one that an operation walks to interrupts its gates.

        `is_rewound`: the revision does not follow the one that stood healthy last (`newest`). Then a person must confirm what is pruned.
        """
        lane = self._lanes[desired.application]
        if lane.desired is None or lane.desired.digest != desired.digest:
            lane.looks = 0
        lane.desired, lane.is_complete, lane.is_rewound = desired, True, is_rewound
        lane.is_idle.clear()
        if lane.interrupt and lane.following not in (None, desired.digest):
            lane.interrupt.set()
        lane.bell.wake()

    def incomplete(self, name: str) -> None:
        """Say that what Git asks for now cannot be rendered: the last good revision stays in force, and nothing is pruned."""
        self._lanes[name].is_complete = False

    def newest(self, name: str) -> str | None:
        """Return the newest revision of an Application that stood healthy."""
        lane = self._lanes.get(name)
        return lane.memory.healthy[-1].revision if lane is not None and lane.memory.healthy else None

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
        await self._remember(lane, suspended=f"suspended by {person}{f': {reason}' if reason else ''}")
        await self._journal.emit(events.application_suspended(at=self._clock.now(), application=name, by=person, reason=reason))

    async def resume(self, name: str, person: str) -> None:
        """Lift a suspension and a pin, and forget failures. Told first: a pin that is still remembered after a crash is told again."""
        lane = self._lanes[name]
        memory, now = lane.memory, self._clock.now()
        if memory.pin is not None:
            await self._journal.emit(events.revision_unpinned(at=now, application=name, reason=f"resumed by {person}"))
        await self._journal.emit(events.application_resumed(at=now, application=name, by=person))
        await self._remember(lane, suspended=None, pin=None, retrying=None)
        lane.is_pin_told = False
        lane.is_idle.clear()
        lane.bell.wake()

    def is_suspended(self, name: str) -> bool:
        lane = self._lanes.get(name)
        return lane is not None and lane.memory.suspended is not None

    def heals(self, name: str) -> bool:
        """Say whether drift of this Application may be healed now."""
        lane = self._lanes.get(name)
        return lane is not None and lane.managed.settings.self_heal and lane.memory.suspended is None

    @property
    def is_at_rest(self) -> bool:
        """Whether every lane is idle and waits for no time; one that has long found the world in its way only looks now and then."""
        return all(
            lane.is_idle.is_set() and not lane.bell.is_rung and (lane.due_at is None or lane.looks > PATIENT_LOOKS)
            for lane in self._lanes.values()
        )

    async def idle(self, name: str) -> None:
        """Wait until nothing is under way for an Application and its lane has answered all that it was told."""
        await self._lanes[name].is_idle.wait()

    # A lane

    async def _serve(self, name: str) -> None:
        lane = self._lanes[name]
        while True:
            lane.is_idle.clear()
            try:
                await self._turn(lane)
            except Stale:
                lane.bell.wake()
            except StoreError as error:
                # The journal has told of it; nothing begins until it can be written down.
                lane.due_at = self._clock.now() + STORE_AGAIN_S
                self._answer(lane, error)
            except HoldfastError as error:
                if error.retry is Retry.BACKOFF:
                    self._look_again(lane)
                self._answer(lane, error)
            if not lane.bell.is_rung:
                lane.is_idle.set()
            await self._wait(lane)

    async def _wait(self, lane: _Lane) -> None:
        """Wait for the bell or for `due_at`, whichever comes first; a wall clock that is set back counts as due."""
        loop, began = asyncio.get_running_loop(), self._clock.now()
        while lane.due_at is not None:
            now = self._clock.now()
            if not began <= now < lane.due_at or await lane.bell.wait_until(loop.time() + min(lane.due_at - now, LONGEST_WAIT_S)):
                break
        else:
            await lane.bell.wait()
        lane.due_at = None

    def _look_again(self, lane: _Lane) -> None:
        """Come back after a while that grows."""
        lane.looks += 1
        lane.due_at = self._clock.now() + LOOK_AGAIN.equal_jitter(lane.looks, self._random.random())

    def _answer(self, lane: _Lane, result: Operation | HoldfastError | None) -> None:
        if lane.answer is None or lane.answer.done():
            return
        if isinstance(result, HoldfastError):
            lane.answer.set_exception(result)
        else:
            lane.answer.set_result(result)

    async def _turn(self, lane: _Lane) -> None:
        """Look once and do what follows from it."""
        await self._operations.close_cut()
        if not lane.is_recalled:
            await self._recall(lane)
        if lane.desired is not None:
            await self._note_rewind(lane, lane.desired)
        if (request := lane.request) is not None and lane.answer is not None and not lane.answer.done():
            lane.bell.wake()  # whatever becomes of it, what the lane waited for before is due another look
            self._answer(lane, await self._on_request(lane, request))
        elif lane.desired is not None:
            await self._automated(lane, lane.desired)

    async def _note_rewind(self, lane: _Lane, desired: Desired) -> None:
        """Remember across restarts that what Git asks for was rewound to; another digest that was not lifts it."""
        memory = lane.memory
        if lane.is_rewound and memory.rewound != desired.digest:
            await self._remember(lane, rewound=desired.digest)
        elif not lane.is_rewound and memory.rewound not in (None, desired.digest):
            await self._remember(lane, rewound=None)

    async def _automated(self, lane: _Lane, desired: Desired) -> None:
        memory = lane.memory
        if memory.pin and resumes(memory.pin, desired.digest):
            await self._unpin(lane, "Git asks for something else")
        if memory.pin:
            await self._keep_pinned(lane, memory.pin)
            await self._hold(lane, desired, self._decide(lane, desired))
            return
        allowed = policy(lane.managed.settings, complete=lane.is_complete, rewound=memory.rewound == desired.digest)
        look = await self._looker.look(desired, allowed)
        if not look.plan:
            await self._in_sync(lane, look)
        elif decision := self._decide(lane, desired, look.plan):
            await self._go_forward(lane, look, Trigger.COMMIT)
        else:
            await self._hold(lane, desired, decision)

    def _decide(self, lane: _Lane, desired: Desired, found: Plan | None = None) -> Decision:
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

    def _unless_drift(self, lane: _Lane, found: Plan, decision: Decision) -> Decision:
        is_drift = all(change.reason is Reason.DRIFTED for change in found)
        if is_drift and not lane.managed.settings.self_heal:
            return Decision(kind=Kind.NOT_AUTOMATED, reason="it drifted, and self-heal is off")
        return decision

    async def _hold(self, lane: _Lane, desired: Desired, decision: Decision) -> None:
        lane.due_at = lane.due_at or decision.until
        news = (decision.kind, desired.digest)
        if lane.held != news:
            lane.held = news
            await self._journal.emit(
                events.operation_held(at=self._clock.now(), application=lane.managed.name, revision=desired.revision, decision=decision)
            )

    async def _in_sync(self, lane: _Lane, look: Look) -> None:
        """Nothing to do: where all stands and is healthy it is a revision to go back to, else it is looked at again."""
        if look.stands:
            if lane.memory.newest != Healthy(revision=look.desired.revision, digest=look.desired.digest):
                await self._journal.emit(events.revision_reached(at=self._clock.now(), desired=look.desired))
            await self._now_healthy(lane, look.desired)
        if look.waits or look.health is Status.PROGRESSING:
            self._look_again(lane)

    async def _now_healthy(self, lane: _Lane, desired: Desired) -> None:
        memory = lane.memory
        if memory.healthy[-1:] == [Healthy(revision=desired.revision, digest=desired.digest)] and not (memory.retrying or memory.created):
            return
        memory.now_healthy(desired)
        memory.retrying, memory.created = None, []
        await self._remember(lane)

    # Acting

    async def _go_forward(self, lane: _Lane, look: Look, trigger: Trigger) -> Operation:
        """Walk to what Git asks for, and see to what follows from how it ends."""
        walk = self._begin(lane, look, trigger)
        lane.following = look.desired.digest
        done = await self._run(lane, walk)
        if done.phase is Phase.FAILED:
            await self._after_failure(lane, walk, done)
        elif done.phase is Phase.SUPERSEDED:
            lane.memory.created = list(done.created)
            await self._remember(lane)
            lane.bell.wake()
        else:
            await self._succeeded(lane, look, done)
        return done

    async def _succeeded(self, lane: _Lane, look: Look, done: Operation) -> None:
        if look.is_whole:
            await self._now_healthy(lane, look.desired)
        elif lane.memory.created != list(done.created):
            await self._remember(lane, created=list(done.created))  # not all is there yet: a rollback may still delete these
        if look.plan.blocked or look.is_disturbed:
            self._look_again(lane)  # may be free by then; and what an approval names now is another plan
        await self._releases.keep(lane.managed.name)

    def _begin(self, lane: _Lane, look: Look, trigger: Trigger) -> Walk:
        inventory = self._ledger.inventory
        created = {change.id for change in look.plan if change.verb is Verb.CREATE and change.id not in inventory}
        lane.interrupt, lane.held = Interrupt(), None
        return self._operations.begin(
            trigger, look.desired, look.plan, look.as_of, interrupt=lane.interrupt, created=created.union(lane.memory.created)
        )

    async def _run(self, lane: _Lane, walk: Walk) -> Operation:
        try:
            return await self._operations.run(walk, prepare=lambda: self._releases.ensure(walk.desired))
        except StoreError:
            lane.memory.created = list(walk.operation.created)
            raise
        finally:
            lane.interrupt = lane.following = None
            self._settled(lane.managed.name, tuple(sorted({change.id for change in walk.plan})))

    async def _after_failure(self, lane: _Lane, walk: Walk, done: Operation) -> None:
        """Try again later where an engine merely did not answer, else go back to the last healthy revision."""
        now, memory = self._clock.now(), lane.memory
        memory.retrying = failed(memory.retrying, done.desired_digest, lane.managed.retry, now)
        memory.created = list(done.created)
        is_retriable = (walk.is_retriable and not walk.gated) or (walk.problem is not None and walk.problem.retry is Retry.BACKOFF)
        may_wait = is_retriable and memory.retrying.next_at is not None
        back = on_failure(done, memory.healthy_before(done.desired_digest), lane.managed.rollback, done.message, now)
        if back.pin is None or may_wait:
            lane.due_at = now if memory.retrying.next_at is None else memory.retrying.next_at  # now: to say that it is exhausted
            await self._remember(lane)
        else:
            lane.bell.wake()  # to say that Git is held
            await self._pin(lane, back.pin, done.id)

    # Going back

    async def _pin(self, lane: _Lane, pin: Pin, failed_operation: str | None) -> Operation | None:
        """Hold the Application at `pin`, and walk there."""
        now, name = self._clock.now(), lane.managed.name
        await self._remember(lane, pin=pin, retrying=None)
        await self._journal.emit(events.rollback_started(at=now, application=name, pin=pin, operation=failed_operation))
        lane.is_pin_told = False
        while True:
            try:
                return await self._keep_pinned(lane, pin)
            except Stale:
                continue

    async def _keep_pinned(self, lane: _Lane, pin: Pin) -> Operation | None:
        """Go to the pinned revision where something is missing from it: at first, and again where that was cut off or failed.

        Only what the failed operation created may be deleted on the way without a person.
        """
        name, memory = lane.managed.name, lane.memory
        if not lane.is_pin_told:
            lane.is_pin_told = True  # once a life: it may have ended between remembering and telling
            await self._journal.emit(events.revision_pinned(at=self._clock.now(), application=name, pin=pin))
        desired = await self._render(name, pin.revision)
        look = await self._looker.look(desired, policy(lane.managed.settings, rolling_back=memory.created), lane.desired)
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
        done = await self._run(lane, self._begin(lane, look, Trigger.ROLLBACK))
        if done.phase is Phase.FAILED:
            memory.retrying = failed(memory.retrying, desired.digest, lane.managed.retry, now)
            lane.due_at = memory.retrying.next_at
            await self._remember(lane)
        else:
            lane.bell.wake()
        return done

    async def _stands_pinned(self, lane: _Lane, look: Look) -> None:
        memory = lane.memory
        if look.waits:
            self._look_again(lane)
        elif memory.created or memory.retrying:
            await self._remember(lane, created=[], retrying=None)

    async def _unpin(self, lane: _Lane, reason: str) -> None:
        await self._journal.emit(events.revision_unpinned(at=self._clock.now(), application=lane.managed.name, reason=reason))
        await self._remember(lane, pin=None)
        lane.is_pin_told = False

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
        rewound = memory.rewound == desired.digest
        look = await self._looker.look(desired, policy(settings, complete=lane.is_complete, rewound=rewound, approved=request.approve))
        if request.approve is not None and look.plan.digest != request.approve:
            raise Refused(
                "HF6006",
                f"cannot sync {name}: the plan is another than the one that was approved",
                hint=f"holdfast plan {name}, then approve {look.plan.digest[:12]}",
            )
        if memory.pin is not None:
            await self._unpin(lane, f"synced by {request.person}")
        await self._remember(lane, retrying=None)
        refused = refusals(look.plan)
        if not look.plan and refused:
            first = refused[min(refused)]
            raise Refused(first.code or "HF6007", f"cannot sync {name}: {min(refused)} {first.reason}", hint=f"holdfast plan {name}")
        return await self._go_forward(lane, look, Trigger.MANUAL) if look.plan else None

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
        return await self._pin(lane, pin, None)

    async def _down(self, lane: _Lane, request: Request) -> Operation | None:
        """Take everything of an Application away, in mirrored order, and keep it so until it is resumed."""
        name = lane.managed.name
        nothing = Desired.of(name, lane.desired.revision if lane.desired else "", ())
        look = await self._looker.look(nothing, removal(request.approve))
        if refused := refusals(look.plan):
            first = refused[min(refused)]
            raise Refused(
                first.code or "HF6007",
                f"cannot take {name} down: {min(refused)} {first.reason}",
                hint=f"holdfast down {name} --approve {look.plan.digest}",
            )
        await self.suspend(name, request.person, "taken down")
        return await self._run(lane, self._begin(lane, look, Trigger.MANUAL)) if look.plan else None

    # Memory

    async def _remember(self, lane: _Lane, **changes: Any) -> None:
        """Write the memory down with `changes`; raises StoreError, and then it is as it was."""
        changed = replace(lane.memory, **changes)
        await self._records.put(lane.managed.name, changed.to_json())
        for name in changes:
            setattr(lane.memory, name, getattr(changed, name))

    async def _recover(self) -> None:
        """Close what the last run left unfinished; nothing begins before that could be written."""
        while True:
            try:
                await self._operations.recover(await self._store.operations(unfinished=True))
                return
            except StoreError:
                await self._clock.sleep(STORE_AGAIN_S)

    async def _recall(self, lane: _Lane) -> None:
        """Take up what operations since the last good one set out to create, should the last run have ended before it was remembered."""
        healthy = {it.digest for it in lane.memory.healthy}
        for operation in await self._store.operations(application=lane.managed.name, limit=RECALLED):
            if operation.phase is Phase.SUCCEEDED and operation.desired_digest in healthy:
                break
            lane.memory.created = sorted({*lane.memory.created, *operation.created})
        lane.is_recalled = True
