"""A simulated engine and the kind that lives in it: misbehaves as real ones do, on the simulated clock.

Faults, each drawn per call with the probability that `Faults` gives: the answer lost after the effect, the effect left out, no answer to a
look, a slow start, a candidate that dies. `world` is the truth; tests may change it behind everybody's back and `nudge` the watch, or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field

from holdfast.errors import DeclarationError, Rejected, TimedOut, Unavailable
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Live, Observation, Status
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State


@dataclass(kw_only=True)
class Faults:
    """Probabilities per call."""

    lost_reply: float = 0.0
    lost_call: float = 0.0
    blind: float = 0.0
    slow: float = 0.0
    missed_event: float = 0.0


class ToyKind:
    """States with `bad: true` never become healthy; `style` picks the rollout; `slow_s` is how long a start takes."""

    name = "Toy"
    api_version = "holdfast.dev/v1alpha1"
    spec_type = dict

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        raise NotImplementedError

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        if observation.state is None:
            return Health(Status.MISSING)
        if observation.state.fields.get("bad"):
            return Health(Status.DEGRADED, "it is bad")
        return Health(Status.HEALTHY)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle(str(after.fields.get("style", RolloutStyle.IN_PLACE)))

    def progress_deadline_s(self, state: State) -> float:
        return 20.0


@dataclass
class SimulatedEngine:
    """Implements ports.Engine. `effects` lists what really happened, in order: (verb, id, digest)."""

    clock: Clock
    random: Random
    faults: Faults = field(default_factory=Faults)
    name: str = "toy"
    kinds: frozenset[str] = frozenset({"Toy"})
    world: dict[ResourceId, State] = field(default_factory=dict)
    candidates: dict[ResourceId, State] = field(default_factory=dict)
    effects: list[tuple[str, ResourceId, str]] = field(default_factory=list)
    _news: asyncio.Queue[ResourceId] = field(default_factory=asyncio.Queue)

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        await self.clock.sleep(0.001)
        if self._strikes(self.faults.blind):
            raise Unavailable("HF2001", "cannot look: the simulated engine does not answer")
        return Live(observed={id: self._seen(id) for id in ids})

    def _seen(self, id: ResourceId) -> Observation:
        state = self.world.get(id)
        handle: Mapping[str, Json] | None = {"toy": state.digest[:6]} if state else None
        return Observation(state=state, handle=handle, observed_at=self.clock.now())

    async def apply(self, step: Step) -> None:
        await self.clock.sleep(5.0 if self._strikes(self.faults.slow) else 0.002)
        if self._strikes(self.faults.lost_call):
            raise Unavailable("HF2001", f"cannot {step.verb} {step.id}: the simulated engine did not hear")
        self._do(step)
        if self._strikes(self.faults.lost_reply):
            raise TimedOut("HF2001", f"cannot {step.verb} {step.id}: the answer was lost")

    def _do(self, step: Step) -> None:
        id = step.id
        match step.verb:
            case StepVerb.START:
                assert step.resource is not None
                self.candidates[id] = step.resource.state
            case StepVerb.GATE:
                if (candidate := self.candidates.get(id)) is None:
                    raise Rejected("HF2001", f"cannot gate {id}: there is no candidate")
                if candidate.fields.get("bad"):
                    raise Rejected("HF2001", f"cannot gate {id}: it died", is_dead=True, log=["Traceback: bad"])
            case StepVerb.SWITCH:
                if id in self.candidates:
                    self._put(step.verb, id, self.candidates.pop(id))
            case StepVerb.DISCARD:
                self.candidates.pop(id, None)
            case StepVerb.APPLY:
                assert step.resource is not None
                self._put(step.verb, id, step.resource.state)
            case StepVerb.DELETE:
                if self.world.pop(id, None) is not None:
                    self.effects.append((step.verb, id, ""))
                    self.nudge(id)
            case StepVerb.STOP | StepVerb.DRAIN:
                pass

    def _put(self, verb: StepVerb, id: ResourceId, state: State) -> None:
        if self.world.get(id) != state:
            self.world[id] = state
            self.effects.append((verb, id, state.digest))
            self.nudge(id)

    def nudge(self, id: ResourceId) -> None:
        """Say that `id` may have changed, unless this news is one that gets lost."""
        if not self._strikes(self.faults.missed_event):
            self._news.put_nowait(id)

    async def watch(self) -> AsyncIterator[ResourceId]:
        while True:
            yield await self._news.get()

    def _strikes(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability
