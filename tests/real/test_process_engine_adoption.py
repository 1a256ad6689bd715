"""What outlives a daemon, and a keeper: everything that runs, found again by the next one without a restart."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.real.process_house import SERVER, SLEEPER, House, is_alive, process, python, run, shell

from holdfast.host.keeper_client import peek
from holdfast.model.operation import RolloutStyle, StepVerb
from holdfast.workload.process_spec import HttpProbe, Probes, ProbeSpec, ProcessSpec, RestartSpec, SocketSpec

pytestmark = pytest.mark.real

QUICK = ProcessSpec(command=SLEEPER, min_ready=0.0)
HTTP = replace(QUICK, command=python(SERVER), sockets=(SocketSpec(name="http"),))


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("p"))
    yield made
    made.clear()


def keeper_pid(house: House) -> int:
    found = peek(house.run_dir)
    assert found is not None
    return found[0].pid


def living(house: House) -> list[int]:
    found = peek(house.run_dir)
    return [] if found is None else [child.pid for child in found[1].children if child.alive and child.pid is not None]


def test_a_new_daemon_finds_what_runs_and_restarts_nothing(house: House) -> None:
    async def story() -> None:
        web = process(HTTP)
        async with house.daemon() as daemon:
            await daemon.roll(web)
            before = await daemon.handle(web)
        assert is_alive(before["pid"])
        async with house.daemon() as daemon:
            seen = await daemon.see(web)
            assert seen.state == web.state
            after = await daemon.handle(web)
            assert after == before
            assert daemon.told == []
            os.kill(after["pid"], signal.SIGKILL)
            assert is_alive(await daemon.until_new_pid(web, after["pid"]))

    run(story())


def test_an_exit_while_no_daemon_ran_is_known_to_the_next_one_and_answered(house: House) -> None:
    async def story() -> None:
        web = process(replace(QUICK, command=shell("trap 'exit 7' TERM; echo armed; while :; do sleep 0.05; done")))
        async with house.daemon() as daemon:
            await daemon.roll(web)

            async def armed() -> tuple[str, ...]:
                return await daemon.engine.tail(web.id, 1)

            await daemon.until(armed)
            pid = await daemon.pid(web)
            pidfd = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        await readable(pidfd)
        async with house.daemon() as daemon:
            assert is_alive(await daemon.until_new_pid(web, pid))
            told = (await daemon.until_told("process.exited"))[0]
            assert (told.data["pid"], told.data["exit_code"], told.data["expected"]) == (pid, 7, False)

    run(story())


async def kill(pid: int) -> None:
    """End a process that is not our child, and wait until it has ended."""
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    await readable(pidfd)


async def readable(pidfd: int) -> None:
    """Wait until a process has ended."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(pidfd, ended.set)
    async with asyncio.timeout(20):
        await ended.wait()
    loop.remove_reader(pidfd)
    os.close(pidfd)


@pytest.mark.parametrize("cut", [StepVerb.START, StepVerb.GATE, StepVerb.SWITCH, StepVerb.DRAIN])
def test_a_rollout_that_a_daemon_did_not_finish_is_finished_by_the_next_without_doubles(house: House, cut: StepVerb) -> None:
    async def story() -> None:
        before, after = process(QUICK), process(replace(QUICK, env={"COLOUR": "blue"}))
        async with house.daemon() as daemon:
            await daemon.roll(before)
            for step in daemon.steps(before.state, after):
                await daemon.engine.apply(step)
                if step.verb is cut:
                    break
        pids = living(house)
        assert len(pids) == 2
        async with house.daemon() as daemon:
            if (await daemon.see(after)).state != after.state:
                await daemon.roll(after)
            new = await daemon.pid(after)
            assert new in pids  # the candidate that was there was taken, none was started anew

            async def alone() -> bool:
                return living(house) == [new]

            await daemon.until(alone)
            assert (await daemon.see(after)).state == after.state
            assert daemon.of_type("process.started") == []

    run(story())


def test_a_candidate_that_no_operation_comes_back_for_is_ended(house: House) -> None:
    async def story() -> None:
        before, after = process(QUICK), process(replace(QUICK, env={"COLOUR": "blue"}, progress_deadline=0.2))
        async with house.daemon() as daemon:
            await daemon.roll(before)
            serving = await daemon.pid(before)
            start, *_ = daemon.steps(before.state, after)
            await daemon.engine.apply(start)
        record = house.records.get(str(before.id))
        assert isinstance(record, dict)
        assert isinstance(record["candidate"], dict)
        record["candidate"]["state"]["progressDeadline"] = "100ms"  # type: ignore[index,call-overload]
        await house.records.put(str(before.id), record)
        async with house.daemon() as daemon:

            async def alone() -> bool:
                return living(house) == [serving]

            await daemon.until(alone)

    run(story())


