"""Sockets that the keeper holds for processes: shared and each replica's own, through crashes and rolling updates, and the trial."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import pytest
from tests.ports import free_port
from tests.real.process_house import SERVER, House, Running, is_alive, process, python, run

from holdfast.controllers.probe import ProbeController
from holdfast.errors import Rejected, Unavailable
from holdfast.host.clock import RealClock
from holdfast.host.keeper_client import peek
from holdfast.host.keeper_state import HeldSocket
from holdfast.host.net import HostNet
from holdfast.kit.tasks import Tasks
from holdfast.model.operation import StepVerb
from holdfast.model.resource import Resource
from holdfast.workload.process_spec import HttpProbe, Probes, ProbeSpec, ProcessSpec, SocketSpec

pytestmark = pytest.mark.real

READY = Probes(readiness=ProbeSpec(http=HttpProbe(), period=0.2))
SLOTTED = ProcessSpec(command=python(SERVER), sockets=(SocketSpec(name="http"),), min_ready=0.0)


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("p"))
    yield made
    made.clear()


def shared(port: int, word: str) -> ProcessSpec:
    sockets = (SocketSpec(name="http", port=port),)
    return ProcessSpec(command=python(SERVER), sockets=sockets, probes=READY, env={"WORD": word}, replicas=2)


def replicas(spec: ProcessSpec) -> tuple[Resource, Resource]:
    return process(spec, replica=0), process(spec, replica=1)


async def ask(port: int) -> str:
    """Ask over HTTP and return the whole body; raises OSError where nobody takes the connection, or it breaks."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    if b"200 OK" not in head:
        raise ConnectionResetError("no answer")
    return body.decode()


@dataclass
class Load:
    """Asks one request after another until told to end."""

    port: int
    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_over: bool = False

    async def run(self) -> None:
        while not self.is_over:
            try:
                self.answers.append(await ask(self.port))
            except OSError as error:
                self.failures.append(repr(error))


class Prober:
    """The probe controller on an engine, for as long as its block runs."""

    def __init__(self, daemon: Running) -> None:
        self._net = HostNet()
        self._tasks = Tasks()
        self._controller = ProbeController(probed=daemon.engine, net=self._net, clock=RealClock(), crashed=self._crashed)
        self.crashes: list[str] = []

    def _crashed(self, name: str, error: BaseException) -> None:
        self.crashes.append(f"{name}: {error!r}")

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._tasks.start("probe", self._controller.run())
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tasks.stop()
        await self._tasks.__aexit__(None, None, None)
        await self._net.aclose()
        assert self.crashes == []


def test_a_rolling_update_on_a_shared_socket_refuses_no_connection(house: House) -> None:
    async def story() -> None:
        port = free_port()
        async with house.daemon() as daemon, Prober(daemon):
            for replica in replicas(shared(port, "red")):
                await daemon.roll(replica)
            load = Load(port)
            async with Tasks() as tasks:
                tasks.start("load", load.run())
                for replica in replicas(shared(port, "blue")):
                    verbs = await daemon.roll(replica)
                    trial = (StepVerb.START, StepVerb.GATE, StepVerb.DISCARD)
                    assert verbs == (*trial, StepVerb.START, StepVerb.GATE, StepVerb.SWITCH, StepVerb.DRAIN, StepVerb.STOP)
                load.answers.append(await ask(port))
                load.is_over = True
            assert load.failures == []
            assert {answer.split()[0] for answer in load.answers} == {"red", "blue"}
            assert load.answers[-1].startswith("blue")
            slots = sorted([(await daemon.handle(replica))["slot"] for replica in replicas(shared(port, "blue"))])
            assert set(slots) <= {0, 1, 2}
            assert daemon.engine.addresses("Process/shop/web") == (f"127.0.0.1:{port}",)
            assert daemon.engine.addresses("Process/shop/web#http") == (f"127.0.0.1:{port}",)
            assert daemon.engine.addresses("Process/shop/web#other") == daemon.engine.addresses("Process/shop/none") == ()

    run(story())


def test_a_crash_queues_connections_instead_of_refusing_them(house: House) -> None:
    async def story() -> None:
        port = free_port()
        async with house.daemon() as daemon, Prober(daemon):
            web = process(replace(shared(port, "red"), replicas=1))
            await daemon.roll(web)
            pid = await daemon.pid(web)
            os.kill(pid, signal.SIGKILL)
            answer = await ask(port)
            assert answer.startswith("red")
            assert answer != f"red from {pid}"

    run(story())


