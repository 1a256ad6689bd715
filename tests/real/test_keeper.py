"""The keeper as a real process: children, exits, sockets, adoption, and everything a client may do to it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from holdfast.errors import Conflict, Rejected, Unavailable
from holdfast.host.keeper.protocol import VERSION
from holdfast.host.keeper_client import KeeperClient, peek
from holdfast.host.keeper_state import Adopt, AdoptedSocket, Child, Exit, Exited, HeldSocket, LogLimits, Notified, SocketUse, Spawn

pytestmark = pytest.mark.real

T = TypeVar("T")
DEADLINE_S = 20.0
PATH = "/usr/local/bin:/usr/bin:/bin"
NOBODY = 65534

ANSWER_WITH_PID = """
import os, socket
listener = socket.socket(fileno=int(3))
while True:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(connection.recv(100) + b" from %d" % os.getpid())
"""
DIE_AT_THE_FORK = """
import os, signal, sys
from holdfast.host.keeper import kernel, launch
plan = launch.Launch()
plan.argv, plan.path, plan.env, plan.cwd, plan.umask = ["touch", sys.argv[2]], "/usr/bin:/bin", {}, "/", 0o022
plan.uid = plan.gid = plan.cgroup_procs = plan.network = plan.rules = None
plan.groups, plan.limits, plan.listen_fds, plan.listen_names = [], [], [], []
plan.stdin, plan.stdout, plan.stderr = 0, 1, 2
def forked(pid):
    with open(sys.argv[1], "w") as file:
        file.write(str(pid))
    os.kill(os.getpid(), signal.SIGKILL)
launch.start(plan, kernel.Kernel(), forked)
"""
TELL_ALL = """
import json, os, resource, signal
fds = sorted(int(fd) for fd in os.listdir("/proc/self/fd"))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
told = {
    "env": dict(os.environ), "fds": [fd for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")], "cwd": os.getcwd(),
    "is_leader": os.getsid(0) == os.getpid() == os.getpgid(0), "umask": os.umask(0),
    "ids": [os.getresuid(), os.getresgid(), os.getgroups()],
    "ignored": status["SigIgn"].strip(), "blocked": status["SigBlk"].strip(), "new_privs": status["NoNewPrivs"].strip(),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE), "pid": os.getpid(),
}
print(json.dumps(told))
"""


@pytest.fixture
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a path short enough for sockets; what keeps and what is kept there is ended afterwards."""
    folder = tmp_path_factory.mktemp("k")
    yield folder
    found = peek(folder)
    if found is None:
        return
    info, state = found
    for child in state.children:
        if child.alive and child.pid is not None:
            kill_group(child.pid)
    kill(info.pid)


