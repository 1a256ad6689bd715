"""Children: Applications that are served because the content of another Application says so (app of apps, docs/decisions/0023).

Implements `engines.application.Serving`. A file of an operator outweighs Git: an Application or project that both declare is the file's.
What cannot be built any more (its project changed) goes on as it was last good, and says so.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from holdfast.app.application_files import ApplicationFiles
from holdfast.core.view import View
from holdfast.delivery.application import Application, Context
from holdfast.delivery.child import read_child, read_child_project
from holdfast.delivery.project import Project
from holdfast.engines.application import APPLICATION, ApplicationEngine, Child, Served
from holdfast.errors import DeclarationError, RefusedDeclaration, Where
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status

WELL = Health(Status.HEALTHY)


class Host(Protocol):
    """Who serves Applications of files and children alike."""

    @property
    def projects(self) -> Mapping[str, Project]:
        """Those that files of an operator declare."""
        ...

    @property
    def local(self) -> frozenset[str]:
        """Folders of this host that an operator named as repositories."""
        ...

    def is_of_a_file(self, name: str) -> bool: ...

    async def serve_child(self, it: Application) -> None: ...

    async def let_child_go(self, name: str) -> str | None:
        """Return why it could not go yet, None when it has gone."""
        ...


class Children:
    """Without `files` nobody is served. `view` is what people see; `is_settled` says whether a name was looked at and is at rest."""

    def __init__(
        self,
        *,
        files: ApplicationFiles | None,
        host: Callable[[], Host],
        view: Callable[[], View],
        is_settled: Callable[[str], bool],
    ) -> None:
        self._files = files
        self._host = host
        self._view = view
        self._is_settled = is_settled
        self._held: dict[ResourceId, Application] = {}
        self._projects: dict[ResourceId, Project] = {}
        self._manifests: dict[ResourceId, Child] = {}
        self._bad: dict[ResourceId, str] = {}
        self._settling: set[str] = set()
        self._told: dict[ResourceId, Served | None] = {}

    @property
    def names(self) -> frozenset[str]:
        """Of those that Git says, served or not."""
        return frozenset(id.name for id in self._manifests if id.kind == APPLICATION)

    @property
    def served_now(self) -> dict[str, Application]:
        """By name, those that are served and not of a file."""
        return {it.name: it for it in self._held.values() if not self._host().is_of_a_file(it.name)}

    # What engines.application asks

    def check(self, child: Child) -> None:
        """Raise DeclarationError where `child` cannot be served."""
        if child.id.kind == APPLICATION:
            self._read(child)
        else:
            self._read_project(child)

    async def take(self, child: Child) -> None:
        """Serve it, or change how it is served; where a file of an operator has its name, that is served and says so."""
        self._bad.pop(child.id, None)
        self._manifests[child.id] = child
        if child.id.kind != APPLICATION:
            self._projects[child.id] = self._read_project(child)
            await self.rebuild()
            return
        it = self._read(child)
        is_news = self._held.get(child.id) != it
        self._held[child.id] = it
        if is_news and not self._host().is_of_a_file(it.name):
            self._settling.add(it.name)
            await self._host().serve_child(it)

    async def let_go(self, id: ResourceId) -> str | None:
        if id.kind != APPLICATION:
            self._forget(id)
            return None
        if not self._host().is_of_a_file(id.name) and (why := await self._host().let_child_go(id.name)) is not None:
            return why
        self._forget(id)
        return None

    def _forget(self, id: ResourceId) -> None:
        for table in (self._held, self._projects, self._manifests, self._bad):
            table.pop(id, None)
        self._settling.discard(id.name)

    def served(self, id: ResourceId) -> Served | None:
        if id.kind != APPLICATION:
            return Served(health=Health(Status.DEGRADED, self._bad[id]) if id in self._bad else WELL)
        it = self._held.get(id)
        automated = it is not None and it.settings.automated
        if self._host().is_of_a_file(id.name):
            return Served(health=Health(Status.DEGRADED, "a file of an operator declares it, and that is served"), automated=False)
        if id in self._bad:
            return Served(health=Health(Status.DEGRADED, self._bad[id]), automated=automated)
        if id.name in self._settling:
            if not self._is_settled(id.name):
                return Served(health=Health(Status.PROGRESSING, "it is looked at"), automated=automated)
            self._settling.discard(id.name)
        view = self._view().applications.get(id.name)
        health = view.health if view is not None else Health(Status.UNKNOWN, "nothing was rendered yet")
        return Served(health=health, automated=automated)

    # The life of the house

    async def restore(self, remembered: Iterable[Child]) -> None:
        """Serve again what was served when the house last ran; projects come first."""
        for child in remembered if self._files is not None else ():
            self._manifests[child.id] = child
            try:
                if child.id.kind != APPLICATION:
                    self._projects[child.id] = self._read_project(child)
            except DeclarationError as error:
                self._bad[child.id] = error.message
        await self.rebuild()

    async def rebuild(self) -> None:
        """Read all again: a project, or a file of an operator, may be another. What does not read any more stays as it was."""
        for id, child in list(self._manifests.items()):
            if id.kind != APPLICATION:
                continue
            try:
                it = self._read(child)
            except DeclarationError as error:
                self._bad[id] = error.message
                continue
            self._bad.pop(id, None)
            if self._held.get(id) != it:
                self._held[id] = it
                if not self._host().is_of_a_file(it.name):
                    await self._host().serve_child(it)

    async def inherit(self, name: str) -> bool:
        """Serve a child whose file was taken away; False where there is none of that name."""
        it = next((each for each in self._held.values() if each.name == name), None)
        if it is not None:
            await self._host().serve_child(it)
        return it is not None

    async def run(self, news: AsyncGenerator[Event, None], engine: ApplicationEngine) -> None:
        """Say to `engine` whose health is another whenever something happened."""
        async with aclosing(news) as events:
            async for event in events:
                name = event.data.get("application")
                for id in [id for id in self._manifests if id.name == name and id.kind == APPLICATION]:
                    now = self.served(id)
                    if self._told.get(id) != now:
                        self._told[id] = now
                        engine.noticed(id)

    # Reading

    def _read(self, child: Child) -> Application:
        """Return the Application; raises DeclarationError, also where another child has its name."""
        it = read_child(child.manifest, child.origin, self._context())
        other = next((id for id in self._manifests if id.kind == APPLICATION and id.name == it.name and id != child.id), None)
        if other is not None:
            there, here = self._manifests[other].origin, child.origin
            raise RefusedDeclaration(
                "HF1159",
                f"cannot serve Application {it.name}: {other} has its name",
                where=[Where(path=each.path, line=each.line) for each in (here, there)],
                hint="rename one of the two: Applications of one installation have one name each, whatever their namespaces",
            )
        return it

    def _read_project(self, child: Child) -> Project:
        return read_child_project(child.manifest, child.origin, self._context(own=True))

    def _context(self, *, own: bool = False) -> Context:
        context = self._files.context() if self._files is not None else Context()
        projects = dict(self._host().projects)
        if not own:
            projects = {**{each.name: each for each in self._projects.values()}, **projects}
        return replace(context, projects=projects, local=self._host().local)
