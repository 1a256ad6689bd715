"""Walking: lanes, hands, tries, and what is told; on the stage's engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.operation import Step, StepVerb, Trigger
from holdfast.model.plan import Change, Plan, Policy, Reason, Verb
from holdfast.model.resource import Derived, Resource
from holdfast.testing.fault import Fault
from holdfast.testing.simulated_engine import Unseen
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import UNIT, Stage, item, unit, wanted
from holdfast.walk.walk import LONGEST
from holdfast.walk.walker import ATTEMPTS, Stale

SHOP = Managed(name="shop", settings=Settings(automated=True, prune=True, self_heal=True))
A, B, C = (unit(name) for name in "abc")
GROUP = ResourceId(HOST, UNIT, "shop", "group")


class Steps(Unseen):
    """Writes down what engines are asked, and how much at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now = 0
        self.most = 0

    def begins(self, step: Step) -> None:
        self.asked.append(f"{step.verb} {step.id.name}")
        self.now += 1
        self.most = max(self.most, self.now)

    def ends(self, step: Step) -> None:
        self.now -= 1


def play(story: Callable[[Stage], Awaitable[None]]) -> Steps:
    steps = Steps()

    async def main() -> None:
        async with Stage([SHOP], witness=steps) as stage:
            await story(stage)

    run(0, main())
    return steps


def test_what_does_not_wait_for_each_other_goes_at_once() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", *(wanted(item(f"i{number}")) for number in range(8)))
        await stage.start()
        assert await stage.rest()

    assert play(story).most > 3


def test_replicas_go_one_after_another_and_a_failure_leaves_the_rest_out() -> None:
    async def story(stage: Stage) -> None:
        def replicas(version: int, **fields: str) -> list[Resource]:
            return [replace(wanted(unit(f"web.{number}"), version, **fields), owner=Derived((GROUP,))) for number in range(3)]

        stage.commit("shop", *replicas(1))
        await stage.start()
        assert await stage.rest()
        stage.commit("shop", *replicas(2, bad="dies"))
        assert await stage.rest()
        assert [event.subject for event in stage.events("change.skipped")] == ["Unit/shop/web.1", "Unit/shop/web.2"]
        assert {stage.stands(unit(f"web.{number}")) for number in range(3)} == {1}

    play(story)


def test_a_step_is_tried_a_few_times_while_its_engine_does_not_answer() -> None:
    async def story(stage: Stage) -> None:
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        stage.commit("shop", wanted(A))
        await stage.start()
        while not stage.events("change.failed"):
            await stage.clock.sleep(0.1)

    assert play(story).asked.count("start a") == ATTEMPTS


def test_a_gate_is_asked_again_where_its_engine_did_not_answer() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        while A not in stage.world.candidates:
            await stage.clock.sleep(0.001)
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        await stage.clock.sleep(0.1)
        stage.weather["units"].end(Fault.LOST_CALL)
        assert await stage.rest()
        assert stage.stands(A) == 1
        assert not stage.events("change.failed")

    play(story)


def test_once_it_serves_what_served_before_is_ended_even_where_the_stop_failed() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        assert await stage.rest()
        stage.commit("shop", wanted(A, 2))
        while stage.stands(A) != 2:
            await stage.clock.sleep(0.0005)
        stage.weather["units"].begin(Fault.LOST_CALL, 1.0)
        while not stage.events("change.failed"):
            await stage.clock.sleep(0.1)
        stage.weather["units"].end(Fault.LOST_CALL)
        assert await stage.rest()
        assert stage.world.retired == {}

    play(story)


