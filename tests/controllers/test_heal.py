"""Heal: from something that moved in the world to the state that was last applied, and no further."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.errors import SourceError
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Phase
from holdfast.model.resource import Resource, ResourcePolicy
from holdfast.model.state import State
from holdfast.testing.fault import Fault
from holdfast.testing.simulated_engine import DEADLINE_S
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, item, unit, wanted

SHOP = Managed(name="shop", settings=Settings(automated=True, prune=True, self_heal=True))
A, B = unit("a"), unit("b")
F = item("f")


def play(story: Callable[[Stage], Awaitable[None]], *resources: Resource, shop: Managed = SHOP) -> Stage:
    """Bring `resources` up, tell a story about them, and return the stage as it was left."""

    async def main() -> Stage:
        async with Stage([shop]) as stage:
            stage.commit("shop", *(resources or (wanted(A), wanted(F))))
            await stage.start()
            assert await stage.rest()
            await story(stage)
        return stage

    return run(0, main())


def heals(stage: Stage) -> list[str]:
    return [it.id for it in stage.disk.walks.values() if it.trigger == "drift"]


def test_what_is_gone_comes_back_at_once_and_says_why() -> None:
    async def story(stage: Stage) -> None:
        began = stage.clock.now()
        stage.world.take(A, None)
        while A not in stage.world.things:
            await stage.clock.sleep(0.01)
        assert stage.clock.now() - began < 1.0
        assert await stage.rest()

    stage = play(story)
    assert stage.event_types()[-8:] == [
        "resource.observed",
        "resource.drifted",
        "step.done",
        "step.done",
        "step.done",
        "change.applied",
        "resource.observed",
        "resource.healed",
    ]


def test_what_was_edited_is_set_right_and_the_event_names_the_field() -> None:
    async def story(stage: Stage) -> None:
        stage.world.edit(F, State.of({"version": 9}))
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(F) == 1
    assert stage.events("resource.drifted")[0].data["fields"] == ["version"]


def test_news_that_was_missed_is_found_by_the_sweep() -> None:
    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.MISSED_NEWS, 1.0)
        stage.world.take(A, None)
        await stage.clock.sleep(30)
        assert A not in stage.world.things
        await stage.clock.sleep(600)

    assert play(story).stands(A) == 1


def test_what_changed_while_the_watch_was_broken_is_found_when_it_is_taken_up_again() -> None:
    """Sieve, unobserved state: what nobody was told of must not be missed until the next sweep."""

    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.WATCH_GAP, 1.0)
        stage.world.take(A, None)
        await stage.clock.sleep(5)
        stage.weather["units"].end(Fault.WATCH_GAP)
        await stage.clock.sleep(30)
        assert stage.stands(A) == 1
        stage.world.take(A, None)
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(A) == 1
    assert stage.crashes == []


def by_hand(stage: Stage) -> None:
    """Let only persons sync from here on."""
    stage.managed["shop"] = replace(SHOP, settings=Settings(self_heal=True))
    stage.house.sync.add(stage.managed["shop"])


def test_a_heal_goes_back_to_what_was_last_applied_and_not_to_what_git_says_now() -> None:
    async def story(stage: Stage) -> None:
        by_hand(stage)
        stage.commit("shop", wanted(A, 2), wanted(F))
        assert await stage.rest()
        stage.world.take(A, None)
        assert await stage.rest()

    assert play(story).stands(A) == 1


def test_what_is_pinned_is_healed_to_its_pin() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A, 2, bad="dies"), wanted(F))
        assert await stage.rest()
        stage.world.take(A, None)
        assert await stage.rest()

    assert play(story).stands(A) == 1


def test_the_same_drift_again_and_again_is_damped_shown_as_contended_and_forgiven_when_it_ends() -> None:
    async def story(stage: Stage) -> None:
        for _ in range(200):
            stage.world.edit(F, State.of({"version": 9}))
            await stage.clock.sleep(1.0)
        before = len(heals(stage))
        assert len(stage.events("resource.contended")) == 1
        assert before <= 5 + 200 / 60 + 1
        assert await stage.rest()
        assert stage.stands(F) == 1
        await stage.clock.sleep(1800)

    stage = play(story)
    assert len(stage.events("resource.forgiven")) == 1


def test_a_crash_does_not_make_the_fight_start_over() -> None:
    async def story(stage: Stage) -> None:
        for _ in range(40):
            stage.world.edit(F, State.of({"version": 9}))
            await stage.clock.sleep(1.0)
        before = len(heals(stage))
        by_hand(stage)
        await stage.restart()
        for _ in range(30):
            stage.world.edit(F, State.of({"version": 9}))
            await stage.clock.sleep(1.0)
        assert len(heals(stage)) <= before + 2

    play(story)


def test_what_must_not_be_healed_is_only_told() -> None:
    async def story(stage: Stage) -> None:
        stage.world.take(A, None)
        stage.world.take(F, None)
        assert await stage.rest()

    left_alone = replace(wanted(A), policy=ResourcePolicy(heal=False))
    stage = play(story, left_alone, wanted(F))
    assert (stage.stands(A), stage.stands(F)) == (None, 1)
    assert {event.subject for event in stage.events("resource.drifted")} == {str(A), str(F)}


@pytest.mark.parametrize("self_heal", [True, False])
def test_suspended_or_switched_off_nothing_is_healed(self_heal: bool) -> None:
    async def story(stage: Stage) -> None:
        if self_heal:
            await stage.house.sync.suspend("shop", "ada")
        stage.world.take(A, None)
        assert await stage.rest()
        await stage.clock.sleep(1000)

    assert play(story, shop=replace(SHOP, settings=replace(SHOP.settings, self_heal=self_heal))).stands(A) is None


def test_a_heal_waits_for_what_it_needs() -> None:
    async def story(stage: Stage) -> None:
        stage.weather["items"].begin(Fault.LOST_CALL, 1.0)
        stage.world.take(F, None)
        stage.world.take(A, None)
        await stage.clock.sleep(20)
        assert A not in stage.world.things
        stage.weather["items"].end(Fault.LOST_CALL)
        assert await stage.rest()

    assert set(play(story, wanted(A, 1, F), wanted(F)).world.things) == {A, F}


def test_a_heal_that_fails_is_tried_again_and_its_operations_are_closed() -> None:
    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        stage.world.take(A, None)
        await stage.clock.sleep(60)
        stage.weather["units"].end(Fault.LOST_CALL)
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(A) == 1
    assert {it.phase for it in stage.disk.walks.values()} == {Phase.SUCCEEDED, Phase.FAILED}


def test_what_an_operation_has_in_hand_is_left_to_it() -> None:
    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.SLOW, 1.0)
        stage.commit("shop", wanted(A, 2), wanted(F))
        while A not in stage.world.candidates:
            await stage.clock.sleep(0.01)
        stage.world.take(A, None)
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(A) == 2
    assert heals(stage) == []


def test_a_crash_in_the_middle_of_a_heal_leaves_nothing_half_done() -> None:
    async def story(stage: Stage) -> None:
        stage.world.take(A, None)
        while A not in stage.world.candidates:
            await stage.clock.sleep(0.001)
        await stage.restart()
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(A) == 1
    assert stage.world.candidates == {}
    assert not [it for it in stage.disk.walks.values() if it.phase is Phase.RUNNING]


def test_a_stranger_in_the_place_of_what_is_ours_is_not_overwritten() -> None:
    async def story(stage: Stage) -> None:
        stage.world.take(A, None)
        stage.squat(A, State.of({"version": 7}))
        assert await stage.rest()
        assert stage.stands(A) == 7
        stage.world.take(A, None)
        assert await stage.rest()

    assert play(story).stands(A) == 1


def test_a_crash_does_not_bring_back_a_fight_that_a_new_state_ended() -> None:
    async def edited(stage: Stage, version: int) -> None:
        stage.world.edit(F, State.of({"version": 9}))
        await stage.clock.sleep(0.01)
        while stage.stands(F) != version:
            await stage.clock.sleep(0.05)

    async def story(stage: Stage) -> None:
        for _ in range(4):
            await edited(stage, 1)
        stage.commit("shop", wanted(A), wanted(F, 2))
        while stage.stands(F) != 2:
            await stage.clock.sleep(0.05)
        await stage.clock.sleep(5.0)
        await stage.restart()
        await stage.clock.sleep(5.0)
        await edited(stage, 2)
        await stage.clock.sleep(5.0)
        assert len(stage.events("resource.healed")) == 5

    assert play(story).events("resource.contended") == []


FORWARD = replace(SHOP, rollback="off")


async def hang(stage: Stage, *left: Resource) -> None:
    """Commit what is `left`, and let no deletion come through until it is tried no more; end that, so that all that is done is done."""
    stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
    stage.commit("shop", *left)
    await stage.clock.sleep(3600.0)
    assert stage.events("operation.failed")
    assert stage.stands(A) == 1
    stage.weather["units"].end(Fault.LOST_CALL)


def test_what_git_no_longer_declares_is_not_made_again_when_its_deletion_that_hung_ends() -> None:
    async def story(stage: Stage) -> None:
        await hang(stage, wanted(F))
        stage.world.take(A, None)
        assert await stage.rest()
        assert A not in stage.house.ledger.inventory, "sync forgets it, though it tries no more"

    stage = play(story, shop=FORWARD)
    assert stage.stands(A) is None
    assert heals(stage) == []
    assert [it.data["id"] for it in stage.events("resource.pruned")] == [str(A)]


def test_what_comes_with_a_replaced_one_is_not_made_again_where_git_no_longer_declares_it() -> None:
    fixed = ResourcePolicy(replace_on=frozenset({"version"}))
    first = replace(wanted(F), policy=fixed)
    second = replace(wanted(A, 1, F), policy=ResourcePolicy(restart_with=frozenset({F})))

    async def story(stage: Stage) -> None:
        await hang(stage, first)
        stage.weather["units"].begin(Fault.WATCH_GAP, 1.0)
        stage.world.take(A, None)
        stage.world.edit(F, State.of({"version": 9}))
        assert await stage.rest()

    stage = play(story, first, second, shop=FORWARD)
    assert (stage.stands(F), stage.stands(A)) == (1, None)


def test_what_git_declares_no_more_is_made_again_while_a_person_must_say_that_git_means_it() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop")
        assert await stage.rest()
        assert stage.stands(A) == 1
        stage.world.take(A, None)
        assert await stage.rest()

    stage = play(story)
    assert (stage.stands(A), stage.stands(F)) == (1, 1)
    assert len(heals(stage)) == 1


def test_what_git_declares_no_more_is_made_again_where_its_newest_commit_does_not_render() -> None:
    async def story(stage: Stage) -> None:
        await hang(stage, wanted(F))
        stage.commit("shop", error=SourceError("HF3001", "it does not render"))
        await stage.clock.sleep(60.0)
        stage.world.take(A, None)
        assert await stage.rest()

    assert play(story, shop=FORWARD).stands(A) == 1


def test_what_the_pinned_revision_declares_is_made_again_though_git_declares_it_no_more() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(F), wanted(B, 1, bad="dies"))
        assert await stage.rest()
        assert stage.house.sync.undeclared("shop", A) is False
        stage.world.take(A, None)
        assert await stage.rest()

    stage = play(story)
    assert stage.events("revision.pinned")
    assert stage.stands(A) == 1


@pytest.mark.parametrize("version", [1, 2])
def test_a_heal_that_waits_for_health_keeps_no_commit_waiting(version: int) -> None:
    """What is healed does not become well: the commit that changes it, or that comes while it is put back, begins all the same."""

    async def story(stage: Stage) -> None:
        def sicken(id: ResourceId) -> None:
            if id == F and stage.world.things[F].state.fields["version"] != 9:
                stage.world.things[F].sick_until = stage.clock.monotonic() + 1000.0

        stage.world.edit(F, State.of({"version": 9}))
        stage.world.heard.append(sicken)
        while stage.stands(F) != 1:
            await stage.clock.sleep(0.001)
        await stage.clock.sleep(1.0)
        began = stage.clock.now()
        stage.commit("shop", wanted(A, 2), wanted(F, version))
        while stage.stands(A) != 2:
            await stage.clock.sleep(0.01)
        assert stage.clock.now() - began < DEADLINE_S / 2
        while stage.stands(F) != version:
            await stage.clock.sleep(0.01)
        assert stage.clock.now() - began < DEADLINE_S / 2

    stage = play(story)
    assert not stage.crashes
    assert len(heals(stage)) == 1


def test_an_operation_begins_though_it_was_planned_while_a_heal_that_waits_had_the_thing_in_hand() -> None:
    """The look for a commit came before what a heal puts back stood again, so that its plan has it too."""

    async def story(stage: Stage) -> None:
        def sicken(id: ResourceId) -> None:
            if id == F and stage.world.things[F].state.fields["version"] != 9:
                stage.world.things[F].sick_until = stage.clock.monotonic() + 1000.0

        stage.weather["items"].begin(Fault.SLOW, 1.0)
        stage.world.heard.append(sicken)
        stage.world.edit(F, State.of({"version": 9}))
        while not heals(stage):
            await stage.clock.sleep(0.001)
        began = stage.clock.now()
        stage.commit("shop", wanted(A, 2), wanted(F))
        while stage.stands(A) != 2:
            await stage.clock.sleep(0.01)
        assert stage.clock.now() - began < DEADLINE_S

    assert not play(story).crashes
