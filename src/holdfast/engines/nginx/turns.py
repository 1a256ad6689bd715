"""Turns: one configuration after another is brought to serve, or everything is as it was.

    fold → prepare → lay → test → switch → reload → the new workers answer → the hosts are seen from outside → remembered
                                     └────────────────┴──────────────── fails: back to the one before

A test that passes says little: the master may refuse the same text (a zone that changed its key, a port that somebody holds), and says so
only in its log. So a reload counts when the workers answer with the generation on the private socket and the old ones have stopped to
accept. Whoever is to blame fails alone: nginx names a line, and the fold knows whose it is; where nobody is named, changes go one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.part import Part
from holdfast.engines.nginx import error_log, telling
from holdfast.engines.nginx.folding import Folding, Wanted, blamed
from holdfast.engines.nginx.port import Master, Nginx
from holdfast.engines.nginx.proving import Look, Proving, looks
from holdfast.engines.nginx.roster import EDGE, Changes, Roster
from holdfast.errors import DeclarationError, EngineError, Rejected, Retry, TimedOut, Unavailable, Where
from holdfast.host.wire import Visit
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Emit
from holdfast.model.resource import Resource

KEPT = 5
"""Generations on disk."""
REFUSED = "HF3183"
LOOK_S, LOOK_SHARE = 0.01, 0.03
"""Between two looks whether new workers answer: that much, or that share of the time that was waited already."""
TAKE_OVER_LIMIT_S = 20.0
"""How long new workers may take; ten thousand hosts take about five seconds."""
MOST_DRAINING = 4
"""Generations of workers that may still finish what they had begun; a further reload waits for the oldest."""


class _Blamed(Exception):
    """nginx named lines of these parts."""

    def __init__(self, errors: Mapping[ResourceId, DeclarationError], lines: tuple[str, ...]) -> None:
        super().__init__()
        self.errors = errors
        self.lines = lines


class Turns:
    """For one caller at a time. `serving`: the generation that was last seen to serve, and the workers that do."""

    def __init__(self, *, nginx: Nginx, folding: Folding, proving: Proving, roster: Roster, emit: Emit, clock: Clock) -> None:
        self._nginx = nginx
        self._folding = folding
        self._proving = proving
        self._roster = roster
        self._emit = emit
        self._clock = clock
        self._reloaded_at = float("-inf")
        self.reloads = 0
        """How often new workers have taken over."""
        self.serving: str | None = None
        self.workers: frozenset[tuple[int, int]] = frozenset()
        self.wanted: Wanted | None = None
        """What serves, with everything that it was made of."""

    async def adopt(self) -> None:
        """Take what an earlier daemon left as it is, where it serves just what should be served."""
        wanted = await self._folding.fold(self._roster.resources, good=self._roster.good, refused={}, spare=self._roster.spare)
        master = self._nginx.master()
        digest = wanted.folded.generation
        if master is not None and self._nginx.current() == digest and await self._nginx.answer() == digest:
            await self._nginx.prepare(wanted.ground)
            await self._nginx.lay(wanted.generation)
            self._stands(wanted, master)

    def _stands(self, wanted: Wanted, master: Master) -> None:
        self.serving, self.workers, self.wanted = wanted.folded.generation, master.accepting, wanted

    def ended(self) -> None:
        """Say that nginx ended: the next turn starts it."""
        self.serving, self.workers = None, frozenset()

    async def reground(self) -> None:
        """Put in place what lies beside the configuration that serves, where something of that changed: nothing is read anew for it."""
        if self.wanted is not None:
            wanted = replace(self.wanted, ground=self._folding.ground(self.wanted.folded))
            await self._nginx.prepare(wanted.ground)
            self.wanted = wanted

    # A turn

    @property
    def wait_s(self) -> float:
        """How long until the next reload's turn: what is asked for until then goes in one."""
        edge = self.wanted.world.edge if self.wanted is not None else EdgeSpec()
        return max(0.0, self._reloaded_at + edge.reload_window - self._clock.monotonic())

    async def bring(self, changes: Changes, *, is_forced: bool = False) -> Mapping[ResourceId, EngineError]:
        """Bring changes to serve; return what failed, by id: the rest serves. `is_forced`: read everything again, whatever is there.

        Raises EngineError where nothing changed and what should serve cannot be brought back.
        """
        if not self._roster.with_changes(changes):
            await self._end()
            await self._roster.settle(changes, {}, frozenset())
            return {}
        going, errors = dict(changes), dict[ResourceId, EngineError]()
        refused: dict[ResourceId, DeclarationError] = {}
        while going or not changes:
            try:
                wanted = await self._fold(going, refused)
            except DeclarationError as error:
                if not (edges := [id for id in going if id.kind == EDGE]):
                    return {**errors, **self._all(going, rejected(error))}
                errors |= {id: rejected(error) for id in edges}
                going = {id: change for id, change in going.items() if id not in errors}
                continue
            except EngineError as error:
                return {**errors, **self._all(going, error)}
            failed = {id: rejected(*wanted.folded.failed[id].errors) for id in going if id in wanted.folded.failed}
            errors |= failed
            going = {id: change for id, change in going.items() if id not in failed}
            if failed and not going:
                break
            try:
                await self._serve(wanted, going, is_forced=is_forced)
            except _Blamed as blame:
                if guilty := {id: error for id, error in blame.errors.items() if id in going}:
                    refused |= guilty
                    continue
                return {**errors, **self._all(going, self._all_blamed(blame))}
            except EngineError as error:
                if error.retry is Retry.BACKOFF or len(going) < 2:
                    return {**errors, **self._all(going, error)}
                return {**errors, **await self._one_by_one(going)}
            break
        return errors

    async def _fold(self, going: Changes, refused: Mapping[ResourceId, DeclarationError]) -> Wanted:
        """Return the configuration with these changes. That other slots are served than when nginx last read is no reason to read again,
        but where it must read anyway it is told."""
        folding, resources, good = self._folding, self._roster.with_changes(going), self._roster.good
        wanted = await folding.fold(resources, good=good, refused=refused, spare=self._roster.spare)
        world = wanted.world
        held = frozenset(address for held in world.slots.values() for address in held)
        if wanted.folded.generation == self.serving or world.spare == world.resting & held:
            return wanted
        return await folding.fold(resources, good=good, refused=refused)

    def _all(self, going: Changes, error: EngineError) -> Mapping[ResourceId, EngineError]:
        if not going:
            raise error
        return dict.fromkeys(going, error)

    def _all_blamed(self, blame: _Blamed) -> Rejected:
        """Return the error of a change that fails for what another Site says: that one serves, so it is not taken away."""
        error = next(iter(blame.errors.values()))
        return Rejected(error.code, error.message, where=error.where, hint=error.hint, log=blame.lines)

    async def _one_by_one(self, going: Changes) -> Mapping[ResourceId, EngineError]:
        errors: dict[ResourceId, EngineError] = {}
        for id, change in sorted(going.items()):
            errors |= await self.bring({id: change})
        return errors

    # One configuration

    async def _serve(self, wanted: Wanted, going: Changes, *, is_forced: bool) -> None:
        """Bring one configuration to serve, and remember it. Raises _Blamed or EngineError, with the one before serving."""
        try:
            await self._brought(wanted, going, is_forced=is_forced)
        except (_Blamed, EngineError):
            if self.wanted is not None:
                await self._nginx.prepare(self.wanted.ground)
            raise

    async def _brought(self, wanted: Wanted, going: Changes, *, is_forced: bool) -> None:
        nginx, digest = self._nginx, wanted.folded.generation
        await nginx.prepare(wanted.ground)
        if not is_forced and digest == self.serving and nginx.master() is not None:
            if nginx.edits():  # what the workers hold is ours: only the files are not
                await nginx.lay(wanted.generation)
                await nginx.switch(digest)
            await self._settle(wanted, going)
            return
        parts = self._touched(wanted, is_forced=is_forced)
        before = await self._before(parts)
        is_partial = await self._tested(wanted, is_forced=is_forced)
        was, linked, started_at, is_start = self.wanted, nginx.linked(), self._clock.monotonic(), nginx.master() is None
        try:
            await nginx.switch(digest)
            self._stands(wanted, await self._taken_over(digest))
            await self._proving.prove(self._looks(parts, wanted), before)
        except EngineError as error:
            if linked != digest:
                await self._back(linked, was, is_refused=error.code == REFUSED)
            await self._emit(telling.refused(at=self._clock.now(), generation=digest, parts=parts, error=error, serving=self.serving))
            if is_partial and error.code == REFUSED:
                await self._take(wanted, None)  # a test of the whole names whose it is, where a test can
            raise
        await self._settle(wanted, going)
        master = nginx.master()
        event = telling.reloaded(
            at=self._clock.now(),
            generation=digest,
            parts=parts,
            seconds=self._clock.monotonic() - started_at,
            draining=len(master.draining) if master is not None else 0,
            is_start=is_start,
        )
        await self._emit(event)
        await nginx.keep(KEPT)

    def _touched(self, wanted: Wanted, *, is_forced: bool) -> tuple[Part, ...]:
        """Return the parts that are served otherwise than before."""
        if is_forced or self.wanted is None or self.wanted.world.edge != wanted.world.edge:
            return tuple(wanted.folded.served.values())
        return wanted.changed_since(self._roster.good)

    def _looks(self, parts: Iterable[Part], wanted: Wanted) -> tuple[Look, ...]:
        return looks(parts, wanted.world, self._nginx, with_redirects=True)

    async def _before(self, parts: Iterable[Part]) -> Mapping[Visit, int]:
        """Return how the hosts that are about to change answer now."""
        if self.wanted is None or self._nginx.master() is None:
            return {}
        served = {host for part in self._roster.good.values() for host in part.spec.hosts}
        known = [part for part in parts if not served.isdisjoint(part.spec.hosts)]
        return await self._proving.statuses(looks(known, self.wanted.world, self._nginx, with_redirects=False))

    async def _tested(self, wanted: Wanted, *, is_forced: bool) -> bool:
        """Lay the generation and have nginx test it; return whether only what differs from what serves was tested.

        Half of what a change of one host in a thousand takes would be the test of the others, whose keys nginx reads anew each time. What
        serves was taken, and the master reads everything once more before anything is served otherwise.
        """
        await self._nginx.lay(wanted.generation)
        known = None if is_forced or self.serving is None or self.wanted is None else self.wanted
        if known is not None and known.world.edge == wanted.world.edge and known.world.capability == wanted.world.capability:
            with suppress(_Blamed, Rejected):
                await self._take(wanted, wanted.folded.without(known.folded))
                return True
        await self._take(wanted, None)
        return False

    async def _take(self, wanted: Wanted, text: str | None) -> None:
        """Have nginx test a generation. Raises _Blamed where it names lines of a Site, Rejected where not."""
        lines = await self._nginx.test(wanted.folded.generation, text)
        if not lines:
            return
        reason = error_log.reason(lines)
        self._blame(wanted, lines, reason)
        raise Rejected(
            "HF3181",
            f"cannot serve this configuration: nginx says: {reason}",
            where=_where(lines),
            hint="the one before serves on; nothing was changed",
            log=lines,
        )

    def _blame(self, wanted: Wanted, lines: tuple[str, ...], reason: str) -> None:
        """Raise _Blamed where what nginx names is some Site's."""
        named = error_log.place(lines)
        found = wanted.owners(named[1] if named is not None else None, reason)
        if found:
            raise _Blamed({part.id: blamed(part, "HF3181", f"nginx says: {reason}") for part in found}, lines)

    # The reload

    async def _taken_over(self, digest: str) -> Master:
        """Have the master read the configuration; return it once only new workers accept. Raises with what the log says."""
        nginx = self._nginx
        nginx.said()
        old = await self._told()
        lines: list[str] = []
        began_at = self._clock.monotonic()
        deadline = began_at + TAKE_OVER_LIMIT_S
        while True:
            lines += error_log.fatal(nginx.said())
            master = nginx.master()
            if error_log.is_refusal(lines) or master is None:
                raise _not_taken(tuple(lines), is_dead=master is None)
            if master.accepting and master.accepting.isdisjoint(old) and await nginx.answer() == digest:
                self.reloads += 1
                return master
            if self._clock.monotonic() >= deadline:
                raise TimedOut(
                    "HF3184",
                    f"cannot serve this configuration: no new workers answer after {TAKE_OVER_LIMIT_S:g} s",
                    hint="the one before serves again; look at the load of the host and at the error log of nginx",
                    log=lines,
                )
            await self._clock.sleep(max(LOOK_S, (self._clock.monotonic() - began_at) * LOOK_SHARE))

    async def _told(self) -> frozenset[tuple[int, int]]:
        """Start the master, or tell it to read again; return the workers that must not accept any more."""
        master = self._nginx.master()
        if master is None:
            await self._nginx.start()
            self._reloaded_at = self._clock.monotonic()
            return frozenset()
        await self._pace(master)
        master = self._nginx.master() or master
        self._reloaded_at = self._clock.monotonic()
        await self._nginx.reload()
        return master.accepting

    async def _pace(self, master: Master) -> None:
        """Wait for the next reload's turn, and while too many generations of workers drain: each holds its memory until it has finished."""
        edge = self.wanted.world.edge if self.wanted is not None else EdgeSpec()
        await self._clock.sleep(max(0.0, self._reloaded_at + edge.reload_window - self._clock.monotonic()))
        deadline = self._clock.monotonic() + edge.shutdown_timeout
        most = MOST_DRAINING * max(1, len(master.accepting))
        while (now := self._nginx.master()) is not None and len(now.draining) >= most and self._clock.monotonic() < deadline:
            await self._clock.sleep(LOOK_S * 10)

    # Back

    async def _back(self, digest: str | None, was: Wanted | None, *, is_refused: bool) -> None:
        """Return to the generation that was linked before; where there was none, to no nginx at all."""
        nginx = self._nginx
        if digest is None:
            await self._end()
            return
        await nginx.switch(digest)
        master = nginx.master()
        if is_refused and master is not None and await nginx.answer() == digest:
            return  # what it holds is still the old one; where it was only slow, it may yet come to the new one
        self.serving, self.wanted = None, None
        try:
            master = await self._taken_over(digest)
        except EngineError as error:
            parts = was.folded.served.values() if was is not None else ()
            await self._emit(telling.refused(at=self._clock.now(), generation=digest, parts=parts, error=error, serving=None))
            return
        if was is not None:
            self._stands(was, master)

    async def _end(self) -> None:
        await self._nginx.stop()
        await self._nginx.switch(None)
        self.serving, self.workers, self.wanted = None, frozenset(), None

    async def _settle(self, wanted: Wanted, going: Mapping[ResourceId, Resource | None]) -> None:
        if self.serving is not None:
            self.wanted = wanted
        await self._roster.settle(going, wanted.folded.served, wanted.world.spare)


def _not_taken(lines: tuple[str, ...], *, is_dead: bool) -> EngineError:
    reason = error_log.reason(lines)
    if is_dead:
        hint = "it is tried again; mend what it says"
        return Unavailable("HF3185", f"cannot start nginx: {reason}", where=_where(lines), hint=hint, log=lines)
    return Rejected(
        REFUSED,
        f"cannot serve this configuration: its test passed, but the master refused it: {reason}",
        where=_where(lines),
        hint="the one before serves on; mend what it says, or free what it names",
        log=lines,
    )


def rejected(*errors: DeclarationError) -> Rejected:
    """Return what Git says wrong as the engine's answer: not to be tried again for this digest."""
    first = errors[0]
    return Rejected(first.code, first.message, where=first.where, hint=first.hint, errors=errors[1:])


def _where(lines: Iterable[str]) -> tuple[Where, ...]:
    named = error_log.place(lines)
    return (Where(path=named[0], line=named[1]),) if named is not None else ()