def test_a_bad_candidate_of_a_shared_socket_never_meets_a_visitor(house: House) -> None:
    mute = python("import time; time.sleep(1000)")

    async def story() -> None:
        port = free_port()
        async with house.daemon() as daemon, Prober(daemon):
            good = process(replace(shared(port, "red"), replicas=1))
            bad = process(replace(shared(port, "blue"), replicas=1, command=mute))
            await daemon.roll(good)
            start, gate, discard, *_ = daemon.steps(good.state, bad, deadline_s=0.5)
            assert start.private
            await daemon.engine.apply(start)
            candidate = (await daemon.handle(good))["candidate"]["pid"]
            with pytest.raises(Exception, match="not ready within"):
                await daemon.engine.apply(gate)
            assert all(answer.startswith("red") for answer in [await ask(port) for _ in range(20)])
            await daemon.engine.apply(discard)
            assert not is_alive(candidate)

            async def released() -> bool:
                return [held.port for held in held_sockets(house)] == [port]

            await daemon.until(released)

    run(story())


def held_sockets(house: House) -> tuple[HeldSocket, ...]:
    found = peek(house.run_dir)
    assert found is not None
    return found[1].sockets


def test_each_replica_has_a_port_of_its_own_that_its_next_instance_serves(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            first, second = replicas(SLOTTED)
            await daemon.roll(first)
            addresses = daemon.engine.addresses("Process/shop/web")
            await daemon.roll(second)
            ports = [(await daemon.handle(replica))["port"] for replica in (first, second)]
            assert len(set(ports)) == 2
            assert daemon.engine.addresses("Process/shop/web.1") == (f"127.0.0.1:{ports[1]}",)
            blue = process(replace(SLOTTED, env={"WORD": "blue"}), replica=0)
            await daemon.roll(blue)
            assert (await daemon.handle(blue))["slot"] == 2
            assert (await daemon.handle(blue))["port"] == ports[0]
            assert (await ask(ports[0])).startswith("blue")
            await daemon.delete(second)
            with pytest.raises(ConnectionRefusedError):
                await ask(ports[1])
            await daemon.roll(second)
            assert (await ask(ports[1])).startswith(" from ")
            assert daemon.engine.addresses("Process/shop/web") == addresses
            assert {f"127.0.0.1:{port}" for port in ports} < set(addresses)
            assert len(addresses) == 4
            for replica in (blue, second):
                await daemon.delete(replica)
            assert held_sockets(house) == ()

    run(story())


def test_ports_without_a_replica_refuse_and_stay_the_same_with_a_keeper_that_is_new(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            await daemon.roll(process(SLOTTED))
            addresses = daemon.engine.addresses("Process/shop/web")
            resting = [held.port for held in held_sockets(house) if held.resting]
            assert len(resting) == 3
            for port in resting:
                with pytest.raises(ConnectionRefusedError):
                    await ask(port or 0)
            keeper = peek(house.run_dir)
            assert keeper is not None
            before = keeper[0].pid
            os.kill(before, signal.SIGKILL)

            async def is_kept() -> bool:
                found = None
                with suppress(Unavailable):  # it was just killed
                    found = peek(house.run_dir)
                return found is not None and found[0].pid != before and len([each for each in found[1].sockets if each.resting]) == 3

            await daemon.until(is_kept)
            assert daemon.engine.addresses("Process/shop/web") == addresses

    run(story())


def test_a_unix_socket_lies_in_the_data_folder_and_goes_with_its_process(house: House) -> None:
    async def story() -> None:
        path = house.root / "data" / "shop" / "run" / "web.sock"
        web = process(replace(SLOTTED, sockets=(SocketSpec(name="http", path="run/web.sock"),)))
        async with house.daemon() as daemon:
            await daemon.roll(web)
            assert (await daemon.handle(web))["sockets"] == {"http": {"path": str(path)}}
            assert (await ask_unix(path)).startswith(" from ")
            assert daemon.engine.addresses("Process/shop/web") == (f"unix:{path}",)
            await daemon.delete(web)
            assert daemon.engine.addresses("Process/shop/web") == ()
        assert not path.exists()

    run(story())


async def ask_unix(path: Path) -> str:
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer.partition(b"\r\n\r\n")[2].decode()


def test_a_changed_port_is_another_socket_and_the_old_one_goes(house: House) -> None:
    async def story() -> None:
        old, new = free_port(), free_port()
        async with house.daemon() as daemon, Prober(daemon):
            await daemon.roll(process(replace(shared(old, "red"), replicas=1)))
            await daemon.roll(process(replace(shared(new, "red"), replicas=1)))
            assert (await ask(new)).startswith("red")

            async def released() -> bool:
                return [held.port for held in held_sockets(house)] == [new]

            await daemon.until(released)

    run(story())


def test_a_candidate_that_dies_on_its_private_socket_fails_at_once(house: House) -> None:
    async def story() -> None:
        port = free_port()
        async with house.daemon() as daemon, Prober(daemon):
            bad = process(replace(shared(port, "red"), replicas=1, command=python("raise SystemExit('no configuration')")))
            start, gate, *_ = daemon.steps(None, bad, deadline_s=60.0)
            await daemon.engine.apply(start)
            with pytest.raises(Rejected) as refused:
                await daemon.engine.apply(gate)
            assert refused.value.is_dead
            assert refused.value.log == ("no configuration",)
            await daemon.engine.apply(replace(start, verb=StepVerb.DISCARD))

    run(story())
