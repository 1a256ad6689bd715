"""An operation from its first line to its last: what is written when, and what closes one that the store cut off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.errors import Refused, StoreError
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.plan import Policy
from holdfast.model.resource import Desired
from holdfast.testing.fault import Fault
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, unit, wanted
from holdfast.walk.operations import Operations
from holdfast.walk.walk import Walk

SHOP = Managed(name="shop", settings=Settings())
A, B = unit("a"), unit("b")


def play(story: Callable[[Stage, Operations], Awaitable[None]]) -> Stage:
    """Tell a story about operations of an Application that only persons sync, so that nobody else has one."""

    async def main() -> Stage:
        async with Stage([SHOP]) as stage:
            stage.commit("shop", wanted(A), wanted(B, 1, A))
            await stage.start()
            assert await stage.rest()
            house = stage.house
            operations = Operations(walker=house.walker, journal=house.journal, clock=stage.clock, random=stage.dice)
            await story(stage, operations)
        return stage

    return run(0, main())


async def walk_of(stage: Stage, operations: Operations, trigger: Trigger = Trigger.MANUAL) -> Walk:
    house = stage.house
    desired = house.source.desired("shop")
    assert isinstance(desired, Desired)
    look = await house.sync._course.looker.look(desired, Policy())
    return operations.begin(trigger, desired, look.plan, look.as_of, created=[A, B])


def stored(stage: Stage) -> list[Operation]:
    return list(stage.disk.walks.values())


def test_it_is_told_from_its_first_line_to_its_last() -> None:
    async def story(stage: Stage, operations: Operations) -> None:
        done = await operations.run(await walk_of(stage, operations))
        assert (done.phase, done.message, done.created) == (Phase.SUCCEEDED, "2 changes applied", (A, B))
        assert stored(stage) == [done]

    types = play(story).event_types()
    assert types.index("operation.started") < types.index("step.done") < types.index("operation.succeeded")


def test_a_heal_is_written_down_and_not_told_as_an_operation() -> None:
    async def story(stage: Stage, operations: Operations) -> None:
        assert stage.house.walker.take(A)
        await operations.run(await walk_of(stage, operations, Trigger.DRIFT))
        assert [it.trigger for it in stored(stage)] == [Trigger.DRIFT]

    assert not [type for type in play(story).event_types() if type.startswith("operation.started")]


def test_what_keeps_it_from_being_walked_at_all_is_its_failure() -> None:
    async def refuse() -> None:
        raise Refused("HF6007", "cannot prepare shop: it is not allowed")

    async def story(stage: Stage, operations: Operations) -> None:
        walk = await walk_of(stage, operations)
        done = await operations.run(walk, prepare=refuse)
        assert (done.phase, done.message) == (Phase.FAILED, "cannot prepare shop: it is not allowed")
        assert isinstance(walk.problem, Refused)

    assert play(story).world.things == {}


@pytest.mark.parametrize("fault", [Fault.DISK_FULL, Fault.LOST_REPLY])
def test_what_the_store_cut_off_is_closed_once_the_store_answers(fault: Fault) -> None:
    async def story(stage: Stage, operations: Operations) -> None:
        walk = await walk_of(stage, operations)
        stage.disk.weather.begin(fault, 1.0)
        with pytest.raises(StoreError):
            await operations.run(walk)
        with pytest.raises(StoreError):
            await operations.close_cut()
        stage.disk.weather.end(fault)
        await operations.close_cut()
        assert [it.phase for it in stored(stage)] == [Phase.SUPERSEDED]
        commits = stage.disk.commits
        await operations.close_cut()
        assert stage.disk.commits == commits

    assert play(story).world.things == {}


def test_nothing_is_done_before_the_first_line_is_written() -> None:
    async def story(stage: Stage, operations: Operations) -> None:
        walk = await walk_of(stage, operations)
        stage.disk.weather.begin(Fault.DISK_FULL, 1.0)
        with pytest.raises(StoreError):
            await operations.run(walk)

    stage = play(story)
    assert stage.world.things == stage.world.candidates == {}
