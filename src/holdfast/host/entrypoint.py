"""Entrypoint: supervises programs within a container, as its first process, by the machine that supervises processes of a host.

Sent into the container as one archive, with the few modules that it imports; the container's own Python runs it, with nothing but Python's
library. It holds the listening sockets, so that a program that crashes loses nobody who waits; it reaps whatever is left to it; what its
programs write is what the container writes. At SIGTERM all are stopped by their own signal and grace, and it ends with 0; it ends with 1
where nothing is left to run and something failed.
"""

from __future__ import annotations

import errno
import os
import random
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.host.proc import memory_of_groups
from holdfast.kit.cron import Cron
from holdfast.workload import supervisor
from holdfast.workload.supervised import SupervisedSpec, read, spec_of
from holdfast.workload.supervisor import ENDED, Incident, Machine, Phase, advance

LOOK_S = 2.0
"""Between two looks at memory."""
FIRST_FD = 3
"""Of those that are handed over (sd_listen_fds(3))."""
BACKLOG = 1024
HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
_SAID: Mapping[str, str] = {"process.started": "runs", "process.ready": "is ready", "process.crash_looping": "ends again and again"}


@dataclass(slots=True, eq=False)
class Instance:
    """One of an app's instances. `is_fresh_due`: it was asked to end so that a fresh one takes its place."""

    name: str
    app: SupervisedSpec
    number: int
    machine: Machine
    wake_at: float | None = None
    is_fresh_due: bool = False
    cron: Cron | None = field(default=None)
    due_at: float | None = None
    """When its `cron_restart` comes next, in seconds since the epoch."""


class Entrypoint:
    """`run` returns the exit code of the container."""

    def __init__(self, apps: Sequence[SupervisedSpec]) -> None:
        self._sockets = {app.name: _listening(app.port) for app in apps if app.port is not None}
        self._instances = [_instance(app, number) for app in apps for number in range(app.instances)]
        self._queue: deque[tuple[Instance, Incident]] = deque()
        self._is_stopping = False
        self._look_at = time.monotonic() + LOOK_S

    def run(self) -> int:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, _heard)
        with selectors.DefaultSelector() as selector:
            selector.register(ours, selectors.EVENT_READ)
            for instance in self._instances:
                self._feed(instance, supervisor.Start())
            while True:
                self._work()
                if all(each.machine.phase in ENDED for each in self._instances):
                    break
                selector.select(self._patience())
                self._hear(ours)
                self._reap()
                self._look()
        failed = any(each.machine.phase is Phase.FAILED for each in self._instances)
        return 1 if failed and not self._is_stopping else 0

    # What comes

    def _hear(self, ours: socket.socket) -> None:
        try:
            numbers = ours.recv(4096)
        except BlockingIOError:
            return
        if not self._is_stopping and any(number in (signal.SIGTERM, signal.SIGINT) for number in numbers):
            self._is_stopping = True
            for instance in self._instances:
                self._feed(instance, supervisor.Stop())

    def _reap(self) -> None:
        """Take the exits of our programs, and of whatever else is left to the first process of a container."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            instance = next((each for each in self._instances if each.machine.pid == pid), None)
            if instance is None:
                continue
            _signal_group(pid, signal.SIGKILL)  # what it started ends with it: a second one would be in the way of the next
            code = os.waitstatus_to_exitcode(status)
            attempt = instance.machine.attempt
            self._feed(instance, supervisor.Exited(attempt, code=code) if code >= 0 else supervisor.Exited(attempt, signal=-code))

    def _look(self) -> None:
        """Say what time it is to whom it concerns, and how much memory is used."""
        now, at = time.monotonic(), time.time()
        for instance in self._instances:
            if instance.wake_at is not None and instance.wake_at <= now:
                instance.wake_at = None
                self._feed(instance, supervisor.Timer())
            if instance.due_at is not None and instance.due_at <= at and instance.cron is not None:
                instance.due_at = instance.cron.next_after(at)
                self._feed(instance, supervisor.CronDue())
        if now >= self._look_at:
            self._look_at = now + LOOK_S
            limited = {each.machine.pid: each for each in self._instances if each.machine.pid is not None and each.app.memory is not None}
            for pid, used in (memory_of_groups(limited.keys()) if limited else {}).items():
                if used > (limited[pid].app.memory or used):
                    self._feed(limited[pid], supervisor.MemoryOver(used))

    def _patience(self) -> float:
        now, at = time.monotonic(), time.time()
        times = [each.wake_at - now for each in self._instances if each.wake_at is not None]
        times += [each.due_at - at for each in self._instances if each.due_at is not None]
        times += [self._look_at - now] if any(each.app.memory is not None for each in self._instances) else []
        return max(0.0, min(times, default=60.0))

    # What is done

    def _feed(self, instance: Instance, event: Incident) -> None:
        self._queue.append((instance, event))

    def _work(self) -> None:
        while self._queue:
            instance, event = self._queue.popleft()
            instance.machine, commands = advance(instance.machine, event, time.monotonic(), random.random())
            for command in commands:
                self._do(instance, command)
            if instance.is_fresh_due and instance.machine.phase is Phase.STOPPED and not self._is_stopping:
                instance.is_fresh_due = False
                self._feed(instance, supervisor.Start())

    def _do(self, instance: Instance, command: supervisor.Command) -> None:
        match command:
            case supervisor.Spawn(attempt=attempt):
                try:
                    self._feed(instance, supervisor.Spawned(attempt, self._spawned(instance)))
                except OSError as error:
                    reason = f"cannot run {instance.app.command[0]}: {(error.strerror or str(error)).lower()}"
                    _say(f"{instance.name}: {reason}")
                    self._feed(instance, supervisor.SpawnFailed(attempt, reason))
            case supervisor.Signal(signal=name):
                _signal(instance.machine.pid, getattr(signal, name, signal.SIGTERM))
            case supervisor.Kill():
                _signal_group(instance.machine.pid, signal.SIGKILL)
            case supervisor.Wake(at=at):
                instance.wake_at = at
            case supervisor.Replace(reason=reason):
                if not self._is_stopping:
                    _say(f"{instance.name}: a fresh one takes its place ({reason})")
                    instance.is_fresh_due = True
                    self._feed(instance, supervisor.Stop())
            case supervisor.Emit(type=type, data=data):
                if type == "process.exited":
                    how = f"exit code {data['exit_code']}" if data["exit_code"] is not None else f"signal {data['signal']}"
                    _say(f"{instance.name} ended with {how}")
                elif type in _SAID:
                    _say(f"{instance.name} {_SAID[type]}")
            case supervisor.Changed():
                pass

    def _spawned(self, instance: Instance) -> int:
        """Start a program in a session of its own and return its pid. Raises OSError where it cannot be run, with exec's own reason."""
        held = self._sockets.get(instance.app.name)
        reader, writer = os.pipe()  # both are closed by exec
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                _become(instance, held, writer)
            except OSError as error:
                os.write(writer, str(error.errno or errno.EINVAL).encode())
            finally:
                os._exit(127)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            said = pipe.read()
        if said:
            os.waitpid(pid, 0)
            raise OSError(int(said), os.strerror(int(said)))
        return pid


