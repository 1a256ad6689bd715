"""The planner: from what Git says, what is live and what we own, to the changes that close the gap.

One pure function. Engines observe and apply; this decides. Four ideas carry it:

1. *Compare, then order.* Which changes there are depends on one resource at a time (here). When they may run depends on relations
   between resources (`order`), which nobody asks for while there is nothing to do.
2. *Blocked is data.* What may not be done now is in the plan with its reason, and so is everything that waits for it.
3. *The inventory remembers.* Only what we own is deleted, and its needs come from there, since Git no longer knows them.
4. *A person can say yes.* What only an approval is missing for counts into the plan's digest as if it were allowed; so approving that
   digest allows exactly what was shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TypeAlias

from holdfast.core.order import Order
from holdfast.core.world import World, restarts
from holdfast.kit.canonical import Json, digest
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Blocked, Change, Inventory, Owned, Plan, Policy, Reason, Verb
from holdfast.model.resource import Desired, Resource, ResourcePolicy


@dataclass(frozen=True, slots=True)
class _Asks:
    """A change that only a person's approval is missing for."""

    change: Change
    why: Blocked


_Verdict: TypeAlias = Change | Blocked | _Asks


def plan(desired: Desired, live: Live, inventory: Inventory, policy: Policy) -> Plan:
    """Return the changes that turn `live` into `desired`.

    Laws: deterministic and free of the order of its inputs; each id at most once, except what restarts with a replaced one: that goes
    down in an earlier wave (a replace without `after`) and comes up in a later one (a replace without `before`); what a change waits
    for is in an earlier wave; only owned, undeclared resources that were seen are deleted, and none while something that needed it may
    still be there; what was not seen, or is there and not ours, is never touched; a need that is no part of the plan must have been
    seen present; applying the plan and planning again gives an empty plan, if the inventory was up to date (`unrecorded`, `gone`) before.
    With `policy.only`, no other id gets a change.
    """
    world = World.of(desired, live, inventory, policy)
    verdicts = _compare(world)
    unchanged = len(world.wanted) - len(verdicts)
    pruned, orphans = _prune(world)
    verdicts |= pruned
    _rename(world, verdicts, pruned)
    if all(isinstance(verdict, Blocked) for verdict in verdicts.values()):
        return Plan(blocked=_hard(verdicts), orphans=orphans, unchanged=unchanged)

    restarting = _restart(world, verdicts)
    asked = {id: verdict.why for id, verdict in verdicts.items() if isinstance(verdict, _Asks)}
    changes = {id: _change(verdict) for id, verdict in sorted(verdicts.items()) if not isinstance(verdict, Blocked)}
    order = Order.of(world, changes, _hard(verdicts).keys(), orphans, restarting)
    blocked = _hard(verdicts) | order.unmet()
    held = order.held_up(blocked)
    stuck = blocked.keys() | held
    seal = _seal(desired.application, [change for id, change in changes.items() if id not in stuck], restarting)
    if asked and policy.approved != seal:
        blocked = asked | blocked
        held = order.held_up(blocked)
        stuck = blocked.keys() | held
    blocked |= _waiting_last(world, changes, blocked)
    blocked |= {id: order.waiting(id, stuck) for id in held if id in changes and id not in blocked}
    free = {id: change for id, change in changes.items() if id not in blocked}
    return Plan(
        waves=order.waves(free),
        blocked=dict(sorted(blocked.items())),
        orphans=orphans,
        unchanged=len(world.wanted) - len(verdicts.keys() & world.wanted.keys()),
        digest=seal,
    )


def gone(desired: Desired, live: Live, inventory: Inventory) -> tuple[ResourceId, ...]:
    """Return what the inventory may forget: no longer declared, and confirmed absent without a deletion of ours."""
    world = World.of(desired, live, inventory, Policy())
    return tuple(sorted(id for id in world.forgotten if world.is_gone(id)))


def unrecorded(desired: Desired, live: Live, inventory: Inventory) -> tuple[Resource, ...]:
    """Return what stands as declared but is not remembered so: adopted, or with other needs, wave, policy or labels than last applied.

    An origin that moved is no reason: lines and revisions change with every commit.
    """
    standing = [resource for resource in desired if _state_digest(live, resource.id) == resource.state.digest]
    return tuple(resource for resource in standing if _is_news(resource, inventory.get(resource.id), live, desired.application))


