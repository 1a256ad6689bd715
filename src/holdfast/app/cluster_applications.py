"""Cluster applications: Applications that live as objects in a namespace of a cluster, served as files are (docs/decisions/0025).

Stands where `children` stands without it: what Git says of Applications in that namespace is put there as objects, and comes back this way.
A file of an operator outweighs an object. An object that does not read changes nothing: the last good one stays in force. One that is no
longer there is let go and takes nothing along; one that is being deleted takes all it has along where its finalizer says so, and then goes.
What was read is remembered, so that a start needs no cluster; a cluster that does not answer changes nothing. While a controller of Argo CD
runs beside the objects nothing is synced and nothing written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from holdfast.app.application_files import ApplicationFiles
from holdfast.app.argocd import controllers
from holdfast.app.cluster import Place
from holdfast.core import object_events
from holdfast.core.events import source_failed, source_recovered
from holdfast.delivery.application import Application, Context
from holdfast.delivery.live_object import (
    cascades,
    declared,
    finalizers,
    is_deleted,
    origin_of,
    read_object,
    read_project_object,
)
from holdfast.delivery.project import Project
from holdfast.engines.kubernetes.application_objects import APPLICATION, PROJECT, WORKLOADS, ApplicationObjects
from holdfast.engines.kubernetes.client import Client
from holdfast.errors import DeclarationError, HoldfastError, Refused, Rejected, StoreError
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ports import Journal, Records

AGAIN = Backoff(first_s=1.0, factor=2.0, cap_s=30.0)
Object = Mapping[str, Any]


class Host(Protocol):
    """Who serves Applications of files and of objects alike."""

    @property
    def projects(self) -> Mapping[str, Project]:
        """Those that files of an operator declare."""
        ...

    @property
    def local(self) -> frozenset[str]: ...

    def is_of_a_file(self, name: str) -> bool: ...

    async def serve_child(self, it: Application) -> None: ...

    async def let_child_go(self, name: str, person: str = ..., *, cascade: bool | None = None) -> str | None: ...


class Heard(Protocol):
    """Who is told of objects beside who serves them: what they ask for, and what is to be said of them."""

    def heard(self, name: str, item: Object) -> None:
        """Take up what an object asks for, and say of it what is to be said."""
        ...

    def gone(self, name: str) -> None: ...

    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterApplicationsNeeds:
    place: Place
    files: ApplicationFiles
    host: Callable[[], Host]
    client: Client
    records: Records
    journal: Journal
    children: frozenset[str]
    """Those that were served from Git before objects were followed: they come back as objects."""
    clock: Clock
    random: Random
    crashed: Callable[[str, BaseException], None]


class ClusterApplications:
    """Implements `applications.Children`. `heard_by` is connected before it runs."""

    heard_by: Heard

    def __init__(self, it: ClusterApplicationsNeeds) -> None:
        self._it = it
        self._held: dict[str, Application] = {}
        self._served: dict[str, Application] = {}
        """As they were given to who serves them."""
        self._good: dict[str, Object] = {}
        """By name the manifest that is in force."""
        self._read: dict[str, Object] = {}
        """By name the manifest that was read last, well or not."""
        self._projects: dict[str, Project] = {}
        self.problems: dict[str, DeclarationError] = {}
        """By name of an Application why its object does not read."""
        self.project_problems: dict[str, DeclarationError] = {}
        self.deletions: dict[str, str] = {}
        """By name why an Application whose object is being deleted could not go yet."""
        self.rival: HoldfastError | None = None
        """Why nothing is done: a controller of Argo CD runs, say."""
        self._told: str | None = ""
        self._dirty: set[tuple[str, str]] = set()
        self._bell = Wakeup()
        self._tasks = Tasks(it.crashed)
        self._listed = asyncio.Event()
        self._turning = asyncio.Lock()
        self._is_new = False
        """Whether all is to be served that is remembered."""
        self.objects = ApplicationObjects(
            it.client, it.place.namespace, clock=it.clock, random=it.random, crashed=it.crashed, changed=self._changed
        )

    # What `applications` asks

    @property
    def names(self) -> frozenset[str]:
        """Of those that are not to be let go because no file says them."""
        return frozenset(self._good) | frozenset(self._read) | self._it.children

    @property
    def served_now(self) -> dict[str, Application]:
        return {name: self._in_force(it) for name, it in self._held.items() if not self._it.host().is_of_a_file(name)}

    async def rebuild(self) -> None:
        """Read all again: a project, or a file of an operator, may be another."""
        async with self._turning:
            await self._rebuild()

    async def _rebuild(self) -> None:
        for name in sorted({*self._good, *self._read}):
            await self._take(name, self._read.get(name) or self._good[name], is_forced=True)

    async def inherit(self, name: str) -> bool:
        it = self._held.get(name)
        if it is not None:
            self._served.pop(name, None)
            await self._serve(name, it)
        return it is not None

    def spec(self, name: str) -> Object | None:
        """Return the spec that is in force, None where none ever was."""
        good = self._good.get(name)
        return good["spec"] if good is not None else None

    def troubles(self, name: str) -> list[tuple[str, str]]:
        """Return conditions of Argo CD's, with their messages."""
        found = [("DeletionError", self.deletions[name])] if name in self.deletions else []
        held = self._held.get(name)
        errors = [self.problems.get(name), self.project_problems.get(held.project) if held is not None else None]
        found += [("InvalidSpecError", f"{each.message}{f' ({each.hint})' if each.hint else ''}") for each in errors if each is not None]
        if self._it.host().is_of_a_file(name):
            found.append(("InvalidSpecError", f"a file of an operator declares Application {name}, and that is served"))
        return found

    def application(self, name: str) -> Application | None:
        """Return what is served of an object."""
        return self._held.get(name) if not self._it.host().is_of_a_file(name) else None

    async def listed(self) -> None:
        """Wait until the cluster said once what there is."""
        await self._listed.wait()

    # The life of the house

    async def restore(self) -> None:
        """Know again what was served when the house last ran. It is served once it is known whether another keeps it, or that cannot be
        asked: two that keep the same objects would fight."""
        remembered: dict[str, Any] = dict(self._it.records.all())
        for key, manifest in sorted(remembered.items(), key=lambda each: not each[0].startswith(PROJECT)):
            kind, _, name = key.rpartition("/")
            if kind == PROJECT:
                self._take_project(name, manifest)
            else:
                self._good[name] = manifest

    async def run(self) -> None:
        async with self._tasks:
            self._tasks.start("objects", self.objects.run(), guard=True)
            self._tasks.start("heard", self.heard_by.run(), guard=True)
            await self._begin()
            self._dirty |= {(APPLICATION, name) for name in self._good}
            self._dirty |= {(PROJECT, name) for name in self._projects}
            self._is_new = True
            self._bell.wake()
            while True:
                await self._bell.wait()
                await self._turn()
                self._listed.set()

    async def _begin(self) -> None:
        attempt = 0
        while True:
            try:
                return await self.objects.begin()
            except HoldfastError as error:
                attempt += 1
                await self._tell(error)
                self.rival = error if isinstance(error, Rejected) else None
                if attempt == 1:
                    with suppress(StoreError):  # then they are served with the first answer
                        await self.rebuild()
                await self._it.clock.sleep(AGAIN.equal_jitter(attempt, self._it.random.random()))

    def _changed(self, kind: str, name: str) -> None:
        self._dirty.add((kind, name))
        self._bell.wake()

    async def _turn(self) -> None:
        """Take in whatever may be otherwise; what cannot be yet (the store is down, mostly) is taken in later."""
        async with self._turning:
            dirty, self._dirty = self._dirty, set()
            try:
                await self._take_in(dirty)
            except HoldfastError:
                self._dirty |= dirty
                self._later("look again", self._look_again())

    async def _look_again(self) -> None:
        await self._it.clock.sleep(AGAIN.first_s)
        self._bell.wake()

    async def _take_in(self, dirty: set[tuple[str, str]]) -> None:
        rival = self._find_rival()
        is_news = self._is_new or (rival is None) != (self.rival is None)
        self.rival = rival
        await self._tell(rival)
        names = {name for kind, name in dirty if kind == APPLICATION}
        projects = sorted(name for kind, name in dirty if kind == PROJECT)
        if rival is None:
            for name in projects:
                await self._project(name)
        if is_news or (projects and rival is None):
            await self._rebuild()
            self._is_new = False
            names |= {*self.objects.names(APPLICATION), *self._good}
        if rival is not None:
            self._dirty |= dirty
            return
        for name in sorted(names):
            await self._application(name)

    def _later(self, task: str, work: Coroutine[Any, Any, None]) -> None:
        """Do what takes its time beside the rest, once at a time."""
        if task in self._tasks.names():
            work.close()
        else:
            self._tasks.start(task, work, guard=True)

    def _find_rival(self) -> HoldfastError | None:
        found = [each for kind in WORKLOADS for each in controllers(self.objects.items(kind))]
        running = next((each for each in found if not each.is_stopped), None)
        if running is None:
            return None
        message = f"cannot follow the Applications of {self._it.place}: {running.kind} {running.namespace}/{running.name} of Argo CD runs"
        return Refused("HF8062", message, hint=f"two that keep the same objects would fight over them; stop it: {running.stop}")

    async def _tell(self, error: HoldfastError | None) -> None:
        """Say once that the objects are not followed and why, and once that they are (again)."""
        told = error.message if error is not None else None
        if told == self._told:
            return
        self._told = told
        at, place = self._it.clock.now(), str(self._it.place)
        count = len(self.objects.names(APPLICATION))
        said = object_events.held(at=at, place=place, error=error) if error else object_events.followed(at=at, place=place, count=count)
        await self._it.journal.emit(said)

    # One object

    async def _application(self, name: str) -> None:
        item = self.objects.item(APPLICATION, name)
        if f"delete {name}" in self._tasks.names():
            pass  # it looks again when it is done
        elif item is None:
            await self._gone(name, "its object is gone")
        elif not is_deleted(item):
            await self._take(name, declared(item, "Application"))
            self.heard_by.heard(name, item)
        elif finalizers(item):
            self._later(f"delete {name}", self._delete(name))
        else:
            await self._gone(name, "its object is being deleted")

    async def _take(self, name: str, manifest: Object, *, is_forced: bool = False) -> None:
        """Serve what an object says; where it does not read, or no longer may be served so, the last good one stays."""
        if not is_forced and manifest == self._read.get(name):
            return
        self._read[name] = manifest
        it = self._readable(name, manifest)
        if isinstance(it, DeclarationError):
            await self._tell_of(name, it)
            good = self._readable(name, self._good[name]) if name in self._good else it
            if isinstance(good, Application):
                await self._serve(name, good)
            return
        await self._tell_of(name, None)
        if self._good.get(name) != manifest:
            await self._it.records.put(f"{APPLICATION}/{name}", dict(manifest))  # before it is served
            self._good[name] = manifest
        await self._serve(name, it)

    def _readable(self, name: str, manifest: Object) -> Application | DeclarationError:
        try:
            return read_object(manifest, origin_of(str(self._it.place), "Application", manifest), self._context())
        except DeclarationError as error:
            return error

    async def _serve(self, name: str, it: Application) -> None:
        self._held[name] = it
        if self._it.host().is_of_a_file(name):
            self._served.pop(name, None)
        elif self._served.get(name) != (now := self._in_force(it)):
            await self._it.host().serve_child(now)
            self._served[name] = now

    def _in_force(self, it: Application) -> Application:
        return it if self.rival is None else replace(it, settings=replace(it.settings, automated=False, self_heal=False))

    async def _tell_of(self, name: str, error: DeclarationError | None) -> None:
        before = self.problems.pop(name, None)
        if error is not None:
            self.problems[name] = error
        if (before.message if before else None) == (error.message if error else None):
            return
        at = self._it.clock.now()
        said = source_failed(at=at, application=name, error=error) if error else source_recovered(at=at, application=name)
        await self._it.journal.emit(said)

    async def _gone(self, name: str, person: str) -> None:
        """Let an Application go whose object is not there: what it has stays."""
        self.heard_by.gone(name)
        if name not in self._good and name not in self._read:
            return
        self._held.pop(name, None)
        self._served.pop(name, None)
        if not self._it.host().is_of_a_file(name):
            await self._it.host().let_child_go(name, person, cascade=False)
        await self._forget(name)

    async def _forget(self, name: str) -> None:
        await self._it.records.drop(f"{APPLICATION}/{name}")
        for table in (self._held, self._served, self._good, self._read, self.problems, self.deletions):
            table.pop(name, None)

    async def _delete(self, name: str) -> None:
        """Let an Application go as its object's finalizer says, and then the object; tried again until it has gone."""
        attempt = 0
        while (item := self.objects.item(APPLICATION, name)) is not None and is_deleted(item) and finalizers(item):
            try:
                why = await self._let_go(name, item)
                if why is None:
                    await self._forget(name)
                    self.heard_by.gone(name)
                    await self.objects.take_finalizers(item, finalizers(item))
                    break
            except HoldfastError as error:
                why = error.message
            self.deletions[name] = why
            self.heard_by.heard(name, item)
            attempt += 1
            await self._it.clock.sleep(AGAIN.equal_jitter(attempt, self._it.random.random()))
        self._later(f"after {name}", self._look_at(name))

    async def _look_at(self, name: str) -> None:
        await self._tasks.ended(f"delete {name}")
        self._changed(APPLICATION, name)

    async def _let_go(self, name: str, item: Object) -> str | None:
        if self._it.host().is_of_a_file(name):
            return None  # the file's is served; only the object goes
        return await self._it.host().let_child_go(name, "its object is being deleted", cascade=cascades(item))

    # Projects

    async def _project(self, name: str) -> None:
        item = self.objects.item(PROJECT, name)
        if item is None or is_deleted(item):
            self._projects.pop(name, None)
            self.project_problems.pop(name, None)
            await self._it.records.drop(f"{PROJECT}/{name}")
            return
        manifest = declared(item, "AppProject")
        if self._take_project(name, manifest):
            await self._it.records.put(f"{PROJECT}/{name}", dict(manifest))

    def _take_project(self, name: str, manifest: Object) -> bool:
        """Use what a project says; where it does not read the last good one stays. Say whether it reads."""
        self.project_problems.pop(name, None)
        if self._it.host().projects.get(name) is not None:
            self._projects.pop(name, None)
            return False  # a file of an operator declares it
        try:
            origin = origin_of(str(self._it.place), "AppProject", manifest)
            self._projects[name] = read_project_object(manifest, origin, self._context(own=True))
        except DeclarationError as error:
            self.project_problems[name] = error
            return False
        return True

    def _context(self, *, own: bool = False) -> Context:
        """Return for whom objects are read; `own`: projects, which know no other but those of an operator."""
        projects = {**({} if own else self._projects), **self._it.host().projects}
        return replace(self._it.files.context(), projects=projects, local=self._it.host().local)