def kill(pid: int) -> None:
    """End a process that is not our child and wait until it is gone."""
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    wait_gone(pidfd)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def wait_gone(pidfd: int) -> None:
    """Wait until a process has ended; closes the pidfd."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    is_gone = bool(poll.poll(DEADLINE_S * 1000))
    os.close(pidfd)
    assert is_gone


def run(work: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(DEADLINE_S):
            return await work

    return asyncio.run(bounded())


@contextlib.asynccontextmanager
async def daemon(run_dir: Path) -> AsyncIterator[KeeperClient]:
    client = await KeeperClient.connect(run_dir, start=True)
    try:
        await client.subscribe()
        yield client
    finally:
        await client.aclose()


def shell(spawn_id: str, script: str, **more: Any) -> Spawn:
    return Spawn(spawn_id=spawn_id, argv=("sh", "-c", script), path_env=PATH, env=marked(), **more)


def python(spawn_id: str, script: str, **more: Any) -> Spawn:
    more.setdefault("env", marked())
    return Spawn(spawn_id=spawn_id, argv=(sys.executable, "-I", "-S", "-c", script), path_env=PATH, **more)


def marked(**more: str) -> dict[str, str]:
    """An environment by which a process that a test leaves behind is found."""
    return {"PATH": PATH, "HOLDFAST_TEST_RUN": os.environ["HOLDFAST_TEST_RUN"], **more}


async def exited(client: KeeperClient, spawn_id: str) -> Exit:
    async for event in client.events():
        if isinstance(event, Exited) and event.spawn_id == spawn_id:
            return event.exit
    raise AssertionError("the keeper went away")


async def notified(client: KeeperClient, spawn_id: str) -> Notified:
    async for event in client.events():
        if isinstance(event, Notified) and event.spawn_id == spawn_id:
            return event
    raise AssertionError("the keeper went away")


async def child_of(client: KeeperClient, spawn_id: str) -> Child:
    return next(child for child in (await client.list()).children if child.spawn_id == spawn_id)


def pid_of(child: Child) -> int:
    assert child.pid is not None
    return child.pid


# -- exits and signals -------------------------------------------------------------------------------------------------------


def test_an_exit_code_and_a_signal_are_told_and_remembered(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            await client.spawn(shell("seven", "exit 7"))
            ended = await exited(client, "seven")
            assert (ended.code, ended.signal, ended.unknown) == (7, None, False)

            await client.spawn(shell("long", "exec sleep 1000", meta={"slot": 1}))
            assert await client.signal("long", "SIGTERM")
            ended = await exited(client, "long")
            assert (ended.code, ended.signal) == (None, signal.SIGTERM)
            assert not await client.signal("long", signal.SIGTERM)

            record = await child_of(client, "long")
            assert (record.alive, record.exit, record.meta) == (False, ended, {"slot": 1})
            await client.forget("long")
            await client.forget("long")
            assert [child.spawn_id for child in (await client.list()).children] == ["seven"]

    run(story())


def test_a_living_child_is_not_forgotten_and_an_unknown_one_not_signalled(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            await client.spawn(shell("a", "exec sleep 1000"))
            with pytest.raises(Conflict) as refused:
                await client.forget("a")
            assert refused.value.code == "HF3011"
            with pytest.raises(Conflict) as refused:
                await client.signal("b", signal.SIGTERM)
            assert refused.value.code == "HF3010"

    run(story())


def test_a_spawn_id_starts_one_process_only(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            spawn = shell("once", f"echo started >> {run_dir}/runs")
            first, second = await client.spawn(spawn), await client.spawn(spawn)
            assert (first.pid, first.start_time) == (second.pid, second.start_time)
            ended = await exited(client, "once")
            third = await client.spawn(spawn)
            assert (third.pid, third.alive, third.exit) == (first.pid, False, ended)

    run(story())
    assert (run_dir / "runs").read_text() == "started\n"


def test_what_a_dead_main_process_leaves_behind_dies_with_it(run_dir: Path) -> None:
    script = f"""
import os, time
pids = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        time.sleep(1000)
    pids.append(pid)
os.setpgid(pids[1], pids[1])
with open("{run_dir}/pids", "w") as file:
    print(*pids, file=file)