def test_a_step_that_is_cancelled_leaves_nothing_behind(house: House) -> None:
    async def story() -> None:
        web = process(replace(QUICK, min_ready=60.0))
        async with house.daemon() as daemon:
            start, gate, _ = daemon.steps(None, web)
            await daemon.engine.apply(start)
            daemon.tasks.start("gate", daemon.engine.apply(gate))
            daemon.tasks.cancel("gate")
            await daemon.tasks.ended("gate")
            discard = replace(start, verb=StepVerb.DISCARD)
            daemon.tasks.start("discard", daemon.engine.apply(discard))
            daemon.tasks.cancel("discard")
            await daemon.engine.apply(discard)
            assert (living(house), house.records.all()) == ([], {})

    run(story())


def test_a_restart_needs_no_write_and_is_found_by_its_attempt(house: House) -> None:
    """The daemon dies between the start of a new attempt and its record: the keeper knows the attempt, so nothing starts twice."""

    async def story() -> None:
        web = process(QUICK)
        async with house.daemon() as daemon:
            await daemon.roll(web)
            first = await daemon.pid(web)
            stale = house.records.get(str(web.id))
            daemon.hold_the_pen()
            os.kill(first, signal.SIGKILL)
            second = await daemon.until_new_pid(web, first)
        await house.records.put(str(web.id), stale)
        async with house.daemon() as daemon:
            assert await daemon.pid(web) == second
            assert living(house) == [second]
            told = (await daemon.until_told("process.exited"))[0]  # the first attempt's exit, which nobody had written yet
            assert (told.data["pid"], told.data["signal"]) == (first, "SIGKILL")

    run(story())


def test_a_dead_keeper_gets_a_successor_that_takes_children_and_sockets_back(house: House) -> None:
    async def story() -> None:
        web = process(HTTP)
        async with house.daemon() as daemon:
            await daemon.roll(web)
            before = await daemon.handle(web)
            await kill(keeper_pid(house))

            async def succeeded() -> bool:
                return living(house) == [before["pid"]]

            await daemon.until(succeeded)
            assert (await daemon.handle(web))["pid"] == before["pid"]
            assert await ask(before["port"]) == f" from {before['pid']}"
            os.kill(before["pid"], signal.SIGKILL)
            new = await daemon.until_new_pid(web, before["pid"])
            after = await daemon.handle(web)
            assert after["port"] == before["port"]
            assert await ask(after["port"]) == f" from {new}"

    run(story())


async def ask(port: int) -> str:
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer.partition(b"\r\n\r\n")[2].decode()


def test_keeper_and_daemon_may_die_together_and_the_children_go_on(house: House) -> None:
    async def story() -> None:
        web, job = process(HTTP), process(replace(QUICK, restart=RestartSpec(policy="no")), "job")
        async with house.daemon() as daemon:
            await daemon.roll(web)
            await daemon.roll(job)
            before = await daemon.handle(web)

            async def written() -> bool:
                records = [house.records.get(str(resource.id)) for resource in (web, job)]
                return all(isinstance(it, dict) and isinstance(it["serving"], dict) and it["serving"]["last"] for it in records)

            await daemon.until(written)
        await kill(keeper_pid(house))
        async with house.daemon() as daemon:
            assert (await daemon.handle(web))["pid"] == before["pid"]
            assert (await daemon.see(web)).state == web.state
            assert daemon.of_type("process.started") == []
            assert await ask(before["port"]) == f" from {before['pid']}"
            await daemon.delete(web)
            await daemon.delete(job)
            assert living(house) == []

    run(story())


def test_a_start_that_nobody_came_to_write_down_is_found_though_keeper_and_daemon_die(house: House) -> None:
    async def story() -> None:
        web = process(HTTP)
        async with house.daemon() as daemon:
            await daemon.roll(web)
            first = await daemon.handle(web)
            stale = house.records.get(str(web.id))
            daemon.hold_the_pen()
            os.kill(first["pid"], signal.SIGKILL)
            second = await daemon.until_new_pid(web, first["pid"])
        await house.records.put(str(web.id), stale)
        await kill(keeper_pid(house))
        async with house.daemon() as daemon:
            assert (await daemon.handle(web))["pid"] == second
            assert living(house) == [second]
            assert await ask(first["port"]) == f" from {second}"

            async def written() -> bool:
                record: Any = house.records.get(str(web.id))
                return bool(record["serving"]["last"]["pid"] == second)

            await daemon.until(written)  # events are written before records
            assert [event.data["pid"] for event in daemon.of_type("process.started")] == [second]
            assert [(event.data["pid"], event.data["signal"]) for event in daemon.of_type("process.exited")] == [(first["pid"], "SIGKILL")]

    run(story())


