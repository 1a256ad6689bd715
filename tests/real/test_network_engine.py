"""The network engine on the kernel's own namespaces: made, seen, drifted, given back to those in it, and gone."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path

import pytest
from tests.real.process_house import MemoryRecords

from holdfast.engines.network import NetworkEngine
from holdfast.errors import Rejected
from holdfast.host.clock import RealClock
from holdfast.host.network import FOLDER, is_there, name_of
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.workload.network_namespace import state_of

pytestmark = [pytest.mark.real, pytest.mark.needs("root", "ip")]

ID = ResourceId(HOST, "NetworkNamespace", "shop", "back")
STATE = state_of("shop/back")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class World:
    def __init__(self) -> None:
        self.mark = secrets.token_hex(4)
        self.records = MemoryRecords()
        self.name = name_of(self.mark, "shop/back")
        self.path = FOLDER / self.name

    @property
    def engine(self) -> NetworkEngine:
        """Another one each time, as after a restart."""
        return NetworkEngine(mark=self.mark, records=self.records, search_path=PATH, clock=RealClock())

    async def put(self) -> None:
        change = Change(id=ID, verb=Verb.CREATE, reason=Reason.DECLARED, before=None, after=STATE)
        await self.engine.apply(Step(operation="o", verb=StepVerb.APPLY, change=change, resource=Resource(id=ID, state=STATE)))

    async def delete(self) -> None:
        change = Change(id=ID, verb=Verb.DELETE, reason=Reason.PRUNED, before=STATE, after=None)
        await self.engine.apply(Step(operation="o", verb=StepVerb.DELETE, change=change, resource=None))

    async def seen(self) -> State | None:
        return (await self.engine.observe([ID])).observed[ID].state


@pytest.fixture
def world() -> Iterator[World]:
    it = World()
    yield it
    if is_there(it.path):
        ip("netns", "delete", it.name)


def ip(*words: str) -> None:
    run_command("ip", *words)


def run_command(*words: str) -> None:
    subprocess.run(words, check=True)


def member_of(world: World) -> subprocess.Popen[bytes]:
    """Return a process that is in the namespace; it is when it has written its line."""
    it = subprocess.Popen(("ip", "netns", "exec", world.name, "sh", "-c", "echo in; exec sleep 1000"), stdout=subprocess.PIPE)
    assert it.stdout is not None
    assert it.stdout.readline() == b"in\n"
    it.stdout.close()
    return it


def run(story: Coroutine[None, None, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20.0):
            await story

    asyncio.run(bounded())


def test_it_is_made_once_with_its_loopback_up_and_goes(world: World) -> None:
    async def story() -> None:
        assert await world.seen() is None
        await world.put()
        assert await world.seen() == STATE
        before = world.path.stat().st_ino
        await world.put()
        assert world.path.stat().st_ino == before
        await world.delete()
        await world.delete()
        assert await world.seen() is None
        assert not world.path.exists()
        assert world.records.all() == {}

    run(story())


def test_a_loopback_that_is_down_is_drift_and_raised(world: World) -> None:
    async def story() -> None:
        await world.put()
        ip("-n", world.name, "link", "set", "lo", "down")
        assert await world.seen() == state_of("shop/back", is_up=False)
        await world.put()
        assert await world.seen() == STATE

    run(story())


@pytest.mark.parametrize("how", ["delete", "unmount"])
def test_a_name_that_is_taken_away_goes_back_to_those_that_are_in_it(world: World, how: str) -> None:
    async def story() -> None:
        await world.put()
        before = world.path.stat().st_ino
        member = member_of(world)
        try:
            ip("netns", "delete", world.name) if how == "delete" else run_command("umount", str(world.path))
            assert await world.seen() is None
            await world.put()
            assert await world.seen() == STATE
            assert world.path.stat().st_ino == before
        finally:
            member.kill()
            member.wait()

    run(story())


def test_news_come_when_it_goes(world: World) -> None:
    async def story() -> None:
        await world.put()
        engine = world.engine
        await engine.observe([ID])
        news = engine.watch()
        assert await anext(news) == ID, "every one is named once at first"
        ip("netns", "delete", world.name)
        assert await anext(news) == ID
        await news.aclose()  # type: ignore[attr-defined]

    run(story())


def test_a_file_in_its_place_is_nobodys_network(world: World, tmp_path: Path) -> None:
    async def story() -> None:
        FOLDER.mkdir(exist_ok=True)
        world.path.mkdir()
        try:
            assert await world.seen() is None
            with pytest.raises((Rejected, OSError)):
                await world.put()
        finally:
            world.path.rmdir()

    run(story())
