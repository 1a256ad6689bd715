"""What the tests of the process engine stand on: an engine on a real keeper, records that live in memory, and small programs to run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from holdfast.core.rollout import steps
from holdfast.engines.process import cgroup
from holdfast.engines.process.engine import ProcessEngine
from holdfast.engines.process.spawning import Users
from holdfast.errors import Rejected
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.keeper_client import peek
from holdfast.host.users import RunUser
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.secret import Secret
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Observation
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Derived, Resource
from holdfast.model.state import State
from holdfast.workload.process import ProcessKind
from holdfast.workload.process_spec import ProcessSpec
from holdfast.workload.run import write

T = TypeVar("T")
DEADLINE_S = 30.0
LOOK_AGAIN_S = 0.02
PATH = "/usr/local/bin:/usr/bin:/bin"
SLEEPER = ("sleep", "1000")

SERVER = """
import os, signal, socket, threading
listener = socket.socket(fileno=3)
ended = threading.Event()
listener.settimeout(0.05)
signal.signal(signal.SIGTERM, lambda *_: ended.set())
print("serving", flush=True)
while not ended.is_set():
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        continue
    connection.settimeout(5)
    with connection:
        connection.recv(1000)
        body = b"%s from %d" % (os.environ.get("WORD", "").encode(), os.getpid())
        connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
"""
"""Answers HTTP on its first held socket, and ends on SIGTERM after the request in hand."""


class MemoryRecords:
    """Records of one space; what is put is kept as JSON text, as a store would."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, key: str) -> Json:
        text = self._values.get(key)
        return None if text is None else json.loads(text)

    def all(self) -> Mapping[str, Json]:
        return {key: json.loads(text) for key, text in self._values.items()}

    async def put(self, key: str, value: Json) -> None:
        self._values[key] = json.dumps(value)

    async def drop(self, key: str) -> None:
        self._values.pop(key, None)


@dataclass
class FixedSecrets:
    values: dict[str, str] = field(default_factory=dict)

    def resolve(self, reference: str) -> Secret:
        if reference not in self.values:
            raise Rejected("HF3110", f"cannot resolve secret {reference}")
        return Secret(self.values[reference])

    def fingerprint(self, reference: str) -> str | None:
        return None


class Ourselves:
    async def user_of(self, application: str, user: str | None) -> RunUser:
        return RunUser(uid=-1, gid=-1, name="tester")


