"""Statuses of Application objects: what the house knows of each, written into its object when that is news; and what an object asks for.

A write follows news of the house, never the echo of itself; an object is written at most once a second, and ever more seldom where somebody
else writes over it again and again. What is asked for (`operation`, `refresh`) is done beside that, one at a time for each Application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from holdfast.app.object_asking import ObjectAsking
from holdfast.core import object_events
from holdfast.core.view import ApplicationView, conditions, shared
from holdfast.delivery.application import Application
from holdfast.delivery.object_status import Known, object_status, status_patch
from holdfast.engines.kubernetes.application_objects import APPLICATION, ApplicationObjects
from holdfast.errors import Conflict, HoldfastError, Rejected, StoreError
from holdfast.kit.canonical import digest
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.kubernetes.helm.format import CHART
from holdfast.kubernetes.kustomize.library import NAMES
from holdfast.model.ids import ResourceId
from holdfast.model.operation import Operation
from holdfast.model.ports import Store
from holdfast.model.resource import Desired
from holdfast.model.source import Tree
from holdfast.store.journal import StoreJournal

GAP_S, LONGEST_GAP_S = 1.0, 300.0
"""Between two writes of one object; up to the second where another writes over it."""
AGAIN_S = 5.0
"""After a write that failed."""
REMEMBERED = 30
"""Operations that are looked at for what history lacks."""
Object = Mapping[str, Any]


class ServedObjects(Protocol):
    """What is served of the objects, and what stands in the way."""

    objects: ApplicationObjects
    rival: HoldfastError | None

    def application(self, name: str) -> Application | None: ...

    def spec(self, name: str) -> Object | None: ...

    def troubles(self, name: str) -> Sequence[tuple[str, str]]:
        """Return conditions of Argo CD's, with their messages, that stand beside what people see."""
        ...


@dataclass(slots=True)
class _Written:
    """What was written last into one object."""

    digest: str
    version: str
    gap_s: float = GAP_S
    at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNeeds:
    followed: ServedObjects
    asking: ObjectAsking
    journal: StoreJournal
    store: Store
    manifests: Callable[[str], Mapping[ResourceId, Object]]
    """By Application: what its resources are declared or stand as."""
    desired: Callable[[str], Desired | None]
    """By Application: what Git asks for, as it was rendered last."""
    trees: Callable[[str], tuple[Tree, ...]]
    """By Application: what was rendered, of each source that gives resources."""
    clock: Clock
    crashed: Callable[[str, BaseException], None]


class ObjectStatuses:
    """Implements `followed.Heard`."""

    def __init__(self, it: StatusNeeds) -> None:
        self._it = it
        self._due: dict[str, float] = {}
        self._written: dict[str, _Written] = {}
        self._operations: dict[str, tuple[Operation, ...]] = {}
        self._failed: dict[str, str] = {}
        """By Application why its status could not be written."""
        self._bell = Wakeup()
        self._tasks = Tasks(it.crashed)

    def heard(self, name: str, item: Object) -> None:
        self._it.asking.heard(name, item)
        self.mark(name)

    def gone(self, name: str) -> None:
        self._it.asking.gone(name)
        for table in (self._due, self._written, self._operations, self._failed):
            table.pop(name, None)

    def mark(self, name: str) -> None:
        """Say that there may be news of an Application."""
        written = self._written.get(name)
        now = asyncio.get_running_loop().time()
        self._due[name] = min(self._due.get(name, now + LONGEST_GAP_S), max(now, written.at + written.gap_s if written else now))
        self._bell.wake()

    async def run(self) -> None:
        async with self._tasks:
            self._tasks.start("asked", self._it.asking.run(self.mark), guard=True)
            self._tasks.start("news", self._follow(), guard=True)
            await self._write_due()

    async def _follow(self) -> None:
        async with aclosing(self._it.journal.follow(self._it.journal.newest)) as events:
            async for event in events:
                name = event.data.get("application")
                if event.type in ("operation.succeeded", "operation.failed", "operation.superseded"):
                    self._operations.pop(str(name), None)
                for each in self._it.followed.objects.names(APPLICATION) if name is None else (name,):
                    if isinstance(each, str) and self._it.followed.objects.item(APPLICATION, each) is not None:
                        self.mark(each)

    async def _write_due(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._bell.wait_until(min(self._due.values(), default=None))
            for name in [name for name, at in self._due.items() if at <= loop.time()]:
                if self._due.pop(name, None) is not None:
                    await self._write(name)

    async def _write(self, name: str) -> None:
        objects = self._it.followed.objects
        try:
            if name not in self._operations:
                self._operations[name] = await self._it.store.operations(application=name, limit=REMEMBERED)
            item = objects.item(APPLICATION, name)
            if item is None or self._it.followed.rival is not None:
                return
            before, now = item.get("status") or {}, self._it.clock.now()
            status = object_status(self._known(name, item), before, now)
            is_refreshed = self._it.asking.was_refreshed(name)
            patch = status_patch(before, status, now, is_refreshed=is_refreshed)
            said, written = digest(status), self._written.get(name)
            version = str(item["metadata"]["resourceVersion"])
            if not patch or (written is not None and (written.digest, written.version) == (said, version) and not is_refreshed):
                return  # what its definition does not know is not written again and again
            answer = await objects.write_status(item, patch)
        except HoldfastError as error:
            if not isinstance(error, Rejected):  # what the server understood and will not have is not asked for again before there is news
                self._due[name] = asyncio.get_running_loop().time() + AGAIN_S
            if not isinstance(error, StoreError | Conflict) and self._failed.get(name) != error.message:
                self._failed[name] = error.message
                await self._it.journal.emit(object_events.status_failed(at=self._it.clock.now(), application=name, error=error))
            return
        self._failed.pop(name, None)
        is_overwritten = written is not None and written.digest == said and not is_refreshed
        gap_s = min(written.gap_s * 2, LONGEST_GAP_S) if written is not None and is_overwritten else GAP_S
        at = asyncio.get_running_loop().time()
        self._written[name] = _Written(said, str(answer["metadata"]["resourceVersion"]), gap_s, at)

    def _known(self, name: str, item: Object) -> Known:
        followed, view = self._it.followed, self._it.journal.view
        application = followed.application(name)
        shown: ApplicationView | None = view.applications.get(name) if application is not None else None
        told = (*conditions(shown, view.store_error), *shared(view).get(name, ())) if shown is not None else ()
        desired = self._it.desired(name)
        return Known(
            spec=item.get("spec") or {},
            compared=followed.spec(name),
            view=shown,
            revision=desired.revision if desired is not None else None,
            conditions=told,
            problems=followed.troubles(name),
            operations=self._operations.get(name, ()),
            manifests=self._it.manifests(name),
            asked=self._it.asking.asked(name),
            source_type=self._source_type(application),
        )

    def _source_type(self, application: Application | None) -> str | None:
        trees = self._it.trees(application.name) if application is not None else ()
        if application is None or not trees:
            return None
        giving = [source for source in application.sources if source.has_resources]
        if CHART in trees[0].blobs:
            return "Helm"
        is_kustomize = giving[0].kustomize or any(name in trees[0].blobs for name in NAMES)
        return "Kustomize" if is_kustomize else "Directory"
