"""The docker engine: Containers, Networks and Volumes of Docker hosts, each host at the destination that its address is.

A look lists a host once and inspects what it was asked for, live attributes and all; nothing is answered from memory, so that no change is
missed. A host that does not answer makes what is there unknown, never absent. `start` takes back what earlier daemons wrote; `run` follows
the events of every host that was ever asked for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from holdfast.engines.docker import label, part, seeing, view
from holdfast.engines.docker.address import is_address
from holdfast.engines.docker.building import Building, Commits
from holdfast.engines.docker.finding import Containers, Finding
from holdfast.engines.docker.forecasting import Forecasting
from holdfast.engines.docker.grounding import Described, Grounding
from holdfast.engines.docker.host import DockerHost, Happened
from holdfast.engines.docker.image import Credentials, Images
from holdfast.engines.docker.keeping import Keeping
from holdfast.engines.docker.mending import Mending
from holdfast.engines.docker.part import Parts
from holdfast.engines.docker.port import Api
from holdfast.engines.docker.reading import tail
from holdfast.engines.docker.roster import Roster
from holdfast.engines.docker.seats import Seats
from holdfast.engines.docker.shape import Shape, shape
from holdfast.engines.docker.steps import Left, Steps
from holdfast.engines.docker.unit import Instance, Unit
from holdfast.engines.docker.view import Mark
from holdfast.engines.docker.watching import Watching
from holdfast.errors import EngineError, Rejected
from holdfast.host.keeper import listeners
from holdfast.host.news import News
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup, all_of
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.ports import Emit, Records
from holdfast.model.resource import Resource
from holdfast.model.state import State

LOCAL = "unix://"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNeeds:
    """What images take: `pins`, `kept` and `forecasts` are spaces of records; `most` images of each resource stay, 0 for all."""

    pins: Records
    kept: Records
    forecasts: Records
    credentials: Credentials
    commits: Commits
    most: Callable[[], int]


class DockerEngine:
    """Implements ports.Engine.

    `connect` gives the client of a destination; `installation` tells what we made from what others did; `described` and `applied` answer
    with what is known of an id, and with it as last applied; `mark` is the keyed hash by which values are compared; `left` sees to it that
    who stands before a service asks a container no longer that is about to be stopped, `moved` is told when addresses changed.
    """

    name = "docker"
    kinds = frozenset({"Container", "Network", "Volume"})

    def __init__(
        self,
        *,
        connect: Callable[[str], Api],
        installation: str,
        records: Records,
        images: ImageNeeds,
        grounding: Grounding,
        described: Described,
        applied: Callable[[ResourceId], Resource | None],
        mark: Mark,
        emit: Emit,
        clock: Clock,
        random: Random,
        left: Left,
        moved: Callable[[], None],
        crashed: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._connect = connect
        self._installation = installation
        self._grounding = grounding
        self._described = described
        self._applied = applied
        self._mark = mark
        self._clock = clock
        self._random = random
        self._crashed = crashed
        self._hosts: dict[str, DockerHost] = {}
        self._bell = Wakeup()
        self._news = News()
        self._locks: defaultdict[ResourceId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.fetching: dict[ResourceId, str] = {}
        """How far an image is that somebody waits for."""
        self._looked_at: dict[str, set[ResourceId]] = defaultdict(set)
        self._parts_by_name: dict[tuple[str, str, str], ResourceId] = {}
        self._roster = Roster(records)
        keeping = Keeping(images.kept, images.most)
        self.images = Images(records=images.pins, forecasts=images.forecasts, credentials=images.credentials, keeping=keeping, clock=clock)
        building = Building(images=self.images, commits=images.commits, credentials=images.credentials)
        self._forecasting = Forecasting(images=self.images, building=building, clock=clock)
        self._finding = Finding(installation=installation, roster=self._roster, described=described)
        self._mending = Mending(roster=self._roster, finding=self._finding, images=self.images, mark=mark)
        self._parts = Parts(installation)
        self._seats = Seats(moved)
        self._watching = Watching(roster=self._roster, emit=emit, clock=clock)
        self._steps = Steps(
            installation=installation,
            roster=self._roster,
            grounding=grounding,
            images=self.images,
            building=building,
            keeping=keeping,
            finding=self._finding,
            mending=self._mending,
            random=random,
            left=left,
            fetching=self._is_fetching,
            who_has=self._who_has,
        )

    # Life

    async def start(self) -> None:
        """Take back what an earlier daemon wrote. Asks nobody."""
        self._roster.load()
        for unit in self._roster:
            self.host(unit.id.destination)

    async def run(self) -> None:
        """Follow all hosts until cancelled. Containers go on afterwards."""
        async with Tasks(on_crash=self._crashed) as tasks:
            self._watching.begin(tasks)
            running: set[str] = set()
            while True:
                for name in self._hosts.keys() - running:
                    running.add(name)
                    tasks.start(f"follow {name}", self._hosts[name].run(), guard=True)
                    tasks.start(f"resume {name}", self._resume(self._hosts[name]), guard=True)
                await self._bell.wait()

    async def aclose(self) -> None:
        for host in self._hosts.values():
            await host.api.aclose()

    def host(self, destination: str) -> DockerHost:
        """Return the host of a destination, made now if need be. Raises Rejected (HF3200) where it is no address of one."""
        host = self._hosts.get(destination)
        if host is None:
            if not is_address(destination):
                raise Rejected("HF3200", f"cannot reach {destination}: it is no Docker host", hint="write unix:///var/run/docker.sock")
            host = DockerHost(
                name=destination,
                api=self._connect(destination),
                clock=self._clock,
                random=self._random,
                happened=self._happened,
                doubted=self._doubted,
            )
            self._hosts[destination] = host
            self._bell.wake()
        return host

    async def _resume(self, host: DockerHost) -> None:
        """Go on where the last daemon ended: a newcomer that no operation comes back for goes, and what was on its way out."""
        for unit in [unit for unit in self._roster if unit.id.destination == host.name and (unit.candidate or unit.leaving)]:
            while True:
                try:
                    await self._tidy(host, unit)
                except EngineError:
                    await self._clock.sleep(1.0)
                else:
                    break

    async def _tidy(self, host: DockerHost, unit: Unit) -> None:
        async with self._locks[unit.id]:
            gone = [each for each in (unit.candidate, *unit.leaving) if each is not None and each.is_found]
            for each in gone:
                await self._finding.stop(host, unit, each)
                await self._finding.remove(host, unit, each)
            self._news.tell(unit.id)

    # ports.Engine

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        """Look at ids, host by host; those of a host that does not answer are unreachable."""
        by_host: defaultdict[str, list[ResourceId]] = defaultdict(list)
        for id in ids:
            by_host[id.destination].append(id)
        found = await all_of(*(self._observed(destination, those) for destination, those in by_host.items())) if by_host else []
        live = Live()
        for each in found:
            live = live.joined(each)
        return live

    async def _observed(self, destination: str, ids: list[ResourceId]) -> Live:
        try:
            host = self.host(destination)
            return await self._look(host, ids)
        except EngineError as error:
            return Live(unreachable=dict.fromkeys(ids, error.message))

    async def _look(self, host: DockerHost, ids: list[ResourceId]) -> Live:
        now = self._clock.now()
        observed: dict[ResourceId, Observation] = {}
        unreachable: dict[ResourceId, str] = {}
        kinds = {id.kind for id in ids}
        self._looked_at[host.name].update(ids)
        await host.api.knock()
        networks = await host.networks() if "Network" in kinds else []
        volumes = await host.volumes() if "Volume" in kinds else []
        for id in ids:
            if id.kind != "Container":
                live = networks if id.kind == "Network" else volumes
                observed[id] = part.observation(id, self._described(id), live, self._installation, now)
                for resource in self._described(id):
                    self._parts_by_name[host.name, id.kind.lower(), part.name_of(resource)] = id
        if "Container" in kinds:
            containers = await host.containers()
            places = {id: self._finding.among(containers, id, self._roster.get(id)) for id in ids if id.kind == "Container"}
            candidates = {unit.candidate.container for id in places if (unit := self._roster.get(id)) and unit.candidate is not None}
            inspected = await host.inspected({each for each in (*places.values(), *candidates) if each is not None})
            for id, container in places.items():
                try:
                    observed[id] = await self._seen(host, id, inspected.get(container or ""), inspected, containers)
                except EngineError as error:
                    unreachable[id] = error.message
        return Live(observed=observed, unreachable=unreachable)

    async def _seen(
        self, host: DockerHost, id: ResourceId, seen: Mapping[str, Any] | None, inspected: Mapping[str, Mapping[str, Any]], all_: Containers
    ) -> Observation:
        now, unit = self._clock.now(), self._roster.get(id)
        candidate = inspected.get(unit.candidate.container or "") if unit is not None and unit.candidate is not None else None
        if seen is None or (unit is not None and unit.serving is not None and unit.serving.is_stopped):
            return self._nothing(id, unit, candidate)
        serving = unit.serving if unit is not None and unit.serving is not None and unit.serving.container == seen["Id"] else None
        self._seats.seen(id, unit.declared if unit is not None else id, seen)
        house = ((seen.get("Config") or {}).get("Labels") or {}).get(label.HOUSE)
        state, classes = await self._state(host, id, unit, serving, seen)
        extra = self._finding.extra(all_, id)
        more: dict[str, Json] = {"extra": list(extra)} if extra else {}
        return Observation(
            state=state,
            owned=None if house is None else house == self._installation,
            handle=seeing.handle_of(seen, candidate=candidate, drift=classes, more=more),
            observed_at=now,
        )

    def _nothing(self, id: ResourceId, unit: Unit | None, candidate: Mapping[str, Any] | None) -> Observation:
        self._seats.gone(id)
        text = self.fetching.get(id)
        handle: dict[str, Json] = {"status": "pulling" if text else None, "message": text or "", "drift": ["missing"]}
        if candidate is not None:
            handle |= {"candidate": {"container": str(candidate.get("Id"))[:12], "status": (candidate.get("State") or {}).get("Status")}}
        suspended = unit.suspended if unit is not None else None
        return Observation(state=suspended, owned=True if suspended else None, handle=handle, observed_at=self._clock.now())

    async def _state(
        self, host: DockerHost, id: ResourceId, unit: Unit | None, serving: Instance | None, seen: Mapping[str, Any]
    ) -> tuple[State, tuple[str, ...]]:
        """Return the state of what stands, and the classes in which it drifted."""
        live = view.view(seen, self._mark)
        if serving is not None and serving.learnt:
            differing = view.drift(serving.learnt, live)
            return self._laid_over(serving.state, unit.name if unit else "", serving.learnt, live, differing, seen)
        known = tuple({resource.state.digest: resource for resource in self._described(id)}.values())
        if serving is not None:
            known = (*(each for each in known if each.state == serving.state), *known)
        best: tuple[State, tuple[str, ...]] | None = None
        for resource in known:
            shaped = self._shape(resource)
            wanted = await self._mending.wanted(host, resource.declared_id, serving, shaped, seen)
            differing = self._mending.differing(serving, wanted, live)
            found = self._laid_over(resource.state, shaped.name, wanted, live, differing, seen)
            if found[0] == resource.state:
                await self._adopt(host, unit, resource, shaped, seen, live)
                return found
            best = best or found
        if best is None:
            return State.of({"container": str(seen.get("Name") or "").lstrip("/")}), ()
        return best

    def _laid_over(
        self, state: State, name: str, wanted: view.View, live: view.View, differing: tuple[str, ...], seen: Mapping[str, Any]
    ) -> tuple[State, tuple[str, ...]]:
        acts = seeing.acts_of(seen, state.fields, name, is_stopped_by_hand=self._watching.was_stopped(seen))
        classes = {view.class_of(key) for key in differing} | acts.keys()
        return seeing.state_of(state.fields, wanted, live, differing, acts), tuple(sorted(classes))

    async def _adopt(
        self, host: DockerHost, unit: Unit | None, resource: Resource, shaped: Shape, seen: Mapping[str, Any], live: view.View
    ) -> None:
        """Enter a container that stands as declared and is ours by the inventory: from now on all of it is compared."""
        applied = self._applied(resource.id)
        if applied is None or applied.state != resource.state or self._locks[resource.id].locked():
            return
        unit = unit or self._roster.unit_of(resource, shaped.name)
        if unit.serving is not None and unit.serving.container != seen["Id"]:
            return
        if unit.serving is None:
            unit.serving = Instance(token="", state=resource.state, operation="adopted", container=seen["Id"])
        unit.serving.learnt = live
        await self._roster.save(unit)
        image = await host.image(str(seen.get("Image")))
        if image is not None:
            await self.images.adopt(unit.declared, shaped.it.spec.image, image)

    def _shape(self, resource: Resource) -> Shape:
        application = resource.labels.get(APPLICATION, resource.id.namespace)
        found = shape(resource.id, application, resource.state, self._grounding, image="", own={})
        self._roster.call(resource.id, found.name)
        return found

    async def apply(self, step: Step) -> None:
        host = self.host(step.id.destination)
        if step.id.kind != "Container":
            await self._parts.apply(host, step, self._described(step.id))
            return
        async with self._locks[step.id]:
            await self._steps.apply(host, step)
            await self._moved(host, step)
        self._news.tell(step.id)

    async def _moved(self, host: DockerHost, step: Step) -> None:
        """Take note of where a container is asked now."""
        if step.verb not in (StepVerb.SWITCH, StepVerb.APPLY):
            return
        unit = self._roster.get(step.id)
        if unit is not None and unit.serving is not None and unit.serving.container is not None:
            with suppress(EngineError):
                seen = await host.inspect(unit.serving.container)
                if seen is not None:
                    self._seats.seen(step.id, unit.declared, seen)

    def watch(self) -> AsyncIterator[ResourceId]:
        return self._news.watch()

    async def forecast(self, changes: Mapping[ResourceId, Resource]) -> Mapping[ResourceId, str]:
        """Return what each change will run, in words; what is told holds for the apply: `model.ports.Forecasting`."""
        return await self._forecasting.told({id: each for id, each in changes.items() if id.kind == "Container"}, self.host)

    # For the edge, and for people

    def addresses(self, service: str) -> tuple[str, ...]:
        """Return where a service is asked now, as nginx writes it: `Container/shop/web`, or `…#8080` for one of its ports."""
        stopped = {unit.id for unit in self._roster if unit.serving is not None and unit.serving.is_stopped}
        return self._seats.of(service, stopped)

    def container_of(self, id: ResourceId) -> tuple[DockerHost, str] | None:
        """Return the container that serves a resource, with its host; None where none does."""
        unit = self._roster.get(id)
        if unit is None or unit.serving is None or unit.serving.container is None:
            return None
        return self.host(id.destination), unit.serving.container

    async def tail(self, id: ResourceId, lines: int) -> tuple[str, ...]:
        found = self.container_of(id)
        return await tail(*found, lines) if found is not None else ()

    # News

    def _happened(self, host: DockerHost, event: Happened) -> None:
        if event.type == "container":
            self._watching.take(host, event)
            id = self._roster.owner_of(host.name, event.whose, event.attributes.get("name", ""))
            if id is not None:
                self._news.tell(id)
        elif event.type == "network" and (container := event.attributes.get("container")):
            id = self._roster.owner_of(host.name, container, "")
            if id is not None:
                self._news.tell(id)
        if event.type in {"network", "volume"}:
            name = event.attributes.get("name") or event.whose
            found = self._parts_by_name.get((host.name, event.type, name))
            if found is not None:
                self._news.tell(found)

    def _doubted(self, host: DockerHost) -> None:
        for id in sorted(self._looked_at[host.name]):
            self._news.tell(id)

    def _is_fetching(self, unit: Unit, text: str | None) -> None:
        if text is None:
            self.fetching.pop(unit.id, None)
        else:
            self.fetching[unit.id] = text

    async def _who_has(self, host: DockerHost, address: str) -> str:
        """Return who has a port, as the end of a sentence; "" where that cannot be seen."""
        port = int(address.rpartition(":")[2] or 0)
        for each in (await host.containers()).values():
            if any(it.get("PublicPort") == port for it in each.get("Ports") or ()):
                return f"; container {str((each.get('Names') or ['?'])[0]).lstrip('/')} has it"
        holder = listeners.find_tcp("0.0.0.0", port) if host.name.startswith(LOCAL) and port else None
        return f"; pid {holder[0]} ({holder[1]}) has it" if holder else ""
