"""The nginx engine: Sites of all Applications and the Edge, served by one nginx.

Steps are wishes: those that come within a second go in one reload, and each is answered by what came of its own part. `start` takes over
what an earlier daemon left, `run` brings wishes to serve, starts nginx again where it ended, and looks for what somebody else changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from holdfast.edge.part import KIND, Part
from holdfast.edge.world import key
from holdfast.engines.nginx import showing
from holdfast.engines.nginx.breaking import Breaking
from holdfast.engines.nginx.checking import Checking
from holdfast.engines.nginx.closing import Closed, Closing
from holdfast.engines.nginx.drift import Drift
from holdfast.engines.nginx.folding import Folding, Resolve, Resting, Services, Wanted
from holdfast.engines.nginx.foreseeing import certificate_hosts, edge_stops, told
from holdfast.engines.nginx.port import Certificates, Nginx, Wire
from holdfast.engines.nginx.proving import Proving, looks
from holdfast.engines.nginx.roster import EDGE, Changes, Roster, edge_resource, parts
from holdfast.engines.nginx.seeing import observation
from holdfast.engines.nginx.turns import Turns
from holdfast.engines.nginx.watching import Watching
from holdfast.errors import Bug, DeclarationError, EngineError, Unavailable
from holdfast.host.news import News
from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.operation import Step, StepVerb
from holdfast.model.ports import Emit, Records, Secrets
from holdfast.model.resource import Resource

NAMES_S = 30.0
"""How long an address of a name is believed, where nginx cannot follow names itself."""
AGAIN = Backoff(first_s=0.2, factor=2.0, cap_s=15.0)


@dataclass(slots=True)
class _Wish:
    """What a step asks for; None: that it be gone."""

    resource: Resource | None
    done: asyncio.Future[None]

    def answer(self, error: EngineError | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class NginxEngine:
    """Implements ports.Engine.

    `services` gives the addresses that are held for a service now, `resting` those of all services that refuse, `certificates` makes the
    pairs that Sites show, `resolve` looks up names for an nginx that cannot; `crashed` is told of a task that a fault of ours ended.
    """

    name = "nginx"
    kinds = frozenset({EDGE, KIND})

    def __init__(
        self,
        *,
        nginx: Nginx,
        wire: Wire,
        records: Records,
        secrets: Secrets,
        certificates: Certificates,
        services: Services,
        resting: Resting = frozenset,
        resolve: Resolve,
        emit: Emit,
        clock: Clock,
        random: Random,
        crashed: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._nginx = nginx
        self._clock = clock
        self._random = random
        self._crashed = crashed
        self._roster = Roster(records)
        self._drift = Drift(nginx=nginx, roster=self._roster, flags=self._wanted_flags)
        self._news = News()
        self._wishes: dict[ResourceId, _Wish] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._bell = Wakeup()
        self._turning = asyncio.Lock()
        self._is_open = False
        self._is_begun = False
        self._is_forced = False
        self._failure: EngineError | None = None
        self._checking = Checking(
            nginx=nginx,
            wire=wire,
            emit=emit,
            clock=clock,
            random=random,
            changed=self._news.tell_all,
            refold=self._bell.wake,
            crashed=crashed,
        )
        self._breaking = Breaking(nginx=nginx, emit=emit, clock=clock, random=random, changed=self._news.tell_all)
        self._closing = Closing(records=records, emit=emit, clock=clock, regrounded=self._reground, changed=self._news.tell_all)
        self._followed: Wanted | None = None
        self._folding = folding = Folding(
            nginx=nginx,
            secrets=secrets,
            certificates=certificates,
            services=services,
            resting=resting,
            resolve=resolve,
            out=self._checking.out,
            closing=self._closing,
        )
        self._resting = resting
        self._proving = proving = Proving(wire=wire, clock=clock)
        self._turns = Turns(nginx=nginx, folding=folding, proving=proving, roster=self._roster, emit=emit, clock=clock)
        self._watching = Watching(
            nginx=nginx,
            turns=self._turns,
            drift=self._drift,
            proving=proving,
            news=self._news,
            turning=self._turning,
            ended=self._bell.wake,
            emit=emit,
            clock=clock,
        )

    # Life

    async def start(self) -> None:
        """Take over what runs, before anything else is asked. What cannot be taken over now, or as it is, `run` brings to serve."""
        self._roster.load()
        self._closing.load()
        self._is_open = True
        try:
            await self._begin()
        except EngineError as error:
            self._failure = error
        if self._roster.resources:
            self._bell.wake()

    async def _begin(self) -> None:
        """Find what an earlier life left; without that nothing is started, since it may run already."""
        await self._nginx.begin()
        self._is_begun = True
        if self._roster.resources:
            with suppress(EngineError, DeclarationError):
                await self._turns.adopt()
        self._follow()

    def _follow(self) -> None:
        """Have the targets and the breakers of what serves now looked after."""
        wanted = self._turns.wanted
        if wanted is not self._followed:
            self._followed = wanted
            folded = wanted.folded if wanted is not None else None
            self._checking.follow(folded)
            self._breaking.follow(folded)

    async def run(self) -> None:
        """Serve until cancelled; nginx goes on afterwards."""
        try:
            async with Tasks(on_crash=self._crashed) as tasks:
                tasks.start("turns", self._take_turns())
                tasks.start("follow", self._nginx.follow(self._watching.notice))
                tasks.start("look", self._watching.look_after())
                tasks.start("wire", self._watching.visit_hosts())
                tasks.start("names", self._look_up_names())
                tasks.start("check", self._checking.run())
                tasks.start("break", self._breaking.run())
                tasks.start("close", self._closing.run(self.parts, self._turning))
        finally:
            self._is_open = False
            for wish in self._wishes.values():
                wish.answer(_not_running())
            self._wishes.clear()
            _let_go(self._waiters)

    async def aclose(self) -> None:
        """Let go of nginx, which goes on."""
        await self._nginx.aclose()

    def services_changed(self) -> None:
        """Say that other addresses may be held for services. Where the configuration names the same ones, nothing happens."""
        self._bell.wake()

    async def services_served(self, service: str) -> None:
        """Return once nginx asks the addresses that are held for a service now, or cannot be brought to.

        At once where it knows no other. Who stops a replica waits for this first: nothing new is sent to it then.
        """
        wanted = self._turns.wanted
        if not self._is_open or wanted is None or not wanted.names_other(service):
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._bell.wake()
        await waiter

    def renewed(self) -> None:
        """Say that pairs of certificate and key were replaced: nginx reads them at a reload only."""
        self._is_forced = True
        self._bell.wake()

    # What a person says of a Site

    def parts(self) -> Mapping[ResourceId, Part]:
        """Return each part that serves, in the version that does; those that are applied, while nothing serves."""
        return self._turns.wanted.folded.served if self._turns.wanted is not None else self._roster.good

    def closed(self, part: Part) -> Closed | None:
        """Return how a Site is closed; None where it is open."""
        return self._closing.of(part)

    def shown(self) -> dict[str, Json]:
        """Return what people are told: {nginx, sites[]}, as `showing` says."""
        wanted, drift = self._turns.wanted, self._drift
        folded, resting = wanted.folded if wanted is not None else None, self._resting()
        return {
            "nginx": showing.nginx(wanted, self._nginx, reloads=self._turns.reloads, failure=self._failure, memory=drift.memory),
            "sites": [
                showing.site(
                    part,
                    wanted,
                    closed=self._closing.of(part),
                    drift=drift.levels(id, folded),
                    resting=resting,
                    told={**self._checking.told(id), **self._breaking.told(id)},
                    waiting=self._nginx.waiting(key(part.label)),
                )
                for id, part in sorted(self._declared().items())
            ],
        }

    def _declared(self) -> Mapping[ResourceId, Part]:
        """Return the part of each Site that was applied, in the version that serves where one does."""
        return {**{part.id: part for part in parts(self._roster.resources.values())}, **self.parts()}

    async def forecast(self, changes: Changes) -> dict[str, Json]:
        """Return what changes of Sites, Certificates and the Edge would mean, without making anything.

        {start, reload, diff, closes {idle, busy, within_s}, refused[] {code, message, where, hint}}. `diff`: of the configuration, as text;
        `closes`: what a reload ends: idle connections at once, the others when they have finished, within so many seconds. Raises
        DeclarationError for an Edge that this nginx cannot be, EngineError.
        """
        roster, before = self._roster, self._turns.wanted
        certificates = certificate_hosts(each for each in changes.values() if each is not None)
        master, resources = self._nginx.master(), roster.with_changes({id: it for id, it in changes.items() if id.kind in self.kinds})
        folded = await self._folding.preview(resources, good=roster.good, spare=roster.spare, certificates=certificates)
        stops = edge_stops(self._nginx, edge_resource(resources.values()), before.world if before is not None else None)
        is_read = before is None or folded.generation != before.folded.generation
        traffic = await self._nginx.traffic() if is_read and master is not None and before is not None else None
        within_s = before.world.edge.shutdown_timeout if before is not None else 0.0
        texts = (before.folded.text if before is not None else "", folded.text)
        return {
            "start": master is None,
            "reload": master is not None and is_read,
            "diff": showing.difference(*texts) if is_read else "",
            "closes": None if traffic is None else {"idle": traffic.idle, "busy": traffic.busy, "within_s": within_s},
            "refused": [*told(refusal.errors[0] for id, refusal in sorted(folded.failed.items()) if id in changes), *told(stops)],
        }

    async def looked(self) -> Mapping[ResourceId, tuple[tuple[str, str | None], ...]]:
        """Visit every host as a visitor would; return of each part the addresses that were visited and what was wrong, None for nothing."""
        wanted = self._turns.wanted
        if wanted is None or self._nginx.master() is None:
            raise Unavailable("HF3190", "cannot visit anybody: nginx does not serve", hint="`holdfast edge status` says why")
        served = wanted.folded.served
        found = looks(served.values(), wanted.world, self._nginx, with_redirects=True)
        wrong = dict(await self._proving.refuted(found))
        return {
            id: tuple((look.visit.url, wrong.get(look)) for look in found if look.host in part.spec.hosts)
            for id, part in sorted(served.items())
        }

    async def close(self, part: Part, closed: Closed) -> None:
        """Have a Site turn requests away, at once and without a reload. Raises StoreError, EngineError."""
        async with self._turning:
            await self._closing.close(part, closed)

    async def open(self, part: Part, person: str) -> bool:
        """Take back what a person said of a Site; False where nobody said anything."""
        async with self._turning:
            return await self._closing.open(part, person)

    async def _reground(self) -> None:
        await self._turns.reground()

    def _wanted_flags(self) -> frozenset[str]:
        return self._turns.wanted.ground.flags if self._turns.wanted is not None else frozenset()

    # ports.Engine

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        wanted, now = self._turns.wanted, self._clock.now()
        drift = self._drift.of(frozenset(ids), wanted.folded if wanted is not None else None)
        return Live(
            observed={
                id: observation(
                    self._roster.resources.get(id),
                    wanted=wanted,
                    nginx=self._nginx,
                    drift=drift.get(id),
                    failure=self._failure,
                    told={**self._checking.told(id), **self._breaking.told(id)},
                    now=now,
                )
                for id in ids
            }
        )

    async def apply(self, step: Step) -> None:
        """Bring one part to serve, or take it away; returns once that is seen from outside."""
        if step.verb not in (StepVerb.APPLY, StepVerb.DELETE):
            raise Bug("HF9001", f"cannot {step.verb} {step.id}: what nginx serves is only applied and deleted")
        if not self._is_open:
            raise _not_running()
        wish = _Wish(step.resource if step.verb is StepVerb.APPLY else None, asyncio.get_running_loop().create_future())
        self._wishes[step.id] = wish
        self._bell.wake()
        await wish.done

    def watch(self) -> AsyncIterator[ResourceId]:
        return self._news.watch()

    # Turns

    async def _take_turns(self) -> None:
        attempt, again_at = 0, None
        while True:
            await self._bell.wait_until(again_at)
            if self._wishes and (wait_s := self._turns.wait_s) > 0:
                await self._clock.sleep(wait_s)
            async with self._turning:
                is_good = await self._turn()
            attempt = 0 if is_good else attempt + 1
            delay_s = AGAIN.equal_jitter(attempt, self._random.random())
            again_at = None if is_good else asyncio.get_running_loop().time() + delay_s

    async def _turn(self) -> bool:
        """Bring what is wished for to serve and answer each wish; False where what should serve does not."""
        turns, reloads, was_well = self._turns, self._turns.reloads, self._failure is None
        wishes, self._wishes = self._wishes, {}
        waiters, self._waiters = self._waiters, []
        is_forced = self._is_forced or (bool(wishes) and self._drift.must_reload)
        self._is_forced = False
        failure: EngineError | None = None
        errors: Mapping[ResourceId, EngineError] = {}
        try:
            if not self._is_begun:
                await self._begin()
            await self._watching.tell_edits()
            errors = await turns.bring({id: wish.resource for id, wish in wishes.items()}, is_forced=is_forced)
        except EngineError as error:
            failure, errors = error, dict.fromkeys(wishes, error)
            self._is_forced = is_forced
        except BaseException:
            for wish in wishes.values():
                wish.answer(_not_running())
            raise
        finally:
            _let_go(waiters)
        self._follow()
        if turns.reloads > reloads:
            self._drift.mended()
        is_serving = turns.serving is not None or not self._roster.resources
        self._failure = None if is_serving else failure or next(iter(errors.values()), None)
        for id, wish in wishes.items():
            if wish.resource is None and id not in errors:
                await self._closing.forget(id)
            wish.answer(errors.get(id))
        has_changed = turns.reloads > reloads or (self._failure is None) is not was_well
        self._news.tell_all(self._roster.resources if has_changed else wishes)
        return is_serving and failure is None

    async def _look_up_names(self) -> None:
        """Have names looked up again, where the configuration holds their addresses; and write what could not be written."""
        while True:
            await self._clock.sleep(NAMES_S)
            await self._roster.save()
            if self._turns.wanted is not None and self._turns.wanted.names:
                self.services_changed()


def _let_go(waiters: Iterable[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _not_running() -> Unavailable:
    return Unavailable("HF3189", "cannot serve anything: the nginx engine is not running", hint="it is tried again once the daemon runs")
