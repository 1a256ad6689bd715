"""What every Engine keeps, those of real systems and the simulated one: one law each, run against a world that the test can disturb.

Use: `for name, law in LAWS.items(): await law(world)`, each in a world of its own in which the engine runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from holdfast.core.rollout import steps
from holdfast.errors import EngineError
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.ports import Engine
from holdfast.model.resource import Resource
from holdfast.model.state import State

DEADLINE_S = 30.0
LOOK_AGAIN_S = 0.02


class EngineWorld(Protocol):
    """An engine that runs, resources of its kind, and what somebody else may do to what stands."""

    @property
    def engine(self) -> Engine: ...

    @property
    def clock(self) -> Clock: ...

    def resource(self, name: str, version: int) -> Resource:
        """Return a resource of the engine's kind; each version has another state."""
        ...

    def style(self, before: State, after: State) -> RolloutStyle: ...

    async def standing(self, id: ResourceId) -> int:
        """Return how many of it stand, counted in the world and not by the engine."""
        ...

    async def restart(self) -> None:
        """End the engine where it stands, and have a new one find what there is."""
        ...

    async def disturb(self, id: ResourceId) -> None:
        """Do to what stands at `id` what its engine tells news of: take it away, or change it."""
        ...

    def deaf(self, id: ResourceId) -> AbstractAsyncContextManager[None]:
        """Within the block the engine cannot find out what stands at `id`."""
        ...


def way(world: EngineWorld, before: Resource | None, after: Resource, operation: str = "op-1") -> tuple[Step, ...]:
    """Return the steps from one state of a resource to the next."""
    verb = Verb.CREATE if before is None else Verb.UPDATE
    change = Change(id=after.id, verb=verb, reason=Reason.DECLARED, before=before.state if before else None, after=after.state)
    style = world.style(before.state if before else State.of({}), after.state)
    return steps(change, after, style, operation, DEADLINE_S)


def end_of(resource: Resource) -> Step:
    change = Change(id=resource.id, verb=Verb.DELETE, reason=Reason.PRUNED, before=resource.state, after=None)
    return Step(operation="op-end", verb=StepVerb.DELETE, change=change, resource=None, deadline_s=DEADLINE_S)


async def walk(world: EngineWorld, before: Resource | None, after: Resource, operation: str = "op-1") -> None:
    for step in way(world, before, after, operation):
        await world.engine.apply(step)


async def see(world: EngineWorld, id: ResourceId) -> Observation:
    return (await world.engine.observe([id])).observed[id]


@asynccontextmanager
async def listening(world: EngineWorld) -> AsyncIterator[set[ResourceId]]:
    """Yield what the engine has told news of, which grows meanwhile."""
    told: set[ResourceId] = set()

    async def listen() -> None:
        async for id in world.engine.watch():
            told.add(id)

    async with Tasks() as tasks:
        tasks.start("listen", listen())
        await world.clock.sleep(LOOK_AGAIN_S)
        yield told
        await tasks.stop()


async def what_was_never_there_is_absent(world: EngineWorld) -> None:
    web = world.resource("web", 1)
    live = await world.engine.observe([web.id])
    assert (live.observed[web.id].state, live.unreachable) == (None, {})


async def what_was_made_is_seen_as_declared(world: EngineWorld) -> None:
    web = world.resource("web", 1)
    await walk(world, None, web)
    assert (await see(world, web.id)).state == web.state
    assert await world.standing(web.id) == 1


async def a_look_answers_for_every_id_and_changes_nothing(world: EngineWorld) -> None:
    web, none = world.resource("web", 1), world.resource("none", 1)
    await walk(world, None, web)
    for _ in range(3):
        live = await world.engine.observe([web.id, none.id])
        assert {id: it.state for id, it in live.observed.items()} == {web.id: web.state, none.id: None}
    assert (await world.standing(web.id), await world.standing(none.id)) == (1, 0)


async def a_step_may_be_told_twice(world: EngineWorld) -> None:
    first, second = world.resource("web", 1), world.resource("web", 2)
    for operation, before, after in (("op-1", None, first), ("op-2", first, second)):
        for step in way(world, before, after, operation):
            await world.engine.apply(step)
            await world.engine.apply(step)
        assert (await see(world, after.id)).state == after.state
        assert await world.standing(after.id) == 1


async def a_change_takes_the_place_of_what_was(world: EngineWorld) -> None:
    first, second = world.resource("web", 1), world.resource("web", 2)
    await walk(world, None, first)
    await walk(world, first, second, "op-2")
    assert (await see(world, second.id)).state == second.state
    assert await world.standing(second.id) == 1


