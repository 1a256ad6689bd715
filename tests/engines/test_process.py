"""The parts of the process engine that need no process: slots, socket keys, log files, cgroup paths, records and words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.core import events
from holdfast.engines.process import cgroup, logs, sockets, telling
from holdfast.engines.process.instance import Attempt, Instance, Unit
from holdfast.engines.process.roster import Roster
from holdfast.host.news import News
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Severity
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.resource import Derived, Resource
from holdfast.model.state import State
from holdfast.workload.process_spec import ProcessSpec, SocketSpec
from holdfast.workload.run import Run, write
from holdfast.workload.supervisor import Emit, Machine

WEB = ResourceId(HOST, "Process", "shop", "web")
DB = WEB._replace(name="db")
SPEC = ProcessSpec(
    command=("web",),
    sockets=(SocketSpec(name="own"), SocketSpec(name="public", port=8080), SocketSpec(name="file", path="run/web.sock")),
)


def instance(slot: int = 0, *, spec: ProcessSpec = SPEC, is_private: bool = False, id: ResourceId = WEB) -> Instance:
    state = State.of(write(spec, release=None, deadline_s=60.0, fingerprints={}))
    return Instance(
        id=id,
        slot=slot,
        base=f"{id}/{slot}/abc{slot}{is_private}",
        state=state,
        operation="op",
        is_private=is_private,
        machine=Machine(spec=spec),
        run=Run(spec=spec, release=None, replica=None),
    )


def replica(number: int) -> Resource:
    return Resource(id=WEB._replace(name=f"web.{number}"), state=State.of({}), owner=Derived((WEB,)), labels={APPLICATION: "shop"})


def test_replicas_share_their_slots_and_a_candidate_takes_the_lowest_free_one() -> None:
    roster = Roster()
    units = [roster.unit_of(replica(number)) for number in (0, 1)]
    for slot, unit in enumerate(units):
        unit.serving = instance(roster.free_slot(WEB), id=unit.id)
        roster.add(unit.serving)
        assert unit.serving.slot == slot
    candidate = units[0].candidate = instance(roster.free_slot(WEB), id=units[0].id)
    assert candidate.slot == 2
    first = units[0].serving
    assert first is not None
    roster.add(candidate)
    roster.remove(first)
    assert roster.free_slot(WEB) == 0
    assert roster.named(f"{candidate.base}/7") == (candidate, 7)
    assert roster.named(f"{first.base}/1") is None
    assert roster.named(f"{candidate.base}/look/1.1") is None
    roster.remove(candidate)
    assert roster.get(units[0].id) is None


def test_public_sockets_are_shared_others_are_a_replicas_own_and_a_trial_has_none_of_them() -> None:
    def keys(slot: int, *, replica: int | None = None, is_private: bool = False) -> list[str]:
        one = instance(slot, is_private=is_private)
        one.run = replace(one.run, replica=replica)
        return [each.key for each in sockets.wanted(one, WEB, Path("/data"))]

    start = "Process/shop/web#"
    public = [f"{start}tcp:127.0.0.1:8080", f"{start}unix:/data/run/web.sock"]
    assert keys(0) == keys(5) == [f"{start}replica0:own", *public]
    assert keys(0, replica=1) == keys(2, replica=1) == [f"{start}replica1:own", *public]
    assert keys(1, is_private=True) == [f"{start}trial1:own", f"{start}trial1:public", f"{start}trial1:file"]


@pytest.mark.parametrize(("replica", "most"), [(None, 4), (0, 4), (3, 4), (4, 8), (7, 8), (8, 16)])
def test_more_ports_are_kept_than_there_are_replicas(replica: int | None, most: int) -> None:
    one = instance(0)
    one.run = replace(one.run, replica=replica)
    assert sockets.spares(one, WEB) == tuple(f"Process/shop/web#replica{at}:own" for at in range(most))
    assert sockets.spares(instance(0, is_private=True), WEB) == ()


def test_a_socket_goes_when_nobody_wants_it_but_a_kept_port_rests() -> None:
    one = instance(1)
    one.run = replace(one.run, replica=1)
    wanted = sockets.wanted(one, WEB, Path("/data"))
    held = [
        "Process/shop/web#replica0:own",
        "Process/shop/web#replica0:gone",
        "Process/shop/web#tcp:127.0.0.1:8080",
        "Process/shop/web#tcp:127.0.0.1:9090",
        "Process/shop/web#trial1:public",
        "Process/shop/web2#tcp:127.0.0.1:1",
        "Process/shop/web#replica1:own",
        "Process/shop/web#replica10:own",
    ]
    assert sockets.unneeded(held, WEB, wanted) == (held[1], held[3], held[4])
    assert sockets.resting(held, WEB, wanted) == (held[0], held[7])
    assert sockets.kept(held, WEB, "own") == (held[0], held[6], held[7])
    assert sockets.unneeded(held, WEB, ()) == (*held[:5], *held[6:])
    assert sockets.resting(held, WEB, ()) == ()


def test_a_unit_is_known_again_from_its_record() -> None:
    unit = Unit(
        id=WEB, declared=WEB, application="shop", serving=instance(0), candidate=instance(1, is_private=True), leaving=[instance(2)]
    )
    assert unit.serving is not None
    unit.serving.last = Attempt(number=3, pid=7, start_time=1, boot_id="b", started_at=2.0, sockets=[{"name": "own"}])
    again = Unit.from_json(unit.to_json())
    assert again.to_json() == unit.to_json()
    assert [it.machine.is_candidate for it in again] == [False, True, False]
    assert again.serving is not None
    assert (again.serving.machine.spec, again.serving.is_found) == (replace(SPEC, progress_deadline=60.0), True)
    suspended = Unit(id=WEB, declared=WEB, application="shop", suspended=State.of({"suspended": True}))
    assert Unit.from_json(suspended.to_json()).suspended == suspended.suspended


def test_log_files_are_named_by_resource_and_slot(tmp_path: Path) -> None:
    assert logs.file_of(tmp_path, WEB, 1, "shop").name == "web@1.log"
    assert logs.file_of(tmp_path, WEB, 0, "other").name == "shop~web@0.log"
    for name in ("web@0.log", "web@1.log", "web.1@0.log", "web@0.log.1"):
        (tmp_path / name).write_text("x\n")
    assert {path.name for path in logs.files_of(tmp_path, WEB, "shop")} == {"web@0.log", "web@1.log"}


def test_the_tail_reaches_into_the_rotated_file_and_into_the_slot_before(tmp_path: Path) -> None:
    older, newer = tmp_path / "web@0.log", tmp_path / "web@1.log"
    older.write_text("".join(f"old {number}\n" for number in range(5)))
    newer.with_name("web@1.log.1").write_text("rotated 1\nrotated 2\n")
    newer.write_bytes(b"new 1\r\nbad \xff\n" + b"y" * 10_000)
    found = logs.tail((older, newer), 7)
    assert found[:6] == ("old 3", "old 4", "rotated 1", "rotated 2", "new 1", "bad \ufffd")
    assert len(found[6]) == logs.LONGEST_LINE
    assert logs.tail((older, newer), 0) == ()
    assert len(logs.tail((older, newer), 100)) == 10


def test_one_attempts_lines_are_told_from_those_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "web@0.log"
    path.write_text("first\n")
    start = logs.size(path)
    with path.open("a") as file:
        file.write("".join(f"second {number}\n" for number in range(80)))
    end = logs.size(path)
    with path.open("a") as file:
        file.write("third\n")
    found = logs.since(path, start, end)
    assert (len(found), found[0], found[-1]) == (50, "second 30", "second 79")
    path.write_text("after a rotation\n")
    assert logs.since(path, end) == ("after a rotation",)
    assert logs.since(tmp_path / "none", 0) == ()


def test_a_follower_gives_whole_lines_and_survives_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "web@0.log"
    path.write_text("before\n")
    follower = logs.Follower(path, logs.size(path))
    with path.open("a") as file:
        file.write("half")
        file.flush()
        assert follower.more() == ()
        file.write(" and half\nnext\n")
    assert follower.more() == ("half and half", "next")
    path.write_text("new\n")
    assert follower.more() == ("new",)


def test_a_cgroup_is_made_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "memory" / "unit").mkdir(parents=True)
    assert cgroup.base("4:memory:/unit\n0::/elsewhere\n", tmp_path) == tmp_path / "memory" / "unit"
    assert cgroup.base("4:memory:/gone\n", tmp_path) is None
    assert cgroup.base("0::/\n", tmp_path) is None
    (tmp_path / "system.slice" / "holdfast.service" / "daemon").mkdir(parents=True)
    assert cgroup.base("0::/system.slice/holdfast.service/daemon\n", tmp_path) is None  # nobody gave it away
    assert cgroup.make(tmp_path, "web", 1 << 20) is None  # no memory controller there
    group = tmp_path / "holdfast-web"
    group.mkdir()
    (group / "memory.max").write_text("max\n")
    procs = cgroup.make(tmp_path, "web", 1 << 20)
    assert procs == f"{group}/cgroup.procs"
    assert cgroup.limit_of(procs) == 1 << 20
    assert cgroup.limit_to(procs, 2 << 20)
    assert cgroup.limit_of(procs) == 2 << 20


SAID = [
    (
        Emit("process.started", data={"candidate": True}),
        events.process_started(at=1.0, application="shop", id=WEB, pid=7, slot=0, spawn="base/1", candidate=True, operation="op"),
    ),
    (
        Emit(
            "process.exited",
            Severity.WARNING,
            {"exit_code": None, "signal": 9, "seconds": 2.0, "expected": False, "candidate": False, "reason": "crash"},
        ),
        events.process_exited(
            at=1.0, application="shop", id=WEB, pid=7, slot=0, exit_code=None, signal="SIGKILL", seconds=2.0, expected=False, log=["last"]
        ),
    ),
    (Emit("process.ready", data={"seconds": 0.5}), events.process_ready(at=1.0, application="shop", id=WEB, pid=7, slot=0, seconds=0.5)),
    (
        Emit("process.unready", Severity.WARNING, {"message": "no"}),
        events.process_unready(at=1.0, application="shop", id=WEB, pid=7, slot=0, message="no"),
    ),
    (
        Emit("process.oom", Severity.ERROR, {"limit": 5, "used": 6}),
        events.process_oom(at=1.0, application="shop", id=WEB, pid=7, limit=5, used=6),
    ),
    (
        Emit("process.crash_looping", Severity.ERROR, {"restarts": 5, "delay_s": 2.0}),
        events.process_crash_looping(at=1.0, application="shop", id=WEB, restarts=5, next_at=3.0, log=["last"]),
    ),
]


@pytest.mark.parametrize(("said", "event"), SAID, ids=[said.type for said, _ in SAID])
def test_what_a_machine_says_has_the_shape_that_the_house_writes(said: Emit, event: object) -> None:
    unit = Unit(id=WEB, declared=WEB, application="shop")
    assert telling.event(unit, instance(), said, at=1.0, pid=7, spawn_id="base/1", log=("last",)) == event


def test_many_changes_of_one_id_are_one_and_each_watcher_hears_all() -> None:
    async def story() -> None:
        news = News()
        async with asyncio.timeout(20), Tasks() as tasks:
            queues: list[asyncio.Queue[ResourceId]] = [asyncio.Queue(), asyncio.Queue()]
            is_ready = asyncio.Semaphore(0)

            async def listen(queue: asyncio.Queue[ResourceId]) -> None:
                is_ready.release()
                async for id in news.watch():
                    queue.put_nowait(id)

            for at, queue in enumerate(queues):
                tasks.start(f"listen {at}", listen(queue))
                await is_ready.acquire()
            for id in (WEB, WEB, DB, WEB):
                news.tell(id)
            for queue in queues:
                assert [await queue.get() for _ in range(2)] == [WEB, DB]
                assert queue.empty()
            await tasks.stop()

    asyncio.run(story())
