"""The supervisor: what is done about one running instance of a Process, event by event.

Pure: `advance` takes the machine, an event, the time and a random number, and returns the machine and commands; the process engine feeds
it and does what it says. One machine per resource and slot. A candidate is an instance that does not serve yet: its exit is an answer, so
nobody restarts it. A machine that serves never gives up: it restarts by its policy, at once the first time, then with full jitter.

    idle --Start--> starting
    idle --Adopted--> warming | ready
    idle --Stop--> stopped
    starting --Spawned--> warming | ready
    starting --SpawnFailed--> backoff | failed
    starting --Exited--> starting | backoff | completed | failed
    starting --Stop--> aborting
    aborting --Spawned--> stopping
    aborting --SpawnFailed--> stopped
    aborting --Exited--> stopped
    warming --Exited--> starting | backoff | completed | failed
    warming --Probed--> warming | ready | recycling
    warming --Notified--> warming | ready
    warming --Timer--> warming | ready | recycling
    warming --Stop--> stopping
    warming --Revised--> warming | ready
    ready --Exited--> starting | backoff | completed | failed
    ready --Probed--> ready | unready | recycling
    ready --Notified--> ready | unready
    ready --Timer--> ready | recycling
    ready --Stop--> stopping
    ready --Revised--> warming | ready
    unready --Exited--> starting | backoff | completed | failed
    unready --Probed--> ready | unready | recycling
    unready --Notified--> ready | unready
    unready --Timer--> unready | recycling
    unready --Stop--> stopping
    unready --Revised--> warming | ready
    recycling --Exited--> starting | backoff | failed
    recycling --Timer--> recycling
    recycling --Stop--> stopping
    backoff --Start--> starting
    backoff --Timer--> starting | backoff
    backoff --Stop--> stopped
    backoff --CronDue--> starting
    stopping --Exited--> stopped
    stopping --Timer--> stopping
    stopped --Start--> starting
    completed --Start--> starting
    completed --Stop--> stopped
    completed --CronDue--> starting
    failed --Start--> starting
    failed --Stop--> stopped
    failed --CronDue--> starting

What the table does not have is passed over: an event that comes too late changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.model.event import Severity
from holdfast.workload import probe
from holdfast.workload.probe import ProbeKind, Probing
from holdfast.workload.process_spec import ProcessSpec


class Phase(StrEnum):
    IDLE = "idle"
    STARTING = "starting"
    ABORTING = "aborting"
    """A start is under way, and it is to stop as soon as it is there."""
    WARMING = "warming"
    """It runs and is not ready yet."""
    READY = "ready"
    UNREADY = "unready"
    """It runs, was ready, and its readiness probe fails."""
    RECYCLING = "recycling"
    """It was asked to end because it is not well, and comes back."""
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"
    COMPLETED = "completed"
    """It ended well, and its policy does not restart it."""
    FAILED = "failed"
    """It ended badly, and is not restarted: its policy says so, or it was a candidate."""


RUNNING = frozenset({Phase.WARMING, Phase.READY, Phase.UNREADY, Phase.RECYCLING, Phase.STOPPING})
ENDED = frozenset({Phase.IDLE, Phase.STOPPED, Phase.COMPLETED, Phase.FAILED})


class Cause(StrEnum):
    """Why an instance ended."""

    CLEAN = "clean"
    CRASH = "crash"
    OOM = "oom"
    START = "start-failure"
    HEALTH = "health"
    STOP = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    cause: Cause
    code: int | None = None
    signal: int | None = None
    message: str = ""
    """In words: `exit code 1`, `signal 9`."""


# Events


@dataclass(frozen=True, slots=True)
class Start:
    """It is to run."""


@dataclass(frozen=True, slots=True)
class Spawned:
    attempt: int
    pid: int


@dataclass(frozen=True, slots=True)
class SpawnFailed:
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Adopted:
    """It runs already, `up_s` seconds long, started by a daemon that is no more."""

    attempt: int
    pid: int
    up_s: float
    is_ready: bool
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Exited:
    """The attempt ended; neither code nor signal: nobody knows how."""

    attempt: int
    code: int | None = None
    signal: int | None = None
    oom: bool = False


@dataclass(frozen=True, slots=True)
class Probed:
    kind: ProbeKind
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Notified:
    """What the program said by sd_notify(3)."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Timer:
    """The time of a Wake has come."""


