"""Adoption: at the start of a daemon, and when a keeper was lost, what is remembered is compared with what the keeper knows.

Nothing is restarted that runs, and nothing is started twice: the newest attempt of an instance is the highest number that the keeper knows
under its base, or that the record names. A keeper that does not know it is told whom to adopt, by pid, start time and boot id; after a
reboot, or where the process is gone, that gives an exit that nobody saw, which the supervisor answers as any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from holdfast.engines.process import sockets, telling
from holdfast.engines.process.instance import Attempt, Instance
from holdfast.engines.process.roster import Roster
from holdfast.engines.process.scribe import Scribe
from holdfast.engines.process.supervision import Supervision
from holdfast.errors import EngineError
from holdfast.host.keeper_client import KeeperClient
from holdfast.host.keeper_state import Adopt, AdoptedSocket, Child, HeldSocket, KeeperState, LogLimits
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.model.event import Severity
from holdfast.workload.supervisor import Adopted, Cause, Emit, Ending, Phase, Start


class Adoption:
    """Works on a client that nobody else uses yet."""

    def __init__(self, *, roster: Roster, supervision: Supervision, scribe: Scribe, clock: Clock) -> None:
        self._roster = roster
        self._supervision = supervision
        self._scribe = scribe
        self._clock = clock

    async def begin(self, client: KeeperClient, state: KeeperState) -> None:
        """Find again what earlier daemons started. What the keeper has and no record tells of is ended: it would run twice."""
        self._supervision.held |= {held.key: held for held in state.sockets}
        found = self._by_instance(state.children)
        for instance in self._roster.instances():
            await self._find(client, instance, found.get(instance.base, {}))
        for child in state.children:
            if self._roster.named(child.spawn_id) is None:
                await self._end_stranger(client, child)
        await self._release_strangers(client, state)

    async def _release_strangers(self, client: KeeperClient, state: KeeperState) -> None:
        """Let go of the sockets of what nobody knows."""
        starts = tuple({sockets.prefix(unit.declared) for unit in self._roster})
        for held in state.sockets:
            if not held.key.startswith(starts):
                await client.release(held.key)
                self._supervision.held.pop(held.key, None)

    async def again(self, client: KeeperClient, state: KeeperState) -> None:
        """Compare with a keeper that was found again, or with the successor of one that died: what it does not know it is told.

        What is running here has its newest attempt there, or is being asked for under the same spawn id; all else is over.
        """
        before, self._supervision.held = self._supervision.held, {held.key: held for held in state.sockets}
        await self._reserve(client, before)
        known = {child.spawn_id: child for child in state.children}
        for instance in self._roster.instances():
            if not instance.machine.is_running or instance.last is None:
                continue
            child = known.get(instance.spawn_id) or await self._adopt(client, instance, instance.last)
            self._meet(instance, child)
            if child.exit is not None:
                self._supervision.exited(instance.spawn_id, child.exit)
        for child in state.children:
            if not self._is_of_account(child):
                await self._leave(client, child)
        await self._release_strangers(client, state)
        self._supervision.tidy_sockets()

    async def _reserve(self, client: KeeperClient, before: Mapping[str, HeldSocket]) -> None:
        """Have a keeper that is new keep the ports that refused, where nobody took them: who was told of them need not be told again."""
        for key, held in before.items():
            if held.resting and key not in self._supervision.held and held.host is not None and held.port is not None:
                with suppress(EngineError):
                    self._supervision.held[key] = await client.reserve_tcp(key, held.host, held.port)

    def _is_of_account(self, child: Child) -> bool:
        """Say whether a child is the newest attempt of an instance that runs, or is being started."""
        named = self._roster.named(child.spawn_id)
        if named is None:
            return False
        machine = named[0].machine
        return named[1] >= machine.attempt and (machine.is_running or machine.phase in (Phase.STARTING, Phase.ABORTING))

    async def _leave(self, client: KeeperClient, child: Child) -> None:
        if child.alive:
            await client.kill(child.spawn_id)
        else:
            self._scribe.forget(child.spawn_id)  # after its exit, if that is yet to be written

    def _by_instance(self, children: Iterable[Child]) -> Mapping[str, dict[int, Child]]:
        found: dict[str, dict[int, Child]] = {}
        for child in children:
            if named := self._roster.named(child.spawn_id):
                found.setdefault(named[0].base, {})[named[1]] = child
        return found

    async def _find(self, client: KeeperClient, instance: Instance, children: Mapping[int, Child]) -> None:
        last = instance.last
        await self._stand(instance)
        newest = max([*children, last.number if last else 0])
        is_written = last is not None and last.number == newest
        for number, child in children.items():
            if number < newest:
                await self._outlived(client, instance, number, child, is_told=is_written)
        known = children.get(newest)
        if last is not None and is_written and (last.ended or last.exited):
            if known is not None:
                await self._end_stranger(client, known)
            self._go_on(instance, last)
            return
        if known is None and last is not None:
            known = await self._adopt(client, instance, last)
        restarts = last.restarts if last else 0
        if known is not None and known.pid is not None:
            self._meet(instance, known)
            self._take_over(instance, newest, known, restarts)
        else:
            self._begin_anew(instance, newest, restarts)

    async def _outlived(self, client: KeeperClient, instance: Instance, number: int, child: Child, *, is_told: bool) -> None:
        """Tell the exit of an attempt whose successor was started; events are written before records, so a record says that it was told."""
        unit, how = self._roster.get(instance.id), child.exit
        if how is not None and unit is not None and not is_told:
            if instance.last is None or number > instance.last.number:
                self._say_started(instance, child)
            seconds = how.at - child.started_at
            data: dict[str, Json] = {"exit_code": how.code, "signal": how.signal, "seconds": seconds, "expected": False, "candidate": False}
            said = Emit("process.exited", Severity.WARNING, data)
            self._scribe.tell(lambda: telling.event(unit, instance, said, at=how.at, pid=child.pid, spawn_id=child.spawn_id))
            self._scribe.forget(child.spawn_id)
        else:
            await self._end_stranger(client, child)

    def _say_started(self, instance: Instance, child: Child) -> None:
        """Tell a start that no record tells of: the daemon that asked for it did not come to write it down."""
        unit, said = self._roster.get(instance.id), Emit("process.started", data={"candidate": instance.machine.is_candidate})
        if unit is not None:
            made = partial(telling.event, unit, instance, said, at=child.started_at, pid=child.pid, spawn_id=child.spawn_id)
            self._scribe.tell(made)

    def _go_on(self, instance: Instance, last: Attempt) -> None:
        """Its exit was told: it was left so, or waits for its next start."""
        if not last.ended:
            self._begin_anew(instance, last.number, last.restarts)
            return
        cause = Cause.CLEAN if last.ended == Phase.COMPLETED else Cause.UNKNOWN
        ending = Ending(cause=cause, message=last.message)
        instance.machine = replace(instance.machine, phase=Phase(last.ended), attempt=last.number, restarts=last.restarts, ending=ending)

    def _begin_anew(self, instance: Instance, attempt: int, restarts: int) -> None:
        instance.machine = replace(instance.machine, attempt=attempt, restarts=restarts)
        unit = self._roster.get(instance.id)
        if unit is not None and unit.serving is instance:  # a candidate is for the next operation to start, what leaves for nobody
            self._supervision.feed(instance, Start())

    async def _stand(self, instance: Instance) -> None:
        """Find an instance's ground and sockets; where that fails its next start says so."""
        unit = self._roster.get(instance.id)
        ground = await self._supervision.ground_or_none(instance)
        if unit is None or ground is None:
            return
        held = self._supervision.held
        wanted = sockets.wanted(instance, unit.declared, ground.data_dir)
        instance.sockets = {one.name: held[one.key] for one in wanted if one.key in held}

    def _take_over(self, instance: Instance, attempt: int, child: Child, restarts: int) -> None:
        last = instance.last if instance.last is not None and instance.last.number == attempt else None
        is_ready = child.ready or (last is not None and last.ready)
        if last is None:
            before = instance.last
            instance.last = Attempt(
                number=attempt,
                pid=child.pid or 0,
                start_time=child.start_time or 0,
                boot_id=child.boot_id,
                started_at=child.started_at,
                restarts=restarts,
                ready=is_ready,
                notify_path=child.notify_path,
                cgroup=before.cgroup if before else None,
                sockets=before.sockets if before else [],
            )
            self._say_started(instance, child)
            self._scribe.mark(instance.id)
        up_s = max(0.0, self._clock.now() - child.started_at)
        self._supervision.feed(instance, Adopted(attempt, child.pid or 0, up_s, is_ready, restarts))
        if child.exit is not None:
            self._expect(instance)
            self._supervision.exited(child.spawn_id, child.exit)

    def _expect(self, instance: Instance) -> None:
        """What was on its way out was asked to end: its exit is no accident."""
        unit = self._roster.get(instance.id)
        if unit is not None and instance in unit.leaving:
            self._supervision.end(instance)

    async def _adopt(self, client: KeeperClient, instance: Instance, last: Attempt) -> Child:
        ground = await self._supervision.ground_or_none(instance)
        limits = instance.run.spec.logs
        adopted = await client.adopt(
            Adopt(
                spawn_id=f"{instance.base}/{last.number}",
                pid=last.pid,
                start_time=last.start_time,
                boot_id=last.boot_id,
                started_at=last.started_at,
                sockets=[AdoptedSocket(held=_held(use), name=use["name"], fd=use["fd"]) for use in last.sockets],
                cgroup_procs=last.cgroup,
                stdout=str(ground.log) if ground else None,
                logs=LogLimits(max_bytes=limits.max_size, max_files=limits.max_files),
                notify_path=last.notify_path,
                ready=last.ready,
                meta={"id": str(instance.id), "slot": instance.slot},
            )
        )
        by_key = {use["key"]: _held(use) for use in last.sockets}
        self._supervision.held |= {key: by_key[key] for key in adopted.sockets_taken if key in by_key}
        return adopted.child

    def _meet(self, instance: Instance, child: Child) -> None:
        """See which sockets an instance serves: those that are held, and what only it still has."""
        held = self._supervision.held
        addresses = {use["key"]: _held(use) for use in instance.last.sockets} if instance.last is not None else {}
        instance.sockets |= {use.name: (held.get(use.key) or addresses[use.key]) for use in child.sockets if use.key in held | addresses}
        if child.alive and child.adopted:
            self._say_lost(instance, tuple(sorted(use.name for use in child.sockets if use.key not in held)), child.pid or 0)

    def _say_lost(self, instance: Instance, lost: tuple[str, ...], pid: int) -> None:
        """Say where the kernel does not let the keeper have a socket again: it goes with the process that still has it."""
        before, instance.lost = instance.lost, lost
        unit = self._roster.get(instance.id)
        if lost in ((), before) or unit is None:
            return
        at = self._clock.now()
        data: dict[str, Json] = {"pid": pid, "slot": instance.slot, "sockets": list(lost)}
        self._scribe.tell(lambda: telling.made("process.sockets_lost", unit, at, data, severity=Severity.WARNING))

    async def _end_stranger(self, client: KeeperClient, child: Child) -> None:
        if child.alive:
            await client.kill(child.spawn_id)  # its exit is told by an event, which forgets it
        else:
            await client.forget(child.spawn_id)


def _held(use: Mapping[str, object]) -> HeldSocket:
    port = use["port"]
    return HeldSocket(
        key=str(use["key"]),
        kind=str(use["kind"]),
        host=str(use["host"]) if use["host"] is not None else None,
        port=port if isinstance(port, int) else None,
        path=str(use["path"]) if use["path"] is not None else None,
    )
