"""The engines of private networks keep the contract of every engine, on the kernel's own rules and namespaces."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from tests.real.namespace import Namespace, namespace
from tests.real.process_house import MemoryRecords

from holdfast.engines.network import NetworkEngine
from holdfast.engines.port_guard import PortGuardEngine, mark_of
from holdfast.host.clock import RealClock
from holdfast.host.network import FOLDER, is_there, name_of
from holdfast.host.nft import Nft, news_socket
from holdfast.kit.clock import Clock
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.operation import RolloutStyle
from holdfast.model.ports import Engine
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.contracts.engine import LAWS, EngineWorld
from holdfast.workload.network_namespace import state_of

pytestmark = [pytest.mark.real, pytest.mark.needs("root", "ip", "nft")]

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT_S = 60.0
ONE_STATE = frozenset({"a_step_may_be_told_twice", "a_change_takes_the_place_of_what_was", "what_serves_goes_on_until_the_switch"})
"""Laws of changes: a namespace has one state only, so nothing of it is ever changed."""


class GuardWorld:
    """Guards in a namespace of their own."""

    def __init__(self, home: Namespace) -> None:
        self.home = home
        self.clock: Clock = RealClock()
        self.known: dict[ResourceId, list[Resource]] = {}
        self.engine: Engine = self.made(Nft(search_path=PATH, command=home.nft))

    def made(self, nft: Nft) -> PortGuardEngine:
        return PortGuardEngine(
            mark="0badcafe",
            nft=nft,
            uid_of=self.uid_of,
            described=lambda id: self.known.get(id, []),
            clock=self.clock,
            news=lambda: self.home.within(news_socket),
        )

    async def uid_of(self, application: str, user: str) -> int:
        return 61000 + len(user)

    def resource(self, name: str, version: int) -> Resource:
        id = ResourceId(HOST, "PortGuard", "shop", name)
        found = Resource(id=id, state=State.of({"ports": [5000 + version], "users": [*("app", "backup")[:version]]}))
        self.known.setdefault(id, []).append(found)
        return found

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    async def standing(self, id: ResourceId) -> int:
        listed = json.loads(self.home.run("nft", "-j", "list", "ruleset"))["nftables"]
        comments: list[str] = [each["rule"].get("comment", "") for each in listed if "rule" in each]
        return sum(comment.startswith(mark_of(id)) for comment in comments) // 2

    async def restart(self) -> None:
        self.engine = self.made(Nft(search_path=PATH, command=self.home.nft))

    async def disturb(self, id: ResourceId) -> None:
        self.home.run("nft", "flush", "table", "inet", "holdfast_0badcafe")

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        before, self.engine = self.engine, self.made(Nft(search_path="/nowhere"))
        yield
        self.engine = before


class NetworkWorld:
    """Namespaces of an installation of its own."""

    def __init__(self) -> None:
        self.mark = secrets.token_hex(4)
        self.clock: Clock = RealClock()
        self.records = MemoryRecords()
        self.ids: set[ResourceId] = set()
        self.engine: Engine = self.made(PATH)

    def made(self, path: str) -> NetworkEngine:
        return NetworkEngine(mark=self.mark, records=self.records, search_path=path, clock=self.clock)

    def resource(self, name: str, version: int) -> Resource:
        id = ResourceId(HOST, "NetworkNamespace", "shop", name)
        self.ids.add(id)
        return Resource(id=id, state=state_of(f"shop/{name}"))

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def name(self, id: ResourceId) -> str:
        return name_of(self.mark, f"{id.namespace}/{id.name}")

    async def standing(self, id: ResourceId) -> int:
        listed = await _run("ip", "netns", "list")
        return sum(line.split()[0] == self.name(id) for line in listed.splitlines())

    async def restart(self) -> None:
        self.engine = self.made(PATH)

    async def disturb(self, id: ResourceId) -> None:
        await _run("ip", "netns", "delete", self.name(id))

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        before, self.engine = self.engine, self.made("/nowhere")
        yield
        self.engine = before

    def clear(self) -> None:
        for id in self.ids:
            if is_there(FOLDER / self.name(id)):
                subprocess.run(("ip", "netns", "delete", self.name(id)), check=True)


async def _run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


def keep(law: Callable[[EngineWorld], Awaitable[None]], world: EngineWorld) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await law(world)

    asyncio.run(bounded())


@pytest.mark.parametrize("name", LAWS)
def test_guards_keep_the_law(name: str) -> None:
    with namespace() as home:
        keep(LAWS[name], GuardWorld(home))


@pytest.mark.parametrize("name", sorted(LAWS.keys() - ONE_STATE))
def test_networks_keep_the_law(name: str) -> None:
    world = NetworkWorld()
    try:
        keep(LAWS[name], world)
    finally:
        world.clear()
