"""Walking a plan: each change through its steps, each success seen again in the world before it counts.

Used by sync (operations) and heal (plans of one); knows neither. It decides nothing: which changes, in which waves and through which
steps is `core`; what a state means is its kind. It owns the lanes: an id is in one hand at a time, ids run in parallel up to `slots`, and a
step that only waits gives its slot back.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import reduce

from holdfast.core import events
from holdfast.core.order import held_up
from holdfast.core.rollout import compensation, lanes, steps
from holdfast.core.view import OUT_OF_SYNC, SYNCED, UNKNOWN
from holdfast.errors import Bug, Conflict, EngineError, HoldfastError, Retry, TimedOut, Unavailable
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Wakeup, all_of, in_turn
from holdfast.model.declaration import Kind, Serving
from holdfast.model.event import Event
from holdfast.model.hook import HookPhase
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Live, Observation, Status
from holdfast.model.operation import Applied, Failure, Outcome, RolloutStyle, Step, StepVerb
from holdfast.model.plan import Change, Owned, Verb
from holdfast.model.ports import Engine, Journal
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import State
from holdfast.walk.hook import HookBook, HookRun
from holdfast.walk.hooked import walk_with_hooks
from holdfast.walk.ledger import Ledger
from holdfast.walk.walk import Interrupted, Walk

ATTEMPTS = 4
"""How often one step is tried while its engine does not answer."""
AGAIN = Backoff(first_s=0.2, factor=3.0, cap_s=5.0)
WELL = frozenset({Status.HEALTHY, Status.SUSPENDED})
LOOK_AGAIN_S = 1.0
"""While waiting for health: how long without news before looking anyway."""
REMOVAL_DEADLINE_S = 120.0
ENTERED = 100
"""How many new resources are entered into the inventory in one go, before the first of them is made."""


class Stale(Exception):
    """Something of a plan was changed by somebody else of this house between the look that it was made from and its turn: look again."""


class Walker:
    """Constructor arguments: engines and kinds by kind name; the clock also paces retries."""

    def __init__(
        self,
        *,
        engines: Mapping[str, Engine],
        kinds: Mapping[str, Kind],
        ledger: Ledger,
        journal: Journal,
        clock: Clock,
        random: Random,
        slots: int = 16,
        book: HookBook | None = None,
    ) -> None:
        self.book = book
        """Of the hooks that ran; None: hooks are not run."""
        self._engines = engines
        self._by_name = {engine.name: engine for engine in engines.values()}
        self._kinds = kinds
        self._ledger = ledger
        self._journal = journal
        self._clock = clock
        self._random = random
        self._slots = asyncio.Semaphore(slots)
        self.moves = 0
        """How often a change began or ended; a look that is older than the last one of an id does not show it."""
        self._moved: dict[ResourceId, int] = {}
        self._held: set[ResourceId] = set()
        self._awaited: Counter[ResourceId] = Counter()
        """Ids that somebody waits for, who has none of them yet."""
        self._waiting: list[tuple[Collection[ResourceId], Mapping[ResourceId, State | None]]] = []
        """Who waits, for which ids, and what they are to become."""
        self._heals: dict[ResourceId, Walk] = {}
        """Heals under way, by what they have in hand."""
        self._released = asyncio.Condition()
        self._bells: dict[ResourceId, Wakeup] = {}
        self._told: dict[ResourceId, tuple[object, ...]] = {}
        self._owed: dict[ResourceId, Step] = {}
        """Undoings that failed."""

    # Looking

    async def observe(self, ids: Iterable[ResourceId]) -> Live:
        """Ask every engine at once; a kind without an engine, and an engine that fails, is unreachable and never absent."""
        by_engine: dict[str, list[ResourceId]] = {}
        live = Live()
        for id in sorted(ids):
            if id.kind in self._engines:
                by_engine.setdefault(self._engines[id.kind].name, []).append(id)
            else:
                live = live.joined(Live(unreachable={id: f"no engine for kind {id.kind}"}))
        seen = await all_of(*(_look(self._by_name[name], ids) for name, ids in by_engine.items()))
        if len(seen) == 1 and not live.unreachable:
            return seen[0]
        return reduce(Live.joined, seen, live)

    def is_done(self, resource: Resource, observation: Observation, health: Health) -> bool:
        """Say whether what stands as declared needs no more waiting for: it is well, or does its work though it is not."""
        kind = self._kinds[resource.id.kind]
        return health.status in WELL or (isinstance(kind, Serving) and kind.serves(resource, observation, self._clock.now()))

    def health(self, resource: Resource, observation: Observation) -> Health:
        if observation.state is None:
            return Health(Status.MISSING)
        return self._kinds[resource.id.kind].health(resource, observation, self._clock.now())

    async def report(self, application: str, resource: Resource, live: Live, desired: State | None, revision: str | None) -> Health:
        """Say what was seen of `resource`, where it is other than what was said last; `desired` is what Git says, None for an orphan."""
        health, news = self.news(application, resource, live, desired, revision)
        await self.tell({resource.id: news} if news else {})
        return health

    async def tell(self, news: Mapping[ResourceId, Sequence[Event]]) -> None:
        """Write what `news` gave, all at once; where that is cut off it is news again."""
        if not news:
            return
        try:
            await self._journal.emit(*(event for told in news.values() for event in told))
        except BaseException:
            for id in news:
                self.untold(id)
            raise

    def news(
        self, application: str, resource: Resource, live: Live, desired: State | None, revision: str | None
    ) -> tuple[Health, tuple[Event, ...]]:
        """Return the health that was seen of `resource`, and the event that says it where it is other than what was said last.

        The caller writes it, with others at once, or takes it back (`untold`).
        """
        observation = live.observed.get(resource.id)
        if observation is None:
            sync, health = UNKNOWN, Health(Status.UNKNOWN, live.unknown(resource.id) or "")
        else:
            is_let = desired is None and resource.policy.tolerated
            sync = SYNCED if is_let or (desired is not None and observation.state == desired) else OUT_OF_SYNC
            health = self.health(resource, observation)
        handle = observation.handle if observation else None
        seen = (application, sync, health, dict(handle) if handle else None, desired is None)
        if self._told.get(resource.id) == seen:
            return health, ()
        event = events.resource_observed(
            at=self._clock.now(), application=application, id=resource.id, sync=sync, health=health, live=handle, revision=revision
        )
        # What the view shows of it, not a copy.
        self._told[resource.id] = (*seen[:3], event.data["live"] or None, *seen[4:])
        return health, (event,)

    def untold(self, id: ResourceId) -> None:
        """Say that something else was told of `id`: what is seen next is news, even if it is what was said last."""
        self._told.pop(id, None)

    # Lanes

    def noticed(self, id: ResourceId) -> None:
        """Wake whoever waits for news of `id`."""
        if bell := self._bells.get(id):
            bell.wake()

    @asynccontextmanager
    async def hold(self, ids: Collection[ResourceId], wanted: Mapping[ResourceId, State | None] | None = None) -> AsyncIterator[None]:
        """Take `ids` in hand, all at once, waiting until nobody else has one of them; `wanted` is what they are to become, if known.

        A heal that only waits for health lets go: that may take ten minutes, or for ever, and must not keep a commit waiting.
        """
        awaited = Counter([*ids])
        waits = (ids, wanted or {})
        self._awaited += awaited
        self._waiting.append(waits)
        try:
            self._press(*waits)
            async with self._released:
                await self._released.wait_for(lambda: self._held.isdisjoint(ids))
                self._held.update(ids)
        finally:
            self._awaited -= awaited
            self._waiting = [each for each in self._waiting if each is not waits]
        try:
            yield
        finally:
            await self.give_back(ids)

    def _press(self, ids: Collection[ResourceId], wanted: Mapping[ResourceId, State | None]) -> None:
        """Have the heals that hold `ids` end: at once where something else is wanted, else as soon as it stands as declared."""
        for id in ids:
            if (walk := self._heals.get(id)) is not None:
                walk.is_awaited = True
                goal = walk.resources.get(id)
                if id in wanted and (goal is None or wanted[id] != goal.state):
                    walk.interrupt.set()
                for change in walk.plan:
                    self.noticed(change.id)

    @contextmanager
    def healing(self, walk: Walk) -> Iterator[None]:
        """Mark what a heal has in hand, so that an operation need not wait for more than what has begun."""
        ids = {*walk.resources, *(change.id for change in walk.plan)}
        self._heals |= dict.fromkeys(ids, walk)
        for waits in self._waiting:  # it was looking still when they began to wait
            self._press(*waits)
        try:
            yield
        finally:
            for id in ids:
                self._heals.pop(id, None)

    def check(self, walk: Walk) -> None:
        """Raise Stale where something that is planned moved after the look; the caller holds the ids."""
        if any(self.has_moved(change.id, walk.as_of) for change in walk.plan):
            raise Stale

    def has_moved(self, id: ResourceId, as_of: int) -> bool:
        return self._moved.get(id, 0) > as_of

    def is_held(self, id: ResourceId) -> bool:
        return id in self._held

    def take(self, id: ResourceId) -> bool:
        """Take `id` in hand now; False where somebody else has it, or waits for it. For who would rather come back than wait."""
        if id in self._held or id in self._awaited:
            return False
        self._held.add(id)
        return True

    async def give_back(self, ids: Collection[ResourceId]) -> None:
        self._held.difference_update(ids)
        async with self._released:
            self._released.notify_all()

    # Walking

    async def walk(self, walk: Walk) -> tuple[Outcome, ...]:
        """Do the whole plan and return what came of each change. The caller holds its ids. Raises StoreError where it cannot be written."""
        if walk.hooks is None:
            await self._waves(walk, walk.plan.waves, None)
        else:
            await walk_with_hooks(walk, walk.hooks, self._waves)
        return tuple(walk.outcomes)

    async def _waves(self, walk: Walk, waves: tuple[tuple[Change, ...], ...], hooks: HookRun | None) -> None:
        inventory = dict(self._ledger.inventory)
        for wave in waves:
            if hooks is not None and not (hooks.is_stopped or walk.failed):
                places = [walk.resources[change.id].wave for change in wave if change.after is not None]
                await hooks.run(HookPhase.SYNC, before=min(places, default=None))
            if hooks is not None and hooks.is_stopped:
                why = f"waits for hook {hooks.failed}, which failed" if hooks.failed else "a newer desired state took over"
                for change in wave:
                    await self._skip(walk, change, why)
                continue
            held = held_up(walk.plan, walk.desired, inventory, walk.failed) if walk.failed else frozenset()
            if walk.failed:
                held |= {change.id for change in wave if self._is_last(change)}
            for change in wave:
                if change.id in held:
                    await self._skip(walk, change, "waits for what failed")
            ready = tuple(change for change in wave if change.id not in held)
            found = lanes(ready, lambda id: self._resource(walk, id))
            if len(found) <= ENTERED:  # no task: most walks are of one
                await self._together(walk, found)
            else:
                await in_turn(self._together(walk, some) async for some in walk.queue.begin(found, ENTERED))

    def hook_run(self, walk: Walk, *, is_removal: bool = False) -> HookRun | None:
        """Return what runs the hooks of a walk beside its changes, or those of an Application that goes; None where there are none."""
        name = walk.desired.application
        if self.book is None:
            return None
        hooks = self.book.last(name) if is_removal else walk.desired.hooks
        if not hooks and not (is_removal and self.book.read(name).get("left")):
            return None
        return HookRun(
            hooks,
            walk.operation,
            is_removal=is_removal,
            world=self,
            engines=self._engines,
            book=self.book,
            journal=self._journal,
            clock=self._clock,
            is_interrupted=lambda: walk.interrupt.is_set,
        )

    def deadline_of(self, resource: Resource) -> float:
        return self._kinds[resource.id.kind].progress_deadline_s(resource.state)

    async def news_of(self, id: ResourceId, within_s: float) -> None:
        """Wait until something is said to have happened to `id`, or for so long."""
        bell = self._bells.setdefault(id, Wakeup())
        try:
            await bell.wait_until(asyncio.get_running_loop().time() + within_s)
        finally:
            self._bells.pop(id, None)

    def _is_last(self, change: Change) -> bool:
        """Say whether it is pruned only where all else came about."""
        owned = self._ledger.inventory.get(change.id)
        return change.verb is Verb.DELETE and owned is not None and owned.resource.policy.last

    def _resource(self, walk: Walk, id: ResourceId) -> Resource | None:
        owned = self._ledger.inventory.get(id)
        return walk.resources.get(id) or (owned.resource if owned else None)

    async def _together(self, walk: Walk, found: Sequence[tuple[Change, ...]]) -> None:
        """Walk lanes that begin at once; what they are about to make is entered in one go."""
        await self._enter(
            walk, [lane[0] for lane in found if not (walk.interrupt.is_set or self._declared(walk, lane[0].id) in walk.broken)]
        )
        await all_of(*(self._lane(walk, lane) for lane in found))

    def _declared(self, walk: Walk, id: ResourceId) -> ResourceId:
        resource = self._resource(walk, id)
        return resource.declared_id if resource else id

    async def _lane(self, walk: Walk, lane: tuple[Change, ...]) -> None:
        for change in lane:
            declared = self._declared(walk, change.id)
            if walk.interrupt.is_set:
                await self._skip(walk, change, "a newer desired state took over")
            elif declared in walk.broken:
                walk.failed.add(change.id)  # so that what waits for it is held up too
                await self._skip(walk, change, f"another replica of {declared} failed")
            else:
                await self._change(walk, change, declared)
            walk.queue.leave(change.id)

    async def _skip(self, walk: Walk, change: Change, why: str) -> None:
        now = self._clock.now()
        outcome = Outcome(
            id=change.id,
            status=Applied.SKIPPED,
            attempts=0,
            started_at=now,
            finished_at=now,
            failure=Failure(code="HF6001", message=f"cannot {change.verb} {change.id}: {why}"),
        )
        walk.outcomes.append(outcome)
        await self._journal.emit(events.change_skipped(at=now, operation=walk.operation, change=change, outcome=outcome))

    async def _change(self, walk: Walk, change: Change, declared: ResourceId) -> None:
        self._moves(change.id)
        try:
            await self._try(walk, change, declared)
        finally:
            self._moves(change.id)

    def _moves(self, id: ResourceId) -> None:
        self.moves += 1
        self._moved[id] = self.moves

    async def _try(self, walk: Walk, change: Change, declared: ResourceId) -> None:
        started_at = self._clock.now()
        resource = walk.resources.get(change.id) if change.after is not None else None
        try:
            await self._enter(walk, [change])
            attempts = await self._step_through(walk, change, resource)
            observation = await self._settle(walk, change, resource)
        except Interrupted:
            await self._skip(walk, change, "a newer desired state took over")
            return
        except EngineError as error:
            walk.failed.add(change.id)
            walk.broken.add(declared)
            walk.is_retriable |= error.retry in (Retry.BACKOFF, Retry.ONCE) and change.id not in walk.gated
            outcome = Outcome(
                id=change.id,
                status=Applied.FAILED,
                attempts=ATTEMPTS if error.retry is Retry.BACKOFF else 1,
                started_at=started_at,
                finished_at=self._clock.now(),
                failure=failure_of(error),
            )
            walk.outcomes.append(outcome)
            self.untold(change.id)
            await self._journal.emit(events.change_failed(at=outcome.finished_at, operation=walk.operation, change=change, outcome=outcome))
            return
        self._owed.pop(change.id, None)  # whatever was left over served as the candidate, or went with what was deleted
        outcome = Outcome(id=change.id, status=Applied.APPLIED, attempts=attempts, started_at=started_at, finished_at=self._clock.now())
        walk.outcomes.append(outcome)
        await self._record(walk, change, resource, outcome, observation)

    async def _enter(self, walk: Walk, changes: Iterable[Change]) -> None:
        """Enter what is about to be ours before it is there, so that a crash half-way leaves nothing that nobody owns."""
        fresh = [change.id for change in changes if change.after is not None and change.id not in self._ledger.inventory]
        if fresh:
            await self._ledger.enter([self._owned(walk, walk.resources[id], is_applied=False) for id in fresh])

    def _owned(self, walk: Walk, resource: Resource, *, is_applied: bool) -> Owned:
        return Owned(
            application=walk.desired.application,
            resource=resource,
            revision=walk.desired.revision,
            operation=walk.operation.id,
            is_applied=is_applied,
        )

    async def _record(
        self, walk: Walk, change: Change, resource: Resource | None, outcome: Outcome, observation: Observation | None
    ) -> None:
        applied = events.change_applied(at=outcome.finished_at, operation=walk.operation, change=change, outcome=outcome)
        if resource is not None:
            news: tuple[Event, ...] = ()
            if observation is not None:
                seen = Live(observed={resource.id: observation})
                _, news = self.news(walk.desired.application, resource, seen, resource.state, walk.desired.revision)
            try:
                await self._ledger.put(self._owned(walk, resource, is_applied=True), applied, *news)
            except BaseException:  # not written, or cut off in between: nobody knows what was told
                self.untold(resource.id)
                raise
        elif change.verb is Verb.DELETE:
            pruned = events.resource_pruned(
                at=outcome.finished_at,
                application=walk.desired.application,
                id=change.id,
                reason=change.reason,
                operation=walk.operation.id,
            )
            self.untold(change.id)
            await self._ledger.drop(change.id, applied, pruned)
        else:
            self.untold(change.id)  # down for a while: what comes up again is news
            await self._journal.emit(applied)

    async def _step_through(self, walk: Walk, change: Change, resource: Resource | None) -> int:
        """Do the steps of one change; where one fails, undo what must be undone and raise its error. Return the most tries of a step."""
        done: list[Step] = []
        most = 1
        for step in self._steps(walk, change, resource):
            try:
                most = max(most, await self._step(walk, step))
            except (EngineError, Interrupted) as error:
                if step.verb is StepVerb.GATE and not isinstance(error, Unavailable):
                    walk.gated.add(change.id)
                await self._undo(walk, step, tuple(done))
                raise
            except asyncio.CancelledError:
                # The store failed for another lane, or the house closes: what this one leaves half-way is owed.
                for undoing in compensation(step, tuple(done)):
                    self._owed[undoing.id] = undoing
                raise
            done.append(step)
        return most

    def _steps(self, walk: Walk, change: Change, resource: Resource | None) -> tuple[Step, ...]:
        kind = self._kinds[change.id.kind]
        style = kind.style(change.before or State.of({}), change.after) if change.after is not None else RolloutStyle.IN_PLACE
        return steps(change, resource, style, walk.operation.id, self._deadline_s(change))

    def deadline_s(self, id: ResourceId, desired: Desired) -> float:
        """Return how long a declared resource may take to become healthy."""
        resource = desired.get(id)
        return self._kinds[id.kind].progress_deadline_s(resource.state) if resource is not None else REMOVAL_DEADLINE_S

    def _deadline_s(self, change: Change) -> float:
        return self._kinds[change.id.kind].progress_deadline_s(change.after) if change.after is not None else REMOVAL_DEADLINE_S

    async def _step(self, walk: Walk, step: Step) -> int:
        """Do one step, again while its engine does not answer. Return how often it was tried."""
        began = self._clock.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._act(walk, step)
            except EngineError as error:
                is_last = attempt == ATTEMPTS or (step.verb is StepVerb.GATE and not isinstance(error, Unavailable))
                is_last |= step.verb is StepVerb.DELETE and isinstance(error, TimedOut)  # it had the whole deadline
                if is_last or not (error.retry is Retry.BACKOFF or (isinstance(error, Conflict) and attempt == 1)):
                    raise
                await self._clock.sleep(AGAIN.full_jitter(attempt, self._random.random()))
            else:
                seconds = self._clock.monotonic() - began
                await self._journal.emit(
                    events.step_done(
                        at=self._clock.now(),
                        application=walk.desired.application,
                        revision=walk.desired.revision,
                        step=step,
                        seconds=seconds,
                    )
                )
                return attempt
        raise Bug("HF9001", f"cannot {step.verb} {step.id}: the loop of attempts ended without an answer")

    async def _act(self, walk: Walk, step: Step) -> None:
        engine = self._engines[step.id.kind]
        if step.verb is not StepVerb.GATE:
            async with nullcontext() if step.waits else self._slots:
                walk.queue.leave(step.id)
                await engine.apply(step)
            return
        walk.queue.leave(step.id)
        scope = asyncio.timeout(None)
        try:
            async with scope:
                with walk.interrupt.listening(scope):
                    if walk.interrupt.is_set:
                        raise Interrupted
                    await engine.apply(step)
        except TimeoutError:
            if scope.expired():
                raise Interrupted from None
            raise

    async def _undo(self, walk: Walk, failed: Step, done: tuple[Step, ...]) -> None:
        for step in compensation(failed, done):
            try:
                await self._step(walk, step)
            except EngineError as error:
                # The first error is the one to tell; what is left over is owed.
                self._owed[step.id] = step
                await self._journal.emit(
                    events.step_undo_failed(
                        at=self._clock.now(),
                        application=walk.desired.application,
                        revision=walk.desired.revision,
                        step=step,
                        message=error.message,
                    )
                )

    async def make_good(self, id: ResourceId) -> None:
        """Clear what an undoing that failed left behind at `id`, which the caller holds; raises EngineError where that fails again."""
        if step := self._owed.get(id):
            await self._engines[id.kind].apply(step)
            self._owed.pop(id, None)

    async def _settle(self, walk: Walk, change: Change, resource: Resource | None) -> Observation | None:
        """Look until the world shows what was asked for, in state and health; raise TimedOut (HF6002) at the deadline."""
        deadline = self._clock.monotonic() + self._deadline_s(change)
        bell = self._bells.setdefault(change.id, Wakeup())
        try:
            while True:
                live = await self.observe([change.id])
                observation = live.observed.get(change.id)
                missing = self._missing(change, resource, observation, live)
                if missing is None:
                    return observation
                left = deadline - self._clock.monotonic()
                if left <= 0:
                    walk.gated.add(change.id)
                    if resource is not None and observation is not None and observation.state == resource.state:
                        await self._ledger.put(self._owned(walk, resource, is_applied=True))  # it stands, if not well: no drift to heal
                    raise TimedOut("HF6002", f"cannot {change.verb} {change.id}: {missing} after {self._deadline_s(change):g} s")
                if resource is not None and (walk.interrupt.is_set or (walk.is_awaited and self._stands(resource, observation))):
                    raise Interrupted
                await bell.wait_until(asyncio.get_running_loop().time() + min(left, LOOK_AGAIN_S))
        finally:
            self._bells.pop(change.id, None)

    def _stands(self, resource: Resource, observation: Observation | None) -> bool:
        return observation is not None and observation.state == resource.state

    def _missing(self, change: Change, resource: Resource | None, observation: Observation | None, live: Live) -> str | None:
        """Say what is not yet as it was asked for, or None."""
        if observation is None:
            return live.unknown(change.id)
        if resource is None:
            return "it is still there" if observation.state is not None else None
        if observation.state is None:
            return "it is not there"
        if observation.state != resource.state:
            return "it is not as declared"
        health = self.health(resource, observation)
        if self.is_done(resource, observation, health):
            return None
        return f"it is {health.status}{f': {health.message}' if health.message else ''}"


async def _look(engine: Engine, ids: Collection[ResourceId]) -> Live:
    try:
        return await engine.observe(ids)
    except EngineError as error:
        return Live(unreachable=dict.fromkeys(ids, error.message))


def failure_of(error: HoldfastError) -> Failure:
    """Return `error` as an outcome keeps it."""
    log, is_dead = (error.log, error.is_dead) if isinstance(error, EngineError) else ((), False)
    return Failure(code=error.code, message=error.message, hint=error.hint, log=log, dead=is_dead)
