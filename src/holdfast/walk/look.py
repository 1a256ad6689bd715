"""Looking at an Application: observe, bring the inventory up to date, plan, and say what was seen where it is news.

Used by sync. Reads the world and the ledger; changes only what the ledger remembers, never what stands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from holdfast.core import events
from holdfast.core.planner import gone, plan, unrecorded
from holdfast.core.policy import refusals
from holdfast.core.world import find, subjects
from holdfast.errors import EngineError
from holdfast.kit.clock import Clock
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Live, Status, worst
from holdfast.model.plan import Owned, Plan, Policy
from holdfast.model.ports import Journal
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import State
from holdfast.walk.ledger import Ledger
from holdfast.walk.walker import Walker

LIFTED_BY_THE_WORLD = frozenset({"HF2002", "HF2003"})
"""Refused for what is there and not ours: it may go, and nobody would say so."""
IN_HAND = "it is being changed"
TOLD = 500
"""How many looks are told in one go: few enough that nobody waits long for the store."""
DOUBT_S = 5.0
"""What is gone without our doing is forgotten when a second look agrees, so long after the first: an engine's answer may be that old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of an Application, and what there is to do."""

    desired: Desired
    plan: Plan
    as_of: int
    """`Walker.moves` when it began."""
    health: Status
    """The worst of what is declared."""
    unproven: Mapping[ResourceId, Health]
    """What was last applied at this very revision, stands as declared, and is not healthy (yet)."""
    is_disturbed: bool
    """Whether something could not be seen for sure: an engine did not answer, or it was in somebody else's hand."""
    astray: frozenset[ResourceId]
    """What stands otherwise than last applied and gets no change from the plan, since it is blocked or an orphan: for heal to put back."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing that is declared is blocked: walking the plan gives all that Git asks for."""
        return not self.is_disturbed and all(find(self.desired, id) is None for id in self.plan.blocked)

    @property
    def stands(self) -> bool:
        """Whether all that is declared stands as declared, and what this revision brought is healthy: a revision to go back to."""
        return not self.plan and self.is_whole and not self.unproven

    @property
    def waits(self) -> bool:
        """Whether a later look may find more: the world, not a person, is in the way."""
        return self.is_disturbed or any(not it.refused or it.code in LIFTED_BY_THE_WORLD for it in self.plan.blocked.values())


def _nobody(id: ResourceId, application: str) -> str | None:
    return None