def _is_news(resource: Resource, owned: Owned | None, live: Live, application: str) -> bool:
    if owned is None:
        return _is_ours(live.observed[resource.id], None, resource.policy)
    if owned.application != application:
        return False
    is_known = owned.resource is resource or replace(owned.resource, origin=resource.origin) == resource
    return not (owned.is_applied and is_known)


def _compare(world: World) -> dict[ResourceId, _Verdict]:
    """Return a verdict for each wanted resource that does not stand as declared. Ten thousand that do must cost milliseconds."""
    observed, inventory, application, mute = world.live.observed, world.inventory, world.desired.application, world.live.unreachable

    def stands(resource: Resource) -> bool:
        seen, owned = observed.get(resource.id), inventory.get(resource.id)
        return (
            seen is not None
            and seen.state is not None
            and seen.state.digest == resource.state.digest
            and owned is not None
            and owned.application == application
            and seen.owned is not False
            and not (mute and resource.id in mute)
        )

    open_ = [resource for resource in world.wanted.values() if not stands(resource)]
    return {resource.id: verdict for resource in open_ if (verdict := _converge(world, resource)) is not None}


def _converge(world: World, resource: Resource) -> _Verdict | None:
    """Return what `resource` asks for, why it may not be touched, or None where it stands as declared."""
    owned = world.inventory.get(resource.id)
    if owned is not None and owned.application != world.desired.application:
        return _foreign(resource, owned)
    if (why := world.live.unknown(resource.id)) is not None:
        return Blocked(reason=why, unknown=True, origin=resource.origin, code="HF2001")
    observation = world.live.observed[resource.id]
    if observation.state is not None and not _is_ours(observation, owned, resource.policy):
        reason = "is there already and not ours: adopt it, rename it or remove it"
        return Blocked(reason=reason, refused=True, origin=resource.origin, code="HF2002")
    if observation.state == resource.state:
        return None
    change = _declared_change(world, resource, observation)
    return _protected(change, resource.policy) if change.verb is Verb.REPLACE else change


def _declared_change(world: World, resource: Resource, observation: Observation) -> Change:
    owned = world.inventory.get(resource.id)
    reason = Reason.DRIFTED if owned and owned.is_applied and owned.resource.state == resource.state else Reason.DECLARED
    return Change(
        id=resource.id,
        verb=_verb(resource, observation),
        reason=_rolled_back(world.policy, reason),
        before=observation.state,
        after=resource.state,
        origin=resource.origin,
    )


def _verb(resource: Resource, observation: Observation) -> Verb:
    if observation.state is None:
        return Verb.CREATE
    before, after = observation.state.fields, resource.state.fields
    fixed = (name for name in resource.policy.replace_on if before.get(name) != after.get(name))
    return Verb.REPLACE if any(True for _ in fixed) else Verb.UPDATE


def _rolled_back(policy: Policy, reason: Reason) -> Reason:
    return reason if policy.rolling_back is None else Reason.ROLLED_BACK


def _is_ours(observation: Observation, owned: Owned | None, policy: ResourcePolicy) -> bool:
    """Say whether what is there may be touched: an engine that knows whose it is outranks what we remember."""
    return policy.adopt or (owned is not None if observation.owned is None else observation.owned)


def _foreign(resource: Resource, owned: Owned) -> Blocked:
    there = f" ({owned.resource.origin})" if owned.resource.origin else ""
    here = f"; {resource.origin} declares it again" if resource.origin else ""
    reason = f"is owned by Application {owned.application}{there}{here}"
    return Blocked(reason=reason, refused=True, origin=resource.origin, code="HF2003")


def _protected(change: Change, policy: ResourcePolicy) -> Change | _Asks:
    if not policy.protect:
        return change
    verb = "replacing" if change.verb is Verb.REPLACE else "deleting"
    return _asks(change, f"is protected: {verb} it needs a person", "HF2006")


def _asks(change: Change, reason: str, code: str) -> _Asks:
    return _Asks(change, Blocked(reason=reason, refused=True, origin=change.origin, code=code))


def _prune(world: World) -> tuple[dict[ResourceId, _Verdict], tuple[ResourceId, ...]]:
    """Return a verdict for each forgotten resource that may still be there, and those that stay as orphans.

    A forgotten replica whose Process is still declared is a scale-down: no prune, so never limited, and not kept by `Prune=false`.
    """
    if not world.forgotten:
        return {}, ()
    declared = {resource.declared_id for resource in world.desired}
    there = {id: resource for id, resource in sorted(world.forgotten.items()) if not world.is_gone(id)}
    fewer = {id for id, resource in there.items() if resource.declared_id in declared}
    orphans = tuple(id for id, resource in there.items() if id not in fewer and _stays(resource, world.policy))
    doomed = {id: resource for id, resource in there.items() if id not in orphans}
    limit = _limit(world, [resource for id, resource in doomed.items() if id not in fewer])
    return {id: _delete(world, resource, id in fewer, limit) for id, resource in doomed.items()}, orphans


