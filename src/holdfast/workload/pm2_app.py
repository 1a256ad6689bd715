"""PM2 app: one entry of an ecosystem file → the spec of a Process, with every warning and error.

Called by pm2 for each app; pm2_fields says what each field becomes. Knows nothing of files.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.declare.document import Document
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.cron import Cron
from holdfast.kit.path import ending_of, is_below, joined, name_of, tidy
from holdfast.kit.quantity import parse_pm2_size
from holdfast.kit.suggest import did_you_mean
from holdfast.model.resource import Origin, Warning
from holdfast.workload.command_line import Refused, read_command_line
from holdfast.workload.node_socket import is_node, sharing
from holdfast.workload.pm2_fields import BY_KEY, ENV_PREFIX, INTERPRETERS, How
from holdfast.workload.process_spec import LimitsSpec, ProcessSpec, RestartSpec, SocketSpec, StopSpec
from holdfast.workload.slug import slug

_STOP_SIGNAL = "SIGINT"
"""PM2 asks by SIGINT (`PM2_KILL_SIGNAL`), so that is what apps written for it wait for."""
_LONGEST_BACKOFF_S = 15.0
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TIME = re.compile(r"([0-9]{1,12})\s*(ms|s|m|h)?")
_COUNT = re.compile(r"-?[0-9]{1,9}")
_PORT = re.compile(r"[0-9]{1,5}")
_UNITS = {"": 0.001, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}.items()


@dataclass(slots=True)
class Found:
    """What is known of the scripts: path in the tree → its first bytes, None where there is no such file."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)

    def look(self, path: str) -> bytes | None:
        if path not in self.files:
            self.wanted.append(path)
        return self.files.get(path)


