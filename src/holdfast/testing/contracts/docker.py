"""What the docker engine keeps beyond what every engine keeps, on a simulated Docker Engine and on a real one: one law each.

What somebody does by hand is seen by its class and mended; and the trouble that engines give (a lost answer, a conflict, a newcomer that
dies, events that nobody tells, a slow registry, a full disk) leaves nothing behind and harms nothing that serves.

Use: `for name, law in LAWS.items(): await law(world)`, each in a world of its own in which the engine runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

from holdfast.engines.docker.engine import DockerEngine
from holdfast.errors import EngineError, Rejected
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Step, StepVerb
from holdfast.model.resource import Resource
from holdfast.testing.contracts import engine
from holdfast.testing.contracts.engine import DEADLINE_S, LOOK_AGAIN_S, listening, see, walk, way
from holdfast.testing.moody_docker import MoodyDocker
from holdfast.workload.container_spec import AttachmentSpec, ContainerLimits, ContainerRestart, ContainerSpec

SLOW_S = 2.0


class DockerWorld(engine.EngineWorld, Protocol):
    """A world of containers; `image` is at the host, `bad` is a command that ends at once with an exit code."""

    image: str
    command: tuple[str, ...]

    @property
    def engine(self) -> DockerEngine: ...

    @property
    def moods(self) -> MoodyDocker: ...

    def container(self, spec: ContainerSpec, name: str) -> Resource:
        """Return a Container, which Git says from now on."""
        ...

    def applied(self, resource: Resource) -> None:
        """Take note that a resource was applied."""
        ...

    def network(self, name: str) -> Resource: ...

    def bad(self) -> ContainerSpec:
        """Return what ends at once with exit code 7."""
        ...

    async def by_hand(self, name: str, act: str, body: Any = None) -> None:
        """Do to a container what somebody else would: the path and body of a request of Docker's API, without our engine."""
        ...

    async def on_network(self, name: str, network: str, act: str) -> None:
        """Connect or disconnect by hand."""
        ...

    async def containers(self, id: ResourceId) -> int:
        """Return how many containers there are of it, running or not."""
        ...


def _spec(world: DockerWorld, **more: Any) -> ContainerSpec:
    return ContainerSpec(
        image=world.image,
        command=world.command,
        networks=(AttachmentSpec(network="back"),),
        limits=ContainerLimits(memory=64 << 20),
        restart=ContainerRestart(policy="unless-stopped"),
        **more,
    )


async def _stands(world: DockerWorld, **more: Any) -> Resource:
    back = world.network("back")
    await walk(world, None, back, "op-network")
    web = world.container(_spec(world, **more), "web")
    await walk(world, None, web)
    world.applied(web)
    assert (await see(world, web.id)).state == web.state
    return web


async def _code(world: DockerWorld, step: Step) -> str | None:
    """Do a step that fails, and return the code of its error; None where it does not fail."""
    try:
        await world.engine.apply(step)
    except EngineError as error:
        return error.code
    return None


async def drift(world: DockerWorld, id: ResourceId) -> list[str]:
    found: Any = ((await see(world, id)).handle or {}).get("drift")
    return list(found)


async def _mended(world: DockerWorld, web: Resource, seen_as: str, *, in_place: bool) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (seen := await see(world, web.id)).state == web.state:
            await world.clock.sleep(LOOK_AGAIN_S)
    assert seen_as in await drift(world, web.id)
    ahead = way(world, replace(web, state=seen.state) if seen.state is not None else None, web, "op-heal")
    assert ([step.verb for step in ahead] == [StepVerb.APPLY]) is in_place
    for step in ahead:
        await world.engine.apply(step)
    assert (await see(world, web.id)).state == web.state
    assert await drift(world, web.id) == []
    assert await world.containers(web.id) == 1


async def a_changed_limit_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.by_hand("web", "update", {"Memory": 32 << 20, "MemorySwap": 64 << 20})
    await _mended(world, web, "attribute", in_place=True)


async def a_changed_restart_policy_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.by_hand("web", "update", {"RestartPolicy": {"Name": "no"}})
    await _mended(world, web, "attribute", in_place=True)


async def a_stop_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.by_hand("web", "stop")
    await _mended(world, web, "stopped", in_place=True)


async def a_pause_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.by_hand("web", "pause")
    await _mended(world, web, "paused", in_place=True)


async def a_new_name_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.by_hand("web", "rename")
    await _mended(world, web, "renamed", in_place=True)


async def a_cut_network_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.on_network("web", "back", "disconnect")
    await _mended(world, web, "network", in_place=True)


async def a_foreign_network_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.on_network("web", "bridge", "connect")
    await _mended(world, web, "network", in_place=True)


async def a_removal_is_seen_and_mended(world: DockerWorld) -> None:
    web = await _stands(world)
    await world.by_hand("web", "remove")
    await _mended(world, web, "missing", in_place=False)


