"""What the tests of the nginx engine stand on: an engine with a real nginx in a folder of its own, and ways to disturb it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tests.ports import free_port
from tests.real.edge_house import SEARCH_PATH, self_signed
from tests.real.process_house import FixedSecrets, MemoryRecords

from holdfast.engines.nginx.engine import NginxEngine
from holdfast.engines.nginx.installed import InstalledNginx, places
from holdfast.engines.nginx.port import Nginx
from holdfast.errors import EngineError
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.keeper_client import KeeperClient, peek
from holdfast.host.wire import HostWire, Seen, Visit
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.contracts.nginx import edge

T = TypeVar("T")
DEADLINE_S = 30.0


class Pairs:
    """Makes a self-signed pair for whoever has none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.chain, self.key = self_signed("example.com", "*.example.com")
        self.refused: set[str] = set()

    async def ensure(self, wanted: Collection[tuple[str, str]]) -> None:
        for namespace, name in wanted:
            if name not in self.refused and not (self._root / "certificates" / namespace / name / "key.pem").exists():
                self.put(namespace, name, self.chain, self.key)

    def put(self, namespace: str, name: str, chain: bytes, key: bytes) -> None:
        folder = self._root / "certificates" / namespace / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in (("fullchain.pem", chain), ("key.pem", key)):
            (folder / f"{file}.new").write_bytes(data)
            os.replace(folder / f"{file}.new", folder / file)

    def hosts(self) -> Mapping[str, tuple[str, ...]]:
        return {}


