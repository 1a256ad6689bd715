"""The composition root: makes everything once, hands each what it may know, and lets it run until it is told to end.

Nothing is decided here. Callers: `entry` (the command line's doors) and tests.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import holdfast
from holdfast.api.server import ApiServer
from holdfast.app.application_files import ApplicationFiles
from holdfast.app.applications import Applications
from holdfast.app.certificates import HouseCertificates
from holdfast.app.charts import charted
from holdfast.app.children import Children
from holdfast.app.cluster import clusters
from holdfast.app.docker import SPACES as DOCKER_SPACES
from holdfast.app.docker import DockerNeeds, docker_engine
from holdfast.app.edge_door import KINDS, DoorAnswers, EdgeDoor, Rooms
from holdfast.app.follow import FollowNeeds, follow
from holdfast.app.kubernetes import ARGOCD_CM, Customs, WithOther, kubernetes_engine, rules_of
from holdfast.app.mirrors import mirrors
from holdfast.app.objects import HouseObjects
from holdfast.app.orphans import OrphanNeeds, orphan_controller
from holdfast.app.others import OtherApplications
from holdfast.app.private import SPACE as NETWORKS
from holdfast.app.private import Private, PrivateNeeds, ground
from holdfast.app.registries import registry_client, registry_client_with
from holdfast.app.registry import means, registry
from holdfast.app.release_port import ReleasePort
from holdfast.app.secret_watch import watch_secrets
from holdfast.app.service import HouseService, Neighbours
from holdfast.app.state import StateFolder
from holdfast.controllers.heal import HealController
from holdfast.controllers.image import ImageController
from holdfast.controllers.pin import PinController
from holdfast.controllers.probe import ProbeController
from holdfast.controllers.prove import ProveController
from holdfast.controllers.source.controller import SourceController
from holdfast.controllers.source.rendering import Rendering
from holdfast.controllers.sweep import SweepController
from holdfast.controllers.sync.controller import SyncController
from holdfast.core import events
from holdfast.core.view import status
from holdfast.core.world import find
from holdfast.declare.render import Renderer
from holdfast.declare.source import Source
from holdfast.delivery.application import Applications as Read
from holdfast.edge.site import VISIT
from holdfast.engines.application import APPLICATION, ApplicationEngine
from holdfast.engines.docker.building import Commits
from holdfast.engines.docker.logs import ContainerLogs
from holdfast.engines.file import FileEngine
from holdfast.engines.kubernetes.acting import Actions
from holdfast.engines.kubernetes.logs import PodLogs
from holdfast.engines.process.engine import ProcessEngine
from holdfast.engines.registry.engine import RegistryEngine
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.config import Config
from holdfast.host.javascript import JavaScript
from holdfast.host.memory import give_back
from holdfast.host.net import HostNet
from holdfast.host.secrets import FileSecrets
from holdfast.host.users import SPACE as USERS
from holdfast.host.users import HostUsers
from holdfast.kit.tasks import Tasks
from holdfast.kubernetes.child import ChildKind
from holdfast.model.declaration import Kind
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Engine
from holdfast.model.resource import Desired, Resource
from holdfast.model.source import Tree
from holdfast.model.state import Facts, State
from holdfast.source.release import ReleaseStore
from holdfast.store.journal import StoreJournal
from holdfast.store.records import StoreRecords
from holdfast.store.sqlite import SqliteStore
from holdfast.walk.hook import SPACE as HOOKS
from holdfast.walk.hook import HookBook
from holdfast.walk.ledger import Ledger
from holdfast.walk.walker import Walker
from holdfast.workload.private import CLOSED, OPEN

TIDY_AFTER_S = 5.0
"""How long after the last operation its memory is given back."""
SYNC_FIRST_S = 10.0
"""How long heal waits for the first look at Git, and for what follows from it."""


class House:
    """Everything of one state folder. `opening` makes one; `run` serves until `stop` is set."""

    def __init__(self, *, state: StateFolder, config: Config, store: SqliteStore, journal: StoreJournal, ledger: Ledger) -> None:
        self.state = state
        self.config = config
        self.store = store
        self.journal = journal
        self.ledger = ledger
        self.clock = RealClock()
        self.random = RealRandom()
        self.stop = asyncio.Event()
        self._looked: set[str] = set()
        self._looked_news = asyncio.Event()
        self._tidy: asyncio.TimerHandle | None = None
        self._rendered: dict[str, Desired] = {}
        """By Application what was rendered last, for a rollback too."""

    async def make(self, files: ApplicationFiles | None, secrets: FileSecrets) -> None:
        """Make engines and controllers, and connect them by what each may know."""
        config, clock, random, journal, ledger = self.config, self.clock, self.random, self.journal, self.ledger
        self.secrets = secrets
        self.git = mirrors(
            self.state.path, config, os.environ, is_local=lambda path: path in self.applications.local, clock=clock, random=random
        )
        reached = clusters(config, os.environ)
        kinds = registry(config.file_roots, lent=means(config), ground=ground(config.path), clusters=reached.accesses)
        self.users = HostUsers(records=await self._records(USERS), uid_range=config.uid_range, allowed=config.allowed)
        self.releases = ReleasePort(
            store=ReleaseStore(self.state.path),
            git=self.git,
            users=self.users,
            search_path=config.path,
            in_use=self._releases_in_use,
            logs=self.state.logs,
        )
        self.process = ProcessEngine(
            run_dir=self.state.run,
            records=await self._records("process"),
            secrets=secrets,
            users=self.users,
            places=self.releases,
            emit=journal.emit,
            clock=clock,
            random=random,
            search_path=config.path,
            applied=self._applied,
            crashed=self.crashed,
            left=self._services_left,
        )
        self.file = FileEngine(
            roots=config.file_roots,
            data=self.state.data,
            users=self.users,
            places=self.releases,
            secrets=secrets,
            fingerprint=secrets.mark,
            described=self._described,
            clock=clock,
        )
        self.edge = EdgeDoor(make=self._make_edge, was_there=self._had_edge)
        self.docker = docker_engine(
            DockerNeeds(
                config=config,
                records={space: await self._records(space) for space in DOCKER_SPACES},
                secrets=secrets,
                users=self.users,
                places=self.releases,
                commits=Commits(trees=self.releases.trees, read=self.git.read),
                data=self.state.data,
                emit=journal.emit,
                described=self._described,
                applied=self._applied,
                left=self._services_left,
                moved=self.edge.services_changed,
                clock=clock,
                random=random,
                crashed=self.crashed,
            )
        )
        self.registry = RegistryEngine(
            client=registry_client(config, os.environ, clock),
            client_with=lambda credentials: registry_client_with(credentials, config, clock),
            records=await self._records("registry"),
            secrets=secrets,
            clock=clock,
        )
        self.private = Private(
            PrivateNeeds(
                run_dir=self.state.run,
                search_path=config.path,
                records=await self._records(NETWORKS),
                users=self.users,
                described=self._described,
                inventory=lambda: ledger.inventory,
                observe=self.docker.observe,
                clock=clock,
            )
        )
        self.children = Children(
            files=files,
            host=lambda: self.applications,
            view=lambda: journal.view,
            is_settled=lambda name: self.source.has_judged(name) and self.sync.is_idle(name),
        )
        self.nested = ApplicationEngine(records=await self._records("children"), serving=self.children, clock=clock)
        of_host: tuple[Engine, ...] = (self.process, self.file, self.registry, *self.private.engines, self.docker)
        is_served = files is None or files.place is None  # children are objects where objects are followed (decision 0025)
        of_host += (*self.edge.engines, *((self.nested,) if is_served else ()))
        by_kind = {kind: engine for engine in of_host for kind in engine.kinds}
        known = {*by_kind, *(kind.name for kind in kinds.kinds)}
        self.customs = Customs(config, self._applied)
        self.kubernetes = kubernetes_engine(
            reached,
            known=known,
            rules=rules_of(config),
            records=await self._records("kubernetes"),
            clock=clock,
            random=random,
            crashed=self.crashed,
            described=self._described,
            customs=self.customs,
        )
        self.engines: tuple[Engine, ...] = (*of_host, self.kubernetes)
        by_name: dict[str, Kind] = {**{kind.name: kind for kind in kinds.kinds}, APPLICATION: ChildKind(None)}
        self.walker = Walker(
            engines=by_kind if not reached.accesses else WithOther(by_kind, self.kubernetes),
            kinds=WithOther(by_name, kinds.foreign) if kinds.foreign is not None else by_name,
            ledger=ledger,
            journal=journal,
            clock=clock,
            random=random,
            book=HookBook(await self._records(HOOKS)),
        )
        self.rendering = Rendering(
            git=self.git,
            renderer=Renderer(kinds),
            javascript=JavaScript(git=self.git, search_path=config.path).exports,
            facts=self._facts,
            allowed=config.allowed,
            had_resources=lambda name: bool(ledger.of(name)),
            now=clock.now,
            learn=self.kubernetes.learn,
            chart=charted(self.git, config, self.state.charts, self.kubernetes.served),
        )
        self.sync = SyncController(
            walker=self.walker,
            ledger=ledger,
            journal=journal,
            store=self.store,
            records=await self._records("sync"),
            releases=self.releases,
            render=self._render,
            clock=clock,
            random=random,
            settled=self._settled,
            crashed=self.crashed,
            others=OtherApplications(lambda: self.source),
        )
        self.heal = HealController(
            engines=self.engines,
            walker=self.walker,
            ledger=ledger,
            journal=journal,
            records=await self._records("heal"),
            clock=clock,
            random=random,
            may_heal=self.sync.heals,
            wanted=self._wanted_state,
            undeclared=self.sync.undeclared,
            gone=self.sync.look,
            crashed=self.crashed,
            after=self._sync_first,
        )
        self.source = SourceController(
            git=self.git,
            rendering=self.rendering,
            journal=journal,
            clock=clock,
            random=random,
            offer=self._offer,
            incomplete=self._incomplete,
            newest=self.sync.newest,
            crashed=self.crashed,
        )
        self.net = HostNet()
        self.probe = ProbeController(probed=self.process, net=self.net, clock=clock, crashed=self.crashed)
        self.prove = ProveController(
            ledger=ledger,
            net=self.net,
            journal=journal,
            clock=clock,
            random=random,
            data_dir=lambda application: self.state.data / application,
            crashed=self.crashed,
            looks={VISIT: self.edge.look, CLOSED: self.private.looks.closed, OPEN: self.private.looks.open},
        )
        self.image = ImageController(
            policies=self.registry,
            git=self.git,
            followed=self._followed,
            may_push="push" in config.allowed,
            journal=journal,
            clock=clock,
            random=random,
            crashed=self.crashed,
        )
        self.sweep = SweepController(
            owned=lambda: tuple(ledger.inventory),
            mark=self.heal.mark,
            chores=(self._snapshot, self._forget, self._maintain, self.kubernetes.watches.sample),
            clock=clock,
            random=random,
        )
        self.applications = Applications(
            files,
            read=files.read() if files else Read(),
            sync=self.sync,
            source=self.source,
            journal=journal,
            ledger=ledger,
            records=await self._records("applications"),
            clock=clock,
            served=self._moved,
        )
        self.orphans = orphan_controller(
            OrphanNeeds(
                applications=self.applications,
                clients=self.kubernetes.watches.clients,
                ledger=ledger,
                book=self.walker.book,
                desired=self.source.desired,
                journal=journal,
                clock=clock,
                random=random,
                after=self._sync_first,
            )
        )
        self.followed = follow(
            FollowNeeds(
                files=files,
                applications=lambda: self.applications,
                sync=self.sync,
                source=self.source,
                service=lambda: self.service,
                kubernetes=self.kubernetes,
                nested=self.nested,
                records=await self._records("objects"),
                journal=journal,
                store=self.store,
                ledger=ledger,
                clock=clock,
                random=random,
                crashed=self.crashed,
            )
        )
        self.applications.children = self.followed or self.children
        self.pin = PinController(git=self.git, events=lambda: journal.follow(journal.newest), followed=self.applications.followed)
        self.service = HouseService(
            Neighbours(
                applications=self.applications,
                rendering=self.rendering,
                sync=self.sync,
                walker=self.walker,
                ledger=ledger,
                journal=journal,
                store=self.store,
                logs={"Process": self.process, "Container": ContainerLogs(self.docker)},
                pods=PodLogs(self.kubernetes.watches.client_of, clock=clock, crashed=self.crashed),
                wanted=self.source.desired,
                refresh=self.source.refresh,
                look_for_orphans=self.orphans.look,
                edge=DoorAnswers(self.edge),
                forecasts=self.docker.forecast,
                objects=self._objects(),
                certificates=HouseCertificates(lambda: self.edge.rooms, lambda: journal.view.applications),
                clock=clock,
                state=self.state.path,
                started_at=clock.now(),
                crashed=self.crashed,
            )
        )
        self.api = ApiServer(self.service, self.state.api_socket, crashed=self.crashed)

    def _objects(self) -> HouseObjects:
        return HouseObjects(
            Actions(self.kubernetes.watches.client_of, said=self.customs.said, lua=self.customs.lua, clock=self.clock),
            inventory=lambda: self.ledger.inventory,
            cluster=self.kubernetes,
            heals=lambda name: name in (view := self.journal.view.applications) and view[name].self_heal,
            journal=self.journal,
            clock=self.clock,
        )

    async def _records(self, space: str) -> StoreRecords:
        return await StoreRecords.load(self.journal, self.store, space)

    async def _make_edge(self) -> Rooms:
        """Return the edge, which is imported now: most of what it needs is needed by nobody else (decision 0011)."""
        from holdfast.app.edge import SPACES, Edge, EdgeNeeds

        return Edge(
            EdgeNeeds(
                root=self.state.edge,
                run_dir=self.state.run / "edge",
                releases=self.state.path / "releases",
                data=self.state.data,
                state=self.state.path / "acme",
                config=self.config,
                records={space: await self._records(space) for space in SPACES},
                secrets=self.secrets,
                journal=self.journal,
                inventory=lambda: self.ledger.inventory,
                described=self._described,
                services=self._addresses,
                resting=self.process.resting,
                resources=self._told_resources,
                clock=self.clock,
                random=self.random,
                crashed=self.crashed,
            )
        )

    def _addresses(self, service: str) -> tuple[str, ...]:
        return self.process.addresses(service) or self.docker.addresses(service)

    def _told_resources(self) -> Mapping[str, Mapping[str, Any]]:
        told = status(self.journal.view, self.clock.now(), None)
        return {each["id"]: each for it in told["applications"] for each in it["resources"]}

    async def _services_left(self, service: str) -> None:
        await self.edge.services_served(service)

    def _had_edge(self) -> bool:
        return any(id.kind in KINDS for id in self.ledger.inventory)

    # Who asks whom

    def _facts(self) -> Facts:
        wide = self.kubernetes.wide
        return Facts(fingerprints=self.secrets.fingerprints(), values={"kubernetes.cluster-scoped": [*wide]} if wide else {})

    def _applied(self, id: ResourceId) -> Resource | None:
        owned = self.ledger.inventory.get(id)
        return owned.resource if owned else None

    def _releases_in_use(self, application: str) -> frozenset[str]:
        states = [owned.resource.state.fields.get("release") for owned in self.ledger.of(application)]
        wanted = self.source.desired(application)
        return frozenset(release for release in (*states, wanted.release if wanted else None) if isinstance(release, str))

    async def _render(self, name: str, revision: str) -> Desired:
        desired, trees = await self.rendering.at(self.applications.sourced(name), revision)
        self._remember(desired, trees)
        return desired

    def _remember(self, desired: Desired, trees: tuple[Tree, ...]) -> None:
        self._rendered[desired.application] = desired
        self.releases.remember(desired, trees)

    def _offer(self, desired: Desired, trees: tuple[Tree, ...], is_rewound: bool) -> None:
        self._remember(desired, trees)
        self.sync.offer(desired, is_rewound=is_rewound)
        self._has_looked(desired.application)
        self._tidy_soon()

    def _incomplete(self, name: str) -> None:
        self.sync.incomplete(name)
        self._has_looked(name)

    def _has_looked(self, name: str) -> None:
        self._looked.add(name)
        news, self._looked_news = self._looked_news, asyncio.Event()
        news.set()

    async def looked_at(self, names: Collection[str]) -> None:
        """Wait until Git was asked of each, with or without an answer."""
        while not self._looked.issuperset(names):
            await self._looked_news.wait()

    async def _sync_first(self) -> None:
        """Wait until sync has taken up what the last run left; where Git does not answer, not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC_FIRST_S):
                await self.looked_at(self.applications.names)
                for name in self.applications.names:
                    await self.sync.idle(name)

    def _wanted_state(self, id: ResourceId) -> State | None:
        owned = self.ledger.inventory.get(id)
        desired = self.source.desired(owned.application) if owned else None
        found = find(desired, id) if desired else None
        return found.state if found else None

    def _described(self, id: ResourceId) -> Iterator[Resource]:
        """Yield what is known of an id: as last applied, as Git says, as a rollback would have it."""
        if (applied := self._applied(id)) is not None:
            yield applied
        for desired in (*self._rendered.values(), *map(self.source.desired, self._rendered)):
            if desired is not None and (found := find(desired, id)) is not None:
                yield found

    def _moved(self) -> None:
        self.orphans.mark()

    def _settled(self, application: str, ids: tuple[ResourceId, ...]) -> None:
        self._moved()
        self.heal.forget_failures(ids)
        self.prove.settled(application, ids)
        if ARGOCD_CM in ids:  # what it says of health may be another
            for id in self.ledger.inventory:
                if id.destination in self.kubernetes.watches.clients:
                    self.heal.mark(id)
        self.edge.services_changed()
        self._tidy_soon()

    def _tidy_soon(self) -> None:
        """Give back what a burst of work leaves, once it is over: an operation, and what a start reads."""
        if self._tidy is not None:
            self._tidy.cancel()
        self._tidy = asyncio.get_running_loop().call_later(TIDY_AFTER_S, give_back)

    def _followed(self, application: str) -> tuple[Source, ...]:
        return self.applications.sourced(application).sources if application in self.applications.names else ()

    def _names(self) -> frozenset[str]:
        return self.applications.names

    # Chores of the sweep

    async def _snapshot(self) -> None:
        await self.journal.snapshot()

    async def _forget(self) -> None:
        await self.store.prune_events(before=self.clock.now() - self.config.retention_s)

    async def _maintain(self) -> None:
        for name in self.applications.names:
            for repository in sorted(self.applications.sourced(name).repositories):
                await self.git.maintain(repository)
        if self.followed is not None:
            await self.followed.objects.prove()

    # Running

    def crashed(self, part: str, error: BaseException) -> None:
        """Tell of a defect: the part that had it has stopped, the house goes on."""
        sys.stderr.write(f"holdfast: a defect in {part}:\n")
        traceback.print_exception(error, file=sys.stderr)
        if self._tasks is not None:
            self._crashes += 1
            told = self.journal.emit(events.daemon_crashed(at=self.clock.now(), part=part, error=error))
            self._tasks.start(f"tell of crash {self._crashes}", told)

    _tasks: Tasks | None = None
    _crashes = 0

    async def run(self, *, serve: bool = True) -> None:
        """Serve until `stop` is set. Children and the keeper go on afterwards."""
        async with Tasks(on_crash=self.crashed) as tasks, self.service:
            self._tasks = tasks
            await self.process.start()
            await self.docker.start()
            await self.edge.start()
            await self.journal.emit(events.daemon_started(at=self.clock.now(), version=holdfast.__version__, pid=os.getpid()))
            await (self.followed.restore() if self.followed is not None else self.children.restore(self.nested.children()))
            await self.applications.serve()
            if serve:
                await self.api.start()
            for name, part in (
                ("journal", self.journal.run()),
                ("process", self.process.run()),
                ("docker", self.docker.run()),
                ("source", self.source.run()),
                ("sync", self.sync.run()),
                ("heal", self.heal.run()),
                ("probe", self.probe.run()),
                ("prove", self.prove.run()),
                ("image", self.image.run()),
                ("sweep", self.sweep.run()),
                ("orphans", self.orphans.run()),
                ("pin", self.pin.run()),
                ("applications", self.applications.run()),
                ("children", self.children.run(self.journal.follow(self.journal.newest), self.nested)),
                ("secrets", watch_secrets(self.state.secrets, names=self._names, refresh=self.source.refresh, clock=self.clock)),
                ("edge", self.edge.run()),
                ("kubernetes", self.kubernetes.run()),
                ("first sweep", self.sweep.sweep()),
                *((("objects", self.followed.run()),) if self.followed is not None else ()),
            ):
                tasks.start(name, part, guard=True)
            try:
                await self.stop.wait()
            finally:
                await self.api.stop()
                self._tasks = None
                await self.kubernetes.aclose()
                await tasks.stop()
                await self.journal.emit(events.daemon_stopped(at=self.clock.now(), reason="asked to stop", pid=os.getpid()))