time.sleep(1000)
"""

    async def story() -> list[int]:
        async with daemon(run_dir) as client:
            os.mkfifo(run_dir / "pids")
            child = await client.spawn(python("parent", script))
            pids = await asyncio.to_thread(read_pids, run_dir / "pids")
            pidfds = [os.pidfd_open(pid) for pid in pids]
            os.kill(pid_of(child), signal.SIGKILL)
            assert (await exited(client, "parent")).signal == signal.SIGKILL
            return pidfds

    for pidfd in run(story()):
        wait_gone(pidfd)


def read_pids(fifo: Path) -> list[int]:
    """Wait for a process to say the pids of its children."""
    return [int(word) for word in fifo.read_text().split()]


def test_kill_ends_a_group_that_ignores_being_asked(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            await client.spawn(shell("deaf", "trap '' TERM; while :; do sleep 1000; done"))
            assert await client.kill("deaf")
            assert (await exited(client, "deaf")).signal == signal.SIGKILL

    run(story())


def test_many_spawns_leave_no_descriptor_and_no_zombie(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            keeper = (await client.hello()).pid
            await client.hold_tcp("s", "127.0.0.1", 0)
            before = len(os.listdir(f"/proc/{keeper}/fd"))
            for number in range(200):
                use = (SocketUse(key="s", name="http"),)
                await client.spawn(
                    Spawn(spawn_id=str(number), argv=("true",), path_env=PATH, sockets=use, notify=True, stdout=f"{run_dir}/log")
                )
                await exited(client, str(number))
                await client.forget(str(number))
            with pytest.raises(Rejected):
                await client.spawn(Spawn(spawn_id="no", argv=("no-such-program",), path_env=PATH))
            assert len(os.listdir(f"/proc/{keeper}/fd")) == before
            assert children_of(keeper) == ""
            assert os.listdir(run_dir / "notify") == []

    run(story())


def children_of(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


# -- what a child gets -------------------------------------------------------------------------------------------------------


def test_a_child_gets_what_was_asked_and_nothing_else(run_dir: Path) -> None:
    async def story() -> dict[str, Any]:
        async with daemon(run_dir) as client:
            held = await client.hold_tcp("web", "127.0.0.1", 0)
            assert held.port
            await client.hold_unix("admin", f"{run_dir}/admin.sock", mode=0o660)
            uses = (SocketUse(key="web", name="http"), SocketUse(key="admin", name="admin"))
            out, limits = str(run_dir / "out"), {"NOFILE": (100, 200)}
            spawn = python("a", TELL_ALL, env={"LC_ALL": "C"}, cwd=str(run_dir), umask=0o27, sockets=uses, stdout=out, rlimits=limits)
            child = await client.spawn(spawn)
            assert [(use.name, use.fd) for use in child.sockets] == [("http", 3), ("admin", 4)]
            assert (await exited(client, "a")).code == 0
            return {**json.loads((run_dir / "out").read_text()), "spawned": child.pid}

    told = run(story())
    pid = told["spawned"]
    assert told["pid"] == pid
    assert told["env"] == {"LC_ALL": "C", "LISTEN_PID": str(pid), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:admin"}
    assert told["fds"] == [0, 1, 2, 3, 4]
    assert told["cwd"] == str(run_dir)
    assert told["is_leader"]
    assert told["umask"] == 0o27
    assert told["files"] == [100, 200]
    assert int(told["blocked"], 16) == 0
    # Python itself ignores SIGPIPE and SIGXFSZ once it runs; nothing else may be left ignored.
    assert ignored(told["ignored"]) == {signal.SIGPIPE, signal.SIGXFSZ}
    assert (run_dir / "out").stat().st_mode & 0o777 == 0o640


def ignored(mask: str) -> set[int]:
    """Return the signals of a SigIgn mask, but for 32 and 33: glibc keeps those for itself and lets no program set them (nptl(7))."""
    return {number for number in range(1, 65) if int(mask, 16) >> number - 1 & 1} - {32, 33}


def test_ignored_signals_are_not_inherited(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            await client.spawn(shell("a", "grep SigIgn /proc/self/status", stdout=f"{run_dir}/out"))
            assert (await exited(client, "a")).code == 0

    run(story())
    assert ignored((run_dir / "out").read_text().split()[1]) == set()


@pytest.mark.needs("root")
def test_a_run_user_keeps_nothing_of_root(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            tell = "grep -E '^(Uid|Gid|Groups|NoNewPrivs):' /proc/self/status"
            await client.spawn(shell("a", tell, uid=NOBODY, gid=NOBODY, stdout=f"{run_dir}/out"))
            assert (await exited(client, "a")).code == 0

    run(story())
    told = dict(line.split(":", 1) for line in (run_dir / "out").read_text().splitlines())
    assert told["Uid"].split() == told["Gid"].split() == [str(NOBODY)] * 4
    assert (told["Groups"].split(), told["NoNewPrivs"].split()) == ([], ["1"])


@pytest.mark.parametrize(
    ("change", "code", "number", "words"),
    [
        ({"argv": ("no-such-program", "x")}, "HF3005", errno.ENOENT, "cannot execute no-such-program: No such file or directory in /usr/"),
        ({"argv": ("/etc/passwd",)}, "HF3005", errno.EACCES, "cannot execute /etc/passwd: Permission denied"),
        ({"argv": ("{run}/orphan",)}, "HF3005", errno.ENOENT, "the interpreter in its first line"),
        ({"argv": ("true",), "cwd": "/no/such"}, "HF3006", errno.ENOENT, "cannot execute true in /no/such: chdir: No such file"),
        ({"argv": ("true",), "stdout": "/no/such/log"}, "HF3006", errno.ENOENT, "cannot open log /no/such/log: No such file"),
        ({"argv": ("true",), "cgroup_procs": "/no/such/cgroup.procs"}, "HF3006", errno.ENOENT, "in cgroup /no/such/cgroup.procs"),
    ],
)
def test_what_cannot_execute_says_why(run_dir: Path, change: dict[str, Any], code: str, number: int, words: str) -> None:
    script = run_dir / "orphan"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    change["argv"] = tuple(word.format(run=run_dir) for word in change["argv"])

    async def story() -> None:
        async with daemon(run_dir) as client:
            messages = []
            for _ in range(2):
                with pytest.raises(Rejected) as refused:
                    await client.spawn(Spawn(spawn_id="a", path_env=PATH, **change))
                messages.append(refused.value.message)
                assert refused.value.code == code
            assert words in messages[0]
            assert messages[0] == messages[1]
            record = await child_of(client, "a")
            assert record.exec_error is not None
            assert (record.pid, record.alive, record.exec_error.errno) == (None, False, number)
            await client.forget("a")

    run(story())


# -- sockets -----------------------------------------------------------------------------------------------------------------


def queue_up(port: int, count: int) -> list[socket.socket]:
    """Connect and ask, without waiting for the answer."""
    connections = [socket.create_connection(("127.0.0.1", port), DEADLINE_S) for _ in range(count)]
    for number, connection in enumerate(connections):
        connection.sendall(f"request {number}".encode())
    return connections


def answers(connections: list[socket.socket]) -> list[str]:
    found = []
    for connection in connections:
        with connection, connection.makefile() as stream:
            found.append(stream.read())
    return found


def test_connections_that_queue_while_nobody_runs_are_all_answered(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            held = await client.hold_tcp("web", "127.0.0.1", 0)
            assert await client.hold_tcp("web", "127.0.0.1", 0) == held
            assert held.port
            use = (SocketUse(key="web", name="http"),)
            queued = queue_up(held.port, 20)
            first = await client.spawn(python("first", ANSWER_WITH_PID, sockets=use))
            assert answers(queued) == [f"request {number} from {first.pid}" for number in range(20)]

            os.kill(pid_of(first), signal.SIGKILL)
            await exited(client, "first")
            queued = queue_up(held.port, 50)
            second = await client.spawn(python("second", ANSWER_WITH_PID, sockets=use))
            assert answers(queued) == [f"request {number} from {second.pid}" for number in range(50)]

    run(story())


def test_a_port_in_use_names_who_has_it(run_dir: Path) -> None:
    async def story(port: int) -> None:
        async with daemon(run_dir) as client:
            with pytest.raises(Conflict) as refused:
                await client.hold_tcp("web", "127.0.0.1", port)
            assert refused.value.code == "HF3007"
            assert f"port {port} is in use by pid {os.getpid()} (" in refused.value.message

            mine = await client.hold_tcp("mine", "127.0.0.1", 0)
            assert mine.port
            with pytest.raises(Conflict) as refused:
                await client.hold_tcp("other", "0.0.0.0", mine.port)
            assert f"port {mine.port} is held as mine" in refused.value.message

    with socket.create_server(("127.0.0.1", 0)) as listener:
        run(story(listener.getsockname()[1]))


def test_a_key_holds_one_address_until_it_is_replaced_or_released(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            tcp = await client.hold_tcp("a", "127.0.0.1", 0)
            with pytest.raises(Conflict) as refused:
                await client.hold_unix("a", f"{run_dir}/a.sock")
            assert refused.value.code == "HF3008"
            unix = await client.hold_unix("a", f"{run_dir}/a.sock", mode=0o660, replace=True)
            assert (run_dir / "a.sock").stat().st_mode & 0o777 == 0o660
            assert (await client.list()).sockets == (unix,)
            assert tcp.port
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", tcp.port))
            await client.release("a")
            await client.release("a")
            assert not (run_dir / "a.sock").exists()

    run(story())


def test_a_stale_unix_socket_is_taken_over_and_a_file_is_not(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            await client.hold_unix("stale", f"{run_dir}/stale.sock")
            with pytest.raises(Conflict) as refused:
                await client.hold_unix("file", f"{run_dir}/file")
            assert refused.value.code == "HF3007"
            with pytest.raises(Rejected) as not_local:
                await client.hold_tcp("far", "192.0.2.1", 0)
            assert not_local.value.code == "HF3009"
            with pytest.raises(Conflict) as unknown:
                await client.spawn(shell("a", "true", sockets=(SocketUse(key="nobody", name="x"),)))
            assert unknown.value.code == "HF3010"

    (run_dir / "file").write_text("keep me")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(f"{run_dir}/stale.sock")
    run(story())
    assert (run_dir / "file").read_text() == "keep me"


# -- daemons come and go -----------------------------------------------------------------------------------------------------


def test_children_and_exits_outlive_the_daemon(run_dir: Path) -> None:
    async def first_daemon() -> tuple[int, int, int]:
        async with daemon(run_dir) as client:
            stays = await client.spawn(shell("stays", "exec sleep 1000"))
            goes = await client.spawn(shell("goes", f"read x < {run_dir}/go; exit 3"))
            return (await client.hello()).pid, pid_of(stays), pid_of(goes)

    async def second_daemon() -> tuple[int, Child, Child]:
        async with daemon(run_dir) as client:
            return (await client.hello()).pid, await child_of(client, "stays"), await child_of(client, "goes")

    os.mkfifo(run_dir / "go")
    keeper, stays, goes = run(first_daemon())
    gone = os.pidfd_open(goes)
    (run_dir / "go").write_text("now\n")
    wait_gone(gone)
    same_keeper, stayed, went = run(second_daemon())
    assert same_keeper == keeper
    assert (stayed.pid, stayed.alive) == (stays, True)
    assert went.exit is not None
    assert went.exit.code == 3


def test_readers_beside_the_daemon_get_answers_but_no_events(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            reader = await KeeperClient.connect(run_dir, start=False)
            await client.spawn(shell("a", "exit 1"))
            await exited(client, "a")
            assert (await child_of(reader, "a")).exit is not None
            await reader.aclose()
            assert [event async for event in reader.events()] == []
            found = await asyncio.to_thread(peek, run_dir)
            assert found is not None
            assert [child.spawn_id for child in found[1].children] == ["a"]

    run(story())


def test_one_keeper_only_however_many_start_one(run_dir: Path) -> None:
    async def pid() -> int:
        client = await KeeperClient.connect(run_dir, start=True)
        clients.append(client)
        return (await client.hello()).pid

    async def story() -> set[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pid()) for _ in range(5)]
        for client in clients:
            await client.aclose()
        return {task.result() for task in tasks}

    clients: list[KeeperClient] = []
    assert len(run(story())) == 1


def test_a_keeper_with_nothing_to_keep_ends(run_dir: Path) -> None:
    async def story() -> int:
        async with daemon(run_dir) as client:
            await client.hold_tcp("a", "127.0.0.1", 0)
            await client.spawn(shell("a", "true"))
            await exited(client, "a")
            await client.forget("a")
            await client.release("a")
            return os.pidfd_open((await client.hello()).pid)

    wait_gone(run(story()))
    assert peek(run_dir) is None
    assert not (run_dir / "keeper.sock").exists()


def test_nobody_answers_where_no_keeper_runs(run_dir: Path) -> None:
    async def story() -> None:
        with pytest.raises(Unavailable) as refused:
            await KeeperClient.connect(run_dir, start=False)
        assert refused.value.code == "HF3001"
        with pytest.raises(Unavailable) as refused:
            await KeeperClient.connect(run_dir, start=True, python="/no/such/python")
        assert refused.value.code == "HF3002"

    run(story())
    assert peek(run_dir) is None


def test_sigterm_waits_for_the_last_child(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            keeper = (await client.hello()).pid
            await client.spawn(shell("a", "exec sleep 1000"))
            os.kill(keeper, signal.SIGTERM)
            with pytest.raises(Unavailable) as refused:
                await hold_for_ever(client)
            assert refused.value.code == "HF3015"
            assert (await child_of(client, "a")).alive
            gone = os.pidfd_open(keeper)
            await client.kill("a")
            assert (await exited(client, "a")).signal == signal.SIGKILL
            await client.wait_closed()
            wait_gone(gone)

    run(story())


async def hold_for_ever(client: KeeperClient) -> None:
    """Ask for new work again and again: a signal and a request race, but once the signal is in, every request is refused."""
    while True:
        await client.hold_tcp("late", "127.0.0.1", 0)


# -- a successor -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_roll", [True, False])
def test_a_successor_adopts_child_and_socket_and_learns_the_exit(run_dir: Path, has_roll: bool) -> None:
    """Who knows the child tells the successor, should the roll have been lost."""
    script = ANSWER_WITH_PID.replace("while True", "for _ in range(2)") + "\nraise SystemExit(7)"

    async def before() -> tuple[int, Child, HeldSocket]:
        async with daemon(run_dir) as client:
            held = await client.hold_tcp("web", "127.0.0.1", 0)
            child = await client.spawn(python("web.0", script, sockets=(SocketUse(key="web", name="http"),), meta="mine"))
            keeper = (await client.hello()).pid
            await asyncio.to_thread(kill, keeper)
            await client.wait_closed()
            if not has_roll:
                shutil.rmtree(run_dir / "children")
            with pytest.raises(Unavailable) as lost:
                await client.list()
            assert lost.value.code == "HF3003"
            return keeper, child, held

    async def after(keeper: int, child: Child, held: HeldSocket) -> None:
        assert held.port
        async with daemon(run_dir) as client:
            assert (await client.hello()).pid != keeper
            adopt = Adopt(
                spawn_id="web.0",
                pid=pid_of(child),
                start_time=child.start_time or 0,
                boot_id=child.boot_id,
                sockets=(AdoptedSocket(held=held, name="http", fd=3),),
                meta=child.meta,
            )
            adopted = await client.adopt(adopt)
            assert (await client.adopt(adopt)) == adopted
            assert (adopted.sockets_taken, adopted.sockets_lost) == (("web",), ())
            assert (adopted.child.alive, adopted.child.adopted, adopted.child.meta) == (True, True, "mine")
            assert await client.hold_tcp("web", "127.0.0.1", 0) == held

            assert answers(queue_up(held.port, 2)) == [f"request {number} from {child.pid}" for number in range(2)]
            ended = await exited(client, "web.0")
            assert (ended.code, ended.unknown) == (7, False)

            queued = queue_up(held.port, 3)
            second = await client.spawn(python("web.1", ANSWER_WITH_PID, sockets=(SocketUse(key="web", name="http"),)))
            assert answers(queued) == [f"request {number} from {second.pid}" for number in range(3)]

    run(after(*run(before())))


def test_a_successor_knows_by_itself_what_a_killed_keeper_knew(run_dir: Path) -> None:
    async def before() -> tuple[Child, HeldSocket]:
        async with daemon(run_dir) as client:
            held = await client.hold_tcp("web", "127.0.0.1", 0)
            web = await client.spawn(python("web", ANSWER_WITH_PID, sockets=(SocketUse(key="web", name="http"),), meta="mine"))
            await client.spawn(shell("job", "exit 3"))
            await exited(client, "job")
            await client.spawn(shell("told", "exit 4"))
            await exited(client, "told")
            await client.forget("told")
            await asyncio.to_thread(kill, (await client.hello()).pid)
            return web, held

    async def after(web: Child, held: HeldSocket) -> None:
        assert held.port
        async with daemon(run_dir) as client:
            state = await client.list()
            found = {child.spawn_id: child for child in state.children}
            assert found.keys() == {"web", "job"}
            assert found["web"] == replace(web, adopted=True)
            assert state.sockets == (held,)
            assert (found["job"].exit or Exit(code=None, signal=None, at=0)).code == 3
            assert await client.spawn(python("web", "raise SystemExit('started twice')")) == found["web"]
            assert answers(queue_up(held.port, 1)) == [f"request 0 from {web.pid}"]
            assert await client.kill("web")
            assert (await exited(client, "web")).signal in (signal.SIGKILL, None)
            for spawn_id in found:
                await client.forget(spawn_id)
            assert os.listdir(run_dir / "children") == []

    run(after(*run(before())))


def test_a_keeper_that_dies_before_a_child_is_on_the_roll_has_started_nothing(tmp_path: Path) -> None:
    """Else it would run unknown to all, and be started once more."""
    pid_file, trace = tmp_path / "pid", tmp_path / "trace"
    done = subprocess.run([sys.executable, "-c", DIE_AT_THE_FORK, str(pid_file), str(trace)], timeout=DEADLINE_S, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(pid_file.read_text())
    with contextlib.suppress(ProcessLookupError):
        wait_gone(os.pidfd_open(pid))
    assert not trace.exists()


@pytest.mark.parametrize("torn", [b"", b"[]", b'{"spawn_id": "a"', b'{"spawn_id": "a"}', b'{"spawn_id": "a", "boot_id": "x", "pid": -1}'])
def test_a_torn_roll_is_passed_over(run_dir: Path, torn: bytes) -> None:
    folder = run_dir / "children"
    folder.mkdir(mode=0o700)
    (folder / "0123456789abcdef").write_bytes(torn)
    (folder / "0123456789abcdef.part").write_bytes(torn)

    async def story() -> None:
        async with daemon(run_dir) as client:
            assert (await client.list()).children == ()
            assert os.listdir(folder) == []

    run(story())


def test_a_stranger_is_not_adopted(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            boot_id = (await client.hello()).boot_id
            web = AdoptedSocket(held=HeldSocket(key="web", kind="tcp", host="127.0.0.1", port=1), name="http", fd=3)
            wrong = Adopt(spawn_id="a", pid=os.getpid(), start_time=1, boot_id=boot_id, sockets=(web,))
            adopted = await client.adopt(wrong)
            assert adopted.child.exit is not None
            assert (adopted.child.alive, adopted.child.exit.unknown, adopted.sockets_lost) == (False, True, ("web",))
            assert not await client.kill("a")

    run(story())


def test_an_adopted_group_is_signalled_and_killed(run_dir: Path) -> None:
    async def before() -> Child:
        async with daemon(run_dir) as client:
            child = await client.spawn(shell("a", f"sleep 1000 & echo $! > {run_dir}/pid; wait"))
            sleeper.extend(await asyncio.to_thread(read_pids, run_dir / "pid"))
            await asyncio.to_thread(kill, (await client.hello()).pid)
            return child

    async def after(child: Child) -> None:
        async with daemon(run_dir) as client:
            gone = os.pidfd_open(sleeper[0])
            await client.adopt(Adopt(spawn_id="a", pid=pid_of(child), start_time=child.start_time or 0, boot_id=child.boot_id))
            assert await client.signal("a", "SIGKILL")
            assert (await exited(client, "a")).signal in (signal.SIGKILL, None)
            await asyncio.to_thread(wait_gone, gone)

    sleeper: list[int] = []
    os.mkfifo(run_dir / "pid")
    run(after(run(before())))


# -- notes and logs ----------------------------------------------------------------------------------------------------------


def test_readiness_is_heard_from_the_child_and_from_nobody_else(run_dir: Path) -> None:
    script = f"""