class NginxHouse:
    """One state folder: what outlives a daemon, and one daemon's engine after another. Everything that it starts ends with the block."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "edge"
        self.run_dir = folder / "run"
        self.releases = folder / "releases"
        self.records = MemoryRecords()
        self.secrets = FixedSecrets()
        self.pairs = Pairs(self.root)
        self.http, self.https = free_port(), free_port()
        self.held: dict[str, tuple[str, ...]] = {}
        self.names: dict[str, tuple[str, ...]] = {}
        self.told: list[Event] = []
        self.wire = HostWire()
        self.stack = contextlib.ExitStack()
        self._life = contextlib.AsyncExitStack()
        self._bell = Wakeup()
        self._operation = 0
        self.engine: NginxEngine
        self.nginx: Nginx

    async def begin(self) -> None:
        await self._life.enter_async_context(self.daemon())

    async def leave(self) -> None:
        """End the daemon; nginx goes on."""
        await self._life.aclose()

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator[None]:
        """End the daemon, and run a new one."""
        await self.leave()
        await self.begin()
        yield

    def made(self) -> Nginx:
        """Return the nginx that the next daemon has."""
        return InstalledNginx(
            places=places(self.root, data=self.root.parent / "data", http=self.http, https=self.https),
            releases=self.releases,
            run_dir=self.run_dir,
            records=self.records,
            clock=RealClock(),
            random=RealRandom(),
            search_path=SEARCH_PATH,
        )

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[NginxHouse]:
        """Run an engine until the block is left; nginx goes on."""
        self.nginx = self.made()
        self.engine = NginxEngine(
            nginx=self.nginx,
            wire=self.wire,
            records=self.records,
            secrets=self.secrets,
            certificates=self.pairs,
            services=lambda service: self.held.get(service, ()),
            resolve=self._resolved,
            emit=self._tell,
            clock=RealClock(),
            random=RealRandom(),
        )
        await self.engine.start()
        try:
            async with Tasks() as tasks:
                tasks.start("engine", self.engine.run())
                tasks.start("listen", self._listen())
                try:
                    await asyncio.sleep(0)  # let it begin
                    yield self
                finally:
                    await tasks.stop()
        finally:
            await self.engine.aclose()

    async def _resolved(self, name: str) -> tuple[str, ...]:
        return self.names.get(name, ())

    async def _tell(self, event: Event) -> None:
        self.told.append(event)
        self._bell.wake()

    async def _listen(self) -> None:
        async for _ in self.engine.watch():
            self._bell.wake()

    # What an operation does

    async def apply(self, resource: Resource) -> None:
        await self.engine.apply(self._step(resource.id, resource))

    async def delete(self, id: ResourceId) -> None:
        await self.engine.apply(self._step(id, None))

    def _step(self, id: ResourceId, resource: Resource | None) -> Step:
        self._operation += 1
        verb = StepVerb.DELETE if resource is None else StepVerb.APPLY
        change = Change(
            id=id,
            verb=Verb.DELETE if resource is None else Verb.UPDATE,
            reason=Reason.DECLARED,
            before=None,
            after=resource.state if resource else None,
        )
        return Step(operation=f"op{self._operation}", verb=verb, change=change, resource=resource)

    async def seen(self, id: ResourceId) -> Observation:
        return (await self.engine.observe([id])).observed[id]

    async def until(self, holds: Callable[[], Coroutine[Any, Any, bool]], what: str) -> None:
        """Wait for something that the engine tells of."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not await holds():
                    await self._bell.wait_until(asyncio.get_running_loop().time() + 0.05)
        except TimeoutError:
            told = [f"{event.type} {dict(event.data)}" for event in self.told]
            raise AssertionError(f"never: {what}; told {told}; log {self.log()}") from None

    async def until_seen(self, id: ResourceId, holds: Callable[[Observation], bool], what: str) -> Observation:
        async def look() -> bool:
            return holds(await self.seen(id))

        await self.until(look, what)
        return await self.seen(id)

    async def until_told(self, type: str, count: int = 1) -> Event:
        async def told() -> bool:
            return len(self.events(type)) >= count

        await self.until(told, f"{count} events {type}")
        return self.events(type)[count - 1]

    def events(self, type: str) -> list[Event]:
        return [event for event in self.told if event.type == type]

    def log(self) -> str:
        path = self.root / "logs" / "error.log"
        return path.read_text() if path.exists() else ""

    # What a visitor does

    async def visit(self, host: str, path: str = "/", *, is_tls: bool = True) -> Seen:
        port = self.https if is_tls else self.http
        return await self.wire.visit(Visit(address="127.0.0.1", port=port, host=host, path=path, is_tls=is_tls), timeout_s=DEADLINE_S)

    async def status(self, host: str) -> int | None:
        try:
            return (await self.visit(host)).status
        except EngineError:
            return None

    # What somebody else does

    def take_port(self) -> int:
        """Hold a port, as another program would, until the house is left."""
        port = free_port()
        self.stack.enter_context(taken(port))
        return port

    @property
    def conf(self) -> Path:
        return self.root / "current" / "nginx.conf"

    def pid(self) -> int:
        master = self.nginx.master()
        assert master is not None, "no master runs"
        return master.pid

    def kill_master(self) -> None:
        os.kill(self.pid(), signal.SIGKILL)

    def reload_by_hand(self) -> None:
        os.kill(self.pid(), signal.SIGHUP)

    def edit(self, old: str, new: str) -> None:
        text = self.conf.read_text()
        assert old in text
        self.conf.write_text(text.replace(old, new))

    async def end(self) -> None:
        """End the daemon, nginx and its keeper."""
        await self._life.aclose()
        self.stack.close()
        if peek(self.run_dir) is None:
            return
        client = await KeeperClient.connect(self.run_dir, start=False)
        await client.subscribe()
        living = {child.spawn_id for child in (await client.list()).children if child.alive}
        for spawn_id in living:
            await client.kill(spawn_id)
        events = client.events()
        while living:
            living.discard((await anext(events)).spawn_id)
        for child in (await client.list()).children:
            await client.forget(child.spawn_id)
        await client.aclose()


@contextlib.contextmanager
def short_folder() -> Any:
    """Lend a folder whose path is short enough for sockets, and which nginx's workers may enter."""
    folder = Path(tempfile.mkdtemp(prefix="hf-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def play(
    story: Callable[[NginxHouse], Awaitable[None]], *, is_running: bool = True, house_of: Callable[[Path], NginxHouse] = NginxHouse
) -> None:
    """Run a story in a house of its own."""

    async def whole(folder: Path) -> None:
        house = house_of(folder)
        try:
            if is_running:
                await house.begin()
                await house.apply(edge())
            await story(house)
        finally:
            await house.end()

    with short_folder() as folder:
        asyncio.run(whole(folder))


@contextlib.contextmanager
def taken(port: int) -> Any:
    """Hold a port as another program would."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield


def changed(resource: Resource, **fields: Any) -> Resource:
    return replace(resource, state=State.of({**resource.state.fields, **fields}))
