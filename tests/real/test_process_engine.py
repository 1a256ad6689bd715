"""The process engine on real processes: rollouts, exits, ends, and what is seen of it all."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.real.process_house import SERVER, SLEEPER, House, MemoryRecords, is_alive, process, python, run, shell

from holdfast.engines.process import cgroup
from holdfast.errors import EngineError, Rejected, TimedOut
from holdfast.host.users import HostUsers
from holdfast.model.live import Status
from holdfast.model.operation import RolloutStyle, StepVerb
from holdfast.model.state import State
from holdfast.workload.process import ProcessKind
from holdfast.workload.process_spec import (
    ExecProbe,
    LimitsSpec,
    LogProbe,
    Probes,
    ProbeSpec,
    ProcessSpec,
    RestartSpec,
    SecretRef,
    SocketSpec,
    StopSpec,
)

pytestmark = pytest.mark.real

QUICK = ProcessSpec(command=SLEEPER, min_ready=0.0)


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("p"))
    yield made
    made.clear()


def test_a_process_is_created_gated_and_switched_to(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(QUICK)
            assert (await daemon.see(web)).state is None
            assert await daemon.roll(web) == (StepVerb.START, StepVerb.GATE, StepVerb.SWITCH)
            seen = await daemon.see(web)
            assert seen.state == web.state
            assert seen.handle is not None
            assert (seen.handle["phase"], seen.handle["slot"], seen.handle["candidate"]) == ("ready", 0, None)
            assert is_alive(await daemon.pid(web))
            started = (await daemon.until_told("process.started"))[0]
            assert started.data["pid"] == await daemon.pid(web)
            assert (started.data["application"], started.data["id"], started.subject) == ("shop", str(web.id), str(web.id))

    run(story())


def test_an_update_starts_first_and_the_replica_moves_to_the_other_slot(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            before, after = process(QUICK), process(replace(QUICK, env={"COLOUR": "blue"}))
            await daemon.roll(before)
            old = await daemon.pid(before)
            await daemon.roll(after)
            handle = await daemon.handle(after)
            assert (await daemon.see(after)).state == after.state
            assert (handle["slot"], handle["pid"] != old, is_alive(old)) == (1, True, False)
            ended = (await daemon.until_told("process.exited"))[0]
            assert (ended.data["expected"], ended.data["signal"]) == (True, "SIGTERM")
            await daemon.roll(before)
            assert (await daemon.handle(before))["slot"] == 0

    run(story())


def test_a_killed_process_is_back_at_once_and_is_no_drift(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(QUICK)
            await daemon.roll(web)
            old = await daemon.pid(web)
            os.kill(old, signal.SIGKILL)
            new = await daemon.until_new_pid(web, old)
            assert is_alive(new)
            assert (await daemon.see(web)).state == web.state
            told = (await daemon.until_told("process.exited"))[0]
            assert (told.data["signal"], told.data["exit_code"], told.data["expected"]) == ("SIGKILL", None, False)
            assert len(await daemon.until_told("process.started", 2)) == 2

    run(story())


def test_a_candidate_that_dies_fails_its_gate_at_once_with_its_log(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            good, bad = process(QUICK), process(replace(QUICK, command=shell("echo no database >&2; exit 3"), min_ready=30.0))
            await daemon.roll(good)
            serving = await daemon.pid(good)
            start, gate, *_ = daemon.steps(good.state, bad, deadline_s=60.0)
            await daemon.engine.apply(start)
            with pytest.raises(Rejected) as refused:
                await daemon.engine.apply(gate)
            assert refused.value.is_dead
            assert refused.value.log == ("no database",)
            assert "exit code 3" in refused.value.message
            await daemon.engine.apply(replace(start, verb=StepVerb.DISCARD))
            handle = await daemon.handle(good)
            assert (handle["pid"], handle["candidate"]) == (serving, None)
            assert (await daemon.see(good)).state == good.state

    run(story())


def test_a_command_that_does_not_exist_fails_the_gate_as_such(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            start, gate, _ = daemon.steps(None, process(replace(QUICK, command=("no-such-program",))))
            await daemon.engine.apply(start)
            with pytest.raises(Rejected) as refused:
                await daemon.engine.apply(gate)
            assert (refused.value.code, refused.value.is_dead) == ("HF3021", True)
            assert "cannot execute no-such-program" in refused.value.message
            await daemon.engine.apply(replace(start, verb=StepVerb.DISCARD))
            assert house.records.all() == {}

    run(story())


def test_a_candidate_that_is_never_ready_misses_its_deadline(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            start, gate, _ = daemon.steps(None, process(replace(QUICK, min_ready=60.0)), deadline_s=0.2)
            await daemon.engine.apply(start)
            with pytest.raises(TimedOut) as late:
                await daemon.engine.apply(gate)
            assert late.value.code == "HF3023"
            await daemon.engine.apply(replace(start, verb=StepVerb.DISCARD))

    run(story())


def test_repeating_each_step_of_an_operation_does_no_harm(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            before, after = process(QUICK), process(replace(QUICK, env={"COLOUR": "blue"}))
            await daemon.roll(before)
            for step in daemon.steps(before.state, after):
                await daemon.engine.apply(step)
                await daemon.engine.apply(step)
            assert len(await daemon.until_told("process.started", 2)) == 2
            assert (await daemon.see(after)).state == after.state
            assert is_alive(await daemon.pid(after))

    run(story())


def test_what_ignores_its_stop_signal_is_killed_with_its_whole_group(house: House) -> None:
    stubborn = shell("trap '' TERM; sleep 1000 & echo $! > child; echo armed; wait; wait; sleep 1000")

    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, command=stubborn, stop=StopSpec(timeout=0.2)))
            await daemon.roll(web)

            async def armed() -> bool:
                return "armed" in await daemon.engine.tail(web.id, 10)

            await daemon.until(armed)
            child = int((house.root / "data" / "shop" / "child").read_text())
            pid = await daemon.pid(web)
            await daemon.delete(web)

            async def both_gone() -> bool:
                return not is_alive(pid) and not is_alive(child)

            await daemon.until(both_gone)
            told = (await daemon.until_told("process.exited"))[0]
            assert (told.data["signal"], told.data["expected"]) == ("SIGKILL", True)
            assert (await daemon.see(web)).state is None
            assert house.records.all() == {}

    run(story())


def test_a_crash_loop_backs_off_and_shows_its_last_lines(house: House) -> None:
    restart = RestartSpec(backoff=0.02, max_delay=0.05, crash_looping_after=3)

    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, command=shell("echo trying; sleep 0.02; exit 9"), restart=restart))
            style = RolloutStyle.IN_PLACE  # a gate would refuse it
            await daemon.roll(web, style=style)
            looping = (await daemon.until_told("process.crash_looping"))[0]
            assert looping.data["restarts"] == 3
            assert looping.data["log"] == ["trying"]
            assert looping.key == f"crash_looping:{web.id}"

            async def shown() -> bool:
                return bool((await daemon.handle(web))["crash_looping"])

            await daemon.until(shown)
            seen = await daemon.see(web)
            assert seen.state == web.state
            health = ProcessKind().health(web, seen, seen.observed_at)
            assert health.status is Status.DEGRADED
            assert "crash-looping" in health.message
            assert "trying" in health.message
            await daemon.until_told("process.started", 8)  # it never gives up
            await daemon.delete(web)

    run(story())


def test_suspending_stops_it_and_resuming_starts_it_anew(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web, asleep = process(QUICK), process(replace(QUICK, suspended=True))
            await daemon.roll(web)
            pid = await daemon.pid(web)
            assert await daemon.roll(asleep) == (StepVerb.APPLY,)
            seen = await daemon.see(asleep)
            assert (seen.state, is_alive(pid)) == (asleep.state, False)
            assert ProcessKind().health(asleep, seen, 0.0).status is Status.SUSPENDED
            await daemon.roll(web)
            assert (await daemon.see(web)).state == web.state
            assert is_alive(await daemon.pid(web))

    run(story())


def test_what_needs_no_new_instance_changes_in_place(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            before = process(QUICK)
            after = process(replace(QUICK, stop=StopSpec(signal="SIGINT"), restart=RestartSpec(policy="on-failure")))
            await daemon.roll(before)
            pid = await daemon.pid(before)
            assert await daemon.roll(after) == (StepVerb.APPLY,)
            assert (await daemon.see(after)).state == after.state
            assert await daemon.pid(after) == pid
            await daemon.delete(after)
            assert (await daemon.until_told("process.exited"))[0].data["signal"] == "SIGINT"

    run(story())


def test_stop_first_frees_what_the_old_instance_holds_before_the_new_one_starts(house: House) -> None:
    lock = shell("exec 9>lock; flock -n 9 || { echo taken; exit 1; }; sleep 1000")

    async def story() -> None:
        async with house.daemon() as daemon:
            before = process(replace(QUICK, command=lock, order="stop-first", min_ready=0.1))
            after = process(replace(QUICK, command=lock, order="stop-first", min_ready=0.1, env={"COLOUR": "blue"}))
            await daemon.roll(before)
            assert (await daemon.roll(after))[0] is StepVerb.STOP
            assert (await daemon.see(after)).state == after.state

    run(story())


def test_its_environment_is_what_was_declared_and_nothing_else(house: House) -> None:
    house.secrets.values["token"] = "s3cret-token"
    spec = replace(QUICK, command=shell("env > environment; echo done; exec sleep 1000"), port=8123)
    spec = replace(spec, env={"TOKEN": SecretRef(secret="token"), "FLAG": True})

    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(spec)
            await daemon.roll(web)

            async def done() -> bool:
                return "done" in await daemon.engine.tail(web.id, 5)

            await daemon.until(done)
            seen = await daemon.see(web)
            assert seen.state is not None
            assert "s3cret" not in str(seen.state.fields)

    run(story())
    data = house.root / "data" / "shop"
    found = dict(line.split("=", 1) for line in (data / "environment").read_text().splitlines())
    shells = {"PWD", "SHLVL", "_", "OLDPWD"}  # what the shell itself adds
    assert found["PATH"] == "/usr/local/bin:/usr/bin:/bin"
    assert (found["HOME"], found["HOLDFAST_DATA_DIR"]) == (str(data), str(data))
    assert (found["USER"], found["LANG"], found["PORT"]) == ("tester", "C.UTF-8", "8123")
    assert (found["TOKEN"], found["FLAG"]) == ("s3cret-token", "true")
    declared = {"PATH", "HOME", "HOLDFAST_DATA_DIR", "USER", "LANG", "PORT", "TOKEN", "FLAG", "HOLDFAST_TEST_RUN"}
    assert found.keys() - shells == declared


def test_it_runs_in_its_release_and_a_command_of_the_release_is_found(house: House) -> None:
    folder = house.root / "releases" / "r1" / "app"
    folder.mkdir(parents=True)
    (folder / "start").write_text("#!/bin/sh\npwd\nexec sleep 1000\n")
    (folder / "start").chmod(0o755)

    async def story() -> tuple[str, ...]:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, command=("./start",), working_dir="app"), release="r1")
            await daemon.roll(web)

            async def said() -> tuple[str, ...]:
                return await daemon.engine.tail(web.id, 5)

            return await daemon.until(said)

    assert run(story()) == (str(folder),)


def test_a_process_that_somebody_stopped_is_a_difference_and_can_still_be_ended(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(QUICK)
            await daemon.roll(web)
            pid = await daemon.pid(web)
            os.kill(pid, signal.SIGSTOP)

            async def stopped() -> bool:
                seen = await daemon.see(web)
                return seen.state is not None and seen.state.fields.get("stopped") is True

            await daemon.until(stopped)
            assert (await daemon.see(web)).state != web.state
            await daemon.roll(web)
            assert (await daemon.see(web)).state == web.state
            assert not is_alive(pid)

    run(story())


GREEDY = replace(
    QUICK,
    command=python("import time; held = bytearray(96 << 20); print('full', flush=True); time.sleep(1000)"),
    limits=LimitsSpec(memory=48 << 20),
    restart=RestartSpec(backoff=30.0),
)


def test_sampled_memory_over_its_limit_asks_for_a_fresh_instance(house: House) -> None:
    house.cgroups = lambda: None

    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(GREEDY)
            await daemon.roll(web)
            pid = await daemon.pid(web)

            async def asked() -> bool:
                seen = await daemon.see(web)
                return seen.state is not None and seen.state.fields.get("replace") == "memory"

            await daemon.until(asked)
            assert await daemon.pid(web) == pid  # it goes on until its successor serves
            told = (await daemon.until_told("process.oom"))[0]
            assert told.data["limit"] == 48 << 20
            assert isinstance(told.data["used"], int)
            assert told.data["used"] > 48 << 20

    run(story())


def test_a_cgroup_keeps_memory_within_its_limit_and_tells_why_it_ended(house: House) -> None:
    base = cgroup.own()
    if base is None:
        pytest.skip("no cgroup may be made here")
    before = set(base.glob("holdfast-*-shop.*"))

    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(replace(GREEDY, command=shell("exec sleep 1000")))
            await daemon.roll(web)
            (group,) = set(base.glob("holdfast-*-shop.*")) - before
            assert cgroup.limit_of(f"{group}/cgroup.procs") == 48 << 20
            raised = process(replace(GREEDY, command=shell("exec sleep 1000"), limits=LimitsSpec(memory=64 << 20)))
            assert await daemon.roll(raised) == (StepVerb.APPLY,)
            assert cgroup.limit_of(f"{group}/cgroup.procs") == 64 << 20
            cgroup.limit_to(f"{group}/cgroup.procs", 32 << 20)  # somebody meddles
            seen = (await daemon.see(raised)).state
            assert seen is not None
            assert seen.fields["limits"] == {"memory": 32 << 20}
            await daemon.roll(raised)
            assert (await daemon.see(raised)).state == raised.state
            greedy = process(GREEDY, "greedy")
            await daemon.roll(greedy, style=RolloutStyle.IN_PLACE)
            told = (await daemon.until_told("process.oom"))[0]
            assert (told.data["limit"], told.data["id"]) == (48 << 20, str(greedy.id))
            for resource in (web, greedy):
                await daemon.delete(resource)

            async def removed() -> bool:
                return set(base.glob("holdfast-*-shop.*")) <= before

            await daemon.until(removed)

    run(story())


@pytest.mark.needs("root")
def test_as_root_each_application_runs_as_a_user_of_its_own() -> None:
    with tempfile.TemporaryDirectory(prefix="hf", dir="/tmp") as folder:
        root = Path(folder)
        root.chmod(0o711)
        house = House(root)
        house.users = HostUsers(records=MemoryRecords(), uid_range=(61500, 61599), allowed=frozenset())
        ready = shell('echo "$(id -u) $(id -g) $(id -G) $USER"; touch mine; echo here; exec sleep 1000')
        look = ExecProbe(command=shell('test "$(id -u)" = 61500'))

        async def story() -> None:
            async with house.daemon() as daemon:
                probes = Probes(startup=ProbeSpec(log=LogProbe(contains="here")), readiness=ProbeSpec(exec=look))
                web = process(replace(QUICK, command=ready, probes=probes))
                await daemon.roll(web)
                assert await daemon.engine.tail(web.id, 5) == ("61500 61500 61500 holdfast-shop", "here")
                assert (root / "data" / "shop" / "mine").stat().st_uid == 61500
                refused = process(replace(QUICK, user="root"), "power")
                with pytest.raises(Rejected) as error:
                    await daemon.roll(refused)
                assert error.value.code == "HF3062"
                await daemon.delete(web)

        try:
            run(story())
        finally:
            house.clear()


def test_a_limit_that_somebody_changed_is_a_difference(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, limits=LimitsSpec(open_files=300)))
            await daemon.roll(web)
            assert (await daemon.see(web)).state == web.state
            pid = await daemon.pid(web)
            assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (300, 300)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (200, 200))
            seen = (await daemon.see(web)).state
            assert seen is not None
            assert seen.fields["limits"] == {"openFiles": 200}

    run(story())


def test_a_watcher_hears_that_something_changed(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(QUICK)
            news = daemon.engine.watch()
            daemon.tasks.start("roll", daemon.roll(web))
            assert await anext(news) == web.id
            await daemon.until_phase(web, "ready")
            os.kill(await daemon.pid(web), signal.SIGKILL)
            assert await anext(news) == web.id

    run(story())


def test_logs_are_followed_from_one_instance_to_the_next(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            first = process(replace(QUICK, command=shell("echo one; exec sleep 1000")))
            second = process(replace(QUICK, command=shell("echo two; exec sleep 1000")))
            lines: asyncio.Queue[str] = asyncio.Queue()

            async def follow() -> None:
                async for line in daemon.engine.follow(first.id):
                    lines.put_nowait(line)

            await daemon.roll(first)

            async def tailed() -> bool:
                return await daemon.engine.tail(first.id, 10) == ("one",)

            await daemon.until(tailed)
            daemon.tasks.start("follow", follow())
            await daemon.roll(second)

            assert await lines.get() == "two"
            assert await daemon.engine.tail(first.id, 10) == ("one", "two")
            assert await daemon.engine.tail(first.id, 1) == ("two",)

    run(story())


def test_a_port_in_use_is_refused_naming_who_has_it(house: House) -> None:
    async def story(port: int) -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, command=python(SERVER), sockets=(SocketSpec(name="http", port=port),)))
            start, *_ = daemon.steps(None, web)
            with pytest.raises(EngineError) as refused:
                await daemon.engine.apply(start)
            assert refused.value.code == "HF3007"
            assert f"pid {os.getpid()}" in refused.value.message
            await daemon.engine.apply(replace(start, verb=StepVerb.DISCARD))
            assert (await daemon.see(web)).state is None
            assert house.records.all() == {}

    with socket.create_server(("127.0.0.1", 0)) as other:
        run(story(other.getsockname()[1]))


def test_a_port_that_a_program_could_not_bind_is_told_with_who_has_it(house: House) -> None:
    async def story(port: int) -> None:
        async with house.daemon() as daemon:
            web = process(replace(QUICK, command=shell("echo in use >&2; exit 1"), port=port, min_ready=30.0))
            start, gate, *_ = daemon.steps(None, web)
            await daemon.engine.apply(start)
            with pytest.raises(Rejected) as refused:
                await daemon.engine.apply(gate)
            assert f"port {port} is in use by pid {os.getpid()} (" in refused.value.message
            await daemon.engine.apply(replace(start, verb=StepVerb.DISCARD))

    with socket.create_server(("127.0.0.1", 0)) as other:
        run(story(other.getsockname()[1]))


def test_a_job_that_ends_well_is_complete_and_stays_so(house: House) -> None:
    async def story() -> None:
        job = process(replace(QUICK, command=("true",), restart=RestartSpec(policy="on-failure"), min_ready=5.0))
        async with house.daemon() as daemon:
            await daemon.roll(job)
            assert (await daemon.handle(job))["phase"] == "completed"
            await daemon.until_told("process.exited")
        async with house.daemon() as daemon:
            seen = await daemon.see(job)
            assert seen.handle is not None
            assert (seen.state, seen.handle["phase"]) == (job.state, "completed")
            assert ProcessKind().health(job, seen, 0.0).status is Status.HEALTHY
            assert daemon.told == []

    run(story())


def test_nothing_is_known_of_what_was_never_there(house: House) -> None:
    async def story() -> None:
        async with house.daemon() as daemon:
            web = process(QUICK)
            await daemon.delete(web)
            assert (await daemon.see(web)).state is None
            assert State.of({}) != web.state

    run(story())