class App:
    """One app in reading. `document` holds it alone, its aliases written out."""

    def __init__(self, document: Document, origin: Origin, found: Found, environment: str) -> None:
        self.document = document
        self.origin = origin
        self.found = found
        self.environment = environment
        self.value: Mapping[str, Json] = document.value if isinstance(document.value, dict) else {}
        self.warnings: list[Warning] = []
        self.errors: list[DeclarationError] = []

    def spec(self) -> ProcessSpec | None:
        """Return the spec, or None with `errors`."""
        self.unhonoured()
        folder = self.folder()
        command = self.command(folder)
        replicas = self.replicas()
        env = self.env()
        if name_of(command[0]).startswith("python"):
            env.setdefault("PYTHONUNBUFFERED", "1")  # as PM2 does: without it a log lags behind by kilobytes
        self.numbered(env, replicas)
        port = self.port(env)
        shared = self.shared(command, port)
        spec = ProcessSpec(
            command=sharing(command) if shared else command,
            working_dir=folder,
            env=env,
            user=self.text("uid"),
            replicas=replicas,
            sockets=shared,
            port=None if shared else self.bound(port, replicas),
            restart=self.restart(),
            stop=StopSpec(signal=_STOP_SIGNAL, timeout=self.time("kill_timeout", 10.0)),
            limits=LimitsSpec(memory=self.memory()),
            cron_restart=self.cron(),
            progress_deadline=self.time("listen_timeout", 0.0) or None,
            suspended=not self.flag("autostart", True),
        )
        return None if self.errors else spec

    def name(self) -> str:
        """Return the name of the Process, warning where it is not the one that is written."""
        script = self.value.get("script")
        file = name_of(script.split()[0]) if isinstance(script, str) and script.split() else ""
        default = file.removesuffix(ending_of(file))
        written = f"{self.text('name_prefix') or ''}{self.text('name') or default}"
        name = slug(written)
        if name != written and name:
            self.warn("Renamed", "name", f"the app {written!r} is called {name} here: names are lower case, without blanks")
        return name or written

    def namespace(self) -> str | None:
        written = self.text("namespace") or "default"
        return None if written == "default" else slug(written)

    def warn(self, reason: str, key: str, message: str) -> None:
        where = self.document.where((key,), key=True)
        self.warnings.append(
            Warning(reason=reason, message=message, origin=Origin(path=where.path, line=where.line or 1, revision=self.origin.revision))
        )

    def refuse(self, key: str, reason: str, hint: str | None = None, code: str = "HF1132") -> None:
        where = self.document.where((key,))
        self.errors.append(DeclarationError(code, f"cannot read {self.document.path}: {reason}", where=[where], hint=hint))

    def unhonoured(self) -> None:
        """Warn of every field that is known and not honoured; refuse one that PM2 does not know."""
        for key, value in self.value.items():
            known = BY_KEY.get(key)
            if known is not None and known.how is How.WARNED and value not in (False, 0, "", None, [], {}):
                self.warn("FieldNotHonoured", key, f"PM2's {key} is not honoured: {known.says}")
            elif known is None and not key.startswith(ENV_PREFIX):
                near = did_you_mean(key, BY_KEY)
                where = self.document.where((key,), key=True)
                hint = f"did you mean {near}?" if near else "PM2 knows no such field; what the program needs goes into env"
                self.errors.append(
                    DeclarationError("HF1020", f"cannot read {self.document.path}: unknown field {key!r}", where=[where], hint=hint)
                )

    def text(self, key: str) -> str | None:
        value = self.value.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, str) and "\0" not in value:
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        self.refuse(key, f"{key} must be text" + (" without NUL" if isinstance(value, str) else ""))
        return None

    def flag(self, key: str, default: bool) -> bool:
        value = self.value.get(key, default)
        if isinstance(value, bool):
            return value
        self.refuse(key, f"{key} must be true or false")
        return default

    def time(self, key: str, default: float) -> float:
        """Return seconds; a bare number is milliseconds."""
        value = self.value.get(key)
        if value is None:
            return default
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return value / 1000
        if found is not None:
            return int(found[1]) * dict(_UNITS)[found[2] or ""]
        self.refuse(key, f"{key} must be a number of milliseconds, or a time such as 10s")
        return default

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of text; a string is split as a shell would."""
        value = self.value.get(key)
        if value is None:
            return ()
        if isinstance(value, str):
            try:
                value = [*shlex.split(value)]
            except ValueError as error:
                self.refuse(key, f"{key} cannot be split: {str(error).lower()}", "write a list")
                return ()
        if isinstance(value, list) and all(isinstance(word, str | int | float) and not isinstance(word, bool) for word in value):
            words = tuple(_as_text(word) for word in value)
            if not any("\0" in word for word in words):
                return words
        self.refuse(key, f"{key} must be text or a list of texts, without NUL")
        return ()

    def folder(self) -> str:
        written = self.text("cwd") or "."
        path = tidy(written)
        if not is_below(path):
            reason = "it is absolute" if path.startswith("/") else "it climbs with .."
            self.refuse(
                "cwd", f"cwd {written!r} is not below the release: {reason}", "write it relative to the Application's path, or leave it out"
            )
            return "."
        return path

    def command(self, folder: str) -> tuple[str, ...]:
        script = self.value.get("script")
        if not isinstance(script, str) or not script.strip() or "\0" in script:
            self.refuse("script", "script is missing" if script is None else "script must be text", "add script: what is to be run")
            return ("?",)
        args = self.words("args")
        if " " in script.strip():
            return (*self.line(script), *args)
        interpreter = self.interpreter(folder, script)
        if interpreter is None:
            return (self.runnable(folder, script), *args)
        return (interpreter, *self.words("node_args"), script, *args)

    def line(self, script: str) -> tuple[str, ...]:
        try:
            line = read_command_line(script, {})
        except Refused as refused:
            self.refuse("script", f"script: {refused.reason}", refused.hint, refused.code)
            return ("?",)
        if line.env:
            self.refuse("script", "script sets variables", "write them in env")
        return line.argv

    def interpreter(self, folder: str, script: str) -> str | None:
        """Return what runs the script; None where it runs by itself (`lib/Common.js` resolveInterpreter)."""
        written = self.text("exec_interpreter")
        if written is not None and written.startswith("node@"):
            self.refuse("exec_interpreter", f"{written} asks nvm for a version of Node", "write node, and choose its version by the PATH")
        if written is not None:
            return None if written == "none" else written
        ending = ending_of(script)
        if ending in INTERPRETERS:
            return INTERPRETERS[ending]
        content = self.content(folder, script)
        # PM2 hands any other text file of the project to Node; what is not there is looked for on PATH.
        return "node" if content is not None and b"\0" not in content[:512] else None

    def content(self, folder: str, script: str) -> bytes | None:
        path = joined(folder, script)
        return self.found.look(path) if is_below(path) else None

    def runnable(self, folder: str, script: str) -> str:
        """Return a script that is run directly so that it is found in its folder, not on PATH."""
        return f"./{script}" if "/" not in script and self.content(folder, script) is not None else script

    def replicas(self) -> int:
        value = self.value.get("instances", 1)
        count = int(value) if isinstance(value, str) and _COUNT.fullmatch(value) else value
        if count == "max" or (isinstance(count, int) and not isinstance(count, bool) and count <= 0):
            self.warn("InstancesNotCounted", "instances", f"instances {value!r} depends on the machine; it is read as 1: write a number")
            return 1
        if not isinstance(count, int) or isinstance(count, bool):
            self.refuse("instances", "instances must be a number or max")
            return 1
        return count

    def is_cluster(self, command: tuple[str, ...]) -> bool:
        """Say whether PM2 would share a port among the processes (`lib/Common.js` determineExecMode)."""
        mode = self.text("exec_mode")
        if mode is None:
            value = self.value.get("instances")
            return is_node(command) and (isinstance(value, int) or (isinstance(value, str) and _COUNT.fullmatch(value) is not None))
        if mode.removesuffix("_mode") not in {"fork", "cluster"}:
            self.refuse("exec_mode", "exec_mode must be fork or cluster")
        return mode.startswith("cluster")

    def shared(self, command: tuple[str, ...], port: int | None) -> tuple[SocketSpec, ...]:
        """Return the socket that the processes of a cluster share, warning of what is other than with PM2."""
        if not self.is_cluster(command):
            return ()
        key = "exec_mode" if "exec_mode" in self.value else "instances"
        if not is_node(command):
            self.warn("ClusterMode", key, "exec_mode cluster is for node alone: these are separate processes that share no socket")
        elif port is None:
            self.warn("ClusterMode", key, "in cluster mode the processes can share a socket only where PORT in env, or port, says which")
        else:
            message = f"in cluster mode the processes share a socket at 127.0.0.1:{port} that is held for them: listen({port}) is given it"
            self.warn("ClusterMode", key, message)
            return (SocketSpec(name="http", port=port),)
        return ()

    def env(self) -> dict[str, str]:
        env: dict[str, str] = {}
        for key in ("env", f"{ENV_PREFIX}{self.environment}") if self.environment else ("env",):
            value = self.value.get(key)
            if value is not None and not isinstance(value, dict):
                self.refuse(key, f"{key} must be a mapping of names and values")
            for name, each in value.items() if isinstance(value, dict) else ():
                if _ENV_NAME.fullmatch(name) is None or "\0" in (text := _as_text(each)):
                    self.refuse(key, f"{name!r} of {key} is no variable", "names have letters, digits and '_'; values hold no NUL")
                else:
                    env[name] = text
        return env

    def numbered(self, env: dict[str, str], replicas: int) -> None:
        """Set the variable that tells instances apart, where there is one instance."""
        variable = self.text("instance_var")
        if variable is not None and _ENV_NAME.fullmatch(variable) is None:
            self.refuse("instance_var", f"{variable!r} is no variable")
        elif variable is not None and replicas == 1:
            env.setdefault(variable, "0")
        elif variable is not None:
            says = f"PM2's instance_var is not honoured for {replicas} replicas: they share one environment"
            self.warn("FieldNotHonoured", "instance_var", says)

    def port(self, env: dict[str, str]) -> int | None:
        """Put `port` into `env` as PORT; return what PORT says, None where that is no port."""
        if self.value.get("port") is not None:
            env["PORT"] = self.text("port") or ""
        text = env.get("PORT", "")
        if _PORT.fullmatch(text) is not None and 0 < int(text) < 65536:
            return int(text)
        if self.value.get("port") is not None:
            self.refuse("port", "port must be a number from 1 to 65535")
        return None

    def bound(self, port: int | None, replicas: int) -> int | None:
        """Return the port that one process alone binds; of several, none can be told."""
        if port is None or replicas == 1:
            return port
        key = "port" if self.value.get("port") is not None else "env"
        message = f"{replicas} replicas are told PORT {port}, and only one process can bind it: declare a Process with sockets"
        self.warn("SharedPort", key, message)
        return None

    def restart(self) -> RestartSpec:
        usual = RestartSpec()
        first, backoff, longest = usual.first_delay, usual.backoff, usual.max_delay
        if (fixed := self.time("restart_delay", 0.0)) > 0:
            first = backoff = longest = fixed
        elif (growing := self.time("exp_backoff_restart_delay", 0.0)) > 0:
            first = backoff = growing
            longest = max(_LONGEST_BACKOFF_S, growing)
        codes = self.codes()
        policy = "on-failure" if codes is not None else usual.policy
        return RestartSpec(
            policy=policy if self.flag("autorestart", True) else "no",
            success_codes=tuple(code for code in codes or () if code),
            first_delay=first,
            backoff=backoff,
            max_delay=longest,
            stable_after=self.time("min_uptime", usual.stable_after),
            crash_looping_after=self.tries(usual.crash_looping_after),
        )

    def codes(self) -> tuple[int, ...] | None:
        value = self.value.get("stop_exit_codes")
        if value is None or value == []:
            return None
        codes = value if isinstance(value, list) else [value]
        found = tuple(code for code in codes if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 256)
        if len(found) < len(codes):
            self.refuse("stop_exit_codes", "stop_exit_codes must be numbers from 0 to 255")
        elif 0 not in found:
            self.warn("ZeroIsSuccess", "stop_exit_codes", "exit code 0 ends the process too, as the other stop_exit_codes do")
        return found

    def tries(self, default: int) -> int:
        value = self.value.get("max_restarts")
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.refuse("max_restarts", "max_restarts must be a whole number")
            return default
        message = f"after {value} unstable restarts it is shown as crash-looping and tried on: restarting never stops silently"
        self.warn("NeverGivesUp", "max_restarts", message)
        return max(value, 1)

    def memory(self) -> int | None:
        value = self.value.get("max_memory_restart")
        if value is None:
            return None
        try:
            if isinstance(value, str | int) and not isinstance(value, bool) and (size := parse_pm2_size(value)) > 0:
                return size
        except ValueError:
            pass
        self.refuse("max_memory_restart", "max_memory_restart must be a size such as 300M or 1G")
        return None

    def cron(self) -> str | None:
        value = self.value.get("cron_restart")
        if value in (None, 0, "0", "", False):
            return None
        try:
            if isinstance(value, str):
                Cron.parse(value)
                return value
        except ValueError as error:
            seconds = isinstance(value, str) and len(value.split()) == 6
            self.refuse("cron_restart", str(error).removeprefix("cannot read "), "leave out the seconds: five fields" if seconds else None)
            return None
        self.refuse("cron_restart", "cron_restart must be a cron expression")
        return None


def _as_text(value: Json) -> str:
    """Return a value as Node gives it to a child."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
