"""The truth of a simulated world: what stands in it, whoever made it, and what stood before.

Engines act on it and look at it; the story and its rivals change it behind everybody's back. It outlives every life of the daemon. Knows
nothing of faults: what an engine makes of a call is `simulated_engine`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource
from holdfast.model.state import State

REMEMBERED = 4
"""How many earlier truths of one id a lagging look can still show."""


@dataclass(slots=True)
class Thing:
    """One thing that stands. `maker`: the operation that brought it up, None where somebody else did."""

    state: State
    maker: str | None
    resource: Resource | None = None
    """As it was applied; what it needs stands there."""
    ready_at: float = 0.0
    """On the monotonic clock."""
    sick_until: float = 0.0

    def is_ready(self, now: float) -> bool:
        return now >= self.ready_at and now >= self.sick_until


@dataclass(slots=True)
class World:
    clock: Clock
    things: dict[ResourceId, Thing] = field(default_factory=dict)
    candidates: dict[ResourceId, Thing] = field(default_factory=dict)
    """Started beside what serves, not serving yet."""
    retired: dict[ResourceId, Thing] = field(default_factory=dict)
    """Served until the switch, not ended yet."""
    removed: dict[ResourceId, str | None] = field(default_factory=dict)
    """Who took an id away last: an operation, None for somebody else."""
    removed_at: dict[ResourceId, float] = field(default_factory=dict)
    """When (monotonic)."""
    meddled_at: dict[ResourceId, float] = field(default_factory=dict)
    """When somebody else changed an id last (monotonic)."""
    late: dict[ResourceId, asyncio.TimerHandle] = field(default_factory=dict)
    """What an engine has said yes to and not done yet."""
    past: dict[ResourceId, list[tuple[float, Thing | None]]] = field(default_factory=dict)
    """Per id what stood until an instant, oldest first."""
    heard: list[Callable[[ResourceId], None]] = field(default_factory=list)
    """Told of every id that changed: the watches of engines."""

    def put(self, id: ResourceId, thing: Thing) -> None:
        self._remember(id)
        if thing.maker is None:
            self.meddled_at[id] = self.clock.monotonic()
        self.things[id] = thing
        self.tell(id)

    def take(self, id: ResourceId, by: str | None) -> Thing | None:
        """Take away what stands at `id`, in the name of an operation or, with None, of somebody else."""
        if id not in self.things:
            return None
        self._remember(id)
        self.removed[id], self.removed_at[id] = by, self.clock.monotonic()
        if by is None:
            self.meddled_at[id] = self.clock.monotonic()
        thing = self.things.pop(id)
        self.tell(id)
        return thing

    def edit(self, id: ResourceId, state: State) -> None:
        """Change the state of what stands at `id`, as somebody else would."""
        old = self.things[id]
        self.meddled_at[id] = self.clock.monotonic()
        self.put(id, Thing(state=state, maker=old.maker, resource=old.resource, ready_at=old.ready_at, sick_until=old.sick_until))

    def later(self, id: ResourceId, seconds: float, do: Callable[[], object]) -> None:
        """Do something at `id` after a while, instead of what was to come there."""
        self.now(id)
        self.late[id] = asyncio.get_running_loop().call_later(seconds, do)

    def now(self, id: ResourceId) -> None:
        """Forget what was to come at `id`."""
        if (handle := self.late.pop(id, None)) is not None:
            handle.cancel()

    def tell(self, id: ResourceId) -> None:
        for hear in self.heard:
            hear(id)

    def before(self, id: ResourceId, instant: float) -> Thing | None:
        """Return what stood at `id` at an earlier monotonic instant, as far as is remembered."""
        for until, thing in self.past.get(id, ()):
            if instant < until:
                return thing
        return self.things.get(id)

    def _remember(self, id: ResourceId) -> None:
        past = self.past.setdefault(id, [])
        past.append((self.clock.monotonic(), self.things.get(id)))
        if len(past) > REMEMBERED:
            del past[0]
