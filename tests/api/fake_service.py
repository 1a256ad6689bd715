"""A Service without a world: it answers from what a test puts in, and remembers what it was asked. For tests of API and commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from holdfast.api.service import Data, LogLine, certificate_named, unknown_application
from holdfast.core.fold import Folding
from holdfast.core.view import history, status
from holdfast.errors import HoldfastError
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId

ALL = "all"


class FakeService:
    """Status and history are real folds of `log`; `fail` maps a method to what it raises; `asked` holds calls by others than readers."""

    def __init__(self) -> None:
        self.log: list[Event] = []
        self.asked: list[tuple[Any, ...]] = []
        self.fail: dict[str, BaseException] = {}
        self.plans: Data = {"applications": []}
        self.operation: Data = {"operation": None, "accepted": True}
        self.during: list[Event] = []
        """What happens while an operation runs."""
        self.certificates = FakeCertificates(self)
        self.edge = FakeEdge(self)
        self.objects = FakeObjects(self)
        self.lines: list[LogLine] = []
        self.checks: list[dict[str, Any]] = []
        self.gate: asyncio.Event | None = None
        """An operation waits for it."""
        self.followers = 0
        self._came_or_went = asyncio.Condition()
        self._news = asyncio.Event()

    def put(self, *events: Event) -> None:
        """Append events, with the next seqs, and tell followers. From the server's own loop."""
        for event in events:
            self.log.append(Event(**{name: getattr(event, name) for name in Event.__slots__} | {"seq": len(self.log) + 1}))
        self._news.set()
        self._news = asyncio.Event()

    async def followed_by(self, count: int) -> None:
        """Wait until so many follow."""
        async with self._came_or_went:
            await self._came_or_went.wait_for(lambda: self.followers == count)

    async def _follower(self, more: int) -> None:
        self.followers += more
        async with self._came_or_went:
            self._came_or_went.notify_all()

    def _check(self, name: str) -> None:
        if name in self.fail:
            raise self.fail[name]

    def _view(self, at: float | None) -> Folding:
        folding = Folding()
        for event in self.log:
            if at is None or event.at <= at:
                folding.apply(event)
        return folding

    def _known(self, application: str | None) -> None:
        names = self._view(None).view.applications
        if application is not None and application not in names:
            raise unknown_application(application, names)

    def version(self) -> Data:
        return {"version": "9.9.9", "pid": 1, "state": "/state", "started_at": 0.0}

    async def status(self, application: str | None, at: float | None) -> Data:
        self._check("status")
        self._known(application)
        return status(self._view(at).view, 1_000.0 if at is None else at, application)

    async def history(self, application: str) -> Data:
        self._check("history")
        self._known(application)
        return history([event for event in self.log if event.data.get("application") == application])

    async def newest(self) -> int:
        return len(self.log)

    async def events(self, after: int, limit: int | None, application: str | None, since: float | None) -> tuple[Event, ...]:
        self._check("events")
        found = [event for event in self.log if event.seq > after and event.at >= (since or 0.0)]
        return tuple([event for event in found if application in (None, event.data.get("application"))][:limit])

    async def follow(self, after: int) -> AsyncIterator[Event]:
        await self._follower(1)
        try:
            while True:
                news = self._news
                for event in self.log[after:]:
                    after = event.seq
                    yield event
                self._check("follow")
                if after == len(self.log):
                    await news.wait()
        finally:
            await self._follower(-1)

    async def plan(self, application: str, revision: str | None, resources: Sequence[str] = ()) -> Data:
        self.asked.append(("plan", application, revision, *resources))
        self._check("plan")
        return self.plans

    async def sync(self, application: str, person: str, approve: str | None, wait: bool, resources: Sequence[str] = ()) -> Data:
        self.asked.append(("sync", application, person, approve, wait, *resources))
        return await self._operate("sync", application)

    async def rollback(self, application: str, to: str | None, person: str) -> Data:
        self.asked.append(("rollback", application, to, person))
        return await self._operate("rollback", application)

    async def down(self, application: str, person: str, approve: str | None) -> Data:
        self.asked.append(("down", application, person, approve))
        return await self._operate("down", application)

    async def _operate(self, name: str, application: str) -> Data:
        self._check(name)
        self._known(application)
        self.put(*self.during)
        if self.gate is not None:
            await self.gate.wait()
        return self.operation

    async def suspend(self, application: str, person: str, reason: str) -> None:
        self.asked.append(("suspend", application, person, reason))
        self._known(application)

    async def resume(self, application: str, person: str) -> None:
        self.asked.append(("resume", application, person))
        self._known(application)

    async def logs(self, name: str, lines: int, follow: bool, since: float | None = None) -> AsyncIterator[LogLine]:
        self.asked.append(("logs", name, lines, follow) if since is None else ("logs", name, lines, follow, since))
        self._check("logs")
        for line in self.lines[-lines:] if lines else []:
            yield line
        if follow and isinstance(self.fail.get("logs after"), HoldfastError):
            raise self.fail["logs after"]

    async def refresh(self, application: str | None) -> None:
        self.asked.append(("refresh", application))

    async def tree(self, application: str | None) -> Data:
        self._check("tree")
        return await self.status(application, None)

    async def doctor(self) -> Data:
        self._check("doctor")
        return {"checks": self.checks}


