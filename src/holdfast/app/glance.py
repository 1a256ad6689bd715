"""Glance: what lives on this host, seen without a daemon and without touching it, and what the store remembers of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from holdfast.app.docker import SPACES as DOCKER_SPACES
from holdfast.app.docker import DockerNeeds, docker_engine
from holdfast.app.edge_door import KINDS as EDGE_KINDS
from holdfast.app.private import Private, PrivateNeeds
from holdfast.app.state import StateFolder
from holdfast.engines.docker.building import Commits
from holdfast.engines.docker.engine import DockerEngine
from holdfast.engines.file import FileEngine
from holdfast.engines.process.glance import ProcessGlance
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.config import Config
from holdfast.host.keeper_client import peek
from holdfast.host.network import mark_of
from holdfast.host.secrets import FileSecrets
from holdfast.host.users import SPACE as USERS
from holdfast.host.users import HostUsers, RunUser
from holdfast.kit.canonical import Json
from holdfast.kit.secret import Redactor, fingerprint
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Inventory
from holdfast.model.resource import Resource
from holdfast.store.reader import StoreReader
from holdfast.walk.hook import SPACE as HOOKS

PROCESS = "process"
"""The process engine's space of records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What the store holds; nothing where there is no store yet."""

    inventory: Inventory = field(default_factory=dict)
    processes: Mapping[str, Json] = field(default_factory=dict)
    users: Mapping[str, Json] = field(default_factory=dict)
    docker: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """By space."""
    hooks: Mapping[str, Json] = field(default_factory=dict)
    """What hooks ran, by Application."""


def remember(state: StateFolder) -> Remembered:
    """Read the store, also while a daemon writes it. Raises StoreError."""
    if not state.store.exists():
        return Remembered()
    with StoreReader.open(state.store) as store:
        return Remembered(
            inventory=store.inventory(),
            processes=store.records(PROCESS),
            users=store.records(USERS),
            docker={space: store.records(space) for space in DOCKER_SPACES},
            hooks=store.records(HOOKS),
        )


class CopiedRecords:
    """Records that forget what is put: whoever looks may not write."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = dict(values)

    def get(self, key: str) -> Json:
        return self._values.get(key)

    def all(self) -> Mapping[str, Json]:
        return MappingProxyType(self._values)

    async def put(self, key: str, value: Json) -> None:
        self._values[key] = value

    async def drop(self, key: str) -> None:
        self._values.pop(key, None)


class LookingPlaces:
    """Where things lie, without making them."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state

    def release(self, application: str, release_id: str) -> Path:
        return self._state.path / "releases" / application / release_id

    def data_dir(self, application: str, user: RunUser) -> Path:
        return self._state.data / application

    def log_dir(self, application: str) -> Path:
        return self._state.logs / application


