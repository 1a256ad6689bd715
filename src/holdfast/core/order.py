"""When changes may run: one relation, `waits`, and the waves that follow from it.

What is declared waits for what it needs; what must go waits for what needed it. The relation spans unchanged resources too, because a
need can lead through something that already stands. Two exceptions make room first:

- A forgotten resource that holds what a changed one wants (the same `holdfast.dev/exclusive` token: a renamed process that holds the
  port), or that goes down with a replaced one, is deleted right before the wave of the one it makes room for. It then does not wait
  for declared resources that needed it, since those wait for its successor.
- What restarts with a replaced resource goes down right before the wave of that one, dependants first, and comes up after it: its
  change stands in two waves, as a replace without `after` and as a replace without `before`.

Used by planner, and by sync to know what a failure holds up. Built only when something changes, from the changes outwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from holdfast.core.world import World, dependants, tokens
from holdfast.kit.graph import reachable, reverse
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.plan import Blocked, Change, Inventory, Plan, Policy, Verb
from holdfast.model.resource import Desired, Resource

T = TypeVar("T")
Waits = Mapping[ResourceId, frozenset[ResourceId]]
NOBODY: frozenset[ResourceId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The relation around a set of changes."""

    world: World
    changes: Mapping[ResourceId, Change]
    restarting: frozenset[ResourceId]
    """Declared resources that go down with a replaced one."""
    orphans: frozenset[ResourceId]
    replaced: frozenset[ResourceId]
    needed_by: Waits
    """Forgotten id → what the inventory remembers needing it, without what already stands as declared now."""
    room: Waits
    """Changed id → forgotten ids that must be gone before it."""
    early: frozenset[ResourceId]
    """Forgotten ids that make room, and those that must go before them."""
    waits: Waits
    """For all that the changes lead to."""

    @classmethod
    def of(
        cls,
        world: World,
        changes: Mapping[ResourceId, Change],
        blocked: Collection[ResourceId],
        orphans: Collection[ResourceId],
        restarting: frozenset[ResourceId] = NOBODY,
    ) -> Order:
        """Put `changes` in order. Who goes down and up again (`restarting`) matters to waves alone."""
        leaving = {id for id in world.forgotten if id in changes or id in blocked or id in orphans}
        replaced = frozenset(id for id, change in changes.items() if change.verb is Verb.REPLACE)
        needed_by = _needed_by(world, leaving)
        room = _room(world, changes, leaving, replaced)
        early = frozenset(reachable(set().union(*room.values()), {id: needed_by[id] & leaving for id in leaving}))
        waits = _relation(changes, _neighbours(world, needed_by, room, early, replaced))
        return cls(
            world=world,
            changes=changes,
            restarting=restarting,
            orphans=frozenset(orphans),
            replaced=replaced,
            needed_by=needed_by,
            room=room,
            early=early,
            waits=waits,
        )

    def unmet(self) -> dict[ResourceId, Blocked]:
        """Return the changes that no wave can satisfy: a need outside the plan was not seen, something stays and is in the way."""
        found: dict[ResourceId, Blocked] = {}
        for id, change in self.changes.items():
            trouble = self._departing(id) if change.verb is Verb.DELETE else self._arriving(id)
            if (first := next(trouble, None)) is not None:
                found[id] = replace(first, origin=change.origin)
        return found

    def _arriving(self, id: ResourceId) -> Iterator[Blocked]:
        world = self.world
        for need in sorted(need for need in world.wanted[id].needs if need not in world.wanted):
            if (why := world.live.unknown(need)) is not None:
                yield Blocked(reason=f"waits for {need}: {why}", unknown=True, code="HF2009")
            elif world.seen(need) is None:
                yield Blocked(reason=f"waits for {need}, which is not there", code="HF2009")
        for holder in sorted(self.room.get(id, NOBODY) & self.orphans):
            yield Blocked(reason=f"waits for {holder}, which stays and holds what this needs", code="HF2009")

    def _departing(self, id: ResourceId) -> Iterator[Blocked]:
        world = self.world
        for other in sorted(other for other in self.needed_by[id] if other not in world.wanted):
            if other in self.orphans:
                yield Blocked(reason=f"is still needed by {other}, which stays", code="HF2009")
            elif other not in world.forgotten and not world.is_gone(other):
                of = world.inventory[other].application
                unknown = world.live.unknown(other) is not None
                yield Blocked(reason=f"is still needed by {other} of Application {of}", unknown=unknown, code="HF2009")

    def held_up(self, roots: Iterable[ResourceId]) -> set[ResourceId]:
        """Return every id that waits, directly or not, for one of `roots`."""
        known = [id for id in roots if id in self.waits]
        return set(reachable(known, reverse(self.waits))) - set(known) if known else set()

    def waiting(self, id: ResourceId, culprits: Collection[ResourceId]) -> Blocked:
        """Say what `id` waits for, of what is blocked or held up itself."""
        first = min(other for other in self.waits[id] if other in culprits)
        return Blocked(reason=f"waits for {first}, which is blocked", origin=self.changes[id].origin, code="HF2009")

    def waves(self, free: Mapping[ResourceId, Change]) -> tuple[tuple[Change, ...], ...]:
        """Group `free` changes by phase (create, then delete), Argo's sync wave (mirrored for deletes) and level.

        What waits is pulled behind the wave of what it waits for, one level further in the same wave.
        """
        if not free:
            return ()
        places = _settled(self._after(), self._place)
        early = self._early_places(free, places)
        groups: defaultdict[tuple[int, int, int, int], list[Change]] = defaultdict(list)
        for id, change in sorted(free.items()):
            if id in self.restarting:
                groups[early[id]].append(replace(change, after=None))
                groups[*places[id], 0].append(replace(change, before=None))
            else:
                groups[early.get(id, (*places[id], 0))].append(change)
        return tuple(tuple(groups[at]) for at in sorted(groups))

    def _place(self, id: ResourceId, others: list[tuple[int, int, int]]) -> tuple[int, int, int]:
        declared = self.world.wanted.get(id)
        rank = (0, declared.wave) if declared else self._rank_of_forgotten(self.world.forgotten[id])
        phase, wave = max([rank, *(other[:2] for other in others)])
        return phase, wave, max((other[2] + 1 for other in others if other[:2] == (phase, wave)), default=0)

    def _rank_of_forgotten(self, resource: Resource) -> tuple[int, int]:
        return (2, 0) if resource.policy.last else (1, -resource.wave)

    def _after(self) -> dict[ResourceId, set[ResourceId]]:
        """Return what each id comes after: `waits` without what makes room, and without a cycle that restarts would close."""
        wanted = self.world.wanted
        after = {id: set(others & wanted[id].needs if id in wanted else others) for id, others in self.waits.items()}
        for id in sorted(id for id in after if id in wanted and wanted[id].policy.restart_with):
            for target in sorted(wanted[id].policy.restart_with & self.replaced):
                if id not in reachable([target], after):
                    after[id].add(target)
        return after

    def _early_places(
        self, free: Mapping[ResourceId, Change], places: Mapping[ResourceId, tuple[int, int, int]]
    ) -> dict[ResourceId, tuple[int, int, int, int]]:
        """Return the places of what goes before its turn: just before the first that it makes room for or goes down with."""
        ahead = {id for id in free if id in self.early or id in self.restarting}
        if not ahead:
            return {}
        targets = {id: self._targets(id) & free.keys() for id in ahead}

        def place(id: ResourceId, others: list[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
            own = (*places[id], -1 if id in self.restarting else 0)
            return min([own, *((*places[other], -1) for other in targets[id] - ahead), *((*at[:3], at[3] - 1) for at in others)])

        return _settled({id: targets[id] & ahead for id in ahead}, place)

    def _targets(self, id: ResourceId) -> set[ResourceId]:
        """Return what `id` must go down before."""
        if id in self.restarting:
            resource = self.world.wanted[id]
            return set((resource.policy.restart_with & self.replaced) | (resource.needs & self.restarting)) - {id}
        made_room_for = {other for other, those in self.room.items() if id in those}
        return made_room_for | {other for other in self.early if id in self.needed_by[other] and other != id}


def held_up(plan: Plan, desired: Desired, inventory: Inventory, failed: Collection[ResourceId]) -> frozenset[ResourceId]:
    """Return the ids with a change in `plan` that wait, directly or not, for one of `failed`; the rest may go on.

    `inventory` is the one that the plan was made from.
    """
    world = World.of(desired, Live(), inventory, Policy())
    changes = {change.id: change for change in plan}
    order = Order.of(world, changes, plan.blocked.keys(), plan.orphans)
    return frozenset(order.held_up(failed) & changes.keys())


def _needed_by(world: World, leaving: Collection[ResourceId]) -> dict[ResourceId, frozenset[ResourceId]]:
    def has_moved_on(id: ResourceId) -> bool:
        resource = world.wanted.get(id)
        ours = world.inventory[id].application == world.desired.application
        return ours and resource is not None and world.seen(id) == resource.state

    found = dependants(leaving, world.inventory)
    return {id: frozenset(other for other in others if not has_moved_on(other)) for id, others in found.items()}


def _room(
    world: World, changes: Mapping[ResourceId, Change], leaving: Collection[ResourceId], replaced: frozenset[ResourceId]
) -> dict[ResourceId, frozenset[ResourceId]]:
    """Return for each change that is not a deletion which forgotten resources must be gone first."""
    holders: defaultdict[str, set[ResourceId]] = defaultdict(set)
    for id in leaving:
        for token in tokens(world.forgotten[id]):
            holders[token].add(id)
    room: defaultdict[ResourceId, set[ResourceId]] = defaultdict(set)
    for id, change in changes.items() if holders else ():
        if change.verb is not Verb.DELETE:
            resource = world.wanted[id]
            those = set().union(*(holders.get(token, NOBODY) for token in _claimed(world, resource)))
            room[id] = {other for other in those if world.forgotten[other].declared_id != resource.declared_id}
    for id in leaving:
        for target in world.forgotten[id].policy.restart_with & replaced:
            room[target].add(id)
    return {id: frozenset(those) for id, those in room.items() if those}


def _claimed(world: World, resource: Resource) -> frozenset[str]:
    """Return the exclusive tokens that `resource` wants and does not hold yet."""
    owned = world.inventory.get(resource.id)
    return tokens(resource) - tokens(owned.resource if owned and world.seen(resource.id) is not None else None)


def _neighbours(
    world: World, needed_by: Waits, room: Waits, early: frozenset[ResourceId], replaced: frozenset[ResourceId]
) -> Callable[[ResourceId], frozenset[ResourceId]]:
    """Return the function from an id to what it waits for, of what is in scope."""
    takes: defaultdict[ResourceId, set[ResourceId]] = defaultdict(set)
    for id, resource in world.wanted.items() if replaced else ():
        for target in () if world.is_gone(id) else (resource.policy.restart_with & replaced) - {id}:
            takes[target].add(id)

    def neighbours(id: ResourceId) -> frozenset[ResourceId]:
        if (resource := world.wanted.get(id)) is None:
            return frozenset(other for other in needed_by[id] if other in needed_by or (id not in early and other in world.wanted))
        ups = (resource.policy.restart_with & replaced) - {id}
        return frozenset(other for other in resource.needs if other in world.wanted).union(ups, room.get(id, ()), takes.get(id, ()))

    return neighbours


def _relation(roots: Iterable[ResourceId], neighbours: Callable[[ResourceId], frozenset[ResourceId]]) -> Waits:
    found: dict[ResourceId, frozenset[ResourceId]] = {}
    edge = list(roots)
    while edge:
        id = edge.pop()
        if id not in found:
            found[id] = neighbours(id)
            edge.extend(found[id])
    return found


def _settled(relation: Mapping[ResourceId, Collection[ResourceId]], value: Callable[[ResourceId, list[T]], T]) -> dict[ResourceId, T]:
    """Return `value(id, values of what it comes after)` for each id. Where old records form a cycle, one of its edges is ignored."""
    done: dict[ResourceId, T] = {}
    begun: set[ResourceId] = set()
    for start in sorted(relation):
        path = [start]
        while path:
            id = path[-1]
            if id in done:
                path.pop()
                continue
            begun.add(id)
            if missing := sorted(other for other in relation[id] if other not in done and other not in begun):
                path.extend(missing)
                continue
            path.pop()
            done[id] = value(id, [done[other] for other in relation[id] if other in done])
    return done
