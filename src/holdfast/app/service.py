"""The daemon's answers: `api.service.Service`, from controllers, journal and store. It looks and passes on; it decides nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import holdfast
from holdfast.api.document import Planned, operation_data, plan_data
from holdfast.api.service import CertificateService, Data, EdgeService, LogLine, ObjectService, unknown_application
from holdfast.app.applications import Applications
from holdfast.app.checks import checks
from holdfast.app.objects import HouseObjects
from holdfast.app.speaking import speaking
from holdfast.controllers.source.rendering import Rendering
from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Ask, Request
from holdfast.core.planner import plan
from holdfast.core.selection import patterns, select
from holdfast.core.view import HISTORY_EVENTS, HISTORY_OPERATIONS, history, status
from holdfast.core.world import find, subjects
from holdfast.engines.kubernetes.logs import Extent, PodLogs
from holdfast.errors import HoldfastError, SourceError, UsageError
from holdfast.kit.clock import Clock, Instant
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Logs
from holdfast.model.resource import Desired, Resource
from holdfast.store.journal import StoreJournal
from holdfast.store.past import PAGE
from holdfast.store.sqlite import SqliteStore
from holdfast.walk.ledger import Ledger
from holdfast.walk.walker import Walker


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Whom the service asks."""

    applications: Applications
    rendering: Rendering
    sync: SyncController
    walker: Walker
    ledger: Ledger
    journal: StoreJournal
    store: SqliteStore
    logs: Mapping[str, Logs]
    """By kind."""
    pods: PodLogs
    """Of objects of a cluster."""
    wanted: Callable[[str], Desired | None]
    """What Git asks of an Application now."""
    refresh: Callable[[str], Awaitable[None]]
    look_for_orphans: Callable[[str], Awaitable[None]]
    """In the namespace of an Application, where its project asks for it."""
    edge: EdgeService
    forecasts: Callable[[Mapping[ResourceId, Resource]], Awaitable[Mapping[ResourceId, str]]]
    """What changes bring that their states do not say, in words."""
    certificates: CertificateService
    objects: HouseObjects
    clock: Clock
    state: Path
    started_at: Instant
    crashed: Callable[[str, BaseException], None]