class Glance:
    """Observes as the engines would."""

    def __init__(self, state: StateFolder, config: Config, remembered: Remembered) -> None:
        self._state = state
        self._config = config
        self._remembered = remembered

    async def observe(self, ids: Collection[ResourceId], resources: Mapping[ResourceId, Resource]) -> Live:
        """Look at `ids`; `resources` are as desired, for what an engine must know of a thing to find it."""
        processes = ProcessGlance(records=self._remembered.processes, clock=RealClock(), mark=mark_of(self._state.run))
        kinds: Mapping[str, Callable[[list[ResourceId]], Awaitable[Live]]] = {
            "Process": processes.observe,
            "File": self._files(resources).observe,
            **{kind: engine.observe for engine in self._private(resources).engines for kind in engine.kinds},
            **dict.fromkeys(EDGE_KINDS, self._edge),
            **dict.fromkeys(DockerEngine.kinds, partial(self._docker, resources)),
        }
        live = Live()
        for kind, observe in kinds.items():
            if found := [id for id in sorted(ids) if id.kind == kind]:
                live = live.joined(await observe(found))
        return live.joined(Live(unreachable={id: f"no engine for kind {id.kind}" for id in ids if id.kind not in kinds}))

    async def _edge(self, ids: list[ResourceId]) -> Live:
        """Return the parts of the edge: as applied while its nginx runs, and its files lie there; what nobody applied is absent."""
        state, inventory = self._state, self._remembered.inventory
        found = peek(state.run / "edge")
        is_served = found is not None and any(child.alive for child in found[1].children)
        is_served |= _is_there(self._config.get("edge.include"))  # the system's nginx serves it
        observed: dict[ResourceId, Observation] = {}
        for id in ids:
            chain = state.edge / "certificates" / id.namespace / id.name / "fullchain.pem"
            is_there = id in inventory and (chain.exists() if id.kind == "Certificate" else is_served)
            observed[id] = Observation(state=inventory[id].resource.state if is_there else None)
        return Live(observed=observed)

    def _private(self, resources: Mapping[ResourceId, Resource]) -> Private:
        return Private(
            PrivateNeeds(
                run_dir=self._state.run,
                search_path=self._config.path,
                records=CopiedRecords({}),
                users=self._users(),
                described=partial(self._described, resources),
                inventory=lambda: self._remembered.inventory,
                observe=partial(self._docker, resources),
                clock=RealClock(),
            )
        )

    async def _docker(self, resources: Mapping[ResourceId, Resource], ids: Collection[ResourceId]) -> Live:
        """Ask the Docker hosts."""
        async with self._asking(resources) as engine:
            return await engine.observe(ids)

    async def forecast(self, resources: Mapping[ResourceId, Resource], changes: Mapping[ResourceId, Resource]) -> Mapping[ResourceId, str]:
        """Return what changes bring that their states do not say, in words. Nobody is bound by it: nothing is written."""
        if not any(id.kind in DockerEngine.kinds for id in changes):
            return {}
        async with self._asking(resources) as engine:
            return await engine.forecast(changes)

    @asynccontextmanager
    async def _asking(self, resources: Mapping[ResourceId, Resource]) -> AsyncIterator[DockerEngine]:
        engine = docker_engine(
            DockerNeeds(
                config=self._config,
                records={space: CopiedRecords(self._remembered.docker.get(space, {})) for space in DOCKER_SPACES},
                secrets=FileSecrets(self._state.secrets, self._key(), Redactor()),
                users=self._users(),
                places=LookingPlaces(self._state),
                commits=Commits(trees=lambda application: (), read=_unread),
                data=self._state.data,
                emit=_unsaid,
                described=partial(self._described, resources),
                applied=lambda id: None,
                left=_unsaid,
                moved=lambda: None,
                clock=RealClock(),
                random=RealRandom(),
                crashed=lambda part, error: None,
            )
        )
        await engine.start()
        try:
            yield engine
        finally:
            await engine.aclose()

    def _described(self, resources: Mapping[ResourceId, Resource], id: ResourceId) -> list[Resource]:
        owned = self._remembered.inventory.get(id)
        return [each for each in (owned.resource if owned else None, resources.get(id)) if each is not None]

    def _key(self) -> bytes:
        return self._state.key.read_bytes() if self._state.key.exists() else b""

    def _users(self) -> HostUsers:
        return HostUsers(records=CopiedRecords(self._remembered.users), uid_range=self._config.uid_range, allowed=self._config.allowed)

    def _files(self, resources: Mapping[ResourceId, Resource]) -> FileEngine:
        key = self._key()
        return FileEngine(
            roots=self._config.file_roots,
            data=self._state.data,
            users=self._users(),
            places=LookingPlaces(self._state),
            secrets=FileSecrets(self._state.secrets, key, Redactor()),
            fingerprint=partial(fingerprint, key),
            described=partial(self._described, resources),
            clock=RealClock(),
        )


async def _unsaid(said: object) -> None:
    """Tell nobody: whoever looks changes nothing."""


async def _unread(repository: str, ids: Collection[str]) -> Mapping[str, bytes]:
    """Give nothing: whoever looks builds nothing."""
    return {}


def _is_there(path: str) -> bool:
    return bool(path) and os.path.exists(path)