import os, socket, time
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
open("{run_dir}/go").read()
told.sendto(b"READY=1\\nSTATUS=serving\\nNONSENSE=1", os.environ["NOTIFY_SOCKET"])
time.sleep(1000)
"""

    async def story() -> None:
        async with daemon(run_dir) as client:
            child = await client.spawn(python("a", script, notify=True))
            assert child.notify_path is not None
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(b"READY=1\nSTATUS=forged", child.notify_path)
            assert not (await child_of(client, "a")).ready
            await asyncio.to_thread((run_dir / "go").write_text, "go")
            event = await notified(client, "a")
            assert (event.ready, event.fields) == (True, {"READY": "1", "STATUS": "serving"})
            assert (await child_of(client, "a")).status == {"READY": "1", "STATUS": "serving"}

    os.mkfifo(run_dir / "go")
    run(story())
    assert (run_dir / "notify").stat().st_mode & 0o777 == 0o711  # a run user must get through


def test_logs_rotate_without_the_daemon(run_dir: Path) -> None:
    """The child writes until it sees its own log rotated, and emptied, so nothing here depends on when the keeper looks."""
    log = run_dir / "log"

    async def story() -> None:
        async with daemon(run_dir) as client:
            until_rotated = f"while [ ! -e {log}.1 ]; do echo a line of the log; sleep 0.05; done"
            until_emptied = f"while [ $(wc -c < {log}) -gt 100 ]; do :; done"
            script = f"{until_rotated}; {until_emptied}; echo the last line"
            await client.spawn(shell("a", script, stdout=str(log), logs=LogLimits(max_bytes=100, max_files=2)))
            assert (await exited(client, "a")).code == 0

    run(story())
    assert log.with_name("log.1").stat().st_size > 100
    assert log.read_text().endswith("the last line\n")


# -- clients that misbehave --------------------------------------------------------------------------------------------------


def raw(run_dir: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(DEADLINE_S)
    connection.connect(f"{run_dir}/keeper.sock")
    return connection


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"not json\n", "protocol"),
        (b"[1]\n", "protocol"),
        (b"[" * 100_000 + b"\n", "protocol"),
        (b"\xff\xfe\n", "protocol"),
        (b'{"n": 1}\n', "request"),
        (b'{"n": 1, "op": "answer"}\n', "request"),
        (b'{"n": 1, "op": "spawn", "spawn_id": "a", "argv": []}\n', "request"),
        (b'{"n": 1, "op": "spawn", "spawn_id": "a", "argv": ["true"], "env": {"A=B": "x"}}\n', "request"),
        (b'{"n": 1, "op": "spawn", "spawn_id": "a", "argv": ["true"], "uid": 1}\n', "request"),
        (b'{"n": 1, "op": "signal", "spawn_id": "a", "signal": 0}\n', "unknown-child"),
        (b'{"n": 1, "op": "hold", "key": "a", "kind": "tcp", "host": "example.org"}\n', "listen"),
    ],
)
def test_nonsense_is_answered_and_does_no_harm(run_dir: Path, line: bytes, kind: str) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            with raw(run_dir) as connection, connection.makefile("rb") as answers:
                connection.sendall(line)
                assert json.loads(await asyncio.to_thread(answers.readline))["error"]["kind"] == kind
            assert (await client.hello()).version == VERSION

    run(story())


def test_a_client_that_sends_too_much_or_half_a_line_or_never_reads_is_dropped(run_dir: Path) -> None:
    async def story() -> None:
        async with daemon(run_dir) as client:
            keeper = (await client.hello()).pid
            await client.spawn(shell("big", "exec sleep 1000", meta="x" * 500_000))
            before = len(os.listdir(f"/proc/{keeper}/fd"))
            with raw(run_dir) as half:
                half.sendall(b'{"n": 1, "op": "he')
            await asyncio.to_thread(until_dropped, run_dir, b"x" * (1 << 20) + b"xx")
            await asyncio.to_thread(until_dropped, run_dir, b'{"n": 1, "op": "list"}\n' * 100)
            assert (await client.hello()).pid == keeper
            assert len(os.listdir(f"/proc/{keeper}/fd")) == before

    run(story())


def until_dropped(run_dir: Path, data: bytes) -> None:
    """Send without reading, then wait until the keeper has closed its side."""
    with raw(run_dir) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
        poll = select.poll()
        poll.register(connection, select.POLLHUP)
        assert poll.poll(DEADLINE_S * 1000)


@pytest.mark.needs("root")
def test_another_user_is_turned_away(run_dir: Path) -> None:
    async def hold() -> None:
        async with daemon(run_dir) as client:
            await client.hold_tcp("a", "127.0.0.1", 0)

    run(hold())
    (run_dir / "keeper.sock").chmod(0o666)
    run_dir.chmod(0o711)
    report, answer = os.pipe()
    pid = os.fork()
    if pid == 0:
        ask_as_nobody(run_dir, answer)
    os.close(answer)
    with open(report, "rb") as stream:
        assert json.loads(stream.readline())["error"]["kind"] == "peer"
    os.waitpid(pid, 0)


def ask_as_nobody(run_dir: Path, answer: int) -> None:
    """In a fork: become another user in the folder, connect, pass on what is heard. Never returns."""
    try:
        os.chdir(run_dir)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE_S)
            connection.connect("keeper.sock")
            os.write(answer, connection.recv(4096))
    finally:
        os._exit(0)


# -- cgroups -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A version 2 cgroup of this test's own."""
    root = next((folder for folder in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")) if (folder / "cgroup.procs").exists()), None)
    if root is None or not os.access(root, os.W_OK):
        pytest.skip("needs a writable cgroup v2: not on this machine")
    folder = root / f"holdfast-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    folder.rmdir()


@pytest.mark.needs("root", "setsid")
def test_a_cgroup_holds_even_what_left_the_session(run_dir: Path, cgroup: Path) -> None:
    async def story() -> int:
        async with daemon(run_dir) as client:
            script = f"setsid sleep 1000 & echo $! > {run_dir}/pid; wait"
            child = await client.spawn(shell("a", script, cgroup_procs=str(cgroup / "cgroup.procs")))
            [escaped] = await asyncio.to_thread(read_pids, run_dir / "pid")
            gone = os.pidfd_open(escaped)
            os.kill(pid_of(child), signal.SIGKILL)
            assert not (await exited(client, "a")).oom
            return gone

    os.mkfifo(run_dir / "pid")
    wait_gone(run(story()))
