"""A whole Holdfast for tests: a repository, an Application file, a state folder, and the real program as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.ports import free_port

from holdfast.cli.client import Client
from holdfast.errors import HoldfastError
from holdfast.host.keeper_client import peek

HOLDFAST = (sys.executable, "-c", "import sys; from holdfast.cli.main import main; sys.exit(main())")
LIMIT_S = 40.0
GIT: Mapping[str, str] = {
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.org",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.org",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
spec:
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  destination: {{ server: "host://local" }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
WEB = """\
import http.server, json, os, signal, socket, threading
VERSION = "{version}"
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(version=VERSION, pid=os.getpid())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *what): print(*what, flush=True)
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
held = socket.socket(fileno=3)
held.setblocking(False)
server = Server(held.getsockname(), Page, bind_and_activate=False)
server.socket.close()
server.socket = held
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("serving", VERSION, flush=True)
server.serve_forever(poll_interval=0.02)
server.server_close()
"""
PROCESSES = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec:
  command: [python3, web.py]
  replicas: {replicas}
  sockets: [{{ name: http, port: {port} }}]
  probes: {{ readiness: {{ http: {{ path: / }} }} }}
"""


class House:
    """`folder` holds all; `repository` is the Application's, `state` the daemon's."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.within: tuple[str, ...] = ()
        """What its programs are run by, where that is another network namespace."""
        self.repository = folder / "repository"
        self.state = folder / "state"
        self.file = folder / "application.yaml"
        self.port = free_port()
        self.client = Client(str(self.state))
        self.daemon: subprocess.Popen[bytes] | None = None
        self.log = folder / "daemon.log"
        self.options: tuple[str, ...] = ()
        """More words of `up`."""
        self.environ: dict[str, str] = {}
        """Beside that of the tests, for every program that is started here."""
        self.repository.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.file.write_text(APPLICATION.format(name=name, repository=self.repository))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.repository, env={**os.environ, **GIT}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, subject: str, **files: str | None) -> str:
        """Write files (`web_py` is web.py), remove those that are None, and commit; return the commit."""
        for key, text in files.items():
            path = self.repository / key.replace("__", "/").replace("_", ".")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", subject)
        return self.git("rev-parse", "HEAD")

    def web(self, version: str = "1", replicas: int = 1) -> str:
        """Commit the web application."""
        processes = PROCESSES.format(port=self.port, replicas=replicas)
        return self.commit(f"version {version}", web_py=WEB.format(version=version), processes_yaml=processes)

    # The program

    def run(self, *words: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        done = subprocess.run(
            [*self.within, *HOLDFAST, *words],
            cwd=self.folder,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if expect is not None:
            assert done.returncode == expect, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def answer(self, *words: str, expect: int | None = 0) -> Any:
        """Return the document of a command on this house's state."""
        done = self.run(*words, "--state", str(self.state), "--json", expect=expect)
        return json.loads(done.stdout)

    def answer_to(self, *words: str, expect: int | None = 0) -> Any:
        """Return the document of a command line that says --json itself."""
        return json.loads(self.run(*words, expect=expect).stdout)

    def up(self, *files: Path) -> None:
        """Start the daemon and wait until it answers."""
        self.begin_up(*files)
        self.until("the daemon answers", self.client.is_there)

    def begin_up(self, *files: Path) -> None:
        """Start the daemon, and do not wait for it."""
        given = [word for file in files or (self.file,) for word in ("--file", str(file))]
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(
                [*self.within, *HOLDFAST, "up", *given, *self.options, "--state", str(self.state)],
                cwd=self.folder,
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the daemon, and return its exit code."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        code = self.daemon.wait(timeout=LIMIT_S)
        self.daemon = None
        return code

    # Looks

    def application(self) -> dict[str, Any]:
        found = self.client.get("/v1/status", application=self.name)["data"]["applications"]
        return dict(found[0])

    def resource(self, id: str) -> dict[str, Any]:
        return next(each for each in self.application()["resources"] if each["id"] == id)

    def pid(self, id: str) -> int:
        return int(self.resource(id)["live"]["pid"])

    def reach(self, what: str, is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the Application's status is as wanted, looking whenever something happened."""
        deadline = time.monotonic() + LIMIT_S
        last: dict[str, Any] = {}
        for _ in self.client.events(0, None):
            found = self.client.get("/v1/status")["data"]["applications"]
            last = next((each for each in found if each["name"] == self.name), {})
            if last and is_there(last):
                return last
            if time.monotonic() > deadline:
                break
        # What is as it should be says nothing, and of a large Application it would hide the rest.
        last |= {"resources": [it for it in last.get("resources", ()) if (it["sync"], it["health"]) != ("Synced", "Healthy")][:20]}
        raise AssertionError(f"{what} was not reached: {json.dumps(last, indent=1)}\n{self.log.read_text()[-4000:]}")

    def well(self, commit: str | None = None) -> dict[str, Any]:
        """Wait until it is Synced and Healthy, at a commit."""
        return self.reach(
            "synced and healthy",
            lambda it: it["sync"] == "Synced" and it["health"] == "Healthy" and commit in (None, it["revision"]) and not runs(it),
        )

    def well_at(self, commit: str) -> dict[str, Any]:
        """Start the daemon, and wait until all stands as a commit says."""
        self.up()
        return self.well(commit)

    def happened(self, type: str, subject: str | None = None, after: int = 0) -> dict[str, Any]:
        """Wait for an event."""
        deadline = time.monotonic() + LIMIT_S
        for event in self.client.events(after, None):
            if event is not None and event["type"] == type and subject in (None, event["subject"]):
                return event
            if time.monotonic() > deadline:
                break
        raise AssertionError(f"{type} of {subject} did not happen\n{self.log.read_text()[-4000:]}")

    def newest(self) -> int:
        events = self.client.get("/v1/events", limit=1)["data"]["events"]
        return int(events[-1]["seq"]) if events else 0

    def ask(self) -> dict[str, Any]:
        """Ask the web application."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10.0)
        try:
            connection.request("GET", "/")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait for something that no event tells of."""
        deadline = time.monotonic() + LIMIT_S
        while not is_so():
            assert time.monotonic() < deadline, f"{what} did not come:\n{self.log.read_text()[-4000:]}"
            assert self.daemon is None or self.daemon.poll() is None, f"the daemon ended:\n{self.log.read_text()[-4000:]}"
            time.sleep(0.005)

    def close(self) -> None:
        """Take everything away, whatever the test did."""
        try:
            if self.state.exists():
                if self.daemon is not None and self.daemon.poll() is None:
                    try:
                        self.client.work("/v1/down", lambda event: None, application=self.name)
                    finally:
                        self.end()
                else:
                    self.run("down", self.name, "--state", str(self.state), expect=None)
        except (HoldfastError, AssertionError) as error:
            print(f"could not take it down: {error}\n{self.log.read_text() if self.log.exists() else ''}")
        finally:
            self._end_keeper()

    def _end_keeper(self) -> None:
        """End what a failed test left: every child of this house's keeper, and so the keeper."""
        found = peek(self.state / "run") if (self.state / "run").exists() else None
        for child in found[1].children if found else ():
            if child.alive and child.pid is not None:
                os.killpg(child.pid, signal.SIGKILL)
        if found:
            os.kill(found[0].pid, signal.SIGTERM)


def runs(it: Mapping[str, Any]) -> bool:
    return it["operation"] is not None and it["operation"]["phase"] == "Running"


@contextmanager
def house(name: str = "shop") -> Iterator[House]:
    """Lend a house in a folder with a short name that run users may pass through; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hf-"))
    folder.chmod(0o711)
    it = House(folder, name)
    try:
        yield it
    finally:
        it.close()
        shutil.rmtree(folder, ignore_errors=True)
