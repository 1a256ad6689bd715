"""Looks: when the probes of all instances are due, and how those are asked that nobody outside can ask: exec and log.

http and tcp looks are handed to the probe controller (`due`, `answer`); exec runs as a short-lived child of the keeper, as the user and
in the environment of the process; log reads what the attempt wrote. Timers stand only where a probe is declared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from holdfast.engines.process import logs, sockets
from holdfast.engines.process.instance import Instance
from holdfast.engines.process.link import Link
from holdfast.engines.process.roster import Roster
from holdfast.engines.process.spawning import Spawning
from holdfast.engines.process.supervision import KEEPER_LOST, Supervision
from holdfast.errors import EngineError, Unavailable
from holdfast.host.keeper_state import Exit
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.workload import probe
from holdfast.workload.probe import Due, ProbeKind, Probing
from holdfast.workload.process import aim
from holdfast.workload.process_spec import ExecProbe, LogProbe, ProbeSpec
from holdfast.workload.supervisor import Probed


@dataclass(slots=True)
class _Reading:
    """How far a log probe has read: of which attempt, up to where, and whether it has found its text."""

    attempt: int
    follower: logs.Follower
    is_found: bool = False


class Looks:
    """Filled by the supervision, which says when the probes of an instance have changed."""

    def __init__(self, *, roster: Roster, link: Link, spawning: Spawning, clock: Clock) -> None:
        self._roster = roster
        self._link = link
        self._spawning = spawning
        self._clock = clock
        self._wake: Callable[[], None] | None = None
        self._due_at: float | None = None
        self._running: dict[str, asyncio.Future[Exit]] = {}
        self._reading: dict[tuple[str, ProbeKind], _Reading] = {}
        self._turn = 0

    # For the probe controller

    def on_due(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def next_due_at(self) -> float | None:
        times = [at for instance in self._roster.instances() if (at := _next_at(instance, is_ours=False)) is not None]
        self._due_at = min(times, default=None)
        return self._due_at

    def due(self, now: float) -> tuple[Due, ...]:
        """Return the looks from outside that are due; each is marked as asked."""
        found = []
        for instance in self._roster.instances():
            for kind in _due(instance, now, is_ours=False):
                found.append(_look_at(instance, kind))
                _mark_asked(instance, kind)
        return tuple(found)

    # For the supervision

    def changed(self, instance: Instance, supervision: Supervision) -> None:
        """Set the timer of the looks that are ours, and tell the controller where one of its own is due earlier."""
        if not self._roster.has(instance):
            for kind in ProbeKind:
                self._reading.pop((instance.base, kind), None)
        at = _next_at(instance, is_ours=True)
        if at is None:
            instance.set_timer("look", None)
        else:
            delay = max(0.0, at - self._clock.monotonic())
            instance.set_timer("look", asyncio.get_running_loop().call_later(delay, self._begin, instance, supervision))
        outside = _next_at(instance, is_ours=False)
        if outside is not None and self._wake is not None and (self._due_at is None or outside < self._due_at):
            self._due_at = outside
            self._wake()

    def exited(self, spawn_id: str, how: Exit) -> bool:
        """Take in the exit of a look; say whether it was one."""
        future = self._running.pop(spawn_id, None)
        if future is not None and not future.done():
            future.set_result(how)
        return future is not None

    def lost(self) -> None:
        """The keeper is gone, and with it the exits of the looks that it ran."""
        for spawn_id in tuple(self._running):
            self.exited(spawn_id, Exit(code=None, signal=None, at=self._clock.now(), unknown=True))

    # Our own looks

    def _begin(self, instance: Instance, supervision: Supervision) -> None:
        for kind in _due(instance, self._clock.monotonic(), is_ours=True):
            spec = _spec(instance, kind)
            _mark_asked(instance, kind)
            supervision.start_task(f"look {instance.base}", partial(self._look, instance, supervision, kind, spec, instance.spawn_id))
        self.changed(instance, supervision)

    async def _look(self, instance: Instance, supervision: Supervision, kind: ProbeKind, spec: ProbeSpec, key: str) -> None:
        try:
            ok, detail = await self._answered(instance, supervision, kind, spec)
        except Exception:  # an unanswered probe would never be asked again
            self.answer(supervision, key, Probed(kind, False, "the look itself failed"))
            raise
        self.answer(supervision, key, Probed(kind, ok, detail))

    def answer(self, supervision: Supervision, key: str, said: Probed) -> None:
        """Take the answer to a look; one that comes too late is passed over."""
        found = self._roster.named(key)
        if found is not None and found[1] == found[0].machine.attempt:
            supervision.feed(found[0], said)

    async def _answered(self, instance: Instance, supervision: Supervision, kind: ProbeKind, spec: ProbeSpec) -> tuple[bool, str]:
        """Ask, again where the keeper was lost on the way: that says nothing of the process."""
        while True:
            try:
                return await self._ask(instance, supervision, kind, spec)
            except EngineError as error:
                if error.code not in KEEPER_LOST:
                    return False, error.message
            await self._link.usable()

    async def _ask(self, instance: Instance, supervision: Supervision, kind: ProbeKind, spec: ProbeSpec) -> tuple[bool, str]:
        if spec.exec is not None:
            return await self._run(instance, supervision, spec, spec.exec)
        if spec.log is not None:
            return await self._read(instance, supervision, kind, spec.log)
        return False, "there is nothing to ask"

    async def _run(self, instance: Instance, supervision: Supervision, spec: ProbeSpec, look: ExecProbe) -> tuple[bool, str]:
        """Run the command of an exec probe; one that takes longer than its timeout is killed and has failed."""
        ground, client = await supervision.ground(instance), await self._link.ready()
        self._turn += 1
        spawn_id = f"{instance.base}/look/{instance.machine.attempt}.{self._turn}"
        future: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._running[spawn_id] = future
        try:
            async with asyncio.timeout(spec.timeout):
                await client.spawn(self._spawning.look(instance, ground, look.command, spawn_id))
                how = await future
        except TimeoutError:
            await client.kill(spawn_id)
            return False, f"{look.command[0]} did not end within {spec.timeout:g} s"
        finally:
            self._running.pop(spawn_id, None)
            if not client.is_closed:
                supervision.forget(spawn_id)
        if how.unknown:
            raise Unavailable("HF3003", f"cannot run {look.command[0]}: the keeper was lost")
        if how.code == 0:
            return True, ""
        words = f"exit code {how.code}" if how.code is not None else f"signal {how.signal}"
        return False, f"{look.command[0]}: {words}"

    async def _read(self, instance: Instance, supervision: Supervision, kind: ProbeKind, look: LogProbe) -> tuple[bool, str]:
        """Look for the text of a log probe in what the attempt wrote so far; once found it stays found."""
        ground, attempt = await supervision.ground(instance), instance.machine.attempt
        reading = self._reading.get((instance.base, kind))
        if reading is None or reading.attempt != attempt:
            start = instance.last.log_at if instance.last is not None else 0
            reading = self._reading[instance.base, kind] = _Reading(attempt, logs.Follower(ground.log, start))
        if not reading.is_found:
            reading.is_found = any(look.contains in line for line in reading.follower.more())
        return reading.is_found, "" if reading.is_found else f"no line with {look.contains!r} yet"


def _spec(instance: Instance, kind: ProbeKind) -> ProbeSpec:
    probing = instance.machine.probing
    assert probing is not None
    return probing.counts[kind].spec


def _is_ours(spec: ProbeSpec) -> bool:
    return spec.exec is not None or spec.log is not None


def _next_at(instance: Instance, *, is_ours: bool) -> float | None:
    probing = instance.machine.probing
    if probing is None:
        return None
    times = [count.next_at for count in probing.counts.values() if not count.is_told and _is_ours(count.spec) is is_ours]
    return min((at for at in times if at is not None), default=None)


def _due(instance: Instance, now: float, *, is_ours: bool) -> tuple[ProbeKind, ...]:
    probing = instance.machine.probing
    if probing is None:
        return ()
    return tuple(kind for kind in probe.due(probing, now) if _is_ours(probing.counts[kind].spec) is is_ours)


def _mark_asked(instance: Instance, kind: ProbeKind) -> None:
    probing: Probing | None = instance.machine.probing
    if probing is not None:
        instance.machine = replace(instance.machine, probing=probe.asked(probing, kind))


def _look_at(instance: Instance, kind: ProbeKind) -> Due:
    """Return an http or tcp look as the controller asks it: where the process is to be found."""
    spec = _spec(instance, kind)
    name, port = aim(instance.run.spec, spec)
    held = instance.sockets.get(name) if name is not None else None
    target: dict[str, Json] = {"host": "127.0.0.1", "port": port} if held is None else sockets.target(held)
    method = "unix" if "path" in target else "tcp"
    if spec.http is not None:
        method = "http"
        target |= {"ask": spec.http.path, "headers": dict(spec.http.headers)}
    return Due(key=instance.spawn_id, kind=kind, method=method, timeout_s=spec.timeout, target=target)
