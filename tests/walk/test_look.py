"""Looking: what is remembered, forgotten and told of what was seen, and what a look says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.model.plan import Policy
from holdfast.model.resource import Desired, Resource, ResourcePolicy
from holdfast.testing.fault import Fault
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, item, unit, wanted
from holdfast.walk.look import DOUBT_S, Look, Looker

SHOP = Managed(name="shop", settings=Settings(automated=True, prune=True))
A, B, F = unit("a"), unit("b"), item("f")


def play(story: Callable[[Stage, Looker], Awaitable[None]]) -> Stage:
    async def main() -> Stage:
        async with Stage([SHOP]) as stage:
            stage.commit("shop", wanted(A), wanted(F))
            await stage.start()
            assert await stage.rest()
            house = stage.house
            await story(stage, Looker(walker=house.walker, ledger=house.ledger, journal=house.journal, clock=stage.clock))
        return stage

    return run(0, main())


def asks(stage: Stage, *resources: Resource) -> Desired:
    return Desired.of("shop", stage.heads["shop"], resources)


async def looked(stage: Stage, looker: Looker, *resources: Resource) -> Look:
    return await looker.look(asks(stage, *resources), Policy())


def test_what_stands_is_good_to_go_back_to() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        look = await looked(stage, looker, wanted(A), wanted(F))
        assert (bool(look.plan), look.stands, look.waits) == (False, True, False)

    play(story)


def test_what_could_not_be_seen_may_be_seen_later() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        stage.weather["units"].begin(Fault.BLIND, 1.0)
        look = await looked(stage, looker, wanted(A), wanted(F))
        assert (bool(look.plan), look.stands, look.waits) == (False, False, True)

    play(story)


def test_what_is_somebody_elses_may_go_without_a_word() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        stage.squat(B, wanted(B, 9).state)
        look = await looked(stage, looker, wanted(A), wanted(B), wanted(F))
        assert look.waits
        assert not look.is_whole

    play(story)


def test_other_needs_are_remembered_without_a_change() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        look = await looked(stage, looker, wanted(A, 1, F), wanted(F))
        assert not look.plan
        assert stage.disk.owned[A].resource.needs == {F}

    play(story)


def test_what_somebody_has_in_hand_is_left_to_the_next_look() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        assert stage.house.walker.take(A)
        look = await looked(stage, looker, wanted(A, 1, F), wanted(F))
        assert look.is_disturbed
        assert look.waits
        assert stage.disk.owned[A].resource.needs == frozenset()

    play(story)


def test_what_is_gone_is_forgotten_when_a_later_look_agrees() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        stage.world.take(A, None)
        began = stage.clock.monotonic()
        await looked(stage, looker, wanted(F))
        assert stage.clock.monotonic() - began >= DOUBT_S
        assert set(stage.disk.owned) == {F}

    play(story)


def test_what_comes_back_meanwhile_is_not_forgotten() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        thing = stage.world.take(A, None)
        assert thing is not None
        stage.clock._loop.call_later(1.0, stage.world.put, A, thing)
        look = await looked(stage, looker, wanted(F))
        assert A in stage.disk.owned
        assert [change.id for change in look.plan] == [A]

    play(story)


def test_what_this_revision_brought_is_unproven_until_it_is_healthy() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        stage.world.things[A].sick_until = stage.clock.monotonic() + 60.0
        look = await looked(stage, looker, wanted(A), wanted(F))
        assert (set(look.unproven), look.stands) == ({A}, False)
        older = await looker.look(replace(asks(stage, wanted(A), wanted(F)), revision="another"), Policy())
        assert (dict(older.unproven), older.stands) == ({}, True)

    play(story)


def test_an_orphan_is_told_once() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        for _ in range(3):
            await looker.look(asks(stage, wanted(F)), Policy(prune=False))

    assert [event.subject for event in play(story).events("resource.orphaned")] == [str(A)]


def test_a_refusal_is_told_once_and_once_more_when_it_ends() -> None:
    async def story(stage: Stage, looker: Looker) -> None:
        protected = replace(wanted(F, 2, fixed=1), policy=ResourcePolicy(protect=True, replace_on=frozenset({"fixed"})))
        for _ in range(3):
            await looked(stage, looker, wanted(A), protected)
        for _ in range(3):
            await looked(stage, looker, wanted(A), wanted(F))

    blocked = [event.data["blocked"] for event in play(story).events("plan.refused")]
    assert [bool(entries) for entries in blocked] == [True, False]
