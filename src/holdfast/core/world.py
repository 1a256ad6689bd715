"""What a plan is made from, looked at once: desired, live, inventory and policy, narrowed to the ids that may get a change.

Used by planner (which changes there are) and order (when they may run). Decides nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import attrgetter

from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.plan import Inventory, Policy
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import State

EXCLUSIVE = "holdfast.dev/exclusive"
"""Label: comma-separated tokens (`tcp:127.0.0.1:8080`) that only one declared resource can hold at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The four inputs, and who is in scope."""

    desired: Desired
    live: Live
    inventory: Inventory
    policy: Policy
    wanted: Mapping[ResourceId, Resource]
    """Declared, and in scope."""
    forgotten: Mapping[ResourceId, Resource]
    """Ours by the inventory, no longer declared, in scope: as last applied."""

    @classmethod
    def of(cls, desired: Desired, live: Live, inventory: Inventory, policy: Policy) -> World:
        wanted = {resource.id: resource for resource in scope(desired, policy.only)}
        return cls(
            desired=desired,
            live=live,
            inventory=inventory,
            policy=policy,
            wanted=wanted,
            forgotten=dict(forgotten(desired, inventory, wanted, policy.only)),
        )

    def seen(self, id: ResourceId) -> State | None:
        """Return what was seen of `id`; None where it is absent or nothing is known."""
        observation = None if id in self.live.unreachable else self.live.observed.get(id)
        return observation.state if observation else None

    def is_gone(self, id: ResourceId) -> bool:
        """Say whether an engine looked for `id` and found nothing. Unknown is not gone."""
        return self.live.unknown(id) is None and self.live.observed[id].state is None


def scope(desired: Desired, only: Collection[ResourceId] | None) -> Iterable[Resource]:
    """Return the declared resources that may get a change; a selective plan costs its ids, not the tree."""
    if only is None:
        return desired.resources
    return [resource for id in sorted(only) if (resource := find(desired, id)) is not None]


def find(desired: Desired, id: ResourceId) -> Resource | None:
    """Return the declared resource with `id`, in logarithmic time: resources stand in id order."""
    at = bisect_left(desired.resources, id, key=attrgetter("id"))
    found = desired.resources[at] if at < len(desired.resources) else None
    return found if found is not None and found.id == id else None


def forgotten(
    desired: Desired, inventory: Inventory, wanted: Mapping[ResourceId, Resource], only: Collection[ResourceId] | None
) -> Iterator[tuple[ResourceId, Resource]]:
    """Yield what the inventory gives to the application and Git no longer says."""
    known = inventory.items() if only is None else ((id, inventory[id]) for id in sorted(only) if id in inventory)
    return ((id, owned.resource) for id, owned in known if owned.application == desired.application and id not in wanted)


def dependants(ids: Collection[ResourceId], inventory: Inventory) -> dict[ResourceId, frozenset[ResourceId]]:
    """Return for each of `ids` what the inventory remembers needing it, whichever application that belongs to."""
    found: dict[ResourceId, set[ResourceId]] = {id: set() for id in ids}
    if found:
        for id, owned in inventory.items():
            for need in owned.resource.needs & found.keys():
                found[need].add(id)
    return {id: frozenset(those) for id, those in found.items()}


def tokens(resource: Resource | None) -> frozenset[str]:
    """Return the exclusive things that `resource` holds while it stands."""
    text = resource.labels.get(EXCLUSIVE, "") if resource else ""
    return frozenset(token.strip() for token in text.split(",") if token.strip())


def subjects(desired: Desired, inventory: Inventory, only: Collection[ResourceId] | None = None) -> frozenset[ResourceId]:
    """Return the ids that engines must look at for a plan: what is in scope, what that needs, and what must go down before it."""
    wanted = {resource.id: resource for resource in scope(desired, only)}
    leaving = [id for id, _ in forgotten(desired, inventory, wanted, only)]
    needs = (resource.needs for resource in wanted.values())
    replaceable = {id for id, resource in wanted.items() if resource.policy.replace_on}
    restarting = restarts(replaceable, inventory) if only is not None else ()
    return frozenset(wanted).union(leaving, restarting, *needs, *dependants(leaving, inventory).values())


def restarts(replaced: AbstractSet[ResourceId], inventory: Inventory) -> Iterator[ResourceId]:
    """Yield what the inventory remembers going down with one of `replaced`."""
    if replaced:
        yield from (id for id, owned in inventory.items() if not owned.resource.policy.restart_with.isdisjoint(replaced))
