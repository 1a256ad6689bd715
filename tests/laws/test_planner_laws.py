"""The planner's laws, over generated worlds. Each test is one sentence of `plan`'s docstring, or of what policy promises."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from holdfast.core.order import held_up
from holdfast.core.planner import gone, plan, unrecorded
from holdfast.core.world import EXCLUSIVE, subjects, tokens
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Change, Owned, Plan, Policy, Reason, Verb
from holdfast.model.resource import Declared, Derived, Desired, Resource, ResourcePolicy
from holdfast.model.state import State

IDS = [ResourceId("host", "Process", "shop", name) for name in "abcdefgh"]
PARENTS = [ResourceId("host", "Process", "shop", name) for name in "pq"]
law = settings(max_examples=max(250, settings.default.max_examples if settings.default else 0))
EAGER = Policy(prune_share=1.0, allow_empty=True)


@dataclass(frozen=True)
class World:
    desired: Desired
    live: Live
    owned: Mapping[ResourceId, Owned]
    policy: Policy

    def plan(self, policy: Policy | None = None) -> Plan:
        return plan(self.desired, self.live, self.owned, policy or self.policy)

    @property
    def declared(self) -> dict[ResourceId, Resource]:
        return {resource.id: resource for resource in self.desired}

    @property
    def forgotten(self) -> dict[ResourceId, Resource]:
        return {id: it.resource for id, it in self.owned.items() if it.application == "shop" and id not in self.declared}

    def stands(self, id: ResourceId) -> bool:
        return id in self.live.observed and id not in self.live.unreachable and self.live.observed[id].state is not None

    def may_stand(self, id: ResourceId) -> bool:
        return self.live.unknown(id) is not None or self.stands(id)

    def after(self, *changes: Change) -> World:
        """The same world when `changes` have happened, recorded as sync records them."""
        seen, owned = dict(self.live.observed), dict(self.owned)
        for change in changes:
            seen[change.id] = Observation(state=change.after)
            if change.verb is Verb.DELETE:
                del owned[change.id]
            elif change.after is not None:
                owned[change.id] = self.record(self.declared[change.id])
        return replace(self, live=Live(observed=seen, unreachable=self.live.unreachable), owned=owned)

    def tidied(self) -> World:
        """The same world when the inventory was brought up to date, as sync does at the end."""
        kept = {id: it for id, it in self.owned.items() if id not in gone(self.desired, self.live, self.owned)}
        fresh = {resource.id: self.record(resource) for resource in unrecorded(self.desired, self.live, self.owned)}
        return replace(self, owned=kept | fresh)

    def record(self, resource: Resource) -> Owned:
        return Owned(application="shop", resource=resource, revision="new", operation="op")


STATES = [State.of({"command": command, "port": port}) for command in ("serve", "work") for port in (1, 2)]


@dataclass(frozen=True)
class Dice:
    """Chooses by a seed. Drawing each choice from Hypothesis would cost ten times as much; it shrinks the size and the mood instead."""

    random: random.Random
    is_busy: bool
    """Much stands and is ours, and nearly everything may change; else all sorts of things are missing, mute or foreign."""

    def rarely(self) -> bool:
        return self.random.random() < 0.2

    def sometimes(self) -> bool:
        return self.random.random() < (0.5 if self.is_busy else 0.2)

    def some(self, ids: list[ResourceId], at_most: int = 9) -> frozenset[ResourceId]:
        return frozenset(self.random.sample(ids, self.random.randint(0, min(at_most, len(ids)))))

    def tree(self, ids: list[ResourceId]) -> list[Resource]:
        """Resources whose needs have no cycle; some are replicas, hold a port, restart with others."""
        chosen = [id for id in self.random.sample(ids, len(ids)) if self.is_busy or not self.rarely()]
        return [self.resource(id, chosen[:at]) for at, id in enumerate(chosen) if not self.rarely()]

    def resource(self, id: ResourceId, earlier: list[ResourceId]) -> Resource:
        return Resource(
            id=id,
            state=self.random.choice(STATES),
            needs=self.some(earlier, at_most=2),
            wave=self.random.choice([0, 0, -1, 1, 2]),
            owner=Derived((self.random.choice(PARENTS),)) if self.rarely() else Declared(),
            policy=ResourcePolicy(
                prune=not self.rarely(),
                protect=self.rarely(),
                adopt=self.rarely(),
                replace_on=frozenset({"port"}) if self.sometimes() else frozenset(),
                restart_with=self.some(earlier, at_most=2) if self.sometimes() else frozenset(),
            ),
            labels={EXCLUSIVE: self.random.choice(["tcp:80", "tcp:80, tcp:81"])} if self.sometimes() else {},
        )

    def observation(self, desired: Resource | None) -> Observation | None:
        """Return what was seen, or None where no engine answered."""
        choices = ["present"] * 6 + ["absent", "declared"] if self.is_busy else ["present", "absent", "declared", "foreign", "ours", "mute"]
        match self.random.choice(choices):
            case "absent":
                return Observation(state=None)
            case "declared" if desired:
                return Observation(state=desired.state)
            case "foreign":
                return Observation(state=self.random.choice(STATES), owned=False)
            case "ours":
                return Observation(state=self.random.choice(STATES), owned=True)
            case "mute":
                return None
        return Observation(state=self.random.choice(STATES))

    def policy(self, ids: list[ResourceId]) -> Policy:
        only = self.some(ids) if self.rarely() else None
        if self.is_busy and not self.rarely():
            return replace(EAGER, only=only)
        return Policy(
            prune=not self.rarely(),
            allow_empty=not self.rarely(),
            prune_share=self.random.choice([0.0, 0.5, 1.0]),
            prune_free=self.random.randint(0, 3),
            complete=not self.rarely(),
            rolling_back=self.some(ids) if self.rarely() else None,
            only=only,
        )


def closed(resources: list[Resource]) -> tuple[Resource, ...]:
    """Leave out needs that are not declared: a Desired is closed under them."""
    ids = {resource.id for resource in resources}
    return tuple(replace(resource, needs=resource.needs & ids) for resource in resources)


def world_of(size: int, seed: int, is_busy: bool) -> World:
    dice = Dice(random.Random(seed), is_busy)
    ids = IDS[:size]
    desired = Desired.of("shop", "new", closed(dice.tree(ids)))
    declared = {resource.id: resource for resource in desired}
    owned = {
        old.id: Owned(application="other" if not is_busy and dice.rarely() else "shop", resource=old, revision="old", operation="op")
        for old in dice.tree(ids)
    }
    looked = {id: dice.observation(declared.get(id)) for id in ids if is_busy or not dice.rarely()}
    live = Live(
        observed={id: seen for id, seen in looked.items() if seen is not None},
        unreachable={id: "no answer" for id, seen in looked.items() if seen is None},
    )
    return World(desired, live, owned, dice.policy(ids))


some_ids = st.frozensets(st.sampled_from(IDS))


def worlds() -> st.SearchStrategy[World]:
    return st.builds(world_of, size=st.integers(1, len(IDS)), seed=st.integers(0, 2**24), is_busy=st.booleans())


def walk(world: World) -> Iterator[tuple[World, tuple[Change, ...]]]:
    """Yield each wave with the world before it."""
    for wave in world.plan().waves:
        yield world, wave
        world = world.after(*wave)


def is_down(change: Change) -> bool:
    return change.after is None


@law
@given(worlds(), st.integers())
def test_the_order_of_the_inputs_does_not_matter(world: World, seed: int) -> None:
    dice = random.Random(seed)

    def shuffled(mapping: Mapping[ResourceId, object]) -> dict[ResourceId, object]:
        return {id: mapping[id] for id in dice.sample(list(mapping), len(mapping))}

    desired = Desired.of("shop", "new", tuple(dice.sample(world.desired.resources, len(world.desired.resources))))
    live = Live(observed=shuffled(world.live.observed), unreachable=shuffled(world.live.unreachable))  # type: ignore[arg-type]
    assert plan(desired, live, shuffled(world.owned), world.policy) == world.plan()  # type: ignore[arg-type]


@law
@given(worlds())
def test_applying_a_plan_leaves_nothing_to_do(world: World) -> None:
    """Of an inventory that was brought up to date first, as sync does: an edge that only it remembers may hold a change up till then."""
    tidy = replace(world, policy=replace(world.policy, only=None)).tidied()
    done = tidy.after(*tidy.plan())
    assert not done.plan()
    assert not done.tidied().plan()


@law
@example(world_of(size=8, seed=65000, is_busy=True))  # something went down again and again with what could not be replaced
@given(worlds())
def test_plans_of_a_few_ids_come_to_rest(world: World) -> None:
    """A heal sees a part only: what it records may let another of its ids go on, so it may take as many plans as there are ids."""
    rest = world.tidied()
    for _ in IDS:
        rest = rest.after(*rest.plan())
    assert not rest.plan()


@law
@given(worlds())
def test_each_id_comes_once_or_goes_down_before_it_comes_up(world: World) -> None:
    seen: dict[ResourceId, list[Change]] = {}
    for change in world.plan():
        seen.setdefault(change.id, []).append(change)
    for changes in seen.values():
        match changes:
            case [change]:
                assert (change.before is None, change.after is None) == (change.verb is Verb.CREATE, change.verb is Verb.DELETE)
            case [down, up]:
                assert down.verb is up.verb is Verb.REPLACE
                assert (down.after, up.before) == (None, None)
            case _:
                pytest.fail(f"{changes[0].id} changes {len(changes)} times")


@law
@given(worlds())
def test_after_each_wave_every_need_of_what_stands_stands(world: World) -> None:
    """The law of order said about the world, not about the plan: walk the waves and look."""
    for before, wave in walk(world):
        ids = {change.id for change in wave}
        for change in wave:
            if change.verb is Verb.DELETE:
                needy = {id for id, owned in world.owned.items() if change.id in owned.resource.needs and before.may_stand(id)}
                assert not needy - world.declared.keys() - {change.id}, "a need went before what needed it"
            elif not is_down(change):
                needs = world.declared[change.id].needs
                assert all(before.stands(need) for need in needs), "a change came before its need"
                assert not ids & needs


@law
@given(worlds())
def test_only_owned_undeclared_and_seen_resources_are_deleted(world: World) -> None:
    for change in world.plan():
        if change.verb is Verb.DELETE:
            assert change.id in world.forgotten
            assert world.stands(change.id)
            assert world.live.observed[change.id].owned is not False or world.forgotten[change.id].policy.adopt


@law
@given(worlds())
def test_unknown_is_not_absent_and_not_ours_is_not_touched(world: World) -> None:
    adopts = {resource.id for resource in world.desired if resource.policy.adopt}
    told = {id for id, seen in world.live.observed.items() if seen.owned}
    for change in world.plan():
        assert world.live.unknown(change.id) is None
        assert not world.stands(change.id) or change.id in world.owned.keys() | adopts | told


@law
@given(worlds())
def test_an_id_of_another_application_is_left_alone_and_its_owner_named(world: World) -> None:
    found = world.plan()
    assert all(world.owned[change.id].application == "shop" for change in found if change.id in world.owned)
    for id in found.blocked.keys() & world.declared.keys() & world.owned.keys():
        if world.owned[id].application == "other":
            assert found.blocked[id].reason.startswith("is owned by Application other")


@law
@given(worlds())
def test_every_id_is_accounted_for(world: World) -> None:
    found = world.plan()
    scope = world.declared.keys() | world.forgotten.keys()
    scope = scope if world.policy.only is None else scope & world.policy.only
    changed = {change.id for change in found}
    assert changed | found.blocked.keys() | set(found.orphans) <= scope
    assert not changed & found.blocked.keys()
    assert found.unchanged == len(scope & world.declared.keys() - changed - found.blocked.keys())
    left = scope - world.declared.keys() - changed - found.blocked.keys() - set(found.orphans)
    assert left <= set(gone(world.desired, world.live, world.owned))


@law
@given(worlds())
def test_nothing_goes_on_that_waits_for_what_is_blocked(world: World) -> None:
    found = world.plan()
    for change in found:
        if change.verb is not Verb.DELETE:
            assert not world.declared[change.id].needs & found.blocked.keys()


@law
@given(worlds())
def test_two_never_hold_one_port(world: World) -> None:
    for before, wave in walk(world):
        for change in wave:
            if change.verb in (Verb.CREATE, Verb.UPDATE, Verb.REPLACE) and not is_down(change):
                taker = world.declared[change.id]
                had = tokens(world.owned[taker.id].resource) if taker.id in world.owned and world.stands(taker.id) else frozenset()
                for id, holder in world.forgotten.items():
                    if holder.declared_id != taker.declared_id and id not in (world.policy.only or IDS):
                        continue
                    if holder.declared_id != taker.declared_id and (tokens(taker) - had) & tokens(holder):
                        assert not before.may_stand(id), f"{id} still holds what {taker.id} wants"


@law
@given(worlds())
def test_what_restarts_with_a_replaced_one_is_down_when_that_goes(world: World) -> None:
    for before, wave in walk(world):
        for change in wave:
            if change.verb is Verb.REPLACE and change.before is not None:
                for id, resource in (world.forgotten | world.declared).items():
                    is_contrary = id in world.declared and resource.needs >= {change.id} and change.id == id
                    if change.id in resource.policy.restart_with - {id} and not is_contrary and in_scope(world, id):
                        assert not before.may_stand(id), f"{id} stands while {change.id} goes down"


def in_scope(world: World, id: ResourceId) -> bool:
    return world.policy.only is None or id in world.policy.only


@law
@given(worlds(), some_ids)
def test_a_selective_plan_changes_only_what_it_names_and_needs_seen_needs(world: World, only: frozenset[ResourceId]) -> None:
    found = world.plan(replace(world.policy, only=only))
    assert {change.id for change in found} <= only
    for change in found:
        if change.verb is not Verb.DELETE:
            assert all(world.stands(need) for need in world.declared[change.id].needs - only)


@law
@given(worlds(), st.sampled_from(IDS))
def test_healing_one_id_costs_its_needs_and_agrees_with_a_narrowed_tree(world: World, id: ResourceId) -> None:
    """What a heal gets is one resource and a look at what `subjects` says; the whole tree must make no difference."""
    assume(id in world.declared)
    policy = replace(EAGER, only=frozenset({id}))
    narrow = Desired.of("shop", "new", (world.declared[id],))
    looked = subjects(narrow, world.owned, policy.only)
    live = Live(
        observed={other: seen for other, seen in world.live.observed.items() if other in looked},
        unreachable={other: why for other, why in world.live.unreachable.items() if other in looked},
    )
    wide, thin = world.plan(policy), plan(narrow, live, world.owned, policy)
    assert (thin.waves, thin.blocked, thin.digest) == (wide.waves, wide.blocked, wide.digest)


@law
@given(worlds())
def test_a_shrinking_tree_waits_for_a_person(world: World) -> None:
    nothing = replace(world, desired=Desired.of("shop", "new", ()))
    assert not nothing.plan(Policy(prune_share=1.0))
    assert not nothing.plan(Policy(prune_share=0.0, prune_free=0, allow_empty=True))


@law
@given(worlds())
def test_a_source_that_rendered_badly_deletes_nothing(world: World) -> None:
    assert all(change.verb is not Verb.DELETE for change in world.plan(replace(world.policy, complete=False)))


@law
@given(worlds())
def test_scaling_down_is_never_a_prune(world: World) -> None:
    """A forgotten replica whose Process is still declared goes, whatever limits prunes."""
    strict = Policy(prune=False, prune_share=0.0, prune_free=0)
    declared = {resource.declared_id for resource in world.desired}
    fewer = {id for id, resource in world.forgotten.items() if resource.declared_id in declared}
    found = world.plan(strict)
    assert not fewer & set(found.orphans)
    assert all(not found.blocked[id].refused or found.blocked[id].code == "HF2002" for id in fewer & found.blocked.keys())
    assert all(change.reason is Reason.DECLARED for change in found if change.id in fewer)
    assert {change.id for change in found if change.verb is Verb.DELETE} <= fewer


@law
@given(worlds())
def test_an_approval_lifts_exactly_what_was_shown(world: World) -> None:
    shown = world.plan()
    asked = {id for id, why in shown.blocked.items() if why.code in ("HF2004", "HF2005", "HF2006", "HF2008")}
    allowed = world.plan(replace(world.policy, approved=shown.digest))
    assert allowed.digest == shown.digest
    assert {change.id for change in allowed} >= {change.id for change in shown}
    if shown.digest:
        for id in asked & allowed.blocked.keys():
            assert allowed.blocked[id].code == "HF2009", "an approved change is blocked by something else than what it waits for"
    assert world.plan(replace(world.policy, approved="another")) == shown


@law
@given(worlds(), some_ids)
def test_a_rollback_deletes_only_what_the_failed_operation_created(world: World, created: frozenset[ResourceId]) -> None:
    declared = {resource.declared_id for resource in world.desired}
    for change in world.plan(replace(world.policy, rolling_back=created)):
        assert change.reason is Reason.ROLLED_BACK
        if change.verb is Verb.DELETE:
            assert change.id in created or world.forgotten[change.id].declared_id in declared


@law
@given(worlds())
def test_what_a_failure_holds_up_is_what_needs_it(world: World) -> None:
    policy = replace(world.policy, only=None)
    found = world.plan(policy)
    changes = {change.id: change for change in found}
    for failed in changes:
        held = held_up(found, world.desired, world.owned, {failed})
        needy = {id for id in changes if id in world.declared and failed in world.declared[id].needs}
        assert needy <= held <= changes.keys() - {failed}


@law
@given(worlds())
def test_an_empty_plan_is_falsy_and_has_nothing_to_approve_unless_it_asks(world: World) -> None:
    found = world.plan()
    assert bool(found) == bool(found.waves)
    assert all(found.waves)
    if found:
        assert found.digest