def _stays(resource: Resource, policy: Policy) -> bool:
    if not resource.policy.prune or (policy.removing and not resource.policy.delete):
        return True
    return not (policy.prune or resource.id in (policy.rolling_back or ()))


def _delete(world: World, resource: Resource, is_fewer: bool, limit: tuple[str, str] | None) -> _Verdict:
    if not world.policy.complete:
        return Blocked(reason="the source did not render completely: nothing is pruned", origin=resource.origin, code="HF2007")
    if (why := world.live.unknown(resource.id)) is not None:
        return Blocked(reason=why, unknown=True, origin=resource.origin, code="HF2001")
    observation = world.live.observed[resource.id]
    if not _is_ours(observation, world.inventory[resource.id], resource.policy):
        reason = "is to be deleted, but what is there is no longer ours"
        return Blocked(reason=reason, refused=True, origin=resource.origin, code="HF2002")
    reason_ = _rolled_back(world.policy, Reason.DECLARED if is_fewer else Reason.PRUNED)
    change = Change(id=resource.id, verb=Verb.DELETE, reason=reason_, before=observation.state, after=None, origin=resource.origin)
    return change if is_fewer else _confirmed(world.policy, change, resource, limit)


def _rename(world: World, verdicts: dict[ResourceId, _Verdict], pruned: Collection[ResourceId]) -> None:
    """Have a person confirm both where what holds data goes and another of its kind and namespace comes: it looks renamed.

    A rollback knows what it deletes.
    """
    if world.policy.rolling_back is not None:
        return
    going: dict[tuple[str, ...], list[Change]] = {}
    for id in pruned:
        verdict = verdicts[id]
        if world.forgotten[id].policy.holds and isinstance(verdict, Change):
            going.setdefault(id[:3], []).append(verdict)
    coming: dict[tuple[str, ...], list[Change]] = {}
    for id, verdict in verdicts.items() if going else ():
        if id[:3] in going and isinstance(verdict, Change) and verdict.verb is Verb.CREATE:
            coming.setdefault(id[:3], []).append(verdict)
    for place, new in coming.items():
        for change in new:
            reason = f"comes where {going[place][0].id} goes, whose data it will not have: a person must confirm"
            verdicts[change.id] = _asks(change, reason, "HF2017")
        for change in going[place]:
            verdicts[change.id] = _asks(change, f"holds data and goes while {new[0].id} comes: a person must confirm", "HF2017")


def _confirmed(policy: Policy, change: Change, resource: Resource, limit: tuple[str, str] | None) -> Change | _Asks:
    """Return the deletion, or what it needs a person for. A rollback deletes freely what the failed operation created, and nothing else."""
    if policy.removing and resource.policy.protect_delete:
        return _asks(change, "is protected: deleting it needs a person", "HF2006")
    if resource.policy.protect or (policy.rolling_back is not None and change.id in policy.rolling_back):
        return _protected(change, resource.policy)
    if policy.rolling_back is not None:
        return _asks(change, "a rollback deletes only what the failed operation created: a person must confirm", "HF2008")
    if policy.rewound:
        return _asks(change, "Git went back to before it was declared: a person must confirm", "HF2016")
    return _asks(change, *limit) if limit else change


def _limit(world: World, doomed: Collection[Resource]) -> tuple[str, str] | None:
    """Return why so many may not go without a person, with its code.

    Counted in what people declared, what is unknown now included. What was applied at this very revision is no part of the whole: else
    creating the new half of a tree would allow deleting the old half at the next look.
    """
    policy = world.policy
    counted = {resource.declared_id for resource in doomed if resource.id not in (policy.rolling_back or ())}
    if not counted:
        return None
    ours = [owned for owned in world.inventory.values() if owned.application == world.desired.application]
    whole = counted | {owned.resource.declared_id for owned in ours if owned.revision != world.desired.revision}
    is_emptied = policy.only is None or counted >= {owned.resource.declared_id for owned in ours}
    if not world.desired.resources and is_emptied and not policy.allow_empty:
        return "nothing is declared any more: emptying needs allowEmpty or a person", "HF2005"
    if len(counted) > policy.prune_free and len(counted) > policy.prune_share * len(whole):
        return f"would delete {len(counted)} of {len(whole)} declared resources: a person must confirm", "HF2004"
    return None