class HouseService:
    """Implements `api.service.Service`. Use as a context: what is asked for without waiting runs in its task group."""

    def __init__(self, it: Neighbours) -> None:
        self._it = it
        self._tasks = Tasks(on_crash=it.crashed)
        self._number = 0

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.stop()
        await self._tasks.__aexit__(None, None, None)

    @property
    def edge(self) -> EdgeService:
        return self._it.edge

    @property
    def objects(self) -> ObjectService:
        return self._it.objects

    @property
    def certificates(self) -> CertificateService:
        return self._it.certificates

    # Looking

    def version(self) -> Data:
        return {"version": holdfast.__version__, "pid": os.getpid(), "state": str(self._it.state), "started_at": self._it.started_at}

    async def status(self, application: str | None, at: Instant | None) -> Data:
        view = self._it.journal.view if at is None else await self._it.journal.view_at(at)
        if application is not None and application not in view.applications:
            raise unknown_application(application, view.applications)
        return status(view, self._it.clock.now() if at is None else at, application)

    async def tree(self, application: str | None) -> Data:
        if application is None:
            return await self.status(application, None)
        await self._it.look_for_orphans(application)
        data = await self.status(application, None)
        ids = [id for id, owned in self._it.ledger.inventory.items() if owned.application == application and self._it.objects.has(id)]
        found, warnings = await self._it.objects.beneath(ids)
        said = {(str(id), id.destination): each for id, each in found.items()}
        shown = [
            {**it, "resources": [{**each, **(said.get((each["id"], each["destination"])) or {})} for each in it["resources"]]}
            for it in data["applications"]
        ]
        return {**data, "applications": shown, "unseen": list(warnings)}

    async def history(self, application: str) -> Data:
        self._known(application)
        store = self._it.store
        operations = await store.operations(application=application, limit=HISTORY_OPERATIONS)
        return history(await store.events(application=application, limit=HISTORY_EVENTS, newest=True), operations)

    async def newest(self) -> int:
        return self._it.journal.newest

    async def events(self, after: int, limit: int | None, application: str | None, since: Instant | None) -> tuple[Event, ...]:
        store = self._it.store
        if since is None:
            return await store.events(after=after, application=application, limit=limit, newest=limit is not None and not after)
        found: list[Event] = []
        while (limit is None or len(found) < limit) and (page := await store.events(after=after, application=application, limit=PAGE)):
            found += [event for event in page if event.at >= since]
            after = page[-1].seq
        return tuple(found[:limit])

    def follow(self, after: int) -> AsyncIterator[Event]:
        return self._it.journal.follow(after)

    async def plan(self, application: str, revision: str | None, resources: Sequence[str] = ()) -> Data:
        it = self._it
        self._served(application)
        sourced = it.applications.sourced(application)
        try:
            desired, _ = await it.rendering.at(sourced, revision)
        except SourceError:
            if revision is not None or (last := it.wanted(application)) is None:
                raise
            desired = last  # Git does not answer now: by what it said last
        only = select(desired, it.ledger.inventory, patterns(resources)) if resources else None
        live = await it.walker.observe(subjects(desired, it.ledger.inventory, only))
        planned = plan(desired, live, it.ledger.inventory, replace(it.sync.allowed(desired), only=only))
        changes = {change.id: find(desired, change.id) for wave in planned.waves for change in wave}
        told = await it.forecasts({id: resource for id, resource in changes.items() if resource is not None})
        is_due = it.walker.book is not None and it.walker.book.is_due(desired, planned)
        data = plan_data([Planned(desired=desired, plan=planned, are_hooks_due=is_due)], told)
        return {**data, "edge": await it.edge.forecast(changes)}

    async def logs(self, name: str, lines: int, follow: bool, since: Instant | None = None) -> AsyncIterator[LogLine]:
        ids = speaking(self._it.ledger.inventory, name)
        here = [id for id in ids if id.kind in self._it.logs]
        pods = [id for id in ids if id.kind not in self._it.logs]
        if since is not None and (timeless := [str(id) for id in here if id.kind == "Process"]):
            hint = "leave out --since, or name what has times"
            raise UsageError("HF8074", f"cannot read the logs of {timeless[0]} since a moment: its lines have no times", hint=hint)
        for id in here:
            for text in await self._it.logs[id.kind].tail(id, lines, since):
                yield LogLine(source=str(id), text=text)
        extent = Extent(lines=lines, since=since)
        if not follow:
            for id in pods:
                async for source, text in self._it.pods.tail(id, extent):
                    yield LogLine(source=source, text=text)
            return
        sources: list[tuple[str, AsyncIterator[LogLine]]] = [(str(id), _lines(str(id), self._it.logs[id.kind].follow(id))) for id in here]
        sources += [(str(id), _lines_of_pods(self._it.pods.follow(id, extent))) for id in pods]
        async for line in merged(sources, self._it.crashed):
            yield line

    async def doctor(self) -> Data:
        return {"checks": await checks(self._it.state, self._it.journal.view)}

    # Acting

    async def sync(self, application: str, person: str, approve: str | None, wait: bool, resources: Sequence[str] = ()) -> Data:
        self._served(application)
        said = patterns(resources)
        await self._it.refresh(application)
        asked = self._it.sync.request(application, Request(ask=Ask.SYNC, person=person, approve=approve, resources=said))
        if wait:
            return operation_data(await asked)
        self._number += 1
        self._tasks.start(f"sync asked {self._number}", asked, guard=True)
        return {"operation": None, "accepted": True}

    async def rollback(self, application: str, to: str | None, person: str) -> Data:
        self._served(application)
        return operation_data(await self._it.sync.request(application, Request(ask=Ask.ROLLBACK, person=person, revision=to)))

    async def down(self, application: str, person: str, approve: str | None) -> Data:
        self._served(application)
        return operation_data(await self._it.sync.request(application, Request(ask=Ask.DOWN, person=person, approve=approve)))

    async def suspend(self, application: str, person: str, reason: str) -> None:
        self._served(application)
        await self._it.sync.suspend(application, person, reason)

    async def resume(self, application: str, person: str) -> None:
        self._served(application)
        await self._it.sync.resume(application, person)

    async def refresh(self, application: str | None) -> None:
        if application is not None:
            self._served(application)
        for name in self._it.applications.names if application is None else (application,):
            await self._it.refresh(name)

    # Names

    def _known(self, name: str) -> None:
        if name not in self._it.journal.view.applications:
            raise unknown_application(name, self._it.journal.view.applications)

    def _served(self, name: str) -> None:
        if name not in self._it.applications.names:
            raise unknown_application(name, self._it.applications.names)


async def _lines(source: str, texts: AsyncIterator[str]) -> AsyncIterator[LogLine]:
    async for text in texts:
        yield LogLine(source=source, text=text)


async def _lines_of_pods(found: AsyncIterator[tuple[str, str]]) -> AsyncIterator[LogLine]:
    async for source, text in found:
        yield LogLine(source=source, text=text)


async def merged(
    sources: Sequence[tuple[str, AsyncIterator[LogLine]]], crashed: Callable[[str, BaseException], None]
) -> AsyncIterator[LogLine]:
    """Yield the lines of several sources as they come; what one of them raises is raised."""
    queue: asyncio.Queue[LogLine | HoldfastError] = asyncio.Queue(256)

    async def read(lines: AsyncIterator[LogLine]) -> None:
        try:
            async for line in lines:
                await queue.put(line)
        except HoldfastError as error:
            await queue.put(error)

    async with Tasks(on_crash=crashed) as tasks:
        for source, lines in sources:
            tasks.start(f"logs of {source}", read(lines), guard=True)
        try:
            while True:
                found = await queue.get()
                if isinstance(found, HoldfastError):
                    raise found
                yield found
        finally:
            await tasks.stop()
