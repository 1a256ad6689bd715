"""A stage: an outside world with faults, and one life of the daemon after another in it. Stories and tests of controllers play on it.

Two engines stand on it. `Unit`s are like processes: rollouts, probes, an engine that knows what it started. `Item`s are like files:
changed in place by an engine that does not know whose a thing is. With `has_files` the real file engine works beside them, on `files`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Self

from holdfast.controllers.source.rendering import Sourced
from holdfast.controllers.sync.lane import Managed
from holdfast.declare.source import Source
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import State
from holdfast.testing.disk import Disk
from holdfast.testing.fault import Weather
from holdfast.testing.house import REAL, House, KnownRenders, Parts
from holdfast.testing.life import Fate, Life
from holdfast.testing.simulated_engine import SimulatedEngine, Unseen, Witness
from holdfast.testing.simulated_files import SimulatedFiles
from holdfast.testing.simulated_git import SimulatedGit
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom
from holdfast.testing.world import Thing, World

UNIT, ITEM = "Unit", "Item"
ENGINES: Mapping[str, str] = {"units": UNIT, "items": ITEM}
STORE, GIT, FILES = "store", "git", "files"
POLL_S = 2.0


class Stage:
    """`async with Stage(...)`: the world is there at once; `start` begins a life, leaving the block ends it."""

    def __init__(
        self,
        applications: Sequence[Managed],
        *,
        seed: int = 0,
        deaths: Collection[int] = (),
        parts: Parts = REAL,
        witness: Witness | None = None,
        secret: str = "",
        has_files: bool = False,
    ) -> None:
        self.clock = SimulatedClock()
        self.dice = SimulatedRandom(seed)
        self.fate = Fate(deaths)
        self.world = World(self.clock)
        self.weather = {target: Weather(self.dice) for target in (*ENGINES, STORE, GIT, FILES)}
        self.files = SimulatedFiles(weather=self.weather[FILES]) if has_files else None
        self.disk = Disk(self.weather[STORE], self.dice)
        self.git = SimulatedGit(self.clock, self.weather[GIT])
        self.renders: dict[tuple[str, str], Desired | Exception] = {}
        self.heads: dict[str, str] = {}
        self.managed = {one.name: one for one in applications}
        self.crashes: list[str] = []
        """Parts of the daemon, or a whole life, that ended by a defect."""
        self.lives = 0
        self._parts = parts
        self.witness = witness or Unseen()
        self._secret = secret
        self._tasks = Tasks(on_crash=lambda name, error: self.crashes.append(f"{name}: {error!r}"))
        self._house: House | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.die()
        await self._tasks.__aexit__(None, None, None)

    # Lives

    @property
    def house(self) -> House:
        """The life that is under way."""
        assert self._house is not None, "no life has begun"
        return self._house

    @property
    def is_alive(self) -> bool:
        return self._house is not None and not self._house.life.is_over

    async def start(self) -> None:
        life = Life(self.fate)
        house = House(
            life=life,
            disk=self.disk,
            clock=self.clock,
            random=self.dice,
            engines=[self._engine(name, kind, life) for name, kind in ENGINES.items()],
            managed=list(self.managed.values()),
            git=self.git,
            sourced=[_sourced(name) for name in self.managed],
            rendering=KnownRenders(self.renders, self.git),
            parts=self._parts,
            secret=self._secret,
            files=self.files,
            crashes=self.crashes,
        )
        await house.open()
        self._house = house
        self.lives += 1
        self._tasks.start(self._name, house.run(), guard=True)

    def _engine(self, name: str, kind: str, life: Life) -> SimulatedEngine:
        return self._parts.engine(
            world=self.world,
            clock=self.clock,
            random=self.dice,
            weather=self.weather[name],
            life=life,
            name=name,
            kinds=frozenset({kind}),
            knows_owner=kind == UNIT,
            witness=self.witness,
            secret=self._secret,
        )

    @property
    def _name(self) -> str:
        return f"life {self.lives}"

    async def die(self) -> None:
        """End the life that is under way, as kill -9 would: nothing that it was about to do happens."""
        if self._house is not None:
            self._house.life.is_over = True
            self._tasks.cancel(self._name)
            await self._tasks.ended(self._name)

    async def restart(self) -> None:
        await self.die()
        await self.start()

    # What Git says

    def commit(self, application: str, *resources: Resource, error: Exception | None = None) -> str:
        """Push a commit that asks for `resources`, or that does not render; return its id."""
        commit = self.git.commit(application, {"number": str(len(self.renders))})
        self.renders[application, commit] = error or Desired.of(application, commit, resources)
        self.heads[application] = commit
        return commit

    def is_spoilt(self, application: str) -> bool:
        """Say whether the newest commit does not render."""
        return isinstance(self.renders.get((application, self.heads.get(application, ""))), Exception)

    def rewind(self, application: str, commit: str) -> None:
        """Let the branch point to an earlier commit, as a force-push does."""
        self.heads[application] = commit
        self.git.point(application, "main", commit)

    # What is there

    def event_types(self) -> list[str]:
        return [event.type for event in self.disk.log]

    def events(self, type: str) -> list[Event]:
        return [event for event in self.disk.log if event.type == type]

    def stands(self, id: ResourceId) -> Json:
        """Return the `version` of what stands at `id`, None where nothing does."""
        thing = self.world.things.get(id)
        return thing.state.fields.get("version") if thing else None

    def squat(self, id: ResourceId, state: State) -> None:
        """Let somebody else put something of theirs at `id`."""
        self.world.put(id, Thing(state=state, maker=None))

    async def rest(self, limit_s: float = 3600.0) -> bool:
        """Wait until nothing is under way and nothing is waited for; False where that does not come about within `limit_s`."""
        deadline = self.clock.monotonic() + limit_s
        before = -1
        while self.clock.monotonic() < deadline:
            await self.clock.sleep(POLL_S)
            if self.is_alive and self.fate.count == before and self.is_at_rest:
                return True
            before = self.fate.count
        return False

    @property
    def is_at_rest(self) -> bool:
        house = self.house
        is_heard = all(
            (desired := house.source.desired(name)) is not None and desired.revision == head
            for name, head in self.heads.items()
            if not isinstance(self.renders[name, head], Exception)
        )
        return is_heard and house.sync.is_at_rest and house.heal.is_at_rest


def _sourced(name: str) -> Sourced:
    return Sourced(name=name, sources=(Source(repository=name, target_revision="main"),), namespace=name, destination=HOST)


def unit(name: str, application: str = "shop") -> ResourceId:
    return ResourceId(HOST, UNIT, application, name)


def item(name: str, application: str = "shop") -> ResourceId:
    return ResourceId(HOST, ITEM, application, name)


def wanted(id: ResourceId, version: int = 1, *needs: ResourceId, **fields: Json) -> Resource:
    """Return a resource as a commit asks for it; a Unit starts first and switches then, unless `style` says otherwise."""
    style = {"style": "start-first"} if id.kind == UNIT else {}
    return Resource(id=id, state=State.of({"version": version, **style, **fields}), needs=frozenset(needs))
