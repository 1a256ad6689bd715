"""The port guard engine on the kernel's own rules, in a network namespace of the test's: who comes in, what drifts, what goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from tests.real.namespace import Namespace, namespace

from holdfast.engines.port_guard import PortGuardEngine, mark_of
from holdfast.errors import Rejected, Unavailable
from holdfast.host.clock import RealClock
from holdfast.host.nft import Nft, news_socket
from holdfast.host.vantage import look_from
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.model.vantage import Sight, Target, Vantage

pytestmark = [pytest.mark.real, pytest.mark.needs("root", "ip", "nft")]

DB = ResourceId(HOST, "PortGuard", "shop", "db")
CACHE = ResourceId(HOST, "PortGuard", "shop", "cache")
UIDS = {"app": 61001, "backup": 61002, "db": 61003}
STRANGER = 65534
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
DEADLINE_S = 20.0


@pytest.fixture
def home() -> Iterator[Namespace]:
    with namespace() as it:
        yield it


class World:
    """An engine in a namespace, and what is known of its resources."""

    def __init__(self, home: Namespace) -> None:
        self.home = home
        self.resources: dict[ResourceId, Resource] = {}
        self.engine = PortGuardEngine(
            mark="0badcafe",
            nft=Nft(search_path=PATH, command=home.nft),
            uid_of=self.uid_of,
            described=lambda id: [self.resources[id]] if id in self.resources else [],
            clock=RealClock(),
            news=lambda: home.within(news_socket),
        )

    async def uid_of(self, application: str, user: str) -> int:
        if user not in UIDS:
            raise Rejected("HF3060", f"no such user: {user}")
        return UIDS[user]

    async def put(self, id: ResourceId, ports: list[int], users: list[str]) -> Resource:
        resource = Resource(id=id, state=State.of({"ports": [*ports], "users": [*users]}))
        change = Change(id=id, verb=Verb.CREATE, reason=Reason.DECLARED, before=None, after=resource.state)
        self.resources[id] = resource
        await self.engine.apply(Step(operation="o", verb=StepVerb.APPLY, change=change, resource=resource))
        return resource

    async def delete(self, id: ResourceId) -> None:
        change = Change(id=id, verb=Verb.DELETE, reason=Reason.PRUNED, before=self.resources[id].state, after=None)
        await self.engine.apply(Step(operation="o", verb=StepVerb.DELETE, change=change, resource=None))

    async def state(self, id: ResourceId) -> State | None:
        return (await self.engine.observe([id])).observed[id].state

    async def sights(self, port: int, *uids: int) -> list[Sight]:
        """Return how a port of loopback looks to each of some users."""
        vantages = [Vantage(name=str(uid), targets=(Target(port=port),), network=str(self.home.path), uid=uid, gid=uid) for uid in uids]
        return [seen[0].sight for seen in await look_from(vantages, timeout_s=2.0)]


def run(story: object) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story  # type: ignore[misc]

    asyncio.run(bounded())


def test_only_root_and_the_users_of_a_guard_come_to_its_ports(home: Namespace) -> None:
    async def story() -> None:
        world = World(home)
        with home.listener() as guarded, home.listener() as free:
            port, other = (it.getsockname()[1] for it in (guarded, free))
            assert await world.sights(port, STRANGER, UIDS["app"]) == [Sight.OPEN, Sight.OPEN], "before, everybody comes"
            resource = await world.put(DB, [port], ["app", "db"])
            assert await world.state(DB) == resource.state
            assert await world.sights(port, STRANGER, UIDS["backup"]) == [Sight.REFUSED, Sight.REFUSED]
            assert await world.sights(port, 0, UIDS["app"], UIDS["db"]) == [Sight.OPEN] * 3
            assert await world.sights(other, STRANGER) == [Sight.OPEN], "other ports are nobody's business"
            widened = await world.put(DB, [port], ["app", "backup", "db"])
            assert await world.sights(port, STRANGER, UIDS["backup"]) == [Sight.REFUSED, Sight.OPEN]
            assert await world.state(DB) == widened.state
            await world.delete(DB)
            assert await world.state(DB) is None
            assert await world.sights(port, STRANGER) == [Sight.OPEN]
            assert "holdfast" not in home.run("nft", "list", "ruleset"), "with the last guard the table goes"

    run(story())


def test_an_address_of_the_host_is_guarded_like_loopback_and_packets_from_elsewhere_are_refused(home: Namespace) -> None:
    async def story() -> None:
        world = World(home)
        with namespace() as outside, home.listener("0.0.0.0") as it:
            port = it.getsockname()[1]
            home.run("ip", "link", "add", "hf0", "type", "veth", "peer", "name", "hf1", "netns", outside.name)
            home.run("ip", "address", "add", "198.51.100.1/30", "dev", "hf0")
            home.run("ip", "link", "set", "hf0", "up")
            outside.run("ip", "address", "add", "198.51.100.2/30", "dev", "hf1")
            outside.run("ip", "link", "set", "hf1", "up")
            address = (Target(host="198.51.100.1", port=port),)
            from_outside = Vantage(name="outside", targets=address, network=str(outside.path))
            stranger = Vantage(name="stranger", targets=address, network=str(home.path), uid=STRANGER, gid=STRANGER)
            before = await look_from([from_outside, stranger], timeout_s=5.0)
            assert [seen[0].sight for seen in before] == [Sight.OPEN, Sight.OPEN]
            await world.put(DB, [port], ["app"])
            after = await look_from([from_outside, stranger], timeout_s=5.0)
            assert [seen[0].sight for seen in after] == [Sight.REFUSED, Sight.REFUSED], "root of another host is nobody here"

    run(story())


def test_guards_stand_beside_each_other_and_go_alone(home: Namespace) -> None:
    async def story() -> None:
        world = World(home)
        one, two = await asyncio.gather(world.put(DB, [5432], ["app"]), world.put(CACHE, [6379, 16379], ["app", "db"]))  # noqa: TID251
        assert (await world.state(DB), await world.state(CACHE)) == (one.state, two.state)
        await world.delete(DB)
        assert (await world.state(DB), await world.state(CACHE)) == (None, two.state)

    run(story())


@pytest.mark.parametrize(
    "act",
    [
        "flush table inet {table}",
        "delete table inet {table}",
        "flush chain inet {table} output",
        "flush chain inet {table} input",
        'insert rule inet {table} output meta skuid 65534 accept comment "{mark} x"',
        "insert rule inet {table} output accept",
        'insert rule inet {table} output accept comment "let everybody in"',
        "add table inet {table} {{ flags dormant; }}",
    ],
)
def test_every_act_on_the_table_is_news_and_drift_and_is_put_right(home: Namespace, act: str) -> None:
    async def story() -> None:
        world = World(home)
        with home.listener() as it:
            port = it.getsockname()[1]
            resource = await world.put(DB, [port], ["app"])
            async with news_of(world.engine) as news:
                home.run("nft", act.format(table=world.engine.table, mark=mark_of(DB)))
                assert await anext(news) == DB
            assert await world.state(DB) != resource.state
            await world.put(DB, [port], ["app"])
            assert await world.state(DB) == resource.state
            assert await world.sights(port, STRANGER, UIDS["app"]) == [Sight.REFUSED, Sight.OPEN]

    run(story())


@asynccontextmanager
async def news_of(engine: PortGuardEngine) -> AsyncIterator[AsyncIterator[ResourceId]]:
    """Lend the news of an engine once it listens."""
    news = engine.watch()
    heard: asyncio.Queue[ResourceId] = asyncio.Queue()

    async def listen() -> None:
        async for id in news:
            heard.put_nowait(id)

    async def told() -> AsyncIterator[ResourceId]:
        while True:
            yield await heard.get()

    async with asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(listen())
        await asyncio.sleep(0)  # it opens its socket in the first step
        yield told()
        listening.cancel()


def test_who_is_unknown_gets_no_rule_and_changes_none(home: Namespace) -> None:
    async def story() -> None:
        world = World(home)
        resource = await world.put(DB, [5432], ["app"])
        with pytest.raises(Rejected):
            await world.put(CACHE, [6379], ["nobody-knows"])
        assert await world.state(DB) == resource.state
        assert await world.state(CACHE) is None

    run(story())


def test_tables_of_others_are_left_alone(home: Namespace) -> None:
    async def story() -> None:
        home.run("nft", "add table inet other; add chain inet other output { type filter hook output priority 0; }")
        home.run("nft", "add rule inet other output tcp dport 1 drop")
        before = home.run("nft", "list", "table", "inet", "other")
        world = World(home)
        await world.put(DB, [5432], ["app"])
        await world.delete(DB)
        assert home.run("nft", "list", "table", "inet", "other") == before

    run(story())


def test_rules_that_cannot_be_asked_for_are_unknown_and_not_absent(home: Namespace) -> None:
    async def story() -> None:
        world = World(home)
        engine = PortGuardEngine(
            mark="0badcafe",
            nft=Nft(search_path="/nowhere"),
            uid_of=world.uid_of,
            described=lambda id: [],
            clock=RealClock(),
        )
        live = await engine.observe([DB])
        assert "cannot run nft" in live.unreachable[DB]
        change = Change(id=DB, verb=Verb.DELETE, reason=Reason.PRUNED, before=State.of({}), after=None)
        with pytest.raises(Unavailable):
            await engine.apply(Step(operation="o", verb=StepVerb.DELETE, change=change, resource=None))

    run(story())