async def a_lost_answer_to_a_creation_makes_no_second_container(world: DockerWorld) -> None:
    both = (AttachmentSpec(network="back"), AttachmentSpec(network="front"))
    old, new = (replace(_spec(world, **more), networks=both) for more in ({}, {"env": {"A": "1"}}))
    first, second = world.container(old, "web"), None
    for name in ("back", "front"):
        await walk(world, None, world.network(name), f"op-{name}")
    for before, spec, operation in ((None, old, "op-1"), (first, new, "op-2")):
        after = world.container(spec, "web")
        ahead = way(world, before, after, operation)
        world.moods.lose("/containers/create")
        start = next(step for step in ahead if step.verb is StepVerb.START)
        assert await _code(world, start) == "HF3212"
        for step in ahead:
            await world.engine.apply(step)
        world.applied(after)
        second = after
    assert second is not None
    assert (await see(world, second.id)).state == second.state
    assert await world.containers(second.id) == 1


async def a_lost_answer_to_a_start_is_no_harm(world: DockerWorld) -> None:
    await walk(world, None, world.network("back"), "op-network")
    web = world.container(_spec(world), "web")
    ahead = way(world, None, web)
    world.moods.lose("/start")
    assert await _code(world, ahead[0]) == "HF3212"
    for step in ahead:
        await world.engine.apply(step)
    assert (await see(world, web.id)).state == web.state
    assert await world.containers(web.id) == 1


async def a_conflict_is_told_and_the_same_step_may_follow(world: DockerWorld) -> None:
    first = await _stands(world)
    second = world.container(_spec(world, env={"A": "1"}), "web")
    for step in way(world, first, second, "op-2"):
        if step.verb is StepVerb.SWITCH:
            world.moods.refuse("/rename")
            assert await _code(world, step) == "HF3204"
        await world.engine.apply(step)
    assert (await see(world, second.id)).state == second.state
    assert await world.containers(second.id) == 1


async def a_newcomer_that_dies_leaves_what_serves(world: DockerWorld) -> None:
    first = await _stands(world)
    bad = world.container(world.bad(), "web")
    ahead = way(world, first, bad, "op-bad")
    failed: EngineError | None = None
    for step in ahead:
        try:
            await world.engine.apply(step)
        except Rejected as error:
            failed = error
            await world.engine.apply(replace(step, verb=StepVerb.DISCARD))
            break
    assert failed is not None
    assert (failed.code, failed.is_dead, failed.log) == ("HF3220", True, ("no luck",))
    assert (await see(world, first.id)).state == first.state
    assert await world.standing(first.id) == 1
    again = world.container(_spec(world, env={"A": "2"}), "web")
    await walk(world, first, again, "op-good")
    assert await world.containers(again.id) == 1


async def what_happened_while_nobody_told_is_told(world: DockerWorld) -> None:
    """Events of a gap are lost; when the stream is back, all that is known may have changed, and that is told."""
    web = await _stands(world)
    async with listening(world) as told:
        world.moods.hang_up()
        await world.by_hand("web", "stop")
        told.clear()
        world.moods.listen_again()
        async with asyncio.timeout(DEADLINE_S):
            while web.id not in told:
                await world.clock.sleep(LOOK_AGAIN_S)
    assert await drift(world, web.id) == ["stopped"]


async def a_slow_registry_holds_nobody_up(world: DockerWorld) -> None:
    """What serves goes on, how far it is is told, and others are worked on meanwhile."""
    first = await _stands(world)
    world.moods.fetch_slowly("shop/far:1", world.image, SLOW_S)
    far = world.container(replace(_spec(world), image="shop/far:1"), "web")
    ahead = way(world, first, far, "op-2")
    other = world.container(_spec(world), "other")
    said: set[str] = set()

    async def look() -> None:
        while True:
            assert (await see(world, first.id)).state == first.state
            said.update(text for text in world.engine.fetching.values())
            await world.clock.sleep(LOOK_AGAIN_S)

    async with Tasks() as tasks:
        tasks.start("look", look())
        tasks.start("other", walk(world, None, other, "op-3"))
        await world.engine.apply(ahead[0])
        await tasks.ended("other")
        await tasks.stop()
    assert any("%" in text for text in said)
    for step in ahead:
        await world.engine.apply(step)
    assert (await see(world, far.id)).state == far.state
    assert (await see(world, other.id)).state == other.state


async def a_full_disk_changes_nothing(world: DockerWorld) -> None:
    first = await _stands(world)
    second = world.container(_spec(world, env={"A": "1"}), "web")
    ahead = way(world, first, second, "op-2")
    world.moods.is_full = True
    start = next(step for step in ahead if step.verb is StepVerb.START)
    assert await _code(world, start) == "HF3210"
    assert (await see(world, first.id)).state == first.state
    world.moods.is_full = False
    for step in ahead:
        await world.engine.apply(step)
    assert (await see(world, second.id)).state == second.state
    assert await world.containers(second.id) == 1


LAWS: Mapping[str, Callable[[DockerWorld], Awaitable[None]]] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            a_changed_limit_is_seen_and_mended,
            a_changed_restart_policy_is_seen_and_mended,
            a_stop_is_seen_and_mended,
            a_pause_is_seen_and_mended,
            a_new_name_is_seen_and_mended,
            a_cut_network_is_seen_and_mended,
            a_foreign_network_is_seen_and_mended,
            a_removal_is_seen_and_mended,
            a_lost_answer_to_a_creation_makes_no_second_container,
            a_lost_answer_to_a_start_is_no_harm,
            a_conflict_is_told_and_the_same_step_may_follow,
            a_newcomer_that_dies_leaves_what_serves,
            what_happened_while_nobody_told_is_told,
            a_slow_registry_holds_nobody_up,
            a_full_disk_changes_nothing,
        )
    }
)
