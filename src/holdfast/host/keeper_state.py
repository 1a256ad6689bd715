"""What is said between the daemon and the keeper, as values: requests, records, events, and their JSON forms.

Used by `keeper_client`, and by the process engine, which makes the requests and reads the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a child ended. `code` or `signal` is None; both are when `unknown`."""

    code: int | None
    signal: int | None
    at: float
    core: bool = False
    oom: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketUse:
    """A held socket that a child gets: `name` in LISTEN_FDNAMES, `fd` its number there (None in a request)."""

    key: str
    name: str
    fd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSocket:
    """A listening socket that the keeper holds: tcp with host and port, or unix with path. `resting`: its port is ours, and refuses."""

    key: str
    kind: str
    host: str | None = None
    port: int | None = None
    path: str | None = None
    resting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecError:
    """Why a child never ran: errno and the stage that failed (exec, chdir, setuid, cgroup, limits, network, …)."""

    message: str
    stage: str
    errno: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """The keeper's record of one spawn. Identity = pid + start time (clock ticks since boot) + boot id."""

    spawn_id: str
    pid: int | None
    start_time: int | None
    boot_id: str
    started_at: float
    alive: bool
    adopted: bool
    ready: bool
    exit: Exit | None
    exec_error: ExecError | None
    status: Mapping[str, str]
    notify_path: str | None
    sockets: tuple[SocketUse, ...]
    meta: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """Rotate a log beyond `max_bytes` and keep `max_files` older ones."""

    max_bytes: int
    max_files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawn:
    """One child to start. `env` is complete; a bare argv[0] is looked up in `path_env`; `sockets` start at descriptor 3."""

    spawn_id: str
    argv: Sequence[str]
    path_env: str
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    uid: int | None = None
    gid: int | None = None
    groups: Sequence[int] = ()
    umask: int = 0o022
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    cgroup_procs: str | None = None
    sockets: Sequence[SocketUse] = ()
    stdout: str | None = None
    stderr: str | None = None
    logs: LogLimits | None = None
    notify: bool = False
    meta: Any = None
    network: str | None = None
    """Path of the network namespace that it starts in; None: the keeper's."""
    bind_ports: Sequence[int] | None = None
    """TCP ports that it may bind (Landlock); None: any."""
    connect_ports: Sequence[int] | None = None
    """TCP ports that it may connect to; None: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedSocket:
    """A socket that a process of a dead keeper may still have: what was held, and the descriptor it was given as."""

    held: HeldSocket
    name: str
    fd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """A process that a dead keeper had started, as the journal knows it."""

    spawn_id: str
    pid: int
    start_time: int
    boot_id: str
    started_at: float | None = None
    sockets: Sequence[AdoptedSocket] = ()
    cgroup_procs: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    logs: LogLimits | None = None
    notify_path: str | None = None
    ready: bool = False
    meta: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """A child taken over, and the keys of its sockets that are held again or lost. A process that was gone has an unknown exit."""

    child: Child
    sockets_taken: tuple[str, ...]
    sockets_lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperInfo:
    """Who the keeper is."""

    pid: int
    start_time: int
    boot_id: str
    version: int
    started_at: float
    abilities: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperState:
    """All that a keeper remembers."""

    children: tuple[Child, ...]
    sockets: tuple[HeldSocket, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """A child has ended, and its group with it."""

    spawn_id: str
    pid: int
    exit: Exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Notified:
    """A child told something by sd_notify; `ready` is what holds now."""

    spawn_id: str
    fields: Mapping[str, str]
    ready: bool


KeeperEvent: TypeAlias = Exited | Notified


def only(shape: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a dataclass knows; a newer keeper may say more."""
    return {name: values[name] for name in shape.__dataclass_fields__ if name in values}


def request_fields(value: Any, **instead: Any) -> dict[str, Any]:
    """Return a request's fields from a dataclass, nested ones as objects."""
    fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {name: request_fields(part) if isinstance(part, LogLimits) else part for name, part in {**fields, **instead}.items()}


def given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def held_of(answer: Mapping[str, Any]) -> HeldSocket:
    return HeldSocket(**only(HeldSocket, answer))


def exit_of(value: Mapping[str, Any]) -> Exit:
    return Exit(**only(Exit, value))


def child_of(value: Mapping[str, Any]) -> Child:
    return Child(
        **{
            **only(Child, value),
            "exit": None if value["exit"] is None else exit_of(value["exit"]),
            "exec_error": None if value["exec_error"] is None else ExecError(**only(ExecError, value["exec_error"])),
            "sockets": tuple(SocketUse(**use) for use in value["sockets"]),
        }
    )


def state_of(answer: Mapping[str, Any]) -> KeeperState:
    return KeeperState(
        children=tuple(child_of(value) for value in answer["children"]), sockets=tuple(held_of(value) for value in answer["sockets"])
    )


def event_of(message: Mapping[str, Any]) -> KeeperEvent:
    if message["event"] == "exited":
        return Exited(spawn_id=message["spawn_id"], pid=message["pid"], exit=exit_of(message["exit"]))
    return Notified(spawn_id=message["spawn_id"], fields=message["fields"], ready=message["ready"])
