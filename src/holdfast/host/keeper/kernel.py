"""What the keeper asks the kernel beyond Python's own calls: prctl, setns, Landlock, pidfd_getfd, exit info of a foreign process, /proc.

Numbers from linux/prctl.h, linux/sched.h, linux/landlock.h, linux/pidfd.h and proc_pid_stat(5).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import struct

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_CHILD_SUBREAPER = 36
_SYS_PIDFD_GETFD = 438
_PIDFD_INFO_EXIT = 1 << 3
_PIDFD_INFO_BYTES = 64
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO_BYTES << 16 | 0xFF << 8 | 11
"""_IOWR(0xFF, 11, struct pidfd_info) in its first version: u64 mask, u64 cgroup id, eleven u32 ids, s32 exit code."""
_PIDFD_SIGNAL_PROCESS_GROUP = 1 << 2
_CLONE_NEWNET = 0x40000000
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
"""The same on every architecture (asm-generic)."""
_LANDLOCK_CREATE_RULESET_VERSION = 1
_LANDLOCK_RULE_NET_PORT = 2
_LANDLOCK_BIND_TCP, _LANDLOCK_CONNECT_TCP = 1, 2
PORT_RULES_ABI = 4
"""The Landlock version from which on it knows TCP ports (Linux 6.7)."""


class Kernel:
    """The C library's calls, looked up once so that nothing is imported between fork and exec."""

    __slots__ = ("_prctl", "_setns", "_syscall")

    def __init__(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._prctl = library.prctl
        self._prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
        self._setns = library.setns
        self._setns.argtypes = [ctypes.c_int, ctypes.c_int]
        self._syscall = library.syscall
        self._syscall.restype = ctypes.c_long

    def become_subreaper(self) -> None:
        """Make orphaned grandchildren ours, so that they are reaped."""
        self._check(self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))

    def set_no_new_privs(self) -> None:
        self._check(self._prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))

    def take_fd(self, pidfd: int, fd: int) -> int:
        """Return a copy (close-on-exec) of a descriptor of another process; raises OSError where the kernel forbids it."""
        number = ctypes.c_long
        return self._check(self._syscall(number(_SYS_PIDFD_GETFD), number(pidfd), number(fd), number(0)))

    def enter_network(self, fd: int) -> None:
        """Go to the network namespace that a descriptor is of; raises OSError."""
        self._check(self._setns(fd, _CLONE_NEWNET))

    def landlock_abi(self) -> int:
        """Return the version of Landlock; 0 where this kernel has none, or it was switched off at boot."""
        number = ctypes.c_long
        answer = self._syscall(
            number(_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(_LANDLOCK_CREATE_RULESET_VERSION)
        )
        return max(0, int(answer))

    def port_rules(self, bind: list[int] | None, connect: list[int] | None) -> int:
        """Return a ruleset (a close-on-exec descriptor) that allows these TCP ports alone; None: all. Raises OSError."""
        number = ctypes.c_long
        handled = (0 if bind is None else _LANDLOCK_BIND_TCP) | (0 if connect is None else _LANDLOCK_CONNECT_TCP)
        attributes = struct.pack("=QQ", 0, handled)
        fd = self._check(
            self._syscall(
                number(_LANDLOCK_CREATE_RULESET), ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
            )
        )
        access: dict[int, int] = {}
        for ports, flag in ((bind, _LANDLOCK_BIND_TCP), (connect, _LANDLOCK_CONNECT_TCP)):
            for port in ports or ():
                access[port] = access.get(port, 0) | flag
        try:
            for port, allowed in access.items():
                rule = ctypes.c_char_p(struct.pack("=QQ", allowed, port))
                kind = ctypes.c_int(_LANDLOCK_RULE_NET_PORT)
                self._check(self._syscall(number(_LANDLOCK_ADD_RULE), ctypes.c_int(fd), kind, rule, ctypes.c_uint32(0)))
        except OSError:
            os.close(fd)
            raise
        return fd

    def restrict_self(self, ruleset: int) -> None:
        """Lay a ruleset on this process and all that comes of it, for good; it also gives up set-user-id programs. Raises OSError."""
        self.set_no_new_privs()
        self._check(self._syscall(ctypes.c_long(_LANDLOCK_RESTRICT_SELF), ctypes.c_int(ruleset), ctypes.c_uint32(0)))

    @staticmethod
    def _check(answer: int) -> int:
        if answer < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return int(answer)


class Stat:
    """The parts of /proc/PID/stat that say who a process is and how it ended."""

    __slots__ = ("exit_status", "start_time", "state")

    def __init__(self, state: str, start_time: int, exit_status: int) -> None:
        self.state = state
        self.start_time = start_time
        self.exit_status = exit_status


def parse_stat(line: str) -> Stat:
    """Return the parts of a stat line; the command name in it may hold spaces and brackets."""
    fields = line[line.rindex(")") + 2 :].split()
    return Stat(fields[0], int(fields[19]), int(fields[49]))


def read_stat(pid: int) -> Stat | None:
    """Return the stat of a process, None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            return parse_stat(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_time(pid: int) -> int | None:
    """Return the start time (clock ticks since boot) of a process that is not a zombie."""
    stat = read_stat(pid)
    return None if stat is None or stat.state in "ZX" else stat.start_time


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def is_readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def foreign_exit(pid: int, pidfd: int) -> int | None:
    """Return the wait status of an ended process that is not our child, None when the kernel does not tell.

    The pidfd tells once its parent has reaped it (Linux 6.15), the zombie's stat line before that; it may be reaped between the two looks,
    so the pidfd is asked again. The stat line is trusted only where the kernel shows it (root, or the same user): elsewhere it says 0.
    """
    for status in (_pidfd_exit(pidfd), _zombie_exit(pid), _pidfd_exit(pidfd)):
        if status is not None:
            return status
    return None


def _pidfd_exit(pidfd: int) -> int | None:
    info = bytearray(_PIDFD_INFO_BYTES)
    struct.pack_into("=Q", info, 0, _PIDFD_INFO_EXIT)
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info, True)
    except OSError:
        return None
    mask, status = struct.unpack("=Q52xi", info)
    return int(status) if mask & _PIDFD_INFO_EXIT else None


def _zombie_exit(pid: int) -> int | None:
    try:
        owner = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
    stat = read_stat(pid)
    if stat is None or stat.state != "Z" or os.geteuid() not in (0, owner):
        return None
    return stat.exit_status


def signal_foreign(pid: int, pidfd: int, number: int, *, group: bool) -> None:
    """Signal a process that is not our child, or its group, by pidfd; raises OSError.

    The group flag needs Linux 6.9. Before it, killpg while the pidfd says that the leader is not gone: a group's number is not reused while
    a member lives.
    """
    if not group:
        signal.pidfd_send_signal(pidfd, number)
        return
    try:
        signal.pidfd_send_signal(pidfd, number, None, _PIDFD_SIGNAL_PROCESS_GROUP)
    except ProcessLookupError:
        raise
    except OSError:
        os.killpg(pid, number)
