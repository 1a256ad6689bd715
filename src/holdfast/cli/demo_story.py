"""The demo's story: a real web application in a real repository, synced, served, killed and healed, deployed, broken and rolled back.

Everything is done the way a person does it: a Git repository, `holdfast up`, a kill, commits, HTTP requests; the daemon is asked through
its own socket. Times are measured here, from the act to what is seen of it. Called by `demo`, which tells it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeAlias

import holdfast
from holdfast.cli.client import Client
from holdfast.cli.demo_edge import HOST, DemoEdge, is_installed, since_ms
from holdfast.cli.demo_load import Load, ask
from holdfast.errors import EngineError, HoldfastError, TimedOut

NAME = "shop"
WEB = "Process/shop/web.0"
STEP_S = 30.0
"""How long a step of the story may take."""
IDENTITY: Mapping[str, str] = {
    "GIT_AUTHOR_NAME": "demo",
    "GIT_AUTHOR_EMAIL": "demo@example.org",
    "GIT_COMMITTER_NAME": "demo",
    "GIT_COMMITTER_EMAIL": "demo@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}
BAD_LINE = 'raise SystemExit("the till is missing")'
HOLDFAST = (sys.executable, "-c", "import sys; from holdfast.cli.main import main; sys.exit(main())")
"""This very program."""
Tell: TypeAlias = Callable[[str], None]


def example() -> Path:
    """Return the folder of the example application: of the installed package, or of a checkout."""
    inside = Path(holdfast.__file__).parent / "examples" / NAME
    return inside if inside.is_dir() else Path(holdfast.__file__).parents[2] / "examples" / NAME


class Story:
    """One demo in a folder of its own, which is gone when the block ends, with all that ran."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._folder = Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
        self._folder.chmod(0o711)  # as root, the application runs as a user of its own and passes through
        self.repository = self._folder / NAME
        self.state = self._folder / "state"
        self.port = _free_port()
        self._client = Client(str(self.state))
        self._daemon: subprocess.Popen[bytes] | None = None
        self._log = self._folder / "daemon.log"
        self._edge: DemoEdge | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._take_down()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    # The story

    def tell(self) -> dict[str, Any]:
        """Tell it from the beginning, and return the data of a `DemoReport`."""
        began = time.monotonic()
        first = self._first_commit()
        self._start()
        status = self._reach("up", lambda it: _is_well(it, first))
        version = ask(self.port)["version"]
        pids = [each["live"]["pid"] for each in status["resources"]]
        self._tell(f"synced and healthy: {len(pids)} processes, version {version} answers on http://127.0.0.1:{self.port}")
        heal = self._kill()
        if is_installed():
            self._open_edge()
        else:
            self._tell("nginx is not installed here, so the shop stays without TLS")
        deploy = self._deploy()
        bad = self._break()
        report = {"synced": True, "healthy": True, "heal": heal, "deploy": deploy, "bad_commit": bad}
        if self._edge is not None:
            report["edge"] = self._edge.report()
        return {**report, "seconds": round(time.monotonic() - began, 3)}

    def _open_edge(self) -> None:
        """Put the shop behind TLS, then change what nginx serves from by hand and see it put back."""
        edge = DemoEdge(_free_port(), _free_port(), self.state)
        edge.declare(self.repository)
        began = time.monotonic()
        commit = self._commit("Open a web site")
        self._tell(f"$ git commit -m 'Open a web site'    # {commit[:10]}: an Edge and a Site for {HOST}")
        self._until("the shop answers by TLS", lambda: bool(edge.visit()))
        edge.change_to_serving_ms = since_ms(began)
        self._reach("behind the edge", lambda it: _is_well(it, commit))
        self._tell(f"served by TLS through nginx, {edge.change_to_serving_ms:.0f} ms after the commit: {edge.url}")
        began = time.monotonic()
        text = edge.edit()
        self._until("the edit is put back", lambda: edge.is_mended(text))
        edge.manual_edit_healed_ms = since_ms(began)
        self._reach("healed", lambda it: _is_well(it, commit))
        self._tell(f"nginx.conf was changed by hand, and put back after {edge.manual_edit_healed_ms:.0f} ms")
        self._edge = edge

    @contextmanager
    def _visitors(self) -> Iterator[Load]:
        """Have visitors in the shop, who come in by the edge where there is one."""
        edge = self._edge
        with Load(edge.visit if edge is not None else lambda: ask(self.port)) as load:
            yield load
        if edge is not None:
            edge.requests += load.requests
            edge.failed += len(load.failures)

    def _first_commit(self) -> str:
        shutil.copytree(example(), self.repository, ignore=shutil.ignore_patterns("application.yaml", "__pycache__"))
        declared = self.repository / "processes.yaml"
        declared.write_text(re.sub(r"port: \d+", f"port: {self.port}", declared.read_text()))
        self._git("init", "--quiet", "--initial-branch=main")
        commit = self._commit("Open the shop")
        text = (example() / "application.yaml").read_text()
        (self._folder / "application.yaml").write_text(text.replace("repoURL: .", f"repoURL: {self.repository}"))
        self._tell(f"a repository with a web application and a worker: {self.repository}")
        return commit

    def _start(self) -> None:
        command = [*HOLDFAST, "up", "--file", str(self._folder / "application.yaml"), "--state", str(self.state)]
        self._tell(f"$ holdfast up --file {self._folder}/application.yaml --state {self.state}")
        with open(self._log, "wb") as log:
            self._daemon = subprocess.Popen(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._until("the daemon answers", self._client.is_there)

    def _kill(self) -> dict[str, Any]:
        victim = self._pid(WEB)
        after = self._newest()
        self._tell(f"$ kill -9 {victim}")
        killed_at, began = time.time(), time.monotonic()
        os.kill(victim, signal.SIGKILL)
        started = self._event(after, "process.started", WEB)
        new_pid_ms = max(0.0, (started["at"] - killed_at) * 1000)
        self._until("the new process answers", lambda: ask(self.port)["pid"] == started["data"]["pid"])
        http_ok_ms = (time.monotonic() - began) * 1000
        self._reach("healed", lambda it: it["health"] == "Healthy")
        self._tell(f"healed: pid {started['data']['pid']} after {new_pid_ms:.1f} ms, and it answers after {http_ok_ms:.0f} ms")
        return {"new_pid_ms": round(new_pid_ms, 3), "http_ok_ms": round(http_ok_ms, 3)}

    def _deploy(self) -> dict[str, Any]:
        with self._visitors() as load:
            commit = self._change("Sell more", 'VERSION = "1"', 'VERSION = "2"')
            self._tell(f"$ git commit -m 'Sell more'    # {commit[:10]}, with visitors in the shop")
            self._reach("deployed", lambda it: _is_well(it, commit))
            self._until("version 2 answers", lambda: ask(self.port)["version"] == "2")
        self._tell(f"rolled out: version 2 answers; {load.requests} requests meanwhile, {len(load.failures)} failed{_first(load.failures)}")
        return {"requests": load.requests, "failed": len(load.failures)}

    def _break(self) -> dict[str, Any]:
        with self._visitors() as load:
            commit = self._change("Lose the till", 'VERSION = "2"', BAD_LINE)
            self._tell(f"$ git commit -m 'Lose the till'    # {commit[:10]}, which cannot start")
            status = self._reach("rolled back", lambda it: it["pinned"] and it["desired_revision"] == commit and not _runs(it))
            version = ask(self.port)["version"]
        is_back = version == "2" and not load.failures and status["health"] == "Healthy"
        self._tell(f"stopped and pinned: {status['message']}")
        self._tell(
            f"version {version} still answers; {load.requests} requests meanwhile, {len(load.failures)} failed{_first(load.failures)}"
        )
        return {"rolled_back": is_back, "requests": load.requests, "failed": len(load.failures)}

    # Acts

    def _change(self, subject: str, before: str, after: str) -> str:
        program = self.repository / "web.py"
        program.write_text(program.read_text().replace(before, after))
        return self._commit(subject)

    def _commit(self, subject: str) -> str:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", subject)
        return self._git("rev-parse", "HEAD")

    def _git(self, *arguments: str) -> str:
        environment = {**os.environ, **IDENTITY}
        done = subprocess.run(["git", *arguments], cwd=self.repository, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise EngineError("HF8026", f"cannot tell the demo: git {arguments[0]} says {done.stderr.strip()}", hint="holdfast doctor")
        return done.stdout.strip()

    def _take_down(self) -> None:
        """Remove what runs, then end the daemon; the keeper ends by itself once it keeps nothing."""
        if self._daemon is None:
            return
        try:
            self._client.work("/v1/down", lambda event: None, application=NAME)
        except HoldfastError as error:
            self._tell(f"could not take the shop down: {error.message}")
        finally:
            self._daemon.terminate()
            try:
                self._daemon.wait(timeout=STEP_S)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()

    def wait(self) -> None:
        """Return when the daemon ends: Ctrl-C reaches it too."""
        if self._daemon is not None:
            self._daemon.wait()

    # Looks

    def _status(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get("/v1/status")["data"]["applications"][0]
        return found

    def _pid(self, id: str) -> int:
        return next(int(each["live"]["pid"]) for each in self._status()["resources"] if each["id"] == id)

    def _newest(self) -> int:
        events = self._client.get("/v1/events", limit=1)["data"]["events"]
        return int(events[-1]["seq"]) if events else 0

    def _reach(self, what: str, is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the Application's status as soon as it is as wanted, looking again whenever something happened."""
        for _ in self._happening(what, 0):
            found = self._client.get("/v1/status")["data"]["applications"]
            if found and is_there(found[0]):
                return dict(found[0])
        raise self._late(what)

    def _event(self, after: int, type: str, subject: str) -> dict[str, Any]:
        """Return the first event of a type about a subject, with a seq above `after`."""
        for event in self._happening(type, after):
            if event is not None and event["type"] == type and event["subject"] == subject:
                return event
        raise self._late(type)

    def _happening(self, what: str, after: int) -> Iterator[dict[str, Any] | None]:
        deadline = time.monotonic() + STEP_S
        for event in self._client.events(after, None):
            yield event
            if time.monotonic() > deadline or (self._daemon is not None and self._daemon.poll() is not None):
                raise self._late(what)

    def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + STEP_S
        while time.monotonic() < deadline and (self._daemon is None or self._daemon.poll() is None):
            try:
                if is_so():
                    return
            except (OSError, ValueError):
                pass  # not yet
            time.sleep(0.002)
        raise self._late(what)

    def _late(self, what: str) -> TimedOut:
        words = self._log.read_text(errors="replace").strip().splitlines()[-8:] if self._log.exists() else []
        return TimedOut("HF8027", f"cannot tell the demo: {what} did not come within {STEP_S:g} s", hint="holdfast doctor", log=words)


def _is_well(it: Mapping[str, Any], commit: str) -> bool:
    return bool(it["revision"] == commit and it["sync"] == "Synced" and it["health"] == "Healthy" and not _runs(it))


def _runs(it: Mapping[str, Any]) -> bool:
    return it["operation"] is not None and it["operation"]["phase"] == "Running"


def _first(failures: list[str]) -> str:
    return f" ({failures[0]})" if failures else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
