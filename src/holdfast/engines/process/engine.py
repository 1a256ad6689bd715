"""The process engine: Processes of this host, kept by the keeper, restarted by the supervisor machine, rolled out step by step.

`start` connects (starting a keeper where none runs) and finds again what earlier daemons started; `run` follows the keeper until it is
cancelled, and finds its successor when it is lost. Nothing polls but where a probe or a sampled limit is declared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress
from pathlib import Path

from holdfast.engines.process import cgroup, logs, seeing, sockets
from holdfast.engines.process.adoption import Adoption
from holdfast.engines.process.instance import Instance, Unit
from holdfast.engines.process.link import Link
from holdfast.engines.process.looks import Looks
from holdfast.engines.process.memory import MemoryWatch
from holdfast.engines.process.roster import Roster
from holdfast.engines.process.scribe import Scribe
from holdfast.engines.process.spawning import Places, Spawning, Users
from holdfast.engines.process.steps import Left, Steps
from holdfast.engines.process.supervision import Supervision
from holdfast.errors import EngineError
from holdfast.host.keeper_client import KeeperClient
from holdfast.host.keeper_state import Exited
from holdfast.host.network import mark_of
from holdfast.host.news import News
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Live
from holdfast.model.operation import Step
from holdfast.model.ports import Emit, Records, Secrets
from holdfast.model.resource import Resource
from holdfast.workload.probe import Due, ProbeKind
from holdfast.workload.supervisor import Probed

CONNECT_AGAIN = Backoff(first_s=0.1, factor=2.0, cap_s=5.0)
LAST_WORD_S = 2.0
"""How long the end of a daemon waits for the store to take what has happened; the next one asks the keeper for the rest."""
FOLLOW_S = 0.25
"""Between looks at a log that somebody follows."""


async def _nobody_asks(service: str) -> None:
    """Stand in where nothing stands before services."""


class ProcessEngine:
    """Implements ports.Engine and ports.Logs, and answers the probe controller.

    `applied` gives a resource as last applied; `cgroups` finds the folder in which memory
    limits may be set, None where they are sampled instead; `crashed` is told of a task that a fault of ours ended; `left` sees to it
    that who stands before a service asks an instance no longer that is about to be stopped.
    """

    name = "process"
    kinds = frozenset({"Process"})

    def __init__(
        self,
        *,
        run_dir: Path,
        records: Records,
        secrets: Secrets,
        users: Users,
        places: Places,
        emit: Emit,
        clock: Clock,
        random: Random,
        search_path: str,
        applied: Callable[[ResourceId], Resource | None],
        crashed: Callable[[str, BaseException], None] | None = None,
        cgroups: Callable[[], Path | None] = cgroup.own,
        left: Left = _nobody_asks,
    ) -> None:
        self._records = records
        self._clock = clock
        self._random = random
        self._applied = applied
        self._crashed = crashed
        self._roster = Roster()
        self._news = News()
        self._link = Link(run_dir)
        self._mark = mark_of(run_dir)
        self._spawning = Spawning(users=users, places=places, secrets=secrets, search_path=search_path, mark=self._mark)
        self._scribe = Scribe(records=records, roster=self._roster, link=self._link, emit=emit, clock=clock)
        self._looks = Looks(roster=self._roster, link=self._link, spawning=self._spawning, clock=clock)
        self._supervision = Supervision(
            roster=self._roster,
            link=self._link,
            spawning=self._spawning,
            scribe=self._scribe,
            news=self._news,
            clock=clock,
            random=random,
            cgroups=cgroups(),
            mark=self._mark,
            probing_changed=lambda instance: self._looks.changed(instance, self._supervision),
        )
        self._memory = MemoryWatch(roster=self._roster, supervision=self._supervision, clock=clock)
        self._adoption = Adoption(roster=self._roster, supervision=self._supervision, scribe=self._scribe, clock=clock)
        self._steps = Steps(roster=self._roster, supervision=self._supervision, scribe=self._scribe, random=random, left=left)

    # Life

    async def start(self) -> None:
        """Connect and adopt, before anything else is asked. Raises Unavailable where no keeper can be had."""
        for value in self._records.all().values():
            self._roster.enter(Unit.from_json(value))
        client, state = await self._link.connect()
        await self._adoption.begin(client, state)
        self._link.set(client)
        self._supervision.tidy_cgroups()
        for unit in self._roster:
            self._resume(unit)

    def _resume(self, unit: Unit) -> None:
        """Go on where the last daemon ended: what was on its way out goes; a candidate that no operation comes back for goes too."""
        for instance in tuple(unit.leaving):
            self._supervision.end(instance)
        if unit.serving is not None:
            self._supervision.plan_cron(unit.serving)
        if unit.candidate is not None:
            limit_s = unit.candidate.run.progress_deadline_s
            unit.candidate.set_timer("found", asyncio.get_running_loop().call_later(limit_s, self._give_up, unit.candidate))

    def _give_up(self, candidate: Instance) -> None:
        if candidate.is_found and candidate.machine.is_candidate and self._roster.has(candidate):
            self._supervision.end(candidate)

    async def run(self) -> None:
        """Follow the keeper until cancelled. Children and keeper go on afterwards."""
        try:
            await self._run()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD_S):
                    await self._scribe.flush()

    async def _run(self) -> None:
        async with Tasks(on_crash=self._crashed) as tasks:
            self._supervision.begin(tasks)
            tasks.start("scribe", self._scribe.run())
            tasks.start("memory", self._memory.run())
            try:
                await self._follow(await self._link.usable())
                while True:
                    await self._follow(await self._connect_again())
            finally:
                self._supervision.pause()

    async def _follow(self, client: KeeperClient) -> None:
        """Take in what the keeper tells until the connection ends."""
        async for event in client.events():
            if not isinstance(event, Exited):
                self._supervision.notified(event)
            elif not self._looks.exited(event.spawn_id, event.exit):
                self._supervision.exited(event.spawn_id, event.exit)
        self._link.lose()
        self._looks.lost()

    async def _connect_again(self) -> KeeperClient:
        """Return a client of the keeper or of its successor, which was told what runs."""
        attempt = 0
        while True:
            client: KeeperClient | None = None
            try:
                client, state = await self._link.connect()
                await self._adoption.again(client, state)
            except EngineError:
                if client is not None:
                    await client.aclose()
                attempt += 1
                await self._clock.sleep(CONNECT_AGAIN.full_jitter(attempt, self._random.random()))
            else:
                self._link.set(client)
                return client

    async def aclose(self) -> None:
        """Disconnect; children and keeper go on."""
        for instance in self._roster.instances():
            instance.drop_timers()
        await self._link.aclose()

    # ports.Engine

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        """Look at ids; raises Unavailable while no keeper can be had."""
        await self._link.ready()
        now = self._clock.now()
        return Live(observed={id: seeing.observation(self._roster.get(id), now, self._mark) for id in ids})

    async def apply(self, step: Step) -> None:
        await self._link.ready()
        await self._steps.apply(step)

    def watch(self) -> AsyncIterator[ResourceId]:
        return self._news.watch()

    # For the edge

    def addresses(self, service: str) -> tuple[str, ...]:
        """Return where a service is asked, as nginx writes it: `Process/shop/web`, or `…#http` for one of its sockets; none where nothing
        serves. What all replicas share stands once; of sockets of their own stand all that are kept, so that replicas may come and go."""
        declared, _, name = service.partition("#")
        found: dict[str, None] = {}
        for unit in self._roster:
            serving = unit.serving or next(iter(unit.leaving), None)
            if serving is None or declared not in (str(unit.declared), str(unit.id)):
                continue
            is_all = declared == str(unit.declared)
            held = self._supervision.held if is_all else {one.key: one for one in serving.sockets.values()}
            found |= dict.fromkeys(sockets.addresses(serving, unit.declared, name, held))
        return tuple(sorted(found))

    def resting(self) -> frozenset[str]:
        """Return the addresses among them, of all services, that refuse: their replica is yet to come, or gone."""
        return frozenset(sockets.address(held) for held in self._supervision.held.values() if held.resting)

    # ports.Logs

    async def tail(self, id: ResourceId, lines: int, since: Instant | None = None) -> tuple[str, ...]:
        assert since is None, "a program writes its lines itself, without times"
        return logs.tail(self._files(id), lines)

    async def follow(self, id: ResourceId) -> AsyncIterator[str]:
        """Yield lines as they are written, from now on; goes with the resource from instance to instance."""
        followers = {path: logs.Follower(path, logs.size(path)) for path in self._files(id)}
        while True:
            for path in self._files(id):
                follower = followers.setdefault(path, logs.Follower(path, 0))
                for line in follower.more():
                    yield line
            await self._clock.sleep(FOLLOW_S)

    def _files(self, id: ResourceId) -> tuple[Path, ...]:
        unit, resource = self._roster.get(id), self._applied(id)
        known = resource.labels.get(APPLICATION, id.namespace) if resource is not None else id.namespace
        application = unit.application if unit is not None else known
        return logs.files_of(self._spawning.log_dir(application), id, application)

    # For the probe controller

    def due(self, now: float) -> tuple[Due, ...]:
        """Return the looks from outside that are due (http, tcp, unix); each counts as asked."""
        return self._looks.due(now)

    def next_due_at(self) -> float | None:
        """Return when the next look is due, by the monotonic clock."""
        return self._looks.next_due_at()

    def answer(self, key: str, kind: ProbeKind, *, ok: bool, detail: str) -> None:
        """Take the answer to a look; one that comes too late is passed over."""
        self._looks.answer(self._supervision, key, Probed(kind, ok, detail))

    def on_due(self, wake: Callable[[], None]) -> None:
        self._looks.on_due(wake)
