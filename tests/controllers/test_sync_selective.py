"""Selective sync: a person brings a part of an Application to what Git says, and the rest stays."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from holdfast.controllers.sync.lane import Ask, Managed, Request
from holdfast.core.fold import fold
from holdfast.core.planner import plan
from holdfast.core.policy import Settings
from holdfast.core.selection import patterns
from holdfast.core.view import View
from holdfast.core.world import subjects
from holdfast.errors import Refused, UsageError
from holdfast.model.operation import Phase
from holdfast.model.resource import ResourcePolicy
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, unit, wanted

BY_HAND = Managed(name="shop", settings=Settings(prune=True, self_heal=True))
A, B, C = (unit(name) for name in "abc")


def asks(*said: str, approve: str | None = None) -> Request:
    return Request(ask=Ask.SYNC, person="ada", approve=approve, resources=patterns(said))


def play(story: Callable[[Stage], Awaitable[None]], shop: Managed = BY_HAND) -> Stage:
    """Bring A and B up, tell a story about them, and return the stage as it was left."""

    async def main() -> Stage:
        async with Stage([shop]) as stage:
            stage.commit("shop", wanted(A), wanted(B))
            await stage.start()
            assert await stage.rest()
            await stage.house.sync.request("shop", Request(ask=Ask.SYNC, person="ada"))
            assert await stage.rest()
            await story(stage)
        return stage

    return run(0, main())


def revision(stage: Stage) -> str | None:
    return fold(View(), stage.disk.log).applications["shop"].revision


def test_only_what_is_named_is_applied_and_the_revision_stays_until_all_is_in_sync() -> None:
    async def story(stage: Stage) -> None:
        first = stage.heads["shop"]
        second = stage.commit("shop", wanted(A, 2), wanted(B, 2))
        assert await stage.rest()
        done = await stage.house.sync.request("shop", asks("Unit/shop/a"))
        assert done is not None
        assert (done.phase, done.is_selective) == (Phase.SUCCEEDED, True)
        assert await stage.rest()
        assert (stage.stands(A), stage.stands(B)) == (2, 1)
        assert revision(stage) == first
        assert stage.house.sync.newest("shop") == first
        await stage.house.sync.request("shop", asks(":Unit:b"))
        assert await stage.rest()
        assert (stage.stands(A), stage.stands(B)) == (2, 2)
        assert revision(stage) == second
        assert stage.house.sync.newest("shop") == second

    play(story)


def test_what_is_excluded_stays_and_what_is_pruned_can_be_named() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A, 2), wanted(C))
        assert await stage.rest()
        await stage.house.sync.request("shop", asks("!Unit/shop/b", "!:Unit:c"))
        assert (stage.stands(A), stage.stands(B), stage.stands(C)) == (2, 1, None)
        await stage.house.sync.request("shop", asks("Unit/shop/b"))
        assert (stage.stands(B), stage.stands(C)) == (None, None)

    play(story)


def test_what_is_needed_and_not_there_is_told_and_nothing_is_done() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A, 2), wanted(B, 2, C), wanted(C))
        assert await stage.rest()
        with pytest.raises(Refused, match=r"cannot sync a part of shop: Unit/shop/b .*Unit/shop/c") as refused:
            await stage.house.sync.request("shop", asks("Unit/shop/a", "Unit/shop/b"))
        assert "select what is missing too" in str(refused.value.hint)
        assert stage.stands(A) == 1
        await stage.house.sync.request("shop", asks("Unit/shop/b", "Unit/shop/c"))
        assert (stage.stands(A), stage.stands(B), stage.stands(C)) == (1, 2, 1)

    play(story)


def test_a_name_that_means_nothing_is_refused_with_what_is_near() -> None:
    async def story(stage: Stage) -> None:
        with pytest.raises(UsageError) as refused:
            await stage.house.sync.request("shop", asks("Unit/shopp/a"))
        assert refused.value.hint == "did you mean Unit/shop/a?"

    play(story)


def test_what_is_protected_needs_the_digest_of_the_plan_of_the_same_part() -> None:
    kept = ResourcePolicy(protect=True)

    async def story(stage: Stage) -> None:
        stage.commit("shop", replace(wanted(A), policy=kept), wanted(B))
        assert await stage.rest()
        await stage.house.sync.request("shop", Request(ask=Ask.SYNC, person="ada"))
        stage.commit("shop", wanted(B, 2))
        assert await stage.rest()
        with pytest.raises(Refused, match="Unit/shop/a is protected"):
            await stage.house.sync.request("shop", asks("Unit/shop/a"))
        with pytest.raises(Refused, match="another than the one that was approved") as other:
            await stage.house.sync.request("shop", asks("Unit/shop/a", approve="0000"))
        digest = str(other.value.hint).rpartition(" ")[2]
        assert len(digest) == 12
        house, desired = stage.house, stage.house.source.desired("shop")
        assert desired is not None
        live = await house.walker.observe(subjects(desired, house.ledger.inventory, [A]))
        shown = plan(desired, live, house.ledger.inventory, replace(house.sync.allowed(desired), only=frozenset([A])))
        assert shown.digest.startswith(digest)
        await stage.house.sync.request("shop", asks("Unit/shop/a", approve=shown.digest))
        assert (stage.stands(A), stage.stands(B)) == (None, 1)

    play(story)


def test_a_part_that_fails_is_told_and_pins_nothing() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A, 2, bad="dies"), wanted(B, 2))
        assert await stage.rest()
        done = await stage.house.sync.request("shop", asks("Unit/shop/a"))
        assert done is not None
        assert done.phase is Phase.FAILED
        assert await stage.rest()
        assert (stage.stands(A), stage.stands(B)) == (1, 1)

    stage = play(story)
    assert stage.events("revision.pinned") == []


def test_a_part_of_what_is_pinned_cannot_be_synced() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A, 2), wanted(B, 2))
        assert await stage.rest()
        await stage.house.sync.request("shop", Request(ask=Ask.SYNC, person="ada"))
        await stage.house.sync.request("shop", Request(ask=Ask.ROLLBACK, person="ada"))
        with pytest.raises(Refused, match="it is pinned at") as refused:
            await stage.house.sync.request("shop", asks("Unit/shop/a"))
        assert refused.value.code == "HF2012"
        assert stage.stands(A) == 1

    play(story)