class Looker:
    """`claimed` says which Application but the one that is named declares an id now, None where none does."""

    def __init__(
        self,
        *,
        walker: Walker,
        ledger: Ledger,
        journal: Journal,
        clock: Clock,
        claimed: Callable[[ResourceId, str], str | None] = _nobody,
    ) -> None:
        self._claimed = claimed
        self._walker = walker
        self._ledger = ledger
        self._journal = journal
        self._clock = clock
        self._orphans: dict[str, frozenset[ResourceId]] = {}
        self._refused: dict[str, str] = {}

    async def look(self, desired: Desired, allowed: Policy, said: Desired | None = None) -> Look:
        """Look at `desired`; what stands is told as judged by `said`, what Git says now, where that is something else."""
        await self._ledger.refresh()
        await self._hand_over(desired)
        self._ledger.share(desired)
        said = said or desired
        as_of, live = await self._observe(desired, said)
        if doubtful := gone(desired, live, self._ledger.inventory):
            as_of, live = await self._forget(desired, said, doubtful)
        is_sure = not gone(desired, live, self._ledger.inventory) and not any(resource.id in live.unreachable for resource in said)
        news = unrecorded(desired, live, self._ledger.inventory)
        unsure = {resource.id: IN_HAND for resource in news if not await self._record(desired, resource, as_of)}
        # A heal may be taking it back to what the inventory still has: whatever else is planned must not count on what stands there now.
        found = plan(desired, live.without(unsure), self._ledger.inventory, allowed)
        healths = await self._tell(desired, live, said)
        if allowed.only is None:
            await self._tell_plan(desired, found)
        return Look(
            desired=desired,
            plan=found,
            as_of=as_of,
            health=worst(healths.values()).status,
            unproven=self._unproven(desired, live, healths),
            is_disturbed=not is_sure or bool(unsure),
            astray=frozenset(id for id in {*found.blocked, *found.orphans} - unsure.keys() if self._is_astray(id, live)),
        )

    async def _hand_over(self, desired: Desired) -> None:
        """Let what is no longer declared here go to the Application that declares it now: it moved, and nothing is done to it."""
        name = desired.application
        declared = {resource.id for resource in desired}
        leaving = [it.resource.id for it in self._ledger.of(name) if it.resource.id not in declared]
        for id, to in [(id, to) for id in leaving if (to := self._claimed(id, name)) is not None]:
            async with self._walker.hold([id]):
                owned = self._ledger.inventory.get(id)
                if owned is not None and owned.application == name:
                    moved = events.resource_moved(at=self._clock.now(), application=name, id=id, to=to)
                    await self._ledger.put(replace(owned, application=to), moved)
                    self._walker.untold(id)

    def _is_astray(self, id: ResourceId, live: Live) -> bool:
        owned, seen = self._ledger.inventory.get(id), live.observed.get(id)
        return owned is not None and owned.is_applied and seen is not None and seen.state != owned.resource.state

    async def _observe(self, desired: Desired, said: Desired) -> tuple[int, Live]:
        """Return when the look began, and what it saw."""
        as_of = self._walker.moves
        return as_of, await self._walker.observe(subjects(desired, self._ledger.inventory).union(resource.id for resource in said))

    async def _record(self, desired: Desired, resource: Resource, as_of: int) -> bool:
        """Remember what stands as declared; False where somebody has it in hand or had since the look, so that the next one must do it."""
        if not self._walker.take(resource.id):
            return False
        try:
            if self._walker.has_moved(resource.id, as_of):
                return False
            owned = Owned(application=desired.application, resource=resource, revision=desired.revision, operation="adopted")
            await self._ledger.put(owned)
            return True
        finally:
            await self._walker.give_back([resource.id])

    async def _forget(self, desired: Desired, said: Desired, doubtful: Collection[ResourceId]) -> tuple[int, Live]:
        """Forget those that a second look still misses, while nobody else has them in hand; return that look, and when it began."""
        await self._clock.sleep(DOUBT_S)
        async with self._walker.hold(doubtful):
            as_of, live = await self._observe(desired, said)
            for id in sorted(set(gone(desired, live, self._ledger.inventory)).intersection(doubtful)):
                with suppress(EngineError):  # then the next look tries again
                    await self._walker.make_good(id)
                    at, reason = self._clock.now(), "it is gone already"
                    pruned = events.resource_pruned(at=at, application=desired.application, id=id, reason=reason)
                    await self._ledger.drop(id, pruned)
        return as_of, live

    def _unproven(self, desired: Desired, live: Live, healths: Mapping[ResourceId, Health]) -> Mapping[ResourceId, Health]:
        found = {}
        for resource in desired:
            owned, seen = self._ledger.inventory.get(resource.id), live.observed.get(resource.id)
            is_new = owned is not None and owned.revision == desired.revision
            if not is_new or seen is None or seen.state != resource.state:
                continue
            if not self._walker.is_done(resource, seen, healths[resource.id]):
                found[resource.id] = healths[resource.id]
        return found

    async def _tell(self, desired: Desired, live: Live, said: Desired) -> Mapping[ResourceId, Health]:
        name = desired.application
        healths: dict[ResourceId, Health] = {}
        subjects = tuple(self._told_of(desired, said))
        for at in range(0, len(subjects), TOLD):
            found: dict[ResourceId, tuple[Event, ...]] = {}
            for resource, state, revision in subjects[at : at + TOLD]:
                healths[resource.id], news = self._walker.news(name, resource, live, state, revision)
                if news:
                    found[resource.id] = news
            await self._walker.tell(found)
        return {resource.id: healths[resource.id] for resource in desired}

    def _told_of(self, desired: Desired, said: Desired) -> Iterator[tuple[Resource, State | None, str]]:
        """Yield what is told of, the state that Git says of it (None: an orphan), and at which revision."""
        for resource in desired:
            git = resource if said is desired else find(said, resource.id)
            yield resource, git.state if git else None, said.revision
        looked_at = {resource.id for resource in desired}
        for resource in said if said is not desired else ():
            if resource.id not in looked_at:
                yield resource, resource.state, said.revision
        for owned in self._ledger.of(desired.application):
            id = owned.resource.id
            if id not in looked_at and find(said, id) is None:
                yield owned.resource, None, owned.revision

    async def _tell_plan(self, desired: Desired, found: Plan) -> None:
        name, now = desired.application, self._clock.now()
        left = frozenset(id for id in found.orphans if not self._ledger.inventory[id].resource.policy.tolerated)
        for id in sorted(left - self._orphans.get(name, frozenset())):
            reason = "no longer declared, and pruning is off"
            await self._journal.emit(events.resource_orphaned(at=now, application=name, id=id, reason=reason))
        self._orphans[name] = left
        refused = refusals(found)
        news = f"{found.digest} {sorted(map(str, refused))}" if refused else ""
        if self._refused.get(name, "") != news:
            self._refused[name] = news
            await self._journal.emit(events.plan_refused(at=now, application=name, revision=desired.revision, plan=found))
