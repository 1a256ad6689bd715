"""A simulated engine and the kind that lives in it: acts on a `World` and misbehaves as real ones do, on the simulated clock.

What it promises is what `model.ports.Engine` asks: steps may be repeated, a look that begins after a step was answered shows it, and
what somebody else made is never touched. Everything else may go wrong, as the `Weather` has it. State fields that mean something here:

| field | meaning |
|---|---|
| style | the rollout, as `RolloutStyle` has it |
| bad | `dies`: a candidate dies at once; `hangs`: it never becomes ready; `sick`: it stands and is Degraded |
| fixed | cannot be changed in place |
| secret | `{secret, fingerprint}`: resolved when it is applied; what dies says its value aloud |
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.core.world import tokens
from holdfast.errors import Conflict, DeclarationError, Rejected, TimedOut, Unavailable
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.tasks import Wakeup
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Live, Observation, Status
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.life import Fate, Life
from holdfast.testing.world import Thing, World

LAG_S = 3.0
"""How old a look may be."""
NEVER_S = 1e9
DEADLINE_S = 20.0


class Witness(Protocol):
    """Who is told of all that an engine does; the properties of a story, or nobody."""

    def begins(self, step: Step) -> None: ...

    def ends(self, step: Step) -> None: ...

    def did(self, step: Step) -> None:
        """The engine did `step`; whether anybody hears of it is another matter."""
        ...

    def acts(self, step: Step, before: Thing | None, after: Thing | None) -> None:
        """What stands at the id of `step` is about to change."""
        ...


class Unseen:
    """A witness that looks away."""

    def begins(self, step: Step) -> None:
        pass

    def ends(self, step: Step) -> None:
        pass

    def did(self, step: Step) -> None:
        pass

    def acts(self, step: Step, before: Thing | None, after: Thing | None) -> None:
        pass


@dataclass(slots=True, kw_only=True)
class SimulatedKind:
    """Anything that a `SimulatedEngine` holds."""

    name: str
    api_version: str = "holdfast.dev/v1alpha1"
    spec_type: type[dict[str, str]] = dict

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        id = ResourceId(scope.destination, self.name, declaration.namespace or scope.namespace, declaration.name)
        return Resource(id=id, state=State.of(declaration.spec), origin=declaration.origin)

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        if observation.state is None:
            return Health(Status.MISSING)
        if observation.state.fields.get("bad") == "sick":
            return Health(Status.DEGRADED, "it is sick")
        is_ready = observation.handle is None or observation.handle.get("ready")
        return Health(Status.HEALTHY) if is_ready else Health(Status.PROGRESSING, "not ready yet")

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle(str(after.fields.get("style", RolloutStyle.IN_PLACE)))

    def progress_deadline_s(self, state: State) -> float:
        return DEADLINE_S


@dataclass(kw_only=True, slots=True)
class SimulatedEngine:
    """Implements ports.Engine. `life` has a boundary before and after every effect: there the daemon may be killed."""

    world: World
    clock: Clock
    random: Random
    weather: Weather
    life: Life = field(default_factory=lambda: Life(Fate()))
    name: str = "toys"
    kinds: frozenset[str] = frozenset({"Toy"})
    knows_owner: bool = False
    """Whether a look says whose a thing is."""
    witness: Witness = field(default_factory=Unseen)
    secret: str = ""
    """What every secret reference resolves to."""
    _news: dict[ResourceId, None] = field(default_factory=dict)
    _bell: Wakeup = field(default_factory=Wakeup)
    _answered: dict[ResourceId, float] = field(default_factory=dict)
    """When the last step on an id ended: no look may be older."""
    _mute_until: float = 0.0

    def start(self) -> None:
        """Adopt what an earlier life left: candidates and what was retired belong to no operation any more, and are ended."""
        for id in [id for id in (*self.world.candidates, *self.world.retired) if id.kind in self.kinds]:
            self.world.candidates.pop(id, None)
            self.world.retired.pop(id, None)

    # Looking

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        self.life.boundary()
        now = self.clock.monotonic()
        at = now - LAG_S * self.random.random() if self.weather.now and self.weather.strikes(Fault.LAG) else now
        seen = {id: self._seen(id, at, now) for id in ids}
        await self._answer()
        if self.weather.now and self.weather.strikes(Fault.BLIND):
            raise Unavailable("HF2001", f"cannot look: {self.name} does not answer")
        return Live(observed=seen)

    def _seen(self, id: ResourceId, at: float, now: float) -> Observation:
        world = self.world
        thing = world.things.get(id) if at == now else world.before(id, max(at, self._answered.get(id, 0.0)))
        if thing is None:
            return Observation(state=None, observed_at=now)
        return Observation(
            state=thing.state,
            owned=thing.maker is not None if self.knows_owner else None,
            handle={"ready": thing.is_ready(now)},
            observed_at=now,
        )

    async def _answer(self) -> None:
        """Take the time that a call takes, and fail where the engine answers nobody."""
        if self.weather.now and self.weather.strikes(Fault.SLOW):
            await self.clock.sleep(4.0 * self.random.random())
        elif (chance := self.random.random()) < 0.5:
            await self.clock.sleep(0.02 * chance)
        else:
            await asyncio.sleep(0)
        if self.weather.now and self.weather.strikes(Fault.THROTTLED):
            self._mute_until = self.clock.monotonic() + self.random.random()
        if self._mute_until and self._mute_until > self.clock.monotonic():
            raise Unavailable("HF2001", f"cannot ask {self.name}: too many calls")

    async def watch(self) -> AsyncIterator[ResourceId]:
        self.world.heard.append(self._hear)
        try:
            while True:
                while self._news:
                    id = next(iter(self._news))
                    del self._news[id]
                    yield id
                if Fault.WATCH_GAP in self.weather.now:
                    await self.clock.sleep(0.1)
                    raise Unavailable("HF2001", f"cannot watch: {self.name} broke the connection")
                await self._bell.wait()
        finally:
            self._news.clear()
            self.world.heard.remove(self._hear)

    def _hear(self, id: ResourceId) -> None:
        if id.kind not in self.kinds:
            return
        self._bell.wake()
        weather = self.weather
        if weather.now and (Fault.WATCH_GAP in weather.now or weather.strikes(Fault.MISSED_NEWS)):
            return
        self._news[id] = None
        if weather.now and weather.strikes(Fault.REPEATED_NEWS):
            asyncio.get_running_loop().call_later(self.random.random(), self._hear_again, id)

    def _hear_again(self, id: ResourceId) -> None:
        self._news[id] = None
        self._bell.wake()

    # Acting

    async def apply(self, step: Step) -> None:
        self.life.boundary()
        self.witness.begins(step)
        try:
            await self._answer()
            if self.weather.now:
                self._fail_before(step)
            self.life.boundary()
            await self._do(step)
            self.witness.did(step)
            self.life.boundary()
            if self.weather.now and self.weather.strikes(Fault.LOST_REPLY):
                lost = Unavailable if step.verb is StepVerb.GATE else TimedOut  # a gate that timed out says that its deadline passed
                raise lost("HF2001", f"cannot {step.verb} {step.id}: the answer was lost")
        finally:
            self._answered[step.id] = self.clock.monotonic()
            self.witness.ends(step)

    def _fail_before(self, step: Step) -> None:
        if self.weather.strikes(Fault.LOST_CALL):
            raise Unavailable("HF2001", f"cannot {step.verb} {step.id}: {self.name} did not hear")
        if self.weather.strikes(Fault.CONFLICT):
            raise Conflict("HF2001", f"cannot {step.verb} {step.id}: somebody else changed it just now")

    async def _do(self, step: Step) -> None:
        match step.verb:
            case StepVerb.START:
                self._start(step)
            case StepVerb.GATE:
                await self._gate(step)
            case StepVerb.SWITCH:
                self._switch(step)
            case StepVerb.DISCARD:
                self._discard(step)
            case StepVerb.APPLY:
                self._make(step)
            case StepVerb.DELETE:
                self._delete(step)
            case StepVerb.STOP:
                self._stop(step)
            case StepVerb.DRAIN:
                await self.clock.sleep(0.01)

    def _start(self, step: Step) -> None:
        candidate = self._thing(step)
        if not step.private:
            self._check(step, candidate)
        self.witness.acts(step, self.world.things.get(step.id), candidate)
        self.world.candidates[step.id] = candidate

    async def _gate(self, step: Step) -> None:
        candidate = self.world.candidates.get(step.id)
        if candidate is None:
            if self._is_made(step):
                return
            raise Rejected("HF2001", f"cannot gate {step.id}: it is not there", is_dead=True)
        if candidate.state.fields.get("bad") == "dies":
            words = f"cannot log in with {self.secret}" if "secret" in candidate.state.fields else "Traceback: bad"
            raise Rejected("HF2001", f"cannot gate {step.id}: it died", is_dead=True, log=[words])
        left = candidate.ready_at - self.clock.monotonic()
        await self.clock.sleep(max(0.0, min(left, step.deadline_s)))
        if left > step.deadline_s:
            raise TimedOut("HF2001", f"cannot gate {step.id}: not ready after {step.deadline_s:g} s")

    def _discard(self, step: Step) -> None:
        if self.world.candidates.pop(step.id, None) is None and self._is_made(step):
            self.world.retired.pop(step.id, None)

    def _switch(self, step: Step) -> None:
        candidate = self.world.candidates.get(step.id)
        if candidate is None:
            if self._is_made(step):
                return
            raise Rejected("HF2001", f"cannot switch {step.id}: there is no candidate", is_dead=True)
        self._check(step, candidate)
        del self.world.candidates[step.id]
        old = self.world.things.get(step.id)
        if old is not None and old.maker is not None:
            self.world.retired[step.id] = old
        self._put(step, candidate)

    def _make(self, step: Step) -> None:
        thing = self._thing(step)
        self._check(step, thing)
        old = self.world.things.get(step.id)
        if old is not None and self.weather.strikes(Fault.HALF_DONE):
            half = {**old.state.fields, **dict(list(thing.state.fields.items())[::2])}
            self._put(step, Thing(state=State.of(half), maker=step.operation, resource=thing.resource))
            raise Unavailable("HF2001", f"cannot {step.verb} {step.id}: {self.name} failed on the way")
        if old is None or old.state != thing.state:
            self._soon(step, thing, lambda: self.world.put(step.id, thing))

    def _soon(self, step: Step, after: Thing | None, do: Callable[[], object]) -> None:
        """Do it, or say that it is done and do it a while later."""
        self.witness.acts(step, self.world.things.get(step.id), after)
        if self.weather.strikes(Fault.LATE):
            self.world.later(step.id, 3.0 * self.random.random(), do)
        else:
            self.world.now(step.id)
            do()

    def _delete(self, step: Step) -> None:
        id = step.id
        self._check(step, None)
        self.world.candidates.pop(id, None)
        self.world.retired.pop(id, None)
        if id in self.world.things:
            if self.weather.strikes(Fault.HALF_DONE):
                raise Unavailable("HF2001", f"cannot delete {id}: {self.name} failed on the way")
            self._soon(step, None, lambda: self.world.take(id, step.operation))

    def _stop(self, step: Step) -> None:
        """End what served before the switch; ahead of `start`, what serves."""
        if self.world.retired.pop(step.id, None) is None and not self._is_made(step) and step.id in self.world.things:
            self._check(step, None)
            self._take(step)

    def _thing(self, step: Step) -> Thing:
        assert step.resource is not None, f"{step.verb} {step.id} carries no resource"
        state = step.resource.state
        slow_s = 10.0 if self.weather.strikes(Fault.SLOW_START) else 0.5
        start_s = NEVER_S if state.fields.get("bad") == "hangs" else self.random.random() * slow_s
        ready_at = self.clock.monotonic() + start_s if step.verb is StepVerb.START else 0.0
        return Thing(state=state, maker=step.operation, resource=step.resource, ready_at=ready_at)

    def _is_made(self, step: Step) -> bool:
        """Say whether this very operation has brought up what stands already: the step is told again."""
        thing = self.world.things.get(step.id)
        return thing is not None and thing.maker == step.operation

    def _check(self, step: Step, after: Thing | None) -> None:
        """Refuse what a real system refuses: what is not ours, what is fixed, what somebody else holds."""
        old = self.world.things.get(step.id)
        if old is not None and not self._may_touch(step, old):
            raise Conflict("HF2001", f"cannot {step.verb} {step.id}: it is there and not ours")
        if after is None:
            return
        if old is not None and step.change.before is None and not self._is_made(step) and old.maker is not None:
            raise Conflict("HF2001", f"cannot {step.verb} {step.id}: it is there already")
        if old is not None and old.state.fields.get("fixed") != after.state.fields.get("fixed") and old.maker is not None:
            raise Rejected("HF2001", f"cannot {step.verb} {step.id}: `fixed` cannot be changed in place")
        held = tokens(after.resource)
        for id, other in self.world.things.items() if held else ():
            if id != step.id and held & tokens(other.resource):
                raise Rejected("HF2001", f"cannot {step.verb} {step.id}: {id} holds what it wants")

    def _may_touch(self, step: Step, old: Thing) -> bool:
        return old.maker is not None or (step.resource is not None and step.resource.policy.adopt)

    def _put(self, step: Step, thing: Thing) -> None:
        self.witness.acts(step, self.world.things.get(step.id), thing)
        self.world.put(step.id, thing)

    def _take(self, step: Step) -> None:
        self.witness.acts(step, self.world.things.get(step.id), None)
        self.world.take(step.id, step.operation)