def test_an_id_is_in_one_hand_at_a_time() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        assert await stage.rest()
        walker = stage.house.walker
        assert walker.take(A)
        assert not walker.take(A)
        assert walker.is_held(A)
        stage.commit("shop", wanted(A, 2))
        await stage.clock.sleep(10)
        assert stage.stands(A) == 1
        await walker.give_back([A])
        assert await stage.rest()
        assert stage.stands(A) == 2

    play(story)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_heal_knows_that_an_operation_waits_whichever_of_both_came_first(version: int, is_first: bool) -> None:
    """A heal has a thing in hand from its look on; that it walks comes later, and an operation may wait for it by then."""

    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        assert await stage.rest()
        house = stage.house
        desired = house.source.desired("shop")
        assert desired is not None
        heal = house.sync._course.operations.begin(Trigger.DRIFT, desired, Plan(), 0)
        assert house.walker.take(A)

        async def wait() -> None:
            async with house.walker.hold([A], {A: wanted(A, version).state}):
                pass

        async with Tasks() as tasks:
            if is_first:
                tasks.start("operation", wait())
                await stage.clock.sleep(1)
            with house.walker.healing(heal):
                if not is_first:
                    assert not heal.is_awaited
                    tasks.start("operation", wait())
                    await stage.clock.sleep(1)
                assert (heal.is_awaited, heal.interrupt.is_set) == (True, version == 2)
                assert not house.walker.take(A), "nobody else comes in between"
            await house.walker.give_back([A])
            await tasks.ended("operation")
        assert house.walker.take(A)

    play(story)


def test_a_plan_that_is_older_than_a_change_is_not_walked() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        assert await stage.rest()
        house = stage.house
        desired = house.source.desired("shop")
        assert desired is not None
        look = await house.sync._course.looker.look(replace(desired, resources=(wanted(A, 2),)), Policy())
        walk = house.sync._course.operations.begin(Trigger.COMMIT, look.desired, look.plan, look.as_of)
        house.walker.check(walk)
        stage.world.take(A, None)
        assert await stage.rest()
        with pytest.raises(Stale):
            house.walker.check(walk)

    play(story)


def test_what_was_said_is_not_said_again_until_something_else_was_told() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        assert await stage.rest()
        walker, resource = stage.house.walker, wanted(A)
        before = len(stage.events("resource.observed"))
        live = await walker.observe([A])
        await walker.report("shop", resource, live, resource.state, "r")
        assert len(stage.events("resource.observed")) == before
        walker.untold(A)
        await walker.report("shop", resource, live, resource.state, "r")
        assert len(stage.events("resource.observed")) == before + 1

    play(story)


def test_a_kind_without_an_engine_is_unknown_and_not_absent() -> None:
    async def story(stage: Stage) -> None:
        stage.commit("shop", wanted(A))
        await stage.start()
        nobody = ResourceId(HOST, "Nobody", "shop", "x")
        live = await stage.house.walker.observe([A, nobody])
        assert live.unknown(nobody) == "unknown: no engine for kind Nobody"
        assert live.unknown(A) is None

    play(story)


def test_steps_that_only_wait_keep_no_slot() -> None:
    assert {verb for verb in StepVerb if _step(verb).waits} == {
        StepVerb.GATE,
        StepVerb.DRAIN,
        StepVerb.STOP,
        StepVerb.DELETE,
        StepVerb.DISCARD,
    }


def _step(verb: StepVerb) -> Step:
    change = Change(id=A, verb=Verb.CREATE, reason=Reason.DECLARED, before=None, after=None)
    return Step(operation="op", verb=verb, change=change, resource=None)


def test_of_many_changes_few_wait_as_tasks_and_all_are_done() -> None:
    count = 4 * LONGEST

    class Counted(Steps):
        tasks = 0

        def begins(self, step: Step) -> None:
            super().begins(step)
            self.tasks = max(self.tasks, len(asyncio.all_tasks()))

    steps = Counted()

    async def main() -> None:
        async with Stage([SHOP], witness=steps) as stage:
            stage.commit("shop", *(wanted(item(f"i{number}")) for number in range(count)))
            await stage.start()
            assert await stage.rest()
            assert {stage.stands(item(f"i{number}")) for number in range(count)} == {1}

    run(0, main())
    assert len(steps.asked) == count
    assert steps.most > 3
    assert steps.tasks < 2 * LONGEST
