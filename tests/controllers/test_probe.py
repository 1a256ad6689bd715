"""The probe controller on a scripted engine and net: what is due is asked, every look is answered, none is asked twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from holdfast.controllers.probe import LOOKS, ProbeController
from holdfast.errors import TimedOut, Unavailable
from holdfast.host.clock import RealClock
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import Tasks
from holdfast.model.ports import HttpAnswer
from holdfast.workload.probe import Due, ProbeKind

READINESS = ProbeKind.READINESS


class ScriptedEngine:
    """Has looks due that a test put there."""

    def __init__(self) -> None:
        self.waiting: list[Due] = []
        self.later: list[tuple[float, Due]] = []
        self.answers: asyncio.Queue[tuple[str, ProbeKind, bool, str]] = asyncio.Queue()
        self._wake: Callable[[], None] | None = None

    def put(self, *dues: Due) -> None:
        self.waiting.extend(dues)
        if self._wake is not None:
            self._wake()

    def due(self, now: float) -> tuple[Due, ...]:
        ripe = [due for at, due in self.later if at <= now]
        self.later = [(at, due) for at, due in self.later if at > now]
        found, self.waiting = (*self.waiting, *ripe), []
        return found

    def next_due_at(self) -> float | None:
        return min((at for at, _ in self.later), default=None)

    def answer(self, key: str, kind: ProbeKind, *, ok: bool, detail: str) -> None:
        self.answers.put_nowait((key, kind, ok, detail))

    def on_due(self, wake: Callable[[], None]) -> None:
        self._wake = wake


class ScriptedNet:
    """Answers by port; counts how many look at once."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.began = asyncio.Semaphore(0)
        self.under_way = 0
        self.most = 0
        self.asked: list[tuple[str, Mapping[str, str] | None]] = []

    async def connect(self, target: Mapping[str, Json], *, timeout_s: float) -> None:
        match target.get("port"):
            case 1:
                raise Unavailable("HF3090", "cannot connect to 127.0.0.1:1: connection refused")
            case 2:
                raise TimedOut("HF3091", "cannot connect")
            case 3:
                raise RuntimeError("planted")
            case 4:
                self.under_way += 1
                self.most = max(self.most, self.under_way)
                self.began.release()
                await self.gate.wait()
                self.under_way -= 1

    async def http(
        self,
        target: Mapping[str, Json],
        *,
        method: str = "GET",
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> HttpAnswer:
        self.asked.append((path, headers))
        status = target["port"]
        assert isinstance(status, int)
        return HttpAnswer(status=status)


def look(key: str, port: int, method: str = "tcp", **more: Json) -> Due:
    return Due(key=key, kind=READINESS, method=method, timeout_s=0.5, target={"port": port, **more})


def play(story: Callable[[ScriptedEngine, ScriptedNet], Coroutine[Any, Any, None]]) -> list[str]:
    """Run a story beside a controller; return the crashes that were told."""
    crashes: list[str] = []

    async def run() -> None:
        engine, net = ScriptedEngine(), ScriptedNet()
        controller = ProbeController(probed=engine, net=net, clock=RealClock(), crashed=lambda name, error: crashes.append(repr(error)))
        async with asyncio.timeout(20), Tasks() as tasks:
            tasks.start("controller", controller.run())
            await story(engine, net)
            await tasks.stop()

    asyncio.run(run())
    return crashes


def test_http_passes_from_200_to_399_and_carries_path_and_headers() -> None:
    async def story(engine: ScriptedEngine, net: ScriptedNet) -> None:
        for status, ok, detail in (
            (200, True, ""),
            (399, True, ""),
            (400, False, "HTTP 400"),
            (503, False, "HTTP 503"),
            (199, False, "HTTP 199"),
        ):
            engine.put(look("a", status, "http", ask="/up?x=1", headers={"Host": "shop"}))
            assert await engine.answers.get() == ("a", READINESS, ok, detail)
        assert net.asked[0] == ("/up?x=1", {"Host": "shop"})

    assert play(story) == []


def test_a_refusal_a_timeout_and_a_crash_are_failures_and_the_crash_is_told() -> None:
    async def story(engine: ScriptedEngine, net: ScriptedNet) -> None:
        for port, detail in (
            (1, "cannot connect to 127.0.0.1:1: connection refused"),
            (2, "no answer within 0.5 s"),
            (3, "the look itself failed"),
        ):
            engine.put(look("a", port))
            assert await engine.answers.get() == ("a", READINESS, False, detail)
        engine.put(look("b", 80, "unix"))
        assert await engine.answers.get() == ("b", READINESS, True, "")

    assert play(story) == ["RuntimeError('planted')"]


def test_what_becomes_due_is_asked_when_it_is() -> None:
    async def story(engine: ScriptedEngine, net: ScriptedNet) -> None:
        engine.later.append((asyncio.get_running_loop().time() + 0.05, look("later", 80)))
        engine.put(look("now", 80))
        assert [(await engine.answers.get())[0] for _ in range(2)] == ["now", "later"]

    assert play(story) == []


def test_only_so_many_looks_are_under_way_at_once() -> None:
    async def story(engine: ScriptedEngine, net: ScriptedNet) -> None:
        count = LOOKS + 20
        engine.put(*(look(str(number), 4) for number in range(count)))
        engine.put(look("last", 80))
        for _ in range(LOOKS):
            await net.began.acquire()
        net.gate.set()
        keys = {(await engine.answers.get())[0] for _ in range(count + 1)}
        assert (len(keys), net.most) == (count + 1, LOOKS)

    assert play(story) == []


def test_a_look_that_is_cut_off_by_the_end_of_the_daemon_is_no_failure() -> None:
    async def story(engine: ScriptedEngine, net: ScriptedNet) -> None:
        engine.put(look("a", 4))
        await net.began.acquire()
        kept.append(engine)

    kept: list[ScriptedEngine] = []
    assert play(story) == []
    assert kept[0].answers.empty()
