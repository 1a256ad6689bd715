"""One child: its record, who it is, and how it is signalled and judged dead. The table of all children is in `children.py`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

from holdfast.host.keeper import cgroup, kernel
from holdfast.host.keeper.logs import Limits
from holdfast.host.keeper.protocol import Refusal, notify_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NOTIFY_BYTES = 4096
NOTIFY_BURST = 16
"""Datagrams taken in one turn, so that a chatty child does not keep the others waiting."""


class Child:
    """A record from spawn or adoption until it is forgotten.

    `pidfd` is set for an adopted process only: a child of our own cannot have its number reused before we reap it. `entry` is what the
    roll says of it, in the file `entry_name`.
    """

    __slots__ = (
        "boot_id",
        "cgroup_procs",
        "entry",
        "entry_name",
        "exec_error",
        "exit",
        "is_adopted",
        "is_ready",
        "logs",
        "meta",
        "notify",
        "notify_path",
        "oom_before",
        "pid",
        "pidfd",
        "sockets",
        "spawn_id",
        "start_time",
        "started_at",
        "status",
    )

    def __init__(self, spawn_id: str, boot_id: str, meta: Any) -> None:
        self.spawn_id = spawn_id
        self.boot_id = boot_id
        self.meta = meta
        self.entry: dict[str, Any] = {}
        self.entry_name = ""
        self.pid: int | None = None
        self.start_time: int | None = None
        self.started_at = time.time()
        self.pidfd: int | None = None
        self.is_adopted = False
        self.exit: dict[str, Any] | None = None
        self.exec_error: dict[str, Any] | None = None
        self.sockets: list[dict[str, Any]] = []
        self.cgroup_procs: str | None = None
        self.oom_before = 0
        self.logs: dict[str, Limits] = {}
        self.notify: socket.socket | None = None
        self.notify_path: str | None = None
        self.is_ready = False
        self.status: dict[str, str] = {}

    @property
    def is_alive(self) -> bool:
        return self.pid is not None and self.exit is None

    def to_json(self) -> dict[str, Any]:
        return {
            "spawn_id": self.spawn_id,
            "pid": self.pid,
            "start_time": self.start_time,
            "boot_id": self.boot_id,
            "started_at": self.started_at,
            "alive": self.is_alive,
            "adopted": self.is_adopted,
            "exit": self.exit,
            "exec_error": self.exec_error,
            "ready": self.is_ready,
            "status": self.status,
            "notify_path": self.notify_path,
            "sockets": self.sockets,
            "meta": self.meta,
        }

    def signal(self, number: int, *, group: bool) -> bool:
        """Signal the process, or its whole group; return whether it was there. Raises Refusal when the kernel says no."""
        if self.pid is None or self.exit is not None:
            return False
        try:
            if self.pidfd is not None:
                kernel.signal_foreign(self.pid, self.pidfd, number, group=group)
            elif group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        except OSError as error:
            raise Refusal("signal", f"cannot signal pid {self.pid}: {error.strerror}", error.errno) from error
        return True

    def kill(self) -> bool:
        """SIGKILL the whole group and the whole cgroup; return whether the main process was there."""
        is_there = self.signal(signal.SIGKILL, group=True)
        if self.cgroup_procs is not None and self.is_alive:
            cgroup.kill_all(self.cgroup_procs)
        return is_there

    def kill_rest(self) -> None:
        """Kill what a dead main process left behind; what the kernel does not let us kill stays."""
        try:
            self.kill()
        except Refusal:
            return

    def end(self, code: int | None = None, number: int | None = None, core: bool = False, *, is_unknown: bool = False) -> None:
        """Write down the exit; what was only for the living is closed."""
        self.exit = {
            "code": code,
            "signal": number,
            "core": core,
            "oom": cgroup.oom_kills(self.cgroup_procs) > self.oom_before,
            "unknown": is_unknown,
            "at": time.time(),
        }
        self.close()

    def close(self) -> None:
        if self.pidfd is not None:
            os.close(self.pidfd)
            self.pidfd = None
        if self.notify is not None:
            self.notify.close()
            self.notify = None
            if self.notify_path is not None and os.path.lexists(self.notify_path):
                os.unlink(self.notify_path)

    def hear(self) -> dict[str, str]:
        """Read what the child's group told its notify socket; return the new fields, joined. Words of strangers are dropped."""
        heard: dict[str, str] = {}
        for _ in range(NOTIFY_BURST):
            fields = self._receive()
            if fields is None:
                break
            heard.update(fields)
            if fields.get("READY") == "1":
                self.is_ready = True
            elif fields.get("RELOADING") == "1" or fields.get("STOPPING") == "1":
                self.is_ready = False
        self.status.update(heard)
        return heard

    def _receive(self) -> dict[str, str] | None:
        """Return the fields of the next datagram, {} for a stranger's, None when there is none. Passed descriptors are not taken."""
        if self.notify is None:
            return None
        try:
            data, ancillary, _, _ = self.notify.recvmsg(NOTIFY_BYTES, socket.CMSG_SPACE(12))
        except OSError:
            return None
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and self._is_kin(int.from_bytes(value[:4], sys.byteorder)):
                return notify_fields(data)
        return {}

    def _is_kin(self, pid: int) -> bool:
        """Whether a process is in the child's group or session. One that is gone already cannot be told from a stranger."""
        try:
            return self.pid in (os.getpgid(pid), os.getsid(pid))
        except OSError:
            return False


def open_notify(path: str, uid: int | None, gid: int | None) -> socket.socket:
    """Return a datagram socket at `path` that tells who writes; only the child's user may write. Raises Refusal."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if os.path.lexists(path):
            os.unlink(path)
        bound.bind(path)
        os.chmod(path, 0o600)
        if uid is not None and uid != os.geteuid():
            os.chown(path, uid, -1 if gid is None else gid)
    except OSError as error:
        bound.close()
        raise Refusal("exec", f"cannot open notify socket {path}: {error.strerror or error}", error.errno, stage="notify") from error
    return bound