@dataclass
class Folders:
    root: Path

    def release(self, application: str, release_id: str) -> Path:
        return self.root / "releases" / release_id

    def data_dir(self, application: str, user: RunUser) -> Path:
        folder = self._made("data", application)
        os.chown(folder, user.uid, user.gid)
        return folder

    def log_dir(self, application: str) -> Path:
        return self._made("logs", application)

    def _made(self, *names: str) -> Path:
        folder = self.root.joinpath(*names)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Running:
    """One engine that runs, as one daemon has it, and what it told."""

    def __init__(self, engine: ProcessEngine, tasks: Tasks) -> None:
        self.engine = engine
        self.told: list[Event] = []
        self.tasks = tasks
        self._operation = 0
        self._bell = Wakeup()
        self._is_writing = True

    def hold_the_pen(self) -> None:
        """Have the store answer no more: what happens from now on is written by nobody."""
        self._is_writing = False

    async def emit(self, event: Event) -> None:
        if not self._is_writing:
            await asyncio.Event().wait()
        self.told.append(event)
        self._bell.wake()

    async def listen(self) -> None:
        """Ring at every change that the engine tells."""
        async for _ in self.engine.watch():
            self._bell.wake()

    def of_type(self, type: str) -> list[Event]:
        return [event for event in self.told if event.type == type]

    async def see(self, resource: Resource) -> Observation:
        return (await self.engine.observe([resource.id])).observed[resource.id]

    async def handle(self, resource: Resource) -> dict[str, Any]:
        return dict((await self.see(resource)).handle or {})

    async def pid(self, resource: Resource) -> int:
        pid = (await self.handle(resource))["pid"]
        assert isinstance(pid, int)
        return pid

    async def until(self, condition: Callable[[], Awaitable[T | None]]) -> T:
        """Wait until a look gives something: at every change that is told, and now and then for what nobody tells (a file, a line)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            while not (found := await condition()):
                await self._bell.wait_until(loop.time() + LOOK_AGAIN_S)
        return found

    async def until_phase(self, resource: Resource, *phases: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            handle = await self.handle(resource)
            return handle if handle.get("phase") in phases else None

        return await self.until(look)

    async def until_told(self, type: str, count: int = 1) -> list[Event]:
        async def look() -> list[Event] | None:
            return self.of_type(type) if len(self.of_type(type)) >= count else None

        return await self.until(look)

    async def until_new_pid(self, resource: Resource, old: int) -> int:
        async def look() -> int | None:
            pid = (await self.handle(resource)).get("pid")
            return pid if isinstance(pid, int) and pid != old else None

        return await self.until(look)

    # Rollouts, as the walker does them

    def operation(self) -> str:
        self._operation += 1
        return f"op-{id(self)}-{self._operation}"

    def steps(
        self, before: State | None, resource: Resource, deadline_s: float = 10.0, style: RolloutStyle | None = None
    ) -> tuple[Step, ...]:
        verb = Verb.CREATE if before is None else Verb.UPDATE
        change = Change(id=resource.id, verb=verb, reason=Reason.DECLARED, before=before, after=resource.state)
        style = style or ProcessKind().style(before or State.of({}), resource.state)
        return steps(change, resource, style, self.operation(), deadline_s)

    async def roll(self, resource: Resource, deadline_s: float = 10.0, style: RolloutStyle | None = None) -> tuple[StepVerb, ...]:
        """Bring a resource up, or to its new state, through the steps of its style; return their verbs."""
        before = (await self.see(resource)).state
        done = self.steps(before, resource, deadline_s, style)
        for step in done:
            await self.engine.apply(step)
        return tuple(step.verb for step in done)

    async def delete(self, resource: Resource) -> None:
        change = Change(id=resource.id, verb=Verb.DELETE, reason=Reason.PRUNED, before=resource.state, after=None)
        await self.engine.apply(Step(operation=self.operation(), verb=StepVerb.DELETE, change=change, resource=None))


class House:
    """A state folder, and the records that outlive each engine on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run_dir = root / "run"
        self.records = MemoryRecords()
        self.secrets = FixedSecrets()
        self.places = Folders(root)
        self.clock: Clock = RealClock()
        self.users: Users = Ourselves()
        self.cgroups: Callable[[], Path | None] = cgroup.own
        self.crashes: list[BaseException] = []

    def engine(self, emit: Callable[[Event], Awaitable[None]]) -> ProcessEngine:
        return ProcessEngine(
            run_dir=self.run_dir,
            records=self.records,
            secrets=self.secrets,
            users=self.users,
            places=self.places,
            emit=emit,
            clock=self.clock,
            random=RealRandom(),
            search_path=PATH,
            applied=lambda id: None,
            crashed=lambda name, error: self.crashes.append(error),
            cgroups=self.cgroups,
        )

    @contextlib.asynccontextmanager
    async def daemon(self) -> AsyncIterator[Running]:
        """Run an engine as a daemon does, and end it as a daemon ends: everything goes on without it."""

        async def emit(event: Event) -> None:
            await running.emit(event)

        engine = self.engine(emit)
        async with Tasks() as tasks:
            running = Running(engine, tasks)
            await engine.start()
            tasks.start("engine", engine.run())
            tasks.start("listen", running.listen())
            try:
                yield running
            finally:
                await tasks.stop()
                await engine.aclose()
        assert self.crashes == []

    def clear(self) -> None:
        """End what is kept, and the keeper."""
        found = peek(self.run_dir)
        if found is None:
            return
        info, state = found
        for child in state.children:
            if child.alive and child.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(info.pid, signal.SIGKILL)


def run(story: Coroutine[Any, Any, T]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(DEADLINE_S * 2):
            return await story

    return asyncio.run(bounded())


def process(spec: ProcessSpec, name: str = "web", *, release: str | None = None, replica: int | None = None) -> Resource:
    """Return the resource of a spec; with `replica` that one of several. Marked, so that a test that leaves it behind is found."""
    marked = replace(spec, env={**spec.env, "HOLDFAST_TEST_RUN": os.environ["HOLDFAST_TEST_RUN"]})
    fields = write(marked, release=release, deadline_s=10.0, fingerprints={})
    declared = ResourceId(HOST, "Process", "shop", name)
    labels = {APPLICATION: "shop"}
    if replica is None:
        return Resource(id=declared, state=State.of(fields), labels=labels)
    fields.pop("replicas", None)
    id = declared._replace(name=f"{name}.{replica}")
    return Resource(id=id, state=State.of({**fields, "replica": replica}), owner=Derived((declared,)), labels=labels)


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-u", "-c", script)


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