def _become(instance: Instance, held: socket.socket | None, writer: int) -> None:
    """Become the program, in the child. Never returns; raises OSError."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in HEARD:
        signal.signal(number, signal.SIG_DFL)
    environment = {**os.environ, **instance.app.env, "HOLDFAST_INSTANCE": str(instance.number)}
    if held is not None:
        if writer == FIRST_FD:
            writer = os.dup(writer)
            os.set_inheritable(writer, False)
        os.dup2(held.fileno(), FIRST_FD, inheritable=True)
        os.set_inheritable(FIRST_FD, True)  # where it was that number before, dup2 changes nothing
        environment |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": "http"}
    os.chdir(instance.app.working_dir)
    os.execvpe(instance.app.command[0], list(instance.app.command), environment)


def _instance(app: SupervisedSpec, number: int) -> Instance:
    cron = Cron.parse(app.cron_restart) if app.cron_restart is not None else None
    return Instance(
        name=app.name if app.instances == 1 else f"{app.name}.{number}",
        app=app,
        number=number,
        machine=Machine(spec=spec_of(app)),
        cron=cron,
        due_at=cron.next_after(time.time()) if cron is not None else None,
    )


def _listening(port: int) -> socket.socket:
    """Return a listening socket on every address of the container."""
    return socket.create_server(("", port), backlog=BACKLOG, reuse_port=False)


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def _signal_group(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            return


def _heard(number: int, frame: object) -> None:
    """Be there, so that the number is written to the wakeup descriptor."""


def _say(text: str) -> None:
    sys.stderr.write(f"holdfast: {text}\n")
    sys.stderr.flush()


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        apps = read(file.read())
    return Entrypoint(apps).run()
