"""Fork and exec of one child: everything is prepared before the fork, and the child reports what failed through a close-on-exec pipe.

The child imports nothing and touches little between fork and exec (each page it writes is copied); it never returns into the keeper's loop.
Signals need nothing here: the keeper ignores and blocks none (`server.catch_signals`), and exec sets handled ones back (signal(7)).
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal

from holdfast.host.keeper.protocol import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from holdfast.host.keeper.kernel import Kernel

EXEC_LIMIT_MS = 5000
"""How long a child may take from fork to exec (a working directory on a dead network mount hangs); then it is killed."""

LEAVE = b"!"

MISSING = frozenset({2, 20})
"""ENOENT and ENOTDIR: the search goes on in the next folder of PATH."""


class Launch:
    """All that a child needs, as numbers and texts. Descriptors belong to the caller."""

    __slots__ = (
        "argv",
        "cgroup_procs",
        "cwd",
        "env",
        "gid",
        "groups",
        "limits",
        "listen_fds",
        "listen_names",
        "network",
        "path",
        "rules",
        "stderr",
        "stdin",
        "stdout",
        "uid",
        "umask",
    )

    argv: list[str]
    path: str
    """Folders in which a bare program name is looked up, joined by colons."""
    env: dict[str, str]
    cwd: str
    uid: int | None
    gid: int | None
    groups: list[int]
    umask: int
    limits: list[tuple[int, tuple[int, int]]]
    cgroup_procs: str | None
    listen_fds: list[int]
    listen_names: list[str]
    network: int | None
    """A descriptor of the network namespace to go to; None: ours."""
    rules: int | None
    """A Landlock ruleset to take on; None: no rules."""
    stdin: int
    stdout: int
    stderr: int


def limits_of(names: dict[str, Any]) -> list[tuple[int, tuple[int, int]]]:
    """Return setrlimit arguments for {"NOFILE": [soft, hard]}; -1 is unlimited. Raises Refusal for an unknown name."""
    limits = []
    for name, value in names.items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None or not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, int) for part in value):
            raise Refusal("request", f"limit {name} must be a known name with [soft, hard]")
        limits.append((number, (value[0], value[1])))
    return limits


def candidates(program: str, path: str) -> list[str]:
    """Return the files to try in order: the program itself when it names a folder, else one in each folder of the path."""
    if "/" in program:
        return [program]
    return [f"{folder}/{program}" for folder in path.split(":") if folder]


def start(launch: Launch, kernel: Kernel, forked: Callable[[int], None]) -> int:
    """Fork and exec; return the pid once the program runs. Raises Refusal("exec") with the stage and errno of what failed.

    The child gets ready meanwhile, but executes nothing before `forked` was told of its pid and returned; where the keeper dies before
    that, it ends.
    """
    files = candidates(launch.argv[0], launch.path)
    opened = [*os.pipe(), *os.pipe()]
    report, answer, leave, give_leave = opened
    try:
        pid = os.fork()
        if pid == 0:
            os.close(give_leave)
            _become(launch, files, kernel, answer, leave)
        forked(pid)
        _give_leave(give_leave)
        os.close(answer)
        opened.remove(answer)
        failure = _wait_for_exec(report)
    finally:
        for fd in opened:
            os.close(fd)
    if failure:
        stage, number = failure
        if stage == "timeout":
            os.kill(pid, signal.SIGKILL)
        else:
            os.waitpid(pid, 0)
        raise _refusal(launch, files, stage, number)
    return pid


def _give_leave(fd: int) -> None:
    """Let the child go on; one that has failed already says so itself."""
    try:
        os.write(fd, LEAVE)
    except BrokenPipeError:
        return


def _wait_for_exec(report: int) -> tuple[str, int] | None:
    poll = select.poll()
    poll.register(report, select.POLLIN)
    if not poll.poll(EXEC_LIMIT_MS):
        return "timeout", 110
    words = os.read(report, 256).decode().split()
    return (words[0], int(words[1])) if len(words) == 2 else None


def _refusal(launch: Launch, files: list[str], stage: str, number: int) -> Refusal:
    program = launch.argv[0]
    reason = os.strerror(number)
    if stage == "exec" and number in MISSING and any(os.path.isfile(file) for file in files if file.startswith("/")):
        reason = f"{reason} (the file is there; the interpreter in its first line, or a library loader, is not)"
    elif stage == "exec" and number in MISSING and "/" not in program:
        reason = f"{reason} in {launch.path or 'an empty PATH'}"
    if stage == "timeout":
        reason = f"nothing executed within {EXEC_LIMIT_MS // 1000} s"
    subject = {"chdir": f" in {launch.cwd}", "cgroup": f" in cgroup {launch.cgroup_procs}", "setuid": f" as uid {launch.uid}"}
    asked = {"exec": "", "timeout": ""}.get(stage, f"{stage}: ")
    return Refusal("exec", f"cannot execute {program}{subject.get(stage, '')}: {asked}{reason}", number, stage=stage)


def _become(launch: Launch, files: list[str], kernel: Kernel, answer: int, leave: int) -> None:
    """In the child: take on everything asked for, wait for leave, then exec. Never returns."""
    stage = "setsid"
    try:
        os.setsid()
        stage = "descriptors"
        answer, leave = _place_descriptors(launch, answer, leave)
        stage = "cgroup"
        if launch.cgroup_procs is not None:
            _join_cgroup(launch.cgroup_procs)
        stage = "limits"
        for name, value in launch.limits:
            resource.setrlimit(name, value)
        os.umask(launch.umask)
        stage = "network"
        if launch.network is not None:
            kernel.enter_network(launch.network)
        stage = "setuid"
        _drop_privileges(launch, kernel)
        stage = "port rules"
        if launch.rules is not None:
            kernel.restrict_self(launch.rules)
        stage = "chdir"
        os.chdir(launch.cwd)
        stage = "exec"
        env = launch.env
        if launch.listen_fds:
            env = {**env, "LISTEN_PID": str(os.getpid())}
        if os.read(leave, 1) != LEAVE:
            os._exit(127)  # the keeper died before it could write down that we are there
        _exec(files, launch.argv, env)
    except OSError as error:
        os.write(answer, f"{stage} {error.errno or 5}".encode())
    except BaseException:  # noqa: BLE001  whatever happens, this copy of the keeper must not go on
        os.write(answer, f"{stage} 22".encode())
    finally:
        os._exit(127)


def _place_descriptors(launch: Launch, answer: int, leave: int) -> tuple[int, int]:
    """Put stdio on 0 to 2 and the sockets from 3 on; everything else is close-on-exec already. Return where the pipes went."""
    free = 3 + len(launch.listen_fds)
    answer, leave = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, free) for fd in (answer, leave))
    sockets = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, free) for fd in launch.listen_fds]
    os.dup2(launch.stdin, 0)
    os.dup2(launch.stdout, 1)
    os.dup2(launch.stderr, 2)
    for place, fd in enumerate(sockets, 3):
        os.dup2(fd, place)
    return answer, leave


def _join_cgroup(procs: str) -> None:
    fd = os.open(procs, os.O_WRONLY | os.O_CLOEXEC)
    os.write(fd, b"0")
    os.close(fd)


def _drop_privileges(launch: Launch, kernel: Kernel) -> None:
    """Groups, then gid, then uid: after setuid the others would be forbidden. A change of user also gives up set-user-id programs."""
    if launch.gid is not None and (launch.gid != os.getegid() or launch.uid not in (None, os.geteuid())):
        os.setgroups(launch.groups)
        os.setresgid(launch.gid, launch.gid, launch.gid)
    if launch.uid is not None and launch.uid != os.geteuid():
        os.setresuid(launch.uid, launch.uid, launch.uid)
        kernel.set_no_new_privs()


def _exec(files: list[str], argv: list[str], env: dict[str, str]) -> None:
    """Exec the first file that can be; raises the error of the last one that was there, else of the last one."""
    failure: OSError | None = None
    for file in files:
        try:
            os.execve(file, argv, env)
        except OSError as error:
            if failure is None or error.errno not in MISSING:
                failure = error
    raise failure or FileNotFoundError(2, "no folder to look in")
