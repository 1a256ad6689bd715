"""Defects planted on purpose: each takes away one care that the house takes, and the properties must see it within a few hundred seeds.

A property that no defect can break is no property.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from holdfast.controllers.heal import HealController
from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Lane, Managed
from holdfast.core.damping import Damping
from holdfast.core.retry import RetryPolicy
from holdfast.kit.clock import Clock, Instant
from holdfast.kit.secret import Redactor
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Outcome, Phase, Step
from holdfast.model.plan import Change, Owned
from holdfast.model.ports import PutOperation, Store, Write
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import State
from holdfast.store.journal import StoreJournal
from holdfast.testing.generate import story_of
from holdfast.testing.house import REAL, Parts
from holdfast.testing.play import play
from holdfast.testing.simulated_engine import SimulatedEngine
from holdfast.testing.world import Thing
from holdfast.walk.ledger import Ledger
from holdfast.walk.walk import Walk
from holdfast.walk.walker import Walker

pytestmark = pytest.mark.simulation
MOST_SEEDS = 600


class TakesWhatIsThere(SimulatedEngine):
    """An engine that does not ask whose a thing is."""

    __slots__ = ()

    def _may_touch(self, step: Step, old: Thing) -> bool:
        return True


class KeepsCandidates(SimulatedEngine):
    """An engine that adopts nothing: what an earlier life started runs on beside what serves."""

    __slots__ = ()

    def start(self) -> None:
        pass


class EntersNothing(Walker):
    """What is about to be brought up is entered only once it stands."""

    async def _enter(self, walk: Walk, changes: Iterable[Change]) -> None:
        pass


class ForgetsNeeds(Walker):
    """All waves at once."""

    async def walk(self, walk: Walk) -> tuple[Outcome, ...]:
        walk.plan = replace(walk.plan, waves=(tuple(walk.plan),) if walk.plan else ())
        return await super().walk(walk)


class HoldsNothing(Walker):
    """Anybody may have anything in hand."""

    @asynccontextmanager
    async def hold(self, ids: Collection[ResourceId], wanted: Mapping[ResourceId, State | None] | None = None) -> AsyncIterator[None]:
        yield

    def take(self, id: ResourceId) -> bool:
        return True


class UndoesNothing(Walker):
    """A change that failed leaves its candidate running."""

    async def _undo(self, walk: Walk, failed: Step, done: tuple[Step, ...]) -> None:
        pass


class TrustsSteps(Walker):
    """A step that was answered counts as success: nobody looks again."""

    async def _settle(self, walk: Walk, change: Change, resource: Resource | None) -> None:
        return None


class SaysNothingAgain(Walker):
    """What was said last is not said again, even where something else was said meanwhile."""

    def untold(self, id: ResourceId) -> None:
        pass


class LosesEntries(Ledger):
    """What the store may have written when it failed is not read again, and a deletion is not remembered."""

    async def drop(self, id: ResourceId, *events: Event) -> None:
        self._forget(id)


class JournalsAfterwards(StoreJournal):
    """Operations are written down when they have ended."""

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        kept = [it for it in writes if not (isinstance(it, PutOperation) and it.operation.phase is Phase.RUNNING)]
        return await super().commit(*kept) if kept else ()


class SaysSecrets(StoreJournal):
    """Nothing is redacted."""

    def __init__(self, store: Store, clock: Clock, redactor: Redactor) -> None:
        super().__init__(store, clock, Redactor())


class HealsForward(HealController):
    """A heal brings what Git says now."""

    async def _look(self, owned: Owned, together: Collection[ResourceId]) -> float | None:
        said = self._wanted(owned.resource.id)
        newer = owned if said is None else replace(owned, resource=replace(owned.resource, state=said))
        self._ledger._inventory[owned.resource.id] = newer
        return await super()._look(newer, tuple(together))


class HealsSilently(HealController):
    """Nobody is told that something drifted."""

    async def _tell_drift(self, owned: Owned, seen: State | None) -> None:
        pass


class HealsAndHeals(HealController):
    """A fight is never given up."""

    async def run(self) -> None:
        self._damping = Unbounded()
        await super().run()


@dataclass(slots=True)
class Unbounded(Damping):
    def due_at(self, id: ResourceId, now: Instant) -> Instant:
        return now


class NeverRecovers(SyncController):
    """What the last life left unfinished stays so."""

    async def _recover(self) -> None:
        pass


class RetriesAtOnce(SyncController):
    def add(self, managed: Managed) -> None:
        super().add(replace(managed, rollback="off", retry=RetryPolicy(limit=100, duration_s=0.01, factor=1.0)))


class PrunesAnything(SyncController):
    def add(self, managed: Managed) -> None:
        super().add(replace(managed, settings=replace(managed.settings, prune_free=1000)))


class TrustsARewoundBranch(SyncController):
    def offer(self, desired: Desired, *, is_rewound: bool = False) -> None:
        super().offer(desired)


class ForgetsPins(SyncController):
    """A pin does not survive the daemon."""

    def add(self, managed: Managed) -> None:
        super().add(managed)
        self._lanes[managed.name].memory.pin = None


class LooksOnce(SyncController):
    """What the world was in the way of is never looked at again."""

    def add(self, managed: Managed) -> None:
        super().add(managed)
        self._course.look_again = _never  # type: ignore[method-assign]


def _never(lane: Lane, *, is_away: bool = False) -> None:
    pass


DEFECTS: dict[str, Parts] = {
    "takes what is there": replace(REAL, engine=TakesWhatIsThere),
    "keeps candidates": replace(REAL, engine=KeepsCandidates),
    "enters nothing": replace(REAL, walker=EntersNothing),
    "forgets needs": replace(REAL, walker=ForgetsNeeds),
    "holds nothing": replace(REAL, walker=HoldsNothing),
    "undoes nothing": replace(REAL, walker=UndoesNothing),
    "trusts steps": replace(REAL, walker=TrustsSteps),
    "says nothing again": replace(REAL, walker=SaysNothingAgain),
    "loses entries": replace(REAL, ledger=LosesEntries),
    "journals afterwards": replace(REAL, journal=JournalsAfterwards),
    "says secrets": replace(REAL, journal=SaysSecrets),
    "heals forward": replace(REAL, heal=HealsForward),
    "heals silently": replace(REAL, heal=HealsSilently),
    "heals and heals": replace(REAL, heal=HealsAndHeals),
    "never recovers": replace(REAL, sync=NeverRecovers),
    "retries at once": replace(REAL, sync=RetriesAtOnce),
    "prunes anything": replace(REAL, sync=PrunesAnything),
    "trusts a rewound branch": replace(REAL, sync=TrustsARewoundBranch),
    "forgets pins": replace(REAL, sync=ForgetsPins),
    "looks once": replace(REAL, sync=LooksOnce),
}


def broken_by(parts: Parts, seeds: Iterable[int], is_seen: Callable[[str], bool] = bool) -> tuple[int, str] | None:
    """Return the first seed of `seeds` that breaks a property with `parts`, and which."""
    for seed in seeds:
        for violation in play(story_of(seed), parts=parts).violations:
            if is_seen(violation):
                return seed, violation
    return None


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_seen(name: str) -> None:
    assert broken_by(DEFECTS[name], itertools.islice(itertools.count(), MOST_SEEDS)) is not None
