"""What the tests of the certificate engine stand on: an engine and its controller in a folder, and a web server for challenges."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.real.process_house import FixedSecrets, MemoryRecords

from holdfast.controllers.renew import RenewController
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.issuer import Means
from holdfast.edge.issuer_spec import IssuerSpec
from holdfast.edge.typed import write
from holdfast.engines.acme.answering import PATH
from holdfast.engines.acme.engine import AcmeEngine
from holdfast.host.clock import RealClock, RealRandom
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.ports import Records, Write
from holdfast.model.resource import Resource, ResourcePolicy
from holdfast.model.state import State

DEADLINE_S = 30.0
LOOK_AGAIN_S = 0.02
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class WebChallenges:
    """Answers http-01 on loopback, as the edge will."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.asked: list[str] = []
        self.ever: list[tuple[str, str]] = []
        """Host and token of all that was ever put."""

    async def put(self, token: str, key_authorization: str, host: str) -> None:
        self.answers[token] = key_authorization
        self.ever.append((host, token))

    async def drop(self, token: str) -> None:
        self.answers.pop(token, None)

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[None]:
        async def answer(request: web.Request) -> web.Response:
            token = request.match_info["token"]
            self.asked.append(request.headers.get("Host", "").partition(":")[0])
            return web.Response(text=self.answers[token]) if token in self.answers else web.Response(status=404)

        async def take(request: web.Request) -> web.Response:
            self.answers[request.match_info["token"]] = await request.text()
            return web.Response()

        app = web.Application()
        app.router.add_get(f"{PATH}{{token}}", answer)
        app.router.add_put(f"{PATH}{{token}}", take)  # for another client on the same port
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield
        finally:
            await runner.cleanup()


class Told:
    """A journal that only remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def emit(self, *events: Event) -> None:
        self.events.extend(events)

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        raise AssertionError("nobody writes here")

    def types(self) -> list[str]:
        return [event.type for event in self.events]


@dataclass
class House:
    """An engine and a controller in a folder, as one daemon has them; `again` is the next daemon on the same folder."""

    folder: Path
    issuers: list[IssuerSpec] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    means: Means = field(default_factory=Means)
    challenges: WebChallenges = field(default_factory=WebChallenges)
    clock: Clock = field(default_factory=RealClock)
    records: Records = field(default_factory=MemoryRecords)
    courses: Records = field(default_factory=MemoryRecords)
    known: dict[ResourceId, Resource] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.secrets = FixedSecrets(self.values)
        self.journal = Told()
        self.changed: list[ResourceId] = []
        self.crashes: list[tuple[str, BaseException]] = []
        self.engine = AcmeEngine(
            folder=self.folder / "certificates",
            state=self.folder / "acme",
            records=self.records,
            secrets=self.secrets,
            declared=lambda: self.issuers,
            means=self.means,
            challenges=self.challenges,
            described=lambda id: [self.known[id]] if id in self.known else [],
            search_path=SEARCH_PATH,
            clock=self.clock,
            changed=self.changed.append,
        )
        self.engine.start()
        self.renew = RenewController(
            certificates=self.engine,
            journal=self.journal,
            records=self.courses,
            clock=self.clock,
            random=RealRandom(),
            crashed=lambda part, error: self.crashes.append((part, error)),
        )

    def again(self, **more: Any) -> House:
        kept: dict[str, Any] = {
            "folder": self.folder,
            "issuers": self.issuers,
            "values": self.values,
            "means": self.means,
            "challenges": self.challenges,
            "clock": self.clock,
            "records": self.records,
            "courses": self.courses,
            "known": self.known,
        }
        return House(**{**kept, **more})

    async def apply(self, *hosts: str, name: str = "shop", adopt: bool = False, verb: Verb = Verb.CREATE, **more: Any) -> ResourceId:
        """Declare a Certificate and apply it."""
        found = certificate(*hosts, name=name, adopt=adopt, **more)
        self.known[found.id] = found
        change = Change(id=found.id, verb=verb, reason=Reason.DECLARED, before=None, after=found.state)
        await self.engine.apply(Step(operation="o1", verb=StepVerb.APPLY, change=change, resource=found))
        return found.id

    async def heal(self, id: ResourceId) -> None:
        found = self.known[id]
        change = Change(id=id, verb=Verb.UPDATE, reason=Reason.DRIFTED, before=None, after=found.state)
        await self.engine.apply(Step(operation="heal", verb=StepVerb.APPLY, change=change, resource=found))

    async def see(self, id: ResourceId) -> Observation:
        live = await self.engine.observe([id])
        assert id in live.observed, live.unreachable
        return live.observed[id]

    async def fields(self, id: ResourceId) -> dict[str, Json] | None:
        state = (await self.see(id)).state
        return None if state is None else dict(state.fields)

    async def handle(self, id: ResourceId) -> dict[str, Any]:
        handle = (await self.see(id)).handle
        assert handle is not None
        return dict(handle)

    def served(self, id: ResourceId) -> Path:
        return self.folder / "certificates" / id.namespace / id.name

    @asynccontextmanager
    async def running(self) -> AsyncIterator[House]:
        """Renew by itself meanwhile."""
        async with Tasks() as tasks:
            tasks.start("renew", self.renew.run())
            try:
                yield self
            finally:
                await tasks.stop()
        assert self.crashes == []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[House]:
        try:
            yield self
        finally:
            await self.engine.aclose()


def certificate(*hosts: str, name: str = "shop", adopt: bool = False, **more: Any) -> Resource:
    fields = write(CertificateSpec, CertificateSpec(hosts=tuple(hosts), **more), {})
    return Resource(
        id=ResourceId(HOST, "Certificate", "shop", name),
        state=State.of(fields),
        policy=ResourcePolicy(adopt=adopt),
        labels={APPLICATION: "shop"},
    )


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait for a fact, with a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(LOOK_AGAIN_S)
