"""Applications: those that are served now, as their files say, told to whoever serves them.

A file that does not read changes nothing: the last good one stays in force, and its Applications say so. An Application whose file was
taken away is served no longer; what it has stays as visible orphans, unless its finalizer asks for the cascade.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from holdfast.api.service import unknown_application
from holdfast.app.application_files import ApplicationFiles
from holdfast.controllers.orphan import Monitored
from holdfast.controllers.source.controller import SourceController
from holdfast.controllers.source.rendering import Sourced
from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Ask, Managed, Request
from holdfast.core import events
from holdfast.core.policy import Settings
from holdfast.core.view import ApplicationView
from holdfast.declare.source import Followed, Source, followed_of
from holdfast.delivery.application import Application
from holdfast.delivery.application import Applications as Read
from holdfast.delivery.project import Project
from holdfast.engines.application import APPLICATION
from holdfast.errors import EngineError, HoldfastError, Refused
from holdfast.host.inotify import Inotify
from holdfast.kit.clock import Clock
from holdfast.model.event import Event
from holdfast.model.ids import HOST
from holdfast.model.operation import Phase
from holdfast.model.ports import Records
from holdfast.store.journal import StoreJournal
from holdfast.walk.ledger import Ledger

LOOK_AGAIN_S = 5.0
"""Where the kernel does not tell of changes."""
PERSON = "its file was taken away"


class Children(Protocol):
    """Those that the content of other Applications says."""

    @property
    def names(self) -> frozenset[str]: ...

    @property
    def served_now(self) -> Mapping[str, Application]: ...

    async def rebuild(self) -> None: ...

    async def inherit(self, name: str) -> bool: ...


class Applications:
    """`records` remembers, by name, which ones were served and whether their going takes all they have along. `served` is told whenever one
    is served, or served otherwise."""

    def __init__(
        self,
        files: ApplicationFiles | None,
        *,
        read: Read,
        sync: SyncController,
        source: SourceController,
        journal: StoreJournal,
        ledger: Ledger,
        records: Records,
        clock: Clock,
        served: Callable[[], None],
    ) -> None:
        self._files = files
        self._of_files = {each.name: each for each in read.applications}
        self._projects = read.projects
        self.children: Children | None = None
        self._sync = sync
        self._source = source
        self._journal = journal
        self._ledger = ledger
        self._records = records
        self._clock = clock
        self._told_served = served
        self._taken_over: set[str] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By name: one that is let go is not served again before it has gone."""
        self._problem: str | None = None

    @property
    def _served(self) -> Mapping[str, Application]:
        return {**self.children.served_now, **self._of_files} if self.children is not None else self._of_files

    @property
    def projects(self) -> Mapping[str, Project]:
        """Those that files declare."""
        return self._projects

    def is_of_a_file(self, name: str) -> bool:
        return name in self._of_files

    @property
    def names(self) -> frozenset[str]:
        """Names of all that a person may act on."""
        return frozenset(self._served) | self._taken_over

    @property
    def local(self) -> frozenset[str]:
        """Folders of this host that an operator named as repositories."""
        return frozenset().union(*(each.local_repositories for each in self._of_files.values()))

    def managed(self, name: str) -> Managed:
        found = self._served.get(name)
        return managed(found) if found else Managed(name=name, settings=Settings())

    def sourced(self, name: str) -> Sourced:
        """Return where an Application comes from; raises UsageError (HF7004) where no file declares it."""
        if name not in self._served:
            raise unknown_application(name, self._served)
        return sourced(self._served[name])

    def followed(self, name: str) -> tuple[Followed, ...]:
        """Return what an Application follows, in the order of its revision's commits; nothing where no file declares it."""
        found = self._served.get(name)
        return followed_of(found.sources) if found else ()

    def monitored(self) -> Iterator[Monitored]:
        """Yield those whose project wants orphans told."""
        for name, it in sorted(self._served.items()):
            if it.orphans is not None and it.permission is not None:
                yield Monitored(
                    application=name,
                    destination=it.destination,
                    namespace=it.namespace,
                    terms=it.orphans,
                    permits=it.permission.permits_namespaced,
                )

    def take_over(self, name: str) -> None:
        """Have an Application at hand without its file, to take it down. Raises UsageError (HF7004) where it has nothing here."""
        known = set(self._journal.view.applications) | {owned.application for owned in self._ledger.inventory.values()}
        if name not in known:
            raise unknown_application(name, known)
        self._taken_over.add(name)
        self._sync.add(self.managed(name))

    async def serve(self) -> None:
        """Begin to serve all of files, and let those go whose file was taken away since the last time. Children are served already."""
        for each in self._of_files.values():
            await self._serve(each)
        if self._files is not None:
            known = self._served.keys() | (self.children.names if self.children is not None else frozenset())
            for name in sorted(self._records.all().keys() - known):
                await self._let_go(name)

    async def serve_child(self, it: Application) -> None:
        await self._serve(it)

    async def let_child_go(self, name: str, person: str = "its parent declares it no longer", *, cascade: bool | None = None) -> str | None:
        """Serve a child no longer, with all that it has where `cascade`, or by itself its finalizer, says so; return why that is not done
        yet."""
        await self._let_go(name, person, cascade=cascade)
        if self._records.get(name) is None:
            return None
        left = len(self._ledger.of(name))
        return f"{left} of its resources are still there" if left else "it could not be taken down"

    async def run(self) -> None:
        """Follow the files."""
        if self._files is None:
            return
        try:
            with Inotify() as inotify:
                watched = [inotify.add(folder) for folder in self._files.folders()]
                while any(watch is not None for watch in watched):
                    await inotify.read()
                    await self.reload()
        except EngineError:
            pass  # no more watches on this host: look now and then
        while True:
            await self._clock.sleep(LOOK_AGAIN_S)
            await self.reload()

    async def reload(self) -> None:
        """Read the files again, and do what follows from what changed."""
        assert self._files is not None
        try:
            read = self._files.read()
        except HoldfastError as error:
            await self._tell(error)
            return
        await self._tell(None)
        found = {each.name: each for each in read.applications}
        before, self._of_files, self._projects = self._of_files, found, read.projects
        if self.children is not None:
            await self.children.rebuild()
        for name, each in found.items():
            if before.get(name) != each:
                await self._serve(each)
        for name in before.keys() - found.keys():
            if self.children is None or not await self.children.inherit(name):
                await self._let_go(name, keeps=await self._is_a_child_soon(name), is_nobodys=True)

    async def _is_a_child_soon(self, name: str) -> bool:
        """Say whether another Application declares it in Git, and only has not come to it: then it moves there with all that it has."""
        if not self._declared_to_cascade(name):
            return False
        for each in [each.name for each in self._served.values() if each.destination != HOST]:
            await self._source.refresh(each)
        found = (self._source.desired(each) for each in self.names)
        return any(it.id.kind == APPLICATION and it.id.name == name for desired in found if desired is not None for it in desired)

    async def _serve(self, it: Application) -> None:
        async with self._turns[it.name]:
            await self._begin(it)

    async def _begin(self, it: Application) -> None:
        self._sync.add(managed(it))
        declared = self._declared(it)
        if not _says(self._journal.view.applications.get(it.name), declared):
            await self._journal.emit(declared)
        if self._records.get(it.name) != {"cascade": it.cascade}:
            await self._records.put(it.name, {"cascade": it.cascade})
        await self._source.add(sourced(it))
        self._told_served()

    def _declared(self, it: Application) -> Event:
        return events.application_declared(
            at=self._clock.now(),
            application=it.name,
            repository=it.repository,
            path=it.path,
            target_revision=it.target_revision,
            sources=_told(it.sources),
            automated=it.settings.automated,
            self_heal=it.settings.self_heal,
            origin=it.origin,
            warnings=it.warnings,
        )

    def _declared_to_cascade(self, name: str) -> bool:
        remembered: Any = self._records.get(name) or {}
        return bool(remembered.get("cascade"))

    async def _let_go(
        self, name: str, person: str = PERSON, *, keeps: bool = False, is_nobodys: bool = False, cascade: bool | None = None
    ) -> None:
        """Serve it no longer; with the finalizer, all that it has goes first, and it is asked again at the next start where that failed.

        `keeps`: it is to be another's, so that nothing of it goes. `is_nobodys`: only while nobody serves it (again).
        """
        async with self._turns[name]:
            if not (is_nobodys and name in self._served):
                await self._end(name, person, (self._declared_to_cascade(name) if cascade is None else cascade) and not keeps)

    async def _end(self, name: str, person: str, cascade: bool) -> None:
        await self._source.remove(name)
        if cascade:
            self._sync.add(Managed(name=name, settings=Settings()))
            try:
                done = await self._sync.request(name, Request(ask=Ask.DOWN, person=person))
            except Refused:
                return  # told as what the plan is refused for; `holdfast down --approve` says yes
            if self._ledger.of(name) or (done is not None and done.phase is not Phase.SUCCEEDED):
                return
        await self._sync.remove(name)
        await self._records.drop(name)
        await self._journal.emit(events.application_removed(at=self._clock.now(), application=name, cascaded=cascade))

    async def _tell(self, error: HoldfastError | None) -> None:
        """Say once that the files do not read, and once that they do again."""
        problem = error.message if error else None
        if problem == self._problem:
            return
        self._problem = problem
        for name in sorted(self._served):
            at = self._clock.now()
            said = events.source_failed(at=at, application=name, error=error) if error else events.source_recovered(at=at, application=name)
            await self._journal.emit(said)


def managed(it: Application) -> Managed:
    return Managed(name=it.name, settings=it.settings, retry=it.retry, rollback=it.rollback, window=it.window)


def sourced(it: Application) -> Sourced:
    return Sourced(
        name=it.name,
        sources=it.sources,
        namespace=it.namespace,
        destination=it.destination,
        annotations=it.annotations,
        annotation_places=it.annotation_places,
        origin=it.origin,
        permission=it.permission,
        terms=it.terms,
    )


def _told(sources: Sequence[Source]) -> list[dict[str, str]]:
    """Return what people are told of several sources; of one the event says it itself."""
    if len(sources) == 1:
        return []
    found = [{"repository": each.repository, "path": each.path, "target_revision": each.target_revision} for each in sources]
    names = [{key: word for key, word in (("name", each.name), ("ref", each.ref)) if word} for each in sources]
    return [{**place, **named} for place, named in zip(found, names, strict=True)]


def _says(view: ApplicationView | None, declared: Event) -> bool:
    """Say whether people were told just this already."""
    if view is None or not view.is_declared:
        return False
    told = ("repository", "path", "target_revision", "sources", "automated", "self_heal", "origin", "warnings")
    return all(getattr(view, name) == declared.data.get(name, []) for name in told)
