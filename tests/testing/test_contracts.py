"""The simulated ports keep the contracts that the real ones keep (tests/real/test_contracts.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import pytest

from holdfast.core.rollout import CREATE
from holdfast.kit.canonical import Json
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.operation import RolloutStyle
from holdfast.model.ports import HttpAnswer
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.contracts import clock, engine, files, net
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.life import Fate, Life
from holdfast.testing.simulated_engine import SimulatedEngine
from holdfast.testing.simulated_files import MountedFiles, SimulatedFiles
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.simulated_net import Asked, SimulatedNet, SimulatedServer
from holdfast.testing.world import World

SEEDS = range(5)


@pytest.mark.parametrize("law", clock.CLOCK)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_simulated_clock_keeps_the_contract(law: str, seed: int) -> None:
    run(seed, clock.CLOCK[law](SimulatedClock()))  # type: ignore[arg-type]


@pytest.mark.parametrize("law", clock.RANDOM)
def test_the_simulated_dice_keep_the_contract(law: str) -> None:
    clock.RANDOM[law](SimulatedRandom(7))


class SimulatedTown:
    def __init__(self) -> None:
        self.net = SimulatedNet(clock=SimulatedClock())

    async def serve(self, answer: HttpAnswer | None) -> dict[str, Json]:
        port = 1024 + len(self.net.servers)
        self.net.servers[f"127.0.0.1:{port}"] = SimulatedServer(answer=answer)
        return {"host": "127.0.0.1", "port": port}

    async def serve_unix(self, answer: HttpAnswer | None) -> dict[str, Json]:
        path = f"/run/{len(self.net.servers)}.sock"
        self.net.servers[path] = SimulatedServer(answer=answer)
        return {"path": path}

    def nowhere(self) -> list[net.Target]:
        return [{"host": "127.0.0.1", "port": 1}, {"path": "/run/none.sock"}]

    def asked(self, target: net.Target) -> Sequence[Asked]:
        server = self.net.servers[str(target["path"]) if "path" in target else f"{target['host']}:{target['port']}"]
        return [
            Asked(method=it.method, path=it.path, headers={name.lower(): value for name, value in it.headers.items()})
            for it in server.asked
        ]


@pytest.mark.parametrize("law", net.LAWS)
def test_the_simulated_net_keeps_the_contract(law: str) -> None:
    async def main() -> None:
        await net.LAWS[law](SimulatedTown())

    run(0, main())


class SimulatedWorkshop:
    """A world of one rollout style."""

    def __init__(self, style: RolloutStyle, seed: int) -> None:
        self.clock = SimulatedClock()
        self._style = style
        self._dice = SimulatedRandom(seed)
        self._weather = Weather(self._dice)
        self._world = World(self.clock)
        self.engine = self._made()

    def _made(self) -> SimulatedEngine:
        return SimulatedEngine(world=self._world, clock=self.clock, random=self._dice, weather=self._weather)

    def resource(self, name: str, version: int) -> Resource:
        return Resource(id=ResourceId(HOST, "Toy", "shop", name), state=State.of({"version": version}))

    def style(self, before: State, after: State) -> RolloutStyle:
        return self._style

    async def standing(self, id: ResourceId) -> int:
        return sum(id in there for there in (self._world.things, self._world.candidates, self._world.retired))

    async def restart(self) -> None:
        self.engine = self._made()
        self.engine.start()

    async def disturb(self, id: ResourceId) -> None:
        self._world.take(id, None)

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        self._weather.begin(Fault.BLIND, 1.0)
        yield
        self._weather.end(Fault.BLIND)


@pytest.mark.parametrize("law", engine.LAWS)
@pytest.mark.parametrize("style", CREATE)
def test_the_simulated_engine_keeps_the_contract(law: str, style: RolloutStyle) -> None:
    async def main(seed: int) -> None:
        await engine.LAWS[law](SimulatedWorkshop(style, seed))

    for seed in SEEDS:
        run(seed, main(seed))


# Files


class SimulatedDesk:
    root = "/srv/shop"

    def __init__(self) -> None:
        self._weather = Weather(SimulatedRandom(1))
        self._tree = SimulatedFiles(weather=self._weather)
        self._tree.folder(self.root)

    @property
    def files(self) -> MountedFiles:
        return self._tree.mounted(Life(Fate()))

    def link(self, path: str, target: str) -> None:
        self._tree.link(path, target)

    def names(self) -> list[str]:
        return sorted(path for path in self._tree.entries if path.startswith(f"{self.root}/"))

    @contextmanager
    def full(self) -> Iterator[None]:
        self._weather.begin(Fault.DISK_FULL, 1.0)
        yield
        self._weather.end(Fault.DISK_FULL)


@pytest.mark.parametrize("law", files.LAWS)
def test_the_simulated_files_keep_the_contract(law: str) -> None:
    files.LAWS[law](SimulatedDesk())
