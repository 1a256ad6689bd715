"""Process: one supervised program of this host, or several replicas of it.

Written by hand or made of a Procfile or PM2 entry; applied by engines.process. Says what may differ, what it becomes, how a change goes
through and how what was seen is judged. Knows nothing of how processes are started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kit.duration import format_duration
from holdfast.model.declaration import Declaration, Peer, Scope
from holdfast.model.ids import DOCKER, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE, PROGRESS_DEADLINE
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.proof import Claim
from holdfast.model.resource import Prepare, Resource, Warning
from holdfast.model.state import Facts, State
from holdfast.workload import private
from holdfast.workload.ground import Ground
from holdfast.workload.process_check import errors, warnings
from holdfast.workload.process_spec import ProbeSpec, ProcessSpec, SocketSpec
from holdfast.workload.replicated import DEADLINE_S, progress_deadline_s, replicas
from holdfast.workload.run import is_shared, read, write
from holdfast.workload.supervisor import Phase

HOT = frozenset(
    {"restart", "stop", "logs", "probes", "minReady", "progressDeadline", "surge", "order", "cronRestart"}  # limits are judged by field
)
"""State fields that change without a new instance."""
NOTHING: Mapping[str, Json] = {}
LOOPBACK: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1", "localhost": "127.0.0.1"}
"""Where to ask what listens on every address."""


class ProcessKind:
    """The kind `Process` of `model.declaration.Kind`.

    `ground`: what this host can do to keep its network private; None where that is not known, and then nothing is derived of it.
    """

    name = "Process"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = ProcessSpec

    def __init__(self, ground: Ground | None = None) -> None:
        self._ground = ground

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: ProcessSpec = declaration.spec
        found = [*errors(declaration, scope), *private.errors(declaration, scope, self._ground)]
        if scope.destination.startswith(DOCKER):
            found.insert(0, _no_host(declaration, scope))
        deadline_s = DEADLINE_S
        try:
            deadline_s = progress_deadline_s(spec.progress_deadline, scope)
        except ValueError as error:
            found.append(_bad_deadline(declaration, scope, error))
        if found:
            return tuple(found)
        fields = write(spec, release=scope.release, deadline_s=deadline_s, fingerprints=facts.fingerprints)
        namespace = declaration.namespace or scope.namespace
        labels = {**declaration.labels, APPLICATION: scope.application}
        if tokens := sorted(_tokens(spec, private.network_of(spec, namespace))):
            labels[EXCLUSIVE] = ",".join(tokens)
        return Resource(
            id=ResourceId(scope.destination, self.name, namespace, declaration.name),
            state=State.of(fields),
            origin=declaration.origin,
            labels=labels,
            claims=() if spec.suspended else tuple(_claims(spec)),
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        spec: ProcessSpec = declaration.spec
        network = () if private.level_of(spec) != "strict" or spec.network.name is None else (f"Network/{spec.network.name}",)
        return (
            *((need, ("spec", "needs", at)) for at, need in enumerate(spec.needs)),
            *((need, ("spec", "network", "name")) for need in network),
        )

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return replicas(resource)

    def joined(
        self, own: Peer, leaves: tuple[Resource, ...], needs: tuple[Peer, ...], dependants: tuple[Peer, ...]
    ) -> tuple[Resource, ...]:
        """Return what it is among those that it needs and that need it: `model.declaration.Joining`."""
        return private.joined(own, leaves, needs, dependants, self._ground)

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return (*warnings(declaration), *private.warnings(declaration, self._ground))

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        if observation.state is None:
            return Health(Status.MISSING)
        return _health(observation.state, observation.handle or NOTHING, now)

    def style(self, before: State, after: State) -> RolloutStyle:
        if after.fields.get("suspended") or _is_hot(before.fields, after.fields):
            return RolloutStyle.IN_PLACE
        spec = read(after.fields).spec
        if spec.order == "stop-first" or (spec.order is None and spec.port is not None):
            return RolloutStyle.STOP_FIRST
        return RolloutStyle.START_FIRST_PRIVATE if _asks_held(spec) else RolloutStyle.START_FIRST

    def progress_deadline_s(self, state: State) -> float:
        return read(state.fields).progress_deadline_s

    def prepare(self, declaration: Declaration) -> Prepare | None:
        """Return what it wants run in its release: `model.declaration.Released`, so every Application with a Process has one."""
        spec: ProcessSpec = declaration.spec
        if spec.prepare is None:
            return None
        return Prepare(command=spec.prepare, working_dir=spec.working_dir, timeout_s=spec.prepare_timeout, origin=declaration.origin)


def _no_host(declaration: Declaration, scope: Scope) -> DeclarationError:
    return DeclarationError(
        "HF1434",
        f"cannot run Process {declaration.name} at {scope.destination}: a Docker host runs containers",
        where=[declaration.place(())],
        hint="move it to an Application whose destination is host://local",
    )


def _bad_deadline(declaration: Declaration, scope: Scope, error: ValueError) -> DeclarationError:
    at = scope.annotation_origin
    where = (
        [declaration.place(())] if at is None else [replace(declaration.place(()), path=at.path, line=at.line, column=None, snippet=None)]
    )
    return DeclarationError("HF3080", f"cannot read annotation {PROGRESS_DEADLINE}: {error}", where=where, hint='write a duration: "90s"')


def _tokens(spec: ProcessSpec, network: str | None) -> Iterator[str]:
    """Yield what only one declared process can hold, on the host or in its network; its replicas share it."""
    if spec.port is not None:
        yield f"tcp:{network or '127.0.0.1'}:{spec.port}"
    for socket in spec.sockets:
        if socket.port is not None:
            yield f"tcp:{LOOPBACK.get(socket.host, socket.host)}:{socket.port}"


def _claims(spec: ProcessSpec) -> Iterator[Claim]:
    """Yield what it says to the outside. Where an HTTP probe says how to ask, so does its proof: a held socket accepts by itself."""
    if spec.port is not None and private.level_of(spec) != "strict":
        yield _tcp_claim(spec, "127.0.0.1", spec.port, _http_path(spec, None, spec.port))
    for socket in spec.sockets:
        path = _http_path(spec, socket.name, None)
        if socket.port is not None:
            yield _tcp_claim(spec, LOOPBACK.get(socket.host, socket.host), socket.port, path)
        elif socket.path is not None:
            yield _unix_claim(socket.path, path)


def _tcp_claim(spec: ProcessSpec, host: str, port: int, http_path: str | None) -> Claim:
    target: dict[str, Json] = {"host": host, "port": port}
    if http_path is None:
        return Claim(text=f"answers on port {port}", method="tcp", target=target)
    return Claim(text=f"answers on port {port}", method="http", target={**target, "ask": http_path})


def _unix_claim(path: str, http_path: str | None) -> Claim:
    """A path relative to the Application's data folder: whoever looks knows where that is."""
    if http_path is None:
        return Claim(text=f"answers on {path}", method="unix", target={"path": path})
    return Claim(text=f"answers on {path}", method="http", target={"path": path, "ask": http_path})


