"""All children of the keeper: spawn, adopt, signal, reap, forget. Calls back with what happened; decides nothing about it."""

from __future__ import annotations

import os
import signal

from holdfast.host.keeper import cgroup, kernel, launch, logs, sockets
from holdfast.host.keeper.child import Child, open_notify
from holdfast.host.keeper.protocol import (
    NOTIFY_DIR,
    Refusal,
    environment,
    objects,
    ports,
    text,
    text_or_none,
    texts,
    wait_status,
    whole,
    whole_or_none,
)
from holdfast.host.keeper.roll import Roll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from holdfast.host.keeper.poller import Poller
    from holdfast.host.keeper.sockets import Sockets


class Children:
    """The table of children by spawn id. `emit` takes each event as it is to be sent."""

    def __init__(self, run_dir: str, held: Sockets, poller: Poller, emit: Callable[[dict[str, Any]], None]) -> None:
        self._run_dir = run_dir
        self._held = held
        self._poller = poller
        self._emit = emit
        self._kernel = kernel.Kernel()
        self._kernel.become_subreaper()
        self._roll = Roll(run_dir)
        self._children: dict[str, Child] = {}
        self._by_pid: dict[int, Child] = {}
        self._null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        self.boot_id = kernel.boot_id()

    def __len__(self) -> int:
        return len(self._children)

    def to_json(self) -> list[dict[str, Any]]:
        return [child.to_json() for child in self._children.values()]

    @property
    def living(self) -> int:
        return sum(child.is_alive for child in self._children.values())

    # -- spawn ---------------------------------------------------------------------------------------------------------------

    def spawn(self, request: dict[str, Any]) -> Child:
        """Return the child of a spawn id, started now unless it was before; raises Refusal, the same again for the same id."""
        spawn_id = text(request, "spawn_id")
        known = self._children.get(spawn_id)
        if known is None:
            known = self._start(spawn_id, request)
        if known.exec_error is not None:
            raise _refusal(known.exec_error)
        return known

    def _start(self, spawn_id: str, request: dict[str, Any]) -> Child:
        child = Child(spawn_id, self.boot_id, request.get("meta"))
        plan = self._plan(child, request)
        opened: list[int] = []
        try:
            self._open(child, plan, request, opened)
            child.oom_before = cgroup.oom_kills(child.cgroup_procs)
            child.pid = launch.start(plan, self._kernel, lambda pid: self._enter(child, pid, request))
        except Refusal as refusal:
            self._roll.drop(child.entry_name)
            child.close()
            child.notify_path = None
            child.exec_error = refusal.to_json()
        finally:
            for fd in opened:
                os.close(fd)
        self._children[spawn_id] = child
        if child.pid is not None:
            self._by_pid[child.pid] = child
            self._listen_to(child)
        return child

    def _enter(self, child: Child, pid: int, request: dict[str, Any]) -> None:
        """Enter a process into the roll, as a successor of ours would be asked to adopt it."""
        child.start_time = _start_time(pid)
        kept = {name: request.get(name) for name in ("spawn_id", "cgroup_procs", "stdout", "stderr", "logs", "meta")}
        who = {"pid": pid, "start_time": child.start_time, "boot_id": child.boot_id, "started_at": child.started_at}
        uses = [{**use, **self._held.get(use["key"]).to_json()} for use in child.sockets]
        child.entry = {**kept, **who, "sockets": uses, "notify_path": child.notify_path}
        child.entry_name = _new_name()
        self._roll.write(child.entry_name, child.entry)

    def _plan(self, child: Child, request: dict[str, Any]) -> launch.Launch:
        """Check a request and return what the launch needs but for descriptors."""
        plan = launch.Launch()
        plan.argv = texts(request, "argv")
        if not plan.argv or not plan.argv[0]:
            raise Refusal("request", "field argv must name a program")
        plan.path = request.get("path_env") or ""
        plan.env = dict(environment(request))
        plan.cwd = text_or_none(request, "cwd") or "/"
        plan.uid, plan.gid = whole_or_none(request, "uid"), whole_or_none(request, "gid")
        if plan.uid is not None and plan.gid is None:
            raise Refusal("request", "field gid is needed with uid: a new user must not keep our group")
        plan.groups = [group for group in request.get("groups") or [] if isinstance(group, int)]
        plan.umask = whole(request, "umask", 0o022)
        plan.limits = launch.limits_of(request.get("rlimits") or {})
        plan.cgroup_procs = child.cgroup_procs = text_or_none(request, "cgroup_procs")
        uses = objects(request, "sockets")
        plan.listen_names = [text(use, "name") for use in uses]
        plan.listen_fds = [self._held.get(text(use, "key")).socket.fileno() for use in uses]
        child.sockets = [{"key": use["key"], "name": use["name"], "fd": fd} for fd, use in enumerate(uses, 3)]
        if uses:
            plan.env |= {"LISTEN_FDS": str(len(uses)), "LISTEN_FDNAMES": ":".join(plan.listen_names)}
        plan.network = plan.rules = None
        return plan

    def _open(self, child: Child, plan: launch.Launch, request: dict[str, Any], opened: list[int]) -> None:
        """Open the log files and the notify socket of a launch."""
        plan.stdin = plan.stdout = self._null
        out, err = text_or_none(request, "stdout"), text_or_none(request, "stderr")
        if out is not None:
            plan.stdout = logs.open_log(out)
            opened.append(plan.stdout)
        plan.stderr = plan.stdout
        if err is not None and err != out:
            plan.stderr = logs.open_log(err)
            opened.append(plan.stderr)
        self._keep_logs(child, request)
        self._confine(plan, request, opened)
        if request.get("notify"):
            child.notify_path = f"{self._run_dir}/{NOTIFY_DIR}/{os.urandom(6).hex()}"
            child.notify = open_notify(child.notify_path, plan.uid, plan.gid)
            plan.env["NOTIFY_SOCKET"] = child.notify_path

    def _confine(self, plan: launch.Launch, request: dict[str, Any], opened: list[int]) -> None:
        """Open the network namespace and make the port rules of a launch; what cannot be had is refused, since nothing runs with less."""
        stage = "network"
        try:
            if (path := text_or_none(request, "network")) is not None:
                plan.network = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                opened.append(plan.network)
            stage = "port rules"
            bind, connect = (ports(request, name) for name in ("bind_ports", "connect_ports"))
            if bind is not None or connect is not None:
                plan.rules = self._kernel.port_rules(bind, connect)
                opened.append(plan.rules)
        except OSError as error:
            program = plan.argv[0]
            raise Refusal("exec", f"cannot execute {program}: {stage}: {error.strerror or error}", error.errno, stage=stage) from error

    def _keep_logs(self, child: Child, request: dict[str, Any]) -> None:
        wanted = request.get("logs")
        if isinstance(wanted, dict):
            limits = logs.Limits(whole(wanted, "max_bytes"), whole(wanted, "max_files"))
            child.logs = {path: limits for path in (request.get("stdout"), request.get("stderr")) if path}

    def _listen_to(self, child: Child) -> None:
        if child.notify is not None:
            self._poller.watch(child.notify.fileno(), lambda _: self._notified(child))

    # -- adoption ------------------------------------------------------------------------------------------------------------

    def succeed(self) -> None:
        """Adopt all that is on the roll: what a keeper before us started and was not told to forget."""
        for name, entry in self._roll.read():
            try:
                self.adopt(entry, name)
            except Refusal:
                self._roll.drop(name)

    def adopt(self, request: dict[str, Any], entry_name: str | None = None) -> tuple[Child, list[str], list[str]]:
        """Take over a process that a dead keeper started; return its record and the keys of the sockets taken back and lost.

        A process that is gone, or whose number now is another's, becomes a record with an unknown exit. `entry_name` is its file on the
        roll where it has one.
        """
        spawn_id = text(request, "spawn_id")
        keys = [text(use, "key") for use in objects(request, "sockets")]
        known = self._children.get(spawn_id)
        if known is None:
            known = self._adopt(spawn_id, request)
            self._children[spawn_id] = known
            known.entry = {name: value for name, value in request.items() if name not in ("n", "op")}
            known.entry_name = entry_name or _new_name()
            if entry_name is None:
                self._roll.write(known.entry_name, known.entry)
        if known.is_adopted and known.pidfd is not None and known.pid is not None:
            for use in objects(request, "sockets"):
                self._take_back(known.pid, known.pidfd, use)
        return known, [key for key in keys if self._held.find(key)], [key for key in keys if not self._held.find(key)]

    def _adopt(self, spawn_id: str, request: dict[str, Any]) -> Child:
        child = Child(spawn_id, text(request, "boot_id"), request.get("meta"))
        child.is_adopted = True
        child.pid, child.start_time = whole(request, "pid"), whole(request, "start_time")
        child.cgroup_procs = text_or_none(request, "cgroup_procs")
        child.is_ready = request.get("ready") is True
        child.sockets = [{"key": use["key"], "name": use.get("name"), "fd": use.get("fd")} for use in objects(request, "sockets")]
        if isinstance(request.get("started_at"), int | float):
            child.started_at = request["started_at"]
        if isinstance(request.get("exit"), dict):
            child.exit = request["exit"]
            return child
        child.pidfd = self._identify(child.pid, child.start_time, child.boot_id)
        if child.pidfd is None:
            child.end(is_unknown=True)
            return child
        child.oom_before = cgroup.oom_kills(child.cgroup_procs)
        self._keep_logs(child, request)
        self._reopen_notify(child, text_or_none(request, "notify_path"))
        self._poller.watch(child.pidfd, lambda _: self._adopted_ended(child))
        return child

    def _reopen_notify(self, child: Child, path: str | None) -> None:
        """Listen again where the process was told to send its notes; without that it goes on unheard."""
        if path is None or os.path.dirname(path) != f"{self._run_dir}/{NOTIFY_DIR}":
            return
        child.notify_path = path
        try:
            owner = os.stat(f"/proc/{child.pid}")
            child.notify = open_notify(path, owner.st_uid, owner.st_gid)
        except (OSError, Refusal):
            return
        self._listen_to(child)

    def _identify(self, pid: int, start_time: int, boot_id: str) -> int | None:
        """Return a pidfd of exactly this process, None when it is gone. The start time is read after the pidfd pins the number."""
        if boot_id != self.boot_id or pid < 2:
            return None
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            return None
        if kernel.start_time(pid) != start_time:
            os.close(pidfd)
            return None
        return pidfd

    def _take_back(self, pid: int, pidfd: int, use: dict[str, Any]) -> None:
        key = text(use, "key")
        if self._held.find(key) is not None or "kind" not in use:
            return
        address = sockets.address_of(use)
        listener = sockets.take_back(self._kernel, pid, pidfd, whole_or_none(use, "fd"), address)
        if listener is not None:
            self._held.keep(key, address, listener)

    # -- what happens to the living ------------------------------------------------------------------------------------------

    def signal(self, request: dict[str, Any]) -> bool:
        """Signal a child by number or name; return whether it was there."""
        return self._get(request).signal(_signal_number(request.get("signal")), group=request.get("group") is True)

    def kill(self, request: dict[str, Any]) -> bool:
        return self._get(request).kill()

    def forget(self, request: dict[str, Any]) -> None:
        """Drop the record of a child that has ended; one that is not known is forgotten already."""
        child = self._children.get(text(request, "spawn_id"))
        if child is not None and child.is_alive:
            raise Refusal("alive", f"cannot forget {child.spawn_id}: pid {child.pid} is alive")
        if child is not None:
            del self._children[child.spawn_id]
            self._roll.drop(child.entry_name)

    def _get(self, request: dict[str, Any]) -> Child:
        child = self._children.get(text(request, "spawn_id"))
        if child is None:
            raise Refusal("unknown-child", f"no child is known as {request['spawn_id']}")
        return child

    def _notified(self, child: Child) -> None:
        fields = child.hear()
        if fields:
            self._emit({"event": "notified", "spawn_id": child.spawn_id, "fields": fields, "ready": child.is_ready})

    def rotate_logs(self) -> None:
        """Rotate the logs that have outgrown their limits; replicas may share a file, which is looked at once."""
        limits = {path: limit for child in self._children.values() if child.is_alive for path, limit in child.logs.items()}
        for path, limit in limits.items():
            logs.rotate(path, limit)

    @property
    def has_logs(self) -> bool:
        return any(child.logs for child in self._children.values() if child.is_alive)

    # -- exits ---------------------------------------------------------------------------------------------------------------

    def reap(self) -> None:
        """Take in every process that has ended: our children with their exit, orphans without a word."""
        while (ended := _ended()) is not None:
            child = self._by_pid.pop(ended.si_pid, None)
            if child is None:
                _reap(ended.si_pid)
            else:
                self._own_ended(child, ended)

    def _own_ended(self, child: Child, ended: os.waitid_result) -> None:
        """Kill what is left of the group while the dead main process still keeps the group's number, then reap it."""
        child.kill_rest()
        self._kill_session(ended.si_pid)
        self._hear_last(child)
        _reap(ended.si_pid)
        is_exit = ended.si_code == os.CLD_EXITED
        status = ended.si_status
        child.end(status if is_exit else None, None if is_exit else status, ended.si_code == os.CLD_DUMPED)
        self._exited(child)

    def _adopted_ended(self, child: Child) -> None:
        if child.pid is None or child.pidfd is None or not kernel.is_readable(child.pidfd):
            return
        child.kill_rest()
        self._hear_last(child)
        status = kernel.foreign_exit(child.pid, child.pidfd)
        self._poller.unwatch(child.pidfd)
        if status is None:
            child.end(is_unknown=True)
        else:
            child.end(*wait_status(status))
        self._exited(child)

    def _hear_last(self, child: Child) -> None:
        if child.notify is not None:
            self._notified(child)
            self._poller.unwatch(child.notify.fileno())

    def _exited(self, child: Child) -> None:
        child.is_ready = False
        self._emit({"event": "exited", "spawn_id": child.spawn_id, "pid": child.pid, "exit": child.exit})
        self._roll.write(child.entry_name, {**child.entry, "exit": child.exit})

    def _kill_session(self, leader: int) -> None:
        """SIGKILL orphans that left the group but not the session; they are our children now, so their numbers are safe."""
        for pid in _orphans():
            if pid != leader and pid not in self._by_pid:
                _kill_if_in_session(pid, leader)


def _new_name() -> str:
    """Return a name for a file of the roll: spawn ids may be too long for one, and hold slashes."""
    return os.urandom(8).hex()


def _orphans() -> list[int]:
    """Return the pids of all our children; none where the kernel does not list them (CONFIG_PROC_CHILDREN)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _kill_if_in_session(pid: int, leader: int) -> None:
    try:
        if os.getsid(pid) == leader:
            os.kill(pid, signal.SIGKILL)
    except OSError:
        return


def _ended() -> os.waitid_result | None:
    """Return a child that has ended, still unreaped."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None


def _reap(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)


def _start_time(pid: int) -> int | None:
    """Return the start time of our own child, which may be a zombie already."""
    stat = kernel.read_stat(pid)
    return None if stat is None else stat.start_time


def _refusal(error: dict[str, Any]) -> Refusal:
    return Refusal(**error)


def _signal_number(value: Any) -> int:
    number = getattr(signal, value, None) if isinstance(value, str) and value.startswith("SIG") else value
    if not isinstance(number, int) or number not in signal.valid_signals():
        raise Refusal("request", f"unknown signal {value!r}")
    return int(number)
