"""Probes of real processes: asked from outside by the probe controller, and by the engine itself: exec, log, notify; and cron."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from tests.real.process_house import SLEEPER, House, is_alive, process, python, run, shell

from holdfast.errors import TimedOut
from holdfast.host.keeper_client import peek
from holdfast.model.operation import RolloutStyle, StepVerb
from holdfast.workload.process_spec import ExecProbe, LogProbe, Probes, ProbeSpec, ProcessSpec, RestartSpec, StopSpec

pytestmark = pytest.mark.real

QUICK = ProcessSpec(command=SLEEPER, min_ready=0.0)


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("p"))
    yield made
    made.clear()


def test_an_exec_probe_gates_in_the_environment_of_the_process(house: House) -> None:
    look = ExecProbe(command=shell('test "$WORD" = red && test -e "$HOLDFAST_DATA_DIR/ready"'))
    starter = shell("sleep 0.1; touch ready; exec sleep 1000")

    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, command=starter, env={"WORD": "red"}, probes=Probes(readiness=ProbeSpec(exec=look, period=0.2))))
            await daemon.roll(web)
            assert (house.root / "data" / "shop" / "ready").exists()
            assert (await daemon.handle(web))["ready"] is True

    run(story())


def test_an_exec_probe_that_hangs_is_killed_and_has_failed(house: House) -> None:
    look = ExecProbe(command=shell("echo $$ > looker; exec sleep 1000"))

    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, probes=Probes(readiness=ProbeSpec(exec=look, timeout=0.3, period=60.0))))
            start, gate, _ = daemon.steps(None, web, deadline_s=1.5)
            await daemon.engine.apply(start)
            with pytest.raises(TimedOut, match=r"sh did not end within 0\.3 s"):
                await daemon.engine.apply(gate)
            await daemon.engine.apply(replace(start, verb=StepVerb.DISCARD))
            pid = int((house.root / "data" / "shop" / "looker").read_text())

            async def gone() -> bool:
                return not is_alive(pid)

            await daemon.until(gone)

    run(story())


def test_a_keeper_that_dies_under_an_exec_probe_says_nothing_of_the_process(house: House) -> None:
    """The look is asked again of the successor; a lost answer is no failure, or a dead keeper would restart what is well."""
    look = ExecProbe(command=shell("echo x >> asked; while ! test -e go; do sleep 0.02; done"))

    async def story() -> None:
        async with house.daemon() as daemon:
            liveness = ProbeSpec(exec=look, period=0.1, timeout=30.0, failure_threshold=1)
            web = process(replace(QUICK, probes=Probes(liveness=liveness)))
            await daemon.roll(web)
            pid, folder = await daemon.pid(web), house.root / "data" / "shop"

            def asked(times: int) -> Callable[[], Awaitable[bool]]:
                async def look() -> bool:
                    return (folder / "asked").exists() and len((folder / "asked").read_text().split()) >= times

                return look

            await daemon.until(asked(1))
            found = peek(house.run_dir)
            assert found is not None
            os.kill(found[0].pid, signal.SIGKILL)
            await daemon.until(asked(2))
            (folder / "go").touch()
            await daemon.until(asked(4))
            assert await daemon.pid(web) == pid
            assert daemon.of_type("process.unready") == daemon.of_type("process.exited") == []

    run(story())


def test_a_log_line_gates_and_only_one_of_this_instance_counts(house: House) -> None:
    late = shell("sleep 0.2; echo it is listening now; exec sleep 1000")

    async def story() -> None:
        async with house.daemon() as daemon:
            listening = Probes(readiness=ProbeSpec(log=LogProbe(contains="listening"), period=0.1))
            web = process(replace(QUICK, command=late, probes=listening))
            await daemon.roll(web)
            assert await daemon.engine.tail(web.id, 5) == ("it is listening now",)
            await daemon.roll(
                process(replace(QUICK, command=late, env={"WORD": "x"}, probes=listening))
            )  # so that both slots have the line
            silent = process(replace(QUICK, probes=listening))
            start, gate, *_ = daemon.steps(web.state, silent, deadline_s=0.5)
            await daemon.engine.apply(start)
            with pytest.raises(TimedOut, match="no line with 'listening' yet"):
                await daemon.engine.apply(gate)

    run(story())


def test_a_failing_liveness_probe_restarts(house: House) -> None:
    look = ExecProbe(command=shell("test ! -e sick"))
    well = shell("rm -f sick; exec sleep 1000")

    async def story() -> None:
        async with house.daemon() as daemon:
            liveness = ProbeSpec(exec=look, period=0.1, failure_threshold=2)
            web = process(replace(QUICK, command=well, min_ready=0.1, probes=Probes(liveness=liveness), stop=StopSpec(timeout=1.0)))
            await daemon.roll(web)
            pid = await daemon.pid(web)
            (house.root / "data" / "shop" / "sick").touch()
            assert is_alive(await daemon.until_new_pid(web, pid))
            told = (await daemon.until_told("process.unready"))[0]
            assert "liveness probe failed 2 times" in str(told.data["message"])

    run(story())


def test_notify_gates_and_a_missed_watchdog_restarts(house: House) -> None:
    program = python(
        "import os, socket, time\n"
        "it = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "it.connect(os.environ['NOTIFY_SOCKET'])\n"
        "time.sleep(0.1)\n"
        "it.send(b'READY=1')\n"
        "for _ in range(5):\n"
        "    it.send(b'WATCHDOG=1')\n"
        "    time.sleep(0.1)\n"
        "time.sleep(1000)\n"
    )

    async def story() -> None:
        async with house.daemon() as daemon:
            probes = Probes(readiness=ProbeSpec(notify=True), liveness=ProbeSpec(notify=True, period=0.4, failure_threshold=1))
            web = process(replace(QUICK, command=program, probes=probes, stop=StopSpec(timeout=1.0)))
            await daemon.roll(web)
            pid = await daemon.pid(web)
            await daemon.until_new_pid(web, pid)
            assert "no WATCHDOG=1 in time" in str((await daemon.until_told("process.unready"))[0].data["message"])
            await daemon.delete(web)

    run(story())


class JumpingClock:
    """The real clock, but for a wall that stands elsewhere."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s = ahead_s

    def now(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead_s

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def test_a_cron_restart_asks_for_a_fresh_instance_as_a_difference_of_state(house: House) -> None:
    async def story() -> None:
        noon = 1_700_000_000 // 86400 * 86400 + 43200.0
        house.clock = JumpingClock(noon - 0.5 - asyncio.get_running_loop().time())
        async with house.daemon() as daemon:
            web = process(replace(QUICK, cron_restart="0 12 * * *"))
            await daemon.roll(web)
            pid = await daemon.pid(web)

            async def asked() -> bool:
                seen = await daemon.see(web)
                return seen.state is not None and seen.state.fields.get("replace") == "cron"

            await daemon.until(asked)
            assert await daemon.pid(web) == pid
            verbs = await daemon.roll(web)
            assert verbs[0] is StepVerb.START
            assert (await daemon.see(web)).state == web.state
            assert await daemon.pid(web) != pid

    run(story())


def test_what_runs_once_is_started_again_by_its_cron(house: House) -> None:
    async def story() -> None:
        noon = 1_700_000_000 // 86400 * 86400 + 43200.0
        house.clock = JumpingClock(noon - 0.5 - asyncio.get_running_loop().time())
        async with house.daemon() as daemon:
            job = process(replace(QUICK, command=("true",), restart=RestartSpec(policy="no"), cron_restart="0 12 * * *", min_ready=5.0))
            await daemon.roll(job, style=RolloutStyle.START_FIRST)
            await daemon.until_told("process.exited", 2)
            assert (await daemon.until_phase(job, "completed"))["pid"] is None

    run(story())


def test_a_stop_signal_is_the_one_that_is_declared(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, stop=StopSpec(signal="SIGUSR1")))
            await daemon.roll(web)
            await daemon.delete(web)
            assert (await daemon.until_told("process.exited"))[0].data["signal"] == signal.SIGUSR1.name

    run(story())
