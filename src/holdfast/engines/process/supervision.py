"""Supervision: feeds the machines of all instances and does what they say.

Each instance has a machine (workload.supervisor) and a queue of what it wants of the keeper, worked off by one short task in order. What a
machine says to be started goes to the keeper at once; events and records are written after the fact by the scribe. Knows nothing of steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from holdfast.engines.process import cgroup, logs, sockets, telling
from holdfast.engines.process.instance import Attempt, Instance, Unit
from holdfast.engines.process.link import Link
from holdfast.engines.process.roster import Roster
from holdfast.engines.process.scribe import Scribe
from holdfast.engines.process.spawning import Ground, Spawning
from holdfast.errors import Conflict, EngineError, Retry, StoreError, TimedOut
from holdfast.host.files import told
from holdfast.host.keeper_client import KeeperClient
from holdfast.host.keeper_state import Child, Exit, HeldSocket, Notified, SocketUse
from holdfast.host.news import News
from holdfast.kit.clock import Clock, Random
from holdfast.kit.cron import Cron
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.workload.supervisor import (
    Changed,
    Command,
    CronDue,
    Emit,
    Exited,
    Incident,
    Kill,
    Phase,
    Replace,
    Signal,
    Spawn,
    Spawned,
    SpawnFailed,
    Stop,
    Timer,
    Wake,
    advance,
)
from holdfast.workload.supervisor import Notified as Told

LONGEST_TIMER_S = 3600.0
"""The wall clock may be set: a cron time is looked at again at least this often."""
KEEPER_AGAIN_S = 0.2
KEEPER_LOST = frozenset({"HF3003", "HF3004", "HF3015", "HF3028"})
"""What says that the keeper did not answer; nothing is known of the start then."""
DOOR_S, DOOR_AGAIN_S = 1.0, 0.01
"""How long who came may take to be let in before a replica ends, and between two looks."""
CGROUP_EMPTY_S = 1.0
"""What was killed with a process is gone within this."""
GONE_AFTER_S = 20.0
"""Beyond the stop timeout: how long a killed group may take to be gone."""


class Supervision:
    """`held`: the sockets that the keeper holds, by key. `probing_changed` is told of every change of an instance's probes.

    `cgroups`: where memory limits are set, None where they are sampled; `mark` tells our groups from those of another installation.
    """

    def __init__(
        self,
        *,
        roster: Roster,
        link: Link,
        spawning: Spawning,
        scribe: Scribe,
        news: News,
        clock: Clock,
        random: Random,
        cgroups: Path | None,
        mark: str,
        probing_changed: Callable[[Instance], None],
    ) -> None:
        self._roster = roster
        self._link = link
        self._spawning = spawning
        self._scribe = scribe
        self._news = news
        self._clock = clock
        self._random = random
        self._probing_changed = probing_changed
        self._tasks: Tasks | None = None
        self._grounds: dict[str, Ground] = {}
        self._turn = 0
        self._cgroups = cgroups
        self._mark = mark
        self._limited: Callable[[], None] | None = None
        self.held: dict[str, HeldSocket] = {}

    def on_limited(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever something runs, or changes, whose memory may have to be sampled."""
        self._limited = wake

    # Tasks

    def begin(self, tasks: Tasks) -> None:
        """Work from now on in `tasks`; what was queued before begins."""
        self._tasks = tasks
        for instance in self._roster.instances():
            self._work_on(instance)
        self.tidy_sockets()

    def tidy_sockets(self) -> None:
        """Let go of what is held and nobody needs: whoever ended while no daemon ran, or no keeper, could not see to it."""
        for declared in dict.fromkeys(unit.declared for unit in self._roster):
            self.start_task(f"release {declared}", partial(self._tidy, declared))

    def tidy_cgroups(self) -> None:
        """Remove the groups of what ended while no daemon ran."""
        if self._cgroups is not None:
            cgroup.sweep(self._cgroups, self._mark)

    def pause(self) -> None:
        """Queue from now on: the tasks are ending."""
        self._tasks = None

    def start_task(self, name: str, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a guarded task under a name that nobody else has; nothing while the engine does not run."""
        if self._tasks is not None:
            self._turn += 1
            self._tasks.start(f"{name} {self._turn}", make(), guard=True)

    # Feeding

    def feed(self, instance: Instance, event: Incident) -> None:
        """Take an event to an instance's machine and do what it says."""
        before = instance.machine
        spawn_id, pid = instance.spawn_id, instance.pid
        machine, commands = advance(before, event, self._clock.monotonic(), self._random.random())
        instance.machine = machine
        if isinstance(event, Exited) and machine is not before:
            self._note_exit(instance)
        for command in commands:
            self._take(instance, command, spawn_id, pid or machine.pid)
        if machine.phase is not before.phase:
            self._phase_changed(instance)
        if self._limited is not None and machine.is_running and machine.spec.limits.memory is not None:
            self._limited()
        if machine.probing is not before.probing:
            self._probing_changed(instance)
        instance.bell.wake()

    def _take(self, instance: Instance, command: Command, spawn_id: str, pid: int | None) -> None:
        match command:
            case Spawn() | Signal() | Kill():
                instance.todo.append(command)
                self._work_on(instance)
            case Wake(at=at):
                delay = max(0.0, at - self._clock.monotonic())
                instance.set_timer("wake", asyncio.get_running_loop().call_later(delay, self.feed, instance, Timer()))
            case Emit():
                self._tell(instance, command, spawn_id, pid)
            case Replace(reason=reason):
                instance.replace = reason
            case Changed():
                self._news.tell(instance.id)

    def _tell(self, instance: Instance, said: Emit, spawn_id: str, pid: int | None) -> None:
        unit = self._roster.get(instance.id)
        if unit is not None:
            at = self._clock.now()
            self._scribe.tell(lambda: telling.event(unit, instance, said, at=at, pid=pid, spawn_id=spawn_id, log=instance.log))

    def _note_exit(self, instance: Instance) -> None:
        """Keep what the attempt wrote last, and that its exit is known."""
        ground = self._grounds.get(instance.base)
        if instance.last is not None:
            instance.last.exited = True
            instance.last.restarts = instance.machine.restarts
        if ground is not None:
            start, end = (instance.last.log_at if instance.last else 0), logs.size(ground.log)
            self._scribe.tell(partial(_read_log, instance, ground.log, start, end))
        self._scribe.mark(instance.id)

    def _phase_changed(self, instance: Instance) -> None:
        machine, last = instance.machine, instance.last
        waits = machine.phase is Phase.BACKOFF and machine.wake_at is not None
        instance.next_at = self._clock.now() + machine.wake_at - self._clock.monotonic() if waits and machine.wake_at is not None else None
        if last is not None and machine.phase is Phase.READY and not last.ready:
            last.ready = True
            self._scribe.mark(instance.id)
        if last is not None and machine.phase in (Phase.COMPLETED, Phase.FAILED):
            last.ended = machine.phase.value
            last.message = machine.ending.message if machine.ending else ""
            self._scribe.mark(instance.id)
        if instance.is_going and instance.is_ended:
            self._gone(instance)

    # What the keeper says

    def exited(self, spawn_id: str, how: Exit) -> None:
        """Take in the exit of a child; one that is nobody's (any more) is forgotten."""
        if found := self._roster.named(spawn_id):
            instance, attempt = found
            self.feed(instance, Exited(attempt, how.code, how.signal, how.oom))
        self._scribe.forget(spawn_id)

    def notified(self, event: Notified) -> None:
        found = self._roster.named(event.spawn_id)
        if found is not None and found[1] == found[0].machine.attempt:
            self.feed(found[0], Told(event.fields))

    def forget(self, spawn_id: str) -> None:
        """Have the keeper forget a child that is of no account any more."""
        self._scribe.forget(spawn_id)

    # Doing

    def _work_on(self, instance: Instance) -> None:
        if instance.todo and not instance.is_busy and self._tasks is not None:
            instance.is_busy = True
            self.start_task(f"work {instance.base}", partial(self._work, instance))

    async def _work(self, instance: Instance) -> None:
        try:
            while instance.todo:
                await self._do(instance, instance.todo.popleft())
        finally:
            instance.is_busy = False
            self._work_on(instance)

    async def _do(self, instance: Instance, command: Command) -> None:
        match command:
            case Spawn(attempt=attempt):
                await self._spawn(instance, attempt)
            case Signal(signal=signal):
                await self._on_keeper(instance, lambda client: self._ask_to_end(client, instance.spawn_id, signal))
            case Kill():
                await self._on_keeper(instance, lambda client: client.kill(instance.spawn_id))

    async def _ask_to_end(self, client: KeeperClient, spawn_id: str, signal: str) -> None:
        """Send the stop signal, and SIGCONT: one that is stopped could not hear it (as systemd does)."""
        if await client.signal(spawn_id, signal):
            await client.signal(spawn_id, "SIGCONT", group=True)

    async def _on_keeper(self, instance: Instance, ask: Callable[[KeeperClient], Awaitable[object]]) -> None:
        """Ask the keeper, again when it was lost on the way; what it refuses is told, and the timer that follows does more."""
        attempt = instance.machine.attempt
        while instance.machine.attempt == attempt and instance.machine.is_running:
            client = await self._link.usable()
            try:
                await ask(client)
            except EngineError as error:
                if error.retry is not Retry.BACKOFF:
                    return
                await self._clock.sleep(KEEPER_AGAIN_S)
            else:
                return

    async def _spawn(self, instance: Instance, attempt: int) -> None:
        """Start one attempt; a keeper that was lost on the way is asked again under the same spawn id, so nothing starts twice."""
        if instance.machine.phase is Phase.ABORTING and instance.machine.attempt == attempt:
            self.feed(instance, SpawnFailed(attempt, "it is to stop"))
        while instance.machine.attempt == attempt and instance.machine.phase in (Phase.STARTING, Phase.ABORTING):
            client = await self._link.usable()
            try:
                child = await self._start(client, instance, attempt)
            except (EngineError, StoreError) as error:
                if client.is_closed or error.code in KEEPER_LOST:
                    await self._clock.sleep(KEEPER_AGAIN_S)
                    continue
                self.feed(instance, SpawnFailed(attempt, error.message))
                self._scribe.forget(f"{instance.base}/{attempt}")
            else:
                self._started(instance, attempt, child)
            return

    async def _start(self, client: KeeperClient, instance: Instance, attempt: int) -> Child:
        ground = await self.ground(instance)
        spawn_id = f"{instance.base}/{attempt}"
        log_at = logs.size(ground.log)
        group = self._cgroup(instance)
        names = [spec.name for spec in instance.run.spec.sockets]
        if any(name not in instance.sockets for name in names):
            await self.hold(instance)
        uses = [SocketUse(key=instance.sockets[name].key, name=name) for name in names]
        request = self._spawning.spawn(instance, ground, spawn_id, sockets=uses, cgroup=group)
        try:
            child = await client.spawn(request)
        except Conflict as error:
            if error.code != "HF3010":
                raise
            await self.hold(instance)  # a keeper that is new does not have them yet
            child = await client.spawn(request)
        instance.last = _attempt(instance, attempt, child, log_at, group)
        self._scribe.mark(instance.id)
        return child

    def _started(self, instance: Instance, attempt: int, child: Child) -> None:
        self.feed(instance, Spawned(attempt, child.pid or 0))
        if child.exit is not None:
            self.exited(f"{instance.base}/{attempt}", child.exit)

    def _cgroup(self, instance: Instance) -> str | None:
        """Return the group that the next attempt is started in, None where its memory is not limited, or is sampled."""
        limit = instance.run.spec.limits.memory
        if limit is None or self._cgroups is None:
            return None
        name = f"{self._mark}-{instance.id.namespace}.{instance.id.name}@{instance.slot}-{instance.base.rpartition('/')[2]}"
        return cgroup.make(self._cgroups, name, limit)

    # Ground and sockets

    async def ground(self, instance: Instance) -> Ground:
        """Return where an instance stands, found once. Raises Rejected."""
        ground = self._grounds.get(instance.base)
        if ground is None:
            unit = self._roster.get(instance.id)
            if unit is None:
                raise Conflict("HF3026", f"cannot start {instance.id}: it was deleted meanwhile")
            with told("open the folders of", str(instance.id)):
                ground = await self._spawning.ground(unit, instance)
            self._grounds[instance.base] = ground
        return ground

    async def ground_or_none(self, instance: Instance) -> Ground | None:
        """Return where an instance stands, None where that cannot be had now: its next start says why."""
        try:
            return await self.ground(instance)
        except (EngineError, StoreError):
            return None

    def log_of(self, instance: Instance) -> tuple[str, ...]:
        """Return the last lines that the newest attempt wrote."""
        ground = self._grounds.get(instance.base)
        return () if ground is None else logs.since(ground.log, instance.last.log_at if instance.last else 0)

    async def hold(self, instance: Instance) -> None:
        """Have the sockets of an instance held; raises Conflict naming who has a port."""
        ground, unit = await self.ground(instance), self._roster.get(instance.id)
        if unit is None:
            return
        client = await self._link.ready()
        for one in sockets.wanted(instance, unit.declared, ground.data_dir):
            self.held[one.key] = instance.sockets[one.name] = await sockets.hold(client, one, ground.data_dir, ground.user)
        for key in sockets.spares(instance, unit.declared):
            if key not in self.held:
                self.held[key] = await client.reserve_tcp(key, sockets.HOST)

    async def close_doors(self, unit: Unit) -> None:
        """Let nobody new come to the sockets that are only of the instances of a unit, and return once who came before was let in.

        Whoever asks at another replica, or asks again, is answered there; what was let in is finished by the stop.
        """
        others = {one.key for each in self._roster.group(unit.declared) if each not in unit for one in self._wanted(each, unit.declared)}
        own = {one.key for each in unit for one in self._wanted(each, unit.declared) if not one.port and one.path is None}
        for key in sorted(own - others):
            deadline = self._clock.monotonic() + DOOR_S
            client = await self._link.usable()
            while await client.shut(key) and self._clock.monotonic() < deadline:
                await self._clock.sleep(DOOR_AGAIN_S)

    def _wanted(self, instance: Instance, declared: ResourceId) -> tuple[sockets.Wanted, ...]:
        ground = self._grounds.get(instance.base)
        return sockets.wanted(instance, declared, ground.data_dir) if ground is not None else ()

    async def release_unneeded(self, declared: ResourceId) -> None:
        """Let go of the sockets that no instance of a declared resource wants any more."""
        while True:
            client = await self._link.usable()
            every = self._all_wanted(declared)
            if every is None:
                return
            # From here to what is said to the keeper nothing waits: an instance that comes in next asks the keeper after it.
            held = tuple(self.held)
            if unneeded := sockets.unneeded(held, declared, every):
                del self.held[unneeded[0]]
                await client.release(unneeded[0])
            elif awake := [key for key in sockets.resting(held, declared, every) if not self.held[key].resting]:
                self.held[awake[0]] = replace(self.held[awake[0]], resting=True)
                await client.rest(awake[0])
            else:
                return

    def _all_wanted(self, declared: ResourceId) -> list[sockets.Wanted] | None:
        """Return what all instances of a declared resource want; None while one is just coming in, and whoever ends last tidies up."""
        every: list[sockets.Wanted] = []
        for instance in self._roster.group(declared):
            unit, ground = self._roster.get(instance.id), self._grounds.get(instance.base)
            if unit is None or ground is None:
                return None
            every += sockets.wanted(instance, declared, ground.data_dir)
        return every

    async def _tidy(self, declared: ResourceId) -> None:
        """Let go of what is not needed, by the way: where the keeper is lost meanwhile, who finds its successor comes back to it."""
        with suppress(EngineError):
            await self.release_unneeded(declared)

    # Ends

    def end(self, instance: Instance) -> None:
        """Have an instance end for good: asked, then killed, then forgotten."""
        instance.is_going = True
        self.feed(instance, Stop())
        if instance.is_ended and self._roster.has(instance):
            self._gone(instance)

    async def ended(self, instance: Instance, deadline_s: float) -> None:
        """Wait until an instance is gone; raises TimedOut."""
        deadline = asyncio.get_running_loop().time() + max(deadline_s, instance.run.spec.stop.timeout + GONE_AFTER_S)
        while self._roster.has(instance):
            if not await instance.bell.wait_until(deadline) and self._roster.has(instance):
                words = f"pid {instance.pid} is still there after SIGKILL" if instance.pid else "the keeper does not answer"
                raise TimedOut("HF3025", f"cannot stop {instance.id}: {words}", hint="a process that waits for a disk cannot be killed")

    def _gone(self, instance: Instance) -> None:
        unit = self._roster.get(instance.id)
        instance.drop_timers()
        self._roster.remove(instance)
        self._probing_changed(instance)
        self._grounds.pop(instance.base, None)
        if instance.last is not None and instance.last.cgroup is not None:
            cgroup.remove(instance.last.cgroup)
            asyncio.get_running_loop().call_later(CGROUP_EMPTY_S, cgroup.remove, instance.last.cgroup)
        self._scribe.mark(instance.id)
        self._news.tell(instance.id)
        instance.bell.wake()
        if unit is not None and self.held:
            self.start_task(f"release {unit.declared}", partial(self._tidy, unit.declared))

    # Cron

    def plan_cron(self, instance: Instance) -> None:
        """Set the timer of an instance's next `cronRestart`; by the wall clock, in UTC."""
        text = instance.run.spec.cron_restart
        at = Cron.parse(text).next_after(self._clock.now()) if text is not None else None
        self._wait_for_cron(instance, at)

    def _wait_for_cron(self, instance: Instance, at: float | None) -> None:
        if at is None:
            instance.set_timer("cron", None)
            return
        left = at - self._clock.now()
        if left <= 0:
            self.plan_cron(instance)
            self.feed(instance, CronDue())
            return
        delay = min(left, LONGEST_TIMER_S)
        instance.set_timer("cron", asyncio.get_running_loop().call_later(delay, self._wait_for_cron, instance, at))


def _read_log(instance: Instance, path: Path, start: int, end: int) -> None:
    instance.log = logs.since(path, start, end)


def _attempt(instance: Instance, attempt: int, child: Child, log_at: int, group: str | None) -> Attempt:
    by_key = {held.key: held for held in instance.sockets.values()}
    return Attempt(
        number=attempt,
        pid=child.pid or 0,
        start_time=child.start_time or 0,
        boot_id=child.boot_id,
        started_at=child.started_at,
        log_at=log_at,
        restarts=instance.machine.restarts,
        notify_path=child.notify_path,
        cgroup=group,
        sockets=[
            {"name": use.name, "fd": use.fd, "key": use.key, **_address(by_key[use.key])} for use in child.sockets if use.key in by_key
        ],
    )


def _address(held: HeldSocket) -> dict[str, object]:
    return {"kind": held.kind, "host": held.host, "port": held.port, "path": held.path}