def test_probes_ask_the_same_place_after_keeper_and_daemon_died(house: House) -> None:
    async def story() -> None:
        liveness = ProbeSpec(http=HttpProbe())
        web, other = (
            process(replace(HTTP, probes=Probes(liveness=liveness))),
            process(replace(HTTP, probes=Probes(liveness=liveness)), "other"),
        )
        async with house.daemon() as daemon:
            await daemon.roll(web)
            await daemon.roll(other)
            ports = [(await daemon.handle(it))["port"] for it in (web, other)]
        await kill(keeper_pid(house))
        shutil.rmtree(house.run_dir / "children")
        async with house.daemon() as daemon:
            looks = daemon.engine.due(asyncio.get_running_loop().time() + 1000)
            assert [look.target["port"] for look in looks] == ports

    run(story())


def test_what_was_on_its_way_out_ends_as_expected_also_without_a_daemon(house: House) -> None:
    async def story() -> None:
        before, after = process(QUICK), process(replace(QUICK, env={"COLOUR": "blue"}))
        async with house.daemon() as daemon:
            await daemon.roll(before)
            old = await daemon.pid(before)
            for step in daemon.steps(before.state, after)[:3]:
                await daemon.engine.apply(step)
            assert len(living(house)) == 2
        await kill(old)
        async with house.daemon() as daemon:
            told = (await daemon.until_told("process.exited"))[0]
            assert (told.data["pid"], told.data["expected"]) == (old, True)
            assert living(house) == [await daemon.pid(after)]

    run(story())


def test_an_exit_is_told_before_the_record_forgets_who_it_was(house: House) -> None:
    async def story() -> None:
        web = process(QUICK)
        async with house.daemon() as daemon:
            await daemon.roll(web)
            pid = await daemon.pid(web)
            daemon.hold_the_pen()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await daemon.delete(web)
        async with house.daemon() as daemon:
            told = (await daemon.until_told("process.exited"))[0]
            assert (told.data["pid"], told.data["expected"]) == (pid, True)
            await daemon.delete(web)
            assert (living(house), house.records.all()) == ([], {})

    run(story())


def test_after_a_reboot_what_was_last_applied_starts_again(house: House) -> None:
    async def story() -> None:
        web = process(HTTP)
        async with house.daemon() as daemon:
            await daemon.roll(web)
            pid = await daemon.pid(web)

            async def written() -> bool:
                record = house.records.get(str(web.id))
                return isinstance(record, dict) and isinstance(record["serving"], dict) and bool(record["serving"]["last"])

            await daemon.until(written)
        await kill(keeper_pid(house))
        await kill(pid)
        async with house.daemon() as daemon:
            new = await daemon.until_new_pid(web, pid)
            handle = await daemon.until_phase(web, "ready")
            assert await ask(handle["port"]) == f" from {new}"
            told = (await daemon.until_told("process.exited"))[0]
            assert (told.data["pid"], told.data["expected"]) == (pid, False)

    run(story())


def test_what_no_record_tells_of_is_ended_before_it_runs_twice(house: House) -> None:
    async def story() -> None:
        web = process(HTTP)
        async with house.daemon() as daemon:
            await daemon.roll(web)
        await house.records.drop(str(web.id))
        async with house.daemon() as daemon:

            async def nobody() -> bool:
                found = peek(house.run_dir)
                return found is not None and found[1].children == () and found[1].sockets == ()

            await daemon.until(nobody)
            assert (await daemon.see(web)).state is None
            await daemon.roll(web)
            assert len(living(house)) == 1

    run(story())


def test_readiness_by_notify_is_known_to_the_next_daemon(house: House) -> None:
    notify = python(
        "import os, socket, time\n"
        "with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:\n"
        "    it.sendto(b'READY=1\\nSTATUS=here', os.environ['NOTIFY_SOCKET'])\n"
        "time.sleep(1000)"
    )

    async def story() -> None:
        web = process(replace(QUICK, command=notify, probes=Probes(readiness=ProbeSpec(notify=True))))
        async with house.daemon() as daemon:
            await daemon.roll(web, style=RolloutStyle.START_FIRST)
            assert (await daemon.handle(web))["ready"] is True
        async with house.daemon() as daemon:
            assert (await daemon.handle(web))["ready"] is True

    run(story())
