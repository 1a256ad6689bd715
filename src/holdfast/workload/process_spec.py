"""What a person may write about a Process. Field docstrings are the help text, the reference page and the schema's description.

Derived from Procfile and PM2 entries, or written by hand. Knows nothing of pids; `process.py` says what may differ and how it is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.model.scalars import Argv, CronText, Duration, EnvName, Name, NonEmptyStr, Port, RelativePath, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """A value that is not in Git: the file of this name beneath the local secrets directory."""

    secret: NonEmptyStr
    """Name of the secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketSpec:
    """A listening socket that Holdfast holds and hands to the program as a file descriptor (`LISTEN_FDS`, sd_listen_fds(3))."""

    name: Name
    """Its name in `LISTEN_FDNAMES`, and for probes."""
    port: Port | None = None
    """Public TCP port, shared by all replicas. Without `port` and `path` each replica has a private loopback port of its own."""
    host: NonEmptyStr = "127.0.0.1"
    """Address that `port` is bound to."""
    path: NonEmptyStr | None = None
    """A unix socket below the Application's data folder, shared by all replicas."""
    backlog: int = 1024
    """Connections that may queue while nobody accepts (listen(2)); the kernel caps it at net.core.somaxconn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """An HTTP GET; 200 to 399 passes (as Kubernetes)."""

    path: NonEmptyStr = "/"
    """Path and query to ask for."""
    socket: Name | None = None
    """Which declared socket to ask; the first one without."""
    port: Port | None = None
    """A port that the program binds itself, on loopback."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Extra request headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """A connection that is accepted passes."""

    socket: Name | None = None
    """Which declared socket to connect to; the first one without."""
    port: Port | None = None
    """A port that the program binds itself, on loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecProbe:
    """A command in the process's own environment and folder; exit code 0 passes."""

    command: Argv
    """Program and arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProbe:
    """A line of its output that contains this text passes (startup and readiness only)."""

    contains: NonEmptyStr
    """Text to look for, since the instance started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """One of http, tcp, exec, notify, log. A timeout is a failure, never "go on anyway"."""

    http: HttpProbe | None = None
    """Ask over HTTP."""
    tcp: TcpProbe | None = None
    """Connect."""
    exec: ExecProbe | None = None
    """Run a command."""
    notify: bool = False
    """The program says READY=1 on NOTIFY_SOCKET (sd_notify(3)); as liveness: WATCHDOG=1 within `period`."""
    log: LogProbe | None = None
    """Wait for a line of output."""
    initial_delay: Duration = 0.0
    """Time after start before the first probe."""
    period: Duration = 10.0
    """Time between probes; a startup or readiness probe that has not passed yet is tried at least every 250 ms."""
    timeout: Duration = 1.0
    """Time after which one probe has failed."""
    success_threshold: int = 1
    """Passes in a row that make it pass."""
    failure_threshold: int = 3
    """Failures in a row that make it fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Startup holds back the other two; liveness restarts; readiness gates a rollout and says whether it serves."""

    startup: ProbeSpec | None = None
    """Passes once; failing it `failureThreshold` times restarts."""
    liveness: ProbeSpec | None = None
    """Failing it restarts the process."""
    readiness: ProbeSpec | None = None
    """Failing it makes the process Degraded, without a restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartSpec:
    """When an exit is answered with a new start, and how long repeated ones wait."""

    policy: Literal["no", "on-failure", "always", "unless-stopped"] = "always"
    """As in Docker. `on-failure`: exit codes other than 0 and `successCodes`, and signals."""
    success_codes: tuple[int, ...] = ()
    """Further exit codes that count as success (PM2 `stop_exit_codes`)."""
    first_delay: Duration = 0.0
    """Before the first restart."""
    backoff: Duration = 0.5
    """Ceiling of the second restart's delay; doubles with each, full jitter."""
    max_delay: Duration = 60.0
    """Highest ceiling. Restarting never stops silently."""
    stable_after: Duration = 10.0
    """After this time up the count of restarts begins again (PM2 `min_uptime`)."""
    crash_looping_after: int = 5
    """Restarts in a row, none of them stable, that are shown as `crash-looping`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopSpec:
    """How it is asked to end."""

    signal: NonEmptyStr = "SIGTERM"
    """Sent to the main process first."""
    timeout: Duration = 10.0
    """Between the stop signal and SIGKILL of the whole process group (systemd TimeoutStopSec, Docker stop_grace_period)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSpec:
    """Log files of one process, rotated by copy and truncate; lines written during the copy may be lost."""

    max_size: Size = 10 * 1024 * 1024
    """Size at which a file is rotated."""
    max_files: int = 5
    """Rotated files that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSpec:
    """What it may use."""

    memory: Size | None = None
    """Of the whole process group; above it the process is replaced, rolling where it can be."""
    open_files: int | None = None
    """RLIMIT_NOFILE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessNetwork:
    """Who may come to its ports, and to which ports it may go."""

    level: Literal["open", "private", "strict"] | None = None
    """`open`: nothing is closed. `private`: its ports are for those that need it alone. `strict`: they are in the network namespace of
    `name`. Without it private for a database, else open."""
    name: Name | None = None
    """At level strict: the Network that it is in, with all others that name it."""
    listen: tuple[Port, ...] = ()
    """TCP ports that it binds beside `port`."""
    connect: tuple[Port, ...] | None = None
    """TCP ports that it may connect to beside those of what it needs; once written (also as []), it reaches no other, on any host."""
    socket: RelativePath | None = None
    """A unix socket that the program binds itself, below the Application's data folder."""
    clients: tuple[NonEmptyStr, ...] = ()
    """Users of this host, beside those of what needs it, that may come to its private ports; `holdfast-<application>` is another's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One supervised program of this host, in one or more replicas."""

    command: Argv
    """Program and arguments, never a shell line. Resolved by the PATH of the local configuration."""
    working_dir: RelativePath = "."
    """Folder it runs in, relative to the release."""
    env: Mapping[EnvName, str | int | bool | SecretRef] = field(default_factory=dict)
    """Its environment, beside PATH, HOME, USER, LANG and HOLDFAST_DATA_DIR; nothing else is inherited."""
    user: NonEmptyStr | None = None
    """User to run as, where Holdfast runs as root; without it an unprivileged one of the Application."""
    replicas: int = 1
    """How many run at once. Of several, replica i is `Process/<namespace>/<name>.<i>`."""
    surge: int = 1
    """Slots beyond `replicas` for candidates during a rollout."""
    order: Literal["start-first", "stop-first"] | None = None
    """Whether a new instance starts before the old one stops. Without it: start-first, but stop-first where it binds `port` itself."""
    sockets: tuple[SocketSpec, ...] = ()
    """Listening sockets held for it: a crash or a deploy queues connections instead of failing them."""
    port: Port | None = None
    """A port that the program binds itself (and finds in PORT)."""
    network: ProcessNetwork = ProcessNetwork()
    """Who may come to its ports, and to which ports it may go."""
    probes: Probes = Probes()
    """How it is asked whether it started, lives and serves."""
    needs: tuple[NonEmptyStr, ...] = ()
    """What must be healthy before it starts: `db`, `File/config`, `Process/other-namespace/db`."""
    restart: RestartSpec = RestartSpec()
    """What happens when it exits."""
    stop: StopSpec = StopSpec()
    """How it is stopped."""
    limits: LimitsSpec = LimitsSpec()
    """What it may use."""
    logs: LogSpec = LogSpec()
    """Its log files."""
    cron_restart: CronText | None = None
    """When it is replaced by a fresh instance, rolling; in UTC."""
    min_ready: Duration = 1.0
    """Without a readiness or startup probe: time up after which it counts as ready."""
    progress_deadline: Duration | None = None
    """How long a candidate may take to become ready; without it the annotation `holdfast.dev/progress-deadline`, else 60 s."""
    prepare: Argv | None = None
    """A command that runs once per release, in `workingDir`, while the release is writable (`[npm, ci]`)."""
    prepare_timeout: Duration = 600.0
    """Time after which `prepare` has failed."""
    suspended: bool = False
    """Declared, but not to run."""
