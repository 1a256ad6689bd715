"""What is wrong, or not wise, about a declared Process beyond the shape of its fields. Used by `process`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from holdfast.errors import DeclarationError
from holdfast.kit.suggest import did_you_mean
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.resource import Warning
from holdfast.workload.process_spec import ProbeSpec, ProcessSpec

SIGNALS = frozenset(f"SIG{name}" for name in "HUP INT QUIT USR1 USR2 PIPE ALRM TERM WINCH CONT ABRT KILL".split())
"""What a program can be asked to stop with."""
MOST_REPLICAS = 1_000
LOOKS = ("http", "tcp", "exec", "log")

Path = tuple[str | int, ...]
_Say = Callable[[str, str, Path, str | None], DeclarationError]


def errors(declaration: Declaration, scope: Scope) -> Iterator[DeclarationError]:
    """Yield all that a Process may not say."""
    spec: ProcessSpec = declaration.spec

    def say(code: str, reason: str, path: Path, hint: str | None = None) -> DeclarationError:
        where = [declaration.place(("spec", *path))]
        return DeclarationError(code, f"cannot run Process {declaration.name}: {reason}", where=where, hint=hint)

    yield from _counts(spec, say)
    yield from _sockets(spec, say)
    yield from _probes(spec, say)
    yield from _power(spec, scope, say)
    if spec.stop.signal not in SIGNALS:
        guess = did_you_mean(spec.stop.signal, SIGNALS)
        known = f"did you mean {guess}?" if guess else f"one of {', '.join(sorted(SIGNALS))}"
        yield say("HF3081", f"{spec.stop.signal} is no signal to stop with", ("stop", "signal"), known)


def _counts(spec: ProcessSpec, say: _Say) -> Iterator[DeclarationError]:
    if spec.replicas < 1:
        yield say("HF3082", f"{spec.replicas} replicas are none", ("replicas",), "to declare it without running it, write suspended: true")
    if spec.replicas > MOST_REPLICAS:
        yield say("HF3082", f"{spec.replicas} replicas are more than {MOST_REPLICAS:,}", ("replicas",), "one host runs no more")
    if not 1 <= spec.surge <= MOST_REPLICAS:
        yield say("HF3082", "surge must leave room for one candidate, and no more than replicas", ("surge",), "write 1 or a little more")
    if spec.replicas > 1 and spec.port is not None and spec.order != "start-first":
        hint = "declare a socket instead of port, or order: start-first where the program sets SO_REUSEPORT"
        yield say("HF3083", f"{spec.replicas} replicas cannot all bind port {spec.port}", ("port",), hint)


def _sockets(spec: ProcessSpec, say: _Say) -> Iterator[DeclarationError]:
    names = Counter(socket.name for socket in spec.sockets)
    for at, socket in enumerate(spec.sockets):
        path = ("sockets", at)
        if names[socket.name] > 1:
            yield say("HF3084", f"two sockets are named {socket.name}", (*path, "name"), None)
        if socket.port is not None and socket.path is not None:
            yield say("HF3084", f"socket {socket.name} has a port and a path", path, "write one of them")
        if socket.path is not None and (socket.path.startswith("/") or ".." in socket.path.split("/")):
            hint = "write a relative path: it lies below the Application's data folder"
            yield say("HF3084", f"the path of socket {socket.name} leads out of the data folder", (*path, "path"), hint)
        if not 1 <= socket.backlog <= 65535:
            yield say("HF3084", f"the backlog of socket {socket.name} is not between 1 and 65535", (*path, "backlog"), None)


def _probes(spec: ProcessSpec, say: _Say) -> Iterator[DeclarationError]:
    for kind, probe in named(spec):
        path = ("probes", kind)
        looks = [name for name in LOOKS if getattr(probe, name) is not None] + (["notify"] if probe.notify else [])
        if len(looks) != 1:
            found = f"asks in {len(looks)} ways ({', '.join(looks)})" if looks else "does not say what to ask"
            yield say("HF3085", f"its {kind} probe {found}", path, "write one of http, tcp, exec, notify, log")
        if kind == "liveness" and probe.log is not None:
            yield say("HF3085", "a line of output does not tell whether it lives", (*path, "log"), "use log for startup or readiness")
        if probe.success_threshold < 1 or probe.failure_threshold < 1:
            yield say("HF3085", f"the thresholds of its {kind} probe begin at 1", path, None)
        if probe.period <= 0 or probe.timeout <= 0:
            yield say("HF3085", f"period and timeout of its {kind} probe must be longer than nothing", path, None)
        yield from _aim(spec, kind, probe, say)


def _aim(spec: ProcessSpec, kind: str, probe: ProbeSpec, say: _Say) -> Iterator[DeclarationError]:
    look = probe.http or probe.tcp
    if look is None:
        return
    path = ("probes", kind, "http" if probe.http else "tcp")
    names = [socket.name for socket in spec.sockets]
    if look.socket is not None and look.port is not None:
        yield say("HF3085", f"its {kind} probe asks a socket and a port", path, "write one of them")
    if look.socket is not None and look.socket not in names:
        guess = did_you_mean(look.socket, names)
        yield say("HF3085", f"its {kind} probe asks socket {look.socket}, which is not declared", path, guess and f"did you mean {guess}?")
    if look.socket is None and look.port is None and not names and spec.port is None:
        yield say("HF3085", f"its {kind} probe has nothing to ask", path, "declare a socket or a port")


def _power(spec: ProcessSpec, scope: Scope, say: _Say) -> Iterator[DeclarationError]:
    if spec.user is not None and _is_root(spec.user) and "root" not in scope.allowed:
        yield say("HF3086", "it asks for root, which only the local configuration may give", ("user",), "leave user out, or name another")


def _is_root(user: str) -> bool:
    """Say whether a user is root by one of its written forms; who else has uid 0 on this host, the engine finds out."""
    return user == "root" or not user.strip("0")


def named(spec: ProcessSpec) -> Iterator[tuple[str, ProbeSpec]]:
    """Yield its probes with their names."""
    for kind in ("startup", "liveness", "readiness"):
        probe: ProbeSpec | None = getattr(spec.probes, kind)
        if probe is not None:
            yield kind, probe


def warnings(declaration: Declaration) -> Iterator[Warning]:
    """Yield what works, but not as well as it could."""
    spec: ProcessSpec = declaration.spec

    def warn(reason: str, message: str) -> Warning:
        return Warning(reason=reason, message=f"Process {declaration.name} {message}", origin=declaration.origin)

    if spec.port is not None and spec.order != "start-first":
        words = f"binds port {spec.port} itself and cannot take a socket: each deploy stops before it starts; blue/green needs the edge"
        yield warn("StopStart", words)
    shared = {socket.name for socket in spec.sockets if socket.port is not None or socket.path is not None}
    held = {socket.name for socket in spec.sockets}
    first = spec.sockets[0].name if spec.sockets else None
    for kind, probe in named(spec):
        look = probe.http or probe.tcp
        asked = None if look is None else look.socket or (first if look.port is None else None)
        if kind == "liveness" and spec.replicas > 1 and asked in shared:
            yield warn(
                "SharedLiveness", f"asks shared socket {asked} whether it lives: that cannot tell replicas apart; probe a socket of its own"
            )
        if probe.tcp is not None and asked in held:
            message = f"has a {kind} probe that connects to held socket {asked}, which accepts before the program does: use http or notify"
            yield warn("WeakProbe", message)
    if spec.stop.signal == "SIGKILL":
        yield warn("HardStop", "is stopped with SIGKILL: what it is doing is lost")
