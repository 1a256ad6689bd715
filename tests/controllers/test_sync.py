"""Sync: from what stands and what Git says to operations, on the simulated stage: real controllers, engines that are told to fail."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from holdfast.controllers.sync.lane import Ask, Managed, Request
from holdfast.core.fold import fold
from holdfast.core.policy import Settings, WindowVerdict
from holdfast.core.retry import RetryPolicy
from holdfast.core.view import View
from holdfast.errors import DeclarationError, Refused
from holdfast.kit.tasks import all_of
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.resource import Resource, ResourcePolicy
from holdfast.testing.fault import Fault
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import ENGINES, Stage, item, unit, wanted

AUTOMATED = Settings(automated=True, prune=True, self_heal=True)
SHOP = Managed(name="shop", settings=AUTOMATED)
A, B, C, D = (unit(name) for name in "abcd")
F = item("f")


def play(story: Callable[[Stage], Awaitable[None]], *applications: Managed) -> Stage:
    """Play a story to its end and return the stage as it was left."""

    async def main() -> Stage:
        async with Stage(applications or [SHOP]) as stage:
            await story(stage)
        return stage

    return run(0, main())


async def begin(stage: Stage, *resources: Resource) -> None:
    stage.commit("shop", *resources)
    await stage.start()
    assert await stage.rest()


async def commit(stage: Stage, *resources: Resource) -> str:
    made = stage.commit("shop", *resources)
    assert await stage.rest()
    return made


def operations(stage: Stage) -> list[Operation]:
    return sorted(stage.disk.walks.values(), key=lambda it: (it.started_at, it.id))


def phases(stage: Stage) -> list[tuple[str, str]]:
    return [(it.trigger.value, it.phase.value) for it in operations(stage)]


def applied(stage: Stage) -> list[str]:
    return [f"{event.data['verb']} {event.subject.rpartition('/')[2]}" for event in stage.events("change.applied")]


def asks(ask: Ask = Ask.SYNC, approve: str | None = None, revision: str | None = None) -> Request:
    return Request(ask=ask, person="ada", approve=approve, revision=revision)


def refusal(stage: Stage) -> Any:
    """Return the data of the last refusal: `digest`, which an approval names, and `blocked`."""
    return stage.events("plan.refused")[-1].data


def test_what_is_needed_comes_first_and_waves_before_needs() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A, 1, B), wanted(B, 1, F), wanted(F), replace(wanted(C), wave=-1))

    stage = play(story)
    assert applied(stage) == ["create c", "create f", "create b", "create a"]
    assert phases(stage) == [("commit", "Succeeded")]


def test_the_journal_knows_an_operation_before_its_first_effect() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))

    types = play(story).event_types()
    assert types.index("operation.started") < types.index("step.done")


def test_only_what_differs_is_updated() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        await commit(stage, wanted(A, 2), wanted(B))

    stage = play(story)
    assert applied(stage)[2:] == ["update a"]
    assert stage.stands(A) == 2


def test_what_git_forgot_is_pruned_after_what_needed_it() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A, 1, B), wanted(B, 1, F), wanted(F), wanted(C))
        await commit(stage, wanted(C))

    stage = play(story)
    assert applied(stage)[4:] == ["delete a", "delete b", "delete f"]
    assert set(stage.world.things) == {C} == set(stage.disk.owned)


def test_in_sync_nothing_is_written() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(F))
        before = stage.disk.commits
        await stage.house.source.refresh("shop")
        await stage.house.sweep.sweep()
        assert await stage.rest()
        assert stage.disk.commits == before

    play(story)


def test_a_failure_holds_up_its_dependants_and_nothing_else() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A, 1, bad="dies"), wanted(B, 1, A), wanted(C), wanted(D, 1, C))

    stage = play(story)
    assert set(stage.world.things) == {C, D}
    assert {event.subject for event in stage.events("change.skipped")} == {str(B)}
    assert set(phases(stage)) == {("commit", "Failed")}
    assert stage.world.candidates == {}


def test_a_bad_commit_is_rolled_back_and_pinned() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        await commit(stage, wanted(A, 2), wanted(B, 2, bad="dies"), wanted(C, 2))

    stage = play(story)
    assert phases(stage) == [("commit", "Succeeded"), ("commit", "Failed"), ("rollback", "Succeeded")]
    assert {id: stage.stands(id) for id in stage.world.things} == {A: 1, B: 1}
    assert "revision.pinned" in stage.event_types()
    assert stage.events("resource.observed")[-1].data["sync"] == "OutOfSync"


def test_a_pin_holds_until_git_asks_for_something_else() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        await commit(stage, wanted(A, 2, bad="dies"))
        await commit(stage, wanted(A, 2, bad="dies"))
        assert stage.stands(A) == 1
        assert "revision.unpinned" not in stage.event_types()
        await commit(stage, wanted(A, 3))

    stage = play(story)
    assert stage.stands(A) == 3
    assert phases(stage)[-1] == ("commit", "Succeeded")
    assert len(stage.events("operation.failed")) == 1


def test_what_hangs_is_rolled_back_at_its_deadline() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        await commit(stage, wanted(A, 2, bad="hangs"))

    stage = play(story)
    assert stage.stands(A) == 1
    assert stage.events("operation.failed")[0].at - stage.events("operation.started")[1].at >= 20


def test_without_rollback_a_bad_commit_stays_and_is_not_healed_forward() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        await commit(stage, wanted(A), wanted(B, 1, bad="dies"))
        await stage.house.sweep.sweep()
        await stage.rest()

    stage = play(story, replace(SHOP, rollback="off", retry=RetryPolicy(limit=0)))
    assert phases(stage) == [("commit", "Succeeded"), ("commit", "Failed")]
    assert stage.disk.owned[B].is_applied is False
    assert "revision.pinned" not in stage.event_types()


def test_a_rollback_that_was_cut_off_goes_on() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B), wanted(C))
        stage.weather["units"].begin(Fault.SLOW, 1.0)
        stage.commit("shop", wanted(A, 2), wanted(B, 2), wanted(C, 2, A, B, bad="dies"))
        while "rollback.started" not in stage.event_types():
            await stage.clock.sleep(0.1)
        await stage.restart()
        assert await stage.rest()

    stage = play(story)
    assert {id: stage.stands(id) for id in stage.world.things} == {A: 1, B: 1, C: 1}
    assert phases(stage)[-1] == ("rollback", "Succeeded")


def test_a_rollback_that_fails_is_tried_again() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        stage.commit("shop", wanted(A, 2), wanted(B, 2, A, bad="dies"))
        while "rollback.started" not in stage.event_types():
            await stage.clock.sleep(0.01)
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        while ("rollback", "Failed") not in phases(stage):
            await stage.clock.sleep(1.0)
        stage.weather["units"].end(Fault.LOST_CALL)
        assert await stage.rest()

    stage = play(story)
    assert {id: stage.stands(id) for id in stage.world.things} == {A: 1, B: 1}


def test_an_engine_that_does_not_answer_is_asked_again_with_backoff() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        stage.commit("shop", wanted(A, 2))
        while len(stage.events("operation.failed")) < 3:
            await stage.clock.sleep(1.0)
        stage.weather["units"].end(Fault.LOST_CALL)
        assert await stage.rest()

    stage = play(story)
    starts = [it.started_at for it in operations(stage) if it.trigger is Trigger.COMMIT][1:]
    gaps = [after - before for before, after in pairwise(starts)]
    assert stage.stands(A) == 2
    assert [gap >= least for gap, least in zip(gaps, (5, 10, 20), strict=True)] == [True] * 3


def test_retries_end_and_the_application_says_so() -> None:
    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        stage.commit("shop", wanted(A))
        await stage.start()
        await stage.clock.sleep(600)

    stage = play(story, replace(SHOP, retry=RetryPolicy(limit=2)))
    assert len(operations(stage)) == 3
    assert stage.events("operation.held")[-1].data["kind"] == "exhausted"


def test_an_engine_that_cannot_be_looked_at_is_looked_at_again() -> None:
    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.BLIND, 1.0)
        stage.commit("shop", wanted(A), wanted(F))
        await stage.start()
        await stage.clock.sleep(30.0)
        assert set(stage.world.things) == {F}
        stage.weather["units"].end(Fault.BLIND)
        assert await stage.rest()

    assert set(play(story).world.things) == {A, F}


def test_what_could_not_be_looked_at_is_no_revision_to_go_back_to() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.weather["units"].begin(Fault.BLIND, 1.0)
        stage.commit("shop", wanted(A, 2))
        await stage.clock.sleep(10.0)
        stage.commit("shop", wanted(A, 3, bad="dies"))
        await stage.clock.sleep(1.0)
        stage.weather["units"].end(Fault.BLIND)
        assert await stage.rest()

    assert play(story).stands(A) == 1


def test_somebody_elses_change_at_the_same_time_is_no_reason_to_go_back() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(F))
        stage.weather["items"].begin(Fault.CONFLICT, 1.0)
        stage.commit("shop", wanted(F, 2))
        await stage.clock.sleep(3.0)
        stage.weather["items"].end(Fault.CONFLICT)
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(F) == 2
    assert "revision.pinned" not in stage.event_types()


def test_a_newer_commit_interrupts_a_gate() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.commit("shop", wanted(A, 2, bad="hangs"))
        await stage.clock.sleep(5.0)
        await commit(stage, wanted(A, 3))

    stage = play(story)
    assert phases(stage) == [("commit", "Succeeded"), ("commit", "Superseded"), ("commit", "Succeeded")]
    assert stage.stands(A) == 3
    assert stage.world.candidates == {}


def test_the_failed_content_said_again_does_not_interrupt_its_rollback() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        stage.commit("shop", wanted(A, 2), wanted(B, 2, A, bad="dies"))
        while "rollback.started" not in stage.event_types():
            await stage.clock.sleep(0.01)
        await commit(stage, wanted(A, 2), wanted(B, 2, A, bad="dies"))

    assert phases(play(story)) == [("commit", "Succeeded"), ("commit", "Failed"), ("rollback", "Succeeded")]


def test_suspended_nothing_moves_until_it_is_resumed() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        await stage.house.sync.suspend("shop", "ada", "holidays")
        await commit(stage, wanted(A, 2))
        assert stage.stands(A) == 1
        assert stage.events("operation.held")[-1].data["reason"] == "suspended by ada: holidays"
        await stage.restart()
        assert await stage.rest()
        assert stage.stands(A) == 1
        await stage.house.sync.resume("shop", "ada")
        assert await stage.rest()

    assert play(story).stands(A) == 2


def test_resuming_lifts_a_pin() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        await commit(stage, wanted(A, 2, bad="dies"))
        await stage.house.sync.resume("shop", "ada")
        assert await stage.rest()

    assert len(play(story).events("operation.failed")) == 2


def test_without_automation_a_person_syncs() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        assert stage.world.things == {}
        done = await stage.house.sync.request("shop", asks())
        assert done is not None
        assert (done.trigger, done.phase) == (Trigger.MANUAL, Phase.SUCCEEDED)
        assert await stage.house.sync.request("shop", asks()) is None

    assert play(story, replace(SHOP, settings=Settings())).stands(A) == 1


def many(count: int, version: int = 1) -> list[Resource]:
    return [wanted(item(f"i{at}"), version) for at in range(count)]


def test_a_shrunken_tree_needs_a_person_who_approves_that_very_plan() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, *many(10))
        await commit(stage, *many(3))
        assert len(stage.world.things) == 10
        digest = refusal(stage)["digest"]
        with pytest.raises(Refused) as wrong:
            await stage.house.sync.request("shop", asks(approve="f" * 64))
        assert wrong.value.code == "HF6006"
        assert len(stage.world.things) == 10
        await stage.house.sync.request("shop", asks(approve=str(digest)))
        assert await stage.rest()

    stage = play(story)
    assert len(stage.world.things) == 3
    assert [event.data["by"] for event in stage.events("plan.approved")] == ["ada", "ada"]


def test_a_refused_prune_does_not_keep_the_rest_from_being_good() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, *many(10))
        small = await commit(stage, *many(3, version=2))
        assert stage.house.sync.newest("shop") == small

    play(story)


def test_nothing_is_pruned_while_the_source_fails_or_does_not_render() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        stage.commit("shop", error=DeclarationError("HF1000", "cannot render: it is broken"))
        await stage.rest(30.0)
        stage.git.silent.add("shop")
        await stage.rest(30.0)

    assert set(play(story).world.things) == {A, B}


def test_a_rewound_branch_prunes_nothing_without_a_person() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(C))
        first = stage.heads["shop"]
        await commit(stage, wanted(A, 2), wanted(B), wanted(C))
        stage.rewind("shop", first)
        assert await stage.rest()
        assert {id: stage.stands(id) for id in stage.world.things} == {A: 1, B: 1, C: 1}
        await stage.restart()
        assert await stage.rest()
        assert B in stage.world.things
        desired = stage.house.source.desired("shop")
        assert desired is not None
        assert stage.house.sync.allowed(desired).rewound
        await stage.house.sync.request("shop", asks(approve=str(refusal(stage)["digest"])))

    assert set(play(story).world.things) == {A, C}


def test_after_a_rewind_the_next_commit_prunes_again() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        first = stage.heads["shop"]
        await commit(stage, wanted(A), wanted(B))
        stage.rewind("shop", first)
        assert await stage.rest()
        await commit(stage, wanted(A, 2))

    assert set(play(story).world.things) == {A}


def test_what_is_gone_already_is_forgotten_when_a_second_look_agrees() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        await stage.house.sync.suspend("shop", "ada")
        stage.world.take(B, None)
        await stage.house.sync.resume("shop", "ada")
        await commit(stage, wanted(A))

    stage = play(story, replace(SHOP, settings=replace(AUTOMATED, self_heal=False)))
    assert set(stage.disk.owned) == {A}
    assert stage.events("resource.pruned")[-1].data["reason"] == "it is gone already"


def test_a_look_that_lags_does_not_make_us_forget_what_is_ours() -> None:
    """A daemon that reads an old state after its restart (Sieve, stale state) must not leave behind what its last life created."""

    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.commit("shop", wanted(A), wanted(F))
        while F not in stage.world.things:
            await stage.clock.sleep(0.001)
        await stage.die()
        stage.weather["items"].begin(Fault.LAG, 1.0)
        stage.commit("shop", wanted(A, 2))
        await stage.start()
        assert await stage.rest()

    stage = play(story)
    assert set(stage.world.things) == {A} == set(stage.disk.owned)


def test_down_takes_everything_away_and_keeps_it_so_until_it_is_resumed() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A, 1, B), wanted(B))
        done = await stage.house.sync.request("shop", asks(Ask.DOWN))
        assert done is not None
        assert (done.phase, applied(stage)[2:], stage.world.things) == (Phase.SUCCEEDED, ["delete a", "delete b"], {})
        await commit(stage, wanted(A, 2, B), wanted(B))
        assert stage.world.things == {}
        await stage.house.sync.resume("shop", "ada")
        assert await stage.rest()

    assert set(play(story).world.things) == {A, B}


def test_a_commit_does_not_interrupt_a_removal() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A, 1, B), wanted(B, 1, C), wanted(C))
        stage.weather["units"].begin(Fault.SLOW, 1.0)
        stage.house.sync.add(SHOP)
        removal = stage.house.sync.request("shop", asks(Ask.DOWN))
        stage.git.commit("shop", {"later": "x"})
        done = await removal
        assert done is not None
        assert done.phase is Phase.SUCCEEDED

    assert play(story).world.things == {}


def test_down_does_not_touch_what_is_protected_without_a_person() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, replace(wanted(A), policy=ResourcePolicy(protect=True)))
        with pytest.raises(Refused) as refused:
            await stage.house.sync.request("shop", asks(Ask.DOWN))
        assert refused.value.code == "HF2006"

    stage = play(story)
    assert set(stage.world.things) == {A}
    assert stage.events("application.suspended") == []


def test_a_person_rolls_back_and_resumes() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        await commit(stage, wanted(A, 2))
        await stage.house.sync.request("shop", asks(Ask.ROLLBACK))
        assert await stage.rest()
        assert stage.stands(A) == 1
        await stage.house.sync.resume("shop", "ada")
        assert await stage.rest()

    assert play(story).stands(A) == 2


def test_there_is_nothing_to_go_back_to_after_the_first_commit() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        with pytest.raises(Refused) as refused:
            await stage.house.sync.request("shop", asks(Ask.ROLLBACK))
        assert refused.value.code == "HF6008"

    play(story)


def test_one_request_at_a_time() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.weather["units"].begin(Fault.SLOW, 1.0)
        answers: list[object] = []

        async def ask() -> None:
            try:
                answers.append(await stage.house.sync.request("shop", asks(Ask.DOWN)))
            except Refused as refused:
                answers.append(refused.code)

        await all_of(ask(), ask())
        assert "HF6003" in answers

    play(story)


def test_an_operation_that_a_crash_cut_off_is_superseded_and_its_work_done_anew() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.commit("shop", wanted(A, 2), wanted(B))
        while stage.stands(A) != 2:
            await stage.clock.sleep(0.001)
        await stage.restart()
        assert await stage.rest()

    stage = play(story)
    assert {id: stage.stands(id) for id in stage.world.things} == {A: 2, B: 1}
    assert ("commit", "Superseded") in phases(stage)
    assert not [it for it in operations(stage) if it.phase is Phase.RUNNING]
    assert stage.world.candidates == {}


def test_an_operation_that_was_cut_off_when_all_was_done_is_shown_at_its_revision() -> None:
    commits: list[str] = []

    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        commits.append(stage.commit("shop", wanted(A, 2)))
        while stage.stands(A) != 2:
            await stage.clock.sleep(0.001)
        await stage.restart()
        assert await stage.rest()

    stage = play(story)
    assert phases(stage)[-1] == ("commit", "Superseded")
    it = fold(View(), stage.disk.log).applications["shop"]
    assert [(it.sync, it.revision)] == [("Synced", commit) for commit in commits]


def test_a_full_disk_begins_nothing_and_what_it_cut_off_is_closed_later() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        stage.commit("shop", wanted(A, 2), wanted(B, 2, A))
        while stage.stands(A) != 2:
            await stage.clock.sleep(0.001)
        stage.weather["store"].begin(Fault.DISK_FULL, 1.0)
        await stage.clock.sleep(60.0)
        assert stage.stands(B) == 1
        stage.weather["store"].end(Fault.DISK_FULL)
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(B) == 2
    assert not [it for it in operations(stage) if it.phase is Phase.RUNNING]


def test_what_a_closed_window_holds_comes_when_it_opens_although_a_person_was_refused_meanwhile() -> None:
    opens_at = 1_800_000_000.0 + 3600

    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        await stage.clock.sleep(600)
        with pytest.raises(Refused) as refused:
            await stage.house.sync.request("shop", asks())
        assert refused.value.code == "HF6004"
        assert stage.world.things == {}
        assert await stage.rest(7200)

    def window(now: float, manual: bool) -> WindowVerdict:
        return WindowVerdict() if now >= opens_at else WindowVerdict(allowed=False, reason="closed", until=opens_at)

    stage = play(story, replace(SHOP, window=window))
    assert stage.stands(A) == 1
    assert operations(stage)[0].started_at >= opens_at


@pytest.mark.parametrize("jump_s", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_delays_no_retry(jump_s: float) -> None:
    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        stage.commit("shop", wanted(A))
        await stage.start()
        while not stage.events("operation.failed"):
            await stage.clock.sleep(0.1)
        stage.weather["units"].end(Fault.LOST_CALL)
        stage.clock.jump(jump_s)
        assert await stage.rest(300)

    assert play(story).stands(A) == 1


def test_two_applications_do_not_take_each_others_resources() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.commit("other", wanted(A, 7))
        assert await stage.rest()

    stage = play(story, SHOP, replace(SHOP, name="other"))
    assert stage.stands(A) == 1
    assert [blocked["code"] for blocked in refusal(stage)["blocked"]] == ["HF2003"]


def test_what_is_there_and_not_ours_is_left_alone() -> None:
    async def story(stage: Stage) -> None:
        stage.squat(A, wanted(A, 9).state)
        await begin(stage, wanted(A), wanted(B))

    stage = play(story)
    assert (stage.stands(A), stage.stands(B)) == (9, 1)
    assert [blocked["code"] for blocked in refusal(stage)["blocked"]] == ["HF2002"]


def test_an_orphan_is_told_once() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A), wanted(B))
        await commit(stage, wanted(A))
        await stage.house.source.refresh("shop")
        assert await stage.rest()

    stage = play(story, replace(SHOP, settings=replace(AUTOMATED, prune=False)))
    assert len(stage.events("resource.orphaned")) == 1
    assert set(stage.world.things) == {A, B}


def test_an_application_that_is_removed_is_served_no_longer_and_what_it_has_stays() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        await stage.house.source.remove("shop")
        await stage.house.sync.remove("shop")
        assert stage.house.sync.newest("shop") is None
        assert not stage.house.sync.heals("shop")

    assert set(play(story).world.things) == {A}


def test_what_could_not_be_undone_is_undone_later() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A))
        stage.commit("shop", wanted(A, 2, bad="hangs"))
        while A not in stage.world.candidates:
            await stage.clock.sleep(0.01)
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        while not stage.events("step.undo_failed"):
            await stage.clock.sleep(0.1)
        stage.weather["units"].end(Fault.LOST_CALL)
        assert await stage.rest()

    stage = play(story)
    assert stage.stands(A) == 1
    assert stage.world.candidates == {}


def test_what_was_away_for_long_is_looked_at_soon_after_it_is_back() -> None:
    async def story(stage: Stage) -> None:
        await begin(stage, wanted(A, 1))
        for engine in ENGINES:
            stage.weather[engine].begin(Fault.BLIND, 1.0)
        stage.commit("shop", wanted(A, 1), wanted(B, 1))
        await stage.clock.sleep(600.0)
        assert applied(stage) == ["create a"]
        for engine in ENGINES:
            stage.weather[engine].end(Fault.BLIND)
        await stage.clock.sleep(11.0)
        assert applied(stage) == ["create a", "create b"]
        assert await stage.rest()

    play(story)


@pytest.mark.parametrize(("waits", "needs", "wave"), [(False, (), 0), (True, (F,), 0), (True, (), 1)])
def test_a_commit_does_not_wait_for_the_health_of_what_it_does_not_need(waits: bool, needs: tuple[ResourceId, ...], wave: int) -> None:
    """The daemon died while it waited for something that does not become healthy; the next commit leaves that as it is."""
    sick = wanted(F, 2, bad="sick")

    async def story(stage: Stage) -> None:
        await begin(stage, wanted(F))
        stage.commit("shop", sick)
        while stage.stands(F) != 2:
            await stage.clock.sleep(0.1)
        await stage.die()
        stage.commit("shop", sick, replace(wanted(A, 1, *needs), wave=wave))
        await stage.start()
        await stage.clock.sleep(5.0)
        assert ("create a" in applied(stage)) is not waits
        await stage.die()

    play(story)