def _waiting_last(world: World, changes: Mapping[ResourceId, Change], blocked: Mapping[ResourceId, Blocked]) -> dict[ResourceId, Blocked]:
    """Return what is pruned last and cannot be yet, since something that is declared is blocked."""
    culprits = sorted(id for id in blocked if id in world.wanted)
    last = [id for id in changes if id in world.forgotten and world.forgotten[id].policy.last and id not in blocked]
    why = f"is pruned last, and waits for {culprits[0]}, which is blocked" if culprits else ""
    return {id: Blocked(reason=why, origin=changes[id].origin, code="HF2009") for id in last} if culprits else {}


def _restart(world: World, verdicts: dict[ResourceId, _Verdict]) -> frozenset[ResourceId]:
    """Turn what restarts with a replaced resource into a replacement too, to a fixed point; return what goes down first.

    What would have to go down but is out of scope, and was not seen to be gone, blocks the replacement instead; then nothing goes down for
    it either.
    """
    replaced = {id for id, verdict in verdicts.items() if not isinstance(verdict, Blocked) and _change(verdict).verb is Verb.REPLACE}
    takes = _taken_down(world.wanted) if replaced else {}
    while True:
        down = _going_down(world, verdicts, replaced, takes)
        stopped = _held_outside(world, replaced | down)
        if not stopped:
            break
        verdicts |= stopped
        replaced -= stopped.keys()
    verdicts |= {id: _protected(_restarted(world, id), world.wanted[id].policy) for id in sorted(down - replaced)}
    return frozenset(down)


def _going_down(
    world: World, verdicts: Mapping[ResourceId, _Verdict], replaced: AbstractSet[ResourceId], takes: Mapping[ResourceId, list[ResourceId]]
) -> set[ResourceId]:
    """Return what goes down because it restarts with one of `replaced`, or with another that does."""
    down: set[ResourceId] = set()
    edge = list(replaced)
    while edge:
        for id in takes.get(edge.pop(), ()):
            if id in down or isinstance(verdicts.get(id), Blocked) or world.seen(id) is None:
                continue
            down.add(id)
            if id not in replaced:
                edge.append(id)
    return down


def _held_outside(world: World, replaced: AbstractSet[ResourceId]) -> dict[ResourceId, Blocked]:
    """Return which replacements cannot be, since what goes down with them is no part of the plan."""
    stopped: dict[ResourceId, Blocked] = {}
    for id in sorted(restarts(replaced, world.inventory)):
        if id not in world.wanted and id not in world.forgotten and not world.is_gone(id):
            for target in replaced & world.inventory[id].resource.policy.restart_with:
                reason = f"waits for {id}, which goes down with it and is no part of this plan"
                stopped[target] = Blocked(reason=reason, origin=world.wanted[target].origin, code="HF2009")
    return stopped


def _taken_down(wanted: Mapping[ResourceId, Resource]) -> dict[ResourceId, list[ResourceId]]:
    takes: dict[ResourceId, list[ResourceId]] = {}
    for id, resource in wanted.items():
        for target in resource.policy.restart_with - {id}:
            takes.setdefault(target, []).append(id)
    return takes


def _restarted(world: World, id: ResourceId) -> Change:
    resource = world.wanted[id]
    reason = _rolled_back(world.policy, Reason.DECLARED)
    return Change(id=id, verb=Verb.REPLACE, reason=reason, before=world.seen(id), after=resource.state, origin=resource.origin)


def _change(verdict: Change | _Asks) -> Change:
    return verdict.change if isinstance(verdict, _Asks) else verdict


def _hard(verdicts: Mapping[ResourceId, _Verdict]) -> dict[ResourceId, Blocked]:
    return {id: verdict for id, verdict in sorted(verdicts.items()) if isinstance(verdict, Blocked)}


def _seal(application: str, changes: Collection[Change], restarting: Collection[ResourceId]) -> str:
    """Return the digest that an approval approves; "" where there is nothing to approve."""
    lines: list[Json] = [
        [*change.id, change.verb.value, change.reason.value, *(state.digest if state else None for state in (change.before, change.after))]
        for change in changes
    ]
    down: list[Json] = [list(change.id) for change in changes if change.id in restarting]
    return digest([application, lines, down]) if lines else ""


def _state_digest(live: Live, id: ResourceId) -> str | None:
    observation = None if id in live.unreachable else live.observed.get(id)
    return observation.state.digest if observation and observation.state else None
