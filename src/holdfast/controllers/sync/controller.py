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
from dataclasses import replace
from typing import Any

from holdfast.controllers.sync.course import Course
from holdfast.controllers.sync.lane import Alone, Ask, Lane, Managed, Others, Releases, Request
from holdfast.core import events
from holdfast.core.memory import Memory
from holdfast.core.policy import policy, refusals, removal
from holdfast.core.rollback import by_hand
from holdfast.core.selection import select
from holdfast.errors import HoldfastError, Refused, Retry, StoreError
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.plan import Policy
from holdfast.model.ports import Journal, Records, Store
from holdfast.model.resource import Desired
from holdfast.model.source import short
from holdfast.walk.hook import IN_SYNC
from holdfast.walk.ledger import Ledger
from holdfast.walk.look import Look
from holdfast.walk.walker import Stale, Walker

STORE_AGAIN_S = 2.0
RECALLED = 20
"""How many operations back a start looks for what was created and never stood healthy."""
LONGEST_WAIT_S = 60.0
"""How long a lane waits at most before it reads the wall clock again, which may have been set."""


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
        others: Others | None = None,
    ) -> None:
        self._course = Course(
            walker=walker,
            ledger=ledger,
            journal=journal,
            records=records,
            releases=releases,
            render=render,
            clock=clock,
            random=random,
            settled=settled,
            others=others or Alone(),
        )
        self._walker = walker
        self._ledger = ledger
        self._journal = journal
        self._store = store
        self._records = records
        self._render = render
        self._clock = clock
        self._lanes: dict[str, Lane] = {}
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
        self._lanes[managed.name] = Lane(managed, memory)
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
        await self._course.remember(lane, suspended=f"suspended by {person}{f': {reason}' if reason else ''}")
        await self._journal.emit(events.application_suspended(at=self._clock.now(), application=name, by=person, reason=reason))

    async def resume(self, name: str, person: str) -> None:
        """Lift a suspension and a pin, and forget failures. Told first: a pin that is still remembered after a crash is told again."""
        lane = self._lanes[name]
        memory, now = lane.memory, self._clock.now()
        if memory.pin is not None:
            await self._journal.emit(events.revision_unpinned(at=now, application=name, reason=f"resumed by {person}"))
        await self._journal.emit(events.application_resumed(at=now, application=name, by=person))
        await self._course.remember(lane, suspended=None, pin=None, retrying=None)
        lane.is_pin_told = False
        lane.is_idle.clear()
        lane.bell.wake()

    def is_suspended(self, name: str) -> bool:
        lane = self._lanes.get(name)
        return lane is not None and lane.memory.suspended is not None

    def allowed(self, desired: Desired) -> Policy:
        """Return what a plan to `desired` may do by itself now."""
        return self._lanes[desired.application].allowed(desired)

    def heals(self, name: str) -> bool:
        """Say whether drift of this Application may be healed now."""
        lane = self._lanes.get(name)
        return lane is not None and lane.managed.settings.self_heal and lane.memory.suspended is None

    def undeclared(self, name: str, id: ResourceId) -> bool:
        """Say whether Git is known not to declare `id` of an Application."""
        lane = self._lanes.get(name)
        return lane is not None and lane.is_undeclared(id)

    def look(self, name: str) -> None:
        """Say that something of an Application is to be looked at: what Git no longer declares is gone."""
        if (lane := self._lanes.get(name)) is not None:
            lane.is_idle.clear()
            lane.bell.wake()

    @property
    def is_at_rest(self) -> bool:
        """Whether every lane is at rest."""
        return all(lane.is_at_rest for lane in self._lanes.values())

    def is_idle(self, name: str) -> bool:
        """Say whether nothing is under way for an Application, and none of what it was told waits for an answer."""
        lane = self._lanes.get(name)
        return lane is not None and lane.is_idle.is_set() and not lane.bell.is_rung

    async def idle(self, name: str) -> None:
        """Wait until nothing is under way for an Application and its lane has answered all that it was told."""
        if (lane := self._lanes.get(name)) is not None:  # it may have been let go meanwhile
            await lane.is_idle.wait()

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
                    self._course.look_again(lane)
                self._answer(lane, error)
            if not lane.bell.is_rung:
                lane.is_idle.set()
            await self._wait(lane)

    async def _wait(self, lane: Lane) -> None:
        """Wait for the bell or for `due_at`, whichever comes first; a wall clock that is set back counts as due."""
        loop, began = asyncio.get_running_loop(), self._clock.now()
        while lane.due_at is not None:
            now = self._clock.now()
            if not began <= now < lane.due_at or await lane.bell.wait_until(loop.time() + min(lane.due_at - now, LONGEST_WAIT_S)):
                break
        else:
            await lane.bell.wait()
        lane.due_at = None

    def _answer(self, lane: Lane, result: Operation | HoldfastError | None) -> None:
        if not lane.is_asked or lane.answer is None:
            return
        if isinstance(result, HoldfastError):
            lane.answer.set_exception(result)
        else:
            lane.answer.set_result(result)

    async def _turn(self, lane: Lane) -> None:
        """Look once and do what follows from it."""
        await self._course.operations.close_cut()
        if not lane.is_recalled:
            await self._recall(lane)
        if lane.desired is not None:
            await self._note_rewind(lane, lane.desired)
        if (request := lane.request) is not None and lane.is_asked:
            lane.bell.wake()  # whatever becomes of it, what the lane waited for before is due another look
            self._answer(lane, await self._on_request(lane, request))
        elif lane.desired is not None:
            await self._course.follow(lane, lane.desired)

    async def _note_rewind(self, lane: Lane, desired: Desired) -> None:
        """Remember across restarts that what Git asks for was rewound to; another digest that was not lifts it."""
        memory = lane.memory
        if lane.is_rewound and memory.rewound != desired.digest:
            await self._course.remember(lane, rewound=desired.digest)
        elif not lane.is_rewound and memory.rewound not in (None, desired.digest):
            await self._course.remember(lane, rewound=None)

    # Persons

    async def _on_request(self, lane: Lane, request: Request) -> Operation | None:
        if not (verdict := lane.managed.window(self._clock.now(), True)).allowed:
            raise Refused("HF6004", f"cannot {request.ask} {lane.managed.name}: {verdict.reason}", hint="the window says manualSync: false")
        match request.ask:
            case Ask.ROLLBACK:
                return await self._roll_back(lane, request)
            case Ask.DOWN:
                return await self._down(lane, request)
            case Ask.SYNC:
                return await self._sync(lane, request)

    async def _sync(self, lane: Lane, request: Request) -> Operation | None:
        name, memory, desired = lane.managed.name, lane.memory, lane.desired
        if desired is None:
            raise Refused("HF6005", f"cannot sync {name}: no revision could be rendered yet", hint=f"holdfast status {name}")
        if request.approve is not None:
            await self._journal.emit(
                events.plan_approved(at=self._clock.now(), application=name, digest=request.approve, by=request.person)
            )
        settings = replace(lane.managed.settings, prune=lane.managed.settings.prune or request.prune or request.approve is not None)
        rewound = memory.rewound == desired.digest
        await self._course.others_read(desired)
        only = select(desired, self._ledger.inventory, request.resources) if request.resources else None
        allowed = policy(settings, complete=lane.is_complete, rewound=rewound, approved=request.approve, only=only)
        look = await self._course.looker.look(desired, allowed)
        if request.approve is not None and look.plan.digest != request.approve:
            raise Refused(
                "HF6006",
                f"cannot sync {name}: the plan is another than the one that was approved",
                hint=f"holdfast plan {name}{' --resource …' if request.resources else ''}, then approve {look.plan.digest[:12]}",
            )
        if only is not None:
            return await self._selected(lane, look)
        if memory.pin is not None:
            await self._course.unpin(lane, f"synced by {request.person}")
        await self._course.remember(lane, retrying=None)
        refused = refusals(look.plan)
        if not look.plan and refused:
            first = refused[min(refused)]
            raise Refused(first.code or "HF6007", f"cannot sync {name}: {min(refused)} {first.reason}", hint=f"holdfast plan {name}")
        runs = self._walker.book is not None and any(hook.phase in IN_SYNC for hook in desired.hooks)
        return await self._course.go_forward(lane, look, Trigger.MANUAL) if look.plan or runs else None

    async def _selected(self, lane: Lane, look: Look) -> Operation | None:
        """Walk to what was selected, all of it or nothing: what is missing for a part of it is said instead."""
        name = lane.managed.name
        if (pin := lane.memory.pin) is not None:
            reason = f"it is pinned at {short(pin.revision)}, where it would be taken back to"
            raise Refused("HF2012", f"cannot sync a part of {name}: {reason}", hint=f"holdfast resume {name}, or sync all of it")
        if look.plan.blocked:
            id, first = min(look.plan.blocked.items())
            hint = f"holdfast plan {name} --resource … shows all; select what is missing too"
            raise Refused(first.code or "HF6007", f"cannot sync a part of {name}: {id} {first.reason}", hint=hint)
        return await self._course.go_selected(lane, look) if look.plan else None

    async def _roll_back(self, lane: Lane, request: Request) -> Operation | None:
        name, memory, desired = lane.managed.name, lane.memory, lane.desired
        if desired is None:
            raise Refused("HF6005", f"cannot roll back {name}: no revision could be rendered yet", hint=f"holdfast status {name}")
        before = memory.healthy_before(desired.digest)
        to = request.revision or (before.revision if before else None)
        if to is None:
            raise Refused(
                "HF6008", f"cannot roll back {name}: there is no healthy revision before this one", hint=f"holdfast history {name}"
            )
        wanted = await self._render(name, to)  # before the pin: a revision that does not render changes nothing
        pin = by_hand(desired.digest, desired.revision, wanted.revision, request.person, self._clock.now())
        return await self._course.pin(lane, pin, None)

    async def _down(self, lane: Lane, request: Request) -> Operation | None:
        """Take everything of an Application away, in mirrored order, and keep it so until it is resumed."""
        name = lane.managed.name
        nothing = Desired.of(name, lane.desired.revision if lane.desired else "", ())
        look = await self._course.looker.look(nothing, removal(request.approve))
        if refused := refusals(look.plan):
            first = refused[min(refused)]
            raise Refused(
                first.code or "HF6007",
                f"cannot take {name} down: {min(refused)} {first.reason}",
                hint=f"holdfast down {name} --approve {look.plan.digest}",
            )
        await self.suspend(name, request.person, "taken down")
        walk = self._course.begin(lane, look, Trigger.MANUAL)
        walk.hooks = self._walker.hook_run(walk, is_removal=True)
        done = await self._course.run(lane, walk) if look.plan or walk.hooks is not None else None
        if self._walker.book is not None and done is not None and done.phase is Phase.SUCCEEDED:
            await self._walker.book.forget(name)
        return done

    # Memory

    async def _recover(self) -> None:
        """Close what the last run left unfinished; nothing begins before that could be written."""
        while True:
            try:
                await self._course.operations.recover(await self._store.operations(unfinished=True))
                return
            except StoreError:
                await self._clock.sleep(STORE_AGAIN_S)

    async def _recall(self, lane: Lane) -> None:
        """Take up what operations since the last good one set out to create, should the last run have ended before it was remembered."""
        healthy = {it.digest for it in lane.memory.healthy}
        for operation in await self._store.operations(application=lane.managed.name, limit=RECALLED):
            if operation.phase is Phase.SUCCEEDED and operation.desired_digest in healthy:
                break
            lane.memory.created = sorted({*lane.memory.created, *operation.created})
        lane.is_recalled = True