async def what_serves_goes_on_until_the_switch(world: EngineWorld) -> None:
    """A candidate is no state of its resource; where it is discarded all is as before."""
    first, second = world.resource("web", 1), world.resource("web", 2)
    await walk(world, None, first)
    ahead = way(world, first, second, "op-2")
    before_switch = [step for step in ahead[: _switch(ahead)] if step.verb is not StepVerb.STOP]
    for step in before_switch:
        await world.engine.apply(step)
        assert (await see(world, first.id)).state == first.state
    if before_switch:
        await world.engine.apply(replace(before_switch[-1], verb=StepVerb.DISCARD))
    assert (await see(world, first.id)).state == first.state
    assert await world.standing(first.id) == 1


def _switch(ahead: tuple[Step, ...]) -> int:
    return next((at for at, step in enumerate(ahead) if step.verb is StepVerb.SWITCH), 0)


async def a_way_that_a_death_cut_off_is_walked_to_its_end(world: EngineWorld) -> None:
    """Wherever it was cut, what is seen is planned for anew, by an operation of another name; nothing is left over."""
    first, second = world.resource("web", 1), world.resource("web", 2)
    await walk(world, None, first)
    for cut in range(1, len(way(world, first, second)) + 1):
        for step in way(world, first, second, f"op-cut-{cut}")[:cut]:
            await world.engine.apply(step)
        await world.restart()
        seen = (await see(world, first.id)).state
        assert seen in (None, first.state, second.state)
        if seen != second.state:
            await walk(world, None if seen is None else first, second, f"op-again-{cut}")
        assert (await see(world, second.id)).state == second.state
        async with asyncio.timeout(DEADLINE_S):
            while await world.standing(second.id) != 1:
                await world.clock.sleep(LOOK_AGAIN_S)
        await walk(world, second, first, f"op-back-{cut}")


async def what_was_deleted_is_absent(world: EngineWorld) -> None:
    web = world.resource("web", 1)
    await walk(world, None, web)
    await world.engine.apply(end_of(web))
    assert (await see(world, web.id)).state is None
    assert await world.standing(web.id) == 0
    await world.engine.apply(end_of(web))
    assert (await see(world, web.id)).state is None


async def what_is_not_there_can_be_deleted(world: EngineWorld) -> None:
    web = world.resource("web", 1)
    await world.engine.apply(end_of(web))
    assert (await see(world, web.id)).state is None


async def what_was_deleted_can_be_made_again(world: EngineWorld) -> None:
    web = world.resource("web", 1)
    await walk(world, None, web)
    await world.engine.apply(end_of(web))
    await walk(world, None, web, "op-2")
    assert (await see(world, web.id)).state == web.state
    assert await world.standing(web.id) == 1


async def what_somebody_else_does_is_told(world: EngineWorld) -> None:
    web, other = world.resource("web", 1), world.resource("other", 1)
    await walk(world, None, web)
    await walk(world, None, other)
    await see(world, web.id)
    async with listening(world) as told:
        told.clear()
        await world.disturb(web.id)
        async with asyncio.timeout(DEADLINE_S):
            while web.id not in told:
                await world.clock.sleep(LOOK_AGAIN_S)


async def what_is_not_known_is_not_absent(world: EngineWorld) -> None:
    """It may answer from what it knew for a while; then it says that it does not know, and at no time that nothing is there."""
    web = world.resource("web", 1)
    await walk(world, None, web)
    async with world.deaf(web.id), asyncio.timeout(DEADLINE_S):
        while (live := await _looked(world, web.id)) is not None and web.id not in live.unreachable:
            assert live.observed[web.id].state is not None
            await world.clock.sleep(LOOK_AGAIN_S)
        assert live is None or web.id not in live.observed


async def _looked(world: EngineWorld, id: ResourceId) -> Live | None:
    try:
        return await world.engine.observe([id])
    except EngineError:
        return None


LAWS: Mapping[str, Callable[[EngineWorld], Awaitable[None]]] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            what_was_never_there_is_absent,
            what_was_made_is_seen_as_declared,
            a_look_answers_for_every_id_and_changes_nothing,
            a_step_may_be_told_twice,
            a_change_takes_the_place_of_what_was,
            what_serves_goes_on_until_the_switch,
            a_way_that_a_death_cut_off_is_walked_to_its_end,
            what_was_deleted_is_absent,
            what_is_not_there_can_be_deleted,
            what_was_deleted_can_be_made_again,
            what_somebody_else_does_is_told,
            what_is_not_known_is_not_absent,
        )
    }
)
