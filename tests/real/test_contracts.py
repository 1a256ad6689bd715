"""The real ports keep the contracts that the simulated ones keep (tests/testing/test_contracts.py)."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.real.process_house import SLEEPER, House, Running, process

from holdfast.engines.file import FileEngine
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.files import HostFiles
from holdfast.host.keeper_client import peek
from holdfast.host.net import HostNet
from holdfast.host.secrets import FileSecrets
from holdfast.host.users import RunUser
from holdfast.kit.canonical import Json
from holdfast.kit.secret import Redactor, fingerprint
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.operation import RolloutStyle
from holdfast.model.ports import Engine, HttpAnswer
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.contracts import clock, engine, files, net
from holdfast.testing.simulated_net import Asked
from holdfast.workload.process import ProcessKind
from holdfast.workload.process_spec import ProcessSpec

pytestmark = pytest.mark.real

UNKNOWN = engine.what_is_not_known_is_not_absent.__name__


@pytest.mark.parametrize("law", clock.CLOCK)
def test_the_real_clock_keeps_the_contract(law: str) -> None:
    async def main() -> None:
        await clock.CLOCK[law](RealClock())

    asyncio.run(main())


@pytest.mark.parametrize("law", clock.RANDOM)
def test_the_real_dice_keep_the_contract(law: str) -> None:
    clock.RANDOM[law](RealRandom())


# Net


class Town:
    """Servers on loopback and on unix paths, written byte by byte."""

    def __init__(self, folder: Path, ending: AsyncExitStack) -> None:
        self.net = HostNet()
        self._folder = folder
        self._ending = ending
        self._asked: dict[str, list[Asked]] = {}
        self._visited: list[asyncio.StreamWriter] = []

    async def close(self) -> None:
        await self.net.aclose()
        for writer in self._visited:
            writer.close()
            await writer.wait_closed()

    async def serve(self, answer: HttpAnswer | None) -> dict[str, Json]:
        asked: list[Asked] = []
        server = await asyncio.start_server(partial(self._talk, answer, asked), "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return self._served(server, {"host": "127.0.0.1", "port": port}, asked)

    async def serve_unix(self, answer: HttpAnswer | None) -> dict[str, Json]:
        asked: list[Asked] = []
        path = str(self._folder / str(len(self._asked)))
        server = await asyncio.start_unix_server(partial(self._talk, answer, asked), path)
        return self._served(server, {"path": path}, asked)

    def _served(self, server: asyncio.Server, target: dict[str, Json], asked: list[Asked]) -> dict[str, Json]:
        self._asked[str(target)] = asked
        self._ending.callback(server.close)
        return target

    async def _talk(
        self, answer: HttpAnswer | None, asked: list[Asked], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._visited.append(writer)
        head = await reader.read(65536)
        if head and answer is not None:
            asked.append(_asked(head.decode()))
            given = {**answer.headers, "Content-Length": str(len(answer.body))}
            lines = [f"HTTP/1.1 {answer.status} So", *(f"{name}: {value}" for name, value in given.items()), "", ""]
            writer.write("\r\n".join(lines).encode() + (b"" if asked[-1].method == "HEAD" else answer.body))
        while head:  # until the visitor goes
            head = await reader.read(65536)

    def nowhere(self) -> list[net.Target]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return [{"host": "127.0.0.1", "port": probe.getsockname()[1]}, {"path": str(self._folder / "none")}]

    def asked(self, target: net.Target) -> Sequence[Asked]:
        return self._asked[str(target)]


def _asked(head: str) -> Asked:
    first, *lines = head.partition("\r\n\r\n")[0].split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    return Asked(method=method, path=path, headers={name.lower(): value for name, value in headers.items()})


@pytest.mark.parametrize("law", net.LAWS)
def test_the_real_net_keeps_the_contract(law: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    async def main() -> None:
        async with AsyncExitStack() as ending:
            town = Town(tmp_path_factory.mktemp("n"), ending)
            ending.push_async_callback(town.close)
            await net.LAWS[law](town)

    asyncio.run(main())


# Engines


class ProcessWorld:
    """The process engine on a real keeper; a restart is the end of one daemon and the start of the next."""

    def __init__(self, house: House, ending: AsyncExitStack, spec: ProcessSpec) -> None:
        self.clock = RealClock()
        self._house = house
        self._ending = ending
        self._spec = spec
        self._running: Running | None = None

    @property
    def engine(self) -> Engine:
        assert self._running is not None
        return self._running.engine

    async def restart(self) -> None:
        await self._ending.aclose()
        self._running = await self._ending.enter_async_context(self._house.daemon())

    def resource(self, name: str, version: int) -> Resource:
        return process(replace(self._spec, env={"VERSION": str(version)}), name)

    def style(self, before: State, after: State) -> RolloutStyle:
        return ProcessKind().style(before, after)

    async def standing(self, id: ResourceId) -> int:
        return len(self._living(id))

    def _living(self, id: ResourceId) -> list[int]:
        found = peek(self._house.run_dir)
        children = found[1].children if found else ()
        return [child.pid for child in children if child.alive and child.pid is not None and child.spawn_id.startswith(f"{id}/")]

    async def disturb(self, id: ResourceId) -> None:
        for pid in self._living(id):
            os.kill(pid, signal.SIGKILL)

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        """Kill the keeper, and let none take its place."""
        run_dir = self._house.run_dir
        found = peek(run_dir)
        assert found is not None
        lock = run_dir / "keeper.lock"
        lock.unlink()
        lock.mkdir()
        os.kill(found[0].pid, signal.SIGKILL)
        yield
        lock.rmdir()
        while peek(run_dir) is None:  # nobody tells of the successor but its socket
            await self.clock.sleep(engine.LOOK_AGAIN_S)


QUICK = ProcessSpec(command=SLEEPER, min_ready=0.0)
SPECS = {"start-first": QUICK, "stop-first": replace(QUICK, order="stop-first")}


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("p"))
    yield made
    made.clear()


@pytest.mark.parametrize("law", [law for law in engine.LAWS if law != UNKNOWN])
@pytest.mark.parametrize("order", SPECS)
def test_the_process_engine_keeps_the_contract(house: House, law: str, order: str) -> None:
    _play(house, engine.LAWS[law], SPECS[order])


@pytest.mark.slow
def test_a_process_engine_without_a_keeper_says_that_it_does_not_know(house: House) -> None:
    """It waits for a successor of the keeper first, which takes its time."""
    _play(house, engine.LAWS[UNKNOWN], QUICK)


def _play(house: House, law: Callable[[engine.EngineWorld], Awaitable[None]], spec: ProcessSpec) -> None:
    async def main() -> None:
        async with AsyncExitStack() as ending:
            world = ProcessWorld(house, ending, spec)
            await world.restart()
            await law(world)

    asyncio.run(main())


class Ourselves:
    def __init__(self, data: Path) -> None:
        self._data = data

    async def user_of(self, application: str, user: str | None) -> RunUser:
        return RunUser(uid=-1, gid=-1, name="tester")

    def data_dir(self, application: str, user: RunUser) -> Path:
        folder = self._data / application
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class FileWorld:
    """The file engine in a folder."""

    def __init__(self, folder: Path) -> None:
        self.clock = RealClock()
        self._folder = folder
        self._known: dict[ResourceId, list[Resource]] = {}
        self._engine = self._made()

    @property
    def engine(self) -> Engine:
        return self._engine

    def _made(self) -> FileEngine:
        here = Ourselves(self._folder)
        return FileEngine(
            roots=(),
            data=self._folder,
            users=here,
            places=here,
            secrets=FileSecrets(self._folder, b"k" * 32, Redactor()),
            fingerprint=partial(fingerprint, b"k" * 32),
            described=self._described,
            clock=self.clock,
        )

    def _described(self, id: ResourceId) -> Iterable[Resource]:
        return self._known.get(id, ())

    async def restart(self) -> None:
        self._engine = self._made()

    def resource(self, name: str, version: int) -> Resource:
        id = ResourceId(HOST, "File", "shop", name)
        state = State.of({"path": name, "mode": "0640", "content": f"version {version}"})
        made = Resource(id=id, state=state, labels={APPLICATION: "shop"})
        self._known.setdefault(id, []).append(made)
        return made

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def _path(self, id: ResourceId) -> Path:
        return self._folder / "shop" / id.name

    async def standing(self, id: ResourceId) -> int:
        return int(self._path(id).is_file())

    async def disturb(self, id: ResourceId) -> None:
        self._path(id).write_text("somebody was here")

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        """Let its folder be a link that leads nowhere."""
        folder = self._path(id).parent
        away = folder.rename(folder.with_name("away"))
        folder.symlink_to(folder)
        yield
        folder.unlink()
        away.rename(folder)


@pytest.mark.parametrize("law", engine.LAWS)
def test_the_file_engine_keeps_the_contract(law: str, tmp_path: Path) -> None:
    async def main() -> None:
        await engine.LAWS[law](FileWorld(tmp_path))

    asyncio.run(main())


# Files


class Desk:
    """A folder of the host. What is full is this process's right to write, which the kernel refuses in the same place."""

    def __init__(self, folder: Path) -> None:
        self.files = HostFiles()
        self.root = str(folder)

    def link(self, path: str, target: str) -> None:
        os.symlink(target, path)

    def names(self) -> list[str]:
        return sorted(str(path) for path in Path(self.root).rglob("*"))

    @contextmanager
    def full(self) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("law", files.LAWS)
def test_the_files_of_the_host_keep_the_contract(law: str, tmp_path: Path) -> None:
    files.LAWS[law](Desk(tmp_path))