def _http_path(spec: ProcessSpec, socket: str | None, port: int | None) -> str | None:
    """Return the path that an HTTP probe asks of this socket or port, None where no probe does."""
    for probe in (spec.probes.readiness, spec.probes.startup, spec.probes.liveness):
        if probe is not None and probe.http is not None and aim(spec, probe) == (socket, port):
            return probe.http.path
    return None


def aim(spec: ProcessSpec, probe: ProbeSpec) -> tuple[str | None, int | None]:
    """Return the socket name or the port that an http or tcp probe asks: as written, else the first socket, else the process's port."""
    look = probe.http or probe.tcp
    if look is None:
        return None, None
    if look.socket is not None or look.port is not None:
        return look.socket, look.port
    return (spec.sockets[0].name, None) if spec.sockets else (None, spec.port)


def _asks_held(spec: ProcessSpec) -> bool:
    """Say whether its gate asks a held socket. The old instance serves that too, so only a private trial tells whom it asked."""
    gates = (spec.probes.startup, spec.probes.readiness)
    return any(probe is not None and aim(spec, probe)[0] is not None for probe in gates)


def _is_hot(before: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    """Say whether only what needs no new instance differs. What an observation added (`replace`, `stopped`) is never hot."""
    if not before or before.get("suspended"):
        return False
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return differing <= HOT | {"limits"} and _open_files(before) == _open_files(after)


def _open_files(fields: Mapping[str, Json]) -> Json:
    limits = fields.get("limits")
    return limits.get("openFiles") if isinstance(limits, dict) else None


_HEALTH: Mapping[str, Status] = {
    Phase.READY: Status.HEALTHY,
    Phase.COMPLETED: Status.HEALTHY,
    Phase.UNREADY: Status.DEGRADED,
    Phase.FAILED: Status.DEGRADED,
    Phase.STOPPED: Status.DEGRADED,
}
"""Every other phase is on its way."""


def _health(state: State, handle: Mapping[str, Json], now: Instant) -> Health:
    if state.fields.get("suspended"):
        return Health(Status.SUSPENDED, "suspended in Git")
    phase, message = str(handle.get("phase") or ""), str(handle.get("message") or "")
    if handle.get("crash_looping"):
        return Health(Status.DEGRADED, _looping(handle, message, now))
    if state.fields.get("stopped"):
        return Health(Status.DEGRADED, "stopped by a signal")
    return Health(_HEALTH.get(phase, Status.PROGRESSING), message if phase != Phase.READY else "")


def _looping(handle: Mapping[str, Json], message: str, now: Instant) -> str:
    next_at, log = handle.get("next_at"), handle.get("log")
    words = f"crash-looping: {handle.get('restarts')} restarts in a row, {message or 'it ended'}"
    if isinstance(next_at, int | float) and next_at > now:
        words += f"; next start in {format_duration(round(next_at - now, 1))}"
    last = next((str(line) for line in reversed(log) if str(line).strip()), None) if isinstance(log, list) else None
    return f"{words}; last line: {last}" if last else words


def sockets_of(spec: ProcessSpec, *, shared: bool) -> tuple[SocketSpec, ...]:
    return tuple(socket for socket in spec.sockets if is_shared(socket) is shared)