@dataclass(frozen=True, slots=True)
class Stop:
    """It is to end."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """The candidate serves from now on."""


@dataclass(frozen=True, slots=True)
class Revised:
    """What it is supervised by changed in place: probes, restart, stop."""

    spec: ProcessSpec


@dataclass(frozen=True, slots=True)
class MemoryOver:
    used: int


@dataclass(frozen=True, slots=True)
class CronDue:
    """The time of its `cronRestart` has come."""


Incident: TypeAlias = (
    Start | Spawned | SpawnFailed | Adopted | Exited | Probed | Notified | Timer | Stop | Promoted | Revised | MemoryOver | CronDue
)


# Commands


@dataclass(frozen=True, slots=True)
class Spawn:
    attempt: int


@dataclass(frozen=True, slots=True)
class Signal:
    """Send the stop signal to the main process."""

    signal: str


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL the whole group."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Say Timer at `at`; a later Wake takes its place."""

    at: float


@dataclass(frozen=True, slots=True)
class Emit:
    """Say what happened; the engine adds whose it is, pid, slot and log lines."""

    type: str
    severity: Severity = Severity.INFO
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replace:
    """A fresh instance is wanted, rolling: whoever heals sees the reason as a difference of state."""

    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """What people see of it changed."""


Command: TypeAlias = Spawn | Signal | Kill | Wake | Emit | Replace | Changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One instance. Times are seconds of a clock that only grows."""

    spec: ProcessSpec
    is_candidate: bool = False
    phase: Phase = Phase.IDLE
    attempt: int = 0
    """How often it was started."""
    restarts: int = 0
    """In a row, none of them stable."""
    pid: int | None = None
    started_at: float | None = None
    probing: Probing | None = None
    wake_at: float | None = None
    ending: Ending | None = None
    """Of the attempt before, or the last one."""
    is_crash_looping: bool = False

    @property
    def is_running(self) -> bool:
        return self.phase in RUNNING

    @property
    def message(self) -> str:
        """What a person should know of it, beyond its phase."""
        if self.phase in (Phase.WARMING, Phase.UNREADY) and self.probing is not None and self.probing.detail:
            return self.probing.detail
        if self.ending is None or self.phase is Phase.STOPPED:
            return ""
        words = "restarted after " if self.is_running or self.phase is Phase.STARTING else ""
        return f"{words}{self.ending.message}" if self.phase is not Phase.READY or self.is_crash_looping else ""


_UP = (Phase.WARMING, Phase.READY, Phase.UNREADY)
_DOWN = frozenset({Phase.STARTING, Phase.BACKOFF, Phase.COMPLETED, Phase.FAILED})

TABLE: Mapping[tuple[Phase, type], frozenset[Phase]] = {
    (Phase.IDLE, Start): frozenset({Phase.STARTING}),
    (Phase.IDLE, Adopted): frozenset({Phase.WARMING, Phase.READY}),
    (Phase.IDLE, Stop): frozenset({Phase.STOPPED}),
    (Phase.STARTING, Spawned): frozenset({Phase.WARMING, Phase.READY}),
    (Phase.STARTING, SpawnFailed): frozenset({Phase.BACKOFF, Phase.FAILED}),
    (Phase.STARTING, Exited): _DOWN,
    (Phase.STARTING, Stop): frozenset({Phase.ABORTING}),
    (Phase.ABORTING, Spawned): frozenset({Phase.STOPPING}),
    (Phase.ABORTING, SpawnFailed): frozenset({Phase.STOPPED}),
    (Phase.ABORTING, Exited): frozenset({Phase.STOPPED}),
    (Phase.WARMING, Probed): frozenset({Phase.WARMING, Phase.READY, Phase.RECYCLING}),
    (Phase.WARMING, Notified): frozenset({Phase.WARMING, Phase.READY}),
    (Phase.WARMING, Timer): frozenset({Phase.WARMING, Phase.READY, Phase.RECYCLING}),
    (Phase.READY, Probed): frozenset({Phase.READY, Phase.UNREADY, Phase.RECYCLING}),
    (Phase.READY, Notified): frozenset({Phase.READY, Phase.UNREADY}),
    (Phase.READY, Timer): frozenset({Phase.READY, Phase.RECYCLING}),
    (Phase.UNREADY, Probed): frozenset({Phase.READY, Phase.UNREADY, Phase.RECYCLING}),
    (Phase.UNREADY, Notified): frozenset({Phase.READY, Phase.UNREADY}),
    (Phase.UNREADY, Timer): frozenset({Phase.UNREADY, Phase.RECYCLING}),
    **{(phase, Exited): _DOWN for phase in _UP},
    **{(phase, Stop): frozenset({Phase.STOPPING}) for phase in (*_UP, Phase.RECYCLING)},
    **{(phase, Revised): frozenset({Phase.WARMING, Phase.READY}) for phase in _UP},
    (Phase.RECYCLING, Exited): frozenset({Phase.STARTING, Phase.BACKOFF, Phase.FAILED}),
    (Phase.RECYCLING, Timer): frozenset({Phase.RECYCLING}),
    (Phase.BACKOFF, Timer): frozenset({Phase.STARTING, Phase.BACKOFF}),
    (Phase.BACKOFF, Start): frozenset({Phase.STARTING}),
    (Phase.BACKOFF, CronDue): frozenset({Phase.STARTING}),
    (Phase.STOPPING, Exited): frozenset({Phase.STOPPED}),
    (Phase.STOPPING, Timer): frozenset({Phase.STOPPING}),
    **{(phase, Start): frozenset({Phase.STARTING}) for phase in (Phase.STOPPED, Phase.COMPLETED, Phase.FAILED)},
    **{(phase, Stop): frozenset({Phase.STOPPED}) for phase in (Phase.BACKOFF, Phase.COMPLETED, Phase.FAILED)},
    **{(phase, CronDue): frozenset({Phase.STARTING}) for phase in (Phase.COMPLETED, Phase.FAILED)},
}
"""Which phases an event may lead to. Promoted, MemoryOver, CronDue of what runs and Revised of what does not change no phase."""


def diagram() -> str:
    """Return the table as the docstring of this module shows it."""
    phases, kinds = list(Phase), list(Incident.__args__)
    rows = sorted(TABLE.items(), key=lambda row: (phases.index(row[0][0]), kinds.index(row[0][1])))
    return "\n".join(f"    {phase} --{kind.__name__}--> {' | '.join(to for to in phases if to in tos)}" for (phase, kind), tos in rows)


_Step: TypeAlias = tuple[Machine, tuple[Command, ...]]


def advance(machine: Machine, event: Incident, now: float, unit: float) -> _Step:
    """Return the machine after `event`, and what is to be done, in order. `unit` is a random number of [0, 1) for the jitter."""
    if isinstance(event, Promoted):
        return replace(machine, is_candidate=False), (Changed(),)
    if isinstance(event, MemoryOver):
        return _memory_over(machine, event)
    if (machine.phase, type(event)) not in TABLE:
        return _elsewhere(machine, event)
    if isinstance(event, Spawned | SpawnFailed | Exited) and event.attempt != machine.attempt:
        return machine, ()
    after, commands = _turn(machine, event, now, unit)
    is_new = after.wake_at != machine.wake_at or isinstance(event, Timer)
    wake = (Wake(after.wake_at),) if after.wake_at is not None and is_new else ()
    changed = (Changed(),) if _face(after) != _face(machine) else ()
    return after, (*commands, *wake, *changed)


def _face(machine: Machine) -> tuple[object, ...]:
    return machine.phase, machine.pid, machine.restarts, machine.is_crash_looping, machine.message


def _elsewhere(machine: Machine, event: Incident) -> _Step:
    """What a phase without a row of its own makes of an event."""
    if isinstance(event, Revised):
        return replace(machine, spec=event.spec), (Changed(),)
    if isinstance(event, CronDue) and machine.phase in _UP:
        return machine, (Replace("cron"), Changed())
    return machine, ()


def _turn(machine: Machine, event: Incident, now: float, unit: float) -> _Step:
    match event:
        case Start() | CronDue():
            return _start(machine)
        case Stop():
            return _stop(machine, now)
        case Spawned(pid=pid):
            return _spawned(machine, pid, now)
        case SpawnFailed(reason=reason):
            return _spawn_failed(machine, reason, now, unit)
        case Adopted():
            return _adopted(machine, event, now)
        case Exited():
            return _exited(machine, event, now, unit)
        case Probed(kind=kind, ok=ok, detail=detail):
            return _judge(machine, probe.answered(_probing(machine, now), kind, ok=ok, detail=detail, now=now), now)
        case Notified(fields=fields):
            return _judge(machine, probe.told(_probing(machine, now), fields, now), now)
        case Timer():
            return _timer(machine, now)
        case Revised(spec=spec):
            return _revised(machine, spec, now)
    return machine, ()


def _probing(machine: Machine, now: float) -> Probing:
    return machine.probing or probe.begin(machine.spec.probes, now)


def _memory_over(machine: Machine, event: MemoryOver) -> _Step:
    if machine.phase not in _UP:
        return machine, ()
    told = Emit("process.oom", Severity.ERROR, {"limit": machine.spec.limits.memory, "used": event.used})
    return machine, (told, Replace("memory"), Changed())


def _start(machine: Machine) -> _Step:
    attempt = machine.attempt + 1
    return replace(machine, phase=Phase.STARTING, attempt=attempt, wake_at=None), (Spawn(attempt),)


def _spawned(machine: Machine, pid: int, now: float) -> _Step:
    machine = replace(machine, pid=pid, started_at=now)
    started = Emit("process.started", data={"candidate": machine.is_candidate})
    if machine.phase is Phase.ABORTING:
        machine, commands = _ask_to_end(machine, Phase.STOPPING, now)
        return machine, (started, *commands)
    machine = replace(machine, phase=Phase.WARMING, probing=probe.begin(machine.spec.probes, now))
    machine, commands = _settle(machine, now)
    return machine, (started, *commands)


def _adopted(machine: Machine, event: Adopted, now: float) -> _Step:
    machine = replace(
        machine,
        phase=Phase.READY if event.is_ready else Phase.WARMING,
        attempt=event.attempt,
        pid=event.pid,
        started_at=now - event.up_s,
        restarts=event.restarts,
        is_crash_looping=event.restarts >= machine.spec.restart.crash_looping_after,
        probing=probe.begin(machine.spec.probes, now, is_ready=event.is_ready),
    )
    return _settle(machine, now)


def _revised(machine: Machine, spec: ProcessSpec, now: float) -> _Step:
    is_ready = machine.phase is Phase.READY
    machine = replace(machine, spec=spec, phase=Phase.READY if is_ready else Phase.WARMING)
    return _settle(replace(machine, probing=probe.begin(spec.probes, now, is_ready=is_ready)), now)


def _spawn_failed(machine: Machine, reason: str, now: float, unit: float) -> _Step:
    ending = Ending(cause=Cause.START, message=reason)
    machine = replace(machine, pid=None, started_at=None, probing=None, ending=ending)
    if machine.phase is Phase.ABORTING:
        return replace(machine, phase=Phase.STOPPED, wake_at=None), ()
    if machine.is_candidate:
        return replace(machine, phase=Phase.FAILED, wake_at=None), ()
    return _again(machine, now, unit, is_first_free=False)


def _exited(machine: Machine, event: Exited, now: float, unit: float) -> _Step:
    ending = _ending(machine, event)
    up_s = 0.0 if machine.started_at is None else now - machine.started_at
    is_expected = machine.phase in (Phase.STOPPING, Phase.ABORTING)
    data: dict[str, Json] = {"exit_code": event.code, "signal": event.signal, "seconds": up_s, "expected": is_expected}
    told = Emit(
        "process.exited",
        Severity.INFO if is_expected or ending.cause is Cause.CLEAN else Severity.WARNING,
        {**data, "candidate": machine.is_candidate, "reason": ending.cause.value},
    )
    oom = (Emit("process.oom", Severity.ERROR, {"limit": machine.spec.limits.memory, "used": None}),) if event.oom else ()
    if up_s >= machine.spec.restart.stable_after:
        machine = replace(machine, restarts=0, is_crash_looping=False)
    was = machine.phase
    machine = replace(machine, pid=None, started_at=None, probing=None, ending=ending, wake_at=None)
    if is_expected:
        return replace(machine, phase=Phase.STOPPED), (told, *oom)
    if was is Phase.RECYCLING and not machine.is_candidate and machine.spec.restart.policy != "no":
        after, commands = _again(machine, now, unit)
    else:
        after, commands = _after_exit(machine, ending, now, unit)
    return after, (*_spawns_first(commands), told, *oom, *(it for it in commands if not isinstance(it, Spawn)))


def _spawns_first(commands: tuple[Command, ...]) -> tuple[Command, ...]:
    return tuple(command for command in commands if isinstance(command, Spawn))


def _after_exit(machine: Machine, ending: Ending, now: float, unit: float) -> _Step:
    policy = machine.spec.restart.policy
    is_clean = ending.cause is Cause.CLEAN
    if policy == "no" or (policy == "on-failure" and is_clean):
        return replace(machine, phase=Phase.COMPLETED if is_clean else Phase.FAILED), ()
    if machine.is_candidate:
        return replace(machine, phase=Phase.FAILED), ()
    return _again(machine, now, unit)


def _ending(machine: Machine, event: Exited) -> Ending:
    words = f"exit code {event.code}" if event.code is not None else f"signal {event.signal}" if event.signal else "an exit nobody saw"
    if machine.phase in (Phase.STOPPING, Phase.ABORTING):
        cause = Cause.STOP
    elif event.oom:
        cause, words = Cause.OOM, f"{words}, out of memory"
    elif machine.phase is Phase.RECYCLING:
        cause, words = Cause.HEALTH, machine.ending.message if machine.ending else words
    elif event.code is None and event.signal is None:
        cause = Cause.UNKNOWN
    else:
        is_clean = event.code == 0 or event.code in machine.spec.restart.success_codes
        cause = Cause.CLEAN if is_clean else Cause.CRASH
    return Ending(cause=cause, code=event.code, signal=event.signal, message=words)


def _again(machine: Machine, now: float, unit: float, *, is_first_free: bool = True) -> _Step:
    """Start anew: the first time after `first_delay` (nothing, by default), then with backoff. It is shown when it goes on and on."""
    restart = machine.spec.restart
    restarts = machine.restarts + 1
    is_looping = restarts >= restart.crash_looping_after
    news = is_looping and not machine.is_crash_looping
    machine = replace(machine, restarts=restarts, is_crash_looping=machine.is_crash_looping or is_looping)
    backoff = Backoff(first_s=restart.backoff, cap_s=restart.max_delay)
    delay = restart.first_delay if restarts == 1 and is_first_free else backoff.full_jitter(max(1, restarts - 1), unit)
    commands: tuple[Command, ...] = ()
    if delay <= 0:
        machine, commands = _start(machine)
    else:
        machine = replace(machine, phase=Phase.BACKOFF, wake_at=now + delay)
    if news:
        commands = (*commands, Emit("process.crash_looping", Severity.ERROR, {"restarts": restarts, "delay_s": delay}))
    return machine, commands


def _stop(machine: Machine, now: float) -> _Step:
    match machine.phase:
        case Phase.STARTING:
            return replace(machine, phase=Phase.ABORTING), ()
        case Phase.RECYCLING:
            return replace(machine, phase=Phase.STOPPING), ()
        case Phase.WARMING | Phase.READY | Phase.UNREADY:
            return _ask_to_end(machine, Phase.STOPPING, now)
    return replace(machine, phase=Phase.STOPPED, wake_at=None, is_crash_looping=False), ()


def _ask_to_end(machine: Machine, phase: Phase, now: float) -> _Step:
    stop = machine.spec.stop
    machine = replace(machine, phase=phase, probing=None, wake_at=now + stop.timeout)
    return machine, (Signal(stop.signal),)


def _timer(machine: Machine, now: float) -> _Step:
    if machine.wake_at is None or now < machine.wake_at:
        return machine, ()
    machine = replace(machine, wake_at=None)
    match machine.phase:
        case Phase.BACKOFF:
            return _start(machine)
        case Phase.STOPPING | Phase.RECYCLING:
            return machine, (Kill(),)
    probing = _probing(machine, now)
    for kind in probe.overdue(probing, now):
        probing = probe.answered(probing, kind, ok=False, detail="no WATCHDOG=1 in time", now=now)
    return _judge(machine, probing, now)


def _judge(machine: Machine, probing: Probing, now: float) -> _Step:
    """Take in new counts of probes: a failing startup or liveness probe recycles it, readiness moves it between ready and unready."""
    for kind in (ProbeKind.STARTUP, ProbeKind.LIVENESS):
        count = probing.counts.get(kind)
        if count is not None and count.is_passing is False:
            message = f"{kind} probe failed {count.failures} times: {count.detail}"
            machine = replace(machine, ending=Ending(cause=Cause.HEALTH, message=message))
            machine, commands = _ask_to_end(machine, Phase.RECYCLING, now)
            return machine, (Emit("process.unready", Severity.WARNING, {"message": message}), *commands)
    return _settle(replace(machine, probing=probing), now)


def _settle(machine: Machine, now: float) -> _Step:
    """Return the running machine in the phase that its probes and its age say, with the time of the next look at it."""
    probing, spec = _probing(machine, now), machine.spec
    started_at = machine.started_at if machine.started_at is not None else now
    is_ready = probing.is_ready and (probing.gates or now >= started_at + spec.min_ready or machine.phase is Phase.READY)
    commands: tuple[Command, ...] = ()
    if is_ready and machine.phase is not Phase.READY:
        machine, commands = replace(machine, phase=Phase.READY), (Emit("process.ready", data={"seconds": now - started_at}),)
    elif not is_ready and machine.phase is Phase.READY:
        told = Emit("process.unready", Severity.WARNING, {"message": probing.detail})
        machine, commands = replace(machine, phase=Phase.UNREADY), (told,)
    if now >= started_at + spec.restart.stable_after:
        machine = replace(machine, restarts=0, is_crash_looping=False)
    return replace(machine, wake_at=_next_look(machine, probing, now)), commands


def _next_look(machine: Machine, probing: Probing, now: float) -> float | None:
    started_at = machine.started_at if machine.started_at is not None else now
    times = [count.next_at for count in probing.counts.values() if count.is_told and count.next_at is not None]
    if machine.phase is Phase.WARMING and not probing.gates:
        times.append(started_at + machine.spec.min_ready)
    if machine.restarts or machine.is_crash_looping:
        times.append(started_at + machine.spec.restart.stable_after)
    return min(times, default=None)
