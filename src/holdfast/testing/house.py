"""One life of the daemon on simulated ports: the very controllers, walker and ledger of the real one, wired as `app` wires them.

`Parts` names the classes that are wired, so that a test can put in one with a defect and see it caught.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.controllers.heal import HealController
from holdfast.controllers.source.controller import SourceController
from holdfast.controllers.source.rendering import Rendering, Sourced
from holdfast.controllers.sweep import SweepController
from holdfast.controllers.sync.controller import SyncController
from holdfast.controllers.sync.lane import Managed
from holdfast.kit.clock import Clock, Random
from holdfast.kit.secret import Redactor, Secret
from holdfast.kit.tasks import Tasks
from holdfast.model.declaration import Kind
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Engine
from holdfast.model.resource import Desired, Resource
from holdfast.model.source import Git, Revision, Tree, joined
from holdfast.model.state import State
from holdfast.store.journal import StoreJournal
from holdfast.store.records import StoreRecords
from holdfast.testing.disk import Disk, Mounted
from holdfast.testing.file_engine import file_engine
from holdfast.testing.life import Life
from holdfast.testing.simulated_engine import SimulatedEngine, SimulatedKind
from holdfast.testing.simulated_files import SimulatedFiles
from holdfast.walk.ledger import Ledger
from holdfast.walk.walker import Walker
from holdfast.workload.file import FileKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is wired."""

    walker: type[Walker] = Walker
    ledger: type[Ledger] = Ledger
    sync: type[SyncController] = SyncController
    heal: type[HealController] = HealController
    source: type[SourceController] = SourceController
    engine: type[SimulatedEngine] = SimulatedEngine
    journal: type[StoreJournal] = StoreJournal


REAL = Parts()


class KnownRenders(Rendering):
    """Renders by a table: what each commit of each Application asks for. DeclarationErrors in it are raised."""

    def __init__(self, renders: Mapping[tuple[str, str], Desired | Exception], git: Git) -> None:
        self._renders = renders
        self._git = git

    def desired(self, application: str, commit: str) -> Desired:
        found = self._renders[application, commit]
        if isinstance(found, Exception):
            raise found
        return found

    async def render(self, source: Sourced, revisions: Sequence[Revision]) -> tuple[Desired, tuple[Tree, ...]]:
        trees = tuple(Tree(revision=revision, path="", blobs={}) for revision in revisions)
        return self.desired(source.name, joined(revision.commit for revision in revisions)), trees


class NoReleases:
    """Nothing runs from a release."""

    async def ensure(self, desired: Desired) -> None:
        pass

    async def keep(self, application: str) -> None:
        pass


@dataclass(kw_only=True)
class House:
    """Fields are what the world lends; `open` builds the rest, `run` lives until it is cancelled."""

    life: Life
    disk: Disk
    clock: Clock
    random: Random
    engines: Sequence[SimulatedEngine]
    managed: Sequence[Managed]
    git: Git
    sourced: Sequence[Sourced]
    rendering: KnownRenders
    parts: Parts = REAL
    secret: str = ""
    """What must stand in nothing that is written."""
    files: SimulatedFiles | None = None
    """Where the real file engine works, beside the simulated ones."""
    chores: Sequence[Callable[[], Awaitable[object]]] = ()
    crashes: list[str] = field(default_factory=list)
    """Parts of the daemon that ended by a defect."""
    journal: StoreJournal = field(init=False)
    ledger: Ledger = field(init=False)
    walker: Walker = field(init=False)
    sync: SyncController = field(init=False)
    heal: HealController = field(init=False)
    source: SourceController = field(init=False)
    sweep: SweepController = field(init=False)

    async def open(self) -> None:
        """Load what the last life stored and wire everything."""
        parts = self.parts
        engines: list[Engine] = [
            *self.engines,
            *([file_engine(self.files, self.life, self._described, self.clock)] if self.files is not None else []),
        ]
        by_kind = {kind: engine for engine in engines for kind in engine.kinds}
        kinds: dict[str, Kind] = {kind: SimulatedKind(name=kind) for engine in self.engines for kind in engine.kinds}
        store = Mounted(self.disk, self.life, self.clock)
        self.journal = parts.journal(store, self.clock, Redactor([Secret(self.secret)] if self.secret else ()))
        await self.journal.load()
        self.ledger = await parts.ledger.load(self.journal, store)
        self.walker = parts.walker(
            engines=by_kind,
            kinds={FileKind.name: FileKind(), **kinds},
            ledger=self.ledger,
            journal=self.journal,
            clock=self.clock,
            random=self.random,
        )
        self.sync = parts.sync(
            walker=self.walker,
            ledger=self.ledger,
            journal=self.journal,
            store=store,
            records=await StoreRecords.load(self.journal, store, "sync"),
            releases=NoReleases(),
            render=self._render,
            clock=self.clock,
            random=self.random,
            settled=lambda application, ids: self.heal.forget_failures(ids),
            crashed=self._crashed,
        )
        self.heal = parts.heal(
            engines=engines,
            walker=self.walker,
            ledger=self.ledger,
            journal=self.journal,
            records=await StoreRecords.load(self.journal, store, "heal"),
            clock=self.clock,
            random=self.random,
            may_heal=self.sync.heals,
            wanted=self._wanted,
            undeclared=self.sync.undeclared,
            gone=self.sync.look,
            crashed=self._crashed,
        )
        self.source = parts.source(
            git=self.git,
            rendering=self.rendering,
            journal=self.journal,
            clock=self.clock,
            random=self.random,
            offer=lambda desired, trees, is_rewound: self.sync.offer(desired, is_rewound=is_rewound),
            incomplete=self.sync.incomplete,
            newest=self.sync.newest,
            crashed=self._crashed,
        )
        self.sweep = SweepController(
            owned=lambda: self.ledger.inventory, mark=self.heal.mark, chores=self.chores, clock=self.clock, random=self.random
        )
        for one in self.managed:
            self.sync.add(one)
        for source in self.sourced:
            await self.source.add(source)

    async def run(self) -> None:
        """Live until cancelled, or until a part that must not end does."""
        for engine in self.engines:
            engine.start()
        async with Tasks() as tasks:
            for name, body in (
                ("journal", self.journal.run()),
                ("sync", self.sync.run()),
                ("heal", self.heal.run()),
                ("source", self.source.run()),
                ("sweep", self.sweep.run()),
            ):
                tasks.start(name, body)

    def _described(self, id: ResourceId) -> Iterator[Resource]:
        """Yield what is known of an id: as last applied, then as Git says now."""
        if (owned := self.ledger.inventory.get(id)) is not None:
            yield owned.resource
        for one in self.managed:
            desired = self.source.desired(one.name)
            if desired is not None and (found := desired.get(id)) is not None:
                yield found

    async def _render(self, application: str, revision: str) -> Desired:
        return self.rendering.desired(application, revision)

    def _wanted(self, id: ResourceId) -> State | None:
        for one in self.managed:
            desired = self.source.desired(one.name)
            if desired is not None and (resource := desired.get(id)) is not None:
                return resource.state
        return None

    def _crashed(self, name: str, error: BaseException) -> None:
        self.crashes.append(f"{name}: {type(error).__name__}: {error}")
