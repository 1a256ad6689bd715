"""Playing a story: its acts in their time, one life of the daemon after another, and every property watched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Ask, Request
from holdfast.errors import DeclarationError, HoldfastError, StoreError
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.house import REAL, Parts
from holdfast.testing.properties import Properties
from holdfast.testing.rest import memory_of, unrest
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import POLL_S, Stage
from holdfast.testing.story import Act, Deed, Story

SECRET = "hunter2-canary"
PERSON = "ada"
LONGEST_S = 4 * 3600.0
"""How long the world may take to come to rest when nothing goes wrong any more."""
QUIET_S, SWEPT_S = 60.0, 400.0
"""How long nothing may happen then; of each fourth seed so long that a sweep comes by."""
FORGIVEN_S = 700.0
ENOUGH_BOUNDARIES = 60_000
"""A story that passes more goes in circles."""
ENCORES = 12
MARGIN = 4
"""Effects more than enough that an encore aims at."""
LIKELY_EFFECTS: Mapping[str, int] = MappingProxyType({"start-first": 5, "start-first-private": 8, "stop-first": 4})
"""Of a change, by its style."""
RIVAL_EVERY_S = 2.0
DOWN_S = 1.0
"""Until the daemon starts again, where the story does not say."""
PATIENCE, PATIENCE_S, ASK_AGAIN_S = 40, 120.0, 5.0
"""How often a person asks, how long one waits for an answer, and until one asks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a story."""

    seed: int
    violations: tuple[str, ...]
    effects: int
    writes: int
    boundaries: int
    crashes: int
    faults: int
    commits: int
    resources: int
    virtual_s: float
    busy_boundaries: int
    """Those that were passed before all was calm: at each of them the daemon can be killed."""
    final: tuple[str, ...]
    """What stands at the end, and what Applications are pinned to."""
    trace: tuple[str, ...] = ()


def play(story: Story, *, parts: Parts = REAL, deaths: tuple[int, ...] = (), is_traced: bool = False) -> Played:
    """Play `story` to its end; equal stories give equal results. `deaths` are more boundaries at which the daemon is killed."""
    return run(story.seed, _Player(story, parts, deaths, is_traced).play())


class _Player:
    def __init__(self, story: Story, parts: Parts, deaths: tuple[int, ...], is_traced: bool) -> None:
        self._story = story
        self._stage = Stage([team.managed for team in story.teams], seed=story.seed, deaths=set(deaths), parts=parts, secret=SECRET)
        stage = self._stage
        self._properties = Properties(
            clock=stage.clock, world=stage.world, disk=stage.disk, renders=stage.renders, trace=[] if is_traced else None
        )
        stage.witness, stage.disk.wrote = self._properties, self._properties.wrote
        self._teams = {team.name: team for team in story.teams}
        self._ids = {str(id): id for id in story.ids}
        self._pushed: dict[tuple[str, int], str] = {}
        self._down_s = DOWN_S
        self._busy = 0
        self._asked = 0
        self._promised = 0
        """Effects that the encores under way will likely have."""
        self._last_word: dict[str, int] = {}
        self._turns = {team.name: asyncio.Lock() for team in story.teams}
        """One question about an Application at a time."""
        self._persons = Tasks(on_crash=lambda name, error: stage.crashes.append(f"{name}: {error!r}"))

    async def play(self) -> Played:
        stage, properties = self._stage, self._properties
        async with stage, self._persons:
            await stage.start()
            for at, act in self._timeline():
                await self._until(at)
                act()
            if await self._calm() and await self._forgiven():
                properties.violations.extend(unrest(stage))
                await self._idle()
            await self._persons.stop()
        if any(_is_spoken(resource) for team in self._story.teams for commit in team.commits for resource in commit):
            properties.violations.extend(_leaks(stage))
        return Played(
            seed=self._story.seed,
            violations=tuple(properties.violations),
            effects=properties.effects,
            writes=stage.disk.commits,
            boundaries=stage.fate.count,
            crashes=stage.lives - 1,
            faults=self._story.faults,
            commits=sum(isinstance(number, int) for _, number in self._pushed),
            resources=len(self._story.ids),
            virtual_s=stage.clock.monotonic(),
            busy_boundaries=self._busy,
            final=_final(stage),
            trace=tuple(properties.trace or ()),
        )

    # Time

    def _timeline(self) -> list[tuple[float, Callable[[], None]]]:
        """Return what to do when: each act begins, and those with an end also end."""
        moments: list[tuple[float, int, Callable[[], None]]] = []
        for act in self._story.acts:
            moments.append((act.at, len(moments), partial(self._begin, act)))
            if act.until is not None:
                moments.append((act.until, len(moments), partial(self._end, act)))
        return [(at, do) for at, _, do in sorted(moments, key=lambda moment: moment[:2])]

    async def _until(self, at: float) -> None:
        """Wait for an instant; a daemon that dies meanwhile is started again."""
        while await self._stage.fate.bell.wait_until(at):
            await self._revive()

    async def _revive(self) -> None:
        stage = self._stage
        await stage.die()
        self._properties.note("the daemon died")
        await stage.clock.sleep(self._down_s)
        await stage.start()
        self._properties.note("the daemon lives again")

    async def _calm(self) -> bool:
        """Let everything that was told end well: wait until all rests, with enough done."""
        for name, team in self._teams.items():
            if (name, len(team.commits) - 1) not in self._pushed or self._stage.is_spoilt(name):
                self._push(name, len(team.commits) - 1)
            self._stage.git.point(name, "main", self._stage.heads[name])
            self._ask(name, _resume)
        if not (await self._rest() and await self._swept()):
            return False
        self._stage.fate.deaths, self._busy = (), self._stage.fate.count
        if self._stage.lives == 1 and any(act.deed is Deed.CRASH for act in self._story.acts):
            await self._revive()  # the crash that was told did not come to its boundary
            if not await self._rest():
                return False
        for encore in range(ENCORES):
            if self._properties.effects >= self._story.least_effects:
                return True
            for name in self._teams:
                if self._properties.effects + self._promised < self._story.least_effects + MARGIN:
                    self._encore(name, encore)
            self._promised = 0
            if not await self._rest():
                return False
        return True

    async def _rest(self) -> bool:
        """Wait until nothing is under way any more; say what keeps it from that."""
        stage = self._stage
        deadline = stage.clock.monotonic() + LONGEST_S
        before = -1
        while stage.clock.monotonic() < deadline and stage.fate.count < ENOUGH_BOUNDARIES:
            if await stage.fate.bell.wait_until(stage.clock.monotonic() + POLL_S):
                await self._revive()
            elif stage.fate.count == before and stage.is_at_rest and not self._persons.names():
                return True
            before = stage.fate.count
        self._properties.breach("it does not come to rest")
        return False

    async def _forgiven(self) -> bool:
        """Wait until what was fought over has been quiet long enough."""
        if self._stage.house.heal.contended():
            await self._until(self._stage.clock.monotonic() + FORGIVEN_S)
            return await self._swept()
        return True

    async def _swept(self) -> bool:
        """Let the safety net find what nobody told of."""
        await self._stage.house.sweep.sweep()
        return await self._rest()

    async def _idle(self) -> None:
        """Look again and let time pass: in sync nobody writes and nobody acts.

        But for a refusal: what an approval names holds the live state of what is refused, which may have been healed since it was told.
        """
        stage = self._stage
        writes, effects, told = stage.disk.commits, self._properties.effects, len(stage.disk.log)
        for name in self._teams:
            await stage.house.source.refresh(name)
        await stage.clock.sleep(QUIET_S if self._story.seed % 4 else SWEPT_S)
        news = stage.disk.log[told:]
        refusals = sum(event.type == "plan.refused" for event in news)
        writes, effects = stage.disk.commits - writes - refusals, self._properties.effects - effects
        if writes or effects:
            said = [f"{event.type} {event.subject}" for event in news[-3:]]
            self._properties.breach(f"in sync, and yet {writes} writes and {effects} effects: {said}")

    # Acts

    def _begin(self, act: Act) -> None:
        self._properties.note(f"act {act}")
        stage = self._stage
        match act.deed:
            case Deed.PUSH:
                self._push(act.target, act.number)
            case Deed.BREAK:
                stage.commit(act.target, error=DeclarationError("HF1000", "cannot render: it is broken"))
            case Deed.REWIND:
                self._rewind(act.target, act.number)
            case Deed.SILENCE:
                stage.git.silent.add(act.target)
            case Deed.WEATHER if act.fault is not None:
                stage.weather[act.target].begin(act.fault, act.chance)
            case Deed.CRASH:
                self._down_s = act.chance
                stage.fate.deaths = {*stage.fate.deaths, stage.fate.count + act.number}
            case Deed.CLOCK:
                stage.clock.jump(act.number)
            case Deed.SUSPEND:
                self._ask(act.target, _suspend)
            case Deed.SYNC | Deed.ROLLBACK | Deed.DOWN:
                self._ask(act.target, partial(_request, Ask(act.deed.value)))
            case _ if act.target in self._ids:
                self._meddle(act, self._ids[act.target])

    def _end(self, act: Act) -> None:
        self._properties.note(f"end {act}")
        stage = self._stage
        match act.deed:
            case Deed.SILENCE:
                stage.git.silent.discard(act.target)
            case Deed.WEATHER if act.fault is not None:
                stage.weather[act.target].end(act.fault)
            case Deed.CLOCK:
                stage.clock.jump(-act.number)
            case Deed.SUSPEND | Deed.DOWN:
                self._ask(act.target, _resume)
            case Deed.SICKEN if act.target in self._ids:
                stage.world.tell(self._ids[act.target])
            case Deed.SQUAT:
                id = self._ids.get(act.target)
                if id is not None and (thing := stage.world.things.get(id)) is not None and thing.maker is None:
                    stage.world.take(id, None)

    def _push(self, name: str, number: int) -> None:
        commit = self._stage.commit(name, *self._teams[name].commits[number])
        self._pushed[name, number] = commit
        self._properties.rewound.pop(name, None)

    def _encore(self, name: str, encore: int) -> None:
        """Touch as much once more as it takes for enough to be done; what was bad is mended."""
        commit: list[Resource] = []
        for resource in max(self._teams[name].commits, key=len):
            is_touched = self._properties.effects + self._promised < self._story.least_effects + MARGIN or "bad" in resource.state.fields
            commit.append(_touched(resource, 100 + encore) if is_touched else resource)
            self._promised += LIKELY_EFFECTS.get(str(resource.state.fields.get("style")), 1) if is_touched else 0
        self._stage.commit(name, *commit)
        self._properties.rewound.pop(name, None)

    def _rewind(self, name: str, number: int) -> None:
        commit = self._pushed.get((name, number))
        if commit is None:
            return
        healthy = memory_of(self._stage, name).healthy
        if healthy and not self._stage.git.descends(name, healthy[-1].revision, commit):
            self._properties.rewound[name] = commit
        self._stage.rewind(name, commit)

    def _meddle(self, act: Act, id: ResourceId) -> None:
        world = self._stage.world
        thing = world.things.get(id)
        match act.deed:
            case Deed.SQUAT if thing is None:
                self._stage.squat(id, State.of({"squatter": True}))
            case Deed.KILL if thing is not None:
                world.take(id, None)
            case Deed.FORK if thing is not None:
                world.edit(id, State.of({"escaped": True}))
            case Deed.EDIT if thing is not None:
                world.edit(id, State.of({**thing.state.fields, "version": -1}))
            case Deed.SICKEN if thing is not None and act.until is not None:
                thing.sick_until = act.until
                world.tell(id)
            case Deed.RIVAL if act.until is not None:
                self._rival(id, act.until)

    def _rival(self, id: ResourceId, until: float) -> None:
        """Write to `id` now, and again soon until it is over."""
        world = self._stage.world
        thing = world.things.get(id)
        if thing is not None and thing.maker is not None and thing.state.fields.get("version") != -2:
            world.edit(id, State.of({**thing.state.fields, "version": -2}))
        loop = asyncio.get_running_loop()
        if loop.time() + RIVAL_EVERY_S < until:
            loop.call_later(RIVAL_EVERY_S, self._rival, id, until)

    # Persons

    def _ask(self, name: str, ask: Callable[[SyncController, str], Awaitable[object]]) -> None:
        self._asked += 1
        self._last_word[name] = self._asked
        self._persons.start(f"person {self._asked}", self._insist(name, self._asked, ask), guard=True)

    async def _insist(self, name: str, number: int, ask: Callable[[SyncController, str], Awaitable[object]]) -> None:
        """Ask, and again where the daemon died or its disk was full before it answered, until somebody asks for something else."""
        for _ in range(PATIENCE):
            async with self._turns[name]:
                if self._last_word[name] != number or await self._answered(name, ask):
                    return
            await self._stage.clock.sleep(ASK_AGAIN_S)

    async def _answered(self, name: str, ask: Callable[[SyncController, str], Awaitable[object]]) -> bool:
        """Ask once; say whether there was an answer that counts."""
        stage = self._stage
        if not stage.is_alive:
            return False
        life = stage.house.life
        try:
            async with asyncio.timeout(PATIENCE_S):
                await ask(stage.house.sync, name)
        except StoreError:
            self._properties.note(f"{name}: the disk is full")
            return False
        except HoldfastError as error:
            self._properties.note(f"{name}: {error.message}")
        except TimeoutError:
            return not life.is_over
        except asyncio.CancelledError:
            if not life.is_over or (task := asyncio.current_task()) is None or task.cancelling():
                raise
            return False
        return True


async def _suspend(sync: SyncController, name: str) -> None:
    await sync.suspend(name, PERSON)


async def _resume(sync: SyncController, name: str) -> None:
    if sync.is_suspended(name):
        await sync.resume(name, PERSON)


async def _request(asked: Ask, sync: SyncController, name: str) -> None:
    await sync.request(name, Request(ask=asked, person=PERSON))


def _touched(resource: Resource, version: int) -> Resource:
    fields = {key: value for key, value in resource.state.fields.items() if key != "bad"}
    return replace(resource, state=State.of({**fields, "version": version}))


def _final(stage: Stage) -> tuple[str, ...]:
    standing = [f"{id} {thing.state.digest}" for id, thing in sorted(stage.world.things.items())]
    pins = [(name, memory_of(stage, name).pin) for name in sorted(stage.managed)]
    return (*standing, *(f"{name} pinned to {pin.revision}" for name, pin in pins if pin is not None))


def _is_spoken(resource: Resource) -> bool:
    """Say whether its secret may come to be said aloud."""
    return "secret" in resource.state.fields and resource.state.fields.get("bad") == "dies"


def _leaks(stage: Stage) -> Iterator[str]:
    """Yield where the secret stands in what was written."""
    written = {
        "an event": stage.disk.log,
        "an operation": stage.disk.walks.values(),
        "the inventory": stage.disk.owned.values(),
        "a record": stage.disk.spaces.values(),
        "a crash": stage.crashes,
    }
    yield from (f"{where} holds a secret" for where, values in written.items() if any(SECRET in repr(value) for value in values))
