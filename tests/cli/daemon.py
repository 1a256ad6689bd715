"""A daemon for tests of the command line: the real ApiServer on a real socket, a fake Service behind it. And what runs a command."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from tests.api.fake_service import FakeService

from holdfast.api.server import ApiServer
from holdfast.api.service import Service
from holdfast.cli.program import run
from holdfast.core import events
from holdfast.core.view import SYNCED
from holdfast.host.options import API_SOCKET, RUN_FOLDER
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.proof import Proof, Verdict
from holdfast.model.resource import Desired

DEADLINE_S = 20.0
WEB = ResourceId("host", "Process", "shop", "web")


class Daemon:
    """Serves `service` on `state` from a thread; it may be stopped and started again."""

    def __init__(self, state: Path, service: FakeService | None = None) -> None:
        self.state = state
        self.service = service or FakeService()
        self.crashes: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server: ApiServer | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def start(self) -> None:
        service: Service = self.service
        path = self.state / RUN_FOLDER / API_SOCKET
        self._server = ApiServer(service, path, crashed=lambda where, error: self.crashes.append(f"{where}: {error!r}"), heartbeat_s=0.05)
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(DEADLINE_S)

    def stop(self) -> None:
        if self._server is not None:
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(DEADLINE_S)
            self._server = None

    def put(self, *told: Event) -> None:
        """Append events as the daemon would."""
        self.call(lambda: self.service.put(*told))

    def call(self, act: Callable[[], None]) -> None:
        """Do something in the daemon's own thread."""
        done = threading.Event()

        def both() -> None:
            act()
            done.set()

        self._loop.call_soon_threadsafe(both)
        assert done.wait(DEADLINE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of one command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    @property
    def data(self) -> Any:
        return self.document["data"]


class Runner:
    """Runs the command line in this process, with an environment of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], state: Path) -> None:
        self._capsys = capsys
        self._state = state

    def __call__(self, *words: str, environ: Mapping[str, str] | None = None) -> Run:
        self._capsys.readouterr()
        home = {"HOME": str(self._state), "PATH": os.environ["PATH"], "HOLDFAST_STATE": str(self._state)}
        code = run(list(words), {**home, **(environ or {})})
        told = self._capsys.readouterr()
        return Run(code=code, out=told.out, err=told.err)


def declared(name: str, at: float = 1.0) -> Event:
    return events.application_declared(at=at, application=name, repository="/r", path=".", target_revision="main")


def rendered(name: str, at: float = 2.0) -> Event:
    return events.revision_rendered(at=at, desired=Desired(application=name, revision="a" * 40, resources=(), digest="d"))


def observed(
    name: str, id: ResourceId = WEB, *, at: float = 3.0, sync: str = SYNCED, status: Status = Status.HEALTHY, message: str = ""
) -> Event:
    return events.resource_observed(
        at=at, application=name, id=id, sync=sync, health=Health(status, message), live={"pid": 4242}, revision="a" * 40
    )


def proven(name: str, at: float = 4.0) -> Event:
    proof = Proof(
        claim="answers on port 3000",
        subject=WEB,
        method="http",
        verdict=Verdict.PROVEN,
        evidence="200",
        proven_at=at,
        valid_for_s=1e9,
    )
    return events.claim_looked_at(at=at, application=name, proof=proof)


def change(verb: str, name: str, **more: Any) -> dict[str, Any]:
    """Return a change as the data of a Plan has it."""
    fresh = {
        "id": f"Process/shop/{name}",
        "destination": "host",
        "verb": verb,
        "reason": "pruned" if verb == "delete" else "declared",
        "wave": 0,
        "origin": "shop/processes.yaml:3",
        "fields": [{"path": "command", "before": ["old"], "after": ["new"]}],
    }
    return fresh | more


def blocked(name: str, **more: Any) -> dict[str, Any]:
    fresh = {
        "id": f"Process/shop/{name}",
        "destination": "host",
        "reason": "is not ours",
        "code": "",
        "refused": False,
        "unknown": False,
        "origin": None,
    }
    return fresh | more


def hook(phase: str, name: str, **more: Any) -> dict[str, Any]:
    fresh = {
        "id": f"batch/Job/shop/{name}",
        "destination": "https://kubernetes.default.svc",
        "phase": phase,
        "wave": 0,
        "runs": phase in ("PreSync", "Sync", "PostSync"),
        "delete": ["BeforeHookCreation"],
        "generated": False,
        "origin": "shop/hooks.yaml:3",
    }
    return fresh | more


def planned(*changes: Any, held: tuple[Any, ...] = (), unchanged: int = 0, hooks: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Return the data of a Plan of one Application."""
    application = {
        "name": "shop",
        "revision": "a" * 40,
        "digest": "abc123",
        "changes": list(changes),
        "blocked": list(held),
        "hooks": list(hooks),
        "orphans": [],
        "unchanged": unchanged,
    }
    return {"applications": [application]}


def operated(phase: str, **more: Any) -> dict[str, Any]:
    """Return the data of an Operation."""
    operation = {
        "id": "op-1",
        "application": "shop",
        "trigger": "manual",
        "revision": "a" * 40,
        "phase": phase,
        "message": "",
        "started_at": 1.0,
        "finished_at": 2.0,
        "plan_digest": "abc123",
        "outcomes": [],
    }
    return {"operation": operation | more, "accepted": True}
