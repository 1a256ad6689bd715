"""Renew: gets certificates in time, from the first issuer that gives one.

What is decided is decided by `edge.certificate_life`; here it is asked at the right moment, done, told and remembered. What waits for days
waits by the wall clock, which may be put forward or back: nothing is left unasked for longer than LOOK_AROUND_S.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol, TypeVar

from holdfast.edge import certificate_event as events
from holdfast.edge import certificate_life as life
from holdfast.edge.certificate_drift import Note
from holdfast.edge.certificate_life import Course, Failed, Held, Obtained, Queue, Rehearsal, RenewalInfo, Source
from holdfast.edge.certificate_shown import shown
from holdfast.edge.revocation import COMPROMISED, REASONS, USUAL
from holdfast.errors import EngineError, Rejected, StoreError, Unavailable
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.codec import decode, encode
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.ports import Journal, Records

T = TypeVar("T")

SLOTS = 8
"""Certificates that are asked for at once; further ones wait."""
LOOK_AROUND_S = 3_600.0
QUEUE = "issuer/"
"""Of the keys that say how an issuer takes questions; the others are ids."""


class Certificates(Protocol):
    """Whoever holds certificates, and can have new ones signed. Raises `EngineError`s."""

    def held(self) -> Mapping[ResourceId, Held]:
        """Return what is there of every certificate."""
        ...

    def candidates(self, id: ResourceId, course: Course) -> tuple[str, ...]:
        """Return the issuers that may give it, the first wish first."""
        ...

    def on_due(self, wake: Callable[[ResourceId], None]) -> None:
        """Call `wake` whenever something else is wanted of a certificate."""
        ...

    def note(self, id: ResourceId, note: Note) -> None:
        """Say how its renewal goes, for people."""
        ...

    async def obtain(self, id: ResourceId, issuer: str) -> Obtained | Failed:
        """Get one from an issuer and serve it."""
        ...

    async def renewal_info(self, id: ResourceId) -> RenewalInfo | None: ...

    def revokes(self, id: ResourceId, issuer: str) -> None:
        """Raise `Rejected` (HF3157) where an issuer cannot be asked to revoke."""
        ...

    async def revoke(self, id: ResourceId, version: str, issuer: str, reason: int) -> None: ...

    async def rehearse(self, id: ResourceId, issuer: str) -> Rehearsal: ...


class RenewController:
    """`run` renews by itself; the other methods are what a person asks for."""

    def __init__(
        self,
        *,
        certificates: Certificates,
        journal: Journal,
        records: Records,
        clock: Clock,
        random: Random,
        crashed: Callable[[str, BaseException], None],
    ) -> None:
        self._certificates = certificates
        self._journal = journal
        self._records = records
        self._clock = clock
        self._random = random
        self._crashed = crashed
        self._courses: dict[ResourceId, Course] = {}
        self._queues: dict[str, Queue] = {}
        self._next: dict[ResourceId, Instant] = {}
        """When each certificate is looked at again, by the wall clock."""
        self._in_hand: set[ResourceId] = set()
        self._turns: defaultdict[ResourceId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._bell = Wakeup()

    # By itself

    async def run(self) -> None:
        self._restore()
        self._certificates.on_due(self._wake)
        around_at = self._clock.monotonic()
        async with Tasks(on_crash=self._crashed) as tasks:
            turn = 0
            while True:
                if self._clock.monotonic() >= around_at:
                    around_at = self._clock.monotonic() + LOOK_AROUND_S
                    self.reconsider()
                for id in self._ready():
                    turn += 1
                    self._in_hand.add(id)
                    tasks.start(f"renew {turn} {id}", self._handled(id), guard=True)
                await self._bell.wait_until(asyncio.get_running_loop().time() + self._pause_s(around_at))

    def _restore(self) -> None:
        for key, value in self._records.all().items():
            with suppress(ValueError):  # of another version: what it said is asked again
                if key.startswith(QUEUE):
                    self._queues[key.removeprefix(QUEUE)] = decode(Queue, value)
                else:
                    self._courses[ResourceId.parse(key, HOST)] = decode(Course, value)
        for id in self._certificates.held():
            self._say(id)

    def _wake(self, id: ResourceId) -> None:
        self._next[id] = 0.0
        self._bell.wake()

    def _ready(self) -> Sequence[ResourceId]:
        """Return whose turn it is, as many as there are slots. What is due by the wall clock alone waits for its moment."""
        now = self._clock.now()
        ready: list[ResourceId] = []
        for id, at in sorted(self._next.items(), key=lambda entry: entry[1]):
            if at > now or len(self._in_hand) + len(ready) >= SLOTS:
                break
            if id in self._in_hand:
                continue
            if id not in self._certificates.held():
                del self._next[id]
            elif isinstance(wait := self._act(id), life.Wait):
                self._next[id] = wait.until
            else:
                ready.append(id)
        return ready

    def _pause_s(self, around_at: float) -> float:
        waiting = [at for id, at in self._next.items() if id not in self._in_hand] if len(self._in_hand) < SLOTS else []
        around_s = around_at - self._clock.monotonic()
        return max(0.0, min(around_s, min(waiting, default=life.NEVER) - self._clock.now()))

    def reconsider(self) -> None:
        """Say that other issuers are declared, or that those there are may answer again: every certificate is looked at now."""
        self._next = dict.fromkeys(self._certificates.held(), 0.0)
        self._bell.wake()

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is in hand and no certificate is due that an issuer might give now."""
        now = self._clock.now()
        return not self._in_hand and all(
            isinstance(self._act(id), life.Wait) for id in self._certificates.held() if self._next.get(id, 0.0) <= now
        )

    async def _handled(self, id: ResourceId) -> None:
        try:
            async with self._turns[id]:
                await self._turn(id)
        finally:
            self._in_hand.discard(id)
            self._wake(id)

    async def _turn(self, id: ResourceId, person: str | None = None) -> Obtained | Failed | None:
        """Do what is to be done about one certificate; return what came of asking for a new one, None where nobody was asked."""
        if id not in self._certificates.held():
            await self._forget(id)
            return None
        match self._act(id):
            case life.Ask():
                await self._ask(id)
            case life.Obtain(issuers):
                return await self._obtain(id, issuers, person)
        return None

    def _act(self, id: ResourceId) -> life.Act:
        course = self._course(id)
        held = self._certificates.held()[id]
        return life.act(held, course, self._certificates.candidates(id, course), self._queues, self._clock.now())

    def _course(self, id: ResourceId) -> Course:
        return self._courses.get(id, Course())

    async def _ask(self, id: ResourceId) -> None:
        leaf = self._certificates.held()[id].leaf
        if leaf is None:
            return
        now, course = self._clock.now(), self._course(id)
        try:
            info = await self._certificates.renewal_info(id)
        except EngineError:
            await self._set(id, life.unanswered(course, now))
            return
        await self._set(id, life.taught(self._course(id), leaf, info, now, self._random.random()))

    async def _obtain(self, id: ResourceId, issuers: Sequence[str], person: str | None) -> Obtained | Failed | None:
        """Ask one issuer after the other until one gives; what stands is served meanwhile and if none does."""
        outcome: Obtained | Failed | None = None
        for issuer in issuers:
            outcome = await self._certificates.obtain(id, issuer)
            if id not in self._certificates.held():
                await self._forget(id)
                return outcome
            await self._came(id, issuer, outcome, person)
            if isinstance(outcome, Obtained):
                return outcome
        return outcome

    async def _came(self, id: ResourceId, issuer: str, outcome: Obtained | Failed, person: str | None) -> None:
        """Remember and tell what an issuer gave or said."""
        now, unit, held = self._clock.now(), self._random.random(), self._certificates.held()[id]
        lost = outcome if isinstance(outcome, Failed) else None
        await self._queue(issuer, life.queued(self._queues.get(issuer, Queue()), lost, now, unit))
        if isinstance(outcome, Obtained):
            await self._set(id, life.obtained(self._course(id), outcome, now, unit))
            if outcome.is_news:
                await self._journal.emit(events.issued(id, held, outcome, at=now, by=person))
            return
        course = life.failed(self._course(id), issuer, outcome, now, unit)
        await self._set(id, course)
        await self._journal.emit(events.failed(id, held, issuer, outcome, at=now, next_at=course.trials[issuer].until))

    async def _set(self, id: ResourceId, course: Course) -> None:
        """Remember a course; while the store is down it is remembered until this daemon ends."""
        if self._courses.get(id) == course:
            return
        self._courses[id] = course
        self._say(id)
        with suppress(StoreError):
            await self._records.put(str(id), encode(course))

    async def _queue(self, issuer: str, queue: Queue) -> None:
        if self._queues.get(issuer, Queue()) != queue:
            self._queues[issuer] = queue
            with suppress(StoreError):
                await self._records.put(f"{QUEUE}{issuer}", encode(queue))

    async def _forget(self, id: ResourceId) -> None:
        self._next.pop(id, None)
        if self._courses.pop(id, None) is not None:
            with suppress(StoreError):
                await self._records.drop(str(id))

    def _say(self, id: ResourceId) -> None:
        course = self._course(id)
        self._certificates.note(id, Note(message=course.message, failing_since=course.failing_since))

    # What a person asks for; `person` is who, for the events

    def shown(self, id: ResourceId) -> dict[str, Json]:
        """Return what is there of a certificate and when it is renewed, as `edge.certificate_shown` says."""
        held, course = self._known(id, "show"), self._course(id)
        return shown(id, held, course, self._certificates.candidates(id, course), self._queues, self._clock.now())

    async def renew(self, id: ResourceId, person: str | None = None) -> Obtained | None:
        """Get a new certificate now where one is due, also where what failed before would wait; None where it is not due yet.

        Raises as `force` does.
        """
        held, course = self._known(id, "renew"), self._course(id)
        candidates = self._certificates.candidates(id, course)
        if candidates and life.due(held, course, candidates, self._clock.now()) > self._clock.now() and held.source is not Source.ADOPTED:
            return None
        return await self.force(id, person)

    async def force(self, id: ResourceId, person: str | None = None) -> Obtained:
        """Get a new certificate now, whatever the age of the old one. Raises `Rejected`, or `Unavailable` where no issuer may be asked."""
        held, course = self._known(id, "renew"), self._course(id)
        if held.source is not Source.BOOTSTRAP and life.is_worse(held, self._certificates.candidates(id, course)):
            hint = "declare one at the Edge; a certificate that signed itself would be worse than what is served"
            raise Rejected("HF3162", f"cannot renew {id}: it has no issuer", hint=hint)
        async with self._turns[id]:
            await self._set(id, life.forced(course))
            outcome = await self._turn(id, person)
        self._wake(id)
        if isinstance(outcome, Obtained):
            return outcome
        if outcome is not None:
            kind = Rejected if outcome.fault is life.Fault.REFUSED else Unavailable
            raise kind(outcome.code, outcome.message, hint=outcome.hint)
        if not self._certificates.candidates(id, self._course(id)):
            await self._set(id, replace(self._course(id), is_forced=False))
            hint = "its files are renewed by whoever wrote them"
            raise Rejected("HF3162", f"cannot renew {id}: it has no issuer", hint=hint)
        hint = "it is done as soon as one may be asked; `holdfast certificate list` shows when"
        raise Unavailable("HF3163", f"cannot renew {id} now: its issuers want to be left alone for a while", hint=hint)

    async def dry_run(self, id: ResourceId) -> Rehearsal:
        """Try everything but the signing, at the first of its issuers that speaks ACME; of an adopted one at those of a take-over."""
        self._known(id, "rehearse")
        course = self._course(id)
        own = self._certificates.candidates(id, course)
        later = self._certificates.candidates(id, replace(course, is_taken_over=True))
        refusal: EngineError = Rejected("HF3162", f"cannot rehearse {id}: it has no issuer")
        for issuer in dict.fromkeys((*own, *later)):
            try:
                return await self._certificates.rehearse(id, issuer)
            except Rejected as error:
                refusal = error
                if error.code != "HF3157":
                    break
        raise refusal

    async def revoke(self, id: ResourceId, reason: str = USUAL, person: str | None = None) -> Held:
        """Replace a certificate, then revoke the old one, so that nothing revoked is ever served; return what was revoked.

        A key that is known to others is revoked at once, whether there is a new certificate or not; where there is none, that is raised
        afterwards.
        """
        held = self._known(id, "revoke")
        if reason not in REASONS:
            raise Rejected("HF3164", f"cannot revoke {id} for {reason!r}: nobody knows that reason", hint=f"one of {', '.join(REASONS)}")
        if held.leaf is None or held.source is not Source.ISSUED or held.issuer == life.SELF_SIGNED:
            raise Rejected("HF3157", f"cannot revoke the certificate of {id}: no issuer gave it")
        self._certificates.revokes(id, held.issuer)
        refusal: EngineError | None = None
        try:
            await self.force(id, person)
        except EngineError as error:
            if reason != COMPROMISED:
                raise
            refusal = error
        now_held = self._certificates.held().get(id)
        if refusal is None and now_held is not None and now_held.version == held.version:
            raise Unavailable("HF3163", f"cannot revoke the certificate of {id}: it is still the newest", hint="ask again")
        await self._certificates.revoke(id, held.version, held.issuer, REASONS[reason])
        await self._journal.emit(events.revoked(id, held, held.leaf, held.issuer, reason, at=self._clock.now(), by=person))
        if refusal is not None:
            said = f"cannot replace the certificate of {id}, which is revoked now: {refusal.message}"
            raise type(refusal)(refusal.code, said, hint="it is asked for again and again; until then browsers may refuse what is served")
        return held

    async def take_over(self, id: ResourceId, person: str | None = None) -> Obtained | Failed | None:
        """Renew from now on what was adopted from certbot, and return what came of the first try; None where no issuer may be asked yet.

        What certbot gave is served until then; its folder stays as it is, so that a person must have certbot forget it.
        """
        held = self._known(id, "take over")
        if held.source is not Source.ADOPTED:
            raise Rejected("HF3165", f"cannot take over {id}: it is ours already")
        course = replace(self._course(id), is_taken_over=True)
        if not self._certificates.candidates(id, course):
            hint = "declare an issuer beside that of certbot"
            raise Rejected("HF3162", f"cannot take over {id}: no other issuer can give it", hint=hint)
        async with self._turns[id]:
            await self._set(id, course)
            await self._journal.emit(events.taken_over(id, held, at=self._clock.now(), by=person))
            outcome = await self._turn(id, person)
        self._wake(id)
        return outcome

    def _known(self, id: ResourceId, verb: str) -> Held:
        if (held := self._certificates.held().get(id)) is None:
            raise Rejected("HF3158", f"cannot {verb} {id}: no such Certificate was applied", hint="`holdfast certificate list`")
        return held