class FakeObjects:
    """Objects with one action each."""

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self.done: dict[str, Any] = {"changed": [], "created": [], "drift": [], "heals": False}

    async def actions(self, name: str) -> Data:
        self._service._check("actions")
        restart = {"name": "restart", "title": "restart", "disabled": False, "params": {}}
        scale = {"name": "scale", "title": "Scale it", "disabled": True, "params": {"replicas": "2", "step": None}}
        return {"application": "shop", "id": name, "destination": "https://c", "actions": [restart, scale]}

    async def act(self, name: str, action: str, params: Mapping[str, str], person: str, reason: str) -> Data:
        self._service.asked.append(("act", name, action, dict(params), person, reason))
        self._service._check("act")
        return {"application": "shop", "id": name, "destination": "https://c", "action": action, "params": dict(params), **self.done}


class FakeCertificates:
    """Certificates that are rows of JSON; what is asked of them stands in `asked` of the service, and `fail` counts here too."""

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self.rows: dict[ResourceId, dict[str, Any]] = {}
        self.authorities: list[dict[str, Any]] = []
        self.outcome = "renewed"
        self.message = ""

    def put(self, name: str = "shop", application: str = "shop", **more: Any) -> ResourceId:
        id = ResourceId(HOST, "Certificate", application, name)
        fresh: dict[str, Any] = {
            "id": str(id),
            "application": application,
            "hosts": [f"{name}.example.com"],
            "source": "issued",
            "issuer": "letsencrypt",
            "serial": "0a1b",
            "names": [f"{name}.example.com"],
            "not_after": 5e9,
            "renew_at": 4e9,
            "next_at": 4e9,
            "message": "",
            "drift": [],
            "awaited": None,
            "is_taken_over": False,
        }
        self.rows[id] = fresh | more
        return id

    def find(self, name: str) -> ResourceId:
        return certificate_named(name, {id: row["hosts"] for id, row in self.rows.items()})

    def application_of(self, id: ResourceId) -> str:
        return str(self.rows[id]["application"])

    async def listed(self, application: str | None) -> Data:
        self._service._check("certificates")
        found = [row for row in self.rows.values() if application in (None, row["application"])]
        return {"certificates": found, "authorities": self.authorities}

    async def renew(self, id: ResourceId, person: str, is_forced: bool) -> Data:
        self._asked("renew", id, person, is_forced)
        return {"outcome": self.outcome, "certificate": self.rows[id], "rehearsal": None}

    async def rehearse(self, id: ResourceId) -> Data:
        self._asked("rehearse", id)
        rehearsal = {"issuer": "letsencrypt", "directory": "https://staging.example/dir", "is_staging": True}
        return {"outcome": "rehearsed", "certificate": self.rows[id], "rehearsal": rehearsal}

    async def revoke(self, id: ResourceId, person: str, reason: str) -> Data:
        self._asked("revoke", id, person, reason)
        row = self.rows[id]
        return {"revoked": {name: row[name] for name in ("issuer", "serial", "names")}, "reason": reason, "certificate": row}

    async def take_over(self, id: ResourceId, person: str) -> Data:
        self._asked("take_over", id, person)
        return {"certificate": self.rows[id], "message": self.message, "next_step": "let certbot forget it"}

    def _asked(self, what: str, id: ResourceId, *more: Any) -> None:
        self._service.asked.append((what, str(id), *more))
        self._service._check(what)
        self._service.put(*self._service.during)


class FakeEdge:
    """An edge that tells what a test puts in."""

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self.status: Data = {"nginx": None, "sites": []}
        self.looks: list[dict[str, Any]] = []
        self.closed: dict[str, Any] | None = None

    async def shown(self) -> Data:
        self._service._check("edge")
        return self.status

    async def forecast(self, changes: Any) -> Data | None:
        return None

    async def looked(self) -> Data:
        return {"looks": self.looks}

    async def close(self, site: str, how: str, person: str, message: str, until: float | None) -> Data:
        self._service.asked.append(("close", site, how, person, message, until))
        self._service._check("close")
        self.closed = {"how": how, "by": person, "at": 1_000.0, "until": until, "message": message}
        return {"site": f"Site/shop/{site}", "closed": self.closed}

    async def open(self, site: str, how: str, person: str) -> Data:
        self._service.asked.append(("open", site, how, person))
        self._service._check("open")
        self.closed = None
        return {"site": f"Site/shop/{site}", "closed": None}
